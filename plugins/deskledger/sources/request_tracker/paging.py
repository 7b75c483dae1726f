"""How to page: by id, past rows that the account may not see, to an end that is proven.

Request Tracker cuts a list into pages first and takes away afterwards what the account may not see: pages come short,
and may come empty in the middle. It then gives no total either, and an empty page looks like one after the last. So a
walk goes on from the highest id that it has seen. It ends where the desk's total says so; or, without a total, at the
newest row of the whole list that the account sees: that one is asked for, and stands among the rows of every page's
question until it is met (docs/adr/0097-proven-ends.md).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deskledger.errors import DeadEndError, SourceError
from deskledger.sources.desk import Answer, Cursor, Field, Request, Step

API = "/REST/2.0"
PER_PAGE = 100  # Request Tracker gives no more, and says nothing of it
EMPTY_PAGES = 20  # in a row: then the newest row is asked for again, as it may have gone out of sight
MOST_HIDDEN_PAGES = 1_000  # in a row: more are refused
NEWEST_PAGES = 100  # of the newest rows: an account that sees none of them is refused
# A row has the instant at which its transaction began, and is seen when that ended: what is younger is asked again.
LAG = timedelta(minutes=5)
# Instants in a query are read in the time zone of the account's user, which REST does not tell.
ZONES = timedelta(days=1)
_OLD_ANSWER = "clear the task, and the page is asked for again; if it stays so, something in between keeps old answers"
_OTHER_ADDRESS = "the base URL of the connection must be that of Request Tracker itself, without /REST/2.0"


@dataclass
class Walk:
    """A list walked by id. `asks` are the parameters beside the query; subclasses say the query.

    The cursor's `ask` is absent for a page of rows; "newest" for the newest row that the account sees, whatever it is,
    then kept as `newest`; "whether" for whether that row is itself one of those that are asked for.
    """

    name: str
    section: str
    fields: tuple[Field, ...]
    path: str
    asks: tuple[tuple[str, str], ...]

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        """From the first id on, of what the query takes for these instants."""
        return {**_START, "since": _text(since), "until": _text(until) if until else None}

    def whole(self) -> str:
        """The condition of the whole list, of which the stream takes some rows."""
        raise NotImplementedError

    def wanted(self, cursor: Cursor) -> str:
        """The condition of the rows that the stream takes."""
        raise NotImplementedError

    def query(self, cursor: Cursor) -> str:
        """The condition at the cursor, in the desk's own language."""
        newest = cursor.get("newest")
        if cursor.get("ask") == "newest":
            return self.whole()
        if cursor.get("ask") == "whether":
            return f"id = {newest} AND {self.whole()} AND {self.wanted(cursor)}"
        if newest is None:
            return f"id > {cursor['after']} AND {self.whole()} AND {self.wanted(cursor)}"
        return f"id > {cursor['after']} AND {self.whole()} AND (({self.wanted(cursor)}) OR id = {newest})"

    def request(self, cursor: Cursor) -> Request:
        """The page at the cursor."""
        order, page = ("DESC", cursor["back"]) if cursor.get("ask") == "newest" else ("ASC", cursor["page"])
        paged = (("orderby", "id"), ("order", order), ("per_page", str(PER_PAGE)), ("page", str(page)))
        return Request(f"{API}{self.path}", (("query", self.query(cursor)), *paged, *self.asks))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        """The page's records, and the next page."""
        found = self.walked(cursor, answer)
        return replace(found, records=[self.kept(each) for each in found.records if self.takes(each)])

    def walked(self, cursor: Cursor, answer: Answer) -> Step:
        """The page's items that the stream asks for, as they came, and where to go on."""
        items, total = items_of(self.name, answer)
        moved = {**cursor, "asked_at": cursor.get("asked_at") or _text(answer.answered_at)}
        moved.setdefault("total", total)
        if total is not None and (cursor["page"] > 1 or "newest" in cursor or "ask" in cursor):
            # Rights that came in the meantime: rows are there that were hidden on the pages before.
            return Step([], {**_without(moved, "ask", "newest", "back"), "page": 1, "empty": 0}, False)
        if cursor.get("ask") == "newest":
            return self._looked(moved, items)
        if cursor.get("ask") == "whether":
            return self._ended(moved, items)
        newest = cursor.get("newest")
        taken = [each for each in items if id_of(self.name, each) != newest]
        moved |= self.passed(cursor, items, _sure_until(moved))
        if taken:
            moved |= {"after": max(id_of(self.name, each) for each in taken), "page": 1, "empty": 0}
        if total is not None and total <= PER_PAGE:
            return self._ended(moved, taken)
        if total is not None and not taken:
            raise strange(self.name, f"a total of {total} and a page of nothing", _OLD_ANSWER)
        if total is not None:
            return Step(taken, moved, False, total=moved["total"])
        if len(taken) < len(items):
            return Step(taken, {**moved, "ask": "whether", "page": 1}, False)
        if newest is None:
            return Step(taken, {**moved, "ask": "newest", "back": 1}, False)
        if not items:
            moved |= {"page": cursor["page"] + 1, "empty": cursor["empty"] + 1}
            if moved["empty"] == MOST_HIDDEN_PAGES:
                what = f"more than {MOST_HIDDEN_PAGES * PER_PAGE:,} rows in a row are hidden"
                raise self._hidden(what, cursor)
            if moved["empty"] % EMPTY_PAGES == 0:
                moved |= {"ask": "newest", "back": 1}
        return Step(taken, moved, False)

    def _looked(self, cursor: Cursor, items: Sequence[Any]) -> Step:
        """From the newest page of the whole list, or the next one before it where all of that is hidden."""
        if not items:
            if cursor["back"] == NEWEST_PAGES:
                what = f"none of the newest {NEWEST_PAGES * PER_PAGE:,} rows is shown, or there is none yet"
                raise self._hidden(what, cursor)
            return Step([], {**cursor, "back": cursor["back"] + 1}, False)
        newest = max(id_of(self.name, each) for each in items)
        if newest <= cursor["after"]:
            return self._ended(cursor, [])
        moved = {**_without(cursor, "ask", "back"), "newest": newest}
        if newest < cursor.get("newest", newest):
            moved |= {"page": 1, "empty": 0}  # the one before has gone out of sight, and this one may be behind us
        return Step([], moved, False)

    def _ended(self, cursor: Cursor, items: Sequence[Any]) -> Step:
        sure_until = _sure_until(cursor)
        until = datetime.fromisoformat(cursor["until"]) if cursor.get("until") else sure_until
        return Step(items, self.again(cursor, sure_until), True, min(until, sure_until), cursor["total"])

    def _hidden(self, what: str, cursor: Cursor) -> SourceError:
        # Once the account has its rights, or the desk a row, all is to be found that was passed unseen: from the first.
        dead_end = DeadEndError(
            f"{what}; as Request Tracker gives this account no total, nobody can tell where the list ends",
            where=self.name,
            remedy="give the account's user the rights that docs/desks/request-tracker.md names, and leave Request"
            " Tracker's $UseSQLForACLChecks on, as it is by default",
        )
        begun = self.begun(cursor)
        dead_end.cursor = {**_START, "since": begun, "until": cursor.get("until"), "begun": begun}
        return dead_end

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
        return {**_START, "since": _text(sure_until), "until": None, "begun": self.begun(cursor)}

    def begun(self, cursor: Cursor) -> str | None:
        """Where the first pull began: should the walk have to begin again, it is from there."""
        return cursor.get("begun") or cursor.get("since")


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
    if not re.fullmatch("[0-9]{1,18}", str(number)):
        raise strange(stream, f"an item without its number `{name}`")
    return int(str(number))


def strange(stream: str, what: str, remedy: str = _OTHER_ADDRESS) -> SourceError:
    """An answer that is not one of REST 2.0, or not one that the documented rights would give."""
    return SourceError(f"the desk answered with {what}", where=stream, remedy=remedy)


def since(cursor: Cursor, field: str) -> str:
    """The condition that takes what happened since the pull's first instant, whatever zone the desk reads it in."""
    return f"{field} >= '{datetime.fromisoformat(cursor['since']) - ZONES:%Y-%m-%d %H:%M:%S}'"


def until(cursor: Cursor, field: str) -> str:
    """The condition that ends a window, in the same way."""
    return f"{field} < '{datetime.fromisoformat(cursor['until']) + ZONES:%Y-%m-%d %H:%M:%S}'"


def listed(**values: Any) -> str:
    """A query of the lists that take JSON: each field with its operator and value."""
    return json.dumps([{"field": name, "operator": each[0], "value": each[1]} for name, each in values.items()])


def _sure_until(cursor: Cursor) -> datetime:
    return datetime.fromisoformat(cursor["asked_at"]) - LAG


def _without(cursor: Cursor, *names: str) -> Cursor:
    return {name: value for name, value in cursor.items() if name not in names}


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
