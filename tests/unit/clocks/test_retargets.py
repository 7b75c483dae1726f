"""A priority that rises or falls while the clock runs, under each retarget rule; every instant worked out by hand.

P1 allows two hours, P3 eight, around the clock. Hours are from the ticket's creation; `US` is one microsecond.
"""

from typing import Any

import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch

from tests.unit.clocks.small import CALENDARS, CREATED, LATER, by, desk, given, hours, instant, measured

US = 1 / 3600e6
TARGETS = by("priority", P1=2, P3=8)

# Rule, from and to, changed at, resolved at -> state, target, due, breached.
WORKED = [
    # Raised: what was used counts against the shorter time, but nothing is late before the change.
    ("at_change", "P3", "P1", 1, 2, "met", 2, 2, None),
    ("at_change", "P3", "P1", 1, 2 + US, "breached", 2, 2, 2),
    ("at_change", "P3", "P1", 2, 2, "met", 2, 2, None),
    ("at_change", "P3", "P1", 2, 2 + US, "breached", 2, 2, 2),
    ("at_change", "P3", "P1", 2 + US, 2 + US, "breached", 2, 2 + US, 2 + US),
    ("at_change", "P3", "P1", 3, 5, "breached", 2, 3, 3),
    # Raised when it was late already: the breach is that of the longer time.
    ("at_change", "P3", "P1", 9, 10, "breached", 8, 8, 8),
    # Lowered in time, and too late by a microsecond: a breach stays.
    ("at_change", "P1", "P3", 1, 8, "met", 8, 8, None),
    ("at_change", "P1", "P3", 2, 8, "met", 8, 8, None),
    ("at_change", "P1", "P3", 2, 8 + US, "breached", 8, 8, 8),
    ("at_change", "P1", "P3", 2 + US, 3, "breached", 2, 2, 2),
    # The priority of the start decides.
    ("initial", "P3", "P1", 1, 8, "met", 8, 8, None),
    ("initial", "P3", "P1", 1, 8 + US, "breached", 8, 8, 8),
    ("initial", "P1", "P3", 1, 2, "met", 2, 2, None),
    ("initial", "P1", "P3", 1, 2 + US, "breached", 2, 2, 2),
    # The priority of the end decides, for the whole time; late at the earliest when it was set.
    ("final", "P3", "P1", 1, 2, "met", 2, 2, None),
    ("final", "P3", "P1", 1, 2 + US, "breached", 2, 2, 2),
    ("final", "P3", "P1", 3, 4, "breached", 2, 3, 3),
    ("final", "P1", "P3", 5, 8, "met", 8, 8, None),
    ("final", "P1", "P3", 5, 8 + US, "breached", 8, 8, 8),
]


@pytest.mark.parametrize(
    ("rule", "before", "after", "changed", "resolved", "state", "target", "due", "breached"), WORKED
)
def test_a_change_of_priority(
    rule: Any,
    before: str,
    after: str,
    changed: float,
    resolved: float,
    state: str,
    target: float,
    due: float,
    breached: float | None,
) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS, retarget=rule)
    events = [(0, "priority", before), (changed, "priority", after), (resolved, "status", "resolved")]
    (cycle,) = measured(clock, CREATED, *events)
    assert (cycle["state"], hours(cycle["target_us"])) == (state, target)
    assert cycle["due_at"] == instant(due)
    assert given(cycle["breached_at"]) == (None if breached is None else instant(breached))


def test_a_change_at_the_instant_of_the_stop_counts_if_it_comes_first() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS)
    raised, resolved = (3, "priority", "P1"), (3, "status", "resolved")
    (first,) = measured(clock, CREATED, (0, "priority", "P3"), raised, resolved)
    (after,) = measured(clock, CREATED, (0, "priority", "P3"), resolved, raised)
    assert [first["state"], after["state"]] == ["breached", "met"]
    lowered = (3, "priority", "P3")  # after the stop
    (still,) = measured(clock, CREATED, (0, "priority", "P3"), raised, resolved, lowered)
    assert (still["state"], still["breached_at"]) == ("breached", instant(3))


def test_up_and_down_within_one_instant_is_no_change() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS)
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), (3, "priority", "P1"), (3, "priority", "P3"))
    assert (hours(cycle["target_us"]), cycle["breached_at"]) == (8, instant(8))


@pytest.mark.parametrize(
    ("resolved", "state", "breached"), [(7, "met", None), (7 + US, "breached", 7)], ids=["exactly", "late"]
)
def test_raised_while_the_customer_has_the_turn_only_what_was_used_counts(
    resolved: float, state: str, breached: float | None
) -> None:
    clock = ready_made("resolution_without_waiting", clause="4", calendar="always", targets=TARGETS)
    turn = [(1, "status", "waiting_on_customer"), (5, "priority", "P1"), (6, "status", "open")]
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), *turn, (resolved, "status", "resolved"))
    assert (cycle["state"], cycle["due_at"]) == (state, instant(7))  # an hour before the turn, one after it
    assert given(cycle["breached_at"]) == (None if breached is None else instant(breached))


@pytest.mark.parametrize(
    ("reset", "state", "elapsed", "due", "breached"),
    [
        # Raised at 1 to two hours; the count begins anew, if it does so in time.
        (2, "met", 2, 4, None),
        (2 + US, "breached", 4, 2, 2),
    ],
)
def test_a_reset_after_a_change_begins_the_new_targets_time_anew(
    reset: float, state: str, elapsed: float, due: float, breached: float | None
) -> None:
    parts = {"targets": TARGETS, "reset": (EventMatch("acknowledgement"),)}
    clock = ready_made("resolution", clause="4", calendar="always", **parts)
    events = [(0, "priority", "P3"), (1, "priority", "P1"), (reset, "acknowledgement"), (4, "status", "resolved")]
    (cycle,) = measured(clock, CREATED, *events)
    assert (cycle["state"], hours(cycle["elapsed_us"]), cycle["due_at"]) == (state, elapsed, instant(due))
    assert given(cycle["breached_at"]) == (None if breached is None else instant(breached))


@pytest.mark.parametrize(
    ("raised", "resolved", "state", "breached"),
    [
        # Reset at 4, when nothing was late yet: P1's two hours begin there.
        (5, 6, "met", None),
        (5, 6 + US, "breached", 6),
        (4, 6, "met", None),
        (4, 6 + US, "breached", 6),
        (6.5, 7, "breached", 6.5),
        # Raised before: late since the change, and the reset comes too late.
        (3, 6, "breached", 3),
    ],
)
def test_a_reset_before_the_target_of_the_end_was_set(
    raised: float, resolved: float, state: str, breached: float | None
) -> None:
    parts = {"targets": TARGETS, "reset": (EventMatch("acknowledgement"),), "retarget": "final"}
    clock = ready_made("resolution", clause="4", calendar="always", **parts)
    changes = sorted([(4.0, "acknowledgement"), (raised, "priority", "P1")], key=lambda each: each[0])
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), *changes, (resolved, "status", "resolved"))
    assert cycle["state"] == state
    assert given(cycle["breached_at"]) == (None if breached is None else instant(breached))


@pytest.mark.parametrize(
    ("kind", "state", "stopped"), [("merged", "cancelled", 1), ("deleted", "cancelled", 1), ("note", "breached", 9)]
)
def test_a_contract_may_say_what_cancels(kind: str, state: str, stopped: float) -> None:
    cancel = (EventMatch("merged"), EventMatch("deleted"))
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS, cancel=cancel)
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), (1, kind, "17"), (9, "status", "closed"))
    assert (cycle["state"], cycle["stopped_at"]) == (state, instant(stopped))


def test_a_ticket_taken_up_again_after_it_was_merged_has_a_cycle_of_its_own() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS, cancel=(EventMatch("merged"),))
    found = measured(clock, CREATED, (0, "priority", "P3"), (1, "merged", "17"), (5, "status", "open"))
    assert [(each["state"], each["started_at"]) for each in found] == [
        ("cancelled", instant(0)),
        ("breached", instant(5)),
    ]


@pytest.mark.parametrize(
    ("as_of", "state", "left"), [(8 - US, "running", US), (8, "running", 0), (8 + US, "breached", -US)]
)
def test_an_open_ticket_is_measured_as_of_an_instant(as_of: float, state: str, left: float) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS)
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), as_of=instant(as_of))
    assert (cycle["state"], given(cycle["stopped_at"]), cycle["due_at"]) == (state, None, instant(8))
    assert cycle["target_us"] - cycle["elapsed_us"] == round(left * 3600e6)


@pytest.mark.parametrize("together", [[0, 1], [1, 0]], ids=["raised, then reset", "reset, then raised"])
@pytest.mark.parametrize(("resolved", "state"), [(6, "met"), (6 + US, "breached")])
def test_a_change_and_a_reset_of_one_instant_are_one(together: list[int], resolved: float, state: str) -> None:
    clock = ready_made(
        "resolution", clause="4", calendar="always", targets=TARGETS, reset=(EventMatch("acknowledgement"),)
    )
    both = [(4, "priority", "P1"), (4, "acknowledgement")]
    events = [CREATED, (0, "priority", "P3"), *(both[each] for each in together), (resolved, "status", "resolved")]
    (cycle,) = measured(clock, *events)
    assert (cycle["state"], cycle["started_at"], cycle["due_at"]) == (state, instant(0), instant(6))
    # So it is after another ticket's, which began with the other priority.
    other = [CREATED, (0, "priority", "P1"), (1, "acknowledgement"), (2, "priority", "P3"), (4, "status", "resolved")]
    found = clocks.measure(*desk(other, events, events), [clock], CALENDARS, LATER)
    assert found["state"].tolist() == ["met", state, state]


def test_a_change_to_the_priority_that_another_ticket_began_with_is_one() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=TARGETS)
    one, other = (
        [CREATED, (0, "priority", before), (1, "priority", after), (8, "status", "resolved")]
        for before, after in (("P3", "P1"), ("P1", "P3"))
    )
    found = clocks.measure(*desk(one, other), [clock], CALENDARS, LATER)
    assert found["state"].tolist() == ["breached", "met"]


# Created on Monday 09:00 in an office that closes at 17:00 (hour 8) and opens again at hour 24; raised in the evening.
@pytest.mark.parametrize(("target", "breached"), [(8, 24), (8 - US, 11)], ids=["just used up", "a microsecond over"])
def test_a_target_that_is_just_used_up_at_the_change_is_late_from_the_next_opening(
    target: float, breached: float
) -> None:
    clock = ready_made("resolution", clause="4", calendar="office", targets=by("priority", P1=target, P3=20))
    (cycle,) = measured(clock, CREATED, (0, "priority", "P3"), (11, "priority", "P1"))
    assert cycle["breached_at"] == instant(breached)
