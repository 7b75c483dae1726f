"""Business calendars: a monotone function B from instants to open microseconds, and its inverse.

Inside, instants and durations are int64 microseconds (instants since 1970-01-01 UTC), so every result is exact.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from deskledger.business_time.hours import DAY_US, Hours, parse_hours
from deskledger.business_time.spans import merged, to_utc
from deskledger.business_time.zones import load_zone, offset_table

AtClose = Literal["closing", "next_opening"]
DayEnd = Literal["same_time", "close"]

NEVER = np.iinfo(np.int64).min  # the bit pattern of NaT
_FIRST_YEAR, _END_YEAR = 2, 9998  # what datetime can count with two days' margin
_BUCKET_BITS = 17  # the table of buckets stays within a processor's second cache
_BUCKET_EDGES = 4  # with more edges in one bucket a search is quicker
_CHUNK = 65_536  # keeps the temporaries of one round in the processor's cache


class BusinessCalendar:
    """One calendar, expanded as far as the instants asked for need it.

    Physical time counts: a wall-clock hour that a zone skips has no time, one that it repeats counts twice. All array
    arguments are instants in UTC (datetime64 of any unit, or pandas with or without a zone; without one UTC is meant)
    and are taken to the microsecond; a single value counts as an array of one; NaT gives NaT.
    """

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._anchor: int | None = None  # until the first instants are asked for, there are no tables either

    @classmethod
    def from_terms(cls, terms: Mapping[str, Any]) -> "BusinessCalendar":
        """The calendar of a contract's `calendars:` entry (see `hours.parse_hours`). Raises ContractError."""
        return cls(parse_hours(terms))

    def elapsed(self, starts: Any, ends: Any) -> np.ndarray:
        """Open time in [start, end) as timedelta64[us]; 0 where the end is before the start."""
        first, last = np.broadcast_arrays(_instants(starts), _instants(ends))
        missing = (first == NEVER) | (last == NEVER)
        if missing.any():
            first, last = np.where(missing, 0, first), np.where(missing, 0, last)
        spent = np.empty(first.shape, dtype=np.int64)
        for chunk in _chunks(len(spent)):
            np.subtract(self.position(last[chunk]), self.position(first[chunk]), out=spent[chunk])
        np.maximum(spent, 0, out=spent)
        spent[missing] = NEVER
        return spent.view("timedelta64[us]")

    def deadline(self, starts: Any, targets: Any, at_close: AtClose = "closing") -> np.ndarray:
        """The instant where `targets` (timedelta) of open time after each start are used up, as datetime64[us].

        A target that ends exactly when the calendar closes ends there ("closing"), or when it opens again
        ("next_opening"): the first instant at which elapsed is not below, or the last at which it is not above, the
        target. NaT where that never happens. Raises ValueError for a negative target.
        """
        first, allowed = np.broadcast_arrays(_instants(starts), _durations(targets))
        missing = (first == NEVER) | (allowed == NEVER)
        if (allowed[~missing] < 0).any():
            raise ValueError("a target cannot be negative")
        first, allowed = np.where(missing, 0, first), np.where(missing, 0, allowed)
        due = np.empty(first.shape, dtype=np.int64)
        for chunk in _chunks(len(due)):
            due[chunk] = self.deadline_us(first[chunk], allowed[chunk], at_close)
        due[missing] = NEVER
        return due.view("datetime64[us]")

    def open_day_deadline(self, starts: Any, days: Any, day_end: DayEnd = "same_time") -> np.ndarray:
        """The end of the `days`-th open day after the local day of each start, as datetime64[us].

        An open day is one on which hours begin. It ends at the start's own wall-clock time ("same_time"; the first of
        two, the instant of the change for one that is skipped) or when that day's last hours close ("close"). Zero
        days are the start itself. NaT where there are not so many open days.
        """
        first, count = np.broadcast_arrays(_instants(starts), np.atleast_1d(np.asarray(days, dtype=np.int64)))
        missing = first == NEVER
        due = self.open_day_deadline_us(np.where(missing, 0, first), count, day_end)
        due[missing] = NEVER
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
        piece = self._piece(instants_us)
        return self._level[piece] + instants_us * (piece & 1)

    def instant(self, positions: np.ndarray, at_close: AtClose) -> np.ndarray:
        """B's inverse: the first instant with B >= position ("closing") or > position ("next_opening"); else NEVER."""
        side: Literal["left", "right"] = "left" if at_close == "closing" else "right"
        if not positions.size:
            return positions
        self._reach(int(positions.max()), side)
        span = self._spent.searchsorted(positions, side=side)
        reached = span < len(self._spent)
        if not reached.all():
            span = np.where(reached, span, 0)
        found = self._offset_of[span] + positions if len(self._spent) else positions
        return found if reached.all() else np.where(reached, found, NEVER)

    def deadline_us(self, starts_us: np.ndarray, targets_us: np.ndarray, at_close: AtClose) -> np.ndarray:
        """`deadline` on int64 microseconds without missing values."""
        found = self.instant(self.position(starts_us) + targets_us, at_close)
        if at_close == "closing":  # a zero target is used up at once, also outside the hours
            found = np.where(targets_us == 0, starts_us, found)
        return found

    def open_day_deadline_us(self, starts_us: np.ndarray, days: np.ndarray, day_end: DayEnd) -> np.ndarray:
        """`open_day_deadline` on int64 microseconds without missing values."""
        if not starts_us.size:
            return np.empty(0, dtype=np.int64)
        if (days < 0).any():
            raise ValueError("a target cannot be negative")
        self._cover(int(starts_us.min()), int(starts_us.max()))
        while True:
            local = self._zone_table.to_local(starts_us)
            day = local // DAY_US
            wanted = self._open_days.searchsorted(day, side="right") + days - 1
            # A day in the margin beyond the horizon may not be complete.
            beyond = wanted >= self._open_days.searchsorted(self._horizon[1] // DAY_US - 2)
            if not (beyond & (days > 0)).any() or not self._grow_up():
                break
        last = len(self._open_days) - 1
        if last < 0:
            return np.where(days == 0, starts_us, NEVER)
        chosen = np.clip(wanted, 0, last)
        if day_end == "close":
            due = self._zone_table.to_utc(self._day_closes[chosen], latest=True)
        else:
            due = self._zone_table.to_utc(self._open_days[chosen] * DAY_US + local % DAY_US)
        due = np.where(wanted > last, NEVER, due)
        return np.where(days == 0, starts_us, due)

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
        middles = np.concatenate([edges, [np.iinfo(np.int64).max]]) - 1  # a piece is known by its last microsecond
        is_open = self._edges.searchsorted(middles, side="right") % 2 == 1
        nearest = np.maximum(begins.searchsorted(middles, side="right") - 1, 0)
        is_holiday = (begins[nearest] <= middles) & (middles < ends[nearest]) if len(days) else np.zeros_like(is_open)
        words = np.where(is_open, "open", np.where(is_holiday, "holiday", "outside business hours"))
        return edges, words

    def _cover(self, lower_us: int, upper_us: int) -> None:
        """Make the horizon hold both instants. Raises ValueError beyond the years that can be counted."""
        if self._anchor is None:
            self._build(_year(lower_us), _year(upper_us) + 2)
        elif lower_us < self._horizon[0] or upper_us >= self._horizon[1]:
            self._build(min(_year(lower_us), self._years[0]), max(_year(upper_us) + 2, self._years[1]))

    def _reach(self, position: int, side: Literal["left", "right"]) -> None:
        if self._anchor is None:
            self._build(1970, 1972)
        while not len(self._spent) or position > self._spent[-1] or (side == "right" and position == self._spent[-1]):
            if not self._grow_up():
                return

    def _grow_up(self) -> bool:
        """Double the horizon upwards; False where that cannot find any more open time."""
        first, end = self._years
        if end >= _END_YEAR:
            return False
        if not any(self._hours.weekly):
            last = self._hours.last_irregular_day()
            if last is None or last * DAY_US < self._horizon[1] - 2 * DAY_US:
                return False
        self._build(first, min(end + max(end - first, 2), _END_YEAR))
        return True

    def _build(self, first_year: int, end_year: int) -> None:
        """Expand the hours of [first_year, end_year) into sorted, disjoint open spans in UTC."""
        first_year, end_year = max(first_year, _FIRST_YEAR), min(end_year, _END_YEAR)
        lower, upper = _year_start(first_year), _year_start(end_year)
        zone = offset_table(load_zone(self._hours.timezone), first_year, end_year)
        days = np.arange(lower // DAY_US - 2, upper // DAY_US + 3, dtype=np.int64)
        # The margin reaches into the years before and after.
        holidays = self._hours.holidays_between(max(first_year - 1, 1), end_year + 1)
        begun, opens, closes = self._hours.local_spans(days, holidays)
        self._open_days, day_of = np.unique(begun, return_inverse=True)
        self._day_closes = np.full(len(self._open_days), np.iinfo(np.int64).min)
        np.maximum.at(self._day_closes, day_of, closes)
        opens, closes = to_utc(*merged(opens, closes), zone)
        opens, closes = np.maximum(opens, lower), np.minimum(closes, upper)
        kept = opens < closes
        self._opens, self._closes = merged(opens[kept], closes[kept])
        self._zone_table, self._years, self._horizon = zone, (first_year, end_year), (lower, upper)
        if self._anchor is None:
            self._anchor = lower
        self._tabulate(self._anchor)

    def _tabulate(self, anchor: int) -> None:
        """The search tables. B keeps its origin when the horizon grows, so positions taken before stay good."""
        lengths = self._closes - self._opens
        spent = np.cumsum(lengths)
        edges = np.empty(2 * len(lengths), dtype=np.int64)
        edges[0::2], edges[1::2] = self._opens, self._closes
        # Piece i of the axis lies before edges[i]: closed, open, closed, ...; B = level, plus the instant where open.
        level = np.zeros(len(edges) + 1, dtype=np.int64)
        level[1::2] = spent - lengths - self._opens
        level[2::2] = spent
        piece = int(edges.searchsorted(anchor, side="right"))
        origin = int(level[piece] + anchor * (piece & 1))
        self._edges, self._level = edges, level - origin
        self._spent = spent - origin
        self._offset_of = self._closes - self._spent
        # Buckets of equal length say where a search would arrive, but for the few edges inside the bucket.
        lower, upper = self._horizon
        self._shift = max((upper - lower).bit_length() - _BUCKET_BITS, 0)
        begins = lower + (np.arange(((upper - lower) >> self._shift) + 2, dtype=np.int64) << self._shift)
        self._bucket = edges.searchsorted(begins, side="right").astype(np.int32)
        self._inside = int(np.diff(self._bucket).max())
        self._barriers = np.append(edges, np.iinfo(np.int64).max)

    def _piece(self, instants_us: np.ndarray) -> np.ndarray:
        """How many edges lie at or before each instant of the horizon."""
        if self._inside > _BUCKET_EDGES:
            return self._edges.searchsorted(instants_us, side="right")
        piece = self._bucket[(instants_us - self._horizon[0]) >> self._shift].astype(np.int64)
        for _ in range(self._inside):
            piece += self._barriers[piece] <= instants_us
        return piece


def _year(instant_us: int) -> int:
    year = int(np.datetime64(instant_us, "us").astype("datetime64[Y]").astype(np.int64)) + 1970
    if not _FIRST_YEAR <= year < _END_YEAR:
        raise ValueError(f"year {year} is outside the calendar ({_FIRST_YEAR} to {_END_YEAR - 1})")
    return year


def _year_start(year: int) -> int:
    return int(np.datetime64(datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None), "us").astype(np.int64))


def _chunks(length: int) -> list[slice]:
    return [slice(begin, begin + _CHUNK) for begin in range(0, length, _CHUNK)]


def _instants(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray | np.datetime64) and values.dtype.kind == "M":
        return np.atleast_1d(values).astype("datetime64[us]", copy=False).view(np.int64)
    if np.ndim(values) == 0:
        values = [values]
    return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("us").asi8


def _durations(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray | np.timedelta64) and values.dtype.kind == "m":
        return np.atleast_1d(values).astype("timedelta64[us]", copy=False).view(np.int64)
    if np.ndim(values) == 0:
        values = [values]
    return pd.TimedeltaIndex(pd.to_timedelta(values)).as_unit("us").asi8
