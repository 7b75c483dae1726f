"""From packets to blocks: each ticket's events in the one stated order, (occurred_at, seq, event_id).

One packed integer carries as much of that order as fits, so that a block is sorted once; what the key cannot tell
apart is sorted among itself.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from deskledger.clocks.block import Block, is_new
from deskledger.clocks.history import Columns, History
from deskledger.clocks.packets import packets

MOST_TICKETS = 65_536
BLOCK_TICKETS = 8_192  # the arrays of so many tickets of eight events fit a processor's cache
PACKET_BLOCKS = 4  # blocks whose events are gathered from the frame together


def blocks(history: History, block_tickets: int = BLOCK_TICKETS) -> Iterator[Block]:
    """Blocks in ticket order, of at most 65,536 tickets. Whatever their size, the tickets in them are the same."""
    size = min(block_tickets, MOST_TICKETS, history.most_tickets())
    together = min(PACKET_BLOCKS, MOST_TICKETS // size)
    for chosen, columns in packets(history, together * size):
        keys = history.ticket_keys[chosen]
        order, ticket = _by_ticket(keys, columns.pop("key"))
        for first in range(0, max(len(keys), 1), size):
            begin, end = ticket.searchsorted([first, first + size])
            mine, place = order[begin:end], ticket[begin:end] - first
            mine = mine.take(
                _order(place, {name: columns[name].take(mine) for name in ("at", "seq", "row")}, history.event_ids)
            )
            tickets = slice(chosen.start + first, chosen.start + first + size)
            yield Block(history, tickets, place, columns, mine)
        del columns, order, ticket  # before the next packet is gathered


def _order(ticket: np.ndarray, columns: Columns, event_ids: pd.Series) -> np.ndarray:
    """The order of the events by (ticket, occurred_at, seq, event_id)."""
    if not len(ticket):
        return np.empty(0, dtype=np.intp)
    at, seq = columns["at"], columns["seq"]
    # Tickets and instants always fit together: what a block counts in all fits 62 bits (History.most_tickets).
    parts = [(ticket, int(ticket.max())), (at - at.min(), int(at.max()) - int(at.min()))]
    seq_range = int(seq.max()) - int(seq.min())
    if sum(_bits(most) for _, most in parts) + _bits(seq_range) <= 63:
        parts.append((seq - seq.min(), seq_range))
    key = np.zeros(len(ticket), dtype=np.int64)
    for values, most in parts:
        key <<= _bits(most)
        key |= values
    order = np.argsort(key)
    tied = _tied(key[order])
    if tied.any():
        _settle(order, tied, seq, columns["row"], event_ids)
    return order


def _settle(order: np.ndarray, tied: np.ndarray, seq: np.ndarray, rows: np.ndarray, event_ids: pd.Series) -> None:
    """Sort, in place, each group of events whose keys are equal (`tied`: with the row before) by (seq, event_id)."""
    member = tied.copy()
    member[:-1] |= tied[1:]
    places = np.flatnonzero(member)
    group = np.cumsum(~tied[places])
    sub = order[places]
    inner = np.lexsort((seq[sub], group))
    sub, same = sub[inner], _tied(seq[sub[inner]]) & _tied(group[inner])
    order[places] = sub
    if same.any():
        member = same.copy()
        member[:-1] |= same[1:]
        equal = np.flatnonzero(member)
        ids = event_ids.iloc[rows[sub[equal]]].to_numpy(dtype=object)
        rank = np.unique(ids.astype(str), return_inverse=True)[1]
        inner = np.lexsort((rank, np.cumsum(~same[equal])))
        order[places[equal]] = sub[equal][inner]


def _by_ticket(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of the events by ticket, without those of no ticket in the sorted `keys`; and each one's ticket.

    `wanted` are the events' ticket keys. Each distinct one is searched once.
    """
    order = np.argsort(wanted)
    ordered = wanted.take(order)
    begins = is_new(ordered)
    distinct = ordered[begins]
    place = keys.searchsorted(distinct).astype(np.int32)
    known = place < len(keys)
    known[known] = keys[place[known]] == distinct[known]
    lengths = np.diff(np.flatnonzero(begins), append=len(wanted))
    if not known.all():
        order = order[np.repeat(known, lengths)]
        place, lengths = place[known], lengths[known]
    return order, np.repeat(place, lengths)


def _bits(most: int) -> int:
    return most.bit_length()


def _tied(values: np.ndarray) -> np.ndarray:
    """Whether each value equals the one before it."""
    return ~is_new(values)
