"""Answers in the form that Request Tracker 5.0 gives them, and a list that pages and hides as it does."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from deskledger.sources.desk import Account, Answer, Request, Step, Stream
from deskledger.sources.request_tracker import DESK

ACCOUNT = Account("https://rt.example.org", secret="1-2-rt-secret")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
COLUMNS = frozenset({"Ticket", "CF.Channel", "OldCF.Customer", "CF.Customer", "Rating.CSAT"})


def stream(name: str, columns: frozenset[str] = COLUMNS) -> Stream:
    return next(each for each in DESK.streams(ACCOUNT, columns) if each.name == name)


def user(number: int | str) -> dict[str, Any]:
    return {"type": "user", "id": number, "_url": f"https://rt.example.org/REST/2.0/user/{number}"}


def transaction(number: int, ticket: int, kind: str, at: str = "2026-01-05T09:00:00Z", **told: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "type": "transaction",
        "_url": f"https://rt.example.org/REST/2.0/transaction/{number}",
        "ObjectId": str(ticket),
        "Type": kind,
        "Created": at,
        "Creator": user(31),
        **{"Field": "", "OldValue": "", "NewValue": "", **told},
    }


def ticket(number: int, **told: Any) -> dict[str, Any]:
    fields = {"CSAT": ["4"], "Channel": ["web"], "Notes": ["call me on 555-0101"], "Customer": []}
    return {
        "id": number,
        "type": "ticket",
        "_url": f"https://rt.example.org/REST/2.0/ticket/{number}",
        "Status": "resolved",
        "Created": "2026-01-05T09:00:00Z",
        "LastUpdated": "2026-01-06T10:00:00Z",
        "Queue": {"type": "queue", "id": 3, "_url": "https://rt.example.org/REST/2.0/queue/3"},
        "Owner": user(31),
        "Priority": "50",
        "SLA": "standard",
        "Due": "2026-01-07T09:00:00Z",
        "Starts": "2026-01-05T09:00:00Z",
        "Started": "1970-01-01T00:00:00Z",
        "Resolved": "2026-01-06T10:00:00Z",
        "CustomFields": [
            {"type": "customfield", "id": str(n), "name": name, "values": values, "_url": ""}
            for n, (name, values) in enumerate(fields.items(), 2)
        ],
        **told,
    }


def page(items: Sequence[Any], total: int | None, number: int = 1) -> dict[str, Any]:
    pages = None if total is None else -(-total // 100)
    return {"items": list(items), "count": len(items), "per_page": 100, "page": number, "total": total, "pages": pages}


def answer(body: Any, at: datetime = NOW) -> Answer:
    return Answer(json.loads(json.dumps(body)), at)


def params(request: Request) -> dict[str, str]:
    return dict(request.params)


def listing(
    items: Sequence[dict[str, Any]], hidden: frozenset[int] = frozenset(), others: Sequence[dict[str, Any]] = ()
) -> Callable[[Request], Any]:
    """A list that is cut into pages first and loses afterwards what the account may not see; then it has no total.

    `others` are rows of the whole list that the stream does not ask for.
    """

    def ask(request: Request) -> dict[str, Any]:
        asked = params(request)
        query = re.sub(r'\[\{"field": "id", "operator": "([>=])", "value": "(\d+)"\}\]', r"id \1 \2", asked["query"])
        assert (asked["orderby"], asked["per_page"]) == ("id", "100")
        after, named, newest = (re.search(form, query) for form in (r"id > (\d+)", r"^id = (\d+)", r"OR id = (\d+)\)$"))
        found = {int(each["id"]): each for each in items if not named or int(each["id"]) == int(named[1])}
        if asked["order"] == "DESC" or newest:
            wanted = {int(newest[1])} if newest else {int(each["id"]) for each in others}
            found |= {int(each["id"]): each for each in others if int(each["id"]) in wanted}
        numbers = sorted(
            (each for each in found if not after or each > int(after[1])), reverse=asked["order"] == "DESC"
        )
        number = int(asked["page"])
        cut = numbers[100 * (number - 1) : 100 * number]
        seen = [found[each] for each in cut if each not in hidden]
        return page(seen, None if hidden else len(numbers), number)

    return ask


def pull(
    asked: Stream,
    ask: Callable[[Request], Any],
    cursor: dict[str, Any] | None = None,
    at: datetime = NOW,
    most: int = 1000,
) -> tuple[list[Any], Step, int]:
    """A whole pull: its records, its last step, and how many requests it took. A minute passes with each."""
    cursor = asked.begin(SINCE, None) if cursor is None else cursor
    records: list[Any] = []
    for number in range(1, most):
        step = asked.step(cursor, answer(ask(asked.request(cursor)), at + timedelta(minutes=number - 1)))
        records += step.records
        cursor = json.loads(json.dumps(step.cursor))  # as it is kept in the database
        if step.is_end:
            return records, step, number
    raise AssertionError("the pull does not end")
