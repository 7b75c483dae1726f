"""Random tickets, events and clocks for the properties, and frames of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from deskledger.contract.definitions import ACTIVE, DEFINITIONS, DONE, WAITING, ready_made
from deskledger.contract.terms import CalendarChoice, ClockTerms, EventMatch, HolderRule, Target
from deskledger.model import ACTOR_ROLES, PRIORITIES, STATUSES, TICKET, TICKET_EVENT, conform

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


def _event(
    kind: str,
    value: Any = None,
    role: str = "agent",
    is_public: bool | None = False,
    previous: str | None = None,
) -> dict[str, Any]:
    return {"kind": kind, "value": value, "previous_value": previous, "actor_role": role, "is_public": is_public}


_seen = st.sampled_from([True, False, None])


_happenings = st.one_of(
    st.tuples(st.sampled_from(STATUSES), st.sampled_from(ACTOR_ROLES), _seen, st.sampled_from([None, *STATUSES])).map(
        lambda each: _event("status", each[0], each[1], each[2], each[3])
    ),
    st.tuples(st.sampled_from(["agent", "customer"]), _seen).map(
        lambda pair: _event("reply", role=pair[0], is_public=pair[1])
    ),
    st.sampled_from(PRIORITIES).map(lambda value: _event("priority", value)),
    st.sampled_from([*_TEAMS, None]).map(lambda value: _event("team", value)),
    st.sampled_from(["L1>L2", "L2>L3"]).map(lambda value: _event("escalation", value)),
    st.sampled_from(["agent-1", "agent-2", None]).map(lambda value: _event("assignment", value)),
    _moments.map(lambda offset: _event("eta", at(offset + 24 * HOUR_US).isoformat())),
    st.sampled_from(["acknowledgement", "note", "merged", "deleted", "account"]).map(lambda kind: _event(kind, "x")),
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


_CARRIER = HolderRule({"team": frozenset({"team-02"})}, "third_party", "Carrier Ltd")
_HOLDER_RULES: list[tuple[HolderRule, ...]] = [
    (),
    (_CARRIER,),
    (HolderRule({"status": frozenset({"waiting_on_customer"})}, "customer"), _CARRIER),
    (HolderRule({"escalation": frozenset({"L2>L3"}), "status": frozenset({"open"})}, "third_party", "Vendor"),),
    (
        HolderRule({"agent": frozenset({"agent-2"})}, "customer"),
        HolderRule({"support_level": frozenset({"3"})}, "third_party"),
        HolderRule({}, "provider"),
    ),
]
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
    field, groups = draw(
        st.sampled_from(
            [
                ("priority", []),
                ("priority", [{"P1"}, {"P2", "P3"}]),
                ("priority", [{"P1"}, {"P2"}, {"P3"}, {"P4"}]),
                ("team", [{"team-01"}, {"team-13"}]),
            ]
        )
    )
    for group in groups:
        target = draw(_amounts)
        found.append(Target({field: frozenset(group)}, target.open_us, target.open_days, target.until, target.day_end))
    return (*found, draw(_amounts)) if draw(st.booleans()) else tuple(found)


_matches = st.sampled_from(
    [
        EventMatch("created"),
        EventMatch("reply", actor_roles=frozenset({"agent"}), is_public=True),
        EventMatch("reply", is_public=False),
        EventMatch("status", values=DONE),
        EventMatch("status", values=DONE, is_public=False),
        EventMatch("status", values=ACTIVE),
        EventMatch("status", values=ACTIVE, previous_values=DONE),
        EventMatch("status", previous_values=frozenset({"new", "open"}), is_public=True),
        EventMatch("team"),
        EventMatch("team", is_change=True),
        EventMatch("priority", is_change=False),
        EventMatch("escalation", previous_values=frozenset({"L1>L2"})),
    ]
)
_some = st.lists(_matches, min_size=1, max_size=2).map(tuple)


@st.composite
def _parts(draw: st.DrawFn) -> dict[str, Any]:
    """Nothing, or parts of a declared clock that take the place of a ready-made one's."""
    if draw(st.booleans()):
        return {}
    return {
        "start": draw(_some),
        "stop": draw(_some),
        "resume": draw(st.one_of(st.just(()), _some)),
        "pause": draw(st.sampled_from([frozenset(), WAITING, DONE, frozenset({"new"})])),
    }


@st.composite
def clock_terms(draw: st.DrawFn) -> ClockTerms:
    """A ready-made or declared clock with any of the options that a contract can set."""
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
        cancel=draw(st.sampled_from([(), (EventMatch("merged"),), (EventMatch("merged"), EventMatch("deleted"))])),
        held_by=draw(st.sampled_from(_HOLDER_RULES)),
        counts=draw(st.sampled_from([None, frozenset({"provider"}), frozenset({"customer", "third_party"})])),
        resume_within_us=draw(st.sampled_from([None, 0, 2 * HOUR_US, 30 * HOUR_US])),
        **draw(_parts()),
    )


TICKET_VALUES = {
    "account": "alder-retail",
    "team": "team-01",
    "agent": "agent-9",
    "product": "p",
    "priority": "P4",
    "support_level": 3,
}


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
