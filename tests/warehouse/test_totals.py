"""The desk's own counts against what was loaded: with all tickets, with some withheld, and with some in quarantine."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import QualityError
from deskledger.sources.demo import scene
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Store, running
from deskledger.steps import ingest, quality
from deskledger.steps.extract import HISTORY, extract

from tests.desk_server import SteppedClock
from tests.unit.sources.event_log.desk import COLUMNS, EVENTS
from tests.warehouse.ingest_desk import ask, export, row, take, write_mapping

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = "2026-04-10"


@pytest.fixture(scope="module")
def store() -> Store:
    return Store.make(seed=3, tickets_per_month=100, habits=scene.Habits(deleted=0.05))


@pytest.fixture
def home(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    return tmp_path


def without(store: Store, tickets: list[int]) -> Store:
    """The desk as it tells itself where it withholds some tickets: only its search still counts them."""
    events, versions, row = store.events, store.versions, store.acted.rows["ticket"]
    told, seen = ~np.isin(row[events.row], tickets), ~np.isin(versions.ticket, tickets)
    return replace(
        store,
        events=type(events)(**{name: each[told] for name, each in vars(events).items()}),
        versions=type(versions)(**{name: each[seen] for name, each in vars(versions).items()}),
    )


def pulled(store: Store, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW, **how: Any) -> None:
    with running(store) as server:
        connection = {"conn_type": "http", "host": server.base_url, "login": LOGIN, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DEMO", json.dumps(connection))
        assert extract("demo", how.pop("partition", DAY), now, clock=SteppedClock(now), **how)["wait_until"] is None


def living(store: Store, count: int) -> list[int]:
    """Some tickets of February that were never deleted."""
    created = store.acted.desk.created
    gone = store.acted.rows["ticket"][store.acted.rows["activity"] == scene.DELETED]
    begin, end = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) for month in (2, 3))
    found = np.flatnonzero((created >= begin) & (created < end))
    return [int(each) for each in found if each not in set(gone)][:count]


def totals(warehouse: Engine) -> dict[str, tuple[int, int]]:
    found = ask(warehouse, "select what, theirs, ours from quality.control_total")
    return {what: (theirs, ours) for what, theirs, ours in found}


def test_all_tickets_are_there_and_the_watermark_moves(
    warehouse: Engine, home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled(store, monkeypatch)
    loaded = ingest.load("demo", DAY, NOW)
    assert loaded["watermark"] is not None
    found = totals(warehouse)
    assert len(found) == 4 and all(theirs == ours > 0 for theirs, ours in found.values())
    assert sum(each[0] for each in ask(warehouse, "select deleted from quality.control_total")) > 0
    ingest.check_totals("demo")


def test_one_withheld_ticket_holds_the_watermark_and_is_told(
    warehouse: Engine, home: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulled(without(store, living(store, 1)), monkeypatch)
    loaded = ingest.load("demo", DAY, NOW)
    assert loaded["watermark"] is None and loaded["warnings"] >= 2
    found = totals(warehouse)
    assert {what: theirs - ours for what, (theirs, ours) in found.items() if theirs != ours} == {
        "tickets created in 2026-02": 1,
        "tickets created since 2025-12-31": 1,
    }
    with pytest.raises(
        QualityError, match=r"the desk counts tickets that we do not have: what tickets created in 2026-02"
    ):
        ingest.check_totals("demo")
    assert main(["quality", "demo"]) == 0
    assert "we have" in capsys.readouterr().out
    # The window pulled again from a desk that tells it: the ticket is there, and the watermark goes on.
    pulled(store, monkeypatch, NOW + timedelta(days=1), partition=HISTORY, is_full=True)
    for batch in ingest.land_history("demo", NOW + timedelta(days=1)):
        ingest.load_batch("demo", batch, NOW + timedelta(days=1))
    ingest.finish_history("demo", NOW + timedelta(days=1))
    assert all(theirs == ours for theirs, ours in totals(warehouse).values())
    assert ask(warehouse, "select count(*) from quality.watermark") == [(1,)]
    ingest.check_totals("demo")


def test_many_withheld_tickets_refuse_the_load(
    warehouse: Engine, home: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulled(without(store, living(store, 4)), monkeypatch)
    with pytest.raises(QualityError, match=r"nothing_missing: we have more than one in a hundred less"):
        ingest.load("demo", DAY, NOW)
    assert ask(warehouse, "select count(*) from core.ticket") == [(0,)]
    assert ask(warehouse, "select count(*) from quality.control_total") == [(0,)]
    # Of the load that was rolled back the verdict is kept, and told wherever somebody looks.
    assert ask(warehouse, "select suite, success from quality.validation") == [("control_total", False)]
    told = r"control_total: critical: .*ours (\d+) what tickets created in 2026-02 theirs (\d+)"
    assert main(["quality", "demo"]) == 0
    ((ours, theirs),) = re.findall(told, capsys.readouterr().out)
    assert int(theirs) - int(ours) == 4
    page = Path(quality.write_source_page("demo", NOW) or "").read_text("utf-8")
    assert "more than one in a hundred less" in page and "tickets created in 2026-02" in page
    # Run again after the window was pulled, it loads, and the newest verdict is that all are there.
    later = NOW + timedelta(days=1)
    pulled(store, monkeypatch, later, partition=HISTORY, is_full=True)
    for batch in ingest.land_history("demo", later):
        ingest.load_batch("demo", batch, later)
    assert ingest.load("demo", DAY, later)["watermark"] is not None
    assert main(["quality", "demo"]) == 0
    assert re.findall(told, capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("tickets", "created_from", "missing"),
    [
        (3, "2026-04-01", 0),  # one loaded, one held that says when it was created, one held that does not
        (4, "2026-04-01", 1),
        (2, "2026-04-02", 1),  # only the one whose creation nobody can read may belong here
        (1, "2026-04-02", 0),
    ],
)
def test_tickets_in_quarantine_are_there(
    warehouse: Engine, inbox: Path, tickets: int, created_from: str, missing: int
) -> None:
    names = ("what", "counted_at", "created_from", "tickets")
    write_mapping(desk_counts={"files": ["counts.csv"], "columns": {each: each for each in names}})
    (inbox / "counts.csv").write_text(
        f"{','.join(names)}\nall of April,2026-04-02T00:00Z,{created_from}T00:00Z,{tickets}\n"
    )
    export(
        inbox,
        "log-2026-04-01.csv",
        row("T1", 1, "2026-04-01 09:00"),
        row("T2", 1, "2026-04-01 09:00", "Parked"),
        row("T3", 1, "2026-04-01 09:00", opened="some day"),
    )
    if missing:
        with pytest.raises(QualityError, match=f"theirs {tickets} ours"):
            take("2026-04-01", NOW)
    else:
        assert take("2026-04-01", NOW)["watermark"] is not None
        assert ask(warehouse, "select theirs, ours + quarantined from quality.control_total") == [(tickets, tickets)]


def test_a_deletion_counts_from_its_instant_until_the_ticket_goes_on(warehouse: Engine, inbox: Path) -> None:
    """T1 is deleted at ten and back at noon; T2 lives. Each hour's count is right by what was true then."""
    words = {**EVENTS["activity"]["words"], "gone": {"kind": "deleted"}}
    write_mapping(
        events={**EVENTS, "activity": {**EVENTS["activity"], "words": words}},
        desk_counts={"files": ["counts.csv"], "columns": {each: each for each in ("what", "counted_at", "tickets")}},
    )
    right = {"09": 2, "10": 1, "11": 1, "12": 2, "13": 2}
    told = [f"at {hour},2026-04-01T{hour}:00Z,{tickets}" for hour, tickets in right.items()]
    (inbox / "counts.csv").write_text("\n".join(["what,counted_at,tickets", *told, ""]))
    life = ((1, "08:00", "Open", ""), (2, "10:00", "Shut", "gone"), (3, "12:00", "Open", ""))
    common = {"id": "T1", "opened": "2026-04-01 08:00", "prio": "low", "team": "red"}
    rows = [
        {**common, "n": str(n), "at": f"2026-04-01 {at}", "state": state, "what": what} for n, at, state, what in life
    ]
    lines = [",".join(each.get(column, "") for column in COLUMNS) for each in rows]
    export(inbox, "log-2026-04-01.csv", *lines, row("T2", 1, "2026-04-01 08:00", opened="2026-04-01 08:00"))
    assert take("2026-04-01", NOW)["watermark"] is not None
    found = ask(warehouse, "select what, theirs - ours, deleted from quality.control_total order by what")
    assert found == [(f"at {hour}", 0, 2 - tickets) for hour, tickets in right.items()]
