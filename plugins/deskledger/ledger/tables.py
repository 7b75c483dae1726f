"""The ledger's tables as SQLAlchemy sees them: names to insert into, with what is JSON marked as such."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DatabaseError

from deskledger.errors import LedgerError
from deskledger.ledger.canonical import plain

_JSON = {
    "credit_note": ("books",),
    "draft": ("parties", "preparers", "terms", "assessment", "charges", "control", "csat"),
    "draft_level": ("months",),
    "draft_line": ("detail",),
    "draft_adjustment": ("causes",),
    "request": ("terms", "subjects", "service_levels"),
    "posting": ("preparers", "terms", "assessment", "charges", "control", "csat"),
}


# What the ledger's triggers raise, and what a check constraint does.
_REFUSED = "23001"
_UNCHECKED = "23514"


def insert(connection: sa.Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows` (all with the same keys) into ledger.`name`."""
    if not rows:
        return
    json_columns = _JSON.get(name, ())
    columns = [sa.column(each, JSONB(none_as_null=True) if each in json_columns else None) for each in rows[0]]
    table = sa.table(name, *columns, schema="ledger")
    prepared = [{key: plain(value) if key in json_columns else value for key, value in row.items()} for row in rows]
    connection.execute(sa.insert(table), prepared)


def insert_or_refuse(connection: sa.Connection, table: str, row: Mapping[str, Any], where: str, remedy: str) -> None:
    """Insert; what the table's own rules refuse is told in their words, and nothing was written."""
    try:
        with connection.begin_nested():
            insert(connection, table, [row])
    except DatabaseError as error:
        code = getattr(error.orig, "pgcode", None)
        if code not in {_REFUSED, _UNCHECKED}:
            raise
        told = str(error.orig).splitlines()[0] if code == _REFUSED else "something that it needs is missing"
        raise LedgerError(told, where=where, remedy=remedy) from None


def one(connection: sa.Connection, statement: str, **values: Any) -> dict[str, Any] | None:
    """The only row of a query, or None."""
    row = connection.execute(sa.text(statement), values).mappings().one_or_none()
    return None if row is None else dict(row)


def every(connection: sa.Connection, statement: str, **values: Any) -> list[dict[str, Any]]:
    """All rows of a query."""
    return [dict(row) for row in connection.execute(sa.text(statement), values).mappings()]


def lock(connection: sa.Connection, contract: str, period: str) -> None:
    """Hold the contract's month until the transaction ends: two at once make one draft, decision or posting."""
    key = f"ledger|{contract}|{period}"
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
