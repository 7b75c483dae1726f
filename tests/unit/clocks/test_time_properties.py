"""Elapsed time of a running clock grows, adds up, and reaches its target exactly when the deadline says."""

from datetime import datetime
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import clocks
from deskledger.contract.terms import ClockTerms

from tests.unit.clocks.strategies import CALENDARS, HOUR_US, at, clock_terms, frames, histories

_US = pd.Timedelta(microseconds=1)
_KEY = ["ticket_key", "cycle"]
_SIDES = ["provider_us", "customer_us", "third_party_us"]
_instants = st.integers(0, 110 * 4).map(lambda quarters: at(quarters * HOUR_US // 4))
_IN_HOURS = {"counted", "outside business hours", "holiday"}


@settings(deadline=None, max_examples=100)
@given(st.lists(histories(), min_size=1, max_size=3), clock_terms(), _instants, _instants)
def test_time_only_grows_and_adds_up(
    all_histories: list[Any], clock: ClockTerms, one: datetime, other: datetime
) -> None:
    if clock.reset or clock.resume:  # these take counted time, or a stop, back
        return
    first, last = sorted([one, other])
    tickets, events = frames(all_histories)
    before = clocks.measure(tickets, events, [clock], CALENDARS, first).set_index(_KEY)
    after = clocks.measure(tickets, events, [clock], CALENDARS, last).set_index(_KEY).reindex(before.index)
    sums = ["elapsed_us", *_SIDES]
    assert (after[sums] >= before[sums]).all(axis=None)
    ended = before["stopped_at"].notna()
    assert (after.loc[ended, sums] == before.loc[ended, sums]).all(axis=None)
    # What a clock has counted by the first instant and what it counts from there on is what it has counted by the last.
    found = clocks.segments(tickets, events, [clock], CALENDARS, last)
    counted = found[found["is_counted"]]
    begun = counted["from_at"].where(counted["from_at"] > first, pd.Timestamp(first))
    since = ((counted["to_at"] - begun) // _US).clip(lower=0)
    added = since.groupby([counted[name] for name in _KEY]).sum().reindex(before.index, fill_value=0)
    assert (before["elapsed_us"] + added == after["elapsed_us"]).all()


@settings(deadline=None, max_examples=100)
@given(st.lists(histories(), min_size=1, max_size=3), clock_terms(), _instants)
def test_the_deadline_is_when_the_target_is_used_up(
    all_histories: list[Any], clock: ClockTerms, as_of: datetime
) -> None:
    tickets, events = frames(all_histories)
    known = events[events["occurred_at"] <= as_of]  # nothing happens any more
    found = clocks.measure(tickets, known, [clock], CALENDARS, as_of)
    # A microsecond later: a pause that begins at this very instant has no segment yet.
    held = clocks.segments(tickets, known, [clock], CALENDARS, as_of + _US).drop_duplicates(_KEY, keep="last")
    ticking = held[held["reason"].isin(_IN_HOURS)].set_index(_KEY).index
    running = found[(found["state"] == "running") & found["due_at"].notna() & (found["due_at"] >= as_of)]
    for row in running.to_dict("records"):
        if (row["ticket_key"], row["cycle"]) not in ticking:
            continue  # its deadline is projected as if it went on
        (then,) = _at(tickets, known, clock, row, row["due_at"])
        assert (then["elapsed_us"], then["state"]) == (row["target_us"], "running")
        assert then["due_at"] == row["due_at"]
        if row["due_at"] > as_of:
            (sooner,) = _at(tickets, known, clock, row, row["due_at"] - _US)
            assert sooner["elapsed_us"] <= row["target_us"]
        if clock.attribution == "due":  # the last instant in time: a microsecond later it is late
            (in_time,) = _at(tickets, known, clock, row, row["attributed_at"])
            (late,) = _at(tickets, known, clock, row, row["attributed_at"] + _US)
            assert (in_time["state"], late["state"]) == ("running", "breached")
            assert late["breached_at"] == row["attributed_at"]


def _at(
    tickets: pd.DataFrame, events: pd.DataFrame, clock: ClockTerms, row: dict[str, Any], as_of: pd.Timestamp
) -> list[dict[str, Any]]:
    found = clocks.measure(tickets, events, [clock], CALENDARS, as_of)
    same = (found["ticket_key"] == row["ticket_key"]) & (found["cycle"] == row["cycle"])
    return found[same].to_dict("records")
