"""What holds of every statement, whatever tickets a month had: sums, caps, monotony; no order or partition matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskledger import contract as contracts
from deskledger import model
from deskledger.statement import Held, Inputs, PastMonth, Statement, compose
from deskledger.statement.figures import figures

HOUR = timedelta(hours=1)
CONTRACT = contracts.parse(
    b"""
contract: alder
title: Alder
currency: EUR
parties: {customer: Alder, provider: Meridian}
sources: [desk]
period: {timezone: Etc/UTC}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: ada
    calendars:
      always: {timezone: Etc/UTC, always: true}
    clocks:
      resolution:
        clause: "4"
        start: [{kind: created}]
        stop: [{kind: status, value: resolved}]
        calendar: always
        targets: [{within: 4h}]
    csat:
      clause: "5"
      good: [4, 5]
      neutral: [3]
      poor: [1, 2]
      denominator: include_neutral
      answers: last
      attribution: responded
    service_levels:
      urgent: {title: urgent, clause: "4.1", clock: resolution, population: {priority: P1}, objective: ">= 90 %"}
      normal: {title: normal, clause: "4.2", clock: resolution, population: {priority: [P2, P3]}, objective: ">= 80 %"}
      poor: {title: poor, clause: "5.1", csat: poor, objective: "<= 20 %"}
    penalties:
      bases:
        fee: {charge: monthly_fee}
      terms:
        - id: urgent
          clause: "7.1"
          measure: urgent
          schedule: {kind: threshold, consequence: {pct_of_base: 3.3 %}}
          repeat: {by_run: {"1": 1, "2": 1.5}}
        - id: normal
          clause: "7.2"
          measure: normal
          schedule: {kind: shortfall, step: 0.7 %, step_rounding: up, per_step: {amount: 12.345}, max_steps: 20}
        - id: poor
          clause: "7.3"
          measure: poor
          schedule:
            kind: bands
            bands:
              - {le: 20 %}
              - {gt: 20 %, le: 50 %, consequence: {amount: 40}}
              - {gt: 50 %, consequence: {amount: 90.005}}
      caps:
        - {id: late, clause: "7.8", amount: 300, terms: [urgent, normal]}
        - {id: month, clause: "7.9", base: fee, pct: 4 %}
""",
    "alder.yaml",
)
BASE, MONTH_CAP, LATE_CAP = Decimal("8123.45"), Decimal("324.93"), Decimal("300.00")
END = datetime(2026, 2, 1, tzinfo=UTC)
# Hours after creation; exactly the target, a little more, much more, never.
_resolved = st.sampled_from([1 * HOUR, 4 * HOUR, 4 * HOUR + timedelta(microseconds=1), 50 * HOUR, None])
_tickets = st.lists(
    st.tuples(
        st.integers(0, 30 * 24 - 1), _resolved, st.sampled_from(["P1", "P2", "P3"]), st.sampled_from([None, 1, 3, 5])
    ),
    min_size=1,
    max_size=10,
)
_before = st.sampled_from(["met", "breach", "no_data"])


def _inputs(tickets: list[tuple[int, timedelta | None, str, int | None]]) -> Inputs:
    rows, events, answers = [], [], []
    for number, (hour, lasted, priority, rating) in enumerate(tickets):
        (key,) = (int(each) for each in model.ticket_keys("desk", [f"T{number}"]))
        created = datetime(2026, 1, 1, tzinfo=UTC) + hour * HOUR
        ref = {"ticket_key": key, "created_month": 202601}
        told: list[tuple[str, Any, datetime]] = [
            ("created", None, created), ("status", "new", created), ("priority", priority, created)
        ]  # fmt: skip
        if lasted is not None:
            told.append(("status", "resolved", created + lasted))
        events += [
            {**ref, "event_id": f"{n}", "occurred_at": at, "seq": n, "kind": kind, "value": value}
            for n, (kind, value, at) in enumerate(told)
        ]
        rows.append({**ref, "shard": key % 256, "source": "desk", "ticket_id": f"T{number}", "priority": priority,
                     "created_at": created, "updated_at": created})  # fmt: skip
        if rating is not None:
            answers.append({"source": "desk", "survey_id": f"S{number}", "answer_id": "a", "ticket_key": key,
                            "sent_at": created, "responded_at": created, "rating": rating})  # fmt: skip
    charge = {"contract": "alder", "period": "2026-01", "kind": "monthly_fee", "amount": BASE, "currency": "EUR",
              "invoice_number": "A-1", "imported_by": "ines", "approved_by": "amir"}  # fmt: skip
    return Inputs(
        tickets=_frame(model.TICKET, rows),
        events=_frame(model.TICKET_EVENT, events),
        answers=_frame(model.SURVEY_ANSWER, answers),
        charges=_frame(model.CHARGE, [charge]),
        incomplete=frozenset(),
        held=Held({}, ()),
        loads=(),
        totals=(),
        data_cutoff=END,
    )


def _frame(table: model.Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return model.conform(table, pd.DataFrame(rows)) if rows else model.empty(table)


def _state(inputs: Inputs, before: str = "met") -> Statement:
    past = [PastMonth("2025-12", {"urgent": before}, {}, Decimal(0))]
    return compose(CONTRACT, "2026-01", inputs, past)


# A statement takes most of a second, with all its figures: few examples a run, others in every run.
_few = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_few
@given(_tickets, _before)
def test_lines_sum_to_the_statement_and_stay_within_every_cap(tickets: list[Any], before: str) -> None:
    made = _state(_inputs(tickets), before)
    amounts = {line["term"]: line["credit_amount"] for line in made.lines}
    assert sum(amounts.values(), Decimal(0)) == made.credit
    assert all(isinstance(amount, Decimal) for amount in amounts.values())
    assert Decimal(0) <= made.credit <= MONTH_CAP
    assert amounts["urgent"] + amounts["normal"] + amounts.get("late", Decimal(0)) <= LATE_CAP


@_few
@given(_tickets, _before, st.randoms(use_true_random=False))
def test_no_order_of_rows_changes_anything(tickets: list[Any], before: str, random: Any) -> None:
    inputs = _inputs(tickets)

    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        order = list(range(len(frame)))
        random.shuffle(order)
        return frame.iloc[order].reset_index(drop=True)

    mixed = replace(inputs, **{name: shuffled(getattr(inputs, name)) for name in ("tickets", "events", "answers")})
    one, other = _state(inputs, before), _state(mixed, before)
    assert (one.levels, one.lines, one.trace, one.credit, one.control) == (
        other.levels, other.lines, other.trace, other.credit, other.control
    )  # fmt: skip
    assert figures(one.month, "Etc/UTC") == figures(other.month, "Etc/UTC")
    pd.testing.assert_frame_equal(one.evidence, other.evidence)


@_few
@given(_tickets, st.data())
def test_partitions_of_the_tickets_add_up_to_the_whole(tickets: list[Any], data: st.DataObject) -> None:
    """Counts are of tickets one by one: however they are split, the parts sum to the month, and its rows are theirs."""
    inputs = _inputs(tickets)
    chosen = data.draw(st.lists(st.booleans(), min_size=len(tickets), max_size=len(tickets)))
    first = {key for key, mine in zip(inputs.tickets["ticket_key"], chosen, strict=True) if mine}
    parts = [_state(_only(inputs, first)), _state(_only(inputs, set(inputs.tickets["ticket_key"]) - first))]
    whole = _state(inputs)
    for name in ("numerator", "denominator", "met_tickets", "failed_tickets", "excluded_tickets"):
        sums = [
            sum(int(level[name]) for level in levels) for levels in zip(*(part.levels for part in parts), strict=True)
        ]
        assert sums == [int(level[name]) for level in whole.levels], name
    rows = pd.concat([part.evidence for part in parts]).drop(columns="evidence_no")
    order = ["service_level", "ticket_id", "survey_id"]
    pd.testing.assert_frame_equal(
        rows.astype("object").sort_values(order, ignore_index=True),
        whole.evidence.drop(columns="evidence_no").astype("object").sort_values(order, ignore_index=True),
    )


def _only(inputs: Inputs, keys: set[int]) -> Inputs:
    def mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["ticket_key"].isin(keys)].reset_index(drop=True)

    return replace(inputs, **{name: mine(getattr(inputs, name)) for name in ("tickets", "events", "answers")})


@_few
@given(_tickets, _before, st.integers(0, 9))
def test_a_ticket_that_is_late_after_all_never_lowers_the_credit(tickets: list[Any], before: str, which: int) -> None:
    worse = list(tickets)
    hour, _, priority, rating = worse[which % len(worse)]
    worse[which % len(worse)] = (hour, None, priority, 1 if rating is not None else None)
    assert _state(_inputs(worse), before).credit >= _state(_inputs(tickets), before).credit
