"""Frames to blocks: plain coded arrays of at most 65,536 tickets, their events in the one stated order.

The order of simultaneous events is (occurred_at, seq, event_id). One packed integer carries as much of it as fits, so
that a block is sorted once; what the key cannot tell apart is sorted among itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

BLOCK_TICKETS = 65_536

# Sums over a block are positions in one int64 axis; with targets added they must stay below 2**63.
_AXIS_US = 2**62


@dataclass(frozen=True)
class Codes:
    """One column as integer codes into `words`; -1 is a missing value."""

    codes: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, column: pd.Series) -> "Codes":
        """The codes of a categorical, text, number or flag column; words are compared as text, flags as true/false."""
        if not isinstance(column.dtype, pd.CategoricalDtype):
            if pd.api.types.is_bool_dtype(column.dtype):
                column = column.map({True: "true", False: "false"})
            column = column.astype("category")
        categories = column.cat.categories
        return cls(column.cat.codes.to_numpy(), tuple(str(each) for each in categories))

    def accepted(self, values: frozenset[str]) -> np.ndarray:
        """Which codes stand for one of `values`; the last place answers for missing values."""
        table = np.zeros(len(self.words) + 1, dtype=bool)
        table[[code for code, word in enumerate(self.words) if word in values]] = True
        return table


@dataclass(frozen=True)
class Ledger:
    """The input frames as arrays: tickets in key order, events as they came. `frame` keeps the ticket columns."""

    ticket_keys: np.ndarray
    created_months: np.ndarray
    ticket_order: np.ndarray
    tickets: pd.DataFrame
    event_keys: np.ndarray
    at_us: np.ndarray
    seq: np.ndarray
    event_ids: pd.Series
    kind: Codes
    value: Codes
    previous: Codes
    role: Codes
    is_public: np.ndarray
    as_of_us: int

    @classmethod
    def of(cls, tickets: pd.DataFrame, events: pd.DataFrame, as_of_us: int) -> "Ledger":
        """Arrays of the two frames. Raises ValueError when a ticket is named twice."""
        keys = tickets["ticket_key"].to_numpy(dtype=np.int64)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("tickets has a ticket_key twice")
        return cls(
            ticket_keys=keys,
            created_months=tickets["created_month"].to_numpy()[order],
            ticket_order=order,
            tickets=tickets,
            event_keys=events["ticket_key"].to_numpy(dtype=np.int64),
            at_us=pd.DatetimeIndex(events["occurred_at"]).as_unit("us").asi8,
            seq=events["seq"].to_numpy(dtype=np.int64),
            event_ids=events["event_id"],
            kind=Codes.of(events["kind"]),
            value=Codes.of(events["value"]),
            previous=Codes.of(events["previous_value"]),
            role=Codes.of(events["actor_role"]),
            is_public=_flags(events["is_public"]),
            as_of_us=as_of_us,
        )

    def blocks(self, block_tickets: int) -> Iterator["Block"]:
        """Blocks in ticket order. Whatever their size, the tickets in them are the same."""
        first = int(self.at_us.min()) if len(self.at_us) else self.as_of_us
        span = max(self.as_of_us - first, 1)
        size = max(1, min(block_tickets, BLOCK_TICKETS, _AXIS_US // span))
        bounds = self.ticket_keys[size::size]
        all_known = bool(len(self.at_us)) and int(self.at_us.max()) <= self.as_of_us
        if not len(bounds):
            yield self._block(slice(0, size), np.flatnonzero(self.at_us <= self.as_of_us))
            return
        width = np.uint8 if len(bounds) < 2**8 else np.uint16 if len(bounds) < 2**16 else np.int64
        block_of = bounds.searchsorted(self.event_keys, side="right").astype(width)
        rows = np.argsort(block_of, kind="stable")  # a radix sort at these widths
        ends = np.cumsum(np.bincount(block_of, minlength=len(bounds) + 1))
        for number, end in enumerate(ends):
            mine = rows[ends[number - 1] if number else 0 : end]
            if not all_known:
                mine = mine[self.at_us[mine] <= self.as_of_us]
            yield self._block(slice(number * size, (number + 1) * size), mine)

    def _block(self, chosen: slice, rows: np.ndarray) -> "Block":
        keys = self.ticket_keys[chosen]
        event_keys = self.event_keys[rows]
        ticket = _places(keys, event_keys)
        known = ticket >= 0
        if not known.all():
            rows, ticket = rows[known], ticket[known]
        order = self._order(rows, ticket)
        rows = rows[order]
        return Block(self, chosen, rows, ticket[order], self.at_us[rows])

    def _order(self, rows: np.ndarray, ticket: np.ndarray) -> np.ndarray:
        """The order of `rows` by (ticket, occurred_at, seq, event_id)."""
        if not len(rows):
            return np.empty(0, dtype=np.intp)
        at, seq = self.at_us[rows], self.seq[rows]
        parts = [(ticket, int(ticket.max())), (at - at.min(), int(at.max()) - int(at.min()))]
        seq_range = int(seq.max()) - int(seq.min())
        if sum(_bits(most) for _, most in parts) + _bits(seq_range) <= 63:
            parts.append((seq - seq.min(), seq_range))
        if sum(_bits(most) for _, most in parts) <= 63:
            key = np.zeros(len(rows), dtype=np.int64)
            for values, most in parts:
                key <<= _bits(most)
                key |= values
            order = np.argsort(key)
            tied = _tied(key[order])
        else:
            order = np.lexsort((at, ticket))
            tied = _tied(at[order]) & _tied(ticket[order])
        if tied.any():
            self._settle(rows, order, tied, seq)
        return order

    def _settle(self, rows: np.ndarray, order: np.ndarray, tied: np.ndarray, seq: np.ndarray) -> None:
        """Sort, in place, each group of rows whose keys are equal (`tied`: with the row before) by (seq, event_id)."""
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
            ids = self.event_ids.iloc[rows[sub[equal]]].to_numpy(dtype=object)
            rank = np.unique(ids.astype(str), return_inverse=True)[1]
            inner = np.lexsort((rank, np.cumsum(~same[equal])))
            order[places[equal]] = sub[equal][inner]


class Block:
    """The events of some tickets in order. Every array has one place an event unless said otherwise."""

    def __init__(self, ledger: Ledger, tickets: slice, rows: np.ndarray, ticket: np.ndarray, at_us: np.ndarray) -> None:
        self.ledger = ledger
        self.tickets = tickets
        self.rows = rows
        self.ticket = ticket  # place of the event's ticket among the block's
        self.at_us = at_us
        self.as_of_us = ledger.as_of_us
        self.is_first = np.empty(len(rows), dtype=bool)
        self.is_first[:1] = True
        np.not_equal(ticket[1:], ticket[:-1], out=self.is_first[1:])

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def kind(self) -> np.ndarray:
        return self.ledger.kind.codes[self.rows]

    @cached_property
    def value(self) -> np.ndarray:
        return self.ledger.value.codes[self.rows]

    @cached_property
    def previous(self) -> np.ndarray:
        return self.ledger.previous.codes[self.rows]

    @cached_property
    def role(self) -> np.ndarray:
        return self.ledger.role.codes[self.rows]

    @cached_property
    def is_public(self) -> np.ndarray:
        """1 for public, 0 for internal, -1 where the source does not say."""
        return self.ledger.is_public[self.rows]

    @cached_property
    def firsts(self) -> np.ndarray:
        """The place of the first event of each ticket that has one."""
        return np.flatnonzero(self.is_first)

    @cached_property
    def begin(self) -> np.ndarray:
        """The place of the first event of the same ticket."""
        return np.repeat(self.firsts, self._lengths)

    @cached_property
    def end(self) -> np.ndarray:
        """The place after the last event of the same ticket."""
        return np.repeat(self.firsts + self._lengths, self._lengths)

    @cached_property
    def instant_end(self) -> np.ndarray:
        """The place of the last event of the same ticket at the same instant."""
        last = np.ones(len(self), dtype=bool)
        last[:-1] = (self.at_us[1:] != self.at_us[:-1]) | self.is_first[1:]
        ends = np.flatnonzero(last)
        return np.repeat(ends, np.diff(ends, prepend=-1))

    @cached_property
    def lasted_us(self) -> np.ndarray:
        """Physical time from each event to the next one of its ticket, or to the as-of instant."""
        following = np.empty(len(self), dtype=np.int64)
        following[:-1] = self.at_us[1:]
        lasts = self.firsts - 1  # of the ticket before; of the block's last one for the first
        following[lasts] = self.as_of_us
        return following - self.at_us

    @cached_property
    def _lengths(self) -> np.ndarray:
        return np.diff(self.firsts, append=len(self))

    def last_until(self, places: np.ndarray, instants_us: np.ndarray) -> np.ndarray:
        """The place of the last event, not before `places`, of the same ticket at or before each instant."""
        low, high = places.astype(np.int64), self.end[places]
        while (high - low > 1).any():
            middle = (low + high) // 2
            reached = self.at_us[middle] <= instants_us
            low, high = np.where(reached, middle, low), np.where(reached, high, middle)
        return low


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


def _flags(column: pd.Series) -> np.ndarray:
    return column.astype("boolean").to_numpy(dtype=np.int8, na_value=-1)
