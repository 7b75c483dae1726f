"""A whole desk in one block: every ticket is measured as the oracle measures it alone, whoever its neighbours are."""

from datetime import timedelta
from functools import cache
from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import CalendarChoice, ClockTerms, EventMatch, HolderRule, Target

from tests.oracle import Replay, SlowCalendar
from tests.unit.clocks.small import ANSWERS, ASKS, CALENDARS, CREATED, HOUR_US, by, desk, instant, plain
from tests.unit.clocks.test_definitions import WORKED

_SLOW = {name: SlowCalendar(terms) for name, terms in CALENDARS.items()}
_STANDING = {"account": "alder-retail", "team": "kolkata", "agent": "agent-9", "product": "p", "priority": "P3"}
_TICKETS: list[list[tuple[Any, ...]]] = [
    *(WORKED[use][0] for use in ("next_response", "periodic_update", "requester_wait", "team_ownership")),
    # Two tickets that nothing happens to; one that its log knows from its reopening on; one that was merged away.
    [CREATED],
    [CREATED],
    [(3, "status", "open"), (4, *ANSWERS), (5, "status", "resolved"), (30, "status", "open")],
    [CREATED, (0, "priority", "P1"), (1, "merged", "17"), (2, "status", "open"), (3, "note"), (40, "deleted")],
    # Moved, raised and lowered, reset and put off, in the open and while the customer has the turn.
    [
        CREATED,
        (0, "team", "office"),
        (1, "priority", "P1"),
        (2, "status", "waiting_on_customer"),
        (3, "team", "kolkata"),
        (4, "priority", "P3"),
        (5, "note"),
        (6, "eta", instant(20).isoformat()),
        (7, "status", "open"),
        (8, "assignment", "agent-1"),
        (20, "note"),
        (21, "eta", instant(44).isoformat()),
        (26, "status", "resolved"),
        (26, "priority", "P1"),
        (28, "status", "open"),
        (28, *ANSWERS),
        (29, "team", "office"),
        (29.5, *ASKS),
        (31, "status", "closed"),
        (60, "assignment", "agent-2"),
        (61, "account", "brisa"),
    ],
    # Priorities and notes that come and go within one instant.
    [
        (2, "created", None, "customer"),
        (2, "priority", "P1"),
        (2, "priority", "P3"),
        (5, "priority", "P1"),
        (5, "note"),
        (5, "priority", "P3"),
        (9, "note"),
        (9, "status", "resolved"),
        (9, "status", "open"),
        (10, "priority", "P1"),
        (11, "product", "q"),
    ],
]
_TEAMS_HOURS = (CalendarChoice({"team": frozenset({"kolkata"})}, "kolkata"), CalendarChoice({}, "office"))
_DAYS = (Target({"priority": frozenset({"P1"})}, open_days=1), Target({}, until="eta"))
_RULES = (
    HolderRule({"agent": frozenset({"agent-1"})}, "third_party"),
    HolderRule({"team": frozenset({"team-02"})}, "customer"),
)
_OPTIONS: list[dict[str, Any]] = [
    {"targets": by("priority", P1=2, P3=6), "reset": (EventMatch("note"),)},
    {"targets": by("priority", P1=2, P3=6), "retarget": "final", "attribution": "stopped", "held_by": _RULES},
    {"targets": _DAYS, "at_close": "next_opening", "cancel": (EventMatch("merged"),), "resume_within_us": 2 * HOUR_US},
    {"targets": _DAYS, "retarget": "initial", "attribution": "started", "counts": frozenset({"provider"})},
    {"targets": by("priority", P1=3), "retarget": "final", "reset": (EventMatch("note"),), "attribution": "due"},
]


_AS_OF = instant(50)
_TICKETS_AND_EVENTS = desk(*_TICKETS, **_STANDING)


def _terms(use: str) -> list[ClockTerms]:
    parts = {"clause": "4", "calendar": "office", "calendars": _TEAMS_HOURS}
    return [ready_made(use, name=f"{use}-{number}", **{**parts, **given}) for number, given in enumerate(_OPTIONS)]


@cache  # mutants do not touch the oracle
def _expected(use: str) -> list[dict[str, Any]]:
    return [
        {"ticket_key": key, "created_month": 202603, "clock": clock.name, "as_of": _AS_OF, **facts}
        for key, happened in _TICKETS_AND_EVENTS[1].groupby("ticket_key")
        for clock in _terms(use)
        for facts in Replay(_STANDING, _rows(happened), clock, _SLOW, _AS_OF, timedelta(days=20)).cycles()
    ]


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


@pytest.mark.parametrize(
    "use",
    [
        "next_response",
        "periodic_update",
        "pausable_update",
        "requester_wait",
        "resolution_first",
        "resolution_total",
        "resolution_without_waiting",
        "team_ownership",
        "customer_turn",
        "eta_kept",
    ],
)
def test_a_desk_in_one_block_equals_the_oracle(use: str) -> None:
    found = clocks.measure(*_TICKETS_AND_EVENTS, _terms(use), CALENDARS, _AS_OF)
    assert _rows(found) == _expected(use)
