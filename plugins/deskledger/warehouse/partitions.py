"""A table's partitions, one a created month: found, built aside, keyed and attached."""

from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection

from deskledger.warehouse.locks import lock
from deskledger.warehouse.relation import Relation
from deskledger.warehouse.transfer import driver_cursor


def exists(cursor: Any, relation: Relation, month: int) -> bool:
    """Whether the relation has the month's partition, as far as committed and in this transaction."""
    # From the catalogue's rows: to_regclass may answer from a cache that is older than the wait for a lock.
    cursor.execute(
        "select exists (select from pg_class as t join pg_namespace as s on s.oid = t.relnamespace"
        " where s.nspname = %s and t.relname = %s)",
        (relation.schema, f"{relation.table.name}_{month}"),
    )
    return bool(cursor.fetchone()[0])


def build_aside(cursor: Any, relation: Relation, month: int) -> str:
    """Make an empty table of the relation's schema that can become the month's partition; its name.

    Nobody else sees it, and no two transactions take the same name. Before the commit it must be attached or dropped.
    """
    cursor.execute("select pg_backend_pid()")
    name = f"{relation.table.name}_{month}_by_{cursor.fetchone()[0]}"
    partition = sql.Identifier(relation.schema, name)
    # The check lets ATTACH believe instead of scanning; COPY is without FREEZE, so that a reader who began earlier
    # sees none of these rows rather than some of them.
    create = (
        "create table {partition} (like {parent} including defaults including constraints);"
        "alter table {partition} add constraint is_of_month check (created_month = {month})"
    )
    cursor.execute(sql.SQL(create).format(partition=partition, parent=relation.identifier(), month=sql.Literal(month)))
    for column, value in relation.stamps.items():
        _column_default(cursor, partition, column, value)
    return name


def attach(connection: Connection, relation: Relation, month: int, aside: str) -> bool:
    """Key the table `aside` and make it the month's partition; False where another writer has made that partition."""
    # Two writers of different rows may want the same new partition: the second one finds it after the wait.
    lock(connection, f"partitions {relation.schema}")
    with driver_cursor(connection, relation.name) as cursor:
        if exists(cursor, relation, month):
            return False
        _attach(cursor, relation, month, sql.Identifier(relation.schema, aside))
    return True


def _attach(cursor: Any, relation: Relation, month: int, aside: sql.Identifier) -> None:
    cursor.execute(
        sql.SQL("alter table {} rename to {}").format(aside, sql.Identifier(f"{relation.table.name}_{month}"))
    )
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
