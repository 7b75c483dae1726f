"""Counted time: the runs in which a clock ticks, as positions on one integer axis a block.

The axis holds the open microseconds of all runs one after another, so the time counted between any two moments of a
cycle is a difference, and the moment at which a target is used up is one search.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from deskledger.business_time import NEVER, AtClose, BusinessCalendar
from deskledger.clocks.cycles import Cycles
from deskledger.clocks.fields import SIDES, States
from deskledger.contract.terms import ClockTerms
from deskledger.errors import ContractError


class Calendars:
    """The calendar that applies after each event of a block, of the clock's choices."""

    def __init__(self, states: States, clock: ClockTerms, calendars: Mapping[str, BusinessCalendar]) -> None:
        choices = clock.calendars
        absent = sorted({each.calendar for each in choices} - set(calendars))
        if absent or not choices:
            raise ContractError(
                f"clock {clock.name} has no calendar {', '.join(absent)}".rstrip(),
                where=clock.clause,
                remedy="Name a calendar of the same version.",
            )
        self._calendars: Sequence[BusinessCalendar] = [calendars[each.calendar] for each in choices]
        self.choice = states.first_match([each.when for each in choices])

    def at(self, places: np.ndarray) -> np.ndarray | int:
        """The number of the calendar after each of these events; one int where all tickets share one."""
        return self.choice if isinstance(self.choice, int) else self.choice[places]

    def position(self, choice: np.ndarray | int, instants_us: np.ndarray) -> np.ndarray:
        """Open time of the chosen calendars up to each instant, from an origin that differs between calendars."""
        if isinstance(choice, int):
            return self._calendars[choice].position(instants_us)
        positions = np.zeros(len(instants_us), dtype=np.int64)
        for number, mine in self._parts(choice):
            positions[mine] = self._calendars[number].position(instants_us[mine])
        return positions

    def instant(self, choice: np.ndarray | int, positions: np.ndarray, at_close: AtClose) -> np.ndarray:
        """The inverse of `position`."""
        if isinstance(choice, int):
            return self._calendars[choice].instant(positions, at_close)
        instants = np.full(len(positions), NEVER, dtype=np.int64)
        for number, mine in self._parts(choice):
            instants[mine] = self._calendars[number].instant(positions[mine], at_close)
        return instants

    def calendar_parts(
        self, choice: np.ndarray | int, length: int
    ) -> list[tuple[BusinessCalendar, np.ndarray | slice]]:
        """Each calendar in use with the places that use it."""
        if isinstance(choice, int):
            return [(self._calendars[choice], slice(0, length))]
        return [(self._calendars[number], mine) for number, mine in self._parts(choice)]

    def _parts(self, choice: np.ndarray) -> list[tuple[int, np.ndarray]]:
        parts = ((number, np.flatnonzero(choice == number)) for number in range(len(self._calendars)))
        return [(number, mine) for number, mine in parts if len(mine)]


def counted_states(states: States, clock: ClockTerms) -> np.ndarray | None:
    """Whether the clock ticks after each event while a cycle is open; None stands for always."""
    ticks = None if not clock.pause else ~states.in_status(clock.pause)
    if clock.counts is not None:
        counted = np.array([side in clock.counts for side in SIDES])
        held = counted[states.side(clock)]
        ticks = held if ticks is None else ticks & held
    return ticks


class Runs:
    """The runs of one clock in one block: maximal stretches of a cycle that tick on one calendar, in event order."""

    def __init__(self, states: States, clock: ClockTerms, cycles: Cycles, calendars: Calendars) -> None:
        block = states.block
        self._block, self._calendars = block, calendars
        length = len(block)
        steps = np.zeros(length + 1, dtype=np.int8)
        steps[cycles.opened] += 1
        steps[cycles.ended] -= 1
        self.in_cycle = np.cumsum(steps[:-1], dtype=np.int8).view(bool)
        ticks = counted_states(states, clock)
        counted = self.in_cycle if ticks is None else self.in_cycle & ticks

        change = block.is_first.copy()
        change[cycles.opened] = True
        change[1:] |= counted[1:] != counted[:-1]
        if not isinstance(calendars.choice, int):
            change[1:] |= calendars.choice[1:] != calendars.choice[:-1]
            if (calendars.choice[counted] < 0).any():
                raise ContractError(
                    f"clock {clock.name} counts time of tickets that none of its calendars is for",
                    where=clock.clause,
                    remedy="End the list of calendars with one without conditions.",
                )
        bounds = np.append(np.flatnonzero(change), length)
        kept = np.flatnonzero(counted[bounds[:-1]])
        self.begins = bounds[kept]  # place of the event that each run begins at
        self.ends = bounds[kept + 1]  # place of the event that ends it, or after the ticket's last one
        ended_us = np.append(block.at_us, block.as_of_us)[self.ends]
        if length:
            ended_us = np.where(self.ends == block.end[self.begins], block.as_of_us, ended_us)
        self.choice = calendars.at(self.begins)
        self.position = calendars.position(self.choice, block.at_us[self.begins])
        lengths = calendars.position(self.choice, ended_us) - self.position
        self.axis = np.zeros(len(lengths) + 1, dtype=np.int64)  # axis[i]: counted before run i
        np.cumsum(lengths, out=self.axis[1:])
        self.last = self.begins.searchsorted(cycles.ended)  # the run after each cycle's last one
        self.opened_axis = self.axis[self.begins.searchsorted(cycles.opened)]
        self.ended_axis = self.axis[self.last]

    def axis_at(self, places: np.ndarray) -> np.ndarray:
        """The axis position of events inside cycles."""
        run = self.begins.searchsorted(places) - 1  # that begins before it
        inside = (run >= 0) & (self.ends[run] > places) if len(self.ends) else np.zeros(len(places), dtype=bool)
        reached = self.axis[run + 1]
        if inside.any():
            part, mine = run[inside], places[inside]
            choice = self.choice if isinstance(self.choice, int) else self.choice[part]
            now = self._calendars.position(choice, self._block.at_us[mine])
            reached[inside] = self.axis[part] + now - self.position[part]
        return reached

    def instant(self, cycles: Cycles, number: np.ndarray, goal: np.ndarray, at_close: AtClose) -> np.ndarray:
        """When cycles `number` reach the axis position `goal`.

        "closing": the first instant at which it is reached, for goals beyond the opening; "next_opening": the first
        after which it is exceeded. Past
        the end of a cycle it is projected as if the clock ticked on from there.
        """
        last = self.last[number]
        run = self.axis[1:].searchsorted(goal, side="left" if at_close == "closing" else "right")
        inside = run < last
        end = cycles.ended[number]
        base_at = cycles.finished_us[number]
        choice = self._calendars.at(end - 1)
        position = self._calendars.position(choice, base_at) + goal - self.axis[last]
        mine = run[inside]
        position[inside] = self.position[mine] + goal[inside] - self.axis[mine]
        if not isinstance(choice, int):
            choice[inside] = self.choice[mine]  # type: ignore[index]
        return self._calendars.instant(choice, position, at_close)


def held_us(states: States, clock: ClockTerms, cycles: Cycles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Physical time of each cycle held by the provider, the customer and third parties; together its whole span."""
    whole = cycles.finished_us - cycles.started_us
    customer, third_party = (total[cycles.ended] - total[cycles.opened] for total in states.held_before(clock))
    return whole - customer - third_party, customer, third_party
