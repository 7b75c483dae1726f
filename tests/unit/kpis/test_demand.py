"""Demand against its forecast: worked days at both sides of the limit, and a slow obvious oracle."""

from statistics import median

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import kpis

LIMITS = kpis.Limits(weeks=4, minimum_weeks=3, limit=2.0)
MONDAY = pd.Timestamp("2026-03-02")


def _weeks(*counts: int) -> pd.Series:
    """Counts of the Mondays before MONDAY, the nearest last."""
    days = [MONDAY - pd.Timedelta(weeks=back) for back in range(len(counts), 0, -1)]
    return pd.Series(counts, index=pd.DatetimeIndex(days), dtype="int64")


def _judged(before: pd.Series, count: int) -> pd.Series:
    return kpis.against_forecast(before, pd.Series([count], index=[MONDAY]), LIMITS).iloc[0]


@pytest.mark.parametrize(
    ("before", "count", "low", "high", "move"),
    [
        # median 100, all alike: the spread is Poisson's, sqrt(100) = 10, so 80 to 120
        ((100, 100, 100, 100), 120, 80, 120, "none"),
        ((100, 100, 100, 100), 121, 80, 120, "up"),
        ((100, 100, 100, 100), 80, 80, 120, "none"),
        ((100, 100, 100, 100), 79, 80, 120, "down"),
        # median 10,000, every Monday 1,349 from it: 1,349 / 0.6745 = 2,000, more than sqrt(10,000) = 100
        ((8651, 11349, 8651, 11349), 13999, 6000, 14000, "none"),
        ((8651, 11349, 8651, 11349), 14001, 6000, 14000, "up"),
        ((8651, 11349, 8651, 11349), 6001, 6000, 14000, "none"),
        ((8651, 11349, 8651, 11349), 5999, 6000, 14000, "down"),
        ((0, 0, 0, 0), 2, 0, 2, "none"),  # a spread of at least one ticket
        ((0, 0, 0, 0), 3, 0, 2, "up"),
        ((900, 100, 100, 100), 121, 80, 120, "up"),  # one bad Monday moves neither median nor limits
        ((500, 100, 100, 100, 100), 120, 80, 120, "none"),  # only the last four weeks count
    ],
)
def test_a_day_is_judged_by_its_weekday(before: tuple[int, ...], count: int, low: int, high: int, move: str) -> None:
    found = _judged(_weeks(*before), count)
    assert (found["low"], found["high"], found["move"]) == (pytest.approx(low), pytest.approx(high), move)


def test_with_too_little_history_nothing_is_said() -> None:
    found = _judged(_weeks(100, 100), 500)
    assert found["weeks"] == 2 and pd.isna(found["expected"]) and pd.isna(found["move"])
    assert _judged(_weeks(), 5)["weeks"] == 0


def test_the_month_itself_is_no_part_of_its_forecast() -> None:
    before = _weeks(10, 10, 10)
    later = pd.concat([before, pd.Series([999], index=[MONDAY + pd.Timedelta(weeks=1)])])
    assert _judged(later, 10).tolist()[:3] == [10, 3, 10]


def test_days_that_are_judged_are_no_part_of_what_they_are_judged_by() -> None:
    counts = pd.Series([10, 70], index=[MONDAY, MONDAY + pd.Timedelta(weeks=1)])
    told = kpis.against_forecast(_weeks(10, 20, 30), counts, LIMITS)
    whole = kpis.against_forecast(pd.concat([_weeks(10, 20, 30), counts]), counts, LIMITS)
    pd.testing.assert_frame_equal(told, whole)
    assert told[["weeks", "expected"]].to_numpy().tolist() == [[3, 20], [3, 20]]


def test_no_day_no_row() -> None:
    assert len(kpis.against_forecast(_weeks(1), pd.Series([], index=pd.DatetimeIndex([]), dtype="int64"), LIMITS)) == 0


_counts = st.lists(st.integers(0, 60), min_size=0, max_size=40)


@settings(deadline=None)
@given(_counts, st.lists(st.integers(0, 60), min_size=1, max_size=9), st.integers(1, 5), st.integers(1, 3))
def test_every_day_against_a_slow_oracle(before: list[int], counts: list[int], weeks: int, minimum: int) -> None:
    limits = kpis.Limits(weeks, minimum, 1.5)
    past = pd.Series(before, index=pd.date_range(end=MONDAY - pd.Timedelta(days=1), periods=len(before)), dtype="int64")
    found = kpis.against_forecast(past, pd.Series(counts, index=pd.date_range(MONDAY, periods=len(counts))), limits)
    for day, row in found.iterrows():
        own = [n for at, n in past.items() if at.dayofweek == day.dayofweek][-weeks:]
        assert row["weeks"] == len(own)
        if len(own) < minimum:
            assert pd.isna(row["move"])
            continue
        middle = median(own)
        spread = max(median(abs(n - middle) for n in own) / 0.6745, middle**0.5, 1)
        z = (row["count"] - middle) / spread
        assert row["expected"] == middle
        if abs(abs(z) - 1.5) > 1e-9:
            # A count cannot lie below zero, so with a lower limit of zero nothing is too low.
            is_down = z < -1.5 and middle - 1.5 * spread > 0
            assert row["move"] == ("up" if z > 1.5 else "down" if is_down else "none")
