"""Canonical rows into core: what a load writes, replaces and leaves alone."""

from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.model import TICKET, TICKET_EVENT, Table, conform
from deskledger.warehouse.partitions import MergeCounts, Relation, lock, write
from deskledger.warehouse.transfer import read_frame, stage_keys


def merge(
    connection: Connection,
    table: Table,
    frame: pd.DataFrame,
    landed_at: datetime,
    replace_tickets: np.ndarray | None = None,
) -> MergeCounts:
    """Bring core's `table` to what `frame` says, inside the caller's transaction; loading twice changes nothing.

    A row that is stored as it comes is unchanged: it is not written and keeps its `landed_at`. A ticket older by
    `updated_at` than the stored one is superseded. Stored events of `replace_tickets` (int64 keys) that the frame does
    not hold are deleted; a ticket stays in the month it is stored in, whatever month it comes with. Other tables
    never lose rows. Loads wait for each other from their first merge to their commit.

    Raises WarehouseError for two rows of one key or a value that the database refuses; the caller rolls back.
    """
    if replace_tickets is not None and table is not TICKET_EVENT:
        raise WarehouseError("only the events of a ticket can be replaced", where=f"core.{table.name}")
    rows = conform(table, frame)
    relation = Relation(
        "core", table, stamps={"landed_at": landed_at}, newest="updated_at" if table is TICKET else None
    )
    # One lock for all of core: whichever tables two loads touch, and in whichever order, they cannot deadlock.
    lock(connection, "load core")
    if not relation.is_partitioned:
        return write(connection, relation, rows)
    keys = rows["ticket_key"].to_numpy()
    stored = stored_months(connection, keys if replace_tickets is None else np.concatenate([keys, replace_tickets]))
    months = pd.Series(keys).map(stored).fillna(rows["created_month"].reset_index(drop=True)).astype("int32")
    rows = rows.assign(created_month=months.to_numpy())
    given = pd.DataFrame({"ticket_key": keys, "created_month": months}).drop_duplicates()
    if given["ticket_key"].duplicated().any():
        raise WarehouseError("a ticket comes with several created months", where=relation.name)
    if replace_tickets is None:
        return write(connection, relation, rows)
    # A ticket that is neither stored nor in the frame has nothing to be replaced.
    known = pd.concat([stored, given.set_index("ticket_key")["created_month"]])
    known = known[~known.index.duplicated()]
    return write(connection, relation, rows, known[known.index.isin(replace_tickets)])


def stored_months(connection: Connection, ticket_keys: np.ndarray) -> pd.Series:
    """The created month (int32, yyyymm) under which core holds each ticket, by ticket key; unknown ones are absent.

    A ticket's month never changes once stored, even when the source later gives another creation instant.
    """
    stage_keys(connection, ticket_keys)
    found = read_frame(
        connection,
        "select t.ticket_key, t.created_month from core.ticket as t"
        " join pg_temp.staged_keys as k on k.ticket_key = t.ticket_key",
        dtypes={"ticket_key": "int64", "created_month": "int32"},
    )
    return found.set_index("ticket_key")["created_month"]
