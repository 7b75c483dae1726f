"""What is written where: a stored table, the rules of writing to it, and what became of the rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg2 import sql

from deskledger.model import Table


@dataclass(frozen=True)
class MergeCounts:
    """What became of the rows of one merge; `deleted` are stored rows that were taken away."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    deleted: int = 0

    def __add__(self, other: "MergeCounts") -> "MergeCounts":
        return MergeCounts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.superseded + other.superseded,
            self.deleted + other.deleted,
        )


@dataclass(frozen=True)
class Relation:
    """A stored table and the rules of writing to it.

    `stamps` are columns that every written row gets beside the frame's; they and `uncompared` do not make a row
    distinct. With `newest`, a row whose value there is older than the stored row's is superseded. `scope` limits which
    stored rows of a replaced ticket are ours to delete.
    """

    schema: str
    table: Table
    stamps: Mapping[str, Any] = field(default_factory=dict)
    uncompared: frozenset[str] = frozenset()
    newest: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table.name}"

    @property
    def is_partitioned(self) -> bool:
        return "created_month" in self.table.key

    def identifier(self, month: int | None = None) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table.name if month is None else f"{self.table.name}_{month}")
