"""Which files belong to which section, which days their names cover, and how far that makes a source complete."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deskledger.sources.event_log.files import ask, complete_until, days_covered, is_due

from tests.unit.sources.event_log.desk import mapping


def test_the_inbox_is_sorted_out(tmp_path: Path) -> None:
    for name in ("log-2.csv", "log-1.csv.gz", "notes.txt", ".log-3.csv", "log-4.csv.part", "log_accounts.csv"):
        (tmp_path / name).touch()
    (tmp_path / "log-folder.csv").mkdir()
    asked = ask(mapping(accounts={"files": ["*accounts.csv"], "columns": {"account": "id"}}), tmp_path)
    assert [(path.name, section) for path, section in asked.files] == [
        ("log-1.csv.gz", "events"),
        ("log-2.csv", "events"),
    ]
    assert asked.ignored == ["notes.txt"]
    assert [str(error).split("\n")[0] for error in asked.refused] == [
        "log_accounts.csv: the file fits the patterns of events and accounts"
    ]


def test_an_inbox_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert ask(mapping(), tmp_path / "absent").files == []


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("log-2026-04-01.csv", (date(2026, 4, 1), date(2026, 4, 1))),
        ("log-2026-02.csv.gz", (date(2026, 2, 1), date(2026, 2, 28))),
        ("log.csv", None),
        ("log-2026-13.csv", None),
        ("log-2026-02-30.csv", None),
        ("log-12026-02-01.csv", None),
    ],
)
def test_days_that_a_name_covers(name: str, covered: tuple[date, date] | None) -> None:
    assert days_covered(name) == covered


@pytest.mark.parametrize(
    ("watermark", "name", "due"),
    [
        ("file_day", "log-2026-04-01.csv", True),
        ("file_day", "log-2026-04-02.csv", False),
        ("file_day", "log-2026-03.csv", True),
        ("file_day", "log-2026-04.csv", False),
        ("file_day", "log.csv", True),
        ("last_event", "log-2026-04-02.csv", True),
    ],
)
def test_a_run_takes_the_files_that_are_due_on_its_day(watermark: str, name: str, due: bool) -> None:
    assert is_due(mapping(watermark=watermark), name, date(2026, 4, 1)) is due


@pytest.mark.parametrize(
    ("names", "known_until", "expected"),
    [
        ([], None, None),
        (["accounts-2026-01.csv", "log.csv"], None, None),
        (["log-2026-01.csv"], None, "2026-02-01"),
        (["log-2026-02.csv", "log-2026-01.csv", "log-2026-03-01.csv"], None, "2026-03-02"),
        (["log-2026-01.csv", "log-2026-02-02.csv"], None, "2026-02-01"),  # the 1st is missing
        (["log-2026-02-01.csv"], "2026-02-01", "2026-02-02"),
        (["log-2026-02-03.csv"], "2026-02-02", "2026-02-02"),
        (["log-2026-01-05.csv"], "2026-02-02", "2026-02-02"),  # never back
    ],
)
def test_days_must_follow_on_each_other(names: list[str], known_until: str | None, expected: str | None) -> None:
    madrid = ZoneInfo("Europe/Madrid")
    known = datetime.fromisoformat(known_until).replace(tzinfo=madrid).astimezone(UTC) if known_until else None
    until = complete_until(mapping(watermark="file_day", timezone="Europe/Madrid"), names, known)
    assert until == (datetime.fromisoformat(expected).replace(tzinfo=madrid) if expected else None)
