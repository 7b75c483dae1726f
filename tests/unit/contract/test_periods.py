"""The contract's months, at both sides of every boundary."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from deskledger import contract
from deskledger.contract.terms import Contract, Period


def _contract(timezone: str, start_day: int = 1) -> Contract:
    return Contract("c", "C", "EUR", {}, (), {}, Period(timezone, start_day), (), "c.yaml", "")


@pytest.mark.parametrize(
    ("timezone", "start_day", "instant", "period"),
    [
        ("Europe/Madrid", 1, "2026-01-31T22:59:59.999999+00:00", "2026-01"),
        ("Europe/Madrid", 1, "2026-01-31T23:00:00+00:00", "2026-02"),
        ("Europe/Madrid", 1, "2026-03-31T21:59:59.999999+00:00", "2026-03"),
        ("Europe/Madrid", 1, "2026-03-31T22:00:00+00:00", "2026-04"),
        ("America/New_York", 1, "2026-04-01T03:59:59.999999+00:00", "2026-03"),
        ("America/New_York", 1, "2026-04-01T04:00:00+00:00", "2026-04"),
        ("Etc/UTC", 15, "2026-01-14T23:59:59+00:00", "2025-12"),
        ("Etc/UTC", 15, "2026-01-15T00:00:00+00:00", "2026-01"),
        ("Etc/UTC", 15, "2026-03-14T23:59:59+00:00", "2026-02"),
    ],
)
def test_period_of(timezone: str, start_day: int, instant: str, period: str) -> None:
    terms = _contract(timezone, start_day)
    at = datetime.fromisoformat(instant)
    assert contract.period_of(terms, at) == period
    begin, end = contract.period_bounds(terms, period)
    assert begin <= at < end


def test_trap_1_half_past_eleven_at_night_on_the_last_of_march_belongs_to_march() -> None:
    new_york = _contract("America/New_York")
    stopped_at = datetime.fromisoformat("2026-03-31T23:30:00-04:00")
    assert contract.period_of(new_york, stopped_at) == "2026-03"
    assert contract.period_of(_contract("Etc/UTC"), stopped_at) == "2026-04"


def test_bounds_follow_daylight_saving() -> None:
    begin, end = contract.period_bounds(_contract("Europe/Madrid"), "2026-03")
    assert (begin, end) == (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))


def test_a_midnight_that_does_not_exist_begins_at_the_first_instant_of_the_day() -> None:
    # In Asuncion 1 October 2023 began at 01:00: daylight saving took its first hour.
    begin, _ = contract.period_bounds(_contract("America/Asuncion"), "2023-10")
    assert begin == datetime(2023, 10, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(("period", "after"), [("2026-01", "2026-02"), ("2026-12", "2027-01")])
def test_next_and_previous_period(period: str, after: str) -> None:
    assert contract.next_period(period) == after
    assert contract.previous_period(after) == period


@pytest.mark.parametrize("period", ["2026-13", "2026-1", "202601", "2026-01-01"])
def test_what_is_no_period(period: str) -> None:
    with pytest.raises(ValueError, match="is not a period"):
        contract.period_bounds(_contract("Etc/UTC"), period)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        contract.period_of(_contract("Etc/UTC"), datetime(2026, 1, 1))  # noqa: DTZ001


def test_periods_meet_without_gap() -> None:
    terms = replace(_contract("Asia/Kolkata", 28))
    period = "2025-11"
    for _ in range(5):
        following = contract.next_period(period)
        assert contract.period_bounds(terms, period)[1] == contract.period_bounds(terms, following)[0]
        period = following


@pytest.mark.parametrize(
    ("ends_on", "is_after"),
    [(None, False), (date(2026, 2, 14), True), (date(2026, 2, 15), False), (date(2026, 3, 14), False)],
)
def test_a_period_that_begins_after_the_last_day_is_after_the_end(ends_on: date | None, is_after: bool) -> None:
    ended = replace(_contract("Etc/UTC", 15), ends_on=ends_on)
    assert contract.is_after_end(ended, "2026-02") is is_after
