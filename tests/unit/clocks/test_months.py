"""Which month a cycle counts in: every verdict once, in the first month at whose end it can never change again."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import ClockTerms

from tests.unit.clocks.small import CREATED, by, hours, instant, measured, within
from tests.unit.clocks.strategies import CALENDARS, HOUR_US, at, clock_terms, frames, histories

_KEY = ["ticket_key", "cycle"]
_edges = st.lists(st.integers(1, 110), min_size=1, max_size=4, unique=True).map(sorted)


def _judged(found: pd.DataFrame, begin: datetime, end: datetime) -> dict[tuple[int, int], str]:
    """What a statement of [begin, end), measured at its end, counts: as `statement.levels` does."""
    mine = found[(found["attributed_at"] >= begin) & (found["attributed_at"] < end) & found["target_us"].notna()]
    mine = mine[mine["state"].isin(["met", "breached"])]
    return dict(zip(mine[_KEY].itertuples(index=False, name=None), mine["state"].astype("str"), strict=True))


@settings(deadline=None, max_examples=120)
@given(st.lists(histories(), min_size=1, max_size=3), clock_terms(), _edges)
def test_every_verdict_counts_in_exactly_one_period_and_is_never_another_one_later(
    all_histories: list[Any], clock: ClockTerms, edges: list[int]
) -> None:
    # What a contract is refused for at load (docs/contracts.md, "Which month a cycle belongs to").
    assume(clock.retarget != "final" or clock.attribution == "stopped")
    assume(not clock.resume or clock.resume_within_us is not None)
    tickets, events = frames(all_histories)
    bounds = [at(-HOUR_US), *(at(hour * HOUR_US) for hour in edges), at(0) + timedelta(days=90)]
    counted: dict[tuple[int, int], str] = {}
    for begin, end in pairwise(bounds):
        judged = _judged(clocks.measure(tickets, events, [clock], CALENDARS, end), begin, end)
        assert not counted.keys() & judged.keys()
        counted |= judged
    last = clocks.measure(tickets, events, [clock], CALENDARS, bounds[-1])
    final = _judged(last, bounds[0], bounds[-1])
    cancelled = {tuple(each) for each in last.loc[last["state"] == "cancelled", _KEY].to_numpy().tolist()}
    # A breach that was counted before the ticket was merged away stays counted.
    assert {key: state for key, state in counted.items() if key not in cancelled} == final
    assert all(counted[key] == "breached" for key in counted.keys() & cancelled)


# A cycle of a clock counted by its start, with eight hours allowed: what each month's statement makes of it. The month
# ends at hour 24.
@pytest.mark.parametrize(
    ("started", "stopped", "months"),
    [
        (10, 12, [["met"], []]),
        (10, None, [["breached"], []]),  # late since hour 18, and nobody needs to wait for its end
        (10, 40, [["breached"], []]),
        (16, None, [["running"], ["breached"]]),  # at hour 24 it is still in time: nobody can know yet
        (16 - 1 / 3600e6, None, [["breached"], []]),
        (20, 24, [[], ["met"]]),  # the instant at which the month ends is the next one's
        (20, 24 - 1 / 3600e6, [["met"], []]),
        (20, 27, [["running"], ["met"]]),
        (20, 30, [["running"], ["breached"]]),
    ],
)
def test_started_cycles_that_run_at_the_months_end_are_judged_in_the_next(
    started: float, stopped: float | None, months: list[list[str]]
) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=within(8), attribution="started")
    events = [(started, "created", None, "customer"), (started, "team", "team-01"), (22, "team", "team-02")]
    events += [] if stopped is None else [(stopped, "status", "resolved")]
    shown = []
    for begin, end in ((0, 24), (24, 48)):
        found = measured(clock, *events, as_of=instant(end))
        mine = [each for each in found if instant(begin) <= each["attributed_at"] < instant(end)]
        shown.append([each["state"] for each in mine])
        assert {each["team"] for each in found} == {"team-01"}  # whatever the month: the values of the start
    assert shown == months


WINDOW_US = 5 * 24 * HOUR_US
SOLVED, REOPENED = (10, "status", "resolved"), 10 + 5 * 24


@pytest.mark.parametrize(
    ("reopened", "cycles"),
    [
        (REOPENED - 1, [(0, 10 + 3)]),
        (REOPENED, [(0, 10 + 3)]),  # exactly five days later is in time
        (REOPENED + 1 / 3600e6, [(0, 10), (REOPENED + 1 / 3600e6, 3)]),
    ],
    ids=["in time", "on the last instant", "a microsecond too late"],
)
def test_a_reopening_takes_a_stop_back_as_long_as_the_contract_says(
    reopened: float, cycles: list[tuple[float, float]]
) -> None:
    clock = ready_made(
        "resolution_total", clause="4", calendar="always", targets=within(20), resume_within_us=WINDOW_US
    )
    again = [(reopened, "status", "open"), (reopened + 3, "status", "resolved")]
    found = measured(clock, CREATED, SOLVED, (11, "status", "closed"), *again)
    assert [(each["started_at"], hours(each["elapsed_us"])) for each in found] == [
        (instant(start), counted) for start, counted in cycles
    ]


def test_a_second_reopening_is_counted_from_the_second_stop() -> None:
    clock = ready_made(
        "resolution_total", clause="4", calendar="always", targets=within(20), resume_within_us=WINDOW_US
    )
    again = [(100, "status", "open"), (102, "status", "resolved"), (102 + 5 * 24, "status", "open")]
    (cycle,) = measured(clock, CREATED, SOLVED, *again, as_of=instant(102 + 5 * 24 + 1))
    assert (hours(cycle["elapsed_us"]), cycle["state"]) == (13, "running")


@pytest.mark.parametrize(
    ("attribution", "target", "expected"),
    [
        ("due", 20, 10 + 5 * 24),  # due at 20, but until hour 130 the stop can be taken back
        ("due", 300, 300),
        ("due", 8, 8),  # the breach cannot
        ("stopped", 8, 10 + 5 * 24),  # its whole time can
        ("stopped", 20, 10 + 5 * 24),
        ("started", 20, 10 + 5 * 24),
        ("started", 8, 8),
    ],
)
def test_a_stop_counts_when_nothing_can_take_it_back(attribution: Any, target: float, expected: float) -> None:
    parts = {"clause": "4", "calendar": "always", "targets": within(target), "resume_within_us": WINDOW_US}
    (cycle,) = measured(ready_made("resolution_total", attribution=attribution, **parts), CREATED, SOLVED)
    assert cycle["attributed_at"] == instant(expected)
    assert cycle["stopped_at"] == instant(10)


def test_a_target_of_the_end_counts_at_the_stop_only() -> None:
    targets = by("priority", P1=1, P3=8)
    clock = ready_made(
        "resolution", clause="4", calendar="always", targets=targets, retarget="final", attribution="stopped"
    )
    events = [CREATED, (0, "priority", "P1"), (30, "priority", "P3"), (31, "status", "resolved")]
    (open_yet,) = measured(clock, *events, as_of=instant(24))
    assert (open_yet["state"], open_yet["attributed_at"]) == ("breached", instant(24))  # after the month's last instant
    (cycle,) = measured(clock, *events)
    assert (cycle["state"], cycle["attributed_at"]) == ("breached", instant(31))
    (saved,) = measured(clock, *events[:2], (5, "priority", "P3"), (8, "status", "resolved"))
    assert (saved["state"], saved["attributed_at"]) == ("met", instant(8))
