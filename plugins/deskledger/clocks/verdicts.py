"""Verdicts: when each cycle's target ends, whether and when elapsed time first exceeded it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deskledger.business_time import NEVER, AtClose, BusinessCalendar
from deskledger.clocks.counting import Calendars, Runs
from deskledger.clocks.cycles import Cycles, find_cycles
from deskledger.clocks.fields import States
from deskledger.clocks.phases import Phases, find_phases
from deskledger.clocks.targets import TargetStates
from deskledger.contract.terms import ClockTerms


@dataclass(frozen=True)
class Verdicts:
    """One place a cycle. `NEVER` marks absent instants; `has_target` says whether the target fields mean anything.

    `due_us` is where the target ends as the contract's `at_close` writes it, `in_time_until_us` the last instant at
    which the cycle is still in time whatever it writes: where the target ends at closing time, the next opening.
    """

    has_target: np.ndarray
    target_us: np.ndarray
    due_us: np.ndarray
    in_time_until_us: np.ndarray
    breached_us: np.ndarray
    elapsed_us: np.ndarray


@dataclass(frozen=True)
class Judged:
    """One clock in one block, with everything that its figures rest on."""

    cycles: Cycles
    calendars: Calendars
    runs: Runs
    phases: Phases
    verdicts: Verdicts

    @classmethod
    def of(cls, states: States, clock: ClockTerms, calendars: Mapping[str, BusinessCalendar]) -> "Judged":
        cycles = find_cycles(states, clock)
        chosen = Calendars(states, clock, calendars)
        runs = Runs(states, clock, cycles, chosen)
        targets = TargetStates(states, clock, chosen)
        phases = find_phases(states, clock, cycles, runs, targets)
        return cls(cycles, chosen, runs, phases, _judge(clock, cycles, chosen, runs, targets, phases))


def _judge(
    clock: ClockTerms, cycles: Cycles, calendars: Calendars, runs: Runs, targets: TargetStates, phases: Phases
) -> Verdicts:
    """Target, due and breach instants and elapsed time of each cycle, under the clock's retarget rule.

    A cycle is a row of phases, cut where the target changes or the count is reset. It is breached in the first phase
    at whose end more is counted than its target, from the instant at which that became true. A breach stays: the
    breached target, else the last one in force, is the cycle's target, so that breached means elapsed > target.
    """
    exceeded = phases.has_target & (phases.until_axis - phases.base > phases.amount_us)
    chosen, is_breached = _first_exceeded(phases.cycle, exceeded, len(cycles))

    cycle = phases.cycle[chosen]
    target_us, has_target = phases.amount_us[chosen], phases.has_target[chosen]
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

    until_us = due_us
    if clock.attribution == "due":  # only membership asks for it
        until_us = breached_us.copy()  # up to there a late cycle was in time
        rest = np.flatnonzero(~is_breached)
        reached = runs.instant(cycles, cycle[rest], goal[rest], "next_opening")
        until_us[rest] = np.where(reached == NEVER, due_us[rest], np.maximum(reached, begun_us[rest]))
        until_us[~has_target] = NEVER
    return Verdicts(has_target, target_us, due_us, until_us, breached_us, runs.ended_axis - base)


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
    """`due_us` with the stated end in place of the computed one where no counted time lies between the two."""
    mine = np.flatnonzero((stated_us != NEVER) & (due_us != NEVER))
    if not len(mine):
        return due_us
    choice = calendars.at(begun[mine])
    same = calendars.position(choice, due_us[mine]) == calendars.position(choice, stated_us[mine])
    if not isinstance(choice, int):
        same &= choice == calendars.at(ended[mine])
    due_us[mine[same]] = stated_us[mine[same]]
    return due_us
