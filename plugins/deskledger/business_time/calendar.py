"""Business calendars: a monotone function B from instants to open microseconds, and its inverse.

Inside, instants and durations are int64 microseconds (instants since 1970-01-01 UTC), so every result is exact.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from deskledger.business_time.hours import DAY_US, Hours, parse_hours
from deskledger.business_time.spans import merged, to_utc
from deskledger.business_time.zones import load_zone, offset_table
from deskledger.errors import ContractError

AtClose = Literal["closing", "next_opening"]
DayEnd = Literal["same_time", "close"]

NEVER = np.iinfo(np.int64).min  # the bit pattern of NaT
_FIRST_YEAR, _END_YEAR = 3, 9998  # datetime counts from 1 to 9999, and the tables hold a year before and one after
END_US = int(np.datetime64(f"{_END_YEAR}", "us").astype(np.int64))  # instants from here on are beyond any calendar
_BUCKET_BITS = 20  # 40,000 to 90,000 buckets, however many years: they stay within a processor's second cache
_NUMBERS = frozenset({"integer", "floating", "mixed-integer", "mixed-integer-float", "decimal", "boolean"})
_CHUNK = 65_536  # keeps the temporaries of one round in the processor's cache


class BusinessCalendar:
    """One calendar, expanded as far as the instants asked for need it.

    Physical time counts: a wall-clock hour that a zone skips has no time, one that it repeats counts twice. All array
    arguments are instants in UTC (datetime64 of any unit, or pandas with or without a zone; without one UTC is meant)
    and are taken to the microsecond; a single value counts as an array of one; NaT gives NaT.
    """

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._years = (_END_YEAR, _FIRST_YEAR)  # from the first to before the second: no tables yet
        self._anchor: int | None = None  # the first instant ever asked for

    @classmethod
    def from_terms(cls, terms: Mapping[str, Any]) -> "BusinessCalendar":
        """The calendar of a contract's `calendars:` entry (see `hours.parse_hours`). Raises ContractError."""
        return cls(parse_hours(terms))

    def elapsed(self, starts: Any, ends: Any) -> np.ndarray:
        """Open time in [start, end) as timedelta64[us]; 0 where the end is before the start."""
        first, last = np.broadcast_arrays(_instants(starts), _instants(ends))
        spent = np.full(first.shape, NEVER)
        for chunk in _chunks((first != NEVER) & (last != NEVER)):
            spent[chunk] = np.maximum(self.position(last[chunk]) - self.position(first[chunk]), 0)
        return spent.view("timedelta64[us]")

    def deadline(self, starts: Any, targets: Any, at_close: AtClose = "closing") -> np.ndarray:
        """The instant where `targets` (timedelta) of open time after each start are used up, as datetime64[us].

        A target that ends exactly when the calendar closes ends there ("closing"), or when it opens again
        ("next_opening"): the first instant at which elapsed is not below, or the last at which it is not above, the
        target. NaT where that never happens. Raises ValueError for a negative target, ContractError for one without a
        unit and for an unknown `at_close`.
        """
        first, allowed = np.broadcast_arrays(_instants(starts), _durations(targets))
        due = np.full(first.shape, NEVER)
        for chunk in _chunks((first != NEVER) & (allowed != NEVER)):
            begun, target = first[chunk], allowed[chunk]
            if (target < 0).any():
                raise ValueError("a target cannot be negative")
            due[chunk] = self.instant(self.position(begun) + target, at_close)
            if at_close == "closing":  # a zero target is used up at once, also outside the hours
                due[chunk] = np.where(target == 0, begun, due[chunk])
        return due.view("datetime64[us]")

    def open_day_deadline(self, starts: Any, days: Any, day_end: DayEnd = "same_time") -> np.ndarray:
        """The end of the `days`-th open day after the local day of each start, as datetime64[us].

        An open day is one on which hours begin. It ends at the start's own wall-clock time ("same_time"; the first of
        two, the instant of the change for one that is skipped) or when that day's last hours close ("close"). Zero
        days are the start itself. NaT where there are not so many open days. Raises ValueError for a negative number,
        ContractError for an unknown `day_end`.
        """
        first, count = np.broadcast_arrays(_instants(starts), np.atleast_1d(np.asarray(days, dtype=np.int64)))
        due = np.full(first.shape, NEVER)
        known = first != NEVER
        due[known] = self.open_day_deadline_us(first[known], count[known], day_end)
        return due.view("datetime64[us]")

    def open_spans(self, start: Any, end: Any) -> pd.DataFrame:
        """Every open span that meets [start, end), whole: columns opens_at, closes_at. What a statement freezes."""
        lower, upper = int(_instants(start)[0]), int(_instants(end)[0])
        self._cover(lower, upper)
        chosen = slice(self._closes.searchsorted(lower, side="right"), self._opens.searchsorted(upper, side="left"))
        return pd.DataFrame(
            {
                name: pd.to_datetime(values[chosen].view("datetime64[us]"), utc=True)
                for name, values in (("opens_at", self._opens), ("closes_at", self._closes))
            }
        )

    def position(self, instants_us: np.ndarray) -> np.ndarray:
        """B: open microseconds from a fixed origin to each instant (int64 in, int64 out, no missing values)."""
        if not instants_us.size:
            return np.empty(0, dtype=np.int64)
        self._cover(int(instants_us.min()), int(instants_us.max()))
        return self._counted(instants_us)

    def instant(self, positions: np.ndarray, at_close: AtClose) -> np.ndarray:
        """B's inverse: the first instant with B >= position ("closing") or > position ("next_opening"); else NEVER.

        Positions count from what `position` was first asked for; there is no inverse before it was.
        """
        _check_word("at_close", at_close, AtClose)
        if not positions.size:
            return positions
        side: Literal["left", "right"] = "left" if at_close == "closing" else "right"
        while True:
            span = self._spent.searchsorted(positions, side=side)
            reached = span < len(self._spent)
            if reached.all() or not self._grow():
                return np.where(reached, self._offset_of[span] + positions, NEVER)

    def open_day_deadline_us(self, starts_us: np.ndarray, days: np.ndarray, day_end: DayEnd) -> np.ndarray:
        """`open_day_deadline` on int64 microseconds without missing values."""
        _check_word("day_end", day_end, DayEnd)
        if not starts_us.size:
            return np.empty(0, dtype=np.int64)
        if (days < 0).any():
            raise ValueError("a target cannot be negative")
        self._cover(int(starts_us.min()), int(starts_us.max()))
        local = self._zone_table.to_local(starts_us)
        while True:
            wanted = self._open_days.searchsorted(local // DAY_US, side="right") + days - 1
            reached = wanted < len(self._open_days)
            if reached.all() or not self._grow():
                break
        due = np.where(days == 0, starts_us, NEVER)
        later = reached & (days > 0)
        chosen = wanted[later]
        if day_end == "close":
            due[later] = self._zone_table.to_utc(self._day_closes[chosen], latest=True)
        else:
            due[later] = self._zone_table.to_utc(self._open_days[chosen] * DAY_US + local[later] % DAY_US)
        return due

    def pieces(self, lower_us: int, upper_us: int) -> tuple[np.ndarray, np.ndarray]:
        """The time axis cut where its nature changes: (edges, words); words[i] holds from edges[i-1] to edges[i].

        Words are "open", "holiday" and "outside business hours"; both arrays cover [lower, upper) and more.
        """
        self._cover(lower_us, upper_us)
        holidays = self._hours.holidays_between(*self._years)
        closed_days = [day for day, spans in self._hours.special_days.items() if not spans]
        days = np.union1d(holidays, np.array(closed_days, dtype=np.int64))
        begins = self._zone_table.to_utc(days * DAY_US)
        ends = self._zone_table.to_utc((days + 1) * DAY_US)
        edges = np.unique(np.concatenate([self._edges, begins, ends]))
        is_open = self._edges.searchsorted(edges, side="right") % 2 == 1
        is_holiday = begins.searchsorted(edges, side="right") > ends.searchsorted(edges, side="right")
        words = np.where(is_open, "open", np.where(is_holiday, "holiday", "outside business hours"))
        return edges, np.append("outside business hours", words)

    def _cover(self, lower_us: int, upper_us: int) -> None:
        """Make the tables hold both instants, and a whole year on either side.

        So hours that begin the day before, and days that begin earlier or end later than those of UTC, are in them.
        Raises ValueError beyond the years that can be counted.
        """
        years = min(_year(lower_us) - 1, self._years[0]), max(_year(upper_us) + 2, self._years[1])
        if self._anchor is None:
            self._anchor = lower_us
        if years != self._years:
            self._build(*years)

    def _grow(self) -> bool:
        """Double the tables upwards; False where that cannot find any more open time."""
        first, end = self._years
        if end >= _END_YEAR or not self._hours.can_open_from(_first_day(end)):
            return False
        self._build(first, min(end + end - first, _END_YEAR))
        return True

    def _build(self, first_year: int, end_year: int) -> None:
        """Expand the hours that begin in [first_year, end_year) into sorted, disjoint open spans in UTC."""
        first_day, end_day = _first_day(first_year), _first_day(end_year)
        # The hours of the last local day may end two days later in UTC.
        zone = offset_table(load_zone(self._hours.timezone), first_day, end_day + 2)
        holidays = self._hours.holidays_between(first_year, end_year)
        begun, opens, closes = self._hours.local_spans(np.arange(first_day, end_day), holidays)
        self._open_days, day_of = np.unique(begun, return_inverse=True)
        self._day_closes = np.full(len(self._open_days), NEVER)
        np.maximum.at(self._day_closes, day_of, closes)
        self._opens, self._closes = merged(*to_utc(*merged(opens, closes), zone))
        self._zone_table, self._years = zone, (first_year, end_year)
        self._tabulate(first_day, end_day)

    def _tabulate(self, first_day: int, end_day: int) -> None:
        """The search tables of [first_day, end_day)."""
        lengths = self._closes - self._opens
        spent = np.cumsum(lengths)
        self._edges = np.column_stack([self._opens, self._closes]).ravel()
        # Piece i of the axis lies before edges[i]: closed, open, closed, ...; B = level, plus the instant where open.
        self._level = np.zeros(len(self._edges) + 1, dtype=np.int64)
        self._level[1::2] = spent - lengths - self._opens
        self._level[2::2] = spent
        # Buckets of equal length say where a search would arrive, but for the few edges inside the bucket.
        self._shift = (end_day - first_day).bit_length() + _BUCKET_BITS
        self._lower = first_day * DAY_US
        self._bucket = self._edges.searchsorted(np.arange(self._lower, end_day * DAY_US, 1 << self._shift))
        self._inside = int(np.diff(self._bucket).max())
        self._barriers = np.append(self._edges, np.iinfo(np.int64).max)
        # B is 0 at the anchor, also when the tables have grown: positions taken before stay good.
        origin = self._counted(np.array([self._anchor]))
        self._level -= origin
        self._spent = spent - origin
        self._offset_of = np.append(self._closes - self._spent, NEVER)  # the last one for what is not reached

    def _counted(self, instants_us: np.ndarray) -> np.ndarray:
        """B of instants in the tables; at an edge the pieces before and after it give the same."""
        piece = self._bucket[(instants_us - self._lower) >> self._shift]
        for _ in range(self._inside):
            piece += self._barriers[piece] < instants_us
        return self._level[piece] + instants_us * (piece & 1)


def _check_word(name: str, word: str, words: Any) -> None:
    if word not in get_args(words):
        raise ContractError(f"there is no {name} {word!r}", remedy=f"Use one of {', '.join(get_args(words))}.")


def _year(instant_us: int) -> int:
    year = int(np.datetime64(instant_us, "us").astype("datetime64[Y]").astype(np.int64)) + 1970
    if not _FIRST_YEAR <= year < _END_YEAR:
        raise ValueError(f"year {year} is outside the calendar ({_FIRST_YEAR} to {_END_YEAR - 1})")
    return year


def _first_day(year: int) -> int:
    """The first of January, in days since 1970-01-01."""
    return int(np.datetime64(f"{year:04}", "D").astype(np.int64))


def _chunks(is_known: np.ndarray) -> list[np.ndarray]:
    places = np.flatnonzero(is_known)
    return [places[begin : begin + _CHUNK] for begin in range(0, len(places), _CHUNK)]


def _instants(values: Any) -> np.ndarray:
    if np.ndim(values) == 0:
        values = [values]
    if infer_dtype(values, skipna=True) in _NUMBERS:
        raise ContractError("an instant is given as a number", remedy="Give a datetime, or datetime64 with its unit.")
    return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("us").asi8


def _durations(values: Any) -> np.ndarray:
    if np.ndim(values) == 0:
        values = [values]
    if infer_dtype(values, skipna=True) not in {"timedelta", "timedelta64", "datetime", "empty"}:  # NaT is a datetime
        raise ContractError(
            "a target is given without a unit", remedy="Give a timedelta, or timedelta64 with its unit."
        )
    return pd.TimedeltaIndex(pd.to_timedelta(values)).as_unit("us").asi8
