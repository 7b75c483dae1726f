"""Blocks: the ordered events of some tickets as plain coded arrays, which every step of a measurement shares."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from deskledger.clocks.history import History


class Block:
    """The events of some tickets in order. Every array has one place an event unless said otherwise."""

    def __init__(
        self, history: History, tickets: slice, ticket: np.ndarray, columns: Mapping[str, np.ndarray], order: np.ndarray
    ) -> None:
        """`ticket` is in the block's order; `order` says which places of the packet's `columns` its events are."""
        self.history = history
        self.tickets = tickets
        self.ticket = ticket  # place of the event's ticket among the block's
        self.rows = columns["row"].take(order)  # of the event frame
        self.at_us = columns["at"].take(order)
        self.kind, self.value, self.role = (columns[name].take(order) for name in ("kind", "value", "role"))
        self.is_public = columns["is_public"].take(order)  # 1 public, 0 internal, -1 where the source does not say
        self.as_of_us = history.as_of_us
        self.is_first = is_new(ticket)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def previous(self) -> np.ndarray:
        return self.history.previous.codes[self.rows]

    @cached_property
    def firsts(self) -> np.ndarray:
        """The place of the first event of each ticket that has one."""
        return np.flatnonzero(self.is_first)

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


def is_new(values: np.ndarray) -> np.ndarray:
    """Whether each value differs from the one before it; the first one does."""
    found = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found
