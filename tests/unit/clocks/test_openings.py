"""What opens, ends and takes back a cycle: events beside the cycles (started, stopped) that a reader would expect."""

from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch

from tests.unit.clocks.small import (
    ANSWERS,
    ASKS,
    CALENDARS,
    CREATED,
    HOUR_US,
    LATER,
    US,
    desk,
    frames,
    given,
    instant,
    measured,
    within,
)

OPEN, RESOLVED, CLOSED = (("status", word) for word in ("open", "resolved", "closed"))
QUESTION = EventMatch("reply", actor_roles=frozenset({"customer"}))
ANSWER = EventMatch("reply", actor_roles=frozenset({"agent"}))
DONE = EventMatch("status", values=frozenset({"resolved", "closed"}))
REOPENED = EventMatch("status", values=frozenset({"open"}))


def _clock(use: str, **parts: Any) -> Any:
    return ready_made(use, clause="4", calendar="always", targets=within(8), **parts)


def _cycles(found: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [(start, given(stop)) for start, stop in zip(found["started_at"], found["stopped_at"], strict=True)]


def _expected(*cycles: tuple[float, float | None]) -> list[tuple[Any, ...]]:
    return [(instant(start), None if stop is None else instant(stop)) for start, stop in cycles]


# Parts of a clock that runs from creation to resolution and goes on after a reopening; events -> cycles.
RESUMED: list[tuple[dict[str, Any], list[tuple[Any, ...]], list[tuple[float, float | None]]]] = [
    # The last stop is taken back, as often as the ticket is reopened; other events between say nothing.
    ({}, [CREATED, (2, *RESOLVED), (3, *OPEN), (5, *RESOLVED), (6, *CLOSED), (7, *OPEN), (9, *CLOSED)], [(0, 9)]),
    # Closing what was resolved is no second stop.
    ({}, [CREATED, (2, *RESOLVED), (6, *CLOSED)], [(0, 2)]),
    # Nor, however much later, a beginning.
    ({"resume_within_us": 2 * HOUR_US}, [CREATED, (2, *RESOLVED), (60, *CLOSED)], [(0, 2)]),
    # What was merged away cannot be taken back; before any start there is nothing to take back.
    ({"cancel": (EventMatch("merged"),)}, [CREATED, (2, "merged", "17"), (5, *OPEN), (6, *RESOLVED)], [(0, 2)]),
    (
        {"cancel": (EventMatch("merged"),)},
        [CREATED, (2, *RESOLVED), (3, "merged", "17"), (5, *OPEN), (6, *RESOLVED)],
        [(0, 2)],
    ),
    ({}, [(0, *OPEN), (1, "created"), (4, *RESOLVED)], [(1, 4)]),
    ({}, [(0, *RESOLVED), (1, *OPEN), (2, "created"), (4, *RESOLVED)], [(2, 4)]),
    # A new start opens the next cycle, also one that could have been taken back.
    (
        {"start": (EventMatch("created"), QUESTION)},
        [CREATED, (2, *RESOLVED), (5, *ASKS), (6, *OPEN)],
        [(0, 2), (5, None)],
    ),
    (
        {"start": (EventMatch("created"), QUESTION)},
        [CREATED, (2, *RESOLVED), (5, *ASKS), (6, *RESOLVED), (7, *OPEN), (8, *ASKS), (9, *RESOLVED)],
        [(0, 2), (5, 9)],
    ),
    # An event that stops takes nothing back, whatever else it is.
    ({"stop": (ANSWER,), "resume": (EventMatch("reply"),)}, [CREATED, (2, *ANSWERS), (5, *ANSWERS)], [(0, 2)]),
    (
        {"stop": (ANSWER,), "resume": (EventMatch("reply"),)},
        [CREATED, (2, *ANSWERS), (3, *ASKS), (5, *ANSWERS)],
        [(0, 5)],
    ),
    # An answer that ends one cycle and begins the next: how long after the stop is counted from the stop of the last.
    (
        {"start": (EventMatch("created"), ANSWER), "stop": (ANSWER, DONE), "resume_within_us": 2 * HOUR_US},
        [CREATED, (1, *ANSWERS), (4, *RESOLVED), (5, *OPEN), (9, *RESOLVED)],
        [(0, 1), (1, 9)],
    ),
    (
        {"start": (EventMatch("created"), ANSWER), "stop": (ANSWER, DONE), "resume_within_us": 2 * HOUR_US},
        [CREATED, (1, *ANSWERS), (4, *RESOLVED), (7, *OPEN), (9, *RESOLVED)],
        [(0, 1), (1, 4), (7, 9)],
    ),
    # Reopened in time, and then too late; a reopening of what is open is none, however late.
    (
        {"resume_within_us": 2 * HOUR_US},
        [CREATED, (1, *RESOLVED), (3, *OPEN), (4, *RESOLVED), (6.5, *OPEN), (20, *OPEN), (21, *RESOLVED), (23, *OPEN)],
        [(0, 4), (6.5, None)],
    ),
]


@pytest.mark.parametrize(("parts", "events", "cycles"), RESUMED)
def test_what_a_reopening_takes_back(
    parts: dict[str, Any], events: list[tuple[Any, ...]], cycles: list[tuple[float, float | None]]
) -> None:
    clock = _clock("resolution_total", **{"resume": (REOPENED,), **parts})
    assert _cycles(clocks.measure(*frames(*events), [clock], CALENDARS, LATER)) == _expected(*cycles)
    # The same between two other tickets, which were resolved and reopened themselves.
    other = [CREATED, (1, *RESOLVED), (2, *OPEN), (3, *RESOLVED)]
    found = clocks.measure(*desk(other, events, other), [clock], CALENDARS, LATER)
    assert _cycles(found[found["ticket_key"] == 6]) == _expected(*cycles)


def test_an_answer_at_the_instant_of_the_reopening_begins_one_cycle() -> None:
    events = [CREATED, (1, *ANSWERS), (2, *RESOLVED), (5, *OPEN), (5, *ANSWERS), (7, *ANSWERS)]
    found = clocks.measure(*frames(*events), [_clock("periodic_update")], CALENDARS, LATER)
    assert _cycles(found) == _expected((1, 2), (5, 7), (7, None))


def test_a_resolution_at_the_instant_of_the_answer_ends_what_that_began() -> None:
    found = clocks.measure(
        *frames(CREATED, (1, *ANSWERS), (1, *RESOLVED)), [_clock("periodic_update")], CALENDARS, LATER
    )
    assert _cycles(found) == _expected((1, 1))


@pytest.mark.parametrize("before", [[CREATED], []], ids=["after its creation", "with nothing before it"])
def test_a_first_status_is_no_reopening(before: list[Any]) -> None:
    """Whatever other tickets, or other events of this one, said before and later."""
    events = [*before, (1, *OPEN), (3, *ANSWERS), (5, *RESOLVED)]
    resolved = [CREATED, (1, *ANSWERS), (2, *RESOLVED)]
    for tickets in ([events], [resolved, events], [resolved, events, resolved]):
        found = clocks.measure(*desk(*tickets), [_clock("periodic_update")], CALENDARS, LATER)
        key = 5 + tickets.index(events)
        assert _cycles(found[found["ticket_key"] == key]) == _expected((3, 5))


@pytest.mark.parametrize(
    ("previous", "cycles"),
    [("resolved", [(1, None)]), ("new", []), (None, [])],
    ids=["told", "told otherwise", "untold"],
)
def test_what_the_source_says_was_before_is_believed(previous: str | None, cycles: list[Any]) -> None:
    tickets, events = frames(CREATED, (1, *OPEN))
    events = events.assign(previous_value=pd.array([None, previous], dtype="str"))
    found = clocks.measure(tickets, events, [_clock("periodic_update")], CALENDARS, LATER)
    assert _cycles(found) == _expected(*cycles)


# Kind, whether the source says that the customer sees it -> whether it counts as public, and as internal.
SEEN = [
    ("reply", True, True, False),
    ("reply", False, False, True),
    ("reply", None, False, False),
    ("note", True, True, False),
    ("note", False, False, True),
    ("note", None, False, False),
    ("status", True, True, False),
    ("status", False, False, True),
    ("status", None, True, False),
]


@pytest.mark.parametrize(("kind", "told", "is_public", "is_internal"), SEEN)
def test_what_is_public_and_what_is_internal(kind: str, told: bool | None, is_public: bool, is_internal: bool) -> None:
    for wanted, stops in ((True, is_public), (False, is_internal)):
        clock = _clock("first_response", stop=(EventMatch(kind, is_public=wanted),))
        (cycle,) = measured(clock, CREATED, (2, kind, "open", "agent", told))
        assert given(cycle["stopped_at"]) == (instant(2) if stops else None)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("account", "account"),
        ("team", "team"),
        ("agent", "assignment"),
        ("product", "product"),
        ("priority", "priority"),
    ],
)
def test_a_field_has_the_value_of_its_latest_event_at_the_instant_that_attributes(field: str, kind: str) -> None:
    """Due at 8: what is said there still holds, what is said a microsecond later does not; before any event, the
    ticket's own value."""
    clock = _clock("first_response")
    later = [(20, "note"), (21, *ANSWERS)] if field != "agent" else []
    for at, expected in ((8 - 1 / 3600e6, "said"), (8, "said"), (8 + 1 / 3600e6, "standing")):
        (cycle,) = measured(clock, CREATED, (1, "note"), (at, kind, "said"), *later, **{field: "standing"})
        assert (cycle["attributed_at"], cycle[field]) == (instant(8), expected)


def test_what_is_stated_after_the_stop_at_its_instant_is_no_part_of_the_cycle() -> None:
    for attribution in ("started", "stopped"):
        clock = _clock("resolution", attribution=attribution)
        (cycle,) = measured(clock, CREATED, (0, "team", "team-01"), (0, *RESOLVED), (0, "team", "team-02"))
        assert (cycle["team"], cycle["stopped_at"] - cycle["started_at"]) == ("team-01", 0 * US)
    (cycle,) = measured(_clock("resolution"), CREATED, (0, "team", "team-01"), (0, *RESOLVED), (0, "team", "team-02"))
    assert cycle["team"] == "team-02"  # in force when it was due


def test_an_event_that_begins_a_cycle_and_resets_begins_its_own() -> None:
    found = measured(_clock("periodic_update", reset=(ANSWER,)), CREATED, (1, *ANSWERS), (3, *ANSWERS), (6, *RESOLVED))
    assert [(each["started_at"], each["elapsed_us"] // HOUR_US) for each in found] == [(instant(1), 2), (instant(3), 3)]
