"""The settled rows of some tickets in canonical order: (ticket, occurred_at, the source's sequence)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from deskledger.sources.event_log.rows import Rows

# An event's seq is its row's sequence * STRIDE + slot: within a row the snapshot comes before what was done.
STRIDE = 32
SLOTS = {
    "created": 0,
    "status": 1,
    "priority": 2,
    "team": 3,
    "account": 4,
    "product": 5,
    "agent": 6,
    "activity": 8,
    "activities": 24,
}


@dataclass
class Timeline:
    """The settled rows of `rows` in canonical order (ticket, occurred_at, seq), and where tickets begin."""

    rows: Rows
    order: np.ndarray  # positions in rows
    begins: np.ndarray  # True at the first row of each ticket
    created_us: np.ndarray  # of the ticket, row by row
    event_prefix: pa.Array  # text: "<sequence>", or "<sequence>~2" where a ticket has the number a second time

    @property
    def ticket(self) -> np.ndarray:
        return self.rows.ticket_id.codes[self.order]

    @property
    def occurred_us(self) -> np.ndarray:
        return self.rows.occurred_us[self.order]

    @property
    def seq(self) -> np.ndarray:
        return self.rows.seq[self.order] * STRIDE


def timeline(rows: Rows, settled: np.ndarray) -> Timeline:
    """The rows at the positions `settled`, in canonical order.

    A ticket's created_at is what its newest landed row says: the desk may have corrected it.
    """
    ticket, seq, at_us = rows.ticket_id.codes[settled], rows.seq[settled], rows.occurred_us[settled]
    order = settled[np.lexsort((settled, seq, at_us, ticket))]
    ticket = rows.ticket_id.codes[order]
    begins = np.append([True], ticket[1:] != ticket[:-1]) if len(order) else np.zeros(0, dtype=bool)
    landed = rows.origin["landed_order"].to_numpy(np.int64)[order]
    newest = np.lexsort((np.arange(len(order)), landed, ticket))
    last = np.append(begins[1:], True) if len(order) else begins
    created = rows.created_us[order][newest][last][np.cumsum(begins) - 1]
    return Timeline(rows, order, begins, created, _prefixes(ticket, rows.seq[order]))


def _prefixes(ticket: np.ndarray, seq: np.ndarray) -> pa.Array:
    text = pa.array(seq).cast(pa.large_string())
    again = pd.DataFrame({"ticket": ticket, "seq": seq}).groupby(["ticket", "seq"], sort=False).cumcount().to_numpy()
    if not again.any():
        return text
    numbered = pc.binary_join_element_wise(
        text, pa.array(again + 1).cast(pa.large_string()), pa.scalar("~", pa.large_string())
    )
    return pc.if_else(pa.array(again > 0), numbered, text)


def months(created_us: np.ndarray) -> np.ndarray:
    """The partition (yyyymm, UTC) of each instant."""
    since_1970 = created_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return ((1970 + since_1970 // 12) * 100 + since_1970 % 12 + 1).astype(np.int32)
