"""How rows get into the warehouse's tables: staged block by block, written all at once, distinct ones only.

Rows of a partition that does not exist yet are staged in what becomes the partition; all others in a temporary table,
which a MERGE takes the distinct ones from. What is staged nobody else sees, waits for, or has to clean up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from psycopg2 import sql
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.warehouse import partitions
from deskledger.warehouse.distinct import merge_distinct, names_of
from deskledger.warehouse.relation import MergeCounts, Relation
from deskledger.warehouse.transfer import Copy, copy_meanwhile, driver_cursor

_WORK_MEMORY = "128MB"  # the join of a million staged rows stays out of temporary files
_ANALYSE_FROM_ROWS = 1_000  # below, the planner's guess for a new table is good enough


@dataclass
class _Staged:
    """Rows that wait in a table: `aside` is its name where it can become the month's partition."""

    name: str  # as COPY takes it
    identifier: sql.Identifier
    aside: str | None = None
    rows: int = 0


def write(
    connection: Connection, relation: Relation, frame: pd.DataFrame, replaced: pd.Series | None = None
) -> MergeCounts:
    """Write a frame of the relation's table in one go (`Writing.stage`, then `finish`)."""
    writing = Writing(connection, relation)
    writing.stage(frame, replaced)
    return writing.finish()


class Writing:
    """Rows of one relation, staged in the caller's transaction in blocks of distinct tickets, then written.

    One at a time for a relation. What is staged and not finished must be rolled back.
    """

    def __init__(self, connection: Connection, relation: Relation) -> None:
        self._connection, self._relation = connection, relation
        self._months: dict[int, _Staged] = {}
        self._blocks: list[_Staged] = []  # of a relation without partitions
        self._replaced: _Staged | None = None
        self._replaced_months: set[int] = set()

    def stage(self, frame: pd.DataFrame, replaced: pd.Series | None = None) -> None:
        """Take a block's rows; they travel while the caller goes on, so the frame must not change any more.

        `replaced` is the created month by key of tickets whose stored rows are to be deleted where no block has them.
        The frame's months are the stored ones. Raises WarehouseError for two rows of one key, here or in `finish`.
        """
        copies: list[Copy] = []
        with driver_cursor(self._connection, self._relation.name) as cursor:
            if len(frame):
                copies += self._by_month(cursor, frame) if self._relation.is_partitioned else self._block(cursor, frame)
            if replaced is not None and len(replaced):
                copies.append(self._replace(cursor, replaced))
        copy_meanwhile(self._connection, copies)

    def finish(self) -> MergeCounts:
        """Write what is staged. The caller holds a lock that keeps other writers of these rows out.

        Raises WarehouseError; then nothing is certain but that the caller must roll back.
        """
        counts = MergeCounts()
        with driver_cursor(self._connection, self._relation.name) as cursor:
            cursor.execute("select set_config('work_mem', %s, true)", (_WORK_MEMORY,))
            if self._replaced is not None:
                cursor.execute(sql.SQL("analyze {}").format(self._replaced.identifier))
            # In one order for all: two writers that hold what they wrote to must not wait for each other.
            for month in sorted({*self._months, *self._replaced_months}):
                counts += self._finish_month(cursor, month)
            # A key may be in several blocks, since blocks are of tickets: the last one stands.
            for block in self._blocks:
                counts += self._merge(cursor, None, block)
            if self._replaced is not None:
                _drop(cursor, self._replaced)
        self._months, self._blocks, self._replaced, self._replaced_months = {}, [], None, set()
        return counts

    def _finish_month(self, cursor: Any, month: int) -> MergeCounts:
        staged = self._months.get(month)
        if staged is None:
            if not partitions.exists(cursor, self._relation, month):
                return MergeCounts()
            staged = self._temporary_of(cursor, month)  # its replaced tickets have no row left
        if staged.aside is not None and partitions.attach(self._connection, self._relation, month, staged.aside):
            return MergeCounts(inserted=staged.rows)
        return self._merge(cursor, month, staged)

    def _merge(self, cursor: Any, month: int | None, staged: _Staged) -> MergeCounts:
        if staged.rows >= _ANALYSE_FROM_ROWS:
            cursor.execute(sql.SQL("analyze {}").format(staged.identifier))
        replaced = self._replaced.identifier if self._replaced else None
        counts = merge_distinct(cursor, self._relation, month, staged.identifier, staged.rows, replaced)
        _drop(cursor, staged)
        return counts

    def _by_month(self, cursor: Any, frame: pd.DataFrame) -> list[Copy]:
        months = frame["created_month"].to_numpy()
        # By month, then by ticket: a ticket's rows lie together on disk, and the key is built from sorted rows.
        order = np.lexsort((frame["ticket_key"].to_numpy(), months))
        distinct, firsts = np.unique(months[order], return_index=True)
        copies = []
        for month, rows in zip(distinct.tolist(), np.split(order, firsts[1:]), strict=True):
            if month not in self._months:
                self._months[month] = self._table_of(cursor, month)
            copies.append(self._copy(self._months[month], frame, rows))
        return copies

    def _block(self, cursor: Any, frame: pd.DataFrame) -> list[Copy]:
        name = f"staged_{self._relation.table.name}_{len(self._blocks)}"
        self._blocks.append(_temporary(cursor, self._relation, name, self._relation.table.names))
        return [self._copy(self._blocks[-1], frame, np.arange(len(frame)))]

    def _copy(self, staged: _Staged, frame: pd.DataFrame, rows: np.ndarray) -> Copy:
        key = list(self._relation.table.key)
        # The index of a new partition says it too; a MERGE would speak of rows that it cannot affect twice.
        if staged.aside is None and frame[key].take(rows).duplicated().any():
            raise WarehouseError(f"several rows have the same key ({', '.join(key)})", where=self._relation.name)
        staged.rows += len(rows)
        return Copy(staged.name, frame, rows)

    def _replace(self, cursor: Any, replaced: pd.Series) -> Copy:
        if self._replaced is None:
            name = f"replaced_{self._relation.table.name}"
            self._replaced = _temporary(cursor, self._relation, name, ["created_month", "ticket_key"])
        months = replaced.to_numpy()
        self._replaced_months |= set(np.unique(months).tolist())
        keys = pd.DataFrame({"created_month": months, "ticket_key": replaced.index.to_numpy()})
        return Copy(self._replaced.name, keys)

    def _table_of(self, cursor: Any, month: int) -> _Staged:
        relation = self._relation
        if partitions.exists(cursor, relation, month):
            return self._temporary_of(cursor, month)
        aside = partitions.build_aside(cursor, relation, month)
        return _Staged(f"{relation.schema}.{aside}", sql.Identifier(relation.schema, aside), aside)

    def _temporary_of(self, cursor: Any, month: int) -> _Staged:
        table = self._relation.table
        return _temporary(cursor, self._relation, f"staged_{table.name}_{month}", table.names)


def _drop(cursor: Any, staged: _Staged) -> None:
    cursor.execute(sql.SQL("drop table {}").format(staged.identifier))


def _temporary(cursor: Any, relation: Relation, name: str, columns: list[str]) -> _Staged:
    """An empty temporary table of some of the relation's columns."""
    identifier = sql.Identifier("pg_temp", name)
    create = "create temporary table {table} on commit drop as select {columns} from {parent} with no data"
    cursor.execute(sql.SQL(create).format(table=identifier, columns=names_of(columns), parent=relation.identifier()))
    return _Staged(f"pg_temp.{name}", identifier)
