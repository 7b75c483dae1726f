"""Targets in business days: the same local time of a later open day, or that day's close. Madrid, 09:00 to 17:00.

Madrid's clocks go forward on Sunday 29 March; 2 and 3 April are holidays. Friday 16:00 is 15:00 UTC, Monday's 14:00.
"""

from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch, Target

from tests.unit.clocks.small import CREATED, LATER, US, frames, given, hours, measured


def _madrid(text: str) -> pd.Timestamp:
    return pd.Timestamp(f"2026-{text}", tz="Europe/Madrid").tz_convert("UTC")


def _clock(*targets: Target, **parts: Any) -> Any:
    return ready_made("resolution", clause="4", calendar="madrid", targets=targets, **parts)


# Created, days, how a day ends -> hours allowed, due, late from.
WORKED = [
    # Over the weekend on which an hour is missing: still four o'clock.
    ("03-27 16:00", 1, "same_time", 8, "03-30 16:00", "03-30 16:00"),
    ("03-27 16:00", 1, "close", 9, "03-30 17:00", "03-31 09:00"),
    ("03-27 16:00", 2, "same_time", 16, "03-31 16:00", "03-31 16:00"),
    # Holidays are no business days.
    ("04-01 10:00", 1, "same_time", 8, "04-06 10:00", "04-06 10:00"),
    ("04-01 10:00", 1, "close", 15, "04-06 17:00", "04-07 09:00"),
    # Begun on a closed day: the first open day after it is the first.
    ("03-28 12:00", 1, "same_time", 3, "03-30 12:00", "03-30 12:00"),
    ("04-02 12:00", 2, "close", 16, "04-07 17:00", "04-08 09:00"),
    # Begun after closing or before opening: the same time is outside the hours too.
    ("03-27 20:00", 1, "same_time", 8, "03-30 20:00", "03-31 09:00"),
    ("03-27 07:00", 1, "same_time", 8, "03-30 07:00", "03-30 09:00"),
    ("03-27 17:00", 1, "close", 8, "03-30 17:00", "03-31 09:00"),
]


@pytest.mark.parametrize(("created", "days", "day_end", "allowed", "due", "late_from"), WORKED)
def test_business_days(created: str, days: int, day_end: Any, allowed: float, due: str, late_from: str) -> None:
    clock = _clock(Target({}, open_days=days, day_end=day_end))
    start = (_madrid(created), "created", None, "customer")
    (cycle,) = measured(clock, start)
    assert (hours(cycle["target_us"]), cycle["due_at"]) == (allowed, _madrid(due))
    assert cycle["breached_at"] == _madrid(late_from)
    for stopped, state in ((_madrid(due), "met"), (_madrid(late_from), "met"), (_madrid(late_from) + US, "breached")):
        (ended,) = measured(clock, start, (stopped, "status", "resolved"))
        assert (ended["state"], ended["due_at"]) == (state, _madrid(due))


# One day for P1, two for P3, at the same time; created on Friday 27 March, 16:00.
@pytest.mark.parametrize(
    ("before", "after", "changed", "due", "breached"),
    [
        ("P3", "P1", "03-30 10:00", "03-30 16:00", "03-30 16:00"),
        ("P3", "P1", "03-31 10:00", "03-31 10:00", "03-31 10:00"),  # a day was over: late at the change
        ("P1", "P3", "03-30 10:00", "03-31 16:00", "03-31 16:00"),
        ("P1", "P3", "03-30 16:00", "03-31 16:00", "03-31 16:00"),
        ("P1", "P3", "03-31 10:00", "03-30 16:00", "03-30 16:00"),  # it was late before
    ],
)
def test_days_of_another_priority_are_counted_from_the_same_start(
    before: str, after: str, changed: str, due: str, breached: str
) -> None:
    days = {"P1": 1, "P3": 2}
    clock = _clock(*(Target({"priority": frozenset({name})}, open_days=each) for name, each in days.items()))
    start = _madrid("03-27 16:00")
    events = [(start, "created"), (start, "priority", before), (_madrid(changed), "priority", after)]
    (cycle,) = measured(clock, *events)
    assert (cycle["due_at"], given(cycle["breached_at"])) == (_madrid(due), _madrid(breached))


def test_a_reset_begins_the_days_anew() -> None:
    clock = _clock(Target({}, open_days=1), reset=(EventMatch("acknowledgement"),))
    events = [(_madrid("03-27 16:00"), "created"), (_madrid("03-30 11:30"), "acknowledgement")]
    (cycle,) = measured(clock, *events)
    assert (cycle["due_at"], cycle["breached_at"]) == (_madrid("03-31 11:30"), _madrid("03-31 11:30"))


@pytest.mark.parametrize(("days", "allowed"), [(1, 8.0), (2, None)])
def test_where_there_are_not_so_many_open_days_there_is_no_target(days: int, allowed: float | None) -> None:
    once = {"madrid": {"timezone": "Europe/Madrid", "weekly": {}, "special_days": {"2026-03-03": [["09:00", "17:00"]]}}}
    clock = _clock(Target({}, open_days=days, day_end="close"))
    (cycle,) = clocks.measure(*frames(CREATED), [clock], once, LATER).to_dict("records")
    target_us = given(cycle["target_us"])
    assert (target_us if target_us is None else hours(target_us)) == allowed
    assert pd.isna(cycle["due_at"]) == (allowed is None) and cycle["state"] == "running"
