"""How to page: by id, and past pages that are empty because the account may not see what is on them.

Request Tracker cuts a list into pages first and takes away afterwards what the account may not see: pages come short,
and may come empty in the middle. It then gives no total either. So a walk goes on from the highest id that it has seen,
and ends where the desk's total says so, or after several empty pages.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deskledger.errors import SourceError
from deskledger.sources.desk import Answer, Cursor, Field, Request, Step

API = "/REST/2.0"
PER_PAGE = 100  # Request Tracker gives no more, and says nothing of it
EMPTY_PAGES = 3  # in a row: then there is nothing more
# A row has the instant at which its transaction began, and is seen when that ended: what is younger is asked again.
LAG = timedelta(minutes=5)
# Instants in a query are read in the time zone of the account's user, which REST does not tell.
ZONES = timedelta(days=1)


@dataclass
class Walk:
    """A list walked by id. `asks` are the parameters beside the query; subclasses say the query."""

    name: str
    section: str
    fields: tuple[Field, ...]
    path: str
    asks: tuple[tuple[str, str], ...]

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        """From the first id on, of what the query takes for these instants."""
        return {**_START, "since": _text(since), "until": _text(until) if until else None}

    def query(self, cursor: Cursor) -> str:
        """The condition at the cursor, in the desk's own language."""
        raise NotImplementedError

    def request(self, cursor: Cursor) -> Request:
        """The page at the cursor."""
        page = (("orderby", "id"), ("order", "ASC"), ("per_page", str(PER_PAGE)), ("page", str(cursor["page"])))
        return Request(f"{API}{self.path}", (("query", self.query(cursor)), *page, *self.asks))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        """The page's records, and the next page."""
        items, total = items_of(self.name, answer)
        asked_at = cursor.get("asked_at") or _text(answer.answered_at)
        sure_until = datetime.fromisoformat(asked_at) - LAG
        moved = {**cursor, "asked_at": asked_at}
        if "total" not in moved:
            moved["total"] = total
        if items:
            moved |= {"after": max(id_of(self.name, each) for each in items), "page": 1, "empty": 0}
        else:
            moved |= {"page": cursor["page"] + 1, "empty": cursor["empty"] + 1}
        moved |= self.passed(cursor, items, sure_until)
        records = [self.kept(each) for each in items if self.takes(each)]
        is_end = moved["empty"] >= EMPTY_PAGES if total is None else total <= PER_PAGE * cursor["page"]
        if not is_end:
            return Step(records, moved, False, total=moved["total"])
        until = datetime.fromisoformat(cursor["until"]) if cursor.get("until") else sure_until
        return Step(records, self.again(moved, sure_until), True, min(until, sure_until), moved["total"])

    def passed(self, cursor: Cursor, items: Sequence[Any], sure_until: datetime) -> Cursor:
        """What else the cursor keeps after these items."""
        return {}

    def takes(self, item: Any) -> bool:
        """Whether the item lands at all."""
        return True

    def kept(self, item: Any) -> Any:
        """The record of an item: as it came, without what must not land."""
        return item

    def again(self, cursor: Cursor, sure_until: datetime) -> Cursor:
        """Where the next pull begins."""
        return {**_START, "since": _text(sure_until), "until": None}


_START: Cursor = {"after": 0, "page": 1, "empty": 0}


def items_of(stream: str, answer: Answer) -> tuple[list[Any], int | None]:
    """The items of a page, and the desk's total; None where it gives none."""
    body = answer.body
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise strange(stream, "a page without its list `items`")
    total = body.get("total")
    return body["items"], total if isinstance(total, int) else None


def id_of(stream: str, item: Any, name: str = "id") -> int:
    """The number of an item: the desk writes it as a number or as text."""
    number = item.get(name) if isinstance(item, dict) else None
    if not str(number).isdecimal():
        raise strange(stream, f"an item without its number `{name}`")
    return int(str(number))


def strange(stream: str, what: str) -> SourceError:
    """An answer that is not one of REST 2.0."""
    return SourceError(
        f"the desk answered with {what}",
        where=stream,
        remedy="the base URL of the connection must be that of Request Tracker itself, without /REST/2.0",
    )


def since(cursor: Cursor, field: str) -> str:
    """The condition that takes what happened since the pull's first instant, whatever zone the desk reads it in."""
    return f"{field} >= '{datetime.fromisoformat(cursor['since']) - ZONES:%Y-%m-%d %H:%M:%S}'"


def until(cursor: Cursor, field: str) -> str:
    """The condition that ends a window, in the same way."""
    return f"{field} < '{datetime.fromisoformat(cursor['until']) + ZONES:%Y-%m-%d %H:%M:%S}'"


def listed(**values: Any) -> str:
    """A query of the lists that take JSON: each field with its operator and value."""
    return json.dumps([{"field": name, "operator": each[0], "value": each[1]} for name, each in values.items()])


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
