"""The demo's Zendesk account, extracted by the runner into a real warehouse, with a fifth of its answers bad."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from deskledger.landing import pages
from deskledger.model import SURVEY_ANSWER, TICKET, TICKET_EVENT, conform
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Faults, Server, Store, running
from deskledger.sources.demo.zendesk_server.wire import MARK
from deskledger.sources.event_log.normalise import Normalised
from deskledger.steps import ingest
from deskledger.steps.extract import extract

from tests.desk_server import SteppedClock
from tests.unit.sources.zendesk import both
from tests.warehouse.ingest_desk import ask

SCENE: dict[str, Any] = {"seed": 3, "tickets_per_month": 100}
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = "2026-04-10"


@pytest.fixture
def server(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    faults = Faults(0.2, seed=6, retry_after=0, slowness=0.0)
    with running(Store.make(**SCENE), faults=faults, page=150) as server:
        connection = {"conn_type": "http", "host": server.base_url, "login": LOGIN, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DEMO", json.dumps(connection))
        yield server


def test_the_warehouse_has_what_the_files_say_and_nothing_that_anybody_wrote(
    warehouse: Engine, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SteppedClock(NOW)
    counts = extract("demo", DAY, NOW, clock=clock)
    assert counts["wait_until"] is None
    loaded = ingest.load("demo", DAY, NOW)
    assert loaded["extracted"] == sum(loaded[fate] for fate in ("loaded", "unchanged", "superseded", "quarantined"))
    end = datetime.fromtimestamp(int(server.store.acted.span.end) - 60, UTC)
    assert loaded["watermark"] == end.isoformat()
    expected, answers = both.by_files(tmp_path / "files", **SCENE)
    told = stored(warehouse)
    pd.testing.assert_frame_equal(both.events(told), both.events(expected))
    with warehouse.connect() as connection:
        given = pd.read_sql_table("survey_answer", connection, schema="core")
    given = conform(SURVEY_ANSWER, given)
    pd.testing.assert_frame_equal(both.answers(given, told), both.answers(answers, expected))

    files = ask(warehouse, "select path, sha256 from quality.landed_page")
    landed = "".join(pages.read(pages.folder("demo"), path, sha256).decode() for path, sha256 in files)
    everything = landed + capsys.readouterr().out + tables(warehouse)
    assert "ticket_events" in landed
    for secret in (MARK, MARK.lower().replace(" ", "."), SECRET):
        assert secret not in everything


def stored(engine: Engine) -> Normalised:
    """What the warehouse has, in the form that normalising gives."""
    with engine.connect() as connection:
        tickets, events = (
            conform(table, pd.read_sql_table(table.name, connection, schema="core")) for table in (TICKET, TICKET_EVENT)
        )
    return Normalised(tickets, events, *(None,) * 3)  # type: ignore[arg-type]


def tables(engine: Engine) -> str:
    """Every row of the warehouse, as text."""
    found = ask(
        engine,
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('core', 'quality', 'personal') and table_type = 'BASE TABLE'",
    )
    with engine.connect() as connection:
        return "".join(pd.read_sql_table(name, connection, schema=schema).to_string() for schema, name in found)
