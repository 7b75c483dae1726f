"""How rows are written into the warehouse's tables. The one module that knows partitions.

A partition that does not exist yet is built aside, keyed and attached; rows for one that exists are staged, and a
MERGE writes the distinct ones only: a row that is already there as it came is not touched, whatever it lands again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from psycopg2 import sql
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.model import Table
from deskledger.warehouse.transfer import copy_in, driver_cursor

_STAGED = "deskledger_staged"
_REPLACED = "deskledger_replaced"
_WORK_MEMORY = "128MB"  # the join of a million staged rows stays out of temporary files
_ANALYSE_FROM_ROWS = 1_000  # below, the planner's guess for a new table is good enough
_ANALYSE_SHARE = 10  # a tenth of the table changed


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


def lock(connection: Connection, name: str) -> None:
    """Wait for the lock `name` and hold it until the transaction ends."""
    with driver_cursor(connection, name) as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"deskledger {name}",))


def write(
    connection: Connection, relation: Relation, frame: pd.DataFrame, replaced: pd.Series | None = None
) -> MergeCounts:
    """Write a frame of the relation's table in one go (`Writing.add`, then `finish`)."""
    writing = Writing(connection, relation)
    counts = writing.add(frame, replaced)
    writing.finish()
    return counts


class Writing:
    """Rows of one relation written block by block in the caller's transaction, distinct tickets in each block.

    A month that is new takes the rows of every block as they come; it gets its key and is attached by `finish`, once.
    """

    def __init__(self, connection: Connection, relation: Relation) -> None:
        self._connection, self._relation = connection, relation
        self._new: list[int] = []

    def add(self, frame: pd.DataFrame, replaced: pd.Series | None = None) -> MergeCounts:
        """Write a block; stored rows of the `replaced` tickets that are not in it are deleted.

        `replaced` is the created month by ticket key. The frame's keys are distinct, its months are the stored ones,
        and the caller holds a lock that keeps other writers of these rows out. Raises WarehouseError; then nothing is
        certain but that the caller must roll back.
        """
        relation = self._relation
        with driver_cursor(self._connection, relation.name) as cursor:
            cursor.execute("select set_config('work_mem', %s, true)", (_WORK_MEMORY,))
            if relation.is_partitioned:
                return self._add_months(cursor, frame, replaced)
            return _merge_distinct(self._connection, cursor, relation, None, frame, np.arange(len(frame)))

    def finish(self) -> None:
        """Key and attach the new months. Without it they are not part of the table."""
        with driver_cursor(self._connection, self._relation.name) as cursor:
            for month in self._new:
                _attach(cursor, self._relation, month)
        self._new = []

    def _add_months(self, cursor: Any, frame: pd.DataFrame, replaced: pd.Series | None) -> MergeCounts:
        connection, relation = self._connection, self._relation
        months = frame["created_month"].to_numpy()
        # By month, then by ticket: a ticket's rows lie together on disk, and the key is built from sorted rows.
        order = np.lexsort((frame["ticket_key"].to_numpy(), months))
        sorted_months = months[order]
        replaced_months = np.empty(0, np.int64) if replaced is None else replaced.to_numpy()
        counts = MergeCounts()
        for month in np.union1d(sorted_months, replaced_months).tolist():
            first, last = np.searchsorted(sorted_months, [month, month + 1])
            rows = order[first:last]
            if month not in self._new and not _exists(connection, cursor, relation, month, is_wanted=len(rows) > 0):
                if not len(rows):
                    continue
                _create(cursor, relation, month)
                self._new.append(month)
            if month in self._new:
                copy_in(connection, f"{relation.name}_{month}", frame, rows)
                counts += MergeCounts(inserted=len(rows))
                continue
            vanishing = None if replaced is None else replaced.index[replaced_months == month].to_numpy()
            counts += _merge_distinct(connection, cursor, relation, month, frame, rows, vanishing)
        return counts


def _exists(connection: Connection, cursor: Any, relation: Relation, month: int, is_wanted: bool) -> bool:
    found = _find(cursor, relation, month)
    if not found and is_wanted:
        # Two writers of different rows may want the same new partition: the second one finds it after the wait.
        lock(connection, f"partitions {relation.schema}")
        found = _find(cursor, relation, month)
    return found


def _find(cursor: Any, relation: Relation, month: int) -> bool:
    # From the catalogue's rows: to_regclass may answer from a cache that is older than the wait for the lock.
    cursor.execute(
        "select exists (select from pg_class as t join pg_namespace as s on s.oid = t.relnamespace"
        " where s.nspname = %s and t.relname = %s)",
        (relation.schema, f"{relation.table.name}_{month}"),
    )
    return bool(cursor.fetchone()[0])


def _create(cursor: Any, relation: Relation, month: int) -> None:
    partition = relation.identifier(month)
    # The check lets ATTACH believe instead of scanning; COPY is without FREEZE, so that a reader who began earlier
    # sees none of these rows rather than some of them.
    create = (
        "create table {partition} (like {parent} including defaults including constraints);"
        "alter table {partition} add constraint is_of_month check (created_month = {month})"
    )
    cursor.execute(sql.SQL(create).format(partition=partition, parent=relation.identifier(), month=sql.Literal(month)))
    for column, value in relation.stamps.items():
        _column_default(cursor, partition, column, value)


def _attach(cursor: Any, relation: Relation, month: int) -> None:
    partition = relation.identifier(month)
    for column in relation.stamps:
        _column_default(cursor, partition, column, None)
    cursor.execute(
        "select pg_get_constraintdef(k.oid), pg_get_userbyid(t.relowner) from pg_constraint as k"
        " join pg_class as t on t.oid = k.conrelid where k.contype = 'p' and t.oid = to_regclass(%s)",
        (relation.name,),
    )
    key, owner = cursor.fetchone()
    attach = (
        "alter table {partition} add {key};"
        "alter table {parent} attach partition {partition} for values in ({month});"
        "alter table {partition} drop constraint is_of_month;"
        "alter table {partition} owner to {owner};"
        "analyze {partition}"
    )
    names = {"parent": relation.identifier(), "partition": partition, "month": sql.Literal(month)}
    cursor.execute(sql.SQL(attach).format(**names, key=sql.SQL(key), owner=sql.Identifier(owner)))


def _column_default(cursor: Any, partition: sql.Identifier, column: str, value: Any) -> None:
    action = sql.SQL("drop default") if value is None else sql.SQL("set default {}").format(sql.Literal(value))
    cursor.execute(sql.SQL("alter table {} alter column {} {}").format(partition, sql.Identifier(column), action))


def _stage(cursor: Any, relation: Relation) -> None:
    """Make the empty temporary tables that rows and replaced tickets go through."""
    cursor.execute(
        sql.SQL(
            "drop table if exists pg_temp.{staged}, pg_temp.{replaced};"
            "create temporary table {staged} on commit drop as select {columns} from {parent} with no data;"
            "create temporary table {replaced} (ticket_key bigint) on commit drop"
        ).format(
            staged=sql.Identifier(_STAGED),
            replaced=sql.Identifier(_REPLACED),
            columns=_list(relation.table.names),
            parent=relation.identifier(),
        )
    )


def _merge_distinct(
    connection: Connection,
    cursor: Any,
    relation: Relation,
    month: int | None,
    frame: pd.DataFrame,
    rows: np.ndarray,
    vanishing: np.ndarray | None = None,
) -> MergeCounts:
    key = list(relation.table.key)
    if frame[key].take(rows).duplicated().any():
        raise WarehouseError(f"several rows have the same key ({', '.join(key)})", where=relation.name)
    staged, replaced = sql.Identifier("pg_temp", _STAGED), sql.Identifier("pg_temp", _REPLACED)
    _stage(cursor, relation)
    copy_in(connection, _STAGED, frame, rows)
    if len(rows) >= _ANALYSE_FROM_ROWS:
        cursor.execute(sql.SQL("analyze {}").format(staged))
    target = relation.identifier(month)
    same_key = _pairs("stored.{0} = incoming.{0}", key, " and ")
    deleted = 0
    if vanishing is not None and len(vanishing):
        copy_in(connection, _REPLACED, pd.DataFrame({"ticket_key": vanishing}))
        cursor.execute(sql.SQL("analyze {}").format(replaced))
        cursor.execute(
            sql.SQL(
                "delete from {target} as stored using {replaced} as given where stored.ticket_key = given.ticket_key"
                " and {scope} and not exists (select from {staged} as incoming where {same_key})"
            ).format(target=target, replaced=replaced, staged=staged, scope=_scope(relation), same_key=same_key)
        )
        deleted = cursor.rowcount
    superseded = _superseded(cursor, relation, target, staged, same_key)
    inserted, updated = _merge(cursor, relation, target, staged, same_key)
    _analyse_grown(cursor, target, inserted + updated + deleted)
    return MergeCounts(inserted, updated, len(rows) - inserted - updated - superseded, superseded, deleted)


def _analyse_grown(cursor: Any, target: sql.Identifier, changed: int) -> None:
    """Refresh the statistics of a table that many small merges have outgrown: its next merge is planned by them."""
    cursor.execute(
        "select greatest(reltuples, 0) from pg_class where oid = to_regclass(%s)", (target.as_string(cursor),)
    )
    if changed and changed * _ANALYSE_SHARE >= cursor.fetchone()[0]:
        cursor.execute(sql.SQL("analyze {}").format(target))


def _superseded(
    cursor: Any, relation: Relation, target: sql.Identifier, staged: sql.Identifier, same_key: sql.Composable
) -> int:
    if relation.newest is None:
        return 0
    cursor.execute(
        sql.SQL(
            "select count(*) from {target} as stored join {staged} as incoming on {same_key}"
            " where incoming.{newest} < stored.{newest}"
        ).format(target=target, staged=staged, same_key=same_key, newest=sql.Identifier(relation.newest))
    )
    return int(cursor.fetchone()[0])


def _merge(
    cursor: Any, relation: Relation, target: sql.Identifier, staged: sql.Identifier, same_key: sql.Composable
) -> tuple[int, int]:
    names = relation.table.names
    values = [name for name in names if name not in relation.table.key]
    compared = [name for name in values if name not in relation.uncompared]
    stamps = list(relation.stamps)
    is_newer = sql.SQL("true")
    if relation.newest is not None:
        is_newer = sql.SQL("incoming.{0} >= stored.{0}").format(sql.Identifier(relation.newest))
    set_stamps = [
        sql.SQL("{} = {}").format(sql.Identifier(each), sql.Literal(relation.stamps[each])) for each in stamps
    ]
    cursor.execute(
        sql.SQL(
            "with merged as ("
            " merge into {target} as stored using {staged} as incoming on {same_key}"
            " when matched and {is_newer} and ({old}) is distinct from ({new}) then update set {changes}"
            " when not matched then insert ({columns}) values ({inserted})"
            " returning merge_action() as done)"
            " select count(*) filter (where done = 'INSERT'), count(*) filter (where done = 'UPDATE') from merged"
        ).format(
            target=target,
            staged=staged,
            same_key=same_key,
            is_newer=is_newer,
            old=_pairs("stored.{0}", compared, ", "),
            new=_pairs("incoming.{0}", compared, ", "),
            changes=sql.SQL(", ").join([_pairs("{0} = incoming.{0}", values, ", "), *set_stamps]),
            columns=_list([*names, *stamps]),
            inserted=sql.SQL(", ").join(
                [_pairs("incoming.{0}", names, ", "), *(sql.Literal(relation.stamps[each]) for each in stamps)]
            ),
        )
    )
    inserted, updated = cursor.fetchone()
    return int(inserted), int(updated)


def _scope(relation: Relation) -> sql.Composable:
    conditions = [
        sql.SQL("stored.{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in relation.scope.items()
    ]
    return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")


def _list(names: list[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _pairs(form: str, names: list[str], separator: str) -> sql.Composable:
    return sql.SQL(separator).join(sql.SQL(form).format(sql.Identifier(name)) for name in names)
