"""Properties of the clocks over random histories and terms, and equality with the oracle."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import clocks
from deskledger.clocks.measure import COLUMNS
from deskledger.contract.terms import ClockTerms

from tests.oracle import Replay, SlowCalendar
from tests.unit.clocks.strategies import CALENDARS, HOUR_US, PATIENCE, TICKET_VALUES, at, clock_terms, frames, histories

_SLOW = {name: SlowCalendar(terms) for name, terms in CALENDARS.items()}
_as_of = st.integers(24, 110).map(lambda hours: at(hours * HOUR_US))


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


@settings(deadline=None, max_examples=150)
@given(st.lists(histories(), min_size=1, max_size=3), clock_terms(), _as_of)
def test_measure_equals_the_oracle(all_histories: list[Any], clock: ClockTerms, as_of: datetime) -> None:
    measured = clocks.measure(*frames(all_histories), [clock], CALENDARS, as_of)
    rows = [{name: _plain(value) for name, value in row.items()} for row in measured.to_dict("records")]
    expected = [
        {"ticket_key": 7 * number, "created_month": 202603, "clock": clock.name, "as_of": as_of, **facts}
        for number, history in enumerate(all_histories)
        for facts in Replay(TICKET_VALUES, history, clock, _SLOW, as_of, PATIENCE).cycles()
    ]
    assert rows == expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(histories(), min_size=2, max_size=6),
    st.lists(clock_terms(), min_size=1, max_size=3),
    _as_of,
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_order_of_rows_and_blocks_change_nothing(
    all_histories: list[Any], terms: list[ClockTerms], as_of: datetime, block: int, random: Any
) -> None:
    tickets, events = frames(all_histories)
    whole = clocks.measure(tickets, events, terms, CALENDARS, as_of)
    order = random.sample(range(len(events)), len(events))
    shuffled, turned = events.iloc[order], tickets.iloc[::-1]
    split = clocks.measure(turned, shuffled, terms, CALENDARS, as_of, block_tickets=block)
    pd.testing.assert_frame_equal(whole, split)
    tickets_apart = [
        clocks.measure(tickets[tickets["ticket_key"] == key], events, terms, CALENDARS, as_of)
        for key in tickets["ticket_key"]
    ]
    together = pd.concat([each.astype(object) for each in tickets_apart], ignore_index=True)
    key = ["clock", "ticket_key", "cycle"]
    if len({clock.name for clock in terms}) == len(terms):
        pd.testing.assert_frame_equal(
            together.sort_values(key, ignore_index=True),
            whole.astype(object).sort_values(key, ignore_index=True),
            check_dtype=False,
        )
    blocks = list(clocks.measure_blocks(tickets, events, terms, CALENDARS, as_of, block_tickets=block))
    assert sum(map(len, blocks)) == len(whole)
    portioned = list(
        clocks.measure_blocks(turned, shuffled, terms, CALENDARS, as_of, block_tickets=block, portion_tickets=2)
    )
    joined = pd.concat([each.astype(object) for each in portioned], ignore_index=True) if portioned else whole
    pd.testing.assert_frame_equal(joined, whole.astype(object), check_dtype=False)


@settings(deadline=None, max_examples=100)
@given(st.lists(histories(), min_size=1, max_size=4), st.lists(clock_terms(), min_size=1, max_size=3), _as_of)
def test_facts_of_a_cycle_agree_with_each_other(
    all_histories: list[Any], terms: list[ClockTerms], as_of: datetime
) -> None:
    found = clocks.measure(*frames(all_histories), terms, CALENDARS, as_of)
    assert tuple(found.columns) == COLUMNS
    end = found["stopped_at"].fillna(pd.Timestamp(as_of))
    sides = found["provider_us"] + found["customer_us"] + found["third_party_us"]
    assert (sides == (end - found["started_at"]) // pd.Timedelta(microseconds=1)).all()
    assert (found[["provider_us", "customer_us", "third_party_us", "elapsed_us"]] >= 0).all(axis=None)
    assert (found["elapsed_us"] <= sides).all()
    broken = found["breached_at"].notna()
    exceeded = (found["elapsed_us"] > found["target_us"]).fillna(False).astype(bool)
    assert (broken == exceeded).all()
    assert (found.loc[broken, "breached_at"] >= found.loc[broken, "due_at"]).all()
    assert ((found["state"] == "breached") == (broken & (found["state"] != "cancelled"))).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(histories(), min_size=1, max_size=4), clock_terms(), _as_of)
def test_what_comes_after_as_of_changes_nothing(all_histories: list[Any], clock: ClockTerms, as_of: datetime) -> None:
    tickets, events = frames(all_histories)
    known = events[events["occurred_at"] <= as_of]
    later = clocks.measure(tickets, events, [clock], CALENDARS, as_of)
    then = clocks.measure(tickets, known, [clock], CALENDARS, as_of)
    pd.testing.assert_frame_equal(later, then)


@settings(deadline=None, max_examples=80)
@given(st.lists(histories(), min_size=1, max_size=4), st.lists(clock_terms(), min_size=1, max_size=2), _as_of)
def test_segments_add_up_to_the_cycles(all_histories: list[Any], terms: list[ClockTerms], as_of: datetime) -> None:
    tickets, events = frames(all_histories)
    terms = list({clock.name: clock for clock in terms}.values())
    found = clocks.segments(tickets, events, terms, CALENDARS, as_of)
    key = ["clock", "ticket_key", "cycle"]
    measured = clocks.measure(tickets, events, terms, CALENDARS, as_of).astype({"clock": "str"}).set_index(key)
    us = pd.Timedelta(microseconds=1)
    found["lasted_us"] = (found["to_at"] - found["from_at"]) // us
    assert (found["lasted_us"] > 0).all()
    assert (found["counted_us"] == found["lasted_us"].where(found["is_counted"], 0)).all()
    assert ((found["reason"] == "counted") == found["is_counted"]).all()
    by_cycle = found.groupby(key)
    total = by_cycle["counted_us"].sum().reindex(measured.index, fill_value=0).to_numpy()
    assert (total == measured["elapsed_us"].to_numpy()).all()
    assert (by_cycle["running_total_us"].last().reindex(measured.index, fill_value=0).to_numpy() == total).all()
    for side in ("provider", "customer", "third_party"):
        held = found[found["holder"] == side].groupby(key)["lasted_us"].sum()
        assert (held.reindex(measured.index, fill_value=0).to_numpy() == measured[f"{side}_us"].to_numpy()).all()
    # Stretches follow one another without a gap from the start of the cycle.
    following = by_cycle["from_at"].shift(-1)
    assert (found["to_at"] == following)[following.notna()].all()
    first = by_cycle["from_at"].first().reindex(measured.index)
    assert (first.isna() | (first.to_numpy() == measured["started_at"].to_numpy())).all()
