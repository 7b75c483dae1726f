"""Tickets that move between teams with different service hours: time adds up piece by piece, over the hours in force.

The office is open 09:00-17:00 UTC, Kolkata 03:30-11:30 UTC, Monday to Friday. Hours are from Monday 09:00 UTC: Kolkata
closes at 2.5 and opens again at 18.5, the office closes at 8 and opens again at 24.
"""

from typing import Any

import pytest

from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import CalendarChoice, Target

from tests.unit.clocks.small import CREATED, by, given, hours, instant, measured, within

US = 1 / 3600e6
BY_TEAM = (CalendarChoice({"team": frozenset({"kolkata"})}, "kolkata"), CalendarChoice({}, "office"))
OFFICE = (0, "team", "office")


def _clock(targets: tuple[Target, ...], **parts: Any) -> Any:
    return ready_made(
        "resolution_without_waiting", clause="4", calendar="office", calendars=BY_TEAM, targets=targets, **parts
    )


def _to(at: float, team: str) -> tuple[Any, ...]:
    return (at, "team", team)


# Moves, hours allowed -> due, breached if nobody stops it.
WORKED = [
    # 2 h in the office, half an hour in Kolkata, the rest there on Tuesday from 03:30.
    ([_to(2, "kolkata")], 6, 22, 22),
    # And back on Tuesday 06:00 with 5 h used, when the office is closed: the last hour from 09:00.
    ([_to(2, "kolkata"), _to(21, "office")], 6, 25, 25),
    # Due when Kolkata closes: late when it opens again, on Tuesday.
    ([_to(2, "kolkata")], 2.5, 2.5, 18.5),
    # The same, but taken back at noon while the office is open: late from that instant.
    ([_to(2, "kolkata"), _to(3, "office")], 2.5, 2.5, 3),
    # Moved at the instant at which the new hours close: none of them count.
    ([_to(2.5, "kolkata")], 3, 19, 19),
    # Moved at the instant at which the old hours close.
    ([_to(8, "kolkata")], 8, 8, 18.5),
    ([_to(8, "kolkata")], 8 + US, 18.5 + US, 18.5 + US),
    # Moved at night and back before anybody opened: as if it had stayed.
    ([_to(10, "kolkata"), _to(18, "office")], 9, 25, 25),
]


@pytest.mark.parametrize(("moves", "allowed", "due", "breached"), WORKED)
def test_the_target_ends_on_the_hours_in_force(moves: list[Any], allowed: float, due: float, breached: float) -> None:
    clock = _clock(within(allowed))
    (cycle,) = measured(clock, CREATED, OFFICE, *moves)
    assert (cycle["due_at"], given(cycle["breached_at"])) == (instant(due), instant(breached))
    (met,) = measured(clock, CREATED, OFFICE, *moves, (breached, "status", "resolved"))
    (late,) = measured(clock, CREATED, OFFICE, *moves, (breached + US, "status", "resolved"))
    assert [met["state"], late["state"]] == ["met", "breached"]
    assert hours(met["elapsed_us"]) == pytest.approx(allowed, abs=1e-12)
    assert late["elapsed_us"] == met["elapsed_us"] + 1


def test_a_target_of_the_team_moves_with_the_ticket_both_ways() -> None:
    clock = _clock(by("team", office=6, kolkata=3))
    # At 2 the target falls to three hours: half of the one left on Monday, half from Tuesday 03:30.
    (there,) = measured(clock, CREATED, OFFICE, _to(2, "kolkata"))
    assert (hours(there["target_us"]), there["due_at"]) == (3, instant(19))
    # Back at noon with 2.5 h used: six hours again, so 3.5 more of the office.
    (back,) = measured(clock, CREATED, OFFICE, _to(2, "kolkata"), _to(3, "office"))
    assert (hours(back["target_us"]), back["due_at"]) == (6, instant(6.5))
    # Moved with 4 h used: late at the move, whatever happens then.
    (late,) = measured(clock, CREATED, OFFICE, _to(4, "kolkata"), _to(5, "office"))
    assert (late["state"], late["breached_at"], hours(late["target_us"])) == ("breached", instant(4), 3)


def test_a_move_while_the_customer_has_the_turn() -> None:
    clock = _clock(within(3))
    turn = [(1, "status", "waiting_on_customer"), _to(2, "kolkata"), (20, "status", "open")]
    # 1 h in the office; nothing of Kolkata's until the answer on Tuesday 05:00; two hours from then.
    (cycle,) = measured(clock, CREATED, OFFICE, *turn)
    assert (cycle["due_at"], cycle["breached_at"]) == (instant(22), instant(22))
    assert hours(cycle["customer_us"]) == 19


def test_a_team_whose_hours_never_meet_the_old_ones_takes_over_with_all_that_is_left() -> None:
    clock = _clock(within(8))
    # Taken over on Tuesday 03:30 by Kolkata with nothing left but that 8 h were used exactly: late at once.
    (cycle,) = measured(clock, CREATED, OFFICE, _to(18.5, "kolkata"))
    assert (cycle["due_at"], cycle["breached_at"]) == (instant(8), instant(18.5))


# One business day from Monday 09:00, at the same time: Tuesday 09:00 in the office.
@pytest.mark.parametrize(
    ("moved", "due"),
    [
        # With an hour left in the evening: Kolkata works it off on Tuesday from 03:30, before the office opens.
        ([_to(7, "kolkata")], 19.5),
        # And back before Kolkata opens: the hour that is left is worked off in the office.
        ([_to(7, "kolkata"), _to(12, "office")], 25),
    ],
)
def test_a_business_day_ends_by_the_hours_that_are_in_force_then(moved: list[Any], due: float) -> None:
    (cycle,) = measured(_clock((Target({}, open_days=1),)), CREATED, OFFICE, *moved)
    assert cycle["due_at"] == instant(due)
