"""The enforcement register: every failure of a month, with one outcome each."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from deskledger.statement.assessment import FAILURES

from tests.warehouse.ledger_content import content, decide, draft, posted, rows


def test_the_enforcement_register_has_no_gaps(warehouse: Engine) -> None:
    posted(warehouse, content(period="2026-01"))
    posted(warehouse, content(period="2026-02", met=9))
    decide(warehouse, draft(warehouse, content(period="2026-03")).draft_id, "dispute", comment="no")
    draft(warehouse, content("brisa"))
    unpriced = content("cedro")
    posted(warehouse, replace(unpriced, lines=[], credit_amount=Decimal("0.00")))
    with warehouse.connect() as connection:
        found = connection.execute(
            text("select contract, period, outcome from ledger.enforcement order by contract, period")
        ).all()
    assert [tuple(row) for row in found] == [
        ("alder", "2026-01", "credited"),
        ("alder", "2026-03", "disputed"),
        ("brisa", "2026-03", "awaiting decision"),
        ("cedro", "2026-03", "reported only"),
    ]


@pytest.mark.parametrize("status", sorted(FAILURES))
@pytest.mark.parametrize("term", ["late", "unlisted"])
def test_a_failed_line_is_in_the_register_though_its_objective_was_met(
    warehouse: Engine, status: str, term: str
) -> None:
    made = content(met=9, credit_amount=Decimal("50.00"))
    line = {**made.lines[0], "status": status, "credit_amount": Decimal("50.00"), "term": term}
    if term == "unlisted":
        line["service_level"] = None
    posted(warehouse, replace(made, lines=[line]))
    with warehouse.connect() as connection:
        found = connection.execute(
            text("select service_level, clause, line_status, line_amount, outcome from ledger.enforcement")
        ).all()
    outcome = "superseded" if status == "superseded" else "credited"
    level = ("resolution", "4.2") if term == "late" else ("unlisted", "7.1")
    assert [tuple(row) for row in found] == [(*level, status, Decimal("50.00"), outcome)]


@pytest.mark.parametrize("status", ["met", "bonus", "no_data", "below_sample", "relief", "cap", "rounding"])
def test_a_line_that_is_no_failure_adds_nothing_to_the_register(warehouse: Engine, status: str) -> None:
    made = content(met=9)
    posted(warehouse, replace(made, lines=[{**made.lines[0], "status": status}]))
    assert rows(warehouse, "enforcement") == 0
