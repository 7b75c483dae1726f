"""Events that arrive late, or together: what happened when decides, never when it was heard of."""

from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import EventMatch

from tests.unit.clocks.small import CALENDARS, CREATED, frames, hours, instant, measured, within

CLOCK = ready_made("resolution_without_waiting", clause="4", calendar="always", targets=within(8))


@pytest.mark.parametrize(
    ("late", "state", "elapsed"),
    [
        ([], "breached", 10),
        # Two hours of waiting that nobody had told: eight are left, exactly the target.
        ([(2, "status", "waiting_on_customer"), (4, "status", "open")], "met", 8),
        # A resolution before the one that was known, and the reopening between them: two cycles instead of one.
        ([(3, "status", "resolved"), (6, "status", "open")], "met", 3),
        # A restatement of what was known changes nothing.
        ([(5, "status", "new")], "breached", 10),
    ],
)
def test_a_late_event_counts_from_when_it_happened(late: list[Any], state: str, elapsed: float) -> None:
    known = [CREATED, (0, "status", "new"), (10, "status", "resolved")]
    first = measured(CLOCK, *known, *late)[0]
    assert (first["state"], hours(first["elapsed_us"])) == (state, elapsed)


def test_arrival_and_order_of_rows_say_nothing() -> None:
    events = [CREATED, (2, "status", "waiting_on_customer"), (4, "status", "open"), (10, "status", "resolved")]
    tickets, in_order = frames(*events)
    backwards = in_order.iloc[::-1]
    pd.testing.assert_frame_equal(
        clocks.measure(tickets, in_order, [CLOCK], CALENDARS, instant(20)),
        clocks.measure(tickets, backwards, [CLOCK], CALENDARS, instant(20)),
    )


# At one instant: (cancel or stop, then start) in the source's order; what an event leaves behind is what follows it.
@pytest.mark.parametrize(
    ("together", "cycles"),
    [
        (["resolved", "open"], [(0, 5, "met"), (5, None, "running")]),
        (["open", "resolved"], [(0, 5, "met")]),
        (["resolved", "open", "closed"], [(0, 5, "met"), (5, 5, "met")]),
        (["resolved", "closed"], [(0, 5, "met")]),
    ],
)
def test_events_of_one_instant_act_in_the_sources_order(together: list[str], cycles: list[Any]) -> None:
    events = [(5, "status", each) for each in together]
    found = measured(CLOCK, CREATED, (0, "status", "new"), *events, as_of=instant(9))
    assert [
        (each["started_at"], None if pd.isna(each["stopped_at"]) else each["stopped_at"], each["state"])
        for each in found
    ] == [(instant(start), None if stop is None else instant(stop), state) for start, stop, state in cycles]


def test_an_event_that_cancels_and_one_that_stops_at_the_same_instant() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=within(8), cancel=(EventMatch("merged"),))
    merged, resolved = (5, "merged", "17"), (5, "status", "resolved")
    (cancelled,) = measured(clock, CREATED, merged, resolved)
    (met,) = measured(clock, CREATED, resolved, merged)
    assert [cancelled["state"], met["state"]] == ["cancelled", "met"]
