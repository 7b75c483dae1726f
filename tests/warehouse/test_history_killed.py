"""A first history over HTTP, killed at twenty random points and gone on with, is the history that nothing disturbed.

The worker and the database are killed in turn (kill -9). With DESKLEDGER_KILL_TICKETS=100000 the history is that large;
then it takes most of an hour.
"""

import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Server, Store, running
from deskledger.warehouse import embedded, migrate, open_warehouse

from tests.warehouse.history_process import peak_bytes, worked_seconds

ROOT = Path(__file__).resolve().parents[2]
TICKETS = int(os.environ.get("DESKLEDGER_KILL_TICKETS", "5000"))
TASKS = ("extract", "load")
KILLS = {"extract": 10, "load": 10}
MOST_BYTES = 500_000_000
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PATIENCE_SECONDS = 3600  # of one task

_TABLES = """
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
    where table_type = 'BASE TABLE' and (
        table_schema in ('core', 'personal')
        or (table_schema, table_name) in (
            ('quality', 'landed_page'), ('quality', 'landed_ticket'),
            ('quality', 'quarantine'), ('quality', 'watermark')
        )
    )
"""
_STREAMS = "select stream, cursor, is_end, complete_until, pages, records from quality.cursor order by stream"

pytestmark = [pytest.mark.full, pytest.mark.timeout(3 * PATIENCE_SECONDS)]


@dataclass
class Desk:
    """A warehouse of its own on the server in `folder`, and the account that its history comes from."""

    name: str
    folder: Path
    server: Server
    peak: int = 0
    imports: float = 0  # processor seconds of the newest process until it began,
    worked: float = 0  # and since then
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return embedded.start(self.folder / "postgres").url_for(self.name)

    def spawn(self, task: str) -> subprocess.Popen[str]:
        """The task's process, its imports done."""
        connection = {"conn_type": "http", "host": self.server.base_url, "login": LOGIN, "password": SECRET}
        env = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}",
            "DESKLEDGER_STATE": str(self.folder / self.name),
            "DESKLEDGER_MAPPINGS": str(ROOT / "mappings"),
            "DESKLEDGER_WAREHOUSE": self.url,
            "AIRFLOW_CONN_DESKLEDGER_DEMO": json.dumps(connection),
        }
        command = [sys.executable, "-m", "tests.warehouse.history_process", task, NOW.isoformat()]
        log = (self.folder / f"{self.name}.log").open("a")
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        self.imports, self.worked = worked_seconds(process.pid), 0
        return process

    def wait(self, process: subprocess.Popen[str], seconds: float = math.inf) -> bool:
        """Whether the process ends by itself before it has worked so many seconds.

        Of processor time: by the clock, a machine that is busy in one run and free in the next one says nothing.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < until:
            self.peak = max(self.peak, peak_bytes(process.pid))
            self.worked = max(self.worked, worked_seconds(process.pid) - self.imports)
            if self.worked >= seconds:
                return False
            time.sleep(0.02)
        assert process.poll() is not None, "it does not end"
        return True

    def finish(self, task: str) -> None:
        """Lets the task run to its end."""
        process = self.spawn(task)
        try:
            assert self.wait(process)
            assert process.returncode == 0, (self.folder / f"{self.name}.log").read_text()[-5000:]
            assert process.stdout is not None
            self.peak = max(self.peak, int(process.stdout.read()))
        finally:
            end(process)
        self.seconds[task] = self.worked

    def tables(self) -> dict[str, Any]:
        """Number and hash of the rows of every table that a history fills, and where its streams stand."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found: dict[str, Any] = {}
            for name in connection.execute(text(_TABLES)).scalars():
                # What is in quarantine has an id that nobody gave it.
                row = "to_jsonb(t) - 'id'" if name == "quality.quarantine" else "t"
                hashed = f"select count(*), sum(hashtextextended(cast({row} as text), 0)::numeric) from {name} as t"  # noqa: S608
                found[name] = tuple(connection.execute(text(hashed)).one())
            found["streams"] = [tuple(row) for row in connection.execute(text(_STREAMS))]
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not in pytest's own folder: each session that begins closes it to the user whom root runs the server as.
    with tempfile.TemporaryDirectory(prefix="deskledger-killed-") as room:
        try:
            yield Path(room)
        finally:
            embedded.stop(Path(room) / "postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    store = Store.make(seed=7, tickets_per_month=-(-TICKETS * 305 // 1000))
    page = 1000 if TICKETS > 20_000 else 250
    with running(store, page=page) as server:
        yield server


def test_a_history_that_is_killed_twenty_times_is_the_undisturbed_one(
    folder: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, killed = (prepared(Desk(name, folder, server)) for name in ("calm", "killed"))
    for task in TASKS:
        calm.finish(task)
    undisturbed = Counter(server.asked)
    assert max(undisturbed.values()) == 1
    server.asked.clear()

    chance = random.Random(20)
    for task in TASKS:
        for number in range(KILLS[task]):
            process = killed.spawn(task)
            try:
                # So short that the task cannot have ended by the last of them.
                assert not killed.wait(process, chance.uniform(0, calm.seconds[task] / KILLS[task]))
                if number % 2:
                    kill_database(folder / "postgres")
                    assert killed.wait(process)
                    assert process.returncode != 0
            finally:
                end(process)
        killed.finish(task)
    asked = Counter(server.asked)

    with capsys.disabled():
        print(f"\n{len(server.store.acted.ids):,} tickets, {undisturbed.total()} requests, {asked.total()} when killed")
        for desk in (calm, killed):
            print(f"{desk.name}: {desk.seconds}, peak {desk.peak / 1e6:.0f} MB")
    expected = calm.tables()
    assert expected["core.ticket"][0] >= TICKETS
    assert killed.tables() == expected
    # Of each kill, at most the answer that was on its way.
    assert set(asked) == set(undisturbed)
    assert asked.total() - undisturbed.total() <= KILLS["extract"]
    assert max(calm.peak, killed.peak) < MOST_BYTES


def prepared(desk: Desk) -> Desk:
    engine = open_warehouse(desk.url)
    migrate(engine)
    engine.dispose()
    return desk


def kill_database(folder: Path) -> None:
    """Kills the server of the folder, which this test started; its own processes notice and go."""
    os.kill(int((folder / "postmaster.pid").read_text().split("\n", 1)[0]), signal.SIGKILL)


def end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
