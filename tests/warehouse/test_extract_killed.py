"""Killed in mid-run: the next run goes on where the dead one stood, and the tables are those of an undisturbed run."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine, text

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


# The cursor's move waits for a lock that the test holds: what was written before it in the same transaction is there.
_GATE = """
    create function quality.wait_at_the_gate() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(4711); return new; end $$;
    create trigger gate before update on quality.cursor for each row
    when (new.stream = 'tickets' and new.pages = {pages}) execute function quality.wait_at_the_gate()
"""
_AT_THE_GATE = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and not granted"
_LANDED = """
    select coalesce((select sum(pages)::int from quality.cursor), 0), (select count(*)::int from quality.landed_file),
        (select count(*)::int from quality.landed_page), (select count(*)::int from quality.answered)
"""


@pytest.mark.parametrize("before", [0, 1])
def test_a_run_killed_between_a_page_and_its_cursor_has_landed_neither(
    warehouse: Engine,
    desk: DeskServer,  # noqa: F811
    before: int,
) -> None:
    desk.clock = WallClock()
    with warehouse.begin() as connection:
        connection.execute(text(_GATE.format(pages=before + 1)))
    with warehouse.connect() as gate:
        gate.execute(text("select pg_advisory_xact_lock(4711)"))
        process = _spawn()
        try:
            end = monotonic() + 60
            while ask(warehouse, _AT_THE_GATE) != [(1,)]:
                assert process.poll() is None and monotonic() < end
                sleep(0.05)
            # The page lies on disk, and the transaction is as far as it can be without its end.
            assert len(list(pages.folder().rglob("*.page.gz"))) == before + 1
            assert ask(warehouse, _LANDED) == [(before,) * 4]
        finally:
            process.kill()
            process.wait()
    with warehouse.begin() as connection:
        connection.execute(text("drop trigger gate on quality.cursor"))
    assert ask(warehouse, _LANDED) == [(before,) * 4]

    assert _spawn().wait(60) == 0
    ingest.load("desk", DAY, datetime.now(UTC))
    assert ask(warehouse, STATUSES) == [(f"T{number}", "new open") for number in range(1, 5)]
    assert ask(warehouse, _LANDED) == [(4,) * 4]
    assert ask(warehouse, "select sum(records)::int from quality.landed_file") == [(10,)]
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
