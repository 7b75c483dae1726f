"""Open hours of shifts, customers and vendors, as fast piecewise-linear time: instants and work in whole seconds.

On purpose not the engine's business time: what writes the scene must not share an error with what measures it.
"""

import holidays
import numpy as np
import pandas as pd

SECONDS_A_DAY = 86_400


class OpenHours:
    """Daily hours in one zone over a range of days, closed on given weekdays and dates.

    All arguments and results of the methods are int64 seconds since the epoch, UTC, or seconds of open time.
    """

    def __init__(
        self,
        timezone: str,
        opens: str,
        closes: str,
        first: pd.Timestamp,
        last: pd.Timestamp,
        *,
        weekdays: int = 5,
        closed: frozenset[str] = frozenset(),
    ) -> None:
        """`first` and `last` are naive days; `weekdays` counts from Monday; `closed` are ISO dates."""
        days = pd.date_range(first.normalize(), last.normalize(), freq="D")
        open_days = days[(days.weekday < weekdays) & ~days.strftime("%Y-%m-%d").isin(list(closed))]
        self._opens = _utc_seconds(open_days + pd.Timedelta(f"{opens}:00"), timezone)
        self._closes = _utc_seconds(open_days + pd.Timedelta(f"{closes}:00"), timezone)
        lengths = self._closes - self._opens
        self._ends = np.cumsum(lengths)
        self._begins = self._ends - lengths

    def so_far(self, at: np.ndarray) -> np.ndarray:
        """Open seconds before each instant."""
        index = np.maximum(np.searchsorted(self._opens, at, side="right") - 1, 0)
        inside = np.clip(at - self._opens[index], 0, self._closes[index] - self._opens[index])
        return self._begins[index] + inside

    def after(self, at: np.ndarray, work: np.ndarray | int) -> np.ndarray:
        """The instant at which `work` open seconds have passed; a moment of closing becomes the next opening."""
        wanted = self.so_far(at) + work
        index = np.minimum(np.searchsorted(self._ends, wanted, side="right"), len(self._ends) - 1)
        return self._opens[index] + (wanted - self._begins[index])

    def is_open(self, at: np.ndarray) -> np.ndarray:
        """Whether each instant lies inside the hours (opening included, closing not)."""
        index = np.maximum(np.searchsorted(self._opens, at, side="right") - 1, 0)
        return (at >= self._opens[index]) & (at < self._closes[index])

    def left(self, at: np.ndarray) -> np.ndarray:
        """Open seconds until the next closing (0 while closed)."""
        index = np.maximum(np.searchsorted(self._opens, at, side="right") - 1, 0)
        return np.where(self.is_open(at), self._closes[index] - at, 0)


def public_holidays(country: str, subdivision: str | None, first: pd.Timestamp, last: pd.Timestamp) -> frozenset[str]:
    """ISO dates of the public holidays of a country's region from `first` to `last`."""
    known = holidays.country_holidays(country, subdiv=subdivision, years=range(first.year, last.year + 1))
    return frozenset(day.isoformat() for day in known)


def _utc_seconds(local: pd.DatetimeIndex, timezone: str) -> np.ndarray:
    zoned = local.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward")
    return zoned.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
