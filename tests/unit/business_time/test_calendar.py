"""Worked cases of business time: clock changes, special days, holidays, awkward input and refused terms."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deskledger.business_time import BusinessCalendar, listed_terms
from deskledger.errors import ContractError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = {"timezone": "Europe/Madrid", "weekly": {day: [["09:00", "17:00"]] for day in WEEKDAYS}}
EVERY_DAY = (*WEEKDAYS, "sat", "sun")


def _hours(terms: dict[str, Any], start: str, end: str) -> float:
    spent = BusinessCalendar.from_terms(terms).elapsed(pd.Timestamp(start), pd.Timestamp(end))[0]
    return float(spent / np.timedelta64(1, "h"))


def _daily(begin: str, end: str, timezone: str = "Europe/Madrid") -> dict[str, Any]:
    return {"timezone": timezone, "weekly": {day: [[begin, end]] for day in EVERY_DAY}}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (("00:00", "24:00"), 23.0),
        (("01:00", "02:30"), 1.0),  # 02:00 to 03:00 does not exist
        (("02:15", "02:45"), 0.0),
        (("02:30", "03:30"), 0.5),
        (("22:00", "04:00"), 5.0),  # from Saturday 22:00 to 24:00 it is outside the Sunday asked for
    ],
)
def test_an_hour_that_does_not_exist_has_no_time(hours: tuple[str, str], expected: float) -> None:
    terms = _daily(*hours)
    asked = _hours(terms, "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00")
    assert asked == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (("00:00", "24:00"), 25.0),
        (("01:00", "02:30"), 2.0),  # 02:00 to 02:30 happens twice
        (("02:15", "02:45"), 1.0),
        (("02:30", "03:30"), 1.5),
    ],
)
def test_an_hour_that_happens_twice_counts_twice(hours: tuple[str, str], expected: float) -> None:
    assert _hours(_daily(*hours), "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00") == expected


def test_a_deadline_in_the_repeated_hour_is_physical() -> None:
    calendar = BusinessCalendar.from_terms(_daily("00:00", "24:00"))
    due = calendar.deadline(pd.Timestamp("2026-10-25T01:30+02:00"), pd.Timedelta(hours=2))
    assert pd.Timestamp(due[0], tz="UTC") == pd.Timestamp("2026-10-25T02:30+01:00")


def test_offsets_of_the_past_hold_in_the_past() -> None:
    # Madrid kept local mean time, 14 minutes and 44 seconds behind Greenwich, until 1901.
    terms = _daily("09:00", "10:00")
    assert _hours(terms, "1890-05-05T09:00:00Z", "1890-05-05T10:00:00Z") == pytest.approx(45 / 60 + 16 / 3600)
    assert _hours(terms, "1890-05-05T09:14:44Z", "1890-05-05T10:14:44Z") == 1.0


def test_a_day_that_a_zone_skipped_has_no_time() -> None:
    # Apia went from 29 to 31 December 2011.
    assert _hours(_daily("09:00", "17:00", "Pacific/Apia"), "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00") == 16.0


def test_an_overnight_span_belongs_to_the_day_that_it_begins_on() -> None:
    terms = {"timezone": "Etc/UTC", "weekly": {"mon": [["22:00", "06:00"]]}, "holidays": ["2026-03-03"]}
    assert _hours(terms, "2026-03-02T00:00Z", "2026-03-04T00:00Z") == 8.0  # Tuesday's holiday leaves Monday's night
    assert _hours({**terms, "holidays": ["2026-03-02"]}, "2026-03-02T00:00Z", "2026-03-04T00:00Z") == 0.0


def test_overlapping_and_touching_spans_count_once() -> None:
    terms = {"timezone": "Etc/UTC", "weekly": {"mon": [["09:00", "12:00"], ["11:00", "13:00"], ["13:00", "14:00"]]}}
    assert _hours(terms, "2026-03-02T00:00Z", "2026-03-03T00:00Z") == 5.0


@pytest.mark.parametrize(
    ("special", "expected"),
    [([], 0.0), ([["10:00", "12:00"]], 2.0), ([["20:00", "24:00"]], 4.0)],
    ids=["closed", "shorter", "other hours"],
)
def test_a_special_day_replaces_the_hours_of_its_day(special: list[list[str]], expected: float) -> None:
    terms = {**OFFICE, "special_days": {"2026-03-02": special}}
    assert _hours(terms, "2026-03-02T00:00+01:00", "2026-03-03T00:00+01:00") == expected


def test_a_special_day_opens_a_holiday() -> None:
    terms = {**OFFICE, "holidays": [date(2026, 3, 2)], "special_days": {date(2026, 3, 2): [["10:00", "11:00"]]}}
    assert _hours(terms, "2026-03-02T00:00+01:00", "2026-03-03T00:00+01:00") == 1.0


def test_public_holidays_of_a_country_and_region() -> None:
    spain, madrid = {**OFFICE, "country": "ES"}, {**OFFICE, "country": "ES", "region": "MD"}
    six_january, two_may_2025 = ("2026-01-06T00:00Z", "2026-01-07T00:00Z"), ("2025-05-02T00:00Z", "2025-05-03T00:00Z")
    assert (_hours(OFFICE, *six_january), _hours(spain, *six_january), _hours(madrid, *six_january)) == (8, 0, 0)
    assert (_hours(spain, *two_may_2025), _hours(madrid, *two_may_2025)) == (8, 0)


def test_public_holidays_are_found_in_every_year_that_the_horizon_grows_into() -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "country": "ES", "region": "MD"})
    starts = pd.to_datetime(["2026-01-06", "2031-01-06", "2015-01-06", "2019-12-25"], utc=True)
    for start in starts:
        assert calendar.elapsed(start, start + pd.Timedelta(hours=22))[0] == np.timedelta64(0)
    assert (calendar.elapsed(starts, starts + pd.Timedelta(hours=22)) == np.timedelta64(0)).all()


def test_listed_terms_open_as_the_country_does_in_the_years_that_they_list_and_no_longer() -> None:
    terms = {**OFFICE, "country": "ES", "region": "MD", "holidays": ["2026-03-02"],
             "special_days": {"2026-01-06": [["10:00", "11:00"]]}}  # fmt: skip
    listed = listed_terms(terms, 2025, 2028)
    assert "country" not in listed and "region" not in listed
    assert listed["special_days"] == terms["special_days"]
    spans = [BusinessCalendar.from_terms(each).open_spans("2025-01-01", "2028-01-01") for each in (terms, listed)]
    pd.testing.assert_frame_equal(*spans)
    assert _hours(terms, "2028-01-06T00:00Z", "2028-01-07T00:00Z") == 0
    assert _hours(listed, "2028-01-06T00:00Z", "2028-01-07T00:00Z") == 8
    assert listed_terms(OFFICE, 2025, 2028) == OFFICE


def test_positions_keep_their_origin_when_the_horizon_grows() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    first = np.array([np.datetime64("2026-03-02T12:00", "us").astype(np.int64)])
    before = calendar.position(first)
    calendar.elapsed(pd.Timestamp("1999-01-01T00:00Z"), pd.Timestamp("2050-01-01T00:00Z"))
    assert calendar.position(first) == before


@pytest.mark.parametrize(
    ("seconds", "closing", "next_opening"),
    [
        (8 * 3600 - 1, "2026-03-06T16:59:59", "2026-03-06T16:59:59"),
        (8 * 3600, "2026-03-06T17:00:00", "2026-03-09T09:00:00"),
        (8 * 3600 + 1, "2026-03-09T09:00:01", "2026-03-09T09:00:01"),
    ],
)
def test_a_target_that_ends_at_closing(seconds: int, closing: str, next_opening: str) -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "timezone": "Etc/UTC"})
    start, target = pd.Timestamp("2026-03-06T09:00Z"), pd.Timedelta(seconds=seconds)
    assert calendar.deadline(start, target, "closing")[0] == np.datetime64(closing)
    assert calendar.deadline(start, target, "next_opening")[0] == np.datetime64(next_opening)


def test_a_zero_target_is_due_at_once_or_at_the_next_open_instant() -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "timezone": "Etc/UTC"})
    saturday, monday = np.datetime64("2026-03-07T12:00:00"), np.datetime64("2026-03-09T09:00:00")
    none = np.timedelta64(0, "s")
    assert calendar.deadline(saturday, none, "closing")[0] == saturday
    assert calendar.deadline(saturday, none, "next_opening")[0] == monday
    assert calendar.deadline(monday, none, "next_opening")[0] == monday


def test_a_deadline_far_beyond_the_first_horizon_is_not_cut_off() -> None:
    calendar = BusinessCalendar.from_terms({"timezone": "Etc/UTC", "weekly": {"mon": [["09:00", "10:00"]]}})
    due = calendar.deadline(np.datetime64("2026-03-02T09:00"), np.timedelta64(2000, "h"))[0]
    assert due == np.datetime64("2026-03-02T10:00") + np.timedelta64(1999 * 7, "D")


@pytest.mark.parametrize("special", [{}, {"2031-05-01": [["09:00", "10:00"]]}])
def test_a_calendar_that_never_opens_again_has_no_deadline(special: dict[str, Any]) -> None:
    calendar = BusinessCalendar.from_terms({"timezone": "Etc/UTC", "special_days": special})
    start, hour = np.datetime64("2026-03-02T09:00"), np.timedelta64(1, "h")
    assert np.isnat(calendar.deadline(start, 2 * hour)[0])
    assert np.isnat(calendar.deadline(start, hour)[0]) == (not special)
    assert np.isnat(calendar.open_day_deadline(start, 2)[0])
    assert np.isnat(calendar.open_day_deadline(start, 1)[0]) == (not special)


def test_a_reversed_range_is_nothing_and_missing_instants_stay_missing() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    starts = np.array(["2026-03-03", "2026-03-02", "NaT", "2026-03-02"], dtype="datetime64[s]")
    ends = np.array(["2026-03-02", "2026-03-03", "2026-03-03", "NaT"], dtype="datetime64[s]")
    spent = calendar.elapsed(starts, ends)
    assert spent[:2].tolist() == [pd.Timedelta(0), pd.Timedelta(hours=8)]
    assert np.isnat(spent[2:]).all()
    due = calendar.deadline(starts, np.array([1, 1, 1, "NaT"], dtype="timedelta64[h]"))
    assert np.isnat(due).tolist() == [False, False, True, True]
    assert np.isnat(calendar.open_day_deadline(starts, 1)).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "start",
    [
        np.datetime64("2026-03-02T08:00:00.123456789"),
        np.array(["2026-03-02T08:00:00.123456"], dtype="datetime64[us]"),
        pd.Timestamp("2026-03-02T09:00:00.123456", tz="Europe/Madrid"),
        pd.Series(pd.to_datetime(["2026-03-02T13:30:00.123456"])).dt.tz_localize("Asia/Kolkata"),
        pd.DatetimeIndex(["2026-03-02T08:00:00.123456"]),
        datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC),
        [datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)],
    ],
)
def test_every_form_of_instant_is_exact_to_the_microsecond(start: Any) -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    spent = calendar.elapsed(start, np.datetime64("2026-03-02T20:00"))
    assert (spent.dtype, spent[0]) == (np.dtype("timedelta64[us]"), np.timedelta64(8 * 3600 * 10**6 - 123456, "us"))
    due = calendar.deadline(start, [pd.Timedelta(microseconds=1)])
    assert (due.dtype, due[0]) == (np.dtype("datetime64[us]"), np.datetime64("2026-03-02T08:00:00.123457"))


def test_one_start_is_taken_with_many_targets() -> None:
    due = BusinessCalendar.from_terms({"always": True}).deadline(
        np.datetime64("2026-03-02"), np.array([1, 2, 3], dtype="timedelta64[h]")
    )
    assert [str(each)[11:13] for each in due] == ["01", "02", "03"]


def test_ten_million_pairs_need_no_more_than_a_chunk_at_a_time() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    starts = np.datetime64("2026-03-02T08:00", "us") + np.arange(200_000) * np.timedelta64(1, "s")
    spent = calendar.elapsed(starts, starts + np.timedelta64(7, "D"))
    assert (spent == np.timedelta64(40, "h")).all()


@pytest.mark.parametrize(
    ("start", "days", "day_end", "due"),
    [
        ("2026-03-06T10:00", 1, "same_time", "2026-03-10T10:00"),  # Monday the 9th is a holiday
        ("2026-03-07T10:00", 1, "same_time", "2026-03-10T10:00"),
        ("2026-03-06T10:00", 2, "close", "2026-03-11T17:00"),
        ("2026-03-06T20:00", 0, "same_time", "2026-03-06T20:00"),
    ],
)
def test_open_days(start: str, days: int, day_end: Any, due: str) -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "timezone": "Etc/UTC", "holidays": ["2026-03-09"]})
    assert calendar.open_day_deadline(np.datetime64(start), days, day_end)[0] == np.datetime64(due)


def test_an_open_day_ends_by_the_wall_clock_across_a_change() -> None:
    calendar = BusinessCalendar.from_terms(_daily("00:00", "24:00"))
    for start, due in [
        ("2026-03-28T10:00+01:00", "2026-03-29T10:00+02:00"),
        ("2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00"),  # 02:30 does not exist: the instant of the change
        ("2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00"),  # the first of two
    ]:
        found = calendar.open_day_deadline(pd.Timestamp(start), 1)
        assert pd.Timestamp(found[0], tz="UTC") == pd.Timestamp(due)


def test_open_days_grow_the_horizon() -> None:
    calendar = BusinessCalendar.from_terms({"timezone": "Etc/UTC", "weekly": {"mon": [["09:00", "10:00"]]}})
    due = calendar.open_day_deadline(np.datetime64("2026-03-02T09:30"), 1500)[0]
    assert due == np.datetime64("2026-03-02T09:30") + np.timedelta64(1500 * 7, "D")


def test_open_spans_are_what_a_statement_freezes() -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "special_days": {"2026-03-03": []}})
    spans = calendar.open_spans(pd.Timestamp("2026-03-02T10:00Z"), pd.Timestamp("2026-03-04T08:00Z"))
    assert spans["opens_at"].tolist() == [pd.Timestamp("2026-03-02T08:00Z")]
    assert spans["closes_at"].tolist() == [pd.Timestamp("2026-03-02T16:00Z")]


def test_pieces_name_holidays_and_closed_hours() -> None:
    calendar = BusinessCalendar.from_terms({**OFFICE, "timezone": "Etc/UTC", "holidays": ["2026-03-03"]})
    low, high = (int(np.datetime64(each, "us").astype(np.int64)) for each in ("2026-03-02T12:00", "2026-03-04T12:00"))
    edges, words = calendar.pieces(low, high)
    first, last = edges.searchsorted(low, side="right"), edges.searchsorted(high, side="left")
    assert words[first : last + 1].tolist() == [
        "open",
        "outside business hours",
        "holiday",
        "outside business hours",
        "open",
    ]
    assert edges[first:last].view("datetime64[us]").astype("datetime64[h]").astype(str).tolist() == [
        "2026-03-02T17",
        "2026-03-03T00",
        "2026-03-04T00",
        "2026-03-04T09",
    ]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"weekly": {}}, "needs a timezone"),
        ({"timezone": "Europe/Atlantis"}, "unknown time zone"),
        ({"timezone": "../../etc/passwd"}, "unknown time zone"),
        ({"timezone": "Etc/UTC", "weekly": {"monday": []}}, "no such weekday: monday"),
        ({"timezone": "Etc/UTC", "weekly": {"mon": [["9:00", "17:00"]]}}, "'9:00' is not a time"),
        ({"timezone": "Etc/UTC", "weekly": {"mon": [[540, "17:00"]]}}, "540 is not a time"),
        ({"timezone": "Etc/UTC", "weekly": {"mon": [["09:00", "24:01"]]}}, "'24:01' is not a time"),
        ({"timezone": "Etc/UTC", "weekly": {"mon": [["24:00", "09:00"]]}}, "cannot begin at 24:00"),
        ({"timezone": "Etc/UTC", "weekly": {"mon": ["09:00", "17:00"]}}, "not .from, to."),
        ({"timezone": "Etc/UTC", "holidays": ["1 May"]}, "is not a date"),
        ({"timezone": "Etc/UTC", "holidays": [20260501]}, "is not a date"),
        ({"timezone": "Etc/UTC", "country": "XX"}, "no public holidays"),
        ({"timezone": "Etc/UTC", "country": "ES", "region": "XX"}, "no public holidays"),
        ({"timezone": "Etc/UTC", "region": "MD"}, "without a country"),
        ({"timezone": "Etc/UTC", "hours": {}}, "no hours"),
        ({"always": True, "weekly": {"mon": [["09:00", "17:00"]]}}, "always open"),
    ],
)
def test_terms_that_make_no_calendar_are_refused(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        BusinessCalendar.from_terms(terms)


def test_negative_targets_and_years_beyond_counting_are_mistakes() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    now = np.datetime64("2026-03-02T09:00")
    with pytest.raises(ValueError, match="negative"):
        calendar.deadline(now, np.timedelta64(-1, "s"))
    with pytest.raises(ValueError, match="negative"):
        calendar.open_day_deadline(now, -1)
    with pytest.raises(ValueError, match="year 9999"):
        calendar.elapsed(now, np.datetime64("9999-01-01"))


@pytest.mark.parametrize("target", [3600, 3600.0, [3600, 60], pd.Series([3600]), "3600"])
def test_a_target_without_a_unit_is_refused(target: Any) -> None:
    with pytest.raises(ContractError, match="target is given without a unit"):
        BusinessCalendar.from_terms(OFFICE).deadline(np.datetime64("2026-03-02T09:00"), target)


def test_an_instant_as_a_number_is_refused() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    now, hour = np.datetime64("2026-03-02T09:00"), pd.Timedelta(hours=1)
    for ask in (
        lambda: calendar.elapsed(now, 1_772_442_000),
        lambda: calendar.deadline([1_772_442_000.5], hour),
        lambda: calendar.open_day_deadline(1_772_442_000, 1),
        lambda: calendar.open_spans(now, 1_772_442_000),
    ):
        with pytest.raises(ContractError, match="instant is given as a number"):
            ask()


def test_unknown_words_for_the_end_of_a_target_are_refused() -> None:
    calendar = BusinessCalendar.from_terms(OFFICE)
    now = np.datetime64("2026-03-02T09:00")
    with pytest.raises(ContractError, match="no at_close 'closed'") as refused:
        calendar.deadline(now, pd.Timedelta(hours=1), "closed")  # type: ignore[arg-type]
    assert refused.value.remedy == "Use one of closing, next_opening."
    with pytest.raises(ContractError, match="no day_end 'closing'") as refused:
        calendar.open_day_deadline(now, 1, "closing")  # type: ignore[arg-type]
    assert refused.value.remedy == "Use one of same_time, close."
