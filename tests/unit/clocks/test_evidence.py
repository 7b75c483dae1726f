"""The evidence of one ticket, read line by line as a customer would."""

import pandas as pd

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch, Target
from deskledger.model import TICKET, TICKET_EVENT, conform

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
