"""From packets to blocks: each ticket's events in the one stated order, (occurred_at, seq, event_id).

One packed integer carries as much of that order as fits, so that a block is sorted once; what the key cannot tell
apart is sorted among itself.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from deskledger.clocks.block import Block
from deskledger.clocks.history import Columns, History

MOST_TICKETS = 65_536
BLOCK_TICKETS = 8_192  # the arrays of so many tickets of eight events fit a processor's cache


def blocks(history: History, block_tickets: int = BLOCK_TICKETS) -> Iterator[Block]:
    """Blocks in ticket order, of at most 65,536 tickets. Whatever their size, the tickets in them are the same."""
    for chosen, columns in history.packets(min(block_tickets, MOST_TICKETS)):
        ticket = _places(history.ticket_keys[chosen], columns.pop("key"))
        known = ticket >= 0
        if not known.all():
            ticket, columns = ticket[known], {name: values[known] for name, values in columns.items()}
        order = _order(ticket, columns, history.event_ids)
        del columns["seq"]
        yield Block(history, chosen, ticket[order], {name: values[order] for name, values in columns.items()})


def _order(ticket: np.ndarray, columns: Columns, event_ids: pd.Series) -> np.ndarray:
    """The order of the events by (ticket, occurred_at, seq, event_id)."""
    if not len(ticket):
        return np.empty(0, dtype=np.intp)
    at, seq = columns["at"], columns["seq"].astype(np.int64)
    parts = [(ticket, int(ticket.max())), (at - at.min(), int(at.max()) - int(at.min()))]
    seq_range = int(seq.max()) - int(seq.min())
    if sum(_bits(most) for _, most in parts) + _bits(seq_range) <= 63:
        parts.append((seq - seq.min(), seq_range))
    if sum(_bits(most) for _, most in parts) <= 63:
        key = np.zeros(len(ticket), dtype=np.int64)
        for values, most in parts:
            key <<= _bits(most)
            key |= values
        order = np.argsort(key)
        tied = _tied(key[order])
    else:
        order = np.lexsort((at, ticket))
        tied = _tied(at[order]) & _tied(ticket[order])
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


def _places(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The place of each wanted key among the sorted `keys`, -1 for none (a sort is quicker than so many searches)."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, dtype=np.int32)
    order = np.argsort(wanted)
    ordered = wanted[order]
    is_new = ~_tied(ordered)
    distinct = ordered[is_new]
    place = keys.searchsorted(distinct).astype(np.int32)
    place[keys[np.minimum(place, len(keys) - 1)] != distinct] = -1
    places = np.empty(len(wanted), dtype=np.int32)
    places[order] = np.repeat(place, np.diff(np.flatnonzero(is_new), append=len(wanted)))
    return places


def _bits(most: int) -> int:
    return most.bit_length()


def _tied(values: np.ndarray) -> np.ndarray:
    """Whether each value equals the one before it."""
    same = np.zeros(len(values), dtype=bool)
    np.equal(values[1:], values[:-1], out=same[1:])
    return same
