"""Four eyes by SQL: what Deskledger refuses, the ledger's tables refuse to every role, the superuser included."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger

from tests.warehouse.ledger_content import content, decide, draft, posted, rows, sign

AT = datetime(2026, 4, 6, 9, tzinfo=UTC)
ROLES = ("finance", "superuser", "replica")
PARTS = ("draft_level", "draft_line", "draft_trace", "draft_ticket", "draft_file")
POSTING = """
insert into ledger.posting (
    statement_number, contract, period, draft_id, currency, credit_amount, approved_by, approved_at, approval_comment,
    preparers, version, contract_sha256, inputs_sha256, evidence_sha256, terms, assessment, charges, control, csat,
    code_version, posted_at
)
select
    draft.statement_number, draft.contract, draft.period, draft.draft_id, draft.currency, {credit}, {approver},
    coalesce(decision.decided_at, now()), coalesce(decision.comment, ''), draft.preparers, draft.version,
    draft.contract_sha256, draft.inputs_sha256, draft.evidence_sha256, {terms}, draft.assessment, draft.charges,
    draft.control, draft.csat, draft.code_version, now()
from ledger.draft
left join ledger.decision on draft.draft_id = decision.draft_id
where draft.draft_id = :draft_id
"""


def write(engine: Engine, role: str, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        if role == "replica":
            connection.execute(text("set local session_replication_role = replica"))
        elif role != "superuser":
            connection.execute(text(f"set local role {role}"))
        connection.execute(text(statement), values)


def decide_by_sql(engine: Engine, role: str, draft_id: str, who: str, decision: str = "approve") -> None:
    statement = "insert into ledger.decision values (:draft_id, :decision, 'by hand', :who, :at)"
    write(engine, role, statement, draft_id=draft_id, decision=decision, who=who, at=AT)


def post_by_sql(engine: Engine, role: str, draft_id: str, **changes: str) -> None:
    told = {"credit": "draft.credit_amount", "approver": "coalesce(decision.decided_by, 'x')", "terms": "draft.terms"}
    write(engine, role, POSTING.format(**{**told, **changes}), draft_id=draft_id)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("who", ["Ada", "ada", " INES\t"])
def test_a_preparer_cannot_approve_by_sql(warehouse: Engine, role: str, who: str) -> None:
    draft_id = draft(warehouse).draft_id
    with pytest.raises(DatabaseError, match="prepared it and cannot approve it"):
        decide_by_sql(warehouse, role, draft_id, who)
    assert rows(warehouse, "decision") == 0
    decide_by_sql(warehouse, role, draft_id, who, "dispute")
    assert rows(warehouse, "decision") == 1


def test_a_second_person_may_decide_by_sql_and_the_posting_takes_it(warehouse: Engine) -> None:
    draft_id = draft(warehouse).draft_id
    decide_by_sql(warehouse, "finance", draft_id, "felix")
    post_by_sql(warehouse, "finance", draft_id)
    assert rows(warehouse, "posting") == 1


def test_nobody_and_no_draft_are_refused(warehouse: Engine) -> None:
    draft_id = draft(warehouse).draft_id
    with pytest.raises(DatabaseError, match="names nobody"):
        decide_by_sql(warehouse, "finance", draft_id, " \t")
    with pytest.raises(DatabaseError, match="there is no such draft"):
        decide_by_sql(warehouse, "finance", "NOBODY-2026-03-D1", "felix")


def test_a_superseded_draft_and_a_posted_month_take_no_decision_by_sql(warehouse: Engine) -> None:
    first = draft(warehouse).draft_id
    second = draft(warehouse, content(met=7)).draft_id
    with pytest.raises(DatabaseError, match="it is superseded"):
        decide_by_sql(warehouse, "finance", first, "felix")
    decide(warehouse, second)
    post_by_sql(warehouse, "finance", second)
    with pytest.raises(DatabaseError, match="its month is posted"):
        decide_by_sql(warehouse, "finance", first, "felix")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("decision", [None, "dispute"])
def test_a_draft_that_is_not_approved_is_not_posted_by_sql(warehouse: Engine, role: str, decision: str | None) -> None:
    draft_id = draft(warehouse).draft_id
    if decision is not None:
        decide(warehouse, draft_id, decision, comment="no")
    with pytest.raises(DatabaseError, match="it is not approved"):
        post_by_sql(warehouse, role, draft_id)
    assert rows(warehouse, "posting") == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"credit": "draft.credit_amount + 0.01"}, "credit_amount"),
        ({"approver": "'fatima'"}, "approved_by"),
        ({"terms": """'{"number": 2}'::jsonb"""}, "terms"),
    ],
)
def test_a_posting_by_sql_is_what_was_approved_or_nothing(
    warehouse: Engine, role: str, changes: dict[str, str], fault: str
) -> None:
    draft_id = draft(warehouse).draft_id
    decide(warehouse, draft_id)
    with pytest.raises(DatabaseError, match=f"not what was drafted and approved: {fault}"):
        post_by_sql(warehouse, role, draft_id, **changes)
    assert rows(warehouse, "posting") == 0


def test_an_approved_draft_that_was_superseded_or_is_incomplete_is_not_posted_by_sql(warehouse: Engine) -> None:
    first = draft(warehouse).draft_id
    decide(warehouse, first)
    draft(warehouse, content(met=7))
    with pytest.raises(DatabaseError, match="it is superseded"):
        post_by_sql(warehouse, "finance", first)
    lacking = draft(warehouse, content("brisa", incomplete_tickets=1)).draft_id
    decide(warehouse, lacking)
    with pytest.raises(DatabaseError, match="rests on incomplete tickets"):
        post_by_sql(warehouse, "finance", lacking)


MORE_ROWS = (
    "insert into ledger.draft_line select draft_id, 2, term, service_level, status, clause, version, "
    "effective_from, operator, target, value, band_edge, detail, credit_amount from ledger.draft_line",
    "insert into ledger.draft_trace select draft_id, 2, line, step, input, output, clause from ledger.draft_trace",
    'insert into ledger.draft_level select (jsonb_populate_record(level, \'{"ordinal": 2, "service_level": "x"}\')).* '
    "from ledger.draft_level as level",
    "insert into ledger.draft_ticket (draft_id, evidence_no, service_level, fate, is_numerator, is_denominator, "
    "ticket_key) select draft_id, 11, service_level, fate, true, true, 11 from ledger.draft_ticket limit 1",
    "insert into ledger.draft_file select draft_id, 'segment', path, sha256, 1 from ledger.draft_file",
)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", MORE_ROWS)
def test_a_draft_takes_no_row_once_it_is_written(warehouse: Engine, role: str, statement: str) -> None:
    """Nothing can come between the page that a person reads and what their decision approves."""
    draft(warehouse)
    before = [rows(warehouse, table) for table in PARTS]
    with pytest.raises(DatabaseError, match="its draft is written already"):
        write(warehouse, role, statement)
    assert [rows(warehouse, table) for table in PARTS] == before


@pytest.mark.parametrize("role", ROLES)
def test_a_draft_says_itself_of_no_transaction_but_its_own(warehouse: Engine, role: str) -> None:
    """A draft that was written under the name of a later transaction would take that one's rows."""
    draft(warehouse)
    forged = """
    insert into ledger.draft
    select (jsonb_populate_record(draft, '{"draft_id": "X", "number": 2, "written_in": "later"}')).* from ledger.draft
    """
    write(warehouse, role, forged)
    with warehouse.connect() as connection:
        assert "later" not in connection.execute(text("select written_in from ledger.draft")).scalars().all()


def test_a_draft_that_is_decided_where_it_is_written_takes_no_more_rows(warehouse: Engine) -> None:
    with pytest.raises(DatabaseError, match="its draft is decided already"), warehouse.begin() as connection:
        sign(connection)
        made = ledger.write(connection, content(), at=AT)
        ledger.decide(connection, made.draft_id, "approve", comment="", user="felix", at=AT)
        connection.execute(text(MORE_ROWS[0]))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("credit", ["50.01", "0.00"])
def test_a_total_that_its_lines_do_not_give_is_not_posted(warehouse: Engine, role: str, credit: str) -> None:
    draft_id = draft(warehouse, content(credit_amount=Decimal(credit))).draft_id
    decide(warehouse, draft_id)
    with pytest.raises(DatabaseError, match="its lines do not sum to its credit"):
        post_by_sql(warehouse, role, draft_id)
    assert rows(warehouse, "posting") == 0


def test_what_deskledger_itself_writes_passes_as_role_finance(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("set local role finance"))
        sign(connection)
        draft_id = ledger.write(connection, content(), at=AT).draft_id
        ledger.decide(connection, draft_id, "approve", comment="", user="felix", at=AT)
        ledger.post(connection, draft_id, at=AT)
    assert posted(warehouse)["approved_by"] == "felix"
