"""Staged rows merged into a stored table: a row that is already there as it came is not touched."""

from typing import Any

from psycopg2 import sql

from deskledger.warehouse.relation import MergeCounts, Relation

_ANALYSE_SHARE = 10  # a tenth of the table changed


def merge_distinct(
    cursor: Any,
    relation: Relation,
    month: int | None,
    staged: sql.Identifier,
    rows: int,
    replaced: sql.Identifier | None = None,
) -> MergeCounts:
    """Write the distinct ones of the `rows` rows of the table `staged` into the relation, or its month's partition.

    The table `replaced` (created_month, ticket_key) names tickets whose stored rows go where `staged` lacks them.
    """
    target = relation.identifier(month)
    same_key = _pairs("stored.{0} = incoming.{0}", list(relation.table.key), " and ")
    deleted = 0
    if replaced is not None:
        cursor.execute(
            sql.SQL(
                "delete from {target} as stored using {replaced} as given where stored.ticket_key = given.ticket_key"
                " and given.created_month = {month} and {scope}"
                " and not exists (select from {staged} as incoming where {same_key})"
            ).format(
                target=target,
                replaced=replaced,
                month=sql.Literal(month),
                staged=staged,
                scope=_scope(relation),
                same_key=same_key,
            )
        )
        deleted = cursor.rowcount
    superseded = _superseded(cursor, relation, target, staged, same_key)
    inserted, updated = _merge(cursor, relation, target, staged, same_key)
    _analyse_grown(cursor, target, inserted + updated + deleted)
    return MergeCounts(inserted, updated, rows - inserted - updated - superseded, superseded, deleted)


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
            columns=names_of([*names, *stamps]),
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


def names_of(names: list[str]) -> sql.Composable:
    """Columns as a list."""
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _pairs(form: str, names: list[str], separator: str) -> sql.Composable:
    return sql.SQL(separator).join(sql.SQL(form).format(sql.Identifier(name)) for name in names)
