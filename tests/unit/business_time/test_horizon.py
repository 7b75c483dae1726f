"""How far a calendar is expanded: instants far apart, its ends, no instants at all, calendars that seldom open."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deskledger.business_time import BusinessCalendar
from deskledger.business_time.hours import WEEKDAYS

_MONDAYS = {"timezone": "Etc/UTC", "weekly": {"mon": [["09:00", "10:00"]]}}
_TWO_DAYS = {
    "timezone": "Etc/UTC",
    "special_days": {"2031-05-01": [["09:00", "10:00"]], "2031-05-03": [["09:00", "10:00"], ["11:00", "12:00"]]},
}
_HOUR, _MINUTE = np.timedelta64(1, "h"), np.timedelta64(1, "m")


def _instants(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def _calendar(terms: dict[str, Any] = _MONDAYS) -> BusinessCalendar:
    return BusinessCalendar.from_terms(terms)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_instants_of_different_decades_in_any_order(order: list[int]) -> None:
    starts = _instants("1985-06-03T09:30", "2026-03-02T09:30", "2060-03-01T09:30")[order]
    assert _calendar().elapsed(starts, starts + np.timedelta64(7, "D")).tolist() == [pd.Timedelta(hours=1)] * 3
    assert (_calendar().deadline(starts, _HOUR) == starts + np.timedelta64(7 * 24 * 60, "m")).all()
    assert (_calendar().open_day_deadline(starts, 1) == starts + np.timedelta64(7, "D")).all()


def test_wall_clocks_of_different_decades_in_one_call() -> None:
    starts = _instants("2019-07-01T07:30", "2041-07-01T07:30")  # half past nine in Madrid
    days = _calendar({"always": True, "timezone": "Europe/Madrid"}).open_day_deadline(starts, 180)
    assert (days == starts + np.timedelta64(180 * 24 + 1, "h")).all()  # the same in winter, an hour later in UTC


def test_near_and_far_targets_in_one_call() -> None:
    start = _instants("2026-03-02T09:00")
    due = _calendar().deadline(start, np.array([1, 2000], dtype="timedelta64[h]"))
    assert due[0] == np.datetime64("2026-03-02T10:00")
    assert due[1] == due[0] + np.timedelta64(1999 * 7, "D")
    days = _calendar().open_day_deadline(start, [1, 1999])
    assert days[1] - days[0] == np.timedelta64(1998 * 7, "D")


def test_targets_that_are_reached_and_targets_that_never_are_in_one_call() -> None:
    start = _instants("2026-03-02T09:00")
    due = _calendar(_TWO_DAYS).deadline(start, np.array([3, 4, 1], dtype="timedelta64[h]"))
    assert (due[0], np.isnat(due[1]), due[2]) == (*_instants("2031-05-03T12:00"), True, *_instants("2031-05-01T10:00"))


@pytest.mark.parametrize(("days", "due"), [(0, "2026-03-02T09:30"), (1, "2031-05-01T09:30"), (2, "2031-05-03T09:30")])
def test_open_days_are_looked_for_beyond_the_first_horizon(days: int, due: str) -> None:
    assert _calendar(_TWO_DAYS).open_day_deadline(_instants("2026-03-02T09:30"), days) == _instants(due)
    assert np.isnat(_calendar(_TWO_DAYS).open_day_deadline(_instants("2026-03-02T09:30"), 3)).all()


def test_an_open_day_that_closes_in_the_repeated_hour_closes_the_second_time() -> None:
    terms = {"timezone": "Europe/Madrid", "weekly": {"sun": [["01:00", "02:30"]]}}
    due = _calendar(terms).open_day_deadline(pd.Timestamp("2026-10-24T12:00+02:00"), 1, "close")
    assert pd.Timestamp(due[0], tz="UTC") == pd.Timestamp("2026-10-25T02:30+01:00")


def test_one_negative_target_among_others_is_a_mistake() -> None:
    start = _instants("2026-03-02T09:00")
    with pytest.raises(ValueError, match="negative"):
        _calendar().deadline(start, np.array([1, -1], dtype="timedelta64[h]"))
    with pytest.raises(ValueError, match="negative"):
        _calendar().open_day_deadline(start, [1, -1])


def test_no_instants_give_no_answers() -> None:
    none = np.empty(0, dtype=np.int64)
    calendar = _calendar()
    assert calendar.elapsed(none.view("datetime64[us]"), none.view("datetime64[us]")).size == 0
    assert calendar.deadline(none.view("datetime64[us]"), none.view("timedelta64[us]")).size == 0
    assert calendar.open_day_deadline(none.view("datetime64[us]"), none).size == 0
    assert calendar.position(none).size == calendar.instant(none, "closing").size == 0
    assert calendar.open_day_deadline_us(none, none, "close").size == 0


def test_the_origin_of_time_itself() -> None:
    epoch = _instants("1970-01-01")
    always = _calendar({"always": True})
    assert always.elapsed(epoch, epoch) == np.timedelta64(0)
    assert always.elapsed(epoch - _HOUR, epoch) == _HOUR


@pytest.mark.parametrize(("year", "is_counted"), [(2, False), (3, True), (9997, True), (9998, False)])
def test_the_first_and_the_last_year_that_can_be_counted(year: int, is_counted: bool) -> None:
    start = _instants(f"{year:04d}-06-01T12:00")
    calendar = _calendar({"always": True})
    if is_counted:
        assert calendar.elapsed(start, start + _HOUR) == _HOUR
    else:
        with pytest.raises(ValueError, match=f"year {year} is outside"):
            calendar.elapsed(start, start + _HOUR)
        now = _instants("2026-03-02")
        assert calendar.elapsed(now, now + _HOUR) == _HOUR  # nothing of the mistake stays


def test_the_change_of_a_year_is_no_edge() -> None:
    terms = {"timezone": "Etc/UTC", "weekly": {day: [["22:00", "02:00"]] for day in ("mon", "tue", "wed", "thu")}}
    for year in range(2025, 2032):
        start, end = _instants(f"{year - 1}-12-30", f"{year}-01-03")
        calendar = _calendar(terms)
        whole = calendar.elapsed(start, end)[0]
        midnight = _instants(f"{year}-01-01")[0]
        assert _calendar(terms).elapsed(start, midnight)[0] + _calendar(terms).elapsed(midnight, end)[0] == whole


@pytest.mark.parametrize(
    ("start", "end", "opens"),
    [
        ("2026-03-02T10:00", "2026-03-09T09:00", []),  # from the close of one span to the opening of the next
        ("2026-03-02T09:59:59.999999", "2026-03-09T09:00:00.000001", ["2026-03-02T09:00", "2026-03-09T09:00"]),
    ],
)
def test_open_spans_meet_the_range_that_was_asked_for(start: str, end: str, opens: list[str]) -> None:
    found = _calendar().open_spans(np.datetime64(start), np.datetime64(end))["opens_at"]
    assert found.tolist() == [pd.Timestamp(each, tz="UTC") for each in opens]


def test_open_spans_and_pieces_reach_over_many_years() -> None:
    first, last = np.datetime64("2001-01-01", "us"), np.datetime64("2030-12-31", "us")
    assert len(_calendar().open_spans(first, last)) == 1566  # every Monday of thirty years
    edges, _ = _calendar().pieces(int(first.astype(np.int64)), int(last.astype(np.int64)))
    assert edges[0] <= int(np.datetime64("2001-01-01T09:00", "us").astype(np.int64))
    assert edges[-1] >= int(np.datetime64("2030-12-30T10:00", "us").astype(np.int64))


def _words(terms: dict[str, Any], start: str, end: str) -> list[tuple[str, str]]:
    low, high = (int(each.astype(np.int64)) for each in _instants(start, end))
    edges, words = _calendar(terms).pieces(low, high)
    inside = [number for number, edge in enumerate(edges) if low < edge <= high]
    return [(str(edges[number].astype("datetime64[us]"))[5:], str(words[number])) for number in inside]


def test_every_piece_of_time_has_its_own_word_to_the_microsecond() -> None:
    terms = {
        "timezone": "Etc/UTC",
        "weekly": {"thu": [["00:00:00.000001", "08:00"], ["09:00", "09:00:00.000001"]], "sun": [["23:00", "01:00"]]},
        "holidays": ["2026-03-03", "2026-03-04"],
        "special_days": {"2026-03-02": [], "2026-03-06": [["10:00", "11:00"]]},
    }
    assert _words(terms, "2026-03-01T12:00", "2026-03-06T12:00") == [
        ("03-01T23:00:00.000000", "outside business hours"),
        ("03-02T00:00:00.000000", "open"),
        ("03-02T01:00:00.000000", "open"),  # the night before a day that is closed
        ("03-03T00:00:00.000000", "holiday"),  # a special day without hours
        ("03-04T00:00:00.000000", "holiday"),
        ("03-05T00:00:00.000000", "holiday"),
        ("03-05T00:00:00.000001", "outside business hours"),
        ("03-05T08:00:00.000000", "open"),
        ("03-05T09:00:00.000000", "outside business hours"),
        ("03-05T09:00:00.000001", "open"),
        ("03-06T10:00:00.000000", "outside business hours"),
        ("03-06T11:00:00.000000", "open"),
    ]


def test_without_holidays_a_closed_hour_is_outside_business_hours() -> None:
    words = _words(_MONDAYS, "2026-03-02T00:00", "2026-03-03T00:00")
    assert [word for _, word in words] == ["outside business hours", "open"]


@pytest.mark.parametrize("later", ["2010-03-01T09:30", "2031-03-03T09:30"])
def test_positions_taken_before_the_horizon_grew_stay_good(later: str) -> None:
    calendar = _calendar()
    first, second = _instants("2026-03-02T09:30"), _instants(later)
    before = calendar.position(first.view(np.int64))
    spent = calendar.position(second.view(np.int64)) - before
    expected = _calendar().elapsed(np.minimum(first, second), np.maximum(first, second)).view(np.int64)
    assert abs(spent) == expected
    assert calendar.position(first.view(np.int64)) == before


def test_a_target_that_ends_with_the_horizon_looks_beyond_it() -> None:
    start = _instants("2026-01-01")
    for at_close in ("closing", "next_opening"):
        due = _calendar({"always": True}).deadline(start, np.timedelta64(730, "D"), at_close)  # type: ignore[arg-type]
        assert due == _instants("2028-01-01")


def test_the_time_after_the_last_hours_that_a_calendar_has() -> None:
    start, middle, end = _instants("2031-05-01", "2031-05-03T11:30", "2031-05-04")
    assert _calendar(_TWO_DAYS).elapsed(start, np.array([middle, end])).tolist() == [
        timedelta(hours=2, minutes=30),
        timedelta(hours=3),
    ]
    assert _calendar({"timezone": "Etc/UTC"}).elapsed(start, end)[0] == np.timedelta64(0)


@pytest.mark.parametrize("day", ["2027-12-31", "2028-01-01", "2028-01-02"])
def test_the_only_open_day_of_a_calendar_is_found_also_at_the_change_of_a_year(day: str) -> None:
    terms = {"timezone": "Etc/UTC", "special_days": {"2020-02-03": [["09:00", "10:00"]], day: [["09:00", "10:00"]]}}
    start = _instants("2026-03-02")
    assert _calendar(terms).deadline(start, _HOUR) == _instants(f"{day}T10:00")
    assert _calendar(terms).open_day_deadline(start, 1, "close") == _instants(f"{day}T10:00")


@pytest.mark.parametrize(("days", "is_reached"), [(7 * 365 + 2, True), (8 * 365, False)])
def test_what_would_be_due_beyond_the_years_that_are_counted_is_never_due(days: int, is_reached: bool) -> None:
    start = _instants("9990-12-31T12:00")
    due = _calendar({"always": True}).deadline(start, np.timedelta64(days, "D"))
    assert np.isnat(due)[0] == (not is_reached)
    assert not is_reached or due == start + np.timedelta64(days, "D")
    assert np.isnat(_calendar({"always": True}).open_day_deadline(start, days))[0] == (not is_reached)


def test_a_zone_that_changes_at_new_year_changes_the_night_before_it() -> None:
    # Madrid's clocks went from 23:45:16 of 31 December 1900 to midnight, so that night of six hours was shorter.
    terms = {"timezone": "Europe/Madrid", "weekly": {day: [["22:00", "04:00"]] for day in WEEKDAYS}}
    short = np.timedelta64(5 * 3600 + 45 * 60 + 16, "s")
    due = _calendar(terms).deadline(_instants("1899-12-31T12:00"), 365 * 6 * _HOUR + short + _MINUTE, "closing")
    assert due == _instants("1901-01-01T22:01")


def test_a_missing_instant_does_not_carry_the_others_with_it() -> None:
    starts, ends = (
        _instants("2026-03-02T09:15", "NaT", "2026-03-02T09:30"),
        _instants("NaT", "2026-03-03", "2026-03-03"),
    )
    assert _calendar().elapsed(starts, ends)[2] == np.timedelta64(30, "m")
    due = _calendar().deadline(starts, np.array(["NaT", 1, 1], dtype="timedelta64[m]"))
    assert np.isnat(due).tolist() == [True, True, False] and due[2] == np.datetime64("2026-03-02T09:31")
    days = _calendar().open_day_deadline(starts, [1, 1, 2])
    assert np.isnat(days).tolist() == [False, True, False] and days[2] == np.datetime64("2026-03-16T09:30")
