"""The desk's own counts: which stretches are asked for, and that none goes beyond what its search has indexed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deskledger.errors import SourceError
from deskledger.sources.demo.scene import Habits
from deskledger.sources.demo.zendesk_server import Store, running
from deskledger.sources.desk import Answer, Request
from deskledger.sources.zendesk import DESK

from tests.unit.sources.zendesk.pull import pull, streams

NOW = datetime(2026, 4, 8, 2, 0, 30, tzinfo=UTC)


def walked(since: datetime, until: datetime | None = None, now: datetime = NOW) -> tuple[list[Request], list[Any]]:
    """The questions of a pull whose every answer counts 7, and its records."""
    stream = streams()["desk_counts"]
    cursor, asked, records = stream.begin(since, until), [], []
    while True:
        asked.append(stream.request(cursor))
        step = stream.step(cursor, Answer({"count": 7}, now))
        records += step.records
        if step.is_end:
            assert step.cursor == stream.begin(since, until)  # the next pull begins as this one did
            return asked, records
        cursor = step.cursor


def test_all_since_the_beginning_is_counted_and_each_of_the_newest_months() -> None:
    asked, records = walked(datetime(2026, 1, 1, tzinfo=UTC))
    end = "2026-04-08T01:00:30Z"  # an hour before the answer: search indexes a few minutes late
    assert [(each["what"], each["created_from"], each["created_before"]) for each in records] == [
        ("tickets created since 2026-01-01", "2026-01-01T00:00:00Z", end),
        ("tickets created in 2026-04", "2026-04-01T00:00:00Z", end),
        ("tickets created in 2026-03", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("tickets created in 2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
    ]
    assert asked[3].params == (("query", "type:ticket created>=2026-03-01T00:00:00Z created<2026-04-01T00:00:00Z"),)
    rows = DESK.rows("desk_counts", records[:1], ["what", "tickets", "counted_at"])
    assert rows.to_dict("records") == [
        {"what": "tickets created since 2026-01-01", "tickets": "7", "counted_at": "2026-04-08T02:00:30+00:00"}
    ]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (datetime(2026, 3, 5, tzinfo=UTC), None, ["since 2026-03-05", "in 2026-04", "in 2026-03"]),
        (datetime(2026, 4, 8, 1, 0, 29, tzinfo=UTC), None, ["since 2026-04-08", "in 2026-04"]),
        (datetime(2026, 4, 8, 1, 0, 30, tzinfo=UTC), None, []),
        (datetime(2026, 2, 5, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC), ["from 2026-02-05 to 2026-03-09"]),
    ],
)
def test_a_pull_counts_what_it_is_about(since: datetime, until: datetime | None, expected: list[str]) -> None:
    _, records = walked(since, until)
    assert [each["what"].removeprefix("tickets created ") for each in records] == expected


@pytest.mark.parametrize("body", [{}, {"count": True}, {"count": "7"}, []])
def test_an_answer_without_a_number_is_refused(body: Any) -> None:
    stream = streams()["desk_counts"]
    with pytest.raises(SourceError, match="no number named count"):
        stream.step(stream.begin(NOW, None), Answer(body, NOW))


def test_the_demo_account_counts_its_tickets_without_the_deleted_ones() -> None:
    store = Store.make(seed=3, tickets_per_month=100, habits=Habits(deleted=0.05))
    with running(store, tells_deleted=True) as server:
        total = pull(server, streams()["desk_counts"]).records[0]
        told = pull(server, streams()["tickets"]).records
    number = {each["id"] for each in told}
    deleted = {each["id"] for each in told if each["status"] == "deleted"}
    late = {each["id"] for each in told if each["created_at"] >= total["created_before"]}
    assert len(deleted) > 5 and total["tickets"] == len(number - deleted - late)
