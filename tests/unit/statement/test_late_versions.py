"""A price by the late ticket where a new version changes whom it is for, or what its clock does."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from deskledger import contract as contracts
from deskledger import model
from deskledger.contract.terms import Contract
from deskledger.statement import Held, Inputs, PastMonth, compose
from deskledger.statement.past import as_past

HEAD = """
contract: alder
title: Alder
currency: EUR
parties: {customer: Alder, provider: Meridian}
sources: [desk]
period: {timezone: Etc/UTC}
versions:
"""
VERSION = """
  - number: NUMBER
    effective_from: 2026-0NUMBER-01
    author: ada
    calendars:
      always: {timezone: Etc/UTC, always: true}
    clocks:
      resolution:
        clause: "4"
        start: [{kind: created}]
        stop: [{kind: status, value: resolved}]
        RESUME
        calendar: always
        targets: [{within: 4h}]
    service_levels:
      late: {title: late, clause: "4.1", clock: resolution, population: {priority: [PRIORITIES]}, objective: ">= 90 %"}
    penalties:
      bases: {}
      terms: [TERM]
"""
PRICE = '{id: hours, clause: "6.1", measure: late, schedule: {kind: per_item, unit: 1h, unit_rounding: up, ladder: [{amount: 1}]}}'  # noqa: E501
REOPENED = "resume: [{kind: status, value: open}]\n        resume_within: 5 days"


def contract_of(*versions: dict[str, str]) -> Contract:
    """Version 1 begins in January, 2 in February, 3 in March; usual is a price for P1, without `resume`."""
    words = HEAD
    for number, changes in enumerate(versions, start=1):
        part = VERSION
        usual = {"NUMBER": str(number), "RESUME": "", "PRIORITIES": "P1", "TERM": PRICE}
        for old, new in {**usual, **changes}.items():
            part = part.replace(old, new)
        words += part
    return contracts.parse(words.encode(), "alder.yaml")


def ticket(ticket_id: str, priority: str, created: str, *statuses: tuple[str, str]) -> list[dict[str, Any]]:
    """The events of a ticket, the first of them its creation: what it is, and when."""
    (key,) = model.ticket_keys("desk", [ticket_id])
    told = [("created", None, created), ("priority", priority, created)]
    told += [("status", status, at) for status, at in statuses]
    return [
        {"ticket_key": key, "ticket_id": ticket_id, "created_month": 202601, "event_id": f"{number}", "seq": number,
         "occurred_at": pd.Timestamp(at), "kind": kind, "value": value}
        for number, (kind, value, at) in enumerate(told)
    ]  # fmt: skip


def inputs(*tickets: list[dict[str, Any]]) -> Inputs:
    rows = [
        {"ticket_key": first["ticket_key"], "created_month": 202601, "shard": first["ticket_key"] % 256,
         "source": "desk", "ticket_id": first["ticket_id"], "priority": second["value"],
         "created_at": first["occurred_at"], "updated_at": first["occurred_at"]}
        for first, second, *_ in tickets
    ]  # fmt: skip
    events = pd.DataFrame([event for each in tickets for event in each]).drop(columns="ticket_id")
    return Inputs(
        tickets=model.conform(model.TICKET, pd.DataFrame(rows)),
        events=model.conform(model.TICKET_EVENT, events),
        answers=model.empty(model.SURVEY_ANSWER),
        charges=model.empty(model.CHARGE),
        incomplete=frozenset(),
        held=Held({}, ()),
        loads=(),
        totals=(),
        data_cutoff=datetime(2026, 4, 2, tzinfo=UTC),
    )


def credits(contract: Contract, *tickets: list[dict[str, Any]]) -> list[str]:
    """What January, February and March charge, each at its own end."""
    past: list[PastMonth] = []
    for period in ("2026-01", "2026-02", "2026-03"):
        end = pd.Timestamp(contracts.period_bounds(contract, period)[1])
        known = [[event for event in each if event["occurred_at"] < end] for each in tickets]
        past.append(as_past(compose(contract, period, inputs(*known), past)))
    return [str(month.credit) for month in past]


# Both late since 30 January 12:00: 36 hours of January, 672 of February, 744 of March.
A = ticket("A", "P1", "2026-01-30T08:00Z")
B = ticket("B", "P2", "2026-01-30T08:00Z")
BOTH = {"PRIORITIES": "P1, P2"}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([{}, BOTH], ["36.00", "1344.00", "1488.00"]),
        ([BOTH, {}], ["72.00", "672.00", "744.00"]),
        ([BOTH, {}, BOTH], ["72.00", "672.00", "1488.00"]),  # nothing priced February's hours of B
        ([BOTH, {**BOTH, "TERM": ""}, BOTH], ["72.00", "0.00", "1488.00"]),
        ([{}, {"PRIORITIES": "P2"}], ["36.00", "672.00", "744.00"]),
    ],
)
def test_whom_a_new_version_prices_it_charges_for_the_hours_of_its_own_months(
    versions: list[dict[str, str]], expected: list[str]
) -> None:
    assert credits(contract_of(*versions), A, B) == expected


@pytest.mark.parametrize("later", [{}, {"RESUME": REOPENED}])
def test_a_stop_can_be_taken_back_by_the_version_that_measures_the_cycle(later: dict[str, str]) -> None:
    """Due on 1 February 01:00; stopped on the 27th, open again on 2 March: 631 hours, then 784 more."""
    one = ticket("A", "P1", "2026-01-31T21:00Z", ("resolved", "2026-02-27T08:00Z"), ("open", "2026-03-02T08:00Z"))
    assert credits(contract_of({"RESUME": REOPENED}, later), one) == ["0.00", "631.00", "784.00"]
