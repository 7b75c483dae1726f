"""The cycle table: every cycle of every clock, judged as of one instant."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from deskledger.business_time import NEVER, BusinessCalendar
from deskledger.clocks.arrange import BLOCK_TICKETS, Block, Ledger
from deskledger.clocks.counting import held_us
from deskledger.clocks.cycles import Cycles
from deskledger.clocks.fields import States, Vocabulary, check_holders
from deskledger.clocks.verdicts import Judged
from deskledger.contract.terms import ClockTerms
from deskledger.model import CYCLE

_STATES = ("met", "breached", "running", "cancelled")
_FIELDS = ("account", "team", "agent", "product", "priority")
_FIELD_KINDS = ("account", "team", "assignment", "product", "priority")
_INSTANTS = ("started_at", "stopped_at", "due_at", "breached_at", "attributed_at")
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
    BusinessCalendars; events after `as_of` are as if they had not happened yet. Rows come by clock as given,
    ticket_key and cycle, whatever the blocks. Durations are microseconds. A cycle without a target is never breached
    and has neither target_us nor due_at. Raises ContractError for terms that do not fit, ValueError for a ticket that
    is there twice.
    """
    run = _Run(tickets, events, clocks, calendars, as_of)
    return run.frame(list(run.parts(block_tickets)))


def measure_blocks(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    clocks: Sequence[ClockTerms],
    calendars: Mapping[str, Any],
    as_of: datetime | pd.Timestamp | np.datetime64,
    *,
    block_tickets: int = BLOCK_TICKETS,
) -> Iterator[pd.DataFrame]:
    """The rows of `measure` block by block, for callers that write each out before the next is made."""
    run = _Run(tickets, events, clocks, calendars, as_of)
    for parts in run.parts(block_tickets):
        yield run.frame([parts])


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
        self._ledger = Ledger.of(tickets, events, instant_us(as_of))
        self._vocabulary = Vocabulary(self._ledger)

    def parts(self, block_tickets: int) -> Iterator[list[dict[str, np.ndarray]]]:
        """For each block, the columns of each clock."""
        for block in self._ledger.blocks(block_tickets):
            states = States(block, self._vocabulary)
            yield [self._clock(block, states, clock) for clock in self._clocks]

    def frame(self, parts: list[list[dict[str, np.ndarray]]]) -> pd.DataFrame:
        """One frame of the parts of some blocks, clock by clock."""
        by_clock = [part for number in range(len(self._clocks)) for part in (block[number] for block in parts)]
        lengths = [len(part["ticket_key"]) for part in by_clock]
        names = [number for number in range(len(self._clocks)) for _ in parts]

        def joined(name: str) -> np.ndarray:
            return np.concatenate([part.pop(name) for part in by_clock]) if by_clock else np.empty(0, dtype=np.int64)

        clock_words = list(dict.fromkeys(clock.name for clock in self._clocks))
        clock_codes = [clock_words.index(self._clocks[number].name) for number in names]
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            if name == "clock":
                codes = np.repeat(np.array(clock_codes, dtype=np.int16), lengths)
                columns[name] = pd.Categorical.from_codes(codes, categories=pd.Index(clock_words, dtype="str"))
            elif name == "state":
                columns[name] = pd.Categorical.from_codes(joined(name), categories=pd.Index(_STATES, dtype="str"))
            elif name in _FIELDS:
                columns[name] = _words(joined(name), self._vocabulary.words(name))
            elif name in _INSTANTS:
                columns[name] = _instants(joined(name))
            elif name == "target_us":
                amounts = joined(name)
                columns[name] = pd.arrays.IntegerArray(amounts, amounts < 0)
            elif name == "as_of":
                columns[name] = _instants(np.full(sum(lengths), self._ledger.as_of_us))
            elif name == "created_month":
                columns[name] = joined(name).astype(np.int32, copy=False)
            else:
                columns[name] = joined(name)
        return pd.DataFrame(columns, copy=False)

    def _clock(self, block: Block, states: States, clock: ClockTerms) -> dict[str, np.ndarray]:
        judged = Judged.of(states, clock, self._calendars)
        cycles, verdicts = judged.cycles, judged.verdicts
        provider, customer, third_party = held_us(states, clock, cycles)

        started, finished = cycles.started_us, cycles.finished_us
        stopped = np.where(cycles.is_open, NEVER, finished)
        attributed = _attributed(clock, started, finished, verdicts.due_us)
        state = np.where(cycles.is_open, 2, 0)
        state[verdicts.breached_us != NEVER] = 1
        state[cycles.is_cancelled] = 3

        ticket = block.ticket[cycles.opened] + (block.tickets.start or 0)
        columns = {
            "ticket_key": block.ledger.ticket_keys[ticket],
            "created_month": block.ledger.created_months[ticket],
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
        place = _place_of(block, states, cycles, attributed, clock)
        for field in _FIELDS:
            # Figures of an agent go to whoever the ticket was assigned to at the stop.
            at = np.where(cycles.is_open, place, cycles.ended - 1) if field == "agent" else place
            columns[field] = states.value(field)[at]
        return columns


def _attributed(clock: ClockTerms, started: np.ndarray, finished: np.ndarray, due: np.ndarray) -> np.ndarray:
    """The instant that decides which period a cycle belongs to; without a target, the stop or the as-of instant."""
    if clock.attribution == "started":
        return started
    if clock.attribution == "stopped":
        return finished
    return np.where(due == NEVER, finished, due)


def _place_of(block: Block, states: States, cycles: Cycles, attributed_us: np.ndarray, clock: ClockTerms) -> np.ndarray:
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
    return pd.Series(values_us.astype(np.int64, copy=False).view("datetime64[us]"), copy=False).dt.tz_localize("UTC")


def _words(codes: np.ndarray, words: tuple[str, ...]) -> pd.Categorical:
    """Codes as a category of the words in use, sorted, so that it does not depend on what else the events say."""
    used = np.flatnonzero(np.bincount(codes + 1, minlength=1)[1:])
    used = used[np.argsort([words[code] for code in used], kind="stable")] if len(used) else used
    table = np.full(len(words) + 1, -1, dtype=np.int32)
    table[used] = np.arange(len(used), dtype=np.int32)
    return pd.Categorical.from_codes(table[codes], categories=pd.Index([words[code] for code in used], dtype="str"))
