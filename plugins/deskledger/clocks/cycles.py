"""Cycles: which event opens each run of a clock and which one ends it."""

from dataclasses import dataclass

import numpy as np

from deskledger.clocks.block import is_new
from deskledger.clocks.fields import States
from deskledger.contract.terms import ClockTerms


@dataclass(frozen=True)
class Cycles:
    """One place a cycle, in ticket order; the other fields are places of events in the block."""

    opened: np.ndarray
    ended: np.ndarray  # of the event that ends it; for an open cycle the place after its ticket's last event
    is_open: np.ndarray
    is_cancelled: np.ndarray
    number: np.ndarray  # 1, 2, ... within the ticket

    settled: np.ndarray  # the last event of the opening instant: what it states is still part of the start
    started_us: np.ndarray
    finished_us: np.ndarray  # when each cycle ended, or the as-of instant

    def __len__(self) -> int:
        return len(self.opened)


def find_cycles(states: States, clock: ClockTerms) -> Cycles:
    """The cycles of one clock in one block.

    An event acts in this order: it cancels or stops the open cycle, takes the last stop back, or opens a cycle; what
    an event leaves behind depends on the event alone, or on the last start or cancel before it, never on longer
    history: that is why no loop is needed.
    """
    block = states.block
    starts, stops = states.matches(clock.start), states.matches(clock.stop)
    cancels, resumes = states.matches(clock.cancel), states.matches(clock.resume)
    places = np.flatnonzero(starts | stops | cancels | resumes)
    start, cancel, resume = starts[places], cancels[places], resumes[places]
    halt = stops[places] | cancel
    chain = start & stops[places] & ~cancel
    ticket = block.ticket[places]
    is_first = is_new(ticket)

    if clock.resume:
        resume &= ~halt & _last_anchor_was_start(start, cancel, is_first)
        if clock.resume_within_us is not None:
            late = _too_late(start, resume, halt, block.at_us[places], clock.resume_within_us)
            start, resume = start | late, resume & ~late
    open_after = start | resume
    open_before = np.zeros(len(places), dtype=bool)
    open_before[1:] = open_after[:-1] & ~is_first[1:]
    closing = open_before & halt
    resumed = resume & ~open_before
    opening = start & (~open_before | closing) & ~resumed

    opened = np.flatnonzero(opening)
    closings = np.flatnonzero(closing)
    if clock.resume:
        closed_by = _last_closing(opened, closings, np.flatnonzero(resumed), len(places))
    else:
        closed_by = np.append(closings, len(places))[closings.searchsorted(opened, side="right")]
        is_its_own = ticket.take(closed_by, mode="clip") == ticket[opened]
        closed_by = np.where(is_its_own, closed_by, len(places))
    if chain.any():
        opened, closed_by = _without_restatements(opened, closed_by, chain, block.at_us[places])
    is_open = closed_by == len(places)
    at_open = places[opened]
    ended = np.where(is_open, block.end[at_open], places.take(closed_by, mode="clip"))
    finished_us = np.append(block.at_us, block.as_of_us)[ended]
    finished_us[is_open] = block.as_of_us
    return Cycles(
        opened=at_open,
        ended=ended,
        is_open=is_open,
        is_cancelled=np.append(cancel, False)[closed_by],
        number=_count_within(ticket[opened]),
        settled=np.minimum(block.instant_end[at_open], ended - 1),
        started_us=block.at_us[at_open],
        finished_us=finished_us,
    )


def _without_restatements(
    opened: np.ndarray, closed_by: np.ndarray, chain: np.ndarray, at_us: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The cycles but those that an event which stops and starts at once ends at the instant that they opened."""
    restated = np.append(chain, False)[closed_by] & (at_us.take(closed_by, mode="clip") == at_us[opened])
    return opened[~restated], closed_by[~restated]


def _last_anchor_was_start(start: np.ndarray, cancel: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Whether the last start or cancel before each event of its ticket was a start: a stop that can be taken back."""
    before = _last_before(start | cancel)
    group = np.maximum.accumulate(np.where(is_first, np.arange(len(start)), 0))
    return (before >= group) & start[before]


def _too_late(start: np.ndarray, resume: np.ndarray, halt: np.ndarray, at_us: np.ndarray, within_us: int) -> np.ndarray:
    """The resumptions that come longer than `within_us` after the stop that they would take back."""
    before = _last_before(start | resume)  # in time or not: a late resumption opens the next cycle
    halts = np.append(np.flatnonzero(halt), len(start))
    closing = halts[halts.searchsorted(before, side="right")]
    waited_us = at_us - at_us.take(closing, mode="clip")
    return resume & (closing < np.arange(len(start))) & (waited_us > within_us)


def _last_before(marked: np.ndarray) -> np.ndarray:
    """The last marked place before each place, -1 for none."""
    return np.append(-1, np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1)))[:-1]


def _last_closing(opened: np.ndarray, closings: np.ndarray, resumed: np.ndarray, length: int) -> np.ndarray:
    """The last closing of each cycle that no resumption takes back; `length` where there is none."""
    limit = np.append(opened, length)[1:]  # in every ticket an opening comes before what ends it
    closed_by = np.append(closings, -1)[closings.searchsorted(limit, side="right") - 1]
    taken_back = np.append(resumed, -1)[resumed.searchsorted(limit, side="right") - 1]
    return np.where(closed_by > np.maximum(opened, taken_back), closed_by, length)


def _count_within(ticket: np.ndarray) -> np.ndarray:
    numbers = np.arange(len(ticket))
    return numbers - np.maximum.accumulate(np.where(is_new(ticket), numbers, 0)) + 1
