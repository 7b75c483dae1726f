"""What docker-compose.yml starts, proven with the same processes started by hand: Redis, a Celery worker, Airflow."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deskledger.cli.demo import approve_contracts
from deskledger.cli.local_airflow import PROCESSES, LocalAirflow
from deskledger.settings import Settings
from deskledger.sources.demo import generate
from deskledger.warehouse import migrate, open_warehouse

from tests.end_to_end.installation import ROOT

pytestmark = pytest.mark.full


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    server = shutil.which("redis-server")
    assert server, "redis-server is missing: `make check-full` installs it"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def room() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="deskledger-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_a_celery_worker_runs_the_flow_up_to_the_human_task(
    room: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=ROOT, state=room / "state")
    overrides = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": redis_url,
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "DESKLEDGER_MAPPINGS": str(ROOT / "tests" / "mappings"),  # the scene as export files
    }
    local = LocalAirflow(settings, {**PROCESSES, "celery worker": ("--skip-serve-logs",)}, overrides)
    local.start_postgres()
    assert local.postgres is not None
    local.overrides = {
        **overrides,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{local.postgres.url_for('airflow')}",
    }
    try:
        migrate(open_warehouse(local.postgres.url_for("deskledger")))
        monkeypatch.setenv("DESKLEDGER_WAREHOUSE", local.postgres.url_for("deskledger"))
        approve_contracts(settings)
        monkeypatch.delenv("DESKLEDGER_WAREHOUSE")
        generate(settings.state / "inbox" / "demo", seed=7, tickets_per_month=60)
        local.prepare()
        with local.running() as api:
            for dag_id in ("measure", "close", "ingest_history"):
                api.unpause(dag_id)
            api.trigger("ingest_history", conf={"source": "demo"})
            end = time.monotonic() + 240
            while time.monotonic() < end and not {"alder|2026-01", "brisa|2026-01"} <= set(api.waiting_reviews()):
                assert [run for run in api.runs() if run["state"] == "failed"] == []
                time.sleep(1)
            assert {"alder|2026-01", "brisa|2026-01"} <= set(api.waiting_reviews())
    finally:
        local.stop_postgres()


def test_compose_starts_the_processes_proven_here() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    commands = [service["command"] for service in services.values() if "command" in service]
    assert {" ".join(command[1:]) for command in commands if command[0] == "airflow"} == {
        "api-server",
        "scheduler",
        "dag-processor",
        "triggerer",
        "celery worker",
    }
