"""docs/add-your-helpdesk.md prints a room that works: its files, as they stand there, against a small desk."""

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import deskledger.sources
from deskledger.errors import SourceError
from deskledger.settings import settings
from deskledger.sources.desk import Account, Answer, Cursor, Desk, Step, Stream
from deskledger.sources.kept import check, keep

NOW = datetime(2026, 4, 2, 2, tzinfo=UTC)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = "deskledger.sources.acme"
PAGE = 3
COLUMNS = ("Ticket", "Sequence", "At", "Created", "Status", "Author")


def printed() -> str:
    return (settings().home / "docs" / "add-your-helpdesk.md").read_text("utf-8")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    page = printed()
    files = re.findall(r"```python\n# plugins/deskledger/sources/(acme/\w+\.py)\n(.*?)```", page, flags=re.DOTALL)
    assert {name for name, _ in files} == {f"acme/{each}.py" for each in ("__init__", "streams", "rows")}
    assert page.count("```python") == len(files)
    (tmp_path / "acme").mkdir()
    for name, code in files:
        (tmp_path / name).write_text(code, "utf-8")
    monkeypatch.setattr(deskledger.sources, "__path__", [*deskledger.sources.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield importlib.import_module(ROOM).DESK
    for name in [each for each in sys.modules if each == ROOM or each.startswith(f"{ROOM}.")]:
        del sys.modules[name]


@pytest.fixture
def updates(desk: Desk) -> Stream:
    (stream,) = desk.streams(Account("https://acme.example"), frozenset())
    return stream


def update(number: int, ago_seconds: float, **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(seconds=ago_seconds)).isoformat()
    told = {"id": number, "ticket": number % 3, "at": at, "created": SINCE.isoformat(), "status": "open"}
    return {**told, "author": "Ann Ortiz", **more}


def pull(
    stream: Stream, visible: list[dict[str, Any]], cursor: Cursor | None = None, now: datetime = NOW
) -> list[Step]:
    """One pull to its end, with an answer every ten seconds; the desk shows an update from when it is in `visible`."""
    steps: list[Step] = []
    cursor = stream.begin(SINCE, None) if cursor is None else cursor
    while not steps or not steps[-1].is_end:
        after = int(dict(stream.request(cursor).params)["after"])
        rows = sorted((each for each in visible if each["id"] > after), key=lambda each: each["id"])
        body = {"updates": rows[:PAGE], "last": len(rows) <= PAGE}
        steps.append(stream.step(cursor, Answer(body, now + timedelta(seconds=10 * len(steps)))))
        assert steps[-1].is_end or steps[-1].cursor != cursor
        cursor = steps[-1].cursor
    return steps


def numbers(steps: list[Step]) -> set[int]:
    return {each["id"] for step in steps for each in step.records}


@pytest.mark.parametrize("late", range(4, 12))
def test_an_update_that_appears_late_is_asked_for_wherever_the_pages_end(updates: Stream, late: int) -> None:
    """Three old updates, then eight of the last minute, of which one is still being written."""
    whole = [update(number, 3600) for number in (1, 2, 3)] + [update(n, 56 - 2 * n) for n in range(4, 12)]
    first = pull(updates, [each for each in whole if each["id"] != late])
    assert numbers(first) == set(range(1, 12)) - {late}
    # Whatever was young at the first answer is not promised, however long the pages after it took.
    assert first[-1].complete_until == NOW - timedelta(minutes=1)
    second = pull(updates, whole, first[-1].cursor, NOW + timedelta(days=1))
    assert numbers(second) == set(range(4, 12))
    assert pull(updates, whole, second[-1].cursor, NOW + timedelta(days=2))[0].records == []


@pytest.mark.parametrize(("ago_seconds", "again"), [(60.000001, set()), (60, {1})])
def test_what_is_younger_than_a_minute_is_asked_for_again(updates: Stream, ago_seconds: float, again: set[int]) -> None:
    told = [update(1, ago_seconds)]
    assert numbers(pull(updates, told, pull(updates, told)[-1].cursor)) == again


@pytest.mark.parametrize("at", [None, "soon", 7, "2026-04-01T09:00:00"])
def test_an_update_of_no_readable_instant_is_not_passed_by(updates: Stream, at: Any) -> None:
    last = pull(updates, [update(1, 3600), update(2, 3600, at=at), update(3, 3600)])[-1]
    assert last.cursor["after"] == 1


@pytest.mark.parametrize(
    "body",
    [None, "<html>", [], {"error": "?"}, {"updates": [], "last": "yes"}, {"updates": {}, "last": True},
     {"updates": [7], "last": True}, {"updates": [{}], "last": True}, {"updates": [{"id": "7"}], "last": True},
     {"updates": [{"id": True}], "last": True}],
)  # fmt: skip
def test_an_answer_that_is_not_the_desks_is_refused(updates: Stream, body: Any) -> None:
    with pytest.raises(SourceError, match="the answer is no page of numbered updates"):
        updates.step(updates.begin(SINCE, None), Answer(body, NOW))


def test_what_lands_is_what_the_fields_name_and_the_rows_say_it(desk: Desk, updates: Stream) -> None:
    kept = keep(updates.fields, [update(1, 60, note="secret words"), {"id": 2, "ticket": {"no": 1}}, "junk"])
    check(updates.name, kept)
    kept.replace(dict.fromkeys(kept.values(), "token-of-ann"))
    assert "secret words" not in str(kept.records) and "Ann" not in str(kept.records)
    rows = desk.rows("updates", kept.records, [*COLUMNS, "Other"])
    assert rows.values.tolist() == [
        ["1", "1", "2026-04-02T01:59:00+00:00", "2026-01-01T00:00:00+00:00", "open", "token-of-ann", ""],
        ["(object)", "2", "", "", "", "", ""],
        [""] * 7,
    ]
    assert desk.headers(Account("https://acme.example", secret="s3cret")) == {"Authorization": "Bearer s3cret"}
