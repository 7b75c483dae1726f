"""The floors hold, and the check that holds them would notice: a module that breaks a rule fails it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = (
    "business_time/calendar.py",
    "clocks/measure.py",
    "csat.py",
    "kpis/__init__.py",
    "penalties/assess.py",
    "contract/terms.py",
)


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "plugins" / "deskledger",
        tmp_path / "plugins" / "deskledger",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _add(root: Path, module: str, line: str) -> None:
    path = root / "plugins" / "deskledger" / module
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def test_the_floors_hold(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("framework", ["airflow", "sqlalchemy", "great_expectations"])
def test_an_engine_module_that_imports_a_framework_is_caught(copy: Path, framework: str) -> None:
    _add(copy, "penalties/assess.py", f"import {framework}")
    done = _lint(copy)
    assert done.returncode == 1
    assert f"deskledger.penalties.assess -> {framework}" in done.stdout


@pytest.mark.parametrize("module", ENGINE)
def test_every_engine_module_is_watched(copy: Path, module: str) -> None:
    _add(copy, module, "import airflow")
    assert _lint(copy).returncode == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("warehouse/load.py", "from deskledger import steps"),
        ("clocks/measure.py", "from deskledger import csat"),
        ("ledger/drafts.py", "from deskledger import statement"),
        ("sources/event_log/files.py", "from deskledger.sources import demo"),
    ],
)
def test_an_import_upwards_or_between_siblings_is_caught(copy: Path, module: str, line: str) -> None:
    _add(copy, module, line)
    assert _lint(copy).returncode == 1
