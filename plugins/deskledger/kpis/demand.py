"""Demand against its forecast, and days that moved too far from it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# The median absolute deviation of a normal distribution is 0.6745 of its standard deviation.
_MAD_OF_SIGMA = 0.6745


@dataclass(frozen=True)
class Limits:
    """What a day is compared with: the same weekday of so many weeks, at least so many, and how far is too far.

    `limit` is in units of the weekday's own spread; the choice is the desk's, not ours.
    """

    weeks: int
    minimum_weeks: int
    limit: float


def against_forecast(before: pd.Series, counts: pd.Series, limits: Limits) -> pd.DataFrame:
    """Each day's count beside what was expected of it from before the first of them, with limits and verdict.

    `before` and `counts` are whole numbers a calendar day (index: naive days); `counts` come after `before`. A day is
    expected to be the median of the last `limits.weeks` same weekdays before (a seasonal naive forecast made robust:
    Hyndman and Athanasopoulos, Forecasting, 3rd ed., 5.2). Its spread is the larger of the median absolute deviation
    over 0.6745 (Iglewicz and Hoaglin, 1993: the modified z score) and the square root of the expected count, which a
    Poisson count has by nature (a c chart's), and at least 1. Columns count, weeks (of history), expected, low, high,
    move: `up` above high, `down` below low, `none` within, missing with fewer than `limits.minimum_weeks`.
    """
    past = before[before.index < counts.index.min()].sort_index()
    recent = past.groupby(_weekday(past)).tail(limits.weeks)
    weekday = _weekday(recent)
    middle = recent.groupby(weekday).median()
    deviation = (recent - middle.reindex(weekday).to_numpy()).abs().groupby(weekday).median()
    spread = np.maximum(deviation / _MAD_OF_SIGMA, np.sqrt(middle)).clip(lower=1)
    days = _weekday(counts)
    weeks = recent.groupby(weekday).size().reindex(days).fillna(0).to_numpy(dtype="int64")
    is_enough = weeks >= max(1, limits.minimum_weeks)
    expected = np.where(is_enough, middle.reindex(days).to_numpy(dtype=float), np.nan)
    reach = limits.limit * spread.reindex(days).to_numpy(dtype=float)
    low, high = np.maximum(expected - reach, 0), expected + reach
    found = counts.to_numpy(dtype=float)
    move = np.select([found > high, found < low], ["up", "down"], default="none")
    return pd.DataFrame(
        {
            "count": counts.to_numpy(dtype="int64"),
            "weeks": weeks,
            "expected": expected,
            "low": low,
            "high": high,
            "move": pd.Series(move, index=counts.index, dtype="str").where(is_enough),
        },
        index=counts.index,
    )


def _weekday(days: pd.Series) -> pd.Index:
    return pd.Index(pd.DatetimeIndex(days.index).dayofweek)
