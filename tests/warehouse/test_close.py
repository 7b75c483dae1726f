"""Closing months on a real PostgreSQL: from canonical rows to posted statements, and everything that stands between."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import close, due_months, report, review

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    complete_until,
    levels,
    load,
    month,
    sign,
    write_contract,
)


@pytest.mark.parametrize(("met", "credit", "status"), [(9, "0.00", "met"), (8, "400.00", "breached")])
def test_a_month_from_tickets_to_a_posted_statement(warehouse: Engine, met: int, credit: str, status: str) -> None:
    month(warehouse, "2026-01", met)
    assert due_months.due(now=NOW) == [KEY]
    made = close.draft(KEY, now=NOW)
    assert made == {
        "draft_id": "ALDER-2026-01-D1", "status": "drafted", "state": "in_review", "credit": credit, "currency": "EUR",
    }  # fmt: skip
    assert levels(warehouse, made["draft_id"]) == {
        "resolution": (str(met), "10", status),
        "csat_poor": ("0", "0", "no_data"),
    }
    assert due_months.due(now=NOW) == []
    assert close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)["decided_by"] == "felix"
    done = close.post(made["draft_id"], at=NOW)
    assert (done["statement_number"], done["credit"], done["is_new"]) == ("ALDER-2026-01", credit, True)
    assert close.post(made["draft_id"], at=NOW)["is_new"] is False
    assert close.draft(KEY, now=NOW)["status"] == "posted"
    with warehouse.connect() as connection:
        assert ledger.verify(connection).is_whole
        assert ledger.recompute(connection, "ALDER-2026-01").agrees
    json.dumps([made, done])  # what a task returns is plain


@pytest.mark.parametrize(
    ("complete", "now", "is_due"),
    [
        ("2026-02-05T22:59:59.999999Z", NOW, False),
        ("2026-02-05T23:00:00Z", NOW, True),  # five days after January ended in Madrid
        ("2026-04-06T00:00:00Z", datetime(2026, 2, 5, 22, 59, tzinfo=UTC), False),
    ],
)
def test_a_month_is_due_when_its_sources_are_complete(
    warehouse: Engine, complete: str, now: datetime, is_due: bool
) -> None:
    month(warehouse, "2026-01", 9)
    complete_until(warehouse, complete)
    assert due_months.due(now=now) == ([KEY] if is_due else [])
    if not is_due:
        with pytest.raises(StatementError, match="too early"):
            close.draft(KEY, now=now)


def test_months_are_closed_in_order_and_a_repeated_failure_costs_more(warehouse: Engine) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
    with pytest.raises(StatementError, match="2026-01 is not posted yet"):
        close.draft("alder|2026-02", now=NOW)
    assert close_month("2026-01")["credit"] == "400.00"
    assert due_months.due(now=NOW) == ["alder|2026-02"]
    made = close.draft("alder|2026-02", now=NOW)
    assert made["credit"] == "500.00"  # 4 % x 1.5 is 600.00, and no month costs more than 5 %
    with warehouse.connect() as connection:
        stored = ledger.read(connection, made["draft_id"])
    assert [(line["term"], line["status"], line["credit_amount"]) for line in stored.lines] == [
        ("late", "breach", Decimal("600.00")),
        ("unhappy", "no_data", Decimal("0.00")),
        ("month", "cap", Decimal("-100.00")),
    ]
    assert stored.levels[0]["failed_run"] == 2
    assert {line["clause"] for line in stored.lines} == {"7.1", "7.2", "7.9"}


def test_a_draft_that_still_holds_is_not_made_twice_and_a_retry_may_go_on(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW, run_id="run-1")
    later = NOW + timedelta(hours=1)
    month(warehouse, "2026-03", 8, landed_at=later)  # something new, but nothing for January
    assert due_months.due(now=later) == [KEY]
    assert close.draft(KEY, now=later, run_id="run-2") == {**first, "status": "current"}
    assert close.draft(KEY, now=later, run_id="run-1") == first
    assert close.draft(KEY, now=later, run_id="run-3", is_by_hand=True) == first  # run-1 may have died before it asked
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=later)
    approved = {**first, "state": "approved"}
    assert close.draft(KEY, now=later, run_id="run-2") == {**approved, "status": "current"}
    # or before it posted: what is decided already is posted, and nobody is asked again
    assert close.draft(KEY, now=later, run_id="run-4", is_by_hand=True) == approved
    assert close.draft(KEY, now=later, run_id="run-1") == approved
    assert review.record_answer(first["draft_id"], {"chosen_options": [], "responded_by_user": None}) == "approve"
    assert close.post(first["draft_id"], at=later)["is_new"]
    assert close.draft(KEY, now=later, run_id="run-4", is_by_hand=True)["status"] == "posted"


def test_an_approved_draft_whose_run_is_gone_is_due_again_and_posted(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW, run_id="run-1")
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)  # and the run is killed
    left = NOW + timedelta(hours=1)
    for now, keys, status in ((left - timedelta(microseconds=1), [], "current"), (left, [KEY], "drafted")):
        assert due_months.due(now=now) == keys
        assert close.draft(KEY, now=now, run_id="run-2")["status"] == status
    assert close.post(first["draft_id"], at=left)["is_new"]
    assert due_months.due(now=left) == ["alder|2026-02"]
    assert close.draft(KEY, now=left, run_id="run-2")["status"] == "posted"


def test_late_data_make_the_draft_stale_and_a_new_draft_voids_the_approval(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    late = NOW + timedelta(hours=1)
    load(
        warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z", "resolved": "2026-01-22T08:00:00Z"}, landed_at=late
    )
    after = late + timedelta(minutes=1)
    with pytest.raises(LedgerError, match="it is stale"):
        close.post(first["draft_id"], at=after)
    assert due_months.due(now=after) == [KEY]
    second = close.draft(KEY, now=after)
    assert (second["draft_id"], second["status"]) == ("ALDER-2026-01-D2", "drafted")
    assert levels(warehouse, second["draft_id"])["resolution"] == ("8", "11", "breached")
    with pytest.raises(LedgerError, match="superseded"):
        close.post(first["draft_id"], at=after)
    close.decide(second["draft_id"], "approve", comment="", user="felix", at=after)
    assert close.post(second["draft_id"], at=after)["draft_id"] == "ALDER-2026-01-D2"


def test_a_load_that_began_before_the_draft_and_committed_after_it_makes_it_stale(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    made = close.draft(KEY, now=NOW)
    began = NOW - timedelta(seconds=20)
    load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=began)
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW + timedelta(seconds=1))
    assert due_months.due(now=NOW) == [KEY]


def test_what_lands_after_posting_changes_no_posted_row(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")

    def stored() -> list[Any]:
        with warehouse.connect() as connection:
            return [
                connection.execute(text(f"select {table}::text from ledger.{table} order by 1")).all()  # noqa: S608
                for table in ("posting", "posted_ticket", "entry", "draft", "draft_line")
            ]

    before = stored()
    late = NOW + timedelta(hours=1)
    load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=late)
    charge(warehouse, "alder", "2026-01", landed_at=late, amount=Decimal("1.00"))
    assert close.draft(KEY, now=late)["status"] == "posted"
    assert close.post("ALDER-2026-01-D1", at=late)["credit"] == "400.00"
    assert stored() == before


def test_a_disputed_month_is_drafted_again_and_another_person_approves(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    close.decide(first["draft_id"], "dispute", comment="Ticket 9 was on hold.", user="fatima", at=NOW)
    assert due_months.due(now=NOW) == [KEY]
    second = close.draft(KEY, now=NOW)
    assert (second["draft_id"], second["status"]) == ("ALDER-2026-01-D2", "drafted")
    assert r"draft 1: dispute by fatima" in close.review_text(second["draft_id"])["body"]
    with pytest.raises(LedgerError, match="ada prepared this draft"):
        close.decide(second["draft_id"], "approve", comment="", user="ada", at=NOW)
    with pytest.raises(LedgerError, match="Ines prepared this draft"):
        close.decide(second["draft_id"], "approve", comment="", user="Ines", at=NOW)
    close.decide(second["draft_id"], "approve", comment="Agreed with the bank.", user="felix", at=NOW)
    assert close.post(second["draft_id"], at=NOW)["statement_number"] == "ALDER-2026-01"


@pytest.mark.parametrize(
    ("more", "message"),
    [({"kind": "setup_fee"}, "no charge of kind 'monthly_fee'"), ({"approved_by": None}, "not approved by a second")],
)
def test_without_a_base_the_month_waits_visibly_until_there_is_one(
    warehouse: Engine, more: dict[str, Any], message: str
) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("delete from core.charge"))
    charge(warehouse, "alder", "2026-01", **more)
    month(warehouse, "2026-01", 8)
    with pytest.raises(StatementError, match=message) as caught:
        close.draft(KEY, now=NOW)
    assert caught.value.where == "contract alder, period 2026-01"
    report.refresh_marts()
    with warehouse.connect() as connection:
        told = connection.execute(text("select state, draft_id, message from mart.statement_month")).one()
    assert (told.state, told.draft_id) == ("no_base", None)
    assert "monthly_fee" in told.message
    assert due_months.due(now=NOW) == []  # asking again without a new charge would only fail again
    later = NOW + timedelta(hours=1)
    charge(warehouse, "alder", "2026-01", landed_at=later)
    assert due_months.due(now=later) == [KEY]
    assert close.draft(KEY, now=later)["credit"] == "400.00"


@pytest.mark.parametrize(
    ("resolved", "period"),
    [("2026-03-31T23:30:00-04:00", "2026-03"), ("2026-04-01T00:00:00-04:00", "2026-04")],
)
def test_trap_1_stopped_on_31_march_at_half_past_eleven_in_new_york_belongs_to_march(
    warehouse: Engine, home: Path, resolved: str, period: str
) -> None:
    """Attributed to the stop, in the contract's zone: in UTC it is already 1 April."""
    (home / "contracts" / "alder.yaml").unlink()
    write_contract(home, "brisa", "brisa", "America/New_York")
    path = home / "contracts" / "brisa.yaml"
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("calendar: always\n", "calendar: always\n        attribution: stopped\n")
        .replace("effective_from: 2026-01-01", "effective_from: 2026-03-01"),
        encoding="utf-8",
    )
    sign(home, "brisa")
    charge(warehouse, "brisa", "2026-03", "2026-04")
    complete_until(warehouse, "2026-05-07T00:00:00Z")
    late = datetime(2026, 5, 7, tzinfo=UTC)
    load(warehouse, {"id": "T1", "created": "2026-03-31T20:00:00-04:00", "resolved": resolved, "account": "brisa"})
    found = {}
    for each in ("2026-03", "2026-04"):
        made = close.draft(f"brisa|{each}", now=late)
        found[each] = levels(warehouse, made["draft_id"])["resolution"][1]
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=late)
        close.post(made["draft_id"], at=late)
    assert found == {"2026-03": "0", "2026-04": "0"} | {period: "1"}


def test_a_month_is_measured_at_its_end_whatever_happened_since(warehouse: Engine) -> None:
    load(
        warehouse,
        {"id": "DUE-BEFORE", "created": "2026-01-31T18:00:00Z", "resolved": "2026-03-01T08:00:00Z"},  # due 22:00Z
        {"id": "DUE-AFTER", "created": "2026-01-31T20:00:00Z", "resolved": "2026-03-01T08:00:00Z"},  # due in February
        {"id": "LATER", "created": "2026-02-10T08:00:00Z"},
    )
    made = close.draft(KEY, now=NOW)
    with warehouse.connect() as connection:
        evidence = ledger.read_evidence(connection, made["draft_id"])
    row = evidence.set_index("ticket_id").loc["DUE-BEFORE"]
    assert list(evidence["ticket_id"]) == ["DUE-BEFORE"]
    assert row["state"] == "breached"
    assert pd.isna(row["stopped_at"])
    assert row["elapsed_us"] == 5 * 3_600_000_000  # to midnight in Madrid, not to March


def test_answers_are_priced_and_their_words_stay_out_of_the_ledger(warehouse: Engine) -> None:
    words = "<img src=x onerror=alert(1)> =cmd|' /C calc'!A0"
    month(warehouse, "2026-01", 10, rated=("2026-01-11T08:00:00Z", 5))
    month(warehouse, "2026-01", 10, of=2, prefix="U", rated=("2026-01-31T22:59:59Z", 1), comment=words)
    month(warehouse, "2026-01", 10, of=1, prefix="V", rated=("2026-01-31T23:00:00Z", 1))  # February in Madrid
    made = close.draft(KEY, now=NOW)
    assert levels(warehouse, made["draft_id"])["csat_poor"] == ("2", "12", "breached")
    assert made["credit"] == "100.00"
    paths = report.render(made["draft_id"], now=NOW)
    page = Path(paths["page"]).read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    with warehouse.connect() as connection:
        kept = connection.execute(
            text("select count(*) from ledger.draft_ticket as t where t::text like '%onerror%'")
        ).scalar_one()
    assert kept == 0


def test_the_report_lies_with_its_files_and_the_final_one_beside_the_draft(warehouse: Engine, home: Path) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
        made = close.draft(f"alder|{period}", now=NOW)
        paths = report.render(made["draft_id"], now=NOW)
        assert "Full report: " in close.review_text(made["draft_id"])["body"]
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
        close.post(made["draft_id"], at=NOW)
        final = report.render(made["draft_id"], now=NOW)
    folder = home / "state" / "reports" / "alder" / "2026-02"
    assert {path.name for path in folder.iterdir()} == {Path(path).name for path in (*paths.values(), *final.values())}
    assert (Path(paths["page"]).name, Path(final["page"]).name) == ("ALDER-2026-02-D1.html", "ALDER-2026-02.html")
    page = Path(final["page"]).read_text(encoding="utf-8")
    assert "Jan 2026 80 %, Feb 2026 90 %" in page  # the trend
    with warehouse.connect() as connection:
        assert ledger.statement_entry(connection, "ALDER-2026-02") in page


def test_a_broken_contract_leaves_the_others_months_alone(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 9)
    (home / "contracts" / "broken.yaml").write_text("contract: broken\nsorces: [desk]\n", encoding="utf-8")
    assert due_months.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["status"] == "drafted"


def test_an_edited_contract_makes_the_draft_stale(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("4 %", "3 %"), encoding="utf-8")
    sign(home)
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    assert due_months.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["credit"] == "300.00"
