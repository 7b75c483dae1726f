"""A small demo, run as a user runs it: the command line, a real Airflow, a real PostgreSQL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskledger.settings import Settings

from tests.end_to_end.installation import ROOT, TICKETS_PER_MONTH, Demo, run_command


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    # Not in pytest's own folder: each session that begins closes it to the user whom root runs the server as.
    with tempfile.TemporaryDirectory(prefix="deskledger-test-", ignore_cleanup_errors=True) as room:
        state = Path(room) / "state"
        try:
            done = run_command(state, "demo", "--tickets-per-month", str(TICKETS_PER_MONTH))
            assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
            yield Demo(Settings(home=ROOT, state=state), done.stdout)
        finally:
            run_command(state, "down")
