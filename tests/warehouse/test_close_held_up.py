"""Months that cannot go on by themselves: not tried again and again, and shown with what holds them up."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import close, report

from tests.warehouse.close_desk import (
    KEY,
    NOW,
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
    assert close.due(now=left) == []  # another run could only fail in the same way
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
    assert close.due(now=left) == [KEY]
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
    assert close.due(now=left) == [KEY]
    with pytest.raises(StatementError, match="not_approved"):
        close.draft(KEY, now=left)
    assert close.due(now=left + timedelta(hours=1)) == []
    with warehouse.connect() as connection:
        assert "not_approved" in connection.execute(text("select reason from ledger.held_up")).scalar_one()
    sign(home)
    assert close.due(now=left + timedelta(hours=1)) == [KEY]
