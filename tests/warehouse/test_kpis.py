"""`deskledger kpis`: a month's figures from the warehouse, by any field, without charge or approval."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main

from tests.warehouse.close_desk import closing_home, load, month  # noqa: F401 - the fixture of every test here


def test_a_month_s_kpis_by_team(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    month(warehouse, "2026-01", met=10, of=3)
    load(warehouse, {"id": "open", "created": "2026-01-31T22:00:00Z"})
    with warehouse.begin() as connection:
        connection.execute(text("delete from core.charge"))
        connection.execute(text("update core.ticket set team = 'night' where ticket_id = 'open'"))
    assert main(["kpis", "alder", "2026-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "alder, 2026-01, as of 2026-01-31 23:00 UTC: 0 open + 4 in − 3 out = 1 open"
    assert [line.split()[:3] for line in lines[3:]] == [["night", "1", "1"], ["none", "3", "0"]]
    assert "4 h" in lines[4]


def test_as_data(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    month(warehouse, "2026-01", met=10, of=3, rated=("2026-01-12T09:00:00Z", 1))
    assert main(["kpis", "alder", "2026-01", "--by", "account", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["figures"]["by"]) == ["account"]
    (row,) = told["figures"]["by"]["account"]
    assert (row["name"], row["flow"]["in"], row["csat"]["poor"]) == ("alder", 3, 3)
    assert row["times"]["resolution"] == {
        "n": 3,
        "total_us": 43_200_000_000,
        "p50_us": 14_400_000_000,
        "p90_us": 14_400_000_000,
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["alder", "2025-12"], "2026-01-01"), (["elm", "2026-01"], "there is no contract 'elm'")],
)
def test_what_cannot_be_told_is_said(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["kpis", *arguments]) == 1
    assert told in capsys.readouterr().err
