"""Properties of business time over random calendars, zones and instants, and equality with the oracle."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.business_time import BusinessCalendar

from tests.oracle import WEEKDAYS, SlowCalendar

# Zones that change in the weeks tried: spring and autumn, whole, half and no hour, both hemispheres, and a lost day.
_WINDOWS = (
    ("Europe/Madrid", datetime(2026, 3, 26, tzinfo=UTC)),
    ("Europe/Madrid", datetime(2026, 10, 22, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 2, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 1, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 12, tzinfo=UTC)),
    ("Etc/UTC", datetime(1969, 12, 30, tzinfo=UTC)),
)
_SPAN_US = 5 * 86_400_000_000


def _times(quarters: list[int]) -> list[list[str]]:
    marks = [f"{each // 4:02}:{each % 4 * 15:02}" for each in quarters]
    return [[begin, end] for begin, end in zip(marks[::2], marks[1::2], strict=True) if begin != "24:00"]


_spans = st.lists(st.integers(0, 96), unique=True, max_size=6).map(
    lambda quarters: _times(sorted(quarters)[: len(quarters) // 2 * 2])
)
_overnight = st.tuples(st.integers(60, 95), st.integers(1, 40)).map(lambda pair: _times(list(pair)))
_day = st.one_of(_spans, _overnight)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[dict[str, Any], datetime]:
    """Terms of a calendar, and an instant near which something happens in its zone."""
    zone, near = draw(st.sampled_from(_WINDOWS))
    if draw(st.integers(0, 9)) == 0:
        return {"always": True, "timezone": zone}, near
    dates = [str((near + timedelta(days=number)).date()) for number in range(-1, 6)]
    weekly = {day: draw(_day) for day in WEEKDAYS}
    return {
        "timezone": zone,
        "weekly": weekly,
        "holidays": draw(st.lists(st.sampled_from(dates), max_size=2)),
        "special_days": draw(st.dictionaries(st.sampled_from(dates), _day, max_size=2)),
    }, near


def _us(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "us")


@settings(deadline=None, max_examples=60)
@given(calendars(), st.integers(0, _SPAN_US), st.integers(0, _SPAN_US))
def test_elapsed_equals_the_oracle(case: tuple[dict[str, Any], datetime], first: int, second: int) -> None:
    terms, near = case
    start, end = near + timedelta(microseconds=first), near + timedelta(microseconds=second)
    expected = SlowCalendar(terms).elapsed(start, end)
    assert BusinessCalendar.from_terms(terms).elapsed(_us(start), _us(end))[0] == np.timedelta64(expected, "us")


@settings(deadline=None, max_examples=60)
@given(
    calendars(),
    st.integers(0, _SPAN_US),
    st.one_of(st.integers(0, _SPAN_US // 4), st.integers(0, 100).map(lambda quarters: quarters * 900_000_000)),
    st.sampled_from(["closing", "next_opening"]),
)
def test_deadline_equals_the_oracle(
    case: tuple[dict[str, Any], datetime], first: int, target: int, at_close: Any
) -> None:
    terms, near = case
    start = near + timedelta(microseconds=first)
    expected = SlowCalendar(terms).deadline(start, timedelta(microseconds=target), at_close, timedelta(days=7))
    due = BusinessCalendar.from_terms(terms).deadline(_us(start), np.timedelta64(target, "us"), at_close)[0]
    if expected is None:
        assert np.isnat(due) or due >= _us(start + timedelta(days=7))
    else:
        assert due == _us(expected)


@settings(deadline=None, max_examples=100)
@given(calendars(), st.lists(st.integers(0, _SPAN_US), min_size=3, max_size=3))
def test_elapsed_is_additive_and_monotone(case: tuple[dict[str, Any], datetime], offsets: list[int]) -> None:
    terms, near = case
    calendar = BusinessCalendar.from_terms(terms)
    a, b, c = (_us(near + timedelta(microseconds=each)) for each in sorted(offsets))
    ab, bc, ac = calendar.elapsed(np.array([a, b, a]), np.array([b, c, c]))
    assert ab + bc == ac
    assert np.timedelta64(0) <= ab <= ac <= c - a
    assert calendar.elapsed(c, a)[0] == np.timedelta64(0) or a == c


@settings(deadline=None, max_examples=100)
@given(calendars(), st.integers(0, _SPAN_US), st.integers(0, 4 * _SPAN_US))
def test_deadline_inverts_elapsed(case: tuple[dict[str, Any], datetime], first: int, target: int) -> None:
    terms, near = case
    calendar = BusinessCalendar.from_terms(terms)
    start, wanted = _us(near + timedelta(microseconds=first)), np.timedelta64(target, "us")
    closing = calendar.deadline(start, wanted, "closing")[0]
    opening = calendar.deadline(start, wanted, "next_opening")[0]
    if np.isnat(closing):
        assert np.isnat(opening)
        return
    tick = np.timedelta64(1, "us")
    assert calendar.elapsed(start, closing)[0] == wanted
    assert target == 0 or calendar.elapsed(start, closing - tick)[0] < wanted
    if not np.isnat(opening):
        assert closing <= opening
        assert calendar.elapsed(start, opening)[0] == wanted
        assert calendar.elapsed(start, opening + tick)[0] > wanted


@settings(deadline=None, max_examples=60)
@given(calendars(), st.integers(0, _SPAN_US), st.integers(0, 4), st.sampled_from(["same_time", "close"]))
def test_open_days_equal_the_oracle(case: tuple[dict[str, Any], datetime], first: int, days: int, day_end: Any) -> None:
    terms, near = case
    if terms["timezone"] != "Asia/Kolkata":  # wall-clock times that a change skips or repeats have tests of their own
        terms = {**terms, "timezone": "America/Bogota"}
    if not all(terms.get("weekly", {}).get(day, [["00:00", "24:00"]]) for day in WEEKDAYS[:3]):
        terms = {**terms, "weekly": {day: [["09:00", "17:00"]] for day in WEEKDAYS[:5]}}
    start = near + timedelta(microseconds=first)
    due = BusinessCalendar.from_terms(terms).open_day_deadline(_us(start), days, day_end)[0]
    expected = SlowCalendar(terms).open_day_deadline(start, days, day_end) if days else start
    assert due == _us(expected)
