"""The cycle table: every cycle of every clock, judged as of one instant."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from deskledger.business_time import NEVER, BusinessCalendar
from deskledger.clocks.arrange import BLOCK_TICKETS, blocks
from deskledger.clocks.block import Block
from deskledger.clocks.counting import held_us
from deskledger.clocks.cycles import Cycles
from deskledger.clocks.fields import States, Vocabulary, check_holders
from deskledger.clocks.history import Columns, History
from deskledger.clocks.portions import PORTION_TICKETS, portions
from deskledger.clocks.verdicts import Judged, Verdicts
from deskledger.contract.terms import ClockTerms
from deskledger.model import CYCLE, UTC_INSTANT

_STATES = ("met", "breached", "running", "cancelled")
_FIELDS = ("account", "team", "agent", "product", "priority")
_FIELD_KINDS = ("account", "team", "assignment", "product", "priority")
_PIECE = 2**16  # rows recoded at a time, so that what lies between stays within the processor's cache
_INSTANTS = ("started_at", "stopped_at", "due_at", "breached_at", "attributed_at", "as_of")
COLUMNS = tuple(name for name in CYCLE.names if name not in {"contract", "version", "is_incomplete"})


def measure(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    clocks: Sequence[ClockTerms],
    calendars: Mapping[str, Any],
    as_of: datetime | pd.Timestamp | np.datetime64,
    *,
    block_tickets: int = BLOCK_TICKETS,
) -> pd.DataFrame:
    """Every cycle that started by `as_of`, with the columns of `model.CYCLE` but contract, version and is_incomplete.

    `tickets` and `events` are canonical frames in any order; `calendars` maps names to calendar terms or to
    BusinessCalendars; events after `as_of` are as if they had not happened yet. Rows come by ticket_key, clock as
    given and cycle, whatever the blocks. Durations are microseconds. A cycle without a target is never breached
    and has neither target_us nor due_at. Raises ContractError for terms that do not fit, ValueError for a ticket that
    is there twice.
    """
    run = _Run(tickets, events, clocks, calendars, as_of)
    table = _Table()
    for columns, share in run.parts(block_tickets):
        table.add(columns, share)
    return run.frame(table)


def measure_blocks(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    clocks: Sequence[ClockTerms],
    calendars: Mapping[str, Any],
    as_of: datetime | pd.Timestamp | np.datetime64,
    *,
    block_tickets: int = BLOCK_TICKETS,
    portion_tickets: int = PORTION_TICKETS,
) -> Iterator[pd.DataFrame]:
    """The rows of `measure` block by block, for callers that write each out before the next is made.

    What is held beside the frames is bounded by the portion, however many tickets there are (ADR 0020). A frame has the
    categories of its own portion.
    """
    for some_tickets, their_events in portions(tickets, events, portion_tickets):
        run = _Run(some_tickets, their_events, clocks, calendars, as_of)
        for columns, _ in run.parts(block_tickets):
            table = _Table()
            table.add(columns, share=1.0)
            yield run.frame(table)


def expand(calendars: Mapping[str, Any]) -> dict[str, BusinessCalendar]:
    """Calendars by name, from terms or as they are."""
    return {
        name: terms if isinstance(terms, BusinessCalendar) else BusinessCalendar.from_terms(terms)
        for name, terms in calendars.items()
    }


def instant_us(instant: datetime | pd.Timestamp | np.datetime64) -> int:
    """Microseconds since 1970 of an aware instant (a datetime64 is UTC). Raises ValueError for a naive one."""
    if not isinstance(instant, np.datetime64) and instant.tzinfo is None:
        raise ValueError("as_of needs a zone")
    return int(pd.DatetimeIndex([pd.Timestamp(instant)]).as_unit("us").asi8[0])


class _Run:
    def __init__(
        self,
        tickets: pd.DataFrame,
        events: pd.DataFrame,
        clocks: Sequence[ClockTerms],
        calendars: Mapping[str, Any],
        as_of: datetime | pd.Timestamp | np.datetime64,
    ) -> None:
        self._clocks = clocks
        for clock in clocks:
            check_holders(clock.holders)
        self._calendars = expand(calendars)
        self._history = History.of(tickets, events, instant_us(as_of))
        self._vocabulary = Vocabulary(self._history)

    def parts(self, block_tickets: int) -> Iterator[tuple[Columns, float]]:
        """The columns of each block, in order of ticket, clock and cycle, and its share of the tickets."""
        if not self._clocks:
            return
        tickets = len(self._history.ticket_keys)
        for block in blocks(self._history, block_tickets):
            states = States(block, self._vocabulary)
            of_clocks = [self._clock(block, states, number) for number in range(len(self._clocks))]
            place = np.concatenate([columns.pop("place") for columns in of_clocks])
            order = np.argsort(place.astype(np.uint16), kind="stable")  # a block has no more tickets than that
            columns = {name: np.concatenate([each[name] for each in of_clocks])[order] for name in of_clocks[0]}
            first, end, _ = block.tickets.indices(tickets)
            yield columns, (end - first) / tickets if tickets else 1.0

    def frame(self, table: "_Table") -> pd.DataFrame:
        """The cycle frame of a filled table, which it empties."""
        length = table.length
        clock_words = list(dict.fromkeys(clock.name for clock in self._clocks))
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            values = np.full(length, self._history.as_of_us) if name == "as_of" else table.take(name)
            if name == "clock":
                codes = np.array([clock_words.index(clock.name) for clock in self._clocks], dtype=np.int16)[values]
                columns[name] = pd.Categorical.from_codes(codes, categories=pd.Index(clock_words, dtype="str"))
            elif name == "state":
                columns[name] = pd.Categorical.from_codes(values, categories=pd.Index(_STATES, dtype="str"))
            elif name in _FIELDS:
                columns[name] = _words(values, self._vocabulary.words(name))
            elif name in _INSTANTS:
                columns[name] = _instants(values)
            elif name == "target_us":
                columns[name] = pd.arrays.IntegerArray(values, values < 0)
            else:
                columns[name] = values
        return pd.DataFrame(columns, copy=False)

    def _clock(self, block: Block, states: States, number: int) -> Columns:
        clock = self._clocks[number]
        judged = Judged.of(states, clock, self._calendars)
        cycles, verdicts = judged.cycles, judged.verdicts
        provider, customer, third_party = held_us(states, clock, cycles)

        started, finished = cycles.started_us, cycles.finished_us
        stopped = np.where(cycles.is_open, NEVER, finished)
        attributed = _attributed(clock, cycles, verdicts)
        state = np.where(cycles.is_open, 2, 0)
        state[verdicts.breached_us != NEVER] = 1
        state[cycles.is_cancelled] = 3

        place = block.ticket[cycles.opened]
        ticket = place + block.tickets.start
        columns = {
            "place": place,
            "clock": np.full(len(cycles), number, dtype=np.int16),
            "ticket_key": block.history.ticket_keys[ticket],
            "created_month": block.history.created_months[ticket].astype(np.int32, copy=False),
            "cycle": cycles.number,
            "state": state.astype(np.int8),
            "started_at": started,
            "stopped_at": stopped,
            "due_at": verdicts.due_us,
            "breached_at": verdicts.breached_us,
            "target_us": np.where(verdicts.has_target, verdicts.target_us, -1),
            "elapsed_us": verdicts.elapsed_us,
            "provider_us": provider,
            "customer_us": customer,
            "third_party_us": third_party,
            "attributed_at": attributed,
        }
        told = _told_at(block, states, cycles, attributed, clock)
        for field in _FIELDS:
            # Figures of an agent go to whoever the ticket was assigned to at the stop.
            at = np.where(cycles.is_open, told, cycles.ended - 1) if field == "agent" else told
            columns[field] = states.value(field)[at]
        return columns


class _Table:
    """Columns that grow block by block in place, so that the rows are never there twice."""

    def __init__(self) -> None:
        self.length = 0
        self._columns: Columns = {}

    def add(self, columns: Columns, share: float) -> None:
        """Append the rows of a share of the whole; every call has the same columns and types."""
        before, self.length = self.length, self.length + len(columns["ticket_key"])
        for name, values in columns.items():
            if name not in self._columns:  # room for all, if the rest is like this; memory only when it is written
                self._columns[name] = np.empty(int(len(values) / share * 1.02) + 1, dtype=values.dtype)
            column = self._columns[name]
            if len(column) < self.length:
                column.resize(self.length + self.length // 8, refcheck=False)
            column[before : self.length] = values

    def take(self, name: str) -> np.ndarray:
        """A column, which leaves the table."""
        column = self._columns.pop(name, None)
        if column is None:  # there was no block at all
            return np.empty(0, dtype=np.int64)
        column.resize(self.length, refcheck=False)
        return column


def _attributed(clock: ClockTerms, cycles: Cycles, verdicts: Verdicts) -> np.ndarray:
    """The instant that decides which period a cycle belongs to; without a target, the stop or the as-of instant.

    No period may count what a later one would count again, or what nobody can know yet. So a stop is final when no
    `resume` can take it back. By `due` it is the last instant still in time: one that is due at Friday's close
    is late from Monday's opening, and at a month's end in between neither met nor breached. By `started` it is the
    instant of the verdict (the breach, else the final stop), and until then the start.
    """
    is_breached = verdicts.breached_us != NEVER
    final = cycles.finished_us
    if clock.resume and clock.resume_within_us is not None:
        final = np.where(cycles.is_open, final, final + clock.resume_within_us)
    if clock.attribution == "stopped":
        return final
    if clock.attribution == "started":
        decided = np.where(cycles.is_open, cycles.started_us, final)
        return np.where(is_breached, verdicts.breached_us, decided)
    until = verdicts.in_time_until_us
    settled = np.where(is_breached | cycles.is_open, until, np.maximum(until, final))
    return np.where(until == NEVER, final, settled)


def _told_at(block: Block, states: States, cycles: Cycles, attributed_us: np.ndarray, clock: ClockTerms) -> np.ndarray:
    """The event after which the field values of each cycle's attribution instant hold."""
    settled = cycles.settled
    if clock.attribution == "started":
        return settled
    if clock.attribution == "stopped":
        return cycles.ended - 1
    changes = states.changes_before(_FIELD_KINDS)
    place = settled.copy()
    moved = np.flatnonzero(changes[block.end[settled]] != changes[settled + 1]) if len(settled) else settled
    place[moved] = block.last_until(settled[moved], attributed_us[moved])
    return place


def _instants(values_us: np.ndarray) -> pd.Series:
    return pd.Series(values_us, dtype=UTC_INSTANT, copy=False)


def _words(codes: np.ndarray, words: tuple[str, ...]) -> pd.Categorical:
    """Codes as a category of the words in use, sorted, so that it does not depend on what else the events say."""
    pieces = [slice(begin, begin + _PIECE) for begin in range(0, len(codes), _PIECE)]
    is_used = np.zeros(len(words) + 1, dtype=bool)  # the last place is for missing ones
    for piece in pieces:
        is_used[codes[piece]] = True
    used = sorted(np.flatnonzero(is_used[:-1]), key=lambda code: words[code])
    table = np.full(len(words) + 1, -1, dtype=np.int32)
    table[used] = np.arange(len(used))
    kind = np.min_scalar_type(-max(len(used), 1))  # signed, as narrow as they fit
    coded = np.empty(len(codes), dtype=kind)
    for piece in pieces:
        coded[piece] = table[codes[piece]]
    return pd.Categorical.from_codes(coded, categories=pd.Index([words[code] for code in used], dtype="str"))
