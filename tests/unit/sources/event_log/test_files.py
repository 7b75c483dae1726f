"""Which files belong to which section, which days their names cover, and how far that makes a source complete."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from deskledger.sources.event_log.files import ask, complete_until, days_covered, is_due

from tests.unit.sources.event_log.desk import mapping

LATER = datetime(2026, 6, 1, tzinfo=UTC)


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
    assert is_due(mapping(watermark=watermark), name, date(2026, 4, 1), LATER) is due


@pytest.mark.parametrize(("now", "due"), [("2026-04-02T03:59Z", False), ("2026-04-02T04:00Z", True)])
def test_a_day_that_is_not_over_where_the_desk_is_waits(now: str, due: bool) -> None:
    desk = mapping(watermark="file_day", timezone="America/New_York")
    assert is_due(desk, "log-2026-04-01.csv", date(2026, 4, 1), datetime.fromisoformat(now)) is due


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
    landed = [(name, LATER) for name in names]
    until = complete_until(mapping(watermark="file_day", timezone="Europe/Madrid"), landed, known)
    assert until == (datetime.fromisoformat(expected).replace(tzinfo=madrid) if expected else None)


@pytest.mark.parametrize(
    ("names", "landed_at", "expected"),
    [
        (["log-2026-03.csv"], "2026-03-10T12:00+01:00", "2026-03-10"),
        (["log-2026-03.csv"], "2026-03-31T23:59+02:00", "2026-03-31"),
        (["log-2026-03.csv"], "2026-04-01T00:00+02:00", "2026-04-01"),
        (["log-2026-03.csv"], "2026-03-01T12:00+01:00", None),
        (["log-2026-03-31.csv"], "2026-03-31T23:59+02:00", None),
        (["log-2026-02.csv", "log-2026-03-01.csv"], "2026-03-01T23:59+01:00", "2026-03-01"),
    ],
)
def test_a_day_that_was_not_over_when_its_file_landed_does_not_count(
    names: list[str], landed_at: str, expected: str | None
) -> None:
    desk = mapping(watermark="file_month", timezone="Europe/Madrid")
    until = complete_until(desk, [(name, datetime.fromisoformat(landed_at)) for name in names], None)
    assert until == (datetime.fromisoformat(expected).replace(tzinfo=ZoneInfo("Europe/Madrid")) if expected else None)
