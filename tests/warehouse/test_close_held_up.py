"""Months that cannot go on by themselves: not tried again and again, and shown with what holds them up."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import close, due_months, report

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    quarantine,
    sign,
)


def test_an_approved_draft_that_incomplete_tickets_block_waits_with_its_reason(
    warehouse: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    month(warehouse, "2026-01", 8)
    quarantine(warehouse, "T2026-01-9")
    first = close.draft(KEY, now=NOW, run_id="run-1")
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    left = NOW + timedelta(hours=1)
    with pytest.raises(LedgerError, match="incomplete"):
        close.post(first["draft_id"], at=left)
    assert due_months.due(now=left) == []  # another run could only fail in the same way
    assert close.draft(KEY, now=left, run_id="run-2")["status"] == "current"
    reason = "1 incomplete tickets or rows block its posting"
    report.refresh_marts()
    with warehouse.connect() as connection:
        told = connection.execute(text("select state, message from mart.statement_month")).one()
    assert told.state == "approved" and told.message.startswith(reason)
    assert main(["status"]) == 0
    assert f"waits: {reason}" in capsys.readouterr().out
    with warehouse.begin() as connection:
        connection.execute(text("update quality.quarantine set replayed_at = :at"), {"at": left})
    assert due_months.due(now=left) == [KEY]
    assert close_month("2026-01", at=left)["credit"] == "400.00"
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from ledger.held_up")).scalar_one() == 0


def test_a_month_whose_new_draft_could_not_be_made_is_not_tried_at_every_load(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("within: 4h", "within: 5h"), encoding="utf-8")
    left = NOW + timedelta(hours=1)
    assert due_months.due(now=left) == [KEY]
    with pytest.raises(StatementError, match="not_approved"):
        close.draft(KEY, now=left)
    assert due_months.due(now=left + timedelta(hours=1)) == []
    with warehouse.connect() as connection:
        assert "not_approved" in connection.execute(text("select reason from ledger.held_up")).scalar_one()
    sign(home)
    assert due_months.due(now=left + timedelta(hours=1)) == [KEY]


def test_a_draft_that_holds_again_after_a_failed_attempt_is_held_up_no_more(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    later, restored = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    charge(warehouse, "alder", "2026-01", landed_at=later, currency="USD")
    with pytest.raises(StatementError, match="no_base"):
        close.draft(KEY, now=later)
    charge(warehouse, "alder", "2026-01", landed_at=restored)
    assert due_months.due(now=restored) == [KEY]
    assert close.draft(KEY, now=restored)["status"] == "current"
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from ledger.held_up")).scalar_one() == 0
    assert due_months.due(now=restored) == []
    close.draft(KEY, now=restored)  # holds as before: nothing more is to be noted
    with warehouse.connect() as connection:
        noted = connection.execute(text("select outcome from ledger.attempt order by attempt_no")).scalars().all()
    assert noted == ["no_base", "current"]
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=restored)
    report.refresh_marts()
    with warehouse.connect() as connection:
        told = connection.execute(text("select state, message from mart.statement_month")).one()
    assert tuple(told) == ("approved", None)
    assert due_months.due(now=restored + timedelta(hours=1)) == [KEY]  # approved, and nobody posted it
    charge(warehouse, "alder", "2026-01", landed_at=restored + timedelta(hours=1), currency="USD")
    with pytest.raises(StatementError, match="no_base"):
        close.draft(KEY, now=restored + timedelta(hours=1))
    with warehouse.connect() as connection:
        assert "no_base" in connection.execute(text("select reason from ledger.held_up")).scalar_one()
    assert due_months.due(now=restored + timedelta(hours=2)) == []
