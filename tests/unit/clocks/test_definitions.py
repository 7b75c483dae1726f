"""Every ready-made clock on a small ticket: its events beside the cycles that a reader would expect."""

from typing import Any

import pytest

from deskledger.contract.definitions import DEFINITIONS, ready_made

from tests.unit.clocks.small import ANSWERS, ASKS, CREATED, MONDAY, given, hours, instant, measured, within

NEW = (0, "status", "new", "customer")

# Clock -> [events, cycles as (started, stopped, counted hours, state)]; the target is four hours, around the clock.
WORKED: dict[str, tuple[list[tuple[Any, ...]], list[tuple[float, float | None, float, str]]]] = {
    "first_response": (
        # An internal note and a reply that nobody says is public are not seen by the customer.
        [
            CREATED,
            NEW,
            (1, "note", None, "agent", False),
            (2, "reply", None, "agent", None),
            (3, *ANSWERS),
            (9, *ANSWERS),
        ],
        [(0, 3, 3, "met")],
    ),
    "first_response_or_resolution": (
        [CREATED, NEW, (2, "status", "resolved"), (3, *ANSWERS)],
        [(0, 2, 2, "met")],
    ),
    "picked_up": (
        # Neither a machine, nor an agent's move that the desk keeps to itself, nor one back to new picks it up.
        [
            CREATED,
            NEW,
            (1, "status", "open", "system"),
            (2, "status", "open", "agent", False),
            (3, "status", "new", "agent"),
            (4, "status", "open", "agent"),
            (5, "status", "waiting_on_customer", "agent"),
        ],
        [(0, 4, 4, "met")],
    ),
    "acknowledged": ([CREATED, NEW, (5, "acknowledgement"), (6, "acknowledgement")], [(0, 5, 5, "breached")]),
    "next_response": (
        # Two questions in a row are one wait, from the first; a resolution answers the last.
        [
            CREATED,
            (1, *ASKS),
            (2, *ASKS),
            (4, *ANSWERS),
            (5, *ANSWERS),
            (6, *ASKS),
            (7, "status", "resolved"),
            (8, *ASKS),
        ],
        [(1, 4, 3, "met"), (6, 7, 1, "met"), (8, None, 4, "running")],
    ),
    "periodic_update": (
        # The waiting counts. Nothing is owed while the ticket is resolved; from the reopening on it is again.
        [
            CREATED,
            NEW,
            (1, *ANSWERS),
            (2, "status", "waiting_on_customer"),
            (6, *ANSWERS),
            (7, "status", "resolved"),
            (9, "status", "open", "customer"),
            (11, *ANSWERS),
        ],
        [(1, 6, 5, "breached"), (6, 7, 1, "met"), (9, 11, 2, "met"), (11, None, 1, "running")],
    ),
    "pausable_update": (
        [
            CREATED,
            NEW,
            (1, *ANSWERS),
            (2, "status", "waiting_on_customer"),
            (6, *ANSWERS),
            (7, "status", "waiting_on_third_party"),
            (12, "status", "resolved"),
        ],
        # The second cycle begins while the customer has the turn; waiting for a third party is the desk's.
        [(1, 6, 1, "met"), (6, 12, 5, "breached")],
    ),
    "requester_wait": (
        [
            CREATED,
            NEW,
            (1, "status", "waiting_on_customer"),
            (3, "status", "waiting_on_third_party"),
            (4, "status", "resolved"),
            (8, "status", "open", "customer"),
            (10, "status", "closed"),
        ],
        [(0, 10, 4, "met")],  # 0-1 new, 3-4 third party, 8-10 open
    ),
    "agent_work": (
        [
            CREATED,
            NEW,
            (1, "status", "waiting_on_customer"),
            (3, "status", "waiting_on_third_party"),
            (4, "status", "resolved"),
            (8, "status", "open", "customer"),
            (10, "status", "closed"),
        ],
        [(0, 10, 3, "met")],  # 0-1 new, 8-10 open
    ),
    "resolution": (
        [
            CREATED,
            NEW,
            (1, "status", "waiting_on_customer"),
            (5, "status", "resolved"),
            (6, "status", "open"),
            (8, "status", "closed"),
        ],
        [(0, 5, 5, "breached"), (6, 8, 2, "met")],
    ),
    "resolution_first": (
        [CREATED, NEW, (3, "status", "resolved"), (6, "status", "open"), (99, "status", "closed")],
        [(0, 3, 3, "met")],
    ),
    "resolution_total": (
        [
            CREATED,
            NEW,
            (2, "status", "resolved"),
            (3, "status", "closed"),
            (6, "status", "open"),
            (8, "status", "resolved"),
        ],
        [(0, 8, 4, "met")],  # 0-2 and 6-8
    ),
    "resolution_without_waiting": (
        [
            CREATED,
            NEW,
            (1, "status", "waiting_on_customer"),
            (5, "status", "waiting_on_third_party"),
            (7, "status", "open"),
            (10, "status", "resolved"),
            (11, "status", "open"),
        ],
        [(0, 10, 4, "met"), (11, None, 1, "running")],
    ),
    "time_to_eta": (
        [CREATED, NEW, (3, "eta", "2026-03-05T12:00:00Z"), (4, "eta", "2026-03-06T12:00:00Z")],
        [(0, 3, 3, "met")],
    ),
    "team_ownership": (
        # The log repeats team-01 at 2: the same stay. A resolution ends one, the reopening begins the next.
        [
            CREATED,
            NEW,
            (0, "team", "team-01"),
            (2, "team", "team-01"),
            (3, "team", "team-02"),
            (8, "status", "resolved"),
            (9, "status", "open"),
            (10, "team", "team-01"),
        ],
        [(0, 3, 3, "met"), (3, 8, 5, "breached"), (9, 10, 1, "met"), (10, None, 2, "running")],
    ),
    "customer_turn": (
        [
            CREATED,
            NEW,
            (1, "status", "waiting_on_customer"),
            (6, "status", "open"),
            (7, "status", "waiting_on_customer"),
        ],
        [(1, 6, 5, "breached"), (7, None, 5, "breached")],
    ),
    "third_party_turn": (
        [CREATED, NEW, (1, "status", "waiting_on_third_party"), (4, "status", "waiting_on_customer")],
        [(1, 4, 3, "met")],
    ),
}


@pytest.mark.parametrize("use", sorted(WORKED))
def test_a_ready_made_clock_on_a_small_ticket(use: str) -> None:
    happenings, cycles = WORKED[use]
    clock = ready_made(use, clause="4", calendar="always", targets=within(4))
    found = measured(clock, *happenings, as_of=instant(12))
    assert [
        (each["started_at"], given(each["stopped_at"]), hours(each["elapsed_us"]), each["state"]) for each in found
    ] == [
        (instant(start), None if stop is None else instant(stop), counted, state)
        for start, stop, counted, state in cycles
    ]


def test_every_ready_made_clock_has_its_small_ticket() -> None:
    assert sorted([*WORKED, "eta_kept"]) == sorted(DEFINITIONS)


@pytest.mark.parametrize(
    ("resolved", "state"), [(10, "met"), (10 + 1 / 3600e6, "breached")], ids=["as promised", "a microsecond later"]
)
def test_eta_kept_up_to_the_promised_instant(resolved: float, state: str) -> None:
    clock = ready_made("eta_kept", clause="4", calendar="always")
    promises = [(1, "eta", instant(5).isoformat()), (4, "eta", instant(10).isoformat())]
    (cycle,) = measured(clock, CREATED, *promises, (resolved, "status", "resolved"))
    assert (cycle["state"], cycle["started_at"], cycle["due_at"]) == (state, instant(1), instant(10))
    assert hours(cycle["target_us"]) == 9


def test_promises_may_be_written_with_any_offset() -> None:
    clock = ready_made("eta_kept", clause="4", calendar="always")
    promises = [(1, "eta", "2026-03-02T14:00:00Z"), (4, "eta", "2026-03-03T00:30:00+05:30")]
    (cycle,) = measured(clock, CREATED, *promises, (11, "status", "resolved"))
    assert (cycle["state"], cycle["due_at"]) == ("breached", instant(10))


def test_an_update_repeated_at_the_same_instant_is_one_update() -> None:
    clock = ready_made("periodic_update", clause="4", calendar="always", targets=within(4))
    found = measured(clock, CREATED, (1, *ANSWERS), (1, *ANSWERS), (3, *ANSWERS), (4, "status", "resolved"))
    assert [(each["cycle"], each["started_at"], hours(each["elapsed_us"])) for each in found] == [
        (1, instant(1), 2),
        (2, instant(3), 1),
    ]


def test_a_ticket_handed_on_at_once_was_never_with_the_first_team() -> None:
    clock = ready_made("team_ownership", clause="4", calendar="always", targets=within(4))
    events = [CREATED, NEW, (0, "team", "team-01"), (0, "team", "team-02"), (1 / 3600e6, "team", "team-03")]
    found = measured(clock, *events, as_of=instant(1))
    # A microsecond is a stay.
    assert [(each["team"], each["started_at"]) for each in found] == [
        ("team-02", MONDAY),
        ("team-03", instant(1 / 3600e6)),
    ]


def test_a_resolution_at_the_instant_of_its_start_is_a_cycle_of_no_length() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=within(4))
    found = measured(clock, CREATED, NEW, (0, "status", "resolved"))
    assert [(each["state"], each["elapsed_us"]) for each in found] == [("met", 0)]
