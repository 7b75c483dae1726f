"""What each line of a calendar's terms does to its hours, and terms that are refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deskledger.business_time import BusinessCalendar
from deskledger.errors import ContractError

_MONDAY, _TUESDAY = np.datetime64("2026-03-02T00:00"), np.datetime64("2026-03-03T00:00")


def _on_monday(spans: Any, **more: Any) -> BusinessCalendar:
    return BusinessCalendar.from_terms({"timezone": "Etc/UTC", "weekly": {"mon": spans}, **more})


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([["09:00", "09:00:30"]], 30),
        ([["09:00:30", "09:01:00"]], 30),
        ([["23:59:59", "24:00"]], 1),
        ([["09:00", "09:00"]], 0),  # equal ends mean no time at all, not a whole day
        ([], 0),
    ],
)
def test_hours_to_the_second(spans: list[list[str]], seconds: int) -> None:
    assert _on_monday(spans).elapsed(_MONDAY, _TUESDAY)[0] == np.timedelta64(seconds, "s")


def test_a_day_with_no_time_at_all_is_no_open_day() -> None:
    calendar = _on_monday([["09:00", "09:00"], ["10:00", "11:00"]], special_days={"2026-03-09": [["08:00", "08:00"]]})
    due = calendar.open_day_deadline(_MONDAY, [1, 2], "close")
    assert due.astype("datetime64[h]").astype(str).tolist() == ["2026-03-16T11", "2026-03-23T11"]


def test_a_calendar_may_have_a_name() -> None:
    assert _on_monday([["09:00", "10:00"]], name="office").elapsed(_MONDAY, _TUESDAY)[0] == np.timedelta64(1, "h")


def test_the_open_days_of_a_calendar_that_is_always_open_are_those_of_its_zone() -> None:
    start = np.datetime64("2026-03-02T23:30")  # half past midnight of Tuesday in Madrid
    for terms, due in (({}, "2026-03-04T00:00"), ({"timezone": "Europe/Madrid"}, "2026-03-04T23:00")):
        calendar = BusinessCalendar.from_terms({"always": True, **terms})
        assert calendar.open_day_deadline(start, 1, "close")[0] == np.datetime64(due)


def test_instants_of_several_zones_in_one_list() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    starts = [datetime(2026, 3, 2, 9, 15, tzinfo=UTC), datetime(2026, 3, 2, 14, 45, tzinfo=east)]
    assert _on_monday([["09:00", "10:00"]]).elapsed(starts, _TUESDAY).tolist() == [timedelta(minutes=45)] * 2


def test_touching_hours_are_one_span() -> None:
    spans = _on_monday([["09:00", "12:00"], ["12:00", "13:00"], ["14:00", "15:00"]]).open_spans(_MONDAY, _TUESDAY)
    assert [each.hour for each in spans["opens_at"]] == [9, 14]
    assert [each.hour for each in spans["closes_at"]] == [13, 15]


def test_hours_inside_the_hour_that_does_not_exist_are_no_span() -> None:
    for hours in (["02:15", "02:45"], ["02:00", "03:00"]):
        calendar = BusinessCalendar.from_terms({"timezone": "Europe/Madrid", "weekly": {"sun": [hours]}})
        spans = calendar.open_spans(np.datetime64("2026-03-23"), np.datetime64("2026-04-03"))
        assert spans.empty
        assert calendar.elapsed(np.datetime64("2026-03-23"), np.datetime64("2026-04-03"))[0] == np.timedelta64(0)


@pytest.mark.parametrize(
    ("hours", "closes"),
    [
        (["01:00", "02:00"], "2026-10-25T02:00+02:00"),  # it is two o'clock again an hour later, but not open
        (["01:00", "02:15"], "2026-10-25T02:15+01:00"),
        (["01:00", "03:00"], "2026-10-25T03:00+01:00"),
        (["03:00", "04:00"], "2026-10-25T04:00+01:00"),
    ],
)
def test_when_an_open_day_closes_on_the_day_of_25_hours(hours: list[str], closes: str) -> None:
    calendar = BusinessCalendar.from_terms({"timezone": "Europe/Madrid", "weekly": {"sun": [hours]}})
    due = calendar.open_day_deadline(pd.Timestamp("2026-10-24T12:00+02:00"), 1, "close")
    assert pd.Timestamp(due[0], tz="UTC") == pd.Timestamp(closes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weekly", {"mon": [["09:00", "17:00"]]}),
        ("holidays", ["2026-05-01"]),
        ("special_days", {"2026-05-01": []}),
        ("country", "ES"),
        ("region", "MD"),
    ],
)
def test_a_calendar_that_is_always_open_has_nothing_else(key: str, value: Any) -> None:
    with pytest.raises(ContractError, match=f"always open cannot have {key}"):
        BusinessCalendar.from_terms({"always": True, key: value})
    BusinessCalendar.from_terms({"always": True, key: None})  # empty is as good as not there


@pytest.mark.parametrize("span", [["09:00"], ["09:00", "12:00", "17:00"], "09"])
def test_hours_have_a_beginning_and_an_end(span: Any) -> None:
    with pytest.raises(ContractError, match=r"is not \[from, to\]") as refused:
        _on_monday([span])
    assert refused.value.where == "hours of mon"


def test_a_refused_country_is_named_with_its_region_where_it_has_one() -> None:
    for terms, named in (({"country": "XX"}, "'XX'"), ({"country": "ES", "region": "XX"}, "'ES', 'XX'")):
        with pytest.raises(ContractError, match=f"no public holidays known for {named}") as refused:
            BusinessCalendar.from_terms({"timezone": "Etc/UTC", **terms})
        assert "None" not in str(refused.value)
