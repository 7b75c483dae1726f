"""A load in blocks of tickets: the same tables, fates and quarantine as in one go, whatever the split."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import QualityError
from deskledger.landing import manifest
from deskledger.settings import settings
from deskledger.steps import ingest, ingest_read

from tests.warehouse.ingest_desk import LAST, NEXT, NOW, ask, export, fates, row, write_mapping

DAYS = {
    "log-2026-04-01.csv": [
        *(row(f"T{number}", 1, "2026-04-01 09:30", opened="2026-04-01 09:00") for number in range(7)),
        *(row(f"T{number}", 1, "2026-04-01 09:30", opened="2026-03-02 09:00") for number in range(7, 12)),
        row("T3", 2, "2026-04-01 10:00", "Lost"),
        row("", 1, "2026-04-01 10:00"),
    ],
    "log-2026-04-02.csv": [
        *(row(f"T{number}", 2, "2026-04-02 10:00", "Done", opened="2026-04-01 09:00") for number in range(0, 7, 2)),
        row("T3", 2, "2026-04-01 10:00", "Asked"),
        row("T1", 1, "2026-04-01 09:30"),
        row("T20", 1, "2026-04-02 11:00", opened="2026-04-02 11:00"),
        row("", 2, "2026-04-02 10:00"),
    ],
}
EVENTS = """
    select t.ticket_id, t.created_month, t.updated_at, e.event_id, e.occurred_at, e.seq, e.kind, e.value, e.landed_at
    from core.ticket as t join core.ticket_event as e using (ticket_key, created_month)
    where t.source = '{}' order by t.ticket_id, e.occurred_at, e.seq, e.event_id
"""
HELD = "select rule, message, replayed_at from quality.quarantine where source = '{}' order by rule, message"
LOADS = """
    select table_name, extracted, loaded, unchanged, superseded, quarantined, produced_inserted, produced_updated,
        produced_unchanged, produced_superseded, produced_deleted, loaded_at
    from quality.load where source = '{}' order by loaded_at, table_name
"""
RULES = """
    select v.suite, v.at, v.success, rule ->> 'rule', rule ->> 'unexpected'
    from quality.validation as v cross join lateral jsonb_array_elements(v.statistics -> 'rules') as rule
    where v.run_id like '{}/%' order by v.at, v.suite, rule ->> 'rule'
"""


def run(source: str) -> list[list[int]]:
    write_mapping(source)
    inbox = settings().inbox / source
    inbox.mkdir(parents=True, exist_ok=True)
    for name, rows in DAYS.items():
        export(inbox, name, *rows)
    counts: list[Any] = []
    for day, now in (("2026-04-01", NOW), ("2026-04-02", NEXT), ("2026-04-02", LAST)):
        ingest.land(source, day, now)
        counts.append(fates(ingest.load(source, day, now)))
    return counts


@pytest.mark.parametrize(("records", "waiting"), [(1, 1), (2, 1 << 20), (5, 1)])
def test_blocks_change_nothing(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch, records: int, waiting: int
) -> None:
    whole = run("desk")
    assert whole == [[14, 12, 0, 0, 2], [8, 6, 1, 0, 1], [8, 0, 7, 0, 1]]
    monkeypatch.setattr(ingest_read, "BLOCK_RECORDS", records)
    monkeypatch.setattr(ingest_read, "WAITING_BYTES", waiting)
    assert run("twin") == whole
    for query in (EVENTS, HELD, LOADS, RULES):
        expected = ask(warehouse, query.format("desk"))
        assert expected
        assert ask(warehouse, query.format("twin")) == expected


def test_few_rows_of_tickets_that_have_many_come_in_blocks_too(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("desk")
    monkeypatch.setattr(ingest_read, "BLOCK_RECORDS", 8)
    mapping = ingest.mapping_of("desk")
    with warehouse.connect() as connection:
        pages = manifest.pages_of(connection, "desk")
        own = [page for page in pages if page.partition == "2026-04-02"]
        others = [page for page in pages if page.partition != "2026-04-02"]
        assert sum(page.records for page in own) <= 8
        blocks = list(ingest_read.read(connection, mapping, "events", own, others, mapping.events.ticket_id))
    tickets = [set(raw.columns[mapping.events.ticket_id]) for raw in blocks]
    assert len(blocks) > 1
    assert sum(len(raw.columns) for raw in blocks) == 8 + 7
    assert sum(len(each) for each in tickets) == len(set.union(*tickets))
    assert [raw.pages for raw in blocks] == [[page.sha256 for page in own], *([] for _ in blocks[1:])]


def test_records_that_do_not_balance_leave_nothing_of_any_block(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_read, "BLOCK_RECORDS", 1)
    write_mapping()
    export(inbox, "log-2026-04-01.csv", *DAYS["log-2026-04-01.csv"])
    ingest.land("desk", "2026-04-01", NOW)
    with warehouse.begin() as connection:
        # A manifest that promises a record more than the page has.
        connection.execute(text("update quality.landed_page set records = records + 1"))
    with pytest.raises(QualityError, match="15 records landed"):
        ingest.load("desk", "2026-04-01", NOW)
    assert ask(warehouse, "select count(*) from core.ticket") == [(0,)]
    assert ask(warehouse, "select to_regclass('core.ticket_202604')") == [(None,)]


def test_an_answer_that_is_told_for_tickets_of_several_blocks_is_one_row(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_read, "BLOCK_RECORDS", 2)
    write_mapping()
    export(inbox, "log-2026-04-01.csv", *(row(f"T{number}", 1, "2026-04-01 09:30") for number in range(8)))
    told = [f"S1,A1,T{number},2026-04-01 12:00,2026-04-01 13:00,4" for number in range(8)]
    (inbox / "surveys-2026-04-01.csv").write_text("\n".join(["s,a,t,sent,back,stars", *told, ""]))
    ingest.land("desk", "2026-04-01", NOW)
    assert sum(fates(ingest.load("desk", "2026-04-01", NOW))[1:]) == 16
    assert ask(warehouse, "select survey_id, answer_id from core.survey_answer") == [("S1", "A1")]
    assert ask(warehouse, "select count(*) from quality.quarantine") == [(0,)]
