"""How the DAGs hang together when something fails: the others go on, and the run never looks green."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DESKLEDGER"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "DESKLEDGER_STATE": str(home / "state"),
        "DESKLEDGER_MAPPINGS": str(home / "mappings"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "dags"), str(ROOT / "plugins"))),
    }
    (home / "mappings").mkdir()
    (home / "mappings" / "asked.yaml").write_text("extract:\n  since: 2025-01-01\n")
    migrated = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(migrated, env=environment, capture_output=True, check=True)
    script = [sys.executable, str(Path(__file__).with_name("run_dags.py")), str(ROOT / "dags")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert lines, done.stderr[-3000:]
    return json.loads(lines[0].removeprefix("RESULT"))


@pytest.mark.parametrize(
    ("scene", "state"),
    [
        ("ingest sound", "success"),
        ("ingest land fails", "failed"),
        ("ingest load fails", "failed"),
        ("ingest file refused", "failed"),
        ("ingest tickets missing", "failed"),
        ("ingest nothing landed", "success"),
        ("ingest desk asks for pauses", "success"),
        ("ingest desk refuses", "failed"),
        ("history sound", "success"),
        ("history of a desk", "success"),
        ("history of a desk loaded before", "success"),
        ("history desk refuses", "failed"),
        ("history batch fails", "failed"),
        ("measure sound", "success"),
        ("measure contract fails", "failed"),
        ("measure nothing due", "success"),
        ("close replaced", "success"),
        ("close decided elsewhere", "success"),
    ],
)
def test_a_run_is_green_only_if_nothing_failed(scenes: dict, scene: str, state: str) -> None:
    assert scenes[scene]["run"] == state, scenes[scene]["tasks"]


@pytest.mark.parametrize("scene", ["ingest land fails", "ingest load fails", "ingest file refused"])
def test_a_source_that_fails_stops_no_other(scenes: dict, scene: str) -> None:
    assert scenes[scene]["tasks"]["day_of_source.load[1]"] == "success"


def test_a_desk_that_asks_for_pauses_is_asked_again_and_loaded(scenes: dict) -> None:
    tasks = scenes["ingest desk asks for pauses"]["tasks"]
    assert (tasks["desk_asked.extract[-1]"], tasks["desk_asked.load[-1]"]) == ("success", "success")
    tasks = scenes["history of a desk"]["tasks"]
    assert (tasks["extract_asked[-1]"], tasks["load[1]"], tasks["finish[-1]"]) == ("success", "success", "success")


def test_a_desk_that_refuses_stops_no_other(scenes: dict) -> None:
    tasks = scenes["ingest desk refuses"]["tasks"]
    assert (tasks["desk_asked.extract[-1]"], tasks["desk_asked.load[-1]"]) == ("failed", "upstream_failed")
    assert tasks["day_of_source.load[1]"] == "success"


@pytest.mark.parametrize(
    ("scene", "task"), [("ingest sound", "desk_asked.extract"), ("history sound", "extract_asked")]
)
def test_a_desk_that_is_not_meant_or_not_set_up_is_skipped(scenes: dict, scene: str, task: str) -> None:
    assert scenes[scene]["tasks"][f"{task}[-1]"] == "skipped"


def test_a_contract_that_fails_stops_no_other_and_months_are_still_named(scenes: dict) -> None:
    tasks = scenes["measure contract fails"]["tasks"]
    assert (tasks["shards[0]"], tasks["shards[1]"], tasks["due[-1]"]) == ("success", "failed", "success")


def test_the_history_is_finished_only_when_every_batch_is_loaded(scenes: dict) -> None:
    tasks = scenes["history batch fails"]["tasks"]
    assert (tasks["load[0]"], tasks["load[1]"], tasks["finish[-1]"]) == ("failed", "success", "upstream_failed")


def test_a_history_that_was_loaded_but_not_finished_is_finished(scenes: dict) -> None:
    assert scenes["history of a desk loaded before"]["tasks"]["finish[-1]"] == "success"


@pytest.mark.parametrize(
    ("scene", "task"), [("ingest nothing landed", "day_of_source.load[1]"), ("measure nothing due", "due[-1]")]
)
def test_no_news_is_skipped_and_so_starts_nothing(scenes: dict, scene: str, task: str) -> None:
    assert scenes[scene]["tasks"][task] == "skipped"


def test_the_review_of_a_replaced_draft_ends_by_itself_and_nothing_is_posted(scenes: dict) -> None:
    tasks = scenes["close replaced"]["tasks"]
    assert (tasks["review[-1]"], tasks["record[-1]"], tasks["post[-1]"]) == ("skipped", "skipped", "skipped")


def test_a_review_that_was_decided_elsewhere_goes_on_with_that_decision(scenes: dict) -> None:
    tasks = scenes["close decided elsewhere"]["tasks"]
    assert (tasks["review[-1]"], tasks["post[-1]"], tasks["draft_again[-1]"]) == ("success", "success", "skipped")


def test_after_the_first_of_two_approvals_the_same_task_asks_again(scenes: dict) -> None:
    assert scenes["answers"] == ["asked again", "Approve"]


def test_tasks_of_the_local_installation_begin_with_what_they_need(scenes: dict) -> None:
    heavy = {"great_expectations.core.expectation_suite", "holidays.countries", "pandas", "pyarrow"}
    assert {*heavy, *(f"deskledger.steps.{step}" for step in ("close", "crosscheck", "privacy"))} <= set(scenes["held"])
