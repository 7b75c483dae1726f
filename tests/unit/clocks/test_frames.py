"""What the input frames may look like: instants in other forms, flags and numbers of the ticket, a ticket twice."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import HolderRule, Target

from tests.unit.clocks.small import CALENDARS, CREATED, HOUR_US, LATER, desk, frames, given, instant, within

CLOCK = ready_made("resolution", clause="4", calendar="always", targets=within(8))
EVENTS = [CREATED, (2, "status", "resolved")]
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    "occurred_at",
    [
        pd.Series([instant(0), instant(2)]).dt.as_unit("ns"),
        pd.Series([instant(0), instant(2)]).dt.as_unit("s"),
        pd.Series([instant(0), instant(2)]).dt.tz_convert("Asia/Kolkata"),
        pd.Series([instant(0).astimezone(INDIA), instant(2).astimezone(UTC)], dtype=object),
        pd.Series(["2026-03-02T14:30:00+05:30", "2026-03-02T11:00:00Z"]),
    ],
    ids=["nanoseconds", "seconds", "another zone", "several zones", "text"],
)
def test_instants_in_any_form_are_the_same_instants(occurred_at: "pd.Series[Any]") -> None:
    tickets, events = frames(*EVENTS)
    found = clocks.measure(tickets, events.assign(occurred_at=occurred_at), [CLOCK], CALENDARS, LATER)
    pd.testing.assert_frame_equal(found, clocks.measure(tickets, events, [CLOCK], CALENDARS, LATER))


@pytest.mark.parametrize("as_of", [LATER.to_pydatetime(), LATER.to_datetime64(), LATER.tz_convert("Asia/Kolkata")])
def test_as_of_in_any_form_is_the_same_instant(as_of: Any) -> None:
    tickets, events = frames(*EVENTS)
    found = clocks.measure(tickets, events, [CLOCK], CALENDARS, as_of)
    assert found["as_of"].tolist() == [LATER]


def test_an_as_of_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        clocks.measure(*frames(*EVENTS), [CLOCK], CALENDARS, LATER.tz_localize(None))


@pytest.mark.parametrize(
    ("flag", "wanted", "target"),
    [(True, "true", HOUR_US), (False, "true", None), (False, "false", HOUR_US), (True, "false", None)],
)
def test_a_filter_on_a_flag_of_the_ticket(flag: bool, wanted: str, target: int | None) -> None:
    tickets, events = frames(*EVENTS)
    tickets = tickets.assign(has_workaround=pd.array([flag], dtype="boolean"))
    when = {"has_workaround": frozenset({wanted})}
    clock = ready_made("resolution", clause="4", calendar="always", targets=(Target(when, open_us=HOUR_US),))
    (found,) = clocks.measure(tickets, events, [clock], CALENDARS, LATER)["target_us"]
    assert given(found) == target


def test_a_missing_value_meets_no_filter() -> None:
    tickets, events = frames(*EVENTS)
    rules = (HolderRule({"support_level": frozenset({"1", "2", "3", "nan", "None", "<NA>"})}, "customer"),)
    clock = ready_made("resolution", clause="4", calendar="always", held_by=rules)
    for level, held_us in ((pd.NA, 0), (3, 2 * HOUR_US)):
        levels = pd.array([level], dtype="Int64")
        found = clocks.measure(tickets.assign(support_level=levels), events, [clock], CALENDARS, LATER)
        assert found["customer_us"].tolist() == [held_us]


@pytest.mark.parametrize(
    ("keys", "is_refused"), [([1, 2, 3], False), ([2, 2, 3], True), ([3, 1, 3], True), ([1, 3, 2], False)]
)
def test_a_ticket_is_there_once(keys: list[int], is_refused: bool) -> None:
    tickets, events = frames(*EVENTS)
    tickets = tickets.iloc[[0, 0, 0]].assign(ticket_key=keys)
    if is_refused:
        with pytest.raises(ValueError, match="twice"):
            clocks.measure(tickets, events, [CLOCK], CALENDARS, LATER)
    else:
        assert len(clocks.measure(tickets, events, [CLOCK], CALENDARS, LATER)) == 0  # the events are ticket 5's


def test_each_ticket_has_its_own_standing_values() -> None:
    tickets, events = desk(*[[CREATED, (1, "team", "carrier"), (2, "status", "resolved")]] * 3, [CREATED])
    tickets = tickets.assign(account=["zinc", "alder", "carrier", None], agent=["a", "b", None, "c"])
    found = clocks.measure(tickets, events, [CLOCK], CALENDARS, LATER)
    assert [given(each) for each in found["account"]] == ["zinc", "alder", "carrier", None]
    assert [given(each) for each in found["agent"]] == ["a", "b", None, "c"]
    assert [given(each) for each in found["team"]] == 3 * ["carrier"] + [None]
