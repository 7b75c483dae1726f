"""Phases: the stretches of a cycle in which one target is in force and counting has one beginning."""

from dataclasses import dataclass

import numpy as np

from deskledger.clocks.counting import Runs
from deskledger.clocks.cycles import Cycles
from deskledger.clocks.fields import States
from deskledger.clocks.targets import TargetStates
from deskledger.contract.terms import ClockTerms


@dataclass(frozen=True)
class Phases:
    """One place a phase, in order of cycles and time."""

    cycle: np.ndarray
    place: np.ndarray  # of the event that it begins at
    amount_us: np.ndarray  # its target, where has_target
    has_target: np.ndarray
    key: np.ndarray
    axis: np.ndarray  # counted at its begin, as an axis position
    until_axis: np.ndarray  # at its end
    base: np.ndarray  # where counting began, or began anew at a reset
    counted_from: np.ndarray  # the event whose calendar a target in open days is reckoned by
    counted_from_us: np.ndarray
    begun_us: np.ndarray  # its target is in force from here; nothing is breached or due earlier


def find_phases(states: States, clock: ClockTerms, cycles: Cycles, runs: Runs, targets: TargetStates) -> Phases:
    """The phases of every cycle under the clock's retarget rule; at least one each."""
    block = states.block
    started_us, settled = cycles.started_us, cycles.settled
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
    resets = np.flatnonzero(states.matches(clock.reset) & runs.in_cycle)
    if not len(breaks) and not len(resets):
        number = np.arange(len(cycles))
        amounts, has_target = targets.amounts(key, started_us, settled)
        return Phases(
            cycle=number,
            place=cycles.opened,
            amount_us=amounts,
            has_target=has_target,
            key=key,
            axis=runs.opened_axis,
            until_axis=runs.ended_axis,
            base=runs.opened_axis,
            counted_from=settled,
            counted_from_us=started_us,
            begun_us=begun_us,
        )

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
    settled_there = np.minimum(block.instant_end[places], cycles.ended[cycle] - 1)

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
    begins = np.concatenate([cycles.opened, places])[order][kept]
    until = np.roll(axis, -1)
    final = np.append(is_opening[1:], True)
    until[final] = runs.ended_axis[of_cycle[final]]
    if clock.retarget == "final":  # a reset before the target came into force: nothing was late by then
        ended_us = np.roll(instants, -1)
        idle = ~final & (ended_us <= begun_us[of_cycle])
        until[idle] = axis[idle]
    anchor = np.maximum.accumulate(np.where(fresh, np.arange(len(axis)), 0))
    amounts, has_target = targets.amounts(keys, instants[anchor], event[anchor])
    return Phases(
        cycle=of_cycle,
        place=begins,
        amount_us=amounts,
        has_target=has_target,
        key=keys,
        axis=axis,
        until_axis=until,
        base=axis[anchor],
        counted_from=event[anchor],
        counted_from_us=instants[anchor],
        begun_us=np.maximum(instants, begun_us[of_cycle]),
    )


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
