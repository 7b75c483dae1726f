"""Proof of the books: tampering shows, the end cannot be cut off unseen, and money is worked out again."""

from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.errors import LedgerError

from tests.warehouse.ledger_content import TABLES, content, decide, draft, posted


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("update ledger.entry set record = replace(record, '50.00', '40.00') where entry_no = 2", "entry 2: its"),
        ("delete from ledger.entry where entry_no = 2", "entry 3: an entry before it is missing"),
        ("update ledger.posting set credit_amount = 40 where contract = 'alder'", "its posting or frozen"),
        ("update ledger.posting set approved_by = 'ada' where contract = 'alder'", "its posting or frozen"),
        ("update ledger.posting set terms = '{}' where contract = 'alder'", "its posting or frozen"),
        ("update ledger.posted_ticket set cycle = 2 where ticket_key = 9 and draft_id like 'ALDER%'", "its frozen"),
        ("delete from ledger.posted_ticket where ticket_key = 9 and draft_id like 'ALDER%'", "its frozen evidence"),
        ("update ledger.posting set terms = '{\"a\": 1.5}' where contract = 'alder'", "its posting or frozen"),
        ("update ledger.draft set credit_amount = 0 where contract = 'alder'", "the heading of its draft ALDER"),
        ("update ledger.draft set parties = '{\"a\": 1.5}' where contract = 'alder'", "the heading of its draft ALDER"),
        ("update ledger.draft_level set status = 'met' where draft_id like 'ALDER%'", "the levels of its draft ALDER"),
        ("update ledger.draft_level set months = '[]' where draft_id like 'ALDER%'", "the levels of its draft ALDER"),
        ("update ledger.draft_line set status = 'met' where draft_id like 'ALDER%'", "the lines of its draft ALDER"),
        ("update ledger.draft_line set credit_amount = 0 where draft_id like 'ALDER%'", "the lines of its draft ALDER"),
        ("update ledger.draft_trace set output = '9' where draft_id like 'ALDER%'", "the trace of its draft ALDER"),
        ("delete from ledger.draft_trace where draft_id like 'ALDER%'", "the trace of its draft ALDER"),
        ("update ledger.decision set decided_by = 'x' where draft_id like 'ALDER%'", "the decisions of its draft"),
        ("delete from ledger.decision where draft_id like 'ALDER%'", "the decisions of its draft"),
        ("update ledger.draft_file set path = 'b' where draft_id like 'ALDER%'", "the files of its draft ALDER"),
        ("delete from ledger.draft_file where draft_id like 'ALDER%'", "the files of its draft ALDER"),
        ("update ledger.draft_ticket set cycle = 2 where draft_id like 'ALDER%'", "the evidence of its draft ALDER"),
    ],
)  # fmt: skip
def test_tampering_by_a_table_owner_without_triggers_shows(warehouse: Engine, statement: str, fault: str) -> None:
    posted(warehouse)
    posted(warehouse, content("brisa"))
    with warehouse.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"alter table ledger.{table} disable trigger all"))
        connection.execute(text(statement))
    with warehouse.connect() as connection:
        found = ledger.verify(connection)
    assert not found.is_whole
    assert any(fault in each for each in found.faults)
    assert not any("BRISA" in each for each in found.faults)


def test_a_ledger_whose_end_was_cut_off_lacks_the_noted_hash(warehouse: Engine) -> None:
    posted(warehouse)
    posted(warehouse, content("brisa"))
    with warehouse.connect() as connection:
        head = ledger.verify(connection).head_sha256
    with warehouse.begin() as connection:
        for table in ("entry", "posting", "posted_ticket"):
            connection.execute(text(f"alter table ledger.{table} disable trigger append_only"))
        connection.execute(text("delete from ledger.entry where contract = 'brisa'"))
        connection.execute(text("delete from ledger.posted_ticket where statement_number = 'BRISA-2026-03'"))
        connection.execute(text("delete from ledger.posting where contract = 'brisa'"))
    with warehouse.connect() as connection:
        assert ledger.verify(connection).faults == ()
        assert ledger.verify(connection, expected_head=head).faults == (f"the chain no longer contains {head}",)


ROUNDED = {
    **content().lines[0],
    "line_no": 2,
    "term": "rounding",
    "status": "rounding",
    "credit_amount": Decimal("0.01"),
}


def test_lines_sum_to_the_statement_and_totals_stay_in_their_currency(warehouse: Engine) -> None:
    posted(warehouse)
    posted(warehouse, content("brisa", currency="USD"))
    posted(warehouse, content("cedro", credit_amount=Decimal("50.01"), lines=[*content().lines, ROUNDED]))
    with warehouse.connect() as connection:
        amounts = connection.execute(
            text("select contract, line, amount from ledger.entry where kind = 'line' order by entry_no")
        ).all()
        totals = connection.execute(
            text("select currency, credit_amount from ledger.posted_total order by currency")
        ).all()
    assert [tuple(row) for row in amounts] == [
        ("alder", "late", Decimal("50.00")),
        ("brisa", "late", Decimal("50.00")),
        ("cedro", "late", Decimal("50.00")),
        ("cedro", "rounding", Decimal("0.01")),
    ]
    assert [tuple(row) for row in totals] == [("EUR", Decimal("100.01")), ("USD", Decimal("50.00"))]


def test_recompute_gives_the_posted_cents_from_the_frozen_evidence_alone(warehouse: Engine) -> None:
    number = posted(warehouse)["statement_number"]
    with warehouse.connect() as connection:
        again = ledger.recompute(connection, number)
    assert (again.posted_amount, again.recomputed_amount, again.differences) == (Decimal("50.00"), Decimal("50.00"), ())
    with warehouse.connect() as connection, pytest.raises(LedgerError, match="no statement 'NOBODY-2026-03'"):
        ledger.recompute(connection, "NOBODY-2026-03")


def test_recompute_reports_what_does_not_add_up(warehouse: Engine) -> None:
    line = {**content().lines[0], "credit_amount": Decimal("49.00")}
    made = content(met=8, credit_amount=Decimal("49.00"), lines=[line, {**ROUNDED, "credit_amount": Decimal(0)}])
    number = posted(warehouse, made)["statement_number"]
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.posted_ticket disable trigger all"))
        connection.execute(text("update ledger.posted_ticket set is_numerator = false where ticket_id = 'T1'"))
    with warehouse.connect() as connection:
        again = ledger.recompute(connection, number)
    assert again.differences == (
        "resolution: the tickets give num 7, den 10, the statement says num 8, den 10",
        "resolution: ticket T1: on the wrong side of the share",
        "line late: breach 49.00 does not follow from the terms",
        "line rounding: rounding 0 does not follow from the terms",
        "line late: the terms give breach 50.00",
        "the tickets and terms give 50.00, 49.00 was posted",
    )


def test_a_dispute_of_an_earlier_draft_is_proved_too(warehouse: Engine) -> None:
    decide(warehouse, draft(warehouse).draft_id, "dispute", comment="The outage was ours.", user="fatima")
    posted(warehouse)
    with warehouse.begin() as connection:
        assert ledger.verify(connection).faults == ()
        connection.execute(text("alter table ledger.decision disable trigger all"))
        connection.execute(text("update ledger.decision set comment = 'ok' where decision = 'dispute'"))
    with warehouse.connect() as connection:
        (fault,) = ledger.verify(connection).faults
    assert fault == "statement ALDER-2026-03: the decisions of its draft ALDER-2026-03-D2: not what was booked"


def test_a_later_column_changes_no_booked_hash(warehouse: Engine) -> None:
    posted(warehouse)
    with warehouse.begin() as connection:
        for table in TABLES:
            connection.execute(text(f"alter table ledger.{table} add column note text default 'new'"))
    with warehouse.connect() as connection:
        assert ledger.verify(connection).faults == ()
