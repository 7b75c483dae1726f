"""The two assets through which the DAGs follow each other; not a DAG itself."""

from airflow.sdk import Asset

# Partition key: the day ("2026-04-01") whose records are now in the core tables.
CORE = Asset(name="deskledger_core", uri="deskledger://core")

# Partition key: the contract and period ("alder|2026-03") whose month may be closed.
DUE = Asset(name="deskledger_due", uri="deskledger://due")
