"""Locks that last to the end of the transaction, by name."""

from sqlalchemy import Connection

from deskledger.warehouse.transfer import driver_cursor


def lock(connection: Connection, name: str) -> None:
    """Wait for the lock `name` and hold it until the transaction ends."""
    with driver_cursor(connection, name) as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"deskledger {name}",))
