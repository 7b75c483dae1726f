"""docs/finance-review.md: the twenty lines are there, and every place that they name exists."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "finance-review.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]
SHOWN = " ".join(row[2] for row in ROWS)


def test_twenty_lines_each_shown_or_said_to_be_missing() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 21))
    assert [row[0] for row in ROWS if len(row) < 3 or not (row[2] or row[3])] == []


def test_every_table_view_and_function_is_in_the_warehouse(warehouse: Engine) -> None:
    named = set(re.findall(r"`((?:core|facts|ledger|mart|quality)\.\w+)(?:\.\w+)?`", SHOWN))
    assert len(named) >= 15
    with warehouse.connect() as connection:
        there = set(
            connection.execute(
                text("""
                    select table_schema || '.' || table_name from information_schema.tables
                    union
                    select routine_schema || '.' || routine_name from information_schema.routines
                """)
            ).scalars()
        )
    assert named - there == set()


def test_every_column_is_in_the_warehouse(warehouse: Engine) -> None:
    named = set(re.findall(r"`(ledger\.\w+\.\w+)`", SHOWN))
    assert "ledger.draft_level.months" in named
    with warehouse.connect() as connection:
        columns = "select table_schema || '.' || table_name || '.' || column_name from information_schema.columns"
        assert named - set(connection.execute(text(columns)).scalars()) == set()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`deskledger ([a-z ]+)`", SHOWN))))
def test_every_command_is_known(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _parser().parse_args([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"deskledger {command}" in capsys.readouterr().out


def test_every_part_of_the_report_is_in_it() -> None:
    rooms = [*(ROOT / "plugins" / "deskledger" / "reports").rglob("*.j2")]
    rooms += (ROOT / "plugins" / "deskledger" / "reports").glob("*.py")
    words = "\n".join(path.read_text("utf-8") for path in rooms).lower()
    parts = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", SHOWN))
    assert {"Set aside", "Exclusions and waivers", "Step by step"} <= parts
    assert {part for part in parts if part.lower() not in words} == set()


def test_every_file_of_a_report_is_written() -> None:
    step = (ROOT / "plugins" / "deskledger" / "steps" / "report.py").read_text("utf-8")
    named = set(re.findall(r"`…-(\w+\.csv)`", SHOWN))
    assert named == {"lines.csv", "tickets.csv", "trace.csv"}
    assert all(f"-{name}" in step for name in named)


def test_a_place_that_is_not_there_would_be_noticed() -> None:
    """The patterns above read the table as it is written: they find what a careless line would name."""
    assert re.findall(r"`((?:core|facts|ledger|mart|quality)\.\w+)(?:\.\w+)?`", "see `ledger.nowhere`") == [
        "ledger.nowhere"
    ]
    with pytest.raises(SystemExit) as ended:
        _parser().parse_args(["nowhere", "--help"])
    assert ended.value.code == 2
