"""Files that have the canonical tables' own columns, CSV or Parquet: anybody's own export, without a mapping of words.

docs/desks/canonical.md names every file and column.
"""
