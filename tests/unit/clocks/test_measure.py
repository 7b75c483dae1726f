"""Worked cases of the clocks: what a contract's reader would check by hand, both sides of every boundary."""

from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import DEFINITIONS, ready_made
from deskledger.contract.terms import CalendarChoice, EventMatch, HolderRule, Target
from deskledger.errors import ContractError
from deskledger.model import CYCLE, TICKET, TICKET_EVENT, conform, ticket_keys

HOUR = pd.Timedelta(hours=1)
HOUR_US = 3_600_000_000
MONDAY = pd.Timestamp("2026-03-02T09:00Z")
WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
CALENDARS = {
    "always": {"always": True},
    "office": {"timezone": "Etc/UTC", "weekly": WEEK},
    "kolkata": {"timezone": "Asia/Kolkata", "weekly": WEEK},
}
LATER = MONDAY + pd.Timedelta(days=20)


def _frames(*happenings: tuple[Any, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One ticket with events (hours after Monday 09:00 UTC, kind, value, role, is_public)."""
    rows = [
        {
            "ticket_key": 5,
            "created_month": 202603,
            "event_id": f"e{number:02}",
            "occurred_at": MONDAY + hours * HOUR,
            "seq": number,
            "kind": kind,
            "value": rest[0] if rest else None,
            "actor_role": rest[1] if len(rest) > 1 else "agent",
            "is_public": rest[2] if len(rest) > 2 else None,
        }
        for number, (hours, kind, *rest) in enumerate(happenings)
    ]
    ticket = {
        "ticket_key": 5,
        "created_month": 202603,
        "shard": 5,
        "source": "test",
        "ticket_id": "5",
        "created_at": MONDAY,
        "updated_at": MONDAY,
    }
    return conform(TICKET, pd.DataFrame([ticket])), conform(TICKET_EVENT, pd.DataFrame(rows))


def _measure(clock: Any, *happenings: tuple[Any, ...], as_of: pd.Timestamp = LATER) -> list[dict[str, Any]]:
    return clocks.measure(*_frames(*happenings), [clock], CALENDARS, as_of).to_dict("records")


def _by_priority(**hours: float) -> tuple[Target, ...]:
    return tuple(Target({"priority": frozenset({name})}, open_us=int(each * HOUR_US)) for name, each in hours.items())


def _within(hours: float) -> tuple[Target, ...]:
    return (Target({}, open_us=int(hours * HOUR_US)),)


CREATED = (0, "created", None, "customer")
RESOLUTION = ready_made("resolution", clause="4.2", calendar="always", targets=_by_priority(P1=1, P3=8))


def test_columns_are_those_of_the_cycle_table() -> None:
    frame = clocks.measure(*_frames(CREATED), [RESOLUTION], CALENDARS, LATER)
    whole = conform(CYCLE, frame.assign(contract="alder", version=1, is_incomplete=False))
    assert list(frame.columns) == [name for name in whole if name not in {"contract", "version", "is_incomplete"}]
    assert {name: str(frame[name].dtype) for name in frame} == {name: str(whole[name].dtype) for name in frame}


def test_no_tickets_give_a_frame_of_the_same_columns_and_types() -> None:
    tickets, events = _frames(CREATED)
    full = clocks.measure(tickets, events, [RESOLUTION], CALENDARS, LATER)
    empty = clocks.measure(tickets.head(0), events.head(0), [RESOLUTION], CALENDARS, LATER)
    assert len(empty) == 0
    assert {name: str(empty[name].dtype) for name in empty} == {name: str(full[name].dtype) for name in full}


def test_no_clocks_give_a_frame_of_the_same_columns() -> None:
    tickets, events = _frames(CREATED)
    none = clocks.measure(tickets, events, [], CALENDARS, LATER)
    assert (len(none), list(none.columns)) == (0, list(clocks.measure(tickets, events, [RESOLUTION], CALENDARS, LATER)))


@pytest.mark.parametrize(
    ("stopped_after_hours", "state"),
    [(7.999, "met"), (8, "met"), (8 + 1e-6 / 3600, "breached")],
    ids=["before", "exactly at the target", "a microsecond later"],
)
def test_exactly_at_the_target_is_met(stopped_after_hours: float, state: str) -> None:
    stop = (stopped_after_hours, "status", "resolved")
    (cycle,) = _measure(RESOLUTION, CREATED, (0, "priority", "P3"), stop)
    assert cycle["state"] == state
    assert cycle["due_at"] == MONDAY + 8 * HOUR
    assert pd.isna(cycle["breached_at"]) if state == "met" else cycle["breached_at"] == MONDAY + 8 * HOUR


def test_trap_3_a_rerun_of_day_3_on_day_10_gives_the_same_cycles() -> None:
    day_3, day_10 = MONDAY + pd.Timedelta(days=3), MONDAY + pd.Timedelta(days=10)
    history = [
        CREATED,
        (0, "priority", "P3"),
        (2, "status", "waiting_on_customer"),
        (30, "status", "open"),
        (90, "priority", "P1"),
        (100, "status", "resolved"),
        (120, "status", "open"),
    ]
    clock = ready_made("resolution_without_waiting", clause="4", calendar="office", targets=_by_priority(P1=1, P3=80))
    tickets, events = _frames(*history)
    seen_by_day_3 = events[events["occurred_at"] <= day_3]
    on_day_3 = clocks.measure(tickets, seen_by_day_3, [clock], CALENDARS, day_3)
    clocks.measure(tickets, events, [clock], CALENDARS, day_10)
    again = clocks.measure(tickets, events, [clock], CALENDARS, day_3)
    pd.testing.assert_frame_equal(on_day_3, again)
    assert on_day_3["state"].tolist() == ["running"]
    assert len(clocks.measure(tickets, events, [clock], CALENDARS, day_10)) == 2


def test_trap_5_raised_to_p1_after_three_hours_is_breached_at_the_change() -> None:
    raised = [CREATED, (0, "priority", "P3"), (3, "priority", "P1")]
    (cycle,) = _measure(RESOLUTION, *raised, as_of=MONDAY + 4 * HOUR)
    assert (cycle["state"], cycle["breached_at"]) == ("breached", MONDAY + 3 * HOUR)
    assert (cycle["due_at"], cycle["target_us"]) == (MONDAY + 3 * HOUR, HOUR_US)


def test_trap_5_a_later_downgrade_keeps_the_breach() -> None:
    history = [CREATED, (0, "priority", "P3"), (3, "priority", "P1"), (4, "priority", "P3"), (5, "status", "resolved")]
    (cycle,) = _measure(RESOLUTION, *history)
    assert (cycle["state"], cycle["breached_at"]) == ("breached", MONDAY + 3 * HOUR)
    assert cycle["elapsed_us"] == 5 * HOUR_US > cycle["target_us"] == HOUR_US


def test_trap_5_before_the_target_of_the_new_priority_nothing_is_breached() -> None:
    history = [CREATED, (0, "priority", "P3"), (0.5, "priority", "P1"), (1, "priority", "P3"), (8, "status", "closed")]
    (cycle,) = _measure(RESOLUTION, *history)
    assert (cycle["state"], cycle["target_us"]) == ("met", 8 * HOUR_US)


@pytest.mark.parametrize(
    ("retarget", "state", "target_hours", "breached_hours"),
    [("at_change", "breached", 1, 3), ("initial", "met", 8, None), ("final", "breached", 1, 3)],
)
def test_retarget_rules_for_a_raised_priority(
    retarget: Any, state: str, target_hours: int, breached_hours: int | None
) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=_by_priority(P1=1, P3=8), retarget=retarget)
    history = [CREATED, (0, "priority", "P3"), (3, "priority", "P1"), (5, "status", "resolved")]
    (cycle,) = _measure(clock, *history)
    assert (cycle["state"], cycle["target_us"]) == (state, target_hours * HOUR_US)
    assert pd.isna(cycle["breached_at"]) == (breached_hours is None)
    if breached_hours is not None:
        assert cycle["breached_at"] == MONDAY + breached_hours * HOUR


def test_final_forgets_a_breach_of_an_earlier_priority() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=_by_priority(P1=1, P3=8), retarget="final")
    history = [CREATED, (0, "priority", "P1"), (3, "priority", "P3"), (5, "status", "resolved")]
    (cycle,) = _measure(clock, *history)
    assert (cycle["state"], cycle["due_at"]) == ("met", MONDAY + 8 * HOUR)


def test_a_target_that_ends_at_closing_is_broken_when_the_doors_open_again() -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=_within(8))
    at_opening, after = MONDAY + 24 * HOUR, MONDAY + 25 * HOUR
    (running,) = _measure(clock, CREATED, as_of=at_opening)
    assert (running["state"], running["due_at"]) == ("running", MONDAY + 8 * HOUR)
    (late,) = _measure(clock, CREATED, as_of=after)
    assert (late["state"], late["breached_at"], late["due_at"]) == ("breached", at_opening, MONDAY + 8 * HOUR)


@pytest.mark.parametrize(("at_close", "due_hours"), [("closing", -2), ("next_opening", 0)])
def test_no_time_allowed_is_used_up_at_once_also_outside_the_hours(at_close: Any, due_hours: int) -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=_within(0), at_close=at_close)
    (cycle,) = _measure(clock, (-2, "created", None, "customer"))
    assert (cycle["target_us"], cycle["due_at"]) == (0, MONDAY + due_hours * HOUR)
    assert cycle["breached_at"] == MONDAY  # when the first of its time is counted


def test_no_time_allowed_is_used_up_at_once_also_while_the_customer_has_the_turn() -> None:
    waiting = frozenset({"waiting_on_customer"})
    clock = ready_made("first_response", clause="4", calendar="always", targets=_within(0), pause=waiting)
    (cycle,) = _measure(clock, (0, "status", "waiting_on_customer"), CREATED, (5, "status", "open"))
    assert (cycle["due_at"], cycle["breached_at"]) == (MONDAY, MONDAY + 5 * HOUR)


def test_a_paused_open_cycle_is_projected_as_if_resumed() -> None:
    clock = ready_made("resolution_without_waiting", clause="4", calendar="office", targets=_within(4))
    (cycle,) = _measure(clock, CREATED, (1, "status", "waiting_on_customer"), as_of=MONDAY + 26 * HOUR)
    assert (cycle["state"], cycle["elapsed_us"]) == ("running", HOUR_US)
    assert cycle["due_at"] == MONDAY + 29 * HOUR
    assert (cycle["provider_us"], cycle["customer_us"]) == (HOUR_US, 25 * HOUR_US)


def test_every_second_has_one_of_three_sides() -> None:
    history = [
        CREATED,
        (1, "status", "waiting_on_customer"),
        (3, "status", "waiting_on_third_party"),
        (6, "status", "open"),
        (10, "status", "resolved"),
    ]
    (cycle,) = _measure(RESOLUTION, *history)
    hours = [cycle[f"{side}_us"] // HOUR_US for side in ("provider", "customer", "third_party")]
    assert hours == [5, 2, 3]


def test_holders_can_be_named_by_status_and_by_team() -> None:
    clock = ready_made(
        "resolution",
        clause="4",
        calendar="always",
        holders={"waiting_on_third_party": "customer"},
        held_by=(HolderRule({"team": frozenset({"network-carrier"})}, "third_party"),),
        counts=frozenset({"provider"}),
    )
    history = [
        CREATED,
        (1, "status", "waiting_on_third_party"),
        (3, "status", "open"),
        (4, "team", "network-carrier"),
        (8, "team", "team-01"),
        (9, "status", "resolved"),
    ]
    (cycle,) = _measure(clock, *history)
    hours = [cycle[f"{side}_us"] // HOUR_US for side in ("provider", "customer", "third_party")]
    assert hours == [3, 2, 4]
    assert cycle["elapsed_us"] == 3 * HOUR_US


def test_a_reopening_opens_the_next_cycle() -> None:
    history = [CREATED, (2, "status", "resolved"), (5, "status", "open"), (6, "status", "closed")]
    found = _measure(RESOLUTION, *history)
    assert [(each["cycle"], each["elapsed_us"] // HOUR_US) for each in found] == [(1, 2), (2, 1)]


def test_total_resolution_goes_on_after_a_reopening_without_the_time_resolved() -> None:
    clock = ready_made("resolution_total", clause="4", calendar="always")
    history = [CREATED, (2, "status", "resolved"), (5, "status", "open"), (6, "status", "closed")]
    (cycle,) = _measure(clock, *history)
    assert (cycle["elapsed_us"], cycle["customer_us"]) == (3 * HOUR_US, 3 * HOUR_US)
    assert cycle["stopped_at"] == MONDAY + 6 * HOUR
    (open_again,) = _measure(clock, *history, as_of=MONDAY + 5.5 * HOUR)
    assert (open_again["state"], open_again["elapsed_us"]) == ("running", 2.5 * HOUR_US)


def test_a_cancelled_cycle_is_neither_met_nor_breached() -> None:
    clock = ready_made("first_response", clause="4", calendar="always", cancel=(EventMatch("merged"),))
    (cycle,) = _measure(clock, CREATED, (2, "merged", "17"), (3, "reply", None, "agent", True))
    assert (cycle["state"], cycle["stopped_at"]) == ("cancelled", MONDAY + 2 * HOUR)


def test_merged_and_deleted_tickets_count_unless_the_contract_excludes_them() -> None:
    clock = ready_made("first_response", clause="4", calendar="always", targets=_within(1))
    (cycle,) = _measure(clock, CREATED, (0.5, "merged", "17"), (0.7, "deleted"))
    assert cycle["state"] == "breached"


def test_a_reset_counts_anew_unless_the_target_was_broken_before() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=_within(2), reset=(EventMatch("eta"),))
    (saved,) = _measure(clock, CREATED, (2, "eta", "2026-03-03T00:00:00Z"), (3, "status", "resolved"))
    assert (saved["state"], saved["elapsed_us"], saved["due_at"]) == ("met", HOUR_US, MONDAY + 4 * HOUR)
    (late,) = _measure(clock, CREATED, (2.5, "eta", "2026-03-03T00:00:00Z"), (3, "status", "resolved"))
    assert (late["state"], late["elapsed_us"], late["breached_at"]) == ("breached", 3 * HOUR_US, MONDAY + 2 * HOUR)


def test_internal_notes_and_customer_replies_are_no_first_response() -> None:
    clock = ready_made("first_response", clause="4", calendar="always", targets=_within(4))
    history = [
        CREATED,
        (1, "note", None, "agent", False),
        (1.5, "reply", None, "agent", False),
        (2, "reply", None, "customer", True),
        (3, "reply", None, "agent", True),
        (9, "reply", None, "agent", True),
    ]
    (cycle,) = _measure(clock, *history)
    assert (cycle["state"], cycle["elapsed_us"]) == ("met", 3 * HOUR_US)


def test_picked_up_is_an_agents_first_move_out_of_new() -> None:
    clock = ready_made("picked_up", clause="4", calendar="always", targets=_within(4))
    history = [CREATED, (0, "status", "new", "system"), (1, "status", "open", "system"), (2, "status", "open", "agent")]
    (cycle,) = _measure(clock, *history)
    assert cycle["elapsed_us"] == 2 * HOUR_US


def test_each_question_opens_a_cycle_of_next_response() -> None:
    clock = ready_made("next_response", clause="4", calendar="always", targets=_within(4))
    asks, answers = ("reply", None, "customer", True), ("reply", None, "agent", True)
    found = _measure(clock, CREATED, (1, *asks), (2, *asks), (4, *answers), (5, *answers), (6, *asks), (7, *answers))
    assert [each["elapsed_us"] // HOUR_US for each in found] == [3, 1]


def test_periodic_updates_are_chained() -> None:
    clock = ready_made("periodic_update", clause="4", calendar="always", targets=_within(4))
    answers = ("reply", None, "agent", True)
    found = _measure(clock, CREATED, (1, *answers), (3, *answers), (8, *answers), (9, "status", "resolved"))
    assert [(each["elapsed_us"] // HOUR_US, each["state"]) for each in found] == [
        (2, "met"),
        (5, "breached"),
        (1, "met"),
    ]


def test_pausable_updates_wait_for_the_customer() -> None:
    clock = ready_made("pausable_update", clause="4", calendar="always", targets=_within(4))
    answers = ("reply", None, "agent", True)
    found = _measure(
        clock, CREATED, (1, *answers), (2, "status", "waiting_on_customer"), (8, "status", "open"), (9, *answers)
    )
    assert found[0]["elapsed_us"] == 2 * HOUR_US


@pytest.mark.parametrize(
    ("resolved_after_hours", "state"), [(10, "met"), (10.001, "breached")], ids=["as promised", "late"]
)
def test_an_eta_is_kept_up_to_the_promised_instant(resolved_after_hours: float, state: str) -> None:
    clock = ready_made("eta_kept", clause="4", calendar="always")
    promise = (MONDAY + 10 * HOUR).isoformat()
    (cycle,) = _measure(clock, CREATED, (1, "eta", promise), (resolved_after_hours, "status", "resolved"))
    assert (cycle["state"], cycle["due_at"]) == (state, MONDAY + 10 * HOUR)


def test_a_promise_moved_in_time_is_not_broken_but_one_moved_late_is() -> None:
    clock = ready_made("eta_kept", clause="4", calendar="always")
    first, second = ((MONDAY + hours * HOUR).isoformat() for hours in (10, 20))
    (in_time,) = _measure(clock, CREATED, (1, "eta", first), (9, "eta", second), (20, "status", "resolved"))
    assert (in_time["state"], in_time["due_at"]) == ("met", MONDAY + 20 * HOUR)
    (late,) = _measure(clock, CREATED, (1, "eta", first), (11, "eta", second), (20, "status", "resolved"))
    assert (late["state"], late["breached_at"]) == ("breached", MONDAY + 10 * HOUR)


@pytest.mark.parametrize(
    ("promised", "hours", "due_after"),
    [
        (None, None, None),  # nobody has promised anything
        ("soon", None, None),
        ("", None, None),
        ((MONDAY + 0.5 * HOUR).isoformat(), 0.5, 0.5),
        ((MONDAY - HOUR).isoformat(), 0, 0),  # over when it begins
        ((MONDAY + 10 * HOUR).isoformat(), 10, 10),
    ],
)
def test_a_target_until_a_promise_is_as_long_as_the_promise_says(
    promised: str | None, hours: float | None, due_after: float | None
) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=(Target({}, until="eta"),))
    promises = [] if promised is None else [(0, "eta", promised)]
    (cycle,) = _measure(clock, CREATED, *promises, (30, "status", "resolved"))
    if hours is None or due_after is None:
        assert (cycle["state"], pd.isna(cycle["target_us"]), pd.isna(cycle["due_at"])) == ("met", True, True)
    else:
        assert (cycle["state"], cycle["target_us"]) == ("breached", hours * HOUR_US)
        assert cycle["due_at"] == cycle["breached_at"] == MONDAY + due_after * HOUR


def test_promises_and_hours_can_be_targets_of_one_clock() -> None:
    targets = (Target({"priority": frozenset({"P1"})}, open_us=2 * HOUR_US), Target({}, until="eta"))
    clock = ready_made("resolution", clause="4", calendar="always", targets=targets)
    eta = (1, "eta", (MONDAY + 10 * HOUR).isoformat())
    (promised,) = _measure(clock, CREATED, (0, "priority", "P3"), eta)
    (raised,) = _measure(clock, CREATED, (0, "priority", "P3"), eta, (1.5, "priority", "P1"))
    (lowered,) = _measure(clock, CREATED, (0, "priority", "P1"), eta, (1.5, "priority", "P3"))
    assert [each["target_us"] // HOUR_US for each in (promised, raised, lowered)] == [10, 2, 10]
    assert [each["due_at"] - MONDAY for each in (promised, raised, lowered)] == [10 * HOUR, 2 * HOUR, 10 * HOUR]


def test_team_ownership_belongs_to_the_team_that_held_the_ticket() -> None:
    clock = ready_made("team_ownership", clause="4", calendar="always", targets=_within(2))
    history = [CREATED, (0, "team", "team-01"), (3, "team", "team-02"), (4, "status", "resolved")]
    found = _measure(clock, *history)
    assert [(each["team"], each["state"]) for each in found] == [("team-01", "breached"), ("team-02", "met")]


def test_the_calendar_changes_when_the_ticket_moves_to_another_team() -> None:
    choices = (CalendarChoice({"team": frozenset({"team-13"})}, "kolkata"), CalendarChoice({}, "office"))
    clock = ready_made("resolution", clause="4", calendar="office", calendars=choices, targets=_within(6))
    # Monday 09:00-11:00 UTC on office hours, then Kolkata, which closes at 11:30 UTC and opens again at 03:30.
    history = [CREATED, (0, "team", "team-01"), (2, "team", "team-13"), (20, "status", "resolved")]
    (cycle,) = _measure(clock, *history)
    assert cycle["elapsed_us"] == 4 * HOUR_US
    assert cycle["due_at"] == MONDAY + 22 * HOUR


def test_a_target_in_open_days_ends_at_the_same_time_of_a_later_open_day() -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=(Target({}, open_days=5),))
    (cycle,) = _measure(clock, (2, "created"), as_of=MONDAY + 3 * HOUR)
    assert cycle["due_at"] == MONDAY + 7 * 24 * HOUR + 2 * HOUR
    assert cycle["target_us"] == 40 * HOUR_US


def test_before_opening_the_same_time_is_before_opening_too() -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=(Target({}, open_days=1),))
    (cycle,) = _measure(clock, (-2, "created"), as_of=MONDAY)
    assert cycle["due_at"] == MONDAY + 22 * HOUR


def test_a_pause_moves_the_end_of_a_target_in_open_days() -> None:
    clock = ready_made("resolution_without_waiting", clause="4", calendar="office", targets=(Target({}, open_days=1),))
    waiting = [(1, "status", "waiting_on_customer"), (3, "status", "open")]
    (cycle,) = _measure(clock, CREATED, *waiting, as_of=MONDAY + 4 * HOUR)
    assert cycle["due_at"] == MONDAY + 26 * HOUR


def test_an_open_day_can_end_when_that_day_closes() -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=(Target({}, open_days=1, day_end="close"),))
    (cycle,) = _measure(clock, CREATED, as_of=MONDAY + 4 * HOUR)
    assert cycle["due_at"] == MONDAY + 32 * HOUR


def test_field_values_are_those_of_the_attribution_instant_and_the_agent_that_of_the_stop() -> None:
    history = [
        CREATED,
        (0, "priority", "P3"),
        (0, "team", "team-01"),
        (0, "assignment", "agent-1"),
        (1, "assignment", "agent-2"),
        (2, "status", "resolved"),
        (3, "team", "team-02"),
        (4, "assignment", "agent-3"),
        (9, "team", "team-03"),
    ]
    at_due = _measure(RESOLUTION, *history)[0]
    assert (at_due["attributed_at"], at_due["team"], at_due["agent"]) == (MONDAY + 8 * HOUR, "team-02", "agent-2")
    parts = {"clause": "4", "calendar": "always", "targets": RESOLUTION.targets}
    at_stop = _measure(ready_made("resolution", attribution="stopped", **parts), *history)[0]
    assert (at_stop["attributed_at"], at_stop["team"]) == (MONDAY + 2 * HOUR, "team-01")
    at_start = _measure(ready_made("resolution", attribution="started", **parts), *history)[0]
    assert (at_start["attributed_at"], at_start["team"], at_start["agent"]) == (MONDAY + 2 * HOUR, "team-01", "agent-2")


def test_a_due_instant_after_as_of_takes_the_values_as_of_as_of() -> None:
    history = [CREATED, (0, "priority", "P3"), (0, "team", "team-01"), (2, "team", "team-02"), (5, "team", "team-03")]
    (cycle,) = _measure(RESOLUTION, *history, as_of=MONDAY + 3 * HOUR)
    assert (cycle["attributed_at"], cycle["team"]) == (MONDAY + 8 * HOUR, "team-02")


FRIDAY_CLOSE, MONDAY_OPEN = MONDAY + 104 * HOUR, MONDAY + 168 * HOUR
US = pd.Timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("target_hours", "at_close", "due_at", "in_time_until"),
    [
        (40 - 1e-6 / 3600, "closing", FRIDAY_CLOSE - US, FRIDAY_CLOSE - US),
        (40, "closing", FRIDAY_CLOSE, MONDAY_OPEN),
        (40, "next_opening", MONDAY_OPEN, MONDAY_OPEN),
        (40 + 1e-6 / 3600, "closing", MONDAY_OPEN + US, MONDAY_OPEN + US),
    ],
    ids=["before closing", "at closing", "at opening", "after opening"],
)
def test_a_cycle_due_at_closing_time_belongs_to_the_instant_until_which_it_is_in_time(
    target_hours: float, at_close: Any, due_at: pd.Timestamp, in_time_until: pd.Timestamp
) -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=_within(target_hours), at_close=at_close)
    (cycle,) = _measure(clock, CREATED)
    assert cycle["due_at"] == due_at
    assert cycle["attributed_at"] == cycle["breached_at"] == in_time_until


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(FRIDAY_CLOSE, FRIDAY_CLOSE + 20 * HOUR), (MONDAY, MONDAY_OPEN), (MONDAY, MONDAY + 168.5 * HOUR)],
)
@pytest.mark.parametrize("stopped_after_hours", [1, 103.5, 104, 120, 168, 169, None])
@pytest.mark.parametrize("target_hours", [39, 40, 40.25])
def test_every_cycle_is_judged_at_the_end_of_exactly_one_period(
    begins: pd.Timestamp, ends: pd.Timestamp, stopped_after_hours: float | None, target_hours: float
) -> None:
    """Each period's cycles are measured at its end and counted there if they belong to it and are decided by then."""
    clock = ready_made("resolution", clause="4", calendar="office", targets=_within(target_hours))
    stop = [] if stopped_after_hours is None else [(stopped_after_hours, "status", "resolved")]
    edges = [MONDAY - 9 * HOUR, begins, ends, LATER]
    judged = []
    for begin, end in pairwise(edges):
        seen = _measure(clock, CREATED, *stop, as_of=end)
        judged += [row["state"] for row in seen if begin <= row["attributed_at"] < end and row["state"] != "running"]
    (at_last,) = _measure(clock, CREATED, *stop)
    assert judged == [at_last["state"]]


def test_waiting_that_begins_when_the_target_is_used_up_keeps_a_cycle_in_time() -> None:
    clock = ready_made("resolution_without_waiting", clause="4", calendar="always", targets=_within(8))
    waiting = (8, "status", "waiting_on_customer")
    (cycle,) = _measure(clock, CREATED, waiting, as_of=MONDAY + 50 * HOUR)
    assert (cycle["state"], cycle["due_at"]) == ("running", MONDAY + 8 * HOUR)
    assert cycle["attributed_at"] == MONDAY + 50 * HOUR  # not before: it could only be late from then on
    (cycle,) = _measure(clock, CREATED, waiting, (60, "status", "open"), as_of=MONDAY + 70 * HOUR)
    assert (cycle["state"], cycle["attributed_at"]) == ("breached", MONDAY + 60 * HOUR)


def test_without_a_matching_target_a_cycle_is_timed_and_not_judged() -> None:
    (cycle,) = _measure(RESOLUTION, CREATED, (0, "priority", "P2"), (99, "status", "resolved"))
    assert (cycle["state"], cycle["elapsed_us"]) == ("met", 99 * HOUR_US)
    assert pd.isna(cycle["target_us"]) and pd.isna(cycle["due_at"])
    assert cycle["attributed_at"] == MONDAY + 99 * HOUR


def test_filters_may_name_columns_of_the_ticket() -> None:
    tickets, events = _frames(CREATED)
    tickets = tickets.assign(
        support_level=pd.array([3], dtype="Int64"), has_workaround=pd.array([True], dtype="boolean")
    )
    for when in ({"support_level": frozenset({"3"})}, {"has_workaround": frozenset({"true"})}):
        clock = ready_made("resolution", clause="4", calendar="always", targets=(Target(when, open_us=HOUR_US),))
        found = clocks.measure(tickets, events, [clock], CALENDARS, LATER)
        assert found["target_us"].tolist() == [HOUR_US]


def test_simultaneous_events_follow_their_sequence_and_then_their_id() -> None:
    tickets, events = _frames(CREATED, (1, "status", "resolved"), (1, "status", "open"))
    clock = ready_made("resolution", clause="4", calendar="always")
    assert len(clocks.measure(tickets, events, [clock], CALENDARS, LATER)) == 2
    swapped = events.assign(seq=[0, 2, 1])
    assert len(clocks.measure(tickets, swapped, [clock], CALENDARS, LATER)) == 1
    by_id = events.assign(seq=[0, 1, 1], event_id=["a", "c", "b"])
    assert len(clocks.measure(tickets, by_id, [clock], CALENDARS, LATER)) == 1


@pytest.mark.parametrize("decades", [0, 40])
def test_the_packed_key_gives_way_to_long_histories_and_large_sequences(decades: int) -> None:
    tickets, events = _frames(CREATED, (1, "status", "resolved"), (1, "status", "open"))
    far = pd.Timedelta(days=3653 * decades)
    events = pd.concat([events, events.assign(ticket_key=6, occurred_at=events["occurred_at"] - far)])
    tickets = pd.concat([tickets, tickets.assign(ticket_key=6)])
    events = events.assign(seq=events["seq"] * 10**12 - 5).iloc[::-1]
    clock = ready_made("resolution", clause="4", calendar="always")
    found = clocks.measure(tickets, events, [clock], CALENDARS, LATER)
    assert found["elapsed_us"].tolist() == [
        HOUR_US,
        (LATER - MONDAY - HOUR) // pd.Timedelta(microseconds=1),
        HOUR_US,
        (LATER - MONDAY - HOUR + far) // pd.Timedelta(microseconds=1),
    ]


@pytest.mark.parametrize("use", sorted(DEFINITIONS))
def test_every_ready_made_clock_measures_an_ordinary_ticket(use: str) -> None:
    history = [
        CREATED,
        (0, "status", "new", "customer"),
        (0, "priority", "P3"),
        (0, "team", "team-01"),
        (1, "acknowledgement"),
        (1, "status", "open"),
        (1, "reply", None, "agent", True),
        (2, "reply", None, "customer", True),
        (3, "eta", "2026-03-03T12:00:00+00:00"),
        (3, "status", "waiting_on_customer"),
        (4, "status", "waiting_on_third_party"),
        (5, "reply", None, "agent", True),
        (6, "status", "resolved"),
    ]
    found = _measure(ready_made(use, clause="4", calendar="always", targets=None), *history)
    assert found and {each["state"] for each in found} == {"met"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"calendars": (CalendarChoice({}, "nowhere"),)}, "nowhere"),
        ({"calendars": (CalendarChoice({"team": frozenset({"team-99"})}, "office"),)}, "none of its calendars"),
        ({"targets": (Target({}),)}, "must be one of"),
        ({"targets": (Target({}, open_us=1, open_days=1),)}, "must be one of"),
        ({"targets": (Target({"colour": frozenset({"red"})}, open_us=1),)}, "colour"),
        ({"holders": {"asleep": "customer"}}, "asleep"),
    ],
)
def test_terms_that_do_not_fit_are_refused(parts: dict[str, Any], message: str) -> None:
    clock = ready_made("resolution", clause="4", **{"calendar": "always", **parts})
    with pytest.raises(ContractError, match=message):
        _measure(clock, CREATED, (0, "team", "team-01"))


def test_a_ticket_named_twice_or_an_instant_without_zone_is_a_mistake() -> None:
    tickets, events = _frames(CREATED)
    with pytest.raises(ValueError, match="twice"):
        clocks.measure(pd.concat([tickets, tickets]), events, [RESOLUTION], CALENDARS, LATER)
    with pytest.raises(ValueError, match="zone"):
        clocks.measure(tickets, events, [RESOLUTION], CALENDARS, LATER.tz_localize(None))


def test_hashed_keys_in_many_blocks_give_what_one_block_gives() -> None:
    keys = [int(each) for each in ticket_keys("test", map(str, range(500)))]
    tickets, events = _frames(CREATED, (0, "priority", "P3"), (3, "status", "resolved"), (5, "status", "open"))
    many_tickets = pd.concat([tickets.assign(ticket_key=key) for key in keys], ignore_index=True)
    shift = [pd.Timedelta(minutes=number) for number in range(500)]
    many_events = pd.concat(
        [
            events.assign(ticket_key=key, occurred_at=events["occurred_at"] + late)
            for key, late in zip([*keys[:-1], 17], shift, strict=True)  # the last one's events are of no known ticket
        ],
        ignore_index=True,
    ).sort_values("occurred_at", ascending=False)
    as_of = MONDAY + 10 * HOUR
    one = clocks.measure(many_tickets, many_events, [RESOLUTION], CALENDARS, as_of)
    many = clocks.measure(many_tickets, many_events, [RESOLUTION], CALENDARS, as_of, block_tickets=9)
    pd.testing.assert_frame_equal(one, many)
    assert one["ticket_key"].is_monotonic_increasing
    assert set(one["ticket_key"]) == set(keys[:-1])
    assert one.loc[one["cycle"] == 1, "elapsed_us"].tolist() == [
        min(3 * HOUR, as_of - start) // pd.Timedelta(microseconds=1)
        for start in one.loc[one["cycle"] == 1, "started_at"]
    ]


@pytest.mark.parametrize("promised", ["9998-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_promise_beyond_every_calendar_is_never_due_and_harms_no_other_ticket(promised: str) -> None:
    clock = ready_made("eta_kept", clause="4", calendar="always")
    given = [(0, "created"), (1, "eta", promised), (9, "status", "resolved")]
    (cycle,) = _measure(clock, *given)
    assert (cycle["state"], cycle["elapsed_us"]) == ("met", 8 * HOUR_US)
    assert pd.isna(cycle["due_at"]) and pd.isna(cycle["target_us"])
    # The last year that calendars reach is a date like any other.
    (cycle,) = _measure(clock, (0, "created"), (1, "eta", "9997-12-31T23:59:59Z"), (9, "status", "resolved"))
    assert cycle["due_at"] == pd.Timestamp("9997-12-31T23:59:59Z")
