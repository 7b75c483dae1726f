"""Landing in object storage: the same tables as from a local folder, with one connection's rights."""

import gzip
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger.errors import LandingError
from deskledger.landing import pages
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Faults, Store, running
from deskledger.steps import ingest
from deskledger.steps.extract import extract
from deskledger.warehouse import embedded, migrate, open_warehouse

from tests.desk_server import SteppedClock
from tests.object_storage.bucket import BUCKET, Bucket
from tests.warehouse.ingest_desk import ask

pytestmark = pytest.mark.full

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = "2026-04-10"
_TABLES = """
    select format('%I.%I', table_schema, table_name) from information_schema.tables
    where table_schema in ('core', 'quality') and table_type = 'BASE TABLE'
"""
CORE = ("ticket", "ticket_event", "survey_answer", "account", "team", "agent")


@pytest.fixture(scope="module")
def desk_url() -> Iterator[str]:
    # Not "repeated": of its six light agents twice, which have no group, a page is refused as one whose field vanished.
    faults = Faults(0.2, seed=6, kinds=("limited", "broken", "slow", "cut"), retry_after=0, slowness=0.0)
    with running(Store.make(seed=3, tickets_per_month=60), faults=faults, page=150) as server:
        yield server.base_url


@pytest.fixture
def desk(desk_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    connection = {"conn_type": "http", "host": desk_url, "login": LOGIN, "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DEMO", json.dumps(connection))


def tables(engine: Engine) -> dict[str, list[str]]:
    """Every canonical row as text; a token is random, so all tokens are one word."""
    with engine.connect() as connection:
        read = {name: pd.read_sql_table(name, connection, schema="core") for name in CORE}
    return {name: sorted(re.sub(r"(person|text):\w+", r"\1", str(row)) for row in frame.to_dict("records"))
            for name, frame in read.items()}  # fmt: skip


def take() -> dict:
    extract("demo", DAY, NOW, clock=SteppedClock(NOW))
    return ingest.load("demo", DAY, NOW)


def test_a_desk_extracted_to_a_bucket_is_the_one_on_disk_and_loads_again_without_asking_the_desk(
    warehouse: Engine, postgres: embedded.EmbeddedServer, desk: None, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as local:
        local.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for(f"on_disk_{bucket.scheme}"))
        local.delenv("DESKLEDGER_LANDING")
        beside = open_warehouse()
        migrate(beside)
        counts, on_disk = take(), tables(beside)
    assert bucket.objects() == {}

    assert take() == counts
    assert tables(warehouse) == on_disk
    listed = ask(warehouse, "select 'landing/demo/' || path from quality.landed_page")
    assert bucket.objects().keys() == {name for (name,) in listed} | {"landing/warehouse.id"}
    assert len(listed) > 10

    with warehouse.begin() as connection:
        connection.execute(text(f"truncate {', '.join(f'core.{name}' for name in CORE)}"))
    monkeypatch.delenv("AIRFLOW_CONN_DESKLEDGER_DEMO")
    assert ingest.load_again("demo", DAY, NOW)["extracted"] == counts["extracted"]
    assert tables(warehouse) == on_disk


def test_the_bucket_has_one_warehouse_and_what_a_killed_run_left_is_swept(bucket: Bucket) -> None:
    pages.claim(pages.folder(), "one")
    pages.claim(pages.folder(), "one")
    with pytest.raises(LandingError, match="belongs to the warehouse one, this one is two"):
        pages.claim(pages.folder(), "two")
    folder, now = pages.folder("demo"), datetime.now(UTC)
    written = [pages.write(folder, f"{number}".encode()) for number in range(30)]
    assert written == [pages.write(folder, f"{number}".encode()) for number in range(30)]
    (_, kept), *lost = written
    assert pages.sweep(folder, [kept], now - timedelta(hours=1)) == []
    assert pages.sweep(folder, [kept], now + timedelta(hours=1)) == sorted(path for _, path in lost)
    assert bucket.objects().keys() == {"landing/warehouse.id", f"landing/demo/{kept}"}
    assert pages.sweep(pages.folder("absent"), [], now) == []


def test_a_page_that_is_gone_or_damaged_in_a_bucket_is_told_apart(bucket: Bucket) -> None:
    folder = pages.folder("demo")
    digest, path = pages.write(folder, b"id\nT1\n")
    name = f"landing/demo/{path}"
    for stored, message in ((b"no", "damaged"), (gzip.compress(b"id\nT2\n"), "its hash differs")):
        bucket.put(name, stored)
        with pytest.raises(LandingError, match=message):
            pages.read(folder, path, digest)
    bucket.delete(name)
    with pytest.raises(LandingError, match="the page is missing"):
        pages.read(folder, path, digest)


def test_credentials_come_from_the_connection_alone_and_are_told_nowhere(
    warehouse: Engine,
    desk: None,
    bucket: Bucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    take()
    kept = {name: gzip.decompress(body) if name.endswith(".gz") else body for name, body in bucket.objects().items()}
    rows = [ask(warehouse, f"table {name}") for (name,) in ask(warehouse, _TABLES)]

    # What would let anybody in stands in the environment, and is not used.
    for name, value in bucket.others(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_STRANGER", bucket.connection("stranger"))
    key, secret, *_ = bucket.secrets
    refusals = []
    for account in ("", "deskledger_nobody@", "deskledger_stranger@", f"{key}:{secret}@"):
        monkeypatch.setenv("DESKLEDGER_LANDING", f"{bucket.scheme}://{account}{BUCKET}/landing")
        with pytest.raises(LandingError) as refused:
            pages.write(pages.folder("demo"), b"mine")
        refusals.append(str(refused.value))
    assert set(bucket.objects()) == set(kept)

    captured = capfd.readouterr()
    told = f"{captured.out} {captured.err} {caplog.text} {refusals} {rows} {kept}"
    for secret in (*bucket.secrets, SECRET):
        assert secret not in told
