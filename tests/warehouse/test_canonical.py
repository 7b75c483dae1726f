"""Canonical files through the inbox into the warehouse: the same fates, quarantine and balance as any export."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sqlalchemy import Engine

from deskledger.settings import settings
from deskledger.steps import ingest

from tests.unit.sources.canonical.test_canonical import EVENTS, MINIMAL, TICKETS
from tests.warehouse.ingest_desk import NEXT, NOW, STATUSES, ask, fates

EVERYTHING = "select ticket_key, event_id, occurred_at, kind, value, is_public from core.ticket_event order by 1, 3, 2"


@pytest.fixture
def inbox(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path / "mappings"))
    settings().mappings.mkdir()
    (settings().mappings / "acme.yaml").write_text(yaml.safe_dump(MINIMAL))
    folder = settings().inbox / "acme"
    folder.mkdir(parents=True)
    return folder


def test_a_day_lands_loads_balances_and_is_replaced_by_a_newer_file(inbox: Path, warehouse: Engine) -> None:
    (inbox / "ticket-2026-03-02.csv").write_text(TICKETS)
    (inbox / "ticket_event-2026-03-02.csv").write_text(f"{EVENTS}T2,z,2026-03-02T16:00:00Z,1,status,done,,,,\n")
    (inbox / "account.csv").write_text("account,tier\nnut,gold\n")
    ingest.land("acme", "2026-03-02", NOW)
    assert fates(ingest.load("acme", "2026-03-02", NOW)) == [14, 13, 0, 0, 1]
    assert ask(warehouse, STATUSES) == [("T1", "new waiting_on_customer"), ("T2", "new")]
    assert ask(warehouse, "select account, tier from core.account") == [("nut", "gold")]
    assert ask(warehouse, "select rule from quality.quarantine") == [("status_unknown",)]

    # Mended, and once more all that was there before: the same update told again.
    (inbox / "ticket_event-2026-03-03.csv").write_text(f"{EVENTS}T2,z,2026-03-02T16:00:00Z,1,status,open,,,,\n")
    ingest.land("acme", "2026-03-03", NEXT)
    assert fates(ingest.load("acme", "2026-03-03", NEXT)) == [11, 1, 10, 0, 0]
    assert ask(warehouse, STATUSES) == [("T1", "new waiting_on_customer"), ("T2", "new open")]
    assert ask(warehouse, "select count(*) from quality.quarantine where replayed_at is null") == [(0,)]


def test_a_parquet_history_gives_what_the_csv_files_gave(inbox: Path, warehouse: Engine, tmp_path: Path) -> None:
    for name, text in (("ticket", TICKETS), ("ticket_event", EVENTS)):
        (inbox / f"{name}-2026-03-02.csv").write_text(text)
    ingest.land("acme", "2026-03-02", NOW)
    ingest.load("acme", "2026-03-02", NOW)
    by_csv = ask(warehouse, EVERYTHING)
    assert len(by_csv) > 12

    other = settings().inbox / "other"
    other.mkdir()
    shutil.copy(settings().mappings / "acme.yaml", settings().mappings / "other.yaml")
    (settings().mappings / "other.yaml").write_text(yaml.safe_dump({**MINIMAL, "source": "other"}))
    for path in inbox.glob("*.csv"):
        pd.read_csv(path, dtype="str").to_parquet(other / path.with_suffix(".parquet").name, index=False)
    counts = [ingest.load_batch("other", batch, NOW) for batch in ingest.land_history("other", NOW)]
    ingest.finish_history("other", NOW)
    assert sum(each["loaded"] for each in counts) == sum(each["extracted"] for each in counts) == 12
    ids = "select ticket_id, event_id, event.occurred_at, kind, value, is_public from core.ticket_event as event"
    found = {
        source: ask(warehouse, f"{ids} join core.ticket using (ticket_key) where source = '{source}' order by 1, 3, 2")
        for source in ("acme", "other")
    }
    assert found["acme"] == found["other"] and len(found["acme"]) == len(by_csv)


def test_a_record_of_a_ticket_that_a_suite_holds_is_in_quarantine_too(inbox: Path, warehouse: Engine) -> None:
    levels = "ticket_id,created_at,updated_at,support_level\n"
    both = [f"T{n},2026-03-01T09:00:00Z,2026-03-01T12:00:00Z,{level}\n" for n, level in ((1, 3), (2, 4))]
    (inbox / "ticket-2026-03-02.csv").write_text(levels + "".join(both))
    ingest.land("acme", "2026-03-02", NOW)
    assert fates(ingest.load("acme", "2026-03-02", NOW)) == [2, 1, 0, 0, 1]
    assert ask(warehouse, "select ticket_id from core.ticket") == [("T1",)]
    assert fates(ingest.load("acme", "2026-03-02", NEXT)) == [2, 0, 1, 0, 1]

    (inbox / "ticket-2026-03-03.csv").write_text(levels + both[1].replace(",4", ",2").replace("12:00", "13:00"))
    ingest.land("acme", "2026-03-03", NEXT)
    assert fates(ingest.load("acme", "2026-03-03", NEXT)) == [1, 1, 0, 0, 0]
    assert ask(warehouse, "select ticket_id from core.ticket order by 1") == [("T1",), ("T2",)]


def test_a_file_with_a_column_that_no_table_has_waits_in_the_inbox(inbox: Path, warehouse: Engine) -> None:
    (inbox / "ticket-2026-03-02.csv").write_text(TICKETS.replace("channel", "chanel"))
    landed = ingest.land("acme", "2026-03-02", NOW)
    assert landed["files"] == [] and "has the unknown chanel" in landed["refused"][0]
