"""A pause that a desk asks for and that is too long to pass unnoticed: who is told, and how a person ends it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger import notify
from deskledger.cli import main
from deskledger.steps import desks

from tests.desk_server import DeskServer, Fault, SteppedClock
from tests.warehouse.ingest_desk import ask
from tests.warehouse.test_extract import NOON, SECRET, answer, pull, ticket, write_desk_mapping

HOUR = 3600


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOON)


@pytest.fixture
def desk(inbox: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskServer]:
    write_desk_mapping()
    monkeypatch.setitem(desks.ROOMS, "zendesk", "tests.warehouse.small_desk")
    with DeskServer({"tickets": [ticket(1, 1)], "answers": [answer(1)]}, clock=clock).running() as server:
        connection = {"conn_type": "http", "host": server.url, "login": "bot", "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DESK", json.dumps(connection))
        yield server


@pytest.mark.parametrize(("seconds", "is_long"), [(6 * HOUR - 10, False), (6 * HOUR + 1, True), (10**11, True)])
def test_a_long_pause_is_told_to_people_once(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, seconds: int, is_long: bool
) -> None:
    desk.faults = [Fault(429, {"Retry-After": str(seconds)})]
    said: list[str] = []
    pull(clock, report=said.append)
    pull(clock, report=said.append)  # asks nothing, and says it again
    told = ["--lift-hold" in line for line in said if "nothing is asked before" in line]
    assert told == [is_long] * 3
    assert all(line.startswith("desk: warning: ") == is_long for line in said)
    files = notify.outbox().glob("*.jsonl")
    sent = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
    assert [each["event"] for each in sent] == ["account_held"] * is_long
    assert all("deskledger extract desk --lift-hold" in each["body"] for each in sent)


def test_a_person_ends_a_pause(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.faults = [Fault(429, {"Retry-After": str(10**11)})]
    assert pull(clock)["wait_until"] > "2027"
    capsys.readouterr()
    assert main(["extract", "desk", "--lift-hold"]) == 0
    assert capsys.readouterr().out.startswith("desk was held until 2027-04-03 12:00:00 UTC (the desk answered 429")
    assert ask(warehouse, "select * from quality.account_hold") == []
    assert len(desk.asked) == 1  # lifting asks nothing
    assert pull(clock)["wait_until"] is None
    capsys.readouterr()
    assert main(["extract", "desk", "--lift-hold"]) == 0
    assert capsys.readouterr().out == "desk is not held.\n"
