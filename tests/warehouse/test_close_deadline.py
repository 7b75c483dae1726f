"""Deadlines of a review: what the contract says happens then, and nothing before; "now" is passed in."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import LedgerError, WarehouseError
from deskledger.settings import settings
from deskledger.steps import close, due_months, overdue, report, requests, review

from tests.warehouse.close_desk import (
    CONTRACT,
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    month,
    sign,
)

# NOW is Monday 6 April 2026, 10:00 in Madrid, Easter Monday, which this calendar does not know: five business days end
# on Monday the 13th at 10:00 in Madrid.
DUE = datetime(2026, 4, 13, 8, tzinfo=UTC)
CALENDAR = """    calendars:
      office: {timezone: Europe/Madrid, weekly: {mon-fri: [["09:00", "17:00"]]}}
"""


def reviewed(home: Path, terms: str) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8").replace("    calendars:\n", CALENDAR)
    path.write_text(words.replace("versions:\n", f"review: {terms}\nversions:\n"), encoding="utf-8")
    sign(home)


def drafted(engine: Engine) -> str:
    month(engine, "2026-01", 8)
    return str(close.draft(KEY, now=NOW)["draft_id"])


def told() -> list[dict[str, Any]]:
    files = sorted((settings().state / "outbox").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"].startswith("review_")]


@pytest.mark.parametrize(
    ("terms", "due_at"),
    [
        ("{within: 5 business days, calendar: office, then: remind}", DUE),
        ("{within: 5 days, then: remind}", datetime(2026, 4, 11, 8, tzinfo=UTC)),
        ("{within: 36h, then: remind}", datetime(2026, 4, 7, 20, tzinfo=UTC)),
    ],
)
def test_a_reminder_goes_out_at_the_deadline_and_once_a_day_after_it(
    warehouse: Engine, home: Path, terms: str, due_at: datetime
) -> None:
    reviewed(home, terms)
    draft_id = drafted(warehouse)
    assert overdue.overdue(due_at - timedelta(microseconds=1)) == []
    assert overdue.overdue(due_at) == [draft_id]
    assert overdue.overdue(due_at + timedelta(hours=23)) == []
    assert overdue.overdue(due_at + timedelta(days=1)) == [draft_id]
    assert [each["event"] for each in told()] == ["review_remind", "review_remind"]
    assert "still waits for a decision" in told()[0]["body"]
    with pytest.raises(LedgerError, match="in review"):  # reminded is not approved
        close.post(draft_id, at=due_at)


def test_it_is_escalated_to_whom_the_contract_names(warehouse: Engine, home: Path) -> None:
    reviewed(home, "{within: 5 days, then: escalate, to: diana.director}")
    draft_id = drafted(warehouse)
    assert overdue.overdue(DUE) == [draft_id]
    (message,) = told()
    assert message["event"] == "review_escalate"
    assert "Escalated to diana.director." in message["body"]
    with warehouse.connect() as connection:
        kept = connection.execute(text("select action, message from ledger.reminder")).one()
    assert tuple(kept) == ("escalate", message["body"])


@pytest.mark.parametrize("terms", [None, "{within: 5 days, then: nothing}"])
def test_without_a_stated_behaviour_nothing_happens(warehouse: Engine, home: Path, terms: str | None) -> None:
    if terms is not None:
        reviewed(home, terms)
    drafted(warehouse)
    assert overdue.overdue(DUE + timedelta(days=400)) == []
    assert told() == []


def test_a_decided_draft_is_overdue_no_more(warehouse: Engine, home: Path) -> None:
    reviewed(home, "{within: 5 days, then: remind}")
    close.decide(drafted(warehouse), "approve", comment="", user="felix", at=NOW)
    assert overdue.overdue(DUE) == []


def test_a_clause_deems_approved_what_nobody_decided_and_says_so(warehouse: Engine, home: Path) -> None:
    reviewed(home, '{within: 5 business days, calendar: office, then: deemed_approved, clause: "12.4"}')
    draft_id = drafted(warehouse)
    assert review.outcome(draft_id) is None
    assert overdue.overdue(DUE - timedelta(microseconds=1)) == []
    assert overdue.overdue(DUE) == [draft_id]
    assert overdue.overdue(DUE + timedelta(days=9)) == []
    assert review.outcome(draft_id) == "approve"
    nobody = {"chosen_options": [], "params_input": {}, "responded_by_user": None, "responded_at": None}
    assert review.record_answer(draft_id, nobody) == "approve"  # the run that waited goes on to post it
    close.post(draft_id, at=DUE)
    page = Path(report.render(draft_id, now=DUE)["page"]).read_text(encoding="utf-8")
    assert "Draft 1: deemed approved by clause 12.4" in page
    assert "<dt>Approved by</dt><dd>clause 12.4, " in page
    with warehouse.connect() as connection:
        posted = connection.execute(text("select approved_by, approval_comment from ledger.posting")).one()
    assert posted.approved_by == "clause 12.4"
    assert "Nobody decided by 2026-04-13T08:00:00+00:00" in posted.approval_comment


def test_no_clause_approves_what_takes_two_persons(warehouse: Engine, home: Path) -> None:
    """The draft comes to 400.00: with `second_above: 400.00` one person is enough, and so is the clause."""
    reviewed(home, '{within: 5 days, then: deemed_approved, clause: "12.4", second_above: 399.99}')
    draft_id = drafted(warehouse)
    assert "after that a reminder goes out once a day" in report.review_text(draft_id, NOW)["body"]
    assert overdue.overdue(DUE) == [draft_id]
    assert overdue.overdue(DUE + timedelta(hours=23)) == []
    assert review.outcome(draft_id) is None
    (line,) = told()
    assert line["event"] == "review_remind"
    assert "Two persons approve such an amount: clause 12.4 does not deem it approved." in line["body"]
    with pytest.raises(LedgerError, match="two persons approve such an amount, and no clause instead of them"):
        close.deem_approved(draft_id, at=DUE)


def test_a_clause_approves_what_takes_one_person(warehouse: Engine, home: Path) -> None:
    reviewed(home, '{within: 5 days, then: deemed_approved, clause: "12.4", second_above: 400.00}')
    draft_id = drafted(warehouse)
    assert overdue.overdue(DUE) == [draft_id]
    assert review.outcome(draft_id) == "approve"


def test_a_stale_draft_is_never_deemed_approved(warehouse: Engine, home: Path) -> None:
    reviewed(home, '{within: 5 days, then: deemed_approved, clause: "12.4"}')
    draft_id = drafted(warehouse)
    load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=DUE)
    assert overdue.overdue(DUE) == []
    assert review.outcome(draft_id) is None


def test_what_stops_one_review_stops_no_other_and_is_told(warehouse: Engine, home: Path) -> None:
    """Alder's draft went stale and cannot be made anew; Brisa's deadline is kept all the same."""
    for name in ("alder", "brisa"):
        words = CONTRACT.format(name=name, account=name, zone="Europe/Madrid")
        terms = 'review: {within: 5 days, then: deemed_approved, clause: "12.4"}\nversions:\n'
        (home / "contracts" / f"{name}.yaml").write_text(words.replace("versions:\n", terms), encoding="utf-8")
        sign(home, name)
    charge(warehouse, "brisa", "2026-01")
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-01", 10, prefix="B", account="brisa")
    alder, brisa = (close.draft(f"{name}|2026-01", now=NOW)["draft_id"] for name in ("alder", "brisa"))
    charge(warehouse, "alder", "2026-01", approved_by=None)
    with pytest.raises(LedgerError, match=f"not carried out for {alder}"):
        overdue.overdue(DUE)
    assert (review.outcome(alder), review.outcome(brisa)) == (None, "approve")
    assert [each["event"] for each in told()] == ["review_stopped", "review_deemed_approved"]
    assert alder in told()[0]["subject"]
    assert "no_base" in told()[0]["body"]


def test_a_warehouse_that_fails_stops_all_at_once(warehouse: Engine, home: Path) -> None:
    reviewed(home, '{within: 5 days, then: deemed_approved, clause: "12.4"}')
    drafted(warehouse)
    charge(warehouse, "alder", "2026-01", invoice_number="A-2")  # so that it has to look at the data again
    with warehouse.begin() as connection:
        connection.execute(text("alter table core.ticket drop column region"))
    with pytest.raises(WarehouseError, match="region does not exist"):
        overdue.overdue(DUE)
    assert told() == []


def test_an_answer_of_nobody_decides_nothing(warehouse: Engine) -> None:
    draft_id = drafted(warehouse)
    with pytest.raises(LedgerError, match="names nobody"):
        review.record_answer(draft_id, {"chosen_options": ["Approve"], "responded_by_user": None})


def test_the_review_of_a_replaced_draft_is_over(warehouse: Engine) -> None:
    draft_id = drafted(warehouse)
    load(
        warehouse,
        {"id": "LATE", "created": "2026-01-20T08:00:00Z", "resolved": "2026-01-22T08:00:00Z"},
        landed_at=DUE,
    )
    second = close.draft(KEY, now=DUE + timedelta(minutes=1))["draft_id"]
    assert (review.outcome(draft_id), review.outcome(second)) == ("superseded", None)


def test_a_ruling_names_its_month_for_a_new_draft_once(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    reasons = '    exclusions:\n      storm: {clause: "9.2", title: Storm, effect: removed}\n    penalties:\n'
    path.write_text(path.read_text(encoding="utf-8").replace("    penalties:\n", reasons), encoding="utf-8")
    sign(home)
    drafted(warehouse)
    asked = requests.Asked(KEY, "rosa", explanation="storm", evidence="photo")
    made = requests.exclude(asked, "storm", NOW, tickets=["T2026-01-9"])
    assert overdue.changed_by_request(NOW) == []
    later = NOW + timedelta(hours=1)
    requests.rule_on(made["request_id"], "approve", "", "fatima", later)
    assert overdue.changed_by_request(later) == [KEY]
    close.draft(KEY, now=later + timedelta(minutes=1))
    assert overdue.changed_by_request(later + timedelta(hours=1)) == []


def test_a_ruling_about_a_posted_month_starts_no_close_of_the_month_in_review(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    reasons = '    exclusions:\n      storm: {clause: "9.2", title: Storm, effect: removed}\n    penalties:\n'
    path.write_text(path.read_text(encoding="utf-8").replace("    penalties:\n", reasons), encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 10)
    close_month("2026-01")
    close.draft("alder|2026-02", now=NOW)
    asked = requests.Asked(KEY, "rosa", explanation="storm", evidence="photo")
    made = requests.exclude(asked, "storm", NOW, tickets=["T2026-01-9"])
    requests.rule_on(made["request_id"], "approve", "", "fatima", DUE)
    assert due_months.due(DUE) == ["alder|2026-02"]  # looked at with the next load
    assert overdue.changed_by_request(DUE) == []


def test_a_request_that_was_taken_back_names_its_month_once(warehouse: Engine, home: Path) -> None:
    drafted(warehouse)
    asked = requests.Asked(KEY, "rosa", explanation="goodwill", evidence="mail")
    made = requests.waive_credit(asked, "late", NOW)
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    close.draft(KEY, now=NOW)
    requests.rule_on(made["request_id"], "revoke", "No mail.", "fatima", NOW)
    assert overdue.changed_by_request(NOW) == [KEY]
    close.draft(KEY, now=NOW)
    assert overdue.changed_by_request(NOW) == []


def test_the_review_says_who_may_approve_by_when_and_what_happens_then(warehouse: Engine, home: Path) -> None:
    reviewed(
        home,
        "{within: 5 business days, calendar: office, then: escalate, to: diana, "
        "authority: [{approvers: [felix, fatima], up_to: 400.00}, {approvers: diana}]}",
    )
    draft_id = drafted(warehouse)  # 400.00
    body = close.review_text(draft_id)["body"]
    assert "may be approved by diana, fatima, felix. To be decided by" in body
    assert "after that it is escalated to diana." in body
    with pytest.raises(LedgerError, match=r"oscar has no authority over 400\.00 EUR"):
        close.decide(draft_id, "approve", comment="", user="oscar", at=NOW)
    assert close.decide(draft_id, "approve", comment="", user="felix", at=NOW)["decided_by"] == "felix"


@pytest.mark.parametrize(("imported_by", "is_allowed"), [("Felix", False), ("ines", True)])
def test_who_imports_a_charge_after_the_draft_cannot_approve_and_the_change_is_logged(
    warehouse: Engine, imported_by: str, is_allowed: bool
) -> None:
    draft_id = drafted(warehouse)
    charge(warehouse, "alder", "2026-01", imported_by=imported_by, invoice_number="A-2")
    with pytest.raises(LedgerError, match="stale"):
        close.decide(draft_id, "approve", comment="", user="felix", at=DUE)
    second = close.draft(KEY, now=DUE)["draft_id"]
    if is_allowed:
        close.decide(second, "approve", comment="", user="felix", at=DUE)
    else:
        with pytest.raises(LedgerError, match="felix prepared this draft"):
            close.decide(second, "approve", comment="", user="felix", at=DUE)
    with warehouse.connect() as connection:
        changes = connection.execute(
            text(
                "select before ->> 'invoice_number', after ->> 'invoice_number', after ->> 'imported_by' "
                "from ledger.charge_change where period = '2026-01' order by change_no"
            )
        ).all()
    assert [tuple(row) for row in changes] == [(None, "A-1", "ines"), ("A-1", "A-2", imported_by)]
