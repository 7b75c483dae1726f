"""The demo's helpdesk as a process: it lives as long as who started it, and its clock is theirs."""

import subprocess
import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from deskledger.cli.demo_desk import helpdesk
from deskledger.errors import DeskledgerError

NOW = datetime(2026, 2, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 2, 2, 2, tzinfo=UTC)


def test_it_lives_as_long_as_its_block_and_says_what_it_was_asked(tmp_path: Path) -> None:
    with helpdesk("demo", tmp_path / "log", seed=1, tickets_per_month=20, now=NOW) as desk:
        assert list(desk.connection()) == ["AIRFLOW_CONN_DESKLEDGER_DEMO"]
        before = httpx.get(f"{desk.base_url}/api/v2/groups")
        desk.set_clock(LATER)
        after = httpx.get(f"{desk.base_url}/api/v2/groups")
        assert [parsedate_to_datetime(each.headers["date"]) for each in (before, after)] == [NOW, LATER]
        assert desk.tally().startswith("2 requests, ")
    with pytest.raises(httpx.ConnectError):
        httpx.get(desk.base_url)


def test_it_ends_with_whoever_started_it_even_one_that_was_killed() -> None:
    command = [sys.executable, "-m", "deskledger.sources.demo.zendesk_server", "--tickets-per-month", "20"]
    process = subprocess.Popen([*command, "--while-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout and process.stdout.readline().startswith(b"http://127.0.0.1:")
    process.stdin.close()  # as the system does for a process that is gone
    assert process.wait(20) == 0
    process.stdout.close()


def test_one_that_cannot_start_says_where_its_last_words_are(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        helpdesk("demo", log, seed=-1, tickets_per_month=20, now=NOW) as desk,
        pytest.raises(DeskledgerError, match="ended while starting") as refused,
    ):
        desk.connection()
    assert refused.value.where == str(log)
    assert "ValueError" in log.read_text()
