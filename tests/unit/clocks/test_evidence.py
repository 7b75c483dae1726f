"""The evidence of one ticket, read line by line as a customer would."""

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch, Target
from deskledger.errors import ContractError
from deskledger.model import TICKET, TICKET_EVENT, conform

from tests.unit.clocks.small import ANSWERS, CREATED, LATER, desk, frames, given, hours, instant

HOUR_US = 3_600_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
CALENDARS = {
    "madrid": {
        "timezone": "Europe/Madrid",
        "weekly": {day: [["09:00", "18:00"]] for day in WEEKDAYS} | {"sun": [["01:00", "04:00"]]},
        "holidays": ["2026-03-30"],
    }
}
HISTORY = [
    ("2026-03-27T16:00+01:00", "created", None),
    ("2026-03-27T16:00+01:00", "status", "new"),
    ("2026-03-27T16:00+01:00", "priority", "P3"),
    ("2026-03-27T16:00+01:00", "team", "team-01"),
    ("2026-03-27T17:00+01:00", "priority", "P2"),
    ("2026-03-31T10:00+02:00", "status", "waiting_on_customer"),
    ("2026-03-31T12:00+02:00", "status", "open"),
    ("2026-03-31T13:00+02:00", "status", "resolved"),
    ("2026-04-01T09:30+02:00", "status", "open"),
]
TARGETS = (
    Target({"priority": frozenset({"P2"})}, open_us=6 * HOUR_US),
    Target({"priority": frozenset({"P3"})}, open_us=9 * HOUR_US),
)


def _frames(history: list[tuple[str, str, str | None]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    start = pd.Timestamp(history[0][0]).tz_convert("UTC")
    ticket = {"ticket_key": 3, "created_month": 202603, "shard": 3, "source": "test", "ticket_id": "3"}
    rows = [
        {
            "ticket_key": 3,
            "created_month": 202603,
            "event_id": f"e{number:02}",
            "occurred_at": pd.Timestamp(at).tz_convert("UTC"),
            "seq": number,
            "kind": kind,
            "value": value,
            "actor_role": "agent",
        }
        for number, (at, kind, value) in enumerate(history)
    ]
    tickets = pd.DataFrame([{**ticket, "created_at": start, "updated_at": start}])
    return conform(TICKET, tickets), conform(TICKET_EVENT, pd.DataFrame(rows))


def test_a_ticket_over_a_clock_change_a_holiday_a_priority_change_and_a_reopening() -> None:
    clock = ready_made("resolution_without_waiting", clause="4.2", calendar="madrid", targets=TARGETS)
    as_of = pd.Timestamp("2026-04-01T10:00+02:00")
    found = clocks.segments(*_frames(HISTORY), [clock], CALENDARS, as_of)
    local = found["from_at"].dt.tz_convert("Europe/Madrid").dt.strftime("%d %H:%M")
    read = list(
        zip(
            found["cycle"],
            local,
            found["priority"],
            found["reason"],
            found["counted_us"] / HOUR_US,
            found["running_total_us"] / HOUR_US,
            found["target_us"] // HOUR_US,
            strict=True,
        )
    )
    assert read == [
        (1, "27 16:00", "P3", "counted", 1.0, 1.0, 9),
        (1, "27 17:00", "P2", "counted", 1.0, 2.0, 6),
        (1, "27 18:00", "P2", "outside business hours", 0.0, 2.0, 6),
        (1, "29 01:00", "P2", "counted", 2.0, 4.0, 6),  # the hour from 02:00 to 03:00 did not exist
        (1, "29 04:00", "P2", "outside business hours", 0.0, 4.0, 6),
        (1, "30 00:00", "P2", "holiday", 0.0, 4.0, 6),
        (1, "31 00:00", "P2", "outside business hours", 0.0, 4.0, 6),
        (1, "31 09:00", "P2", "counted", 1.0, 5.0, 6),
        (1, "31 10:00", "P2", "paused: waiting_on_customer", 0.0, 5.0, 6),
        (1, "31 12:00", "P2", "counted", 1.0, 6.0, 6),
        (2, "01 09:30", "P2", "counted", 0.5, 0.5, 6),
    ]
    assert found["to_at"].iloc[-1] == as_of
    assert found["holder"].tolist() == ["provider"] * 8 + ["customer"] + ["provider"] * 2
    assert set(found["team"]) == {"team-01"} and set(found["calendar"]) == {"madrid"}
    measured = clocks.measure(*_frames(HISTORY), [clock], CALENDARS, as_of)
    assert measured["state"].tolist() == ["met", "running"]
    assert found.groupby("cycle")["counted_us"].sum().tolist() == measured["elapsed_us"].tolist()


def test_what_a_reset_dropped_and_what_another_side_held_is_said() -> None:
    clock = ready_made(
        "resolution",
        clause="4.2",
        calendar="madrid",
        targets=TARGETS,
        reset=(EventMatch("acknowledgement"),),
        counts=frozenset({"provider"}),
    )
    history = [
        *HISTORY[:4],
        ("2026-03-27T16:30+01:00", "acknowledgement", None),
        ("2026-03-27T17:00+01:00", "status", "waiting_on_third_party"),
    ]
    found = clocks.segments(*_frames(history), [clock], CALENDARS, pd.Timestamp("2026-03-27T17:30+01:00"))
    assert found["reason"].tolist() == ["before reset", "counted", "held by third_party"]
    assert found["counted_us"].tolist() == [0, HOUR_US // 2, 0]


def test_cycles_without_a_target_and_no_tickets_at_all_have_evidence_of_the_same_form() -> None:
    clock = ready_made("resolution", clause="4.2", calendar="madrid")
    tickets, events = _frames(HISTORY)
    as_of = pd.Timestamp("2026-03-27T17:00+01:00")
    one = clocks.segments(tickets, events, [clock], CALENDARS, as_of)
    none = clocks.segments(tickets.head(0), events, [clock], CALENDARS, as_of)
    assert one["target_us"].isna().all()
    assert list(none.columns) == list(one.columns) and len(none) == 0


def test_the_running_total_is_the_sum_of_what_was_counted_so_far() -> None:
    clock = ready_made("resolution_without_waiting", clause="4.2", calendar="madrid", targets=TARGETS)
    found = clocks.segments(*_frames(HISTORY), [clock], CALENDARS, pd.Timestamp("2026-04-01T10:00+02:00"))
    so_far = found.groupby(["clock", "cycle"])["counted_us"].cumsum()
    assert found["running_total_us"].tolist() == so_far.tolist()
    assert so_far.max() > 0


def test_without_clocks_there_are_the_same_columns_and_no_rows() -> None:
    clock = ready_made("resolution", clause="4.2", calendar="madrid")
    as_of = pd.Timestamp("2026-03-27T17:00+01:00")
    none, one = (clocks.segments(*_frames(HISTORY), terms, CALENDARS, as_of) for terms in ([], [clock]))
    assert list(none.columns) == list(one.columns)
    assert list(one.columns) == [
        *("ticket_key", "clock", "cycle", "from_at", "to_at", "status", "holder", "holder_name", "priority", "team"),
        *("calendar", "is_counted", "reason", "counted_us", "running_total_us", "target_us"),
    ]
    assert (len(none), len(one)) == (0, 1)


def test_holders_of_no_status_are_refused_as_by_measure() -> None:
    clock = ready_made("resolution", clause="4.2", calendar="madrid", holders={"asleep": "customer"})
    with pytest.raises(ContractError, match="asleep"):
        clocks.segments(*_frames(HISTORY), [clock], CALENDARS, LATER)


ALWAYS = {"always": {"always": True}}


def test_stretches_come_by_ticket_then_clock_and_are_numbered() -> None:
    terms = [ready_made("resolution", name=name, clause="4", calendar="always") for name in ("b", "a")]
    events = [CREATED, (1, "status", "open"), (2, "status", "resolved"), (3, "status", "open")]
    found = clocks.segments(*desk(events, events), terms, ALWAYS, instant(4))
    of_clock = [(1, None, 0, 1, 1), (1, "open", 1, 2, 2), (2, "open", 3, 4, 1)]
    columns = ["ticket_key", "clock", "cycle", "status", "from_at", "to_at", "running_total_us"]
    assert [tuple(map(given, row)) for row in found[columns].itertuples(index=False, name=None)] == [
        (key, name, cycle, status, instant(begin), instant(end), total * HOUR_US)
        for key in (5, 6)
        for name in ("b", "a")
        for cycle, status, begin, end, total in of_clock
    ]
    assert found.index.tolist() == list(range(12))


def test_an_event_that_changes_nothing_shown_cuts_nothing() -> None:
    clock = ready_made("resolution", clause="4", calendar="always")
    events = [CREATED, (0, "status", "new"), (1, "note"), (2, "status", "resolved"), (3, "status", "open"), (4, "note")]
    found = clocks.segments(*frames(*events, (5, *ANSWERS)), [clock], ALWAYS, instant(6))
    assert found["from_at"].tolist() == [instant(0), instant(3)]


def test_stretches_that_begin_or_end_with_the_hours_are_cut_once() -> None:
    clock = ready_made("resolution", clause="4.2", calendar="madrid")
    history = [("2026-03-26T09:00+01:00", "created", None), ("2026-03-27T18:00+01:00", "status", "resolved")]
    found = clocks.segments(*_frames(history), [clock], CALENDARS, LATER)
    local = found["from_at"].dt.tz_convert("Europe/Madrid").dt.strftime("%d %H:%M")
    assert list(zip(local, found["reason"], found["counted_us"] / HOUR_US, strict=True)) == [
        ("26 09:00", "counted", 9),
        ("26 18:00", "outside business hours", 0),
        ("27 09:00", "counted", 9),
    ]


def test_a_calendar_that_is_open_on_one_day_only() -> None:
    once = {"once": {"timezone": "Etc/UTC", "weekly": {}, "special_days": {"2026-03-03": [["09:00", "17:00"]]}}}
    clock = ready_made("resolution", clause="4", calendar="once")
    found = clocks.segments(*frames(CREATED), [clock], once, instant(48))
    assert list(zip(found["from_at"], found["to_at"], found["is_counted"], strict=True)) == [
        (instant(0), instant(24), False),
        (instant(24), instant(32), True),
        (instant(32), instant(48), False),
    ]


def test_evidence_of_more_tickets_than_one_block_holds() -> None:
    keys = range(100, 8_400)
    tickets, events = (frame.iloc[[0] * len(keys)].assign(ticket_key=keys) for frame in frames(CREATED))
    clock = ready_made("resolution", clause="4", calendar="always")
    found = clocks.segments(tickets, events, [clock], ALWAYS, instant(2))
    assert found["ticket_key"].tolist() == list(keys)
    assert {hours(each) for each in found["counted_us"]} == {2}


def test_the_target_in_force_is_that_of_the_stretch() -> None:
    target = Target({"priority": frozenset({"P1"})}, open_us=HOUR_US)
    clock = ready_made("resolution", clause="4", calendar="always", targets=(target,))
    events = [CREATED, (1, "priority", "P1"), (2, "priority", "P2")]
    found = clocks.segments(*frames(*events), [clock], ALWAYS, instant(3))
    assert [given(each) for each in found["target_us"]] == [None, HOUR_US, None]


def test_a_microsecond_is_a_stretch_and_an_instant_is_none() -> None:
    clock = ready_made("resolution", clause="4", calendar="always")
    moment = 1 / 3600e6
    events = [
        CREATED,
        (0, "priority", "P1"),
        (0, "priority", "P2"),
        (moment, "priority", "P3"),
        (1, "status", "closed"),
    ]
    found = clocks.segments(*frames(*events), [clock], ALWAYS, LATER)
    assert list(zip(found["from_at"], found["priority"], found["counted_us"], strict=True)) == [
        (instant(0), "P2", 1),
        (instant(moment), "P3", HOUR_US - 1),
    ]


def test_a_promise_that_no_target_in_force_is_about_cuts_nothing() -> None:
    until = Target({"priority": frozenset({"P1"})}, until="eta")
    etas = [(at, "eta", instant(at + 8).isoformat()) for at in (1, 2)]
    for targets in ((until,), (until, Target({}, open_us=HOUR_US))):
        clock = ready_made("resolution", clause="4", calendar="always", targets=targets)
        low = clocks.segments(*frames(CREATED, (0, "priority", "P3"), *etas), [clock], ALWAYS, instant(4))
        high = clocks.segments(*frames(CREATED, (0, "priority", "P1"), *etas), [clock], ALWAYS, instant(4))
        assert low["from_at"].tolist() == [instant(0)]
        assert [given(each) for each in high["target_us"]] == [None, 9 * HOUR_US, 10 * HOUR_US]
