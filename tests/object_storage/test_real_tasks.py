"""A desk's history landed and loaded by the DAG's own tasks, which ask Airflow for the storage's connection."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Store, running

from tests.object_storage.bucket import Bucket
from tests.warehouse.ingest_desk import ask

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = [sys.executable, "-m", "airflow"]


@pytest.fixture
def airflow_home(tmp_path: Path) -> Path:
    home = tmp_path / "airflow"
    environment = {**os.environ, "AIRFLOW_HOME": str(home)}
    subprocess.run([*AIRFLOW, "db", "migrate"], env=environment, capture_output=True, check=True)
    return home


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)  # Airflow's part is the same for both
def test_a_history_is_landed_and_loaded_by_real_tasks(
    bucket: Bucket, warehouse: Engine, airflow_home: Path, tmp_path: Path
) -> None:
    with running(Store.make(seed=3, tickets_per_month=20), page=150) as server:
        desk = {"conn_type": "http", "host": server.base_url, "login": LOGIN, "password": SECRET}
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(airflow_home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW_CONN_DESKLEDGER_DEMO": json.dumps(desk),
            "DESKLEDGER_STATE": str(tmp_path / "state"),
            "PYTHONPATH": os.pathsep.join((str(ROOT / "dags"), str(ROOT / "plugins"))),
        }
        asked = [*AIRFLOW, "dags", "test", "ingest_history", "--conf", '{"source": "demo"}']
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    pages = {f"landing/demo/{path}" for (path,) in ask(warehouse, "select path from quality.landed_page")}
    assert bucket.objects().keys() == pages | {"landing/warehouse.id"} and len(pages) > 10
    assert ask(warehouse, "select count(*) > 0 from core.ticket") == [(True,)]
    assert [secret for secret in (*bucket.secrets, SECRET) if secret in told] == []
