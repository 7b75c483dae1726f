"""Fuzzed records of a Zendesk account, over HTTP: nothing crashes, and every record has one fate."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from deskledger.quality.held import Wanted
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Faults, Server, Store, running
from deskledger.sources.demo.zendesk_server import server as demo_server
from deskledger.sources.demo.zendesk_server.records import Records
from deskledger.steps import ingest, quarantine
from deskledger.steps.extract import extract

from tests.desk_server import SteppedClock
from tests.warehouse.fuzzed import spoilt_record
from tests.warehouse.ingest_desk import ask, fates

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = "2026-04-10"


@pytest.fixture
def server(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    made = random.Random(9)

    def fuzzed(make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        return lambda *given, **named: spoilt_record(made, make(*given, **named))

    for name in ("ticket", "event", "survey"):
        monkeypatch.setattr(Records, name, fuzzed(getattr(Records, name)))
    # As escapes, JSON can carry what UTF-8 cannot.
    monkeypatch.setattr(demo_server, "as_json", lambda value: json.dumps(value).encode())
    with running(Store.make(seed=3, tickets_per_month=60), faults=Faults(0), page=500) as server:
        connection = {"conn_type": "http", "host": server.base_url, "login": LOGIN, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DEMO", json.dumps(connection))
        yield server


def test_fuzzed_records_of_a_desk(warehouse: Engine, server: Server) -> None:
    pulled = extract("demo", DAY, NOW, clock=SteppedClock(NOW))
    assert pulled["wait_until"] is None and pulled["records"] > 2_000
    counts = ingest.load("demo", DAY, NOW)
    extracted, *fated = fates(counts)
    assert extracted == sum(fated) and min(counts["loaded"], counts["quarantined"]) > 100
    assert ask(warehouse, "select sum(records) from quality.landed_page") == [(extracted,)]
    shown = [quarantine.show(each["id"]) for each in quarantine.listing(Wanted(source="demo"), 20)["entries"]]
    assert all(each["raw"] is not None for each in shown if each["page_sha256"])
    assert fates(ingest.load("demo", DAY, datetime(2026, 6, 2, tzinfo=UTC)))[1] == 0
