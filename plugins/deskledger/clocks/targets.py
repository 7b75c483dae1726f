"""Targets and breaches: which target is in force when, when it ends, and when elapsed time first exceeds it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from deskledger.business_time import NEVER, AtClose
from deskledger.clocks.counting import Calendars, Runs
from deskledger.clocks.cycles import Cycles
from deskledger.clocks.fields import States
from deskledger.contract.terms import ClockTerms, Target
from deskledger.errors import ContractError


@dataclass(frozen=True)
class Verdicts:
    """One place a cycle. `NEVER` marks absent instants; `has_target` says whether the target fields mean anything."""

    has_target: np.ndarray
    target_us: np.ndarray
    due_us: np.ndarray
    breached_us: np.ndarray
    elapsed_us: np.ndarray


class TargetStates:
    """The target in force after each event of a block, as one key: its number, and the promise it runs to if any."""

    def __init__(self, states: States, clock: ClockTerms, calendars: Calendars) -> None:
        self._clock, self._calendars, self._block = clock, calendars, states.block
        for target in clock.targets:
            if [target.open_us, target.open_days, target.until].count(None) != 2:
                raise ContractError(
                    f"a target of clock {clock.name} must be one of open time, open days or until a promise",
                    where=clock.clause,
                    remedy="Give exactly one of them.",
                )
        self._promises = np.array([NEVER], dtype=np.int64)
        self.key = states.first_match([target.when for target in clock.targets])
        if any(target.until for target in clock.targets):
            words = list(states.block.ledger.value.words)
            latest = states.latest("eta")
            promise = np.where(latest >= 0, states.block.value[np.maximum(latest, 0)], -1)
            self._promises = np.append(_instants(words, promise), NEVER)
            until = np.array([*(target.until is not None for target in clock.targets), False])
            number = np.broadcast_to(np.asarray(self.key), promise.shape).astype(np.int64)
            promise = np.where(until[number], promise, -1)
            number = np.where(until[number] & (self._promises[promise] == NEVER), -1, number)
            self.key = (promise.astype(np.int64) + 1) * (len(clock.targets) + 1) + number + 1
            self._width = len(clock.targets) + 1
        else:
            self._width = 0

    @property
    def varies(self) -> bool:
        """Whether the target can differ between events at all."""
        return not isinstance(self.key, int)

    def key_at(self, places: np.ndarray) -> np.ndarray:
        """The key after each of these events."""
        return np.full(len(places), self.key) if isinstance(self.key, int) else self.key[places]

    def amounts(self, keys: np.ndarray, started_us: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(target_us, has_target) of counts that start at these instants, on the calendars in force at these events."""
        number, promise = self._split(keys)
        table = np.array([*(target.open_us or 0 for target in self._clock.targets), 0], dtype=np.int64)
        amounts = table[number]
        for each, target in enumerate(self._clock.targets):
            if target.open_us is None:
                mine = np.flatnonzero(number == each)
                ends = self._ends(target, promise[mine], started_us[mine], places[mine])
                choice = self._calendars.at(places[mine])
                begun = self._calendars.position(choice, started_us[mine])
                reached = ends != NEVER
                spent = self._calendars.position(choice, np.where(reached, ends, started_us[mine])) - begun
                amounts[mine] = np.maximum(spent, 0)
                number[mine[~reached]] = -1
        return amounts, number >= 0

    def stated_ends(self, keys: np.ndarray, started_us: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The wall-clock end that a target states by itself (same time on an open day, a promise), else NEVER."""
        number, promise = self._split(keys)
        ends = np.full(len(keys), NEVER, dtype=np.int64)
        for each, target in enumerate(self._clock.targets):
            if target.until is not None or (target.open_days is not None and target.day_end == "same_time"):
                mine = np.flatnonzero(number == each)
                ends[mine] = self._ends(target, promise[mine], started_us[mine], places[mine])
        return ends

    def _split(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self._width:
            return keys.astype(np.int64), np.full(len(keys), -1)
        return keys % self._width - 1, keys // self._width - 1

    def _ends(self, target: Target, promise: np.ndarray, started_us: np.ndarray, places: np.ndarray) -> np.ndarray:
        if target.until is not None:
            return np.maximum(self._promises[promise], started_us)
        ends = np.full(len(places), NEVER, dtype=np.int64)
        days = np.full(len(places), target.open_days, dtype=np.int64)
        for calendar, mine in self._calendars.calendar_parts(self._calendars.at(places), len(places)):
            ends[mine] = calendar.open_day_deadline_us(started_us[mine], days[mine], target.day_end)
        return ends


def judge(
    states: States, clock: ClockTerms, cycles: Cycles, calendars: Calendars, runs: Runs, targets: TargetStates
) -> Verdicts:
    """Target, due and breach instants and elapsed time of each cycle, under the clock's retarget rule.

    A cycle is a row of phases, cut where the target changes or the count is reset. It is breached in the first phase
    at whose end more is counted than its target, from the instant at which that became true. A breach stays: the
    breached target, else the last one in force, is the cycle's target, so that breached means elapsed > target.
    """
    phases = _phases(states, clock, cycles, runs, targets)
    amounts, has_target = targets.amounts(phases.key, phases.counted_from_us, phases.counted_from)
    exceeded = has_target & (phases.until_axis - phases.base > amounts)
    chosen, is_breached = _first_exceeded(phases.cycle, exceeded, len(cycles))

    cycle = phases.cycle[chosen]
    target_us, has_target = amounts[chosen], has_target[chosen]
    base, begun_us = phases.base[chosen], phases.begun_us[chosen]
    counted_from_us = phases.counted_from_us[chosen]
    goal = base + target_us

    breached_us = np.full(len(cycles), NEVER, dtype=np.int64)
    late = np.flatnonzero(is_breached)
    if len(late):
        at_once = phases.axis[chosen[late]] - base[late] > target_us[late]
        crossed = runs.instant(cycles, cycle[late], goal[late], "next_opening")
        breached_us[late] = np.where(at_once, begun_us[late], np.maximum(crossed, begun_us[late]))

    due_us = _due(runs, cycles, cycle, goal, target_us, counted_from_us, clock.at_close)
    stated = targets.stated_ends(phases.key[chosen], counted_from_us, phases.counted_from[chosen])
    due_us = _as_stated(due_us, stated, calendars, phases.counted_from[chosen], cycles.ended - 1)
    due_us = np.where(due_us == NEVER, NEVER, np.maximum(due_us, begun_us))
    due_us[~has_target] = NEVER
    return Verdicts(has_target, target_us, due_us, breached_us, runs.ended_axis - base)


@dataclass(frozen=True)
class _Phases:
    """One place a phase, in order of cycles and time."""

    cycle: np.ndarray
    key: np.ndarray
    axis: np.ndarray  # counted at its begin, as an axis position
    until_axis: np.ndarray  # at its end
    base: np.ndarray  # where counting began, or began anew at a reset
    counted_from: np.ndarray  # the event whose calendar a target in open days is reckoned by
    counted_from_us: np.ndarray
    begun_us: np.ndarray  # its target is in force from here; nothing is breached or due earlier


def _phases(states: States, clock: ClockTerms, cycles: Cycles, runs: Runs, targets: TargetStates) -> _Phases:
    block = states.block
    started_us = cycles.started_us(block)
    # Events of the same instant as the start still belong to it, such as the first statement of the priority.
    settled = np.minimum(block.instant_end(cycles.opened), cycles.ended - 1)
    begun_us = started_us
    breaks = np.empty(0, dtype=np.int64)
    key = targets.key_at(settled)
    if targets.varies and clock.retarget != "initial":
        changes = _changes(targets, cycles, runs, settled, block.is_first)
        if clock.retarget == "at_change":
            breaks = changes
        else:
            key = targets.key_at(cycles.ended - 1)
            begun_us = started_us.copy()
            begun_us[_cycle_of(cycles, changes)] = block.at_us[changes]  # the last change of each cycle stays
    resets = np.empty(0, dtype=np.int64)
    if clock.reset:
        resets = np.flatnonzero(states.matches(clock.reset) & runs.in_cycle)
        owner = _cycle_of(cycles, resets)
        resets = resets[resets > settled[owner]]
    if not len(breaks) and not len(resets):
        number = np.arange(len(cycles))
        return _Phases(number, key, runs.opened_axis, runs.ended_axis, runs.opened_axis, settled, started_us, begun_us)

    places = np.union1d(breaks, resets)
    cycle = _cycle_of(cycles, places)
    at_us = block.at_us[places]
    # Simultaneous changes are one: what holds after the last of them, a reset if any of them is one.
    is_last = np.ones(len(places), dtype=bool)
    is_last[:-1] = (cycle[1:] != cycle[:-1]) | (at_us[1:] != at_us[:-1])
    is_reset = np.isin(places, resets)
    total = np.concatenate([[0], np.cumsum(is_reset)])
    last = np.flatnonzero(is_last)
    any_reset = np.diff(total[last + 1], prepend=0) > 0
    places, cycle, at_us = places[last], cycle[last], at_us[last]
    settled_there = np.minimum(block.instant_end(places), cycles.ended[cycle] - 1)

    order = np.argsort(np.concatenate([cycles.opened, places]), kind="stable")
    of_cycle = np.concatenate([np.arange(len(cycles)), cycle])[order]
    is_opening = np.concatenate([np.ones(len(cycles), dtype=bool), np.zeros(len(places), dtype=bool)])[order]
    fresh = np.concatenate([np.ones(len(cycles), dtype=bool), any_reset])[order]
    event = np.concatenate([settled, settled_there])[order]
    keys = targets.key_at(event) if clock.retarget == "at_change" else key[of_cycle]
    # Back to the same target within one instant is no change.
    kept = is_opening | fresh
    kept[1:] |= keys[1:] != keys[:-1]
    instants = np.concatenate([started_us, at_us])[order][kept]
    axis = np.concatenate([runs.opened_axis, runs.axis_at(places)])[order][kept]
    of_cycle, keys, fresh, event, is_opening = (each[kept] for each in (of_cycle, keys, fresh, event, is_opening))
    until = np.append(axis[1:], 0)
    final = np.append(is_opening[1:], True)
    until[final] = runs.ended_axis[of_cycle[final]]
    anchor = np.maximum.accumulate(np.where(fresh, np.arange(len(axis)), 0))
    in_force = np.maximum(instants, begun_us[of_cycle])
    return _Phases(of_cycle, keys, axis, until, axis[anchor], event[anchor], instants[anchor], in_force)


def _changes(
    targets: TargetStates, cycles: Cycles, runs: Runs, settled: np.ndarray, is_first: np.ndarray
) -> np.ndarray:
    """The events after a cycle's start and before its end with which another target comes into force."""
    key = targets.key
    assert isinstance(key, np.ndarray)
    changed = runs.in_cycle & ~is_first
    changed[1:] &= key[1:] != key[:-1]
    places = np.flatnonzero(changed)
    return places[places > settled[_cycle_of(cycles, places)]]


def _cycle_of(cycles: Cycles, places: np.ndarray) -> np.ndarray:
    return cycles.opened.searchsorted(places, side="right") - 1


def _first_exceeded(cycle: np.ndarray, exceeded: np.ndarray, cycles: int) -> tuple[np.ndarray, np.ndarray]:
    """The first exceeded phase of each cycle, else its last one; and whether it is exceeded."""
    if len(cycle) == cycles:
        return np.arange(cycles), exceeded
    chosen = np.flatnonzero(np.append(cycle[1:] != cycle[:-1], True))
    broken = np.flatnonzero(exceeded)[::-1]
    chosen[cycle[broken]] = broken  # the earliest is written last
    return chosen, exceeded[chosen]


def _due(
    runs: Runs,
    cycles: Cycles,
    cycle: np.ndarray,
    goal: np.ndarray,
    target_us: np.ndarray,
    counted_from_us: np.ndarray,
    at_close: AtClose,
) -> np.ndarray:
    due = runs.instant(cycles, cycle, goal, at_close)
    if at_close == "closing":  # a zero target is used up at once, also outside the hours
        due = np.where(target_us == 0, counted_from_us, due)
    return due


def _as_stated(
    due_us: np.ndarray, stated_us: np.ndarray, calendars: Calendars, begun: np.ndarray, ended: np.ndarray
) -> np.ndarray:
    """The stated end instead of the computed one where no counted time lies between the two."""
    mine = np.flatnonzero((stated_us != NEVER) & (due_us != NEVER))
    if not len(mine):
        return due_us
    choice = calendars.at(begun[mine])
    same = calendars.position(choice, due_us[mine]) == calendars.position(choice, stated_us[mine])
    if not isinstance(choice, int):
        same &= choice == calendars.at(ended[mine])
    due_us = due_us.copy()
    due_us[mine[same]] = stated_us[mine[same]]
    return due_us


def _instants(words: list[str], used: np.ndarray) -> np.ndarray:
    """The instant that each word of the event values states, NEVER for the words that are none or not `used`."""
    instants = np.full(len(words), NEVER, dtype=np.int64)
    codes = np.unique(used[used >= 0])
    if len(codes):
        parsed = pd.to_datetime(pd.Series([words[code] for code in codes]), utc=True, format="ISO8601", errors="coerce")
        instants[codes] = pd.DatetimeIndex(parsed).as_unit("us").asi8
    return instants
