"""Two approvals above an amount: four eyes for each, one after the other, and the ledger holds every role to it."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger, notify
from deskledger.errors import LedgerError
from deskledger.steps import close, report, review

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)

LATER = NOW + timedelta(hours=1)


def drafted(engine: Engine, home: Path, above: str, authority: str = "") -> str:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    terms = f"review:\n  second_above: {above}\n{authority}versions:\n"
    path.write_text(words.replace("versions:\n", terms), encoding="utf-8")
    sign(home)
    month(engine, "2026-01", 8)
    return str(close.draft(KEY, now=NOW)["draft_id"])  # 400.00


def approve(draft_id: str, user: str) -> dict[str, Any]:
    return close.decide(draft_id, "approve", comment=f"Read by {user}.", user=user, at=NOW)


def state(engine: Engine, draft_id: str) -> str:
    with engine.connect() as connection:
        return str(ledger.draft_state(connection, draft_id)["state"])


def test_exactly_the_amount_takes_one_person(warehouse: Engine, home: Path) -> None:
    draft_id = drafted(warehouse, home, "400.00")
    assert approve(draft_id, "felix")["decision"] == "approve"
    assert close.post(draft_id, at=NOW)["credit"] == "400.00"


def test_a_cent_above_it_takes_two(warehouse: Engine, home: Path) -> None:
    draft_id = drafted(warehouse, home, "399.99")
    for _ in range(2):  # again by the same person: still the first
        assert approve(draft_id, "felix")["decision"] == "first_approval"
    assert state(warehouse, draft_id) == "in_review"
    with pytest.raises(LedgerError, match="only an approved draft"):
        close.post(draft_id, at=NOW)
    page = Path(report.render(draft_id, NOW)["page"]).read_text("utf-8")
    assert "then a second person, not yet" in page
    assert "Two persons approve such an amount" in report.review_text(draft_id, NOW)["body"]
    for _ in range(2):
        assert approve(draft_id, "fatima")["decision"] == "approve"
    assert close.post(draft_id, at=LATER)["credit"] == "400.00"
    page = Path(report.render(draft_id, LATER)["page"]).read_text("utf-8")
    assert "felix, 6 Apr 2026" in page and "then fatima" in page
    with warehouse.connect() as connection:
        decision = connection.execute(text("select first_approved_by, decided_by from ledger.decision")).one()
        told = connection.execute(
            text("select act, changed_by, words from ledger.change_log where act = 'first approval'")
        ).all()
        assert ledger.verify(connection).faults == ()
        assert ledger.recompute(connection, "ALDER-2026-01").differences == ()
    assert tuple(decision) == ("felix", "fatima")
    assert [tuple(row) for row in told] == [("first approval", "felix", "Read by felix.")]


def test_either_person_may_dispute_after_the_first_approval(warehouse: Engine, home: Path) -> None:
    draft_id = drafted(warehouse, home, "100")
    approve(draft_id, "felix")
    close.decide(draft_id, "dispute", comment="T-1 is excused.", user="fatima", at=NOW)
    assert state(warehouse, draft_id) == "disputed"
    again = str(close.draft(KEY, now=LATER)["draft_id"])
    assert approve(again, "fatima")["decision"] == "first_approval"  # of the new draft nobody has approved anything


@pytest.mark.parametrize("who", ["ada", "INES"])
def test_who_prepared_it_is_neither_the_first_nor_the_second(warehouse: Engine, home: Path, who: str) -> None:
    draft_id = drafted(warehouse, home, "100")
    with pytest.raises(LedgerError, match="prepared"):
        approve(draft_id, who)
    approve(draft_id, "felix")
    with pytest.raises(LedgerError, match="prepared"):
        approve(draft_id, who)
    assert state(warehouse, draft_id) == "in_review"


def test_both_need_the_authority_for_the_amount(warehouse: Engine, home: Path) -> None:
    authority = "  authority: [{approvers: [felix], up_to: 399.99}, {approvers: [diana, dora]}]\n"
    draft_id = drafted(warehouse, home, "100", authority)
    with pytest.raises(LedgerError, match="felix has no authority over"):
        approve(draft_id, "felix")
    approve(draft_id, "diana")
    with pytest.raises(LedgerError, match="felix has no authority over"):
        approve(draft_id, "felix")
    assert approve(draft_id, "dora")["decision"] == "approve"


ROW = """
insert into ledger.{table} (draft_id, decision, comment, decided_by, decided_at)
values (:d, 'approve', '', :who, now())
"""


@pytest.mark.parametrize("role", ["finance", "superuser"])
def test_the_rules_bind_by_sql(warehouse: Engine, home: Path, role: str) -> None:
    draft_id = drafted(warehouse, home, "100")

    def write(table: str, who: str) -> None:
        with warehouse.begin() as connection:
            if role == "finance":
                connection.execute(text("set local role finance"))
            connection.execute(text(ROW.format(table=table)), {"d": draft_id, "who": who})

    with pytest.raises(DatabaseError, match="two persons approve such an amount"):
        write("decision", "felix")
    with pytest.raises(DatabaseError, match="ada prepared it and cannot approve it"):
        write("first_approval", "ada")
    write("first_approval", "felix")
    with pytest.raises(DatabaseError, match="two persons approve such an amount"):
        write("decision", " Felix\t")
    with pytest.raises(DatabaseError, match="append-only"), warehouse.begin() as connection:
        connection.execute(text("update ledger.first_approval set decided_by = 'x'"))
    write("decision", "fatima")
    assert state(warehouse, draft_id) == "approved"


def test_the_human_task_records_the_first_answer_and_asks_again(warehouse: Engine, home: Path) -> None:
    draft_id = drafted(warehouse, home, "100")

    def answer(who: str, option: str = "Approve") -> dict[str, Any]:
        return {
            "chosen_options": [option],
            "params_input": {"comment": "seen"},
            "responded_at": NOW,
            "responded_by_user": {"id": who, "name": who},
        }

    assert not review.is_first_of_two(draft_id, answer("felix", "Dispute"))
    assert review.is_first_of_two(draft_id, answer("felix"))
    assert review.outcome(draft_id) is None
    assert not review.is_first_of_two(draft_id, answer("fatima"))
    assert review.record_answer(draft_id, answer("fatima")) == "approve"  # what the next task does with that answer


def test_who_prepares_after_the_first_approval_no_longer_stands_as_the_first(warehouse: Engine, home: Path) -> None:
    """February corrects January. Fatima approves it first, and then imports January's charge anew."""
    drafted(warehouse, home, "1.00")
    for who in ("fatima", "felix"):
        approve("ALDER-2026-01-D1", who)
    close.post("ALDER-2026-01-D1", at=NOW)
    month(warehouse, "2026-02", 8)
    month(warehouse, "2026-01", 10, landed_at=LATER)
    draft_id = str(close.draft("alder|2026-02", now=LATER)["draft_id"])
    approve(draft_id, "fatima")
    charge(warehouse, "alder", "2026-01", imported_by="Fatima ", amount=Decimal("20000.00"), landed_at=LATER)

    fault = "imported a charge of this month, or of one that it corrects, and cannot approve it"
    fallen = f"the first approval no longer stands: fatima {fault}"
    with pytest.raises(DatabaseError, match=fallen), warehouse.begin() as connection:
        connection.execute(text(ROW.format(table="decision")), {"d": draft_id, "who": "felix"})
    assert approve(draft_id, "felix")["decision"] == "first_approval"
    assert f"fatima {fault}. The approval of felix is the first now" in "".join(
        json.loads(path.read_text("utf-8"))["body"] for path in notify.outbox().iterdir()
    )
    with pytest.raises(LedgerError, match=f"fatima {fault}"):
        approve(draft_id, "fatima")
    assert state(warehouse, draft_id) == "in_review"
    assert approve(draft_id, "diana")["decision"] == "approve"
    assert close.post(draft_id, at=LATER)["is_new"]
    page = Path(report.render(draft_id, LATER)["page"]).read_text("utf-8")
    assert "felix, 6 Apr 2026" in page and "then diana" in page
    with warehouse.connect() as connection:
        firsts = connection.execute(text("select first_approved_by from ledger.decision order by draft_id")).scalars()
        assert firsts.all() == ["fatima", "felix"]
        assert ledger.verify(connection).faults == ()


def test_the_page_says_that_the_first_approval_fell(warehouse: Engine, home: Path) -> None:
    draft_id = drafted(warehouse, home, "100")
    approve(draft_id, "fatima")
    charge(warehouse, "alder", "2026-01", imported_by="fatima", landed_at=NOW)
    page = Path(report.render(draft_id, NOW)["page"]).read_text("utf-8")
    assert "no longer stands: fatima imported a charge" in page
