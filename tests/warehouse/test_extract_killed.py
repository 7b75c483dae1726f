"""Killed in mid-run: the next run goes on where the dead one stood, and the tables are those of an undisturbed run."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.landing import pages
from deskledger.steps import ingest

from tests.desk_server import DeskServer, SteppedClock, WallClock
from tests.warehouse.ingest_desk import STATUSES, ask
from tests.warehouse.test_extract import DAY, NOON, clock, desk, pull  # noqa: F401 - fixtures

ROOT = Path(__file__).resolve().parents[2]


def _spawn() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.warehouse.extract_process", datetime.now(UTC).isoformat()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}"},
    )


@pytest.mark.parametrize("answers", [0, 2, 3])
def test_a_killed_run_is_gone_on_with(
    warehouse: Engine,
    desk: DeskServer,  # noqa: F811
    answers: int,
) -> None:
    desk.clock = WallClock()
    desk.answers = answers
    process = _spawn()
    try:
        assert desk.went_silent.wait(60)
    finally:
        process.kill()
        process.wait()
    assert ask(warehouse, "select coalesce(sum(pages), 0)::int from quality.cursor") == [(answers,)]

    desk.answers = 10**9
    assert _spawn().wait(60) == 0
    asked = [(each.path[-7:], each.params["after"]) for each in desk.asked]
    undisturbed = [("tickets", "0"), ("tickets", "3"), ("tickets", "6"), ("answers", "0")]
    assert asked == undisturbed[: answers + 1] + undisturbed[answers:]  # only the answer on its way is asked for again

    ingest.load("desk", DAY, datetime.now(UTC))
    assert ask(warehouse, STATUSES) == [(f"T{number}", "new open") for number in range(1, 5)]
    assert ask(warehouse, "select count(*), sum(records)::int from quality.landed_file") == [(4, 10)]
    # Nothing lies about that the manifest does not name: a page is written again with the same bytes.
    files = {path.relative_to(pages.folder("desk")).as_posix() for path in pages.folder().rglob("*.page.gz")}
    assert files == {path for (path,) in ask(warehouse, "select path from quality.landed_page")}


def test_two_runs_at_once_do_not_both_take_a_step(
    warehouse: Engine,
    desk: DeskServer,  # noqa: F811
    clock: SteppedClock,  # noqa: F811
) -> None:
    from deskledger.errors import LandingError

    inner = []

    def report(line: str) -> None:
        if not inner:
            inner.append(line)
            pull(clock, report=lambda _: None)

    with pytest.raises(LandingError, match="another run is extracting the same stream"):
        pull(clock, report=report)
    assert ask(warehouse, "select count(*), sum(records)::int from quality.landed_file") == [(4, 10)]
    assert clock.now() == NOON
