"""Canonical rows into core: what a load writes, replaces and leaves alone."""

from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.model import TICKET, TICKET_EVENT, Table, conform
from deskledger.warehouse.locks import lock
from deskledger.warehouse.relation import MergeCounts, Relation
from deskledger.warehouse.transfer import read_frame, stage_keys
from deskledger.warehouse.writing import Writing


def merge(
    connection: Connection,
    table: Table,
    frame: pd.DataFrame,
    landed_at: datetime,
    replace_tickets: np.ndarray | None = None,
) -> MergeCounts:
    """Bring core's `table` to what `frame` says, inside the caller's transaction (`Merging` with one block)."""
    _wait_for_core(connection)
    merging = Merging(connection, table, landed_at, StoredMonths(connection))
    merging.stage(frame, replace_tickets)
    return merging.finish()


class StoredMonths:
    """Under which created month core holds tickets, as far as asked: each ticket is asked for once."""

    def __init__(self, connection: Connection, ticket_keys: np.ndarray | None = None) -> None:
        """`ticket_keys` (int64) will be asked for: one question for all of them."""
        self._connection = connection
        self._asked = pd.Index([], dtype="int64")
        self._months = pd.Series([], index=self._asked, dtype="int32", name="created_month")
        if ticket_keys is not None:
            self.of(ticket_keys)

    def of(self, ticket_keys: np.ndarray) -> pd.Series:
        """The month (int32, yyyymm) of each that is stored, by ticket key."""
        asked = pd.Index(np.unique(ticket_keys), dtype="int64")
        new = asked[self._asked.get_indexer(asked) < 0]
        if len(new):
            self._months = pd.concat([self._months, stored_months(self._connection, new.to_numpy())])
            self._asked = self._asked.append(new)
        return self._months[self._months.index.isin(asked)]


class Merging:
    """One table of core brought to what frames say, block by block, in the caller's transaction; twice changes nothing.

    A row that is stored as it comes is unchanged: it is not written and keeps its `landed_at`. A ticket older by
    `updated_at` than the stored one is superseded. A ticket stays in the month it is stored in, whatever month it
    comes with. Loads wait for each other from their first `finish` to their commit, not while they stage.
    """

    def __init__(self, connection: Connection, table: Table, landed_at: datetime, stored: StoredMonths) -> None:
        """`stored` is asked for the tickets of each block."""
        self._connection, self._table, self._stored = connection, table, stored
        self._relation = Relation(
            "core", table, stamps={"landed_at": landed_at}, newest="updated_at" if table is TICKET else None
        )
        self._writing = Writing(connection, self._relation)
        self._new: list[pd.Series] = []  # the months of tickets that are not stored, by key

    def stage(self, frame: pd.DataFrame, replace_tickets: np.ndarray | None = None) -> None:
        """Take a block's rows, of tickets that no other block has; nobody sees them before `finish`.

        Stored events of `replace_tickets` (int64 keys) that the frame does not hold will be deleted; other tables never
        lose rows. Raises WarehouseError for two rows of one key or a value that the database refuses, here or at the
        connection's next use; the caller rolls back.
        """
        if replace_tickets is not None and self._table is not TICKET_EVENT:
            raise WarehouseError("only the events of a ticket can be replaced", where=self._relation.name)
        rows = conform(self._table, frame)
        if not self._relation.is_partitioned:
            self._writing.stage(rows)
            return
        keys = rows["ticket_key"].to_numpy()
        stored = self._stored.of(keys if replace_tickets is None else np.concatenate([keys, replace_tickets]))
        months = pd.Series(keys).map(stored).fillna(rows["created_month"].reset_index(drop=True)).astype("int32")
        rows = rows.assign(created_month=months.to_numpy())
        given = pd.DataFrame({"ticket_key": keys, "created_month": months}).drop_duplicates()
        if given["ticket_key"].duplicated().any():
            raise WarehouseError("a ticket comes with several created months", where=self._relation.name)
        by_key = given.set_index("ticket_key")["created_month"]
        if self._table is TICKET:
            self._new.append(by_key[~by_key.index.isin(stored.index)])
        if replace_tickets is None:
            self._writing.stage(rows)
            return
        # A ticket that is neither stored nor in the frame has nothing to be replaced.
        known = pd.concat([stored, by_key])
        known = known[~known.index.duplicated()]
        self._writing.stage(rows, known[known.index.isin(replace_tickets)])

    def finish(self) -> MergeCounts:
        """What is staged becomes part of the table.

        Raises WarehouseError where another load has meanwhile stored a ticket under another month.
        """
        # One lock for all of core: whichever tables two loads touch, and in whichever order, they cannot deadlock.
        _wait_for_core(self._connection)
        if self._table is TICKET:
            self._check_months()
        return self._writing.finish()

    def _check_months(self) -> None:
        """A stored month never changes, so it is enough to ask again for the tickets that were not stored."""
        new = pd.concat([pd.Series([], index=pd.Index([], dtype="int64"), dtype="int32"), *self._new])
        stored = stored_months(self._connection, new.index.to_numpy()) if len(new) else new
        if (stored != new[stored.index]).any():
            raise WarehouseError(
                "another load has just stored a ticket under another month",
                where=self._relation.name,
                remedy="run the load again: it finds what the other one stored",
            )


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


def _wait_for_core(connection: Connection) -> None:
    lock(connection, "load core")
