"""The ledger's tables as SQLAlchemy sees them: names to insert into, with what is JSON marked as such."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from deskledger.ledger.canonical import plain

_JSON = {
    "credit_note": ("books",),
    "draft": ("parties", "preparers", "terms", "assessment", "charges", "control", "csat"),
    "draft_level": ("months",),
    "draft_line": ("detail",),
    "draft_adjustment": ("causes",),
    "posting": ("preparers", "terms", "assessment", "charges", "control", "csat"),
}


def insert(connection: sa.Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows` (all with the same keys) into ledger.`name`."""
    if not rows:
        return
    json_columns = _JSON.get(name, ())
    columns = [sa.column(each, JSONB(none_as_null=True) if each in json_columns else None) for each in rows[0]]
    table = sa.table(name, *columns, schema="ledger")
    prepared = [{key: plain(value) if key in json_columns else value for key, value in row.items()} for row in rows]
    connection.execute(sa.insert(table), prepared)


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
