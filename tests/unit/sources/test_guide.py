"""The stream printed in docs/add-your-helpdesk.md does what the page says: it is run as it stands there."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deskledger.errors import SourceError
from deskledger.sources.desk import Answer, Step, Stream

PAGE = Path(__file__).parents[3] / "docs" / "add-your-helpdesk.md"
NOW = datetime(2026, 4, 2, 2, tzinfo=UTC)


def printed() -> Stream:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    room: dict[str, Any] = {"__name__": "printed"}
    exec(code, room)
    updates: Stream = room["Updates"]()
    return updates


def pull(stream: Stream, seconds_ago: dict[int, int], cursor: dict[str, Any], now: datetime) -> tuple[list[int], Step]:
    """A pull of three updates a page, of those that the desk shows (number: how long ago); an hour passes with each."""
    found: list[int] = []
    for hour in range(9):
        after = int(dict(stream.request(cursor).params)["after"])
        shown = [number for number in sorted(seconds_ago) if number > after]
        told = [{"id": n, "ticket": n, "at": (NOW - timedelta(seconds=seconds_ago[n])).isoformat()} for n in shown[:3]]
        body = {"updates": told, "last": len(shown) <= 3}
        step = stream.step(cursor, Answer(body, now + timedelta(hours=hour)))
        found += [each["id"] for each in step.records]
        cursor = json.loads(json.dumps(step.cursor))
        if step.is_end:
            return found, step
    raise AssertionError("the pull does not end")


@pytest.mark.parametrize("young", [[4, 6, 7, 8], [6, 7], [4, 6, 7, 8, 9, 10]])
def test_an_update_that_appears_late_is_found_whatever_page_the_young_ones_were_on(young: list[int]) -> None:
    stream = printed()
    shown = {1: 900, 2: 800, 3: 700} | {number: 50 - number for number in young}
    found, last = pull(stream, shown, stream.begin(NOW - timedelta(days=1), None), NOW)
    assert found == sorted(shown)
    assert last.complete_until == NOW - timedelta(minutes=1)
    found, last = pull(stream, {**shown, 5: 45}, last.cursor, NOW + timedelta(days=1))
    assert 5 in found and last.complete_until == NOW + timedelta(days=1) - timedelta(minutes=1)


@pytest.mark.parametrize("body", [{"error": "?"}, [], "<html>", {"updates": [{"id": 1}], "last": True}])
def test_an_answer_that_is_no_page_is_refused(body: Any) -> None:
    stream = printed()
    with pytest.raises(SourceError, match="no page of updates"):
        stream.step(stream.begin(NOW, None), Answer(body, NOW))
