"""Random tickets, events and clocks for the properties, and frames of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from deskledger.contract.definitions import DEFINITIONS, ready_made
from deskledger.contract.terms import CalendarChoice, ClockTerms, EventMatch, Target
from deskledger.model import PRIORITIES, STATUSES, TICKET, TICKET_EVENT, conform

HOUR_US = 3_600_000_000
NEAR = datetime(2026, 3, 27, 6, tzinfo=UTC)  # a Friday; Madrid's clocks go forward on the Sunday
PATIENCE = timedelta(days=40)

_WEEK = ("mon", "tue", "wed", "thu", "fri")
CALENDARS: dict[str, dict[str, Any]] = {
    "always": {"always": True},
    "madrid": {
        "timezone": "Europe/Madrid",
        "weekly": {day: [["09:00", "14:00"], ["15:30", "18:00"]] for day in _WEEK},
        "holidays": ["2026-04-02", "2026-04-03"],
        "special_days": {"2026-03-31": [["09:00", "12:00"]]},
    },
    "night": {
        "timezone": "Europe/Madrid",
        "weekly": {day: [["22:00", "06:00"]] for day in (*_WEEK, "sat", "sun")},
    },
    "kolkata": {"timezone": "Asia/Kolkata", "weekly": {day: [["09:30", "18:30"]] for day in (*_WEEK, "sat")}},
}

_TEAMS = ("team-01", "team-02", "team-13")
_moments = st.one_of(
    st.integers(0, 96).map(lambda hours: hours * HOUR_US),  # many ties, and hits of hours and targets
    st.integers(0, 96 * 4).map(lambda quarters: quarters * HOUR_US // 4),
    st.integers(0, 96 * HOUR_US),
)


def at(offset_us: int) -> datetime:
    """An instant of the tried week."""
    return NEAR + timedelta(microseconds=offset_us)


def _event(kind: str, value: Any = None, role: str = "agent", is_public: bool = False) -> dict[str, Any]:
    return {"kind": kind, "value": value, "previous_value": None, "actor_role": role, "is_public": is_public}


_happenings = st.one_of(
    st.sampled_from(STATUSES).map(lambda value: _event("status", value)),
    st.tuples(st.sampled_from(["agent", "customer"]), st.booleans()).map(
        lambda pair: _event("reply", role=pair[0], is_public=pair[1])
    ),
    st.sampled_from(PRIORITIES).map(lambda value: _event("priority", value)),
    st.sampled_from(_TEAMS).map(lambda value: _event("team", value)),
    st.sampled_from(["agent-1", "agent-2", None]).map(lambda value: _event("assignment", value)),
    _moments.map(lambda offset: _event("eta", at(offset + 24 * HOUR_US).isoformat())),
    st.sampled_from(["acknowledgement", "note", "merged", "account"]).map(lambda kind: _event(kind, "x")),
)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The events of one ticket, in any order."""
    created = draw(_moments)
    rows = [(created, 0, _event("created", role="customer"))]
    if draw(st.booleans()):
        rows += [
            (created, 1, _event("status", "new")),
            (created, 2, _event("priority", draw(st.sampled_from(PRIORITIES)))),
            (created, 3, _event("team", draw(st.sampled_from(_TEAMS)))),
        ]
    for happening in draw(st.lists(_happenings, max_size=10)):
        rows.append((max(created, draw(_moments)), draw(st.integers(0, 4)), happening))
    ids = draw(st.permutations([f"e{number}" for number in range(len(rows))]))
    return draw(
        st.permutations(
            [
                {"occurred_at": at(offset), "seq": seq, "event_id": each, **event}
                for (offset, seq, event), each in zip(rows, ids, strict=True)
            ]
        )
    )


_amounts = st.one_of(
    st.integers(0, 10).map(lambda hours: Target(when={}, open_us=hours * HOUR_US)),
    st.integers(0, 30 * HOUR_US).map(lambda amount: Target(when={}, open_us=amount)),
    st.tuples(st.integers(1, 2), st.sampled_from(["same_time", "close"])).map(
        lambda pair: Target(when={}, open_days=pair[0], day_end=pair[1])
    ),
    st.just(Target(when={}, until="eta")),
)


@st.composite
def _targets(draw: st.DrawFn) -> tuple[Target, ...]:
    found = []
    for group in draw(st.sampled_from([[], [{"P1"}, {"P2", "P3"}], [{"P1"}, {"P2"}, {"P3"}, {"P4"}]])):
        target = draw(_amounts)
        found.append(
            Target({"priority": frozenset(group)}, target.open_us, target.open_days, target.until, target.day_end)
        )
    return (*found, draw(_amounts)) if draw(st.booleans()) else tuple(found)


@st.composite
def clock_terms(draw: st.DrawFn) -> ClockTerms:
    """A ready-made clock with any of the options that a contract can set."""
    by_team = CalendarChoice({"team": frozenset({"team-13"})}, "kolkata")
    default = CalendarChoice({}, draw(st.sampled_from(["always", "madrid", "night"])))
    return ready_made(
        draw(st.sampled_from(sorted(DEFINITIONS))),
        clause="1",
        calendar="always",
        targets=draw(_targets()),
        calendars=(by_team, default) if draw(st.booleans()) else (default,),
        retarget=draw(st.sampled_from(["at_change", "initial", "final"])),
        at_close=draw(st.sampled_from(["closing", "next_opening"])),
        attribution=draw(st.sampled_from(["due", "started", "stopped"])),
        reset=draw(st.sampled_from([(), (EventMatch("note"),), (EventMatch("acknowledgement"),)])),
        cancel=draw(st.sampled_from([(), (EventMatch("merged"),)])),
        team_holders=draw(st.sampled_from([{}, {"team-02": "third_party"}])),
        counts=draw(st.sampled_from([None, frozenset({"provider"}), frozenset({"customer", "third_party"})])),
    )


TICKET_VALUES = {"account": "alder-retail", "team": "team-01", "agent": "agent-9", "product": "p", "priority": "P4"}


def frames(all_histories: list[list[dict[str, Any]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The canonical frames of tickets 0, 7, 14, ... with these histories."""
    tickets = [
        {
            "ticket_key": 7 * number,
            "created_month": 202603,
            "shard": 7 * number,
            "source": "test",
            "ticket_id": str(number),
            "created_at": pd.Timestamp(NEAR),
            "updated_at": pd.Timestamp(NEAR),
            **TICKET_VALUES,
        }
        for number in range(len(all_histories))
    ]
    events = [
        {"ticket_key": 7 * number, "created_month": 202603, **event}
        for number, history in enumerate(all_histories)
        for event in history
    ]
    return conform(TICKET, pd.DataFrame(tickets)), conform(TICKET_EVENT, pd.DataFrame(events))
