"""Measured cycles into facts: swapped ticket by ticket, never replaced by an older measurement."""

from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.errors import WarehouseError
from deskledger.model import CYCLE, UTC_INSTANT, Column, Table, conform
from deskledger.warehouse.load import stored_months
from deskledger.warehouse.locks import lock
from deskledger.warehouse.relation import MergeCounts, Relation
from deskledger.warehouse.transfer import read_frame, stage_keys
from deskledger.warehouse.writing import write

# How far each ticket was measured: it moves forward even where no cycle changed, or none exists.
MEASURED = Table(
    "measured",
    (
        Column("contract", "word", nullable=False),
        Column("version", "integer", nullable=False),
        Column("ticket_key", "key", nullable=False),
        Column("created_month", "month", nullable=False),
        Column("as_of", "instant", nullable=False),
    ),
    key=("created_month", "contract", "version", "ticket_key"),
)


def replace_cycles(
    connection: Connection,
    frame: pd.DataFrame,
    contract: str,
    version: int,
    ticket_keys: np.ndarray,
    as_of: datetime,
) -> MergeCounts:
    """Make `frame` the cycles of `ticket_keys` (int64) under one contract version, inside the caller's transaction.

    Stored cycles of these tickets that the frame lacks are deleted. A ticket that was measured as of a later instant is
    left as it is, and its rows count as superseded. A cycle that differs in nothing but `as_of` is unchanged and not
    written: `facts.cycle.as_of` is the instant as of which its values were first found, and `facts.measured` moves
    forward for every ticket given. Measurements of one contract wait for each other until they commit.

    Raises WarehouseError for rows of another contract, version or ticket, and for a ticket that core does not hold.
    """
    where = f"facts.cycle of {contract} version {version}"
    keys = pd.unique(np.asarray(ticket_keys, dtype=np.int64))
    rows = conform(CYCLE, frame.assign(contract=contract, version=version, as_of=as_of))
    foreign = (
        not rows["ticket_key"].isin(keys).all()
        or ("contract" in frame and not frame["contract"].eq(contract).all())
        or ("version" in frame and not frame["version"].eq(version).all())
    )
    if foreign:
        raise WarehouseError("cycles of another contract, version or ticket", where=where)
    lock(connection, f"measure {contract}")
    months = stored_months(connection, keys)
    if len(months) < len(keys):
        raise WarehouseError(
            f"{len(keys) - len(months)} measured tickets are not in core.ticket",
            where=where,
            remedy="load the tickets before they are measured",
        )
    newer = _measured_after(connection, contract, version, keys, as_of)
    is_current = ~rows["ticket_key"].isin(newer).to_numpy()
    kept = rows[is_current]
    kept = kept.assign(created_month=months.reindex(kept["ticket_key"]).to_numpy())
    replaced = months[~months.index.isin(newer)]
    cycles = Relation("facts", CYCLE, uncompared=frozenset({"as_of"}), scope={"contract": contract, "version": version})
    counts = write(connection, cycles, kept, replaced)
    _confirm(connection, contract, version, replaced, as_of)
    return counts + MergeCounts(superseded=len(rows) - len(kept))


def _measured_after(
    connection: Connection, contract: str, version: int, keys: np.ndarray, as_of: datetime
) -> np.ndarray:
    stage_keys(connection, keys)
    found = read_frame(
        connection,
        "select m.ticket_key from facts.measured as m join pg_temp.staged_keys as k on k.ticket_key = m.ticket_key"
        " where m.contract = :contract and m.version = :version and m.as_of > :as_of",
        {"contract": contract, "version": version, "as_of": as_of},
        {"ticket_key": "int64"},
    )
    return found["ticket_key"].to_numpy()


def _confirm(connection: Connection, contract: str, version: int, months: pd.Series, as_of: datetime) -> None:
    measured = pd.DataFrame({"ticket_key": months.index.to_numpy(), "created_month": months.to_numpy()})
    stamped = measured.assign(contract=contract, version=version, as_of=pd.Timestamp(as_of).tz_convert("UTC"))
    write(connection, Relation("facts", MEASURED), conform(MEASURED, stamped.astype({"as_of": UTC_INSTANT})))
