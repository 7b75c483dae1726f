"""Adjustments in the ledger itself: booked once, only as they follow from what stands, and proved like a statement."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger
from deskledger.errors import LedgerError

from tests.warehouse.ledger_content import TABLES, content, decide, draft, post, posted, rows

LINE = {
    "line_no": 2, "term": "restatement:2026-01", "service_level": None, "status": "adjustment", "clause": "",
    "version": 1, "operator": None, "target": None, "value": None, "band_edge": None, "detail": {},
    "credit_amount": Decimal("-50.00"),
}  # fmt: skip


def adjustment(**changes: Any) -> ledger.Adjustment:
    """January, posted with 50.00 for 8 of 10 tickets in time, comes to nothing: 9 of 10 were."""
    restated = changes.pop("restated", None) or content(period="2026-01", met=9)
    made = ledger.Adjustment(
        corrected_period="2026-01", corrected_statement="ALDER-2026-01", replaced_draft_id="ALDER-2026-01-D1",
        currency="EUR", issued_amount=Decimal("50.00"), adjusted_amount=Decimal("0.00"),
        restated_amount=restated.credit_amount, restated_sha256=ledger.inputs_sha256(restated),
        causes=[{"kind": "ticket", "ticket": "T9", "service_level": "resolution", "before": "failed", "after": "met"}],
        preparers=restated.preparers, restated=restated,
    )  # fmt: skip
    return replace(made, **changes)


def march(*adjustments: ledger.Adjustment, lines: Any = None, **changes: Any) -> ledger.DraftContent:
    """March, 9 of 10 in time: nothing of its own, and what it corrects."""
    made = content(met=9)
    booked = [{"type": "restatement", "period": each.corrected_period, "issued": str(each.issued_amount),
               "recomputed": str(each.restated_amount)} for each in adjustments]  # fmt: skip
    measured = {**made.assessment["measurements"], "adjustments": booked}
    own = [LINE] if lines is None else lines
    total = sum((each.amount for each in adjustments), Decimal("0.00"))
    return replace(
        made,
        adjustments=adjustments,
        credit_amount=total,
        lines=[*made.lines, *({**line, "effective_from": made.effective_from} for line in own)],
        assessment={**made.assessment, "measurements": measured},
        **changes,
    )


def test_an_adjustment_is_booked_named_and_proved(warehouse: Engine) -> None:
    posted(warehouse, content(period="2026-01"))
    assert posted(warehouse, march(adjustment()))["credit_amount"] == Decimal("-50.00")
    with warehouse.connect() as connection:
        record = connection.execute(
            text("select record::jsonb from ledger.entry where line = 'restatement:2026-01'")
        ).scalar_one()
        (row,) = ledger.posted_adjustments(connection, "alder")
        assert ledger.verify(connection).faults == ()
        again = ledger.recompute(connection, "ALDER-2026-03")
        states = connection.execute(
            text("select state from ledger.draft_state where period = '2026-01' order by number")
        )
        assert states.scalars().all() == ["posted", "restated"]
    assert (record["corrects"], record["amount"]) == ("ALDER-2026-01", "-50.00")
    assert (row["corrected_statement"], row["booked_statement"]) == ("ALDER-2026-01", "ALDER-2026-03")
    assert (again.differences, again.recomputed_amount) == ((), Decimal("-50.00"))


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (lambda: march(adjustment(issued_amount=Decimal("40.00"))), "2026-01: another result stands by now"),
        (lambda: march(adjustment(adjusted_amount=Decimal("-9.00"))), "2026-01: another result stands by now"),
        (lambda: march(adjustment(restated_amount=Decimal("1.00"))), "2026-01: not what the month was restated to"),
        (lambda: march(adjustment(), lines=[]), "2026-01: not the line of the statement"),
        (lambda: march(adjustment(), lines=[{**LINE, "credit_amount": Decimal("-49.00")}]), "2026-01: not the line"),
        (lambda: march(), "restatement:2026-01: no restated month stands behind the line"),
        (lambda: march(adjustment(currency="USD")), "2026-01: amounts are never converted"),
        (lambda: march(adjustment(), currency="USD"), "2026-01: amounts are never converted"),
        (lambda: march(adjustment(restated=content(period="2026-01", met=9, incomplete_tickets=1))),
         "2026-01: restated from incomplete tickets"),
        (lambda: march(adjustment(restated=content("brisa", period="2026-01", met=9))), "2026-01: not what the month"),
        (lambda: replace(march(adjustment()), contract="brisa", terms=content("brisa").terms),
         "2026-01: its month is not posted"),
    ],
)  # fmt: skip
def test_an_adjustment_that_does_not_follow_from_what_stands_is_refused(
    warehouse: Engine, made: Any, fault: str
) -> None:
    posted(warehouse, content(period="2026-01"))
    draft(warehouse, content("brisa", period="2026-01"))  # its terms are approved
    draft_id = draft(warehouse, made()).draft_id
    decide(warehouse, draft_id)
    with pytest.raises(LedgerError, match=f"refused: adjustment of {fault}"):
        post(warehouse, draft_id)
    assert rows(warehouse, "posting") == 1


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update ledger.draft_adjustment set amount = -40, issued_amount = 40", "the adjustments of its draft"),
        ("update ledger.draft_adjustment set causes = '[]'", "the adjustments of its draft"),
        ("update ledger.draft_level set value = '80' where draft_id = 'ALDER-2026-01-D2'", "the adjustments of its"),
        (
            "update ledger.draft_ticket set cycle = 2 where draft_id = 'ALDER-2026-01-D2'",
            "the evidence of the restated",
        ),
        ("delete from ledger.draft_adjustment", "the adjustments of its draft"),
    ],
)
def test_tampering_with_what_an_adjustment_rests_on_shows(warehouse: Engine, statement: str, fault: str) -> None:
    posted(warehouse, content(period="2026-01"))
    posted(warehouse, march(adjustment()))
    with warehouse.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"alter table ledger.{table} disable trigger all"))
        connection.execute(text(statement))
    with warehouse.connect() as connection:
        faults = ledger.verify(connection).faults
    assert any(each.startswith(f"statement ALDER-2026-03: {fault}") for each in faults)


def test_recompute_tells_an_adjustment_that_its_evidence_does_not_give(warehouse: Engine) -> None:
    posted(warehouse, content(period="2026-01"))
    posted(warehouse, march(adjustment()))
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.draft_ticket disable trigger append_only"))
        connection.execute(
            text(
                "update ledger.draft_ticket set is_numerator = false where draft_id = 'ALDER-2026-01-D2' and cycle = 1"
            )
        )
    with warehouse.connect() as connection:
        told = ledger.recompute(connection, "ALDER-2026-03").differences
    assert "restated 2026-01: resolution: the tickets give num 0, den 10, the statement says num 9, den 10" in told
    assert any(each.startswith("restated 2026-01: the tickets and terms give 50.00, 50.00 was booked") for each in told)


def test_a_restated_draft_takes_no_decision_and_no_more_rows(warehouse: Engine) -> None:
    posted(warehouse, content(period="2026-01"))
    draft(warehouse, march(adjustment()))
    with pytest.raises(DatabaseError, match="its month is posted"), warehouse.begin() as connection:
        connection.execute(
            text("insert into ledger.decision values ('ALDER-2026-01-D2', 'approve', '', 'felix', now())")
        )
    with pytest.raises(DatabaseError, match="its draft is written already"), warehouse.begin() as connection:
        connection.execute(
            text("insert into ledger.draft_trace values ('ALDER-2026-01-D2', 9, 'late', 'limit', 'x', 'y', '')")
        )


def test_a_draft_takes_no_adjustment_once_it_is_written(warehouse: Engine) -> None:
    posted(warehouse, content(period="2026-01"))
    draft(warehouse, march(adjustment()))
    draft(warehouse, content("brisa"))
    moved = """
    insert into ledger.draft_adjustment
    select (jsonb_populate_record(own, :other)).* from ledger.draft_adjustment as own
    """
    with pytest.raises(DatabaseError, match="its draft is written already"), warehouse.begin() as connection:
        connection.execute(text("set local role finance"))
        connection.execute(text(moved), {"other": '{"draft_id": "BRISA-2026-03-D1"}'})
