"""What every DAG file keeps to: thin, documented, harmless at parse time, usable without a logical date."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if not path.stem.startswith("deskledger_"))
DAG_IDS = [
    "close",
    "crosscheck",
    "freshness",
    "ingest",
    "ingest_history",
    "measure",
    "poor_answers",
    "replay",
    "retention",
    "reviews",
]
BANNED = ("airflow.models", "airflow.settings", "airflow.utils.session", "airflow.utils.db", "sqlalchemy", "pandas")
DOCUMENTED = ("What for.", "In.", "Out.", "How to rerun.", "When it fails.")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a fresh Airflow makes of the DAG folder: DAGs, import errors, and modules that parsing pulled in."""
    script = """
import json, sys
import airflow  # its own imports come first, so that only ours are counted
from airflow.dag_processing.dagbag import DagBag
before = set(sys.modules)
bag = DagBag(sys.argv[1], load_op_links=False, collect_dags=True)
dags = {
    dag_id: {
        "doc_md": dag.doc_md,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "tasks": {
            task.task_id: {
                "retries": task.retries,
                "has_callback": bool(task.on_failure_callback),
                "templates": [str(getattr(task, field, "")) for field in ("subject", "body")],
            }
            for task in dag.tasks
        },
    }
    for dag_id, dag in bag.dags.items()
}
print("RESULT" + json.dumps({"dags": dags, "errors": bag.import_errors, "new": sorted(set(sys.modules) - before)}))
"""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        # Whoever opens a warehouse while parsing fails here.
        "DESKLEDGER_WAREHOUSE": "postgresql+psycopg2://nobody@127.0.0.1:1/nowhere",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "dags"), str(ROOT / "plugins"))),
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "dags")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    import json

    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    return json.loads(line.removeprefix("RESULT"))


def test_every_dag_file_parses_without_error(parsed: dict) -> None:
    assert parsed["errors"] == {}
    assert sorted(parsed["dags"]) == DAG_IDS


def test_parsing_loads_no_pandas_database_or_validation_framework(parsed: dict) -> None:
    heavy = {"pandas", "great_expectations", "psycopg2", "pyarrow", "deskledger.warehouse"}
    assert heavy & set(parsed["new"]) == set()


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_documentation_says_what_in_out_rerun_and_failure(parsed: dict, dag_id: str) -> None:
    text = parsed["dags"][dag_id]["doc_md"]
    assert [part for part in DOCUMENTED if f"**{part}**" not in text] == []


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_task_alerts_when_it_fails(parsed: dict, dag_id: str) -> None:
    tasks = parsed["dags"][dag_id]["tasks"]
    # `verdict` fails only after another task has failed, and alerted.
    assert [name for name, task in tasks.items() if not task["has_callback"] and not name.endswith("verdict")] == []


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_no_dag_catches_up_on_its_own(parsed: dict, dag_id: str) -> None:
    assert parsed["dags"][dag_id]["catchup"] is False


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_templates_do_not_need_a_logical_date(parsed: dict, dag_id: str) -> None:
    absent = ("logical_date", "execution_date", "{{ ds", "{{ ts", "data_interval", "prev_", "next_")
    used = [
        (task, word)
        for task, fields in parsed["dags"][dag_id]["tasks"].items()
        for text in fields["templates"]
        for word in absent
        if word in text
    ]
    assert used == []


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_file_is_thin(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring_ends = tree.body[0].end_lineno or 0
    assert len(path.read_text(encoding="utf-8").splitlines()) - docstring_ends <= 100


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_file_imports_nothing_banned(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [name for name in names if name.startswith(BANNED)] == []


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_task_bodies_are_a_few_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    longest = max((function.end_lineno or 0) - function.lineno for function in functions)
    assert longest <= 12


def test_xcom_carries_no_frames() -> None:
    """Task signatures promise keys and counts only: JSON words, never a frame."""
    allowed = {"None", "int", "str", "str | None", "dict", "list[str]", "list[dict]", "bool"}
    returns = {
        (path.stem, node.name, ast.unparse(node.returns) if node.returns else "missing")
        for path in DAG_FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {entry for entry in returns if entry[2] not in allowed} == set()
