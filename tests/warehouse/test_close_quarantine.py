"""What stands in quarantine and a month's close: tickets that are not whole are listed, unpriced, and block posting."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.errors import LedgerError
from deskledger.steps import close

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    levels,
    load,
    month,
    quarantine,
)


def test_trap_2_a_quarantined_resolved_leaves_the_ticket_unpriced_and_posting_blocked(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9, of=9)
    # Its `resolved` is in quarantine, so that it looks open and late.
    load(warehouse, {"id": "HALF", "created": "2026-01-10T08:00:00Z"})
    quarantine(warehouse, "HALF")
    made = close.draft(KEY, now=NOW)
    assert made["credit"] == "0.00"
    assert levels(warehouse, made["draft_id"])["resolution"] == ("9", "9", "met")
    with warehouse.connect() as connection:
        evidence = ledger.read_evidence(connection, made["draft_id"])
    half = evidence[evidence["ticket_id"] == "HALF"]
    assert list(half["fate"]) == ["incomplete"]
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
    with pytest.raises(LedgerError, match="1 of its tickets is incomplete"):
        close.post(made["draft_id"], at=NOW)
    # Replayed: the ticket is whole, the draft is stale, and the next one can be posted.
    later = NOW + timedelta(hours=1)
    load(
        warehouse,
        {"id": "HALF", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"},
        landed_at=later,
    )
    with warehouse.begin() as connection:
        connection.execute(text("update quality.quarantine set replayed_at = :at"), {"at": later})
    assert close.due(now=later) == [KEY]
    assert close_month("2026-01", at=later)["draft_id"] == "ALDER-2026-01-D2"


def test_an_incomplete_ticket_of_another_month_or_contract_blocks_nothing(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9)
    load(
        warehouse,
        {"id": "MARCH", "created": "2026-03-10T08:00:00Z"},
        {"id": "OTHER", "created": "2026-01-10T08:00:00Z", "account": "somebody"},
    )
    for ticket_id in ("MARCH", "OTHER", None, "NEVER-LOADED"):
        quarantine(warehouse, ticket_id)
    assert close_month("2026-01")["is_new"]
