"""Canonical rows into core: what a load writes, replaces and leaves alone."""

from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.model import TICKET, TICKET_EVENT, Table, conform
from deskledger.warehouse.partitions import MergeCounts, Relation, Writing, lock
from deskledger.warehouse.transfer import read_frame, stage_keys


def merge(
    connection: Connection,
    table: Table,
    frame: pd.DataFrame,
    landed_at: datetime,
    replace_tickets: np.ndarray | None = None,
) -> MergeCounts:
    """Bring core's `table` to what `frame` says, inside the caller's transaction (`Merging` with one block)."""
    asked = [each for each in (frame.get("ticket_key"), replace_tickets) if each is not None]
    merging = Merging(connection, table, landed_at, np.concatenate([np.empty(0, np.int64), *asked]))
    counts = merging.add(frame, replace_tickets)
    merging.finish()
    return counts


class Merging:
    """One table of core brought to what frames say, block by block, in the caller's transaction; twice changes nothing.

    A row that is stored as it comes is unchanged: it is not written and keeps its `landed_at`. A ticket older by
    `updated_at` than the stored one is superseded. A ticket stays in the month it is stored in, whatever month it
    comes with. Loads wait for each other from their first merge to their commit.
    """

    def __init__(self, connection: Connection, table: Table, landed_at: datetime, tickets: np.ndarray) -> None:
        """`tickets` (int64 keys) are those of all blocks to come: where they are stored is asked once."""
        self._table = table
        relation = Relation(
            "core", table, stamps={"landed_at": landed_at}, newest="updated_at" if table is TICKET else None
        )
        # One lock for all of core: whichever tables two loads touch, and in whichever order, they cannot deadlock.
        lock(connection, "load core")
        self._name = relation.name
        self._stored = stored_months(connection, tickets) if relation.is_partitioned else None
        self._writing = Writing(connection, relation)

    def add(self, frame: pd.DataFrame, replace_tickets: np.ndarray | None = None) -> MergeCounts:
        """Bring a block's rows in, of tickets that no other block has.

        Stored events of `replace_tickets` (int64 keys) that the frame does not hold are deleted; other tables never
        lose rows. Raises WarehouseError for two rows of one key or a value that the database refuses; the caller
        rolls back.
        """
        if replace_tickets is not None and self._table is not TICKET_EVENT:
            raise WarehouseError("only the events of a ticket can be replaced", where=self._name)
        rows = conform(self._table, frame)
        if self._stored is None:
            return self._writing.add(rows)
        keys = rows["ticket_key"].to_numpy()
        asked = keys if replace_tickets is None else np.concatenate([keys, replace_tickets])
        stored = self._stored[self._stored.index.isin(asked)]
        months = pd.Series(keys).map(stored).fillna(rows["created_month"].reset_index(drop=True)).astype("int32")
        rows = rows.assign(created_month=months.to_numpy())
        given = pd.DataFrame({"ticket_key": keys, "created_month": months}).drop_duplicates()
        if given["ticket_key"].duplicated().any():
            raise WarehouseError("a ticket comes with several created months", where=self._name)
        if replace_tickets is None:
            return self._writing.add(rows)
        # A ticket that is neither stored nor in the frame has nothing to be replaced.
        known = pd.concat([stored, given.set_index("ticket_key")["created_month"]])
        known = known[~known.index.duplicated()]
        return self._writing.add(rows, known[known.index.isin(replace_tickets)])

    def finish(self) -> None:
        """What is new becomes part of the table."""
        self._writing.finish()


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
