"""Targets: how much time is allowed after each event, and where a target that states its own end says that it ends."""

import numpy as np
import pandas as pd

from deskledger.business_time import END_US, NEVER
from deskledger.clocks.counting import Calendars
from deskledger.clocks.fields import States
from deskledger.contract.terms import ClockTerms, Target
from deskledger.errors import ContractError


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
        self.key = states.first_match([target.when for target in clock.targets])
        if any(target.until for target in clock.targets):
            words = list(states.block.history.value.words)
            promise = states.said("eta")
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


def _instants(words: list[str], used: np.ndarray) -> np.ndarray:
    """The instant that each word of the event values states; NEVER for words that are none or not `used`.

    An instant beyond every calendar ("9999-12-31" for a date that nobody knows) is never reached, so it is NEVER too.
    """
    instants = np.full(len(words), NEVER, dtype=np.int64)
    codes = np.unique(used[used >= 0])
    if len(codes):
        parsed = pd.to_datetime(pd.Series([words[code] for code in codes]), utc=True, format="ISO8601", errors="coerce")
        stated = pd.DatetimeIndex(parsed).as_unit("us").asi8
        instants[codes] = np.where(stated < END_US, stated, NEVER)
    return instants
