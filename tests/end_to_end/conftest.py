"""A small demo, run as a user runs it: the command line, a real Airflow, a real PostgreSQL."""

from collections.abc import Iterator

import pytest

from deskledger.settings import Settings

from tests.end_to_end.installation import ROOT, TICKETS_PER_MONTH, Demo, run_command


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state = tmp_path_factory.mktemp("state")
    done = run_command(state, "demo", "--tickets-per-month", str(TICKETS_PER_MONTH))
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    try:
        yield Demo(Settings(home=ROOT, state=state), done.stdout)
    finally:
        run_command(state, "down")
