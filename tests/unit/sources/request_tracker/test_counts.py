"""The desk's own count of tickets: one question, asked before the tickets themselves."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deskledger.sources.desk import Answer
from deskledger.sources.request_tracker import DESK

from tests.unit.sources.request_tracker.desk import NOW, SINCE, params, stream


def counted(body: dict[str, Any], until: datetime | None = None) -> list[Any]:
    counts = stream("desk_counts")
    cursor = counts.begin(SINCE, until)
    step = counts.step(cursor, Answer(body, NOW))
    assert step.is_end and step.cursor == cursor
    return list(step.records)


def test_the_lists_total_is_the_count_of_all_up_to_its_newest_number() -> None:
    (record,) = counted({"items": [{"id": "812"}], "total": 640, "per_page": 1})
    columns = ["Counted", "CountedAt", "LastTicket", "Tickets"]
    assert DESK.rows("desk_counts", [record], columns).to_dict("records") == [
        {"Counted": "tickets", "CountedAt": NOW.isoformat(), "LastTicket": "812", "Tickets": "640"}
    ]
    asked = params(stream("desk_counts").request(stream("desk_counts").begin(SINCE, None)))
    assert (asked["orderby"], asked["order"], asked["per_page"]) == ("id", "DESC", "1")
    assert asked["query"].startswith("EffectiveId > 0 AND LastUpdated >= '")


@pytest.mark.parametrize("body", [{"items": [{"id": "812"}], "total": None}, {"items": [], "total": 0}])
def test_without_a_total_nothing_is_counted(body: dict[str, Any]) -> None:
    assert counted(body) == []


def test_a_window_with_an_end_is_not_counted() -> None:
    assert counted({"items": [{"id": "812"}], "total": 640}, until=datetime(2026, 3, 1, tzinfo=UTC)) == []
