"""Any desk's export as CSV: one row a status change or audit update, described by mappings/<source>.yaml.

`mapping` says what the columns mean, `files` which files to ask for, `pages` how they are cut, `rows` what is wrong
with a row, `evidence`, `normalise` and `tables` how rows become canonical (docs/adr/0010-event-log-evidence.md).
"""
