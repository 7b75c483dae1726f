"""What stands in quarantine and a month's close: tickets that are not whole are listed, unpriced, and block posting."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger, model
from deskledger.errors import LedgerError
from deskledger.steps import close, due_months

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    levels,
    load,
    month,
    quarantine,
    sign,
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
    with pytest.raises(LedgerError, match="1 ticket or row is incomplete"):
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
    assert due_months.due(now=later) == [KEY]
    assert close_month("2026-01", at=later)["draft_id"] == "ALDER-2026-01-D2"


def test_an_incomplete_ticket_of_another_month_or_contract_blocks_nothing(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9)
    load(
        warehouse,
        {"id": "MARCH", "created": "2026-03-10T08:00:00Z"},
        {"id": "OTHER", "created": "2026-01-10T08:00:00Z", "account": "somebody"},
    )
    for ticket_id in ("MARCH", "OTHER"):
        quarantine(warehouse, ticket_id)
    assert close_month("2026-01")["is_new"]


MAPPING = """
source: desk
reader: event_log
timezone: Etc/UTC
missing: ["?"]
watermark: last_event
events:
  files: ["*.csv"]
  ticket_id: number
  sequence: seq
  occurred_at: at
  created_at: opened
  status: {column: state, words: {New: new}}
  fields: {account: {column: client, words: {A1: alder, B7: brisa}}}
"""


def control(engine: Engine, draft_id: str) -> dict[str, Any]:
    with engine.connect() as connection:
        draft = ledger.read(connection, draft_id).draft
    assert draft["incomplete_tickets"] == draft["control"]["incomplete_tickets"] + draft["control"]["unplaced_records"]
    return dict(draft["control"])


def test_a_quarantined_answer_on_an_earlier_months_ticket_blocks_the_month_that_it_may_belong_to(
    warehouse: Engine,
) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 10)
    close_month("2026-01")
    quarantine(warehouse, "T2026-01-3", {"rating": "1!"}, table="survey_answers", at=NOW)
    made = close.draft("alder|2026-02", now=NOW)
    assert control(warehouse, made["draft_id"])["incomplete"] == ["desk T2026-01-3"]
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
    with pytest.raises(LedgerError, match="incomplete"):
        close.post(made["draft_id"], at=NOW)


def test_what_stood_in_quarantine_long_before_blocks_no_month_in_which_its_ticket_does_nothing(
    warehouse: Engine,
) -> None:
    month(warehouse, "2026-01", 10)
    quarantine(warehouse, "T2026-01-3", at=datetime(2026, 1, 20, tzinfo=UTC))
    month(warehouse, "2025-12", 10)
    quarantine(warehouse, "T2025-12-3", at=datetime(2025, 12, 20, tzinfo=UTC))
    made = close.draft(KEY, now=NOW)
    assert control(warehouse, made["draft_id"])["incomplete"] == ["desk T2026-01-3"]


def test_a_ticket_without_a_cycle_blocks_too(warehouse: Engine) -> None:
    """Its `created` is in quarantine: no clock starts, no service level has a row of it."""
    month(warehouse, "2026-01", 10)
    quarantine(warehouse, "T2026-01-3")
    key = int(model.ticket_keys("desk", ["T2026-01-3"])[0])
    with warehouse.begin() as connection:
        connection.execute(
            text("delete from core.ticket_event where kind = 'created' and ticket_key = :key"), {"key": key}
        )
    made = close.draft(KEY, now=NOW)
    with warehouse.connect() as connection:
        assert "incomplete" not in set(ledger.read_evidence(connection, made["draft_id"])["fate"])
    assert control(warehouse, made["draft_id"])["incomplete"] == ["desk T2026-01-3"]


@pytest.mark.parametrize(
    ("table", "records", "tickets"),
    [
        ("events", [{}], 1),  # nobody can say whose it is
        ("events", [{"client": "A1"}], 1),
        ("events", [{"client": "B7"}], 0),  # brisa's, as the mapping has it
        ("events", [{"client": "B7"}, {"client": "?"}], 0),
        ("events", [{"client": "B7"}, {"client": "A1"}], 1),  # moved from one to the other
        ("events", [{"client": "C9"}], 1),  # a word that the mapping does not know
        ("ticket", [{"account": "brisa"}], 0),
        ("ticket", [{"account": "alder"}], 1),
        ("ticket", [{"account": None}], 1),
        ("ticket_event", [{"kind": "account", "value": "brisa"}, {"kind": "status", "value": "new"}], 0),
        ("ticket_event", [{"kind": "team", "value": "brisa"}], 1),
    ],
)
@pytest.mark.parametrize("ticket_id", ["GONE", None])
def test_a_ticket_that_is_wholly_in_quarantine_blocks_unless_it_is_known_to_be_anothers(
    warehouse: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    records: list[dict[str, Any]],
    tickets: int,
    ticket_id: str | None,
) -> None:
    if ticket_id is None and len(records) > 1:
        pytest.skip("rows without a ticket speak each for itself")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "desk.yaml").write_text(MAPPING, encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path / "mappings"))
    month(warehouse, "2026-01", 10)
    for record in records:
        quarantine(warehouse, ticket_id, record, table=table)
    told = control(warehouse, close.draft(KEY, now=NOW)["draft_id"])
    placed, unplaced = (tickets, 0) if ticket_id else (0, tickets)
    assert (told["incomplete_tickets"], told["unplaced_records"]) == (placed, unplaced)
    assert [row["rule"] for row in told["unplaced"]] == ["status_known"] * unplaced
    assert told["incomplete"] == ["desk (not loaded)"] * placed


def test_many_rows_of_one_ticket_are_one_ticket_and_rows_about_agents_are_none(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("scope: {account: [alder]}\n", ""), encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 10)
    for number in range(5):
        quarantine(warehouse, "ONE", {"n": number}, table="ticket_event")
    quarantine(warehouse, None, table="agents")
    told = control(warehouse, close.draft(KEY, now=NOW)["draft_id"])
    assert (told["incomplete_tickets"], told["unplaced_records"]) == (1, 0)
