"""Paging: nothing is lost between pages, behind rows that the account may not see, or to those who commit late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskledger.errors import DeadEndError, SourceError
from deskledger.sources.desk import Request

from tests.unit.sources.request_tracker.desk import (
    NOW,
    SINCE,
    answer,
    listing,
    page,
    params,
    pull,
    stream,
    ticket,
    transaction,
)


def history(count: int, at: str = "2026-01-05T09:00:00Z") -> list[dict]:
    return [transaction(number, 1, "Comment", at) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (100, 1), (101, 2), (200, 2), (250, 3)])
def test_an_account_that_sees_all_stops_at_the_desks_total(count: int, requests: int) -> None:
    records, last, asked = pull(stream("transactions"), listing(history(count)))
    assert [each["id"] for each in records] == [str(number) for number in range(1, count + 1)]
    assert (asked, last.total) == (requests, count)


@pytest.mark.parametrize(
    "hidden",
    [
        {1},
        {100},
        set(range(1, 30)),  # a short page
        set(range(51, 151)),  # the rest of a page and the beginning of the next
        set(range(1, 101)),  # a page of nothing
        set(range(1, 201)),  # two of them
        set(range(201, 251)),  # nothing at the end
        set(range(6, 245)),
    ],
)
def test_rows_that_the_account_may_not_see_hide_no_others(hidden: set[int]) -> None:
    records, last, _ = pull(stream("transactions"), listing(history(250), frozenset(hidden)))
    assert [int(each["id"]) for each in records] == [n for n in range(1, 251) if n not in hidden]
    assert last.total is None


@pytest.mark.parametrize("name", ["transactions", "tickets", "queues", "dues", "changes_customer", "ratings_csat"])
@pytest.mark.parametrize("count", [99, 100, 101, 300, 301, 2_500])
def test_however_many_rows_are_hidden_in_a_row_the_next_ones_are_found(name: str, count: int) -> None:
    """More than any number of empty pages that one might take for the end; and at the beginning, as in the middle."""
    numbers = [1, 2, *range(count + 3, count + 6)]
    make = ticket if name == "tickets" else lambda n: transaction(n, 1, "Set", NewValue="4", Name="Support")
    for first in (1, 3):
        hidden = frozenset(range(first, count + 3))
        records, last, _ = pull(stream(name), listing([make(n) for n in range(1, count + 6)], hidden))
        assert [int(each["id"]) for each in records] == [n for n in numbers if n not in hidden]
        assert last.complete_until == NOW - timedelta(minutes=5)
        more = [make(n) for n in range(1, count + 9)]
        again, _, _ = pull(stream(name), listing(more, hidden), last.cursor)
        assert [int(each["id"]) for each in again][-3:] == [count + 6, count + 7, count + 8]


@pytest.mark.parametrize("others", [[], [transaction(301, 1, "EmailRecord")], [transaction(402, 1, "EmailRecord")]])
def test_the_newest_row_of_the_whole_list_lands_only_where_it_was_asked_for(others: list[Any]) -> None:
    told = [transaction(number, 1, "Set") for number in (1, 2, 401)]
    records, last, _ = pull(stream("dues"), listing(told, frozenset({2}), others))
    assert [each["id"] for each in records] == ["1", "401"]
    assert last.cursor["after"] == max([401, *(int(each["id"]) for each in others)])


def test_an_end_without_total_costs_few_questions_where_nothing_is_hidden_in_a_row() -> None:
    unseen = frozenset({1})
    for count, requests in ((2, 2), (100, 2), (101, 4), (250, 5)):
        _, last, asked = pull(stream("transactions"), listing(history(count), unseen))
        assert asked == requests, count
    _, last, asked = pull(stream("transactions"), listing(history(250), unseen), last.cursor)
    assert asked == 2


def test_the_newest_row_that_goes_out_of_sight_is_looked_for_again() -> None:
    shown = history(5_000)
    seen = [transaction(number, 1, "Comment") for number in (1, 2_400, 5_000)]
    hidden = frozenset(range(2, 5_000)) - {2_400}
    asked = 0

    def ask(request: Request) -> Any:
        nonlocal asked
        asked += 1
        return listing(shown, hidden if asked < 5 else hidden | {5_000})(request)

    records, last, _ = pull(stream("transactions"), ask)
    assert [each["id"] for each in records] == [each["id"] for each in seen[:2]]
    assert last.is_end and last.cursor["after"] == 2_400


def test_a_list_whose_end_nobody_can_tell_is_refused() -> None:
    with pytest.raises(SourceError, match="none of the newest 10,000 rows is shown, or there is none yet"):
        pull(stream("transactions"), lambda request: page([], None))
    with pytest.raises(SourceError, match="more than 100,000 rows in a row are hidden") as refused:
        pull(
            stream("transactions"),
            lambda request: page([transaction(10**6, 1, "Create")] * (params(request)["order"] == "DESC"), None),
            most=2_000,
        )
    assert "UseSQLForACLChecks" in str(refused.value.remedy)


@pytest.mark.parametrize(("shown", "most"), [(None, 1000), (10**6, 2_000)])
def test_a_search_that_was_refused_begins_again_and_finds_what_is_shown_since(shown: int | None, most: int) -> None:
    """The account gets its rights, or the desk its first row: the refusal asks for no more than that."""
    newest = [transaction(shown, 1, "Create")] if shown else []
    told = stream("transactions")
    with pytest.raises(DeadEndError) as refused:
        pull(told, lambda request: page(newest * (params(request)["order"] == "DESC"), None), most=most)
    records, last, _ = pull(told, listing(history(250), frozenset({7})), refused.value.cursor)
    assert [int(each["id"]) for each in records] == [number for number in range(1, 251) if number != 7]
    assert last.is_end


@pytest.mark.parametrize("name", ["transactions", "tickets"])
def test_after_a_refusal_what_the_walk_had_passed_unseen_is_found_too(name: str) -> None:
    """A later pull meets too many hidden rows; the right shows those that earlier pulls had passed as well."""
    make = ticket if name == "tickets" else lambda n: transaction(n, 1, "Create")
    rows, told = [make(number) for number in range(1, 121)], stream(name)
    first, ended, _ = pull(told, listing(rows, frozenset(range(20, 90))))
    assert len(first) == 50

    def hidden(request: Request) -> Any:
        return page([make(10**6)] * (params(request)["order"] == "DESC"), None)

    with pytest.raises(DeadEndError) as refused:
        pull(told, hidden, ended.cursor, most=2_000)
    again, _, _ = pull(told, listing(rows), refused.value.cursor)
    assert [int(each["id"]) for each in again] == list(range(1, 121))
    assert refused.value.cursor["since"] == told.begin(SINCE, None)["since"]


def test_rights_that_come_in_the_middle_of_a_hidden_stretch_lose_nothing() -> None:
    asked = 0

    def ask(request: Request) -> Any:
        nonlocal asked
        asked += 1
        return listing(history(500), frozenset(range(2, 500)) if asked < 5 else frozenset())(request)

    records, _, _ = pull(stream("transactions"), ask)
    assert [int(each["id"]) for each in records] == list(range(1, 501))


def test_a_total_without_rows_is_refused() -> None:
    with pytest.raises(SourceError, match="a total of 101 and a page of nothing") as caught:
        pull(stream("tickets"), lambda request: page([], 101))
    assert "asked for again" in (caught.value.remedy or "")


def test_the_next_pull_of_the_history_goes_on_by_id_and_finds_what_was_committed_late() -> None:
    edge = NOW - timedelta(minutes=5)
    at = lambda instant: instant.isoformat().replace("+00:00", "Z")  # noqa: E731
    old, edged, young = (
        transaction(10, 1, "Comment", at(edge - timedelta(seconds=1))),
        transaction(11, 1, "Comment", at(edge)),
        transaction(13, 1, "Comment", at(NOW)),
    )
    late = transaction(12, 1, "Comment", at(edge + timedelta(seconds=1)))
    _, last, _ = pull(stream("transactions"), listing([old, edged, young]))
    assert last.complete_until == edge
    assert "since" not in last.cursor and "Created" not in params(stream("transactions").request(last.cursor))["query"]
    again, _, _ = pull(stream("transactions"), listing([old, edged, late, young]), last.cursor)
    assert [each["id"] for each in again] == ["11", "12", "13"]


def test_a_pull_that_takes_hours_is_sure_of_what_was_before_it_began() -> None:
    records = [transaction(number, 1, "Comment", "2026-02-01T11:00:00Z") for number in range(1, 500)]
    _, last, requests = pull(stream("transactions"), listing(records))
    assert requests == 5
    assert last.complete_until == NOW - timedelta(minutes=5)


def test_the_next_pull_of_the_tickets_asks_for_those_updated_since_a_day_earlier_for_the_zone() -> None:
    first = params(stream("tickets").request(stream("tickets").begin(SINCE, None)))
    assert first["query"] == "id > 0 AND EffectiveId > 0 AND LastUpdated >= '2025-12-31 00:00:00'"
    _, last, _ = pull(stream("tickets"), listing([ticket(7), ticket(9)]))
    then = params(stream("tickets").request(last.cursor))
    assert then["query"] == "id > 0 AND EffectiveId > 0 AND LastUpdated >= '2026-01-31 11:55:00'"


def test_a_window_ends_and_takes_tickets_that_were_updated_after_it() -> None:
    until = datetime(2026, 1, 15, tzinfo=UTC)
    tickets, told = stream("tickets"), stream("transactions")
    assert "Created < '2026-01-16 00:00:00'" in params(tickets.request(tickets.begin(SINCE, until)))["query"]
    assert "LastUpdated <" not in params(tickets.request(tickets.begin(SINCE, until)))["query"]
    cursor = told.begin(SINCE, until)
    query = params(told.request(cursor))["query"]
    assert "Created >= '2025-12-31 00:00:00' AND Created < '2026-01-16 00:00:00'" in query
    assert told.step(cursor, answer(page([], 0))).complete_until == until


@pytest.mark.parametrize(("at", "is_sure"), [("2026-02-01T11:54:59", True), ("2026-02-01 11:55:00", False)])
def test_an_instant_without_its_zone_is_utc(at: str, is_sure: bool) -> None:
    _, last, _ = pull(stream("transactions"), listing([transaction(7, 1, "Comment", at)]))
    assert last.cursor["after"] == (7 if is_sure else 0)


@pytest.mark.parametrize(
    "body",
    [[], "<html>", {"items": None}, page([{"type": "transaction"}], 1), page(["1"], 1), page([{"id": "x"}], 1),
     page([{"id": "1" * 5_000}], 1), page([{"id": 10**18}], 1), page([{"id": "\N{ARABIC-INDIC DIGIT THREE}"}], 1)],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(body: object) -> None:
    told = stream("transactions")
    with pytest.raises(SourceError, match="the desk answered with"):
        told.step(told.begin(SINCE, None), answer(body))
