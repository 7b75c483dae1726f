"""How Zendesk pages: exports by a cursor, exports by time, and lists."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deskledger.errors import DeskAwayError, SourceError
from deskledger.sources.desk import Answer, Cursor, Field, Request, Step
from deskledger.sources.zendesk.reading import epoch, instant, records_of

# The exports leave out what happened in the minute before the request ("to ensure the accuracy of the data").
LAST_MINUTE = timedelta(minutes=1)
# A time-based pull begins again this long before the last one's end: pages overlap anyway, and one second is shared.
OVERLAP_SECONDS = 60
LIST_PAGE = "100"  # the most that a list gives at once
_NO_TIME = "the next run asks the same again; if it lasts, ask Zendesk's support about the endpoint"

Params = tuple[tuple[str, str], ...]
Reading = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]


def as_told(record: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (record,)


def as_it_is(records: list[dict[str, Any]]) -> None:
    """Nothing more is asked of the page."""


@dataclass
class _Asked:
    """What all streams have: name, section of the mapping, kept fields, path, the answer's key, and how to read it."""

    name: str
    section: str
    fields: tuple[Field, ...]
    path: str
    key: str
    params: Params = ()
    reading: Reading = as_told
    checking: Callable[[list[dict[str, Any]]], None] = as_it_is  # what a page as a whole must tell
    from_the_start: bool = False  # what has not changed since a pull's beginning is needed too: people, organizations

    def beginning(self, name: str, since: datetime, until: datetime | None) -> Cursor:
        window = {} if until is None else {"until": epoch(until)}
        return {name: 0 if self.from_the_start else epoch(since), **window}

    def records(self, answer: Answer) -> list[dict[str, Any]]:
        found = records_of(answer.body, self.key, self.name)
        self.checking(found)
        return [each for record in found for each in self.reading(record)]


@dataclass
class CursorExport(_Asked):
    """An incremental export by cursor. `ordered_by` is the field (epoch seconds) that a window ends by."""

    ordered_by: str = "generated_timestamp"

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return self.beginning("start_time", since, until)

    def request(self, cursor: Cursor) -> Request:
        # Older states of the vendor's document require start_time with a cursor too; the service does not.
        pointer = (("cursor", str(cursor["after"])),) if cursor.get("after") else ()
        return Request(self.path, (("start_time", str(cursor["start_time"])), *pointer, *self.params))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        found = records_of(answer.body, self.key, self.name)
        after, is_end = answer.body.get("after_cursor"), answer.body.get("end_of_stream")
        if not isinstance(is_end, bool) or not (after is None or isinstance(after, str)):
            raise SourceError("the answer has no end_of_stream, or no text as after_cursor", where=self.name)
        if not is_end and (not after or after == cursor.get("after")):
            raise _stuck(self.name, "the desk says that there is more and gives no way to it")
        until = cursor.get("until")
        if until is not None and found:
            last = found[-1].get(self.ordered_by)
            is_end = is_end or (isinstance(last, int) and last > until)
        # Without a cursor of its own an empty export goes on where it began: never from the machine's clock.
        moved = {**cursor, "after": after or cursor.get("after")}
        told = [each[self.ordered_by] for each in found if isinstance(each.get(self.ordered_by), int)]
        if told:
            moved["reached"] = max(*told, cursor.get("reached", 0))
        return Step(self.records(answer), moved, is_end, answer.answered_at - LAST_MINUTE if is_end else None)

    def resume(self, cursor: Cursor) -> Cursor | None:
        """From the instant that the pages had reached, or where they tell none, from the beginning."""
        if not cursor.get("after"):
            return None
        start = max(cursor["start_time"], cursor.get("reached", 0) - OVERLAP_SECONDS)
        return {**{name: value for name, value in cursor.items() if name == "until"}, "start_time": start}


@dataclass
class TimeExport(_Asked):
    """An incremental export by time: a page begins at an instant, that second included, and says where it ended."""

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return self.beginning("start_time", since, until)

    def request(self, cursor: Cursor) -> Request:
        return Request(self.path, (("start_time", str(cursor["start_time"])), *self.params))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        records = self.records(answer)
        start, end = cursor["start_time"], answer.body.get("end_time")
        if end is not None and (isinstance(end, bool) or not isinstance(end, int)):
            raise SourceError(f"the answer's end_time is no number: {end!r}", where=self.name, remedy=_NO_TIME)
        if end is not None and end > epoch(answer.answered_at + LAST_MINUTE):
            raise SourceError(f"the answer's end_time is still to come: {end}", where=self.name, remedy=_NO_TIME)
        says_end = answer.body.get("end_of_stream")
        is_still = end is None or end <= start
        if says_end is False and is_still:
            raise _stuck(self.name, "the desk says that there is more, and its time stands still")
        # Some answers do not say whether they are the last: one is when it brought the time no further.
        moved = start if end is None else max(start, end)
        is_end = says_end is True or is_still or moved > cursor.get("until", moved)
        first = cursor.get("first", start)  # where the pull began
        if not is_end:
            return Step(records, {**cursor, "start_time": moved, "first": first}, False, instant(moved))
        kept = {name: value for name, value in cursor.items() if name != "first"}
        again = {**kept, "start_time": max(first, moved - OVERLAP_SECONDS)}
        return Step(records, again, True, answer.answered_at - LAST_MINUTE)


@dataclass
class Listing(_Asked):
    """A list that is asked for whole, page by page."""

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return {}

    def request(self, cursor: Cursor) -> Request:
        pointer = (("page[after]", str(cursor["after"])),) if cursor.get("after") else ()
        return Request(self.path, (*self.asked(cursor), *self.params, ("page[size]", LIST_PAGE), *pointer))

    def asked(self, cursor: Cursor) -> Params:
        return ()

    def again(self, cursor: Cursor, answered_at: datetime) -> Cursor:
        """Where the next pull begins."""
        return {}

    def resume(self, cursor: Cursor) -> Cursor | None:
        """From the first page of the list."""
        return {name: value for name, value in cursor.items() if name != "after"} if cursor.get("after") else None

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        records, meta = self.records(answer), answer.body.get("meta")
        has_more = meta.get("has_more") if isinstance(meta, dict) else None
        if not isinstance(has_more, bool):
            raise SourceError("the answer does not say whether there is more (meta.has_more)", where=self.name)
        if not has_more:
            return Step(records, self.again(cursor, answer.answered_at), True, answer.answered_at)
        after = meta.get("after_cursor")
        if not isinstance(after, str) or not after or after == cursor.get("after"):
            raise _stuck(self.name, "the desk says that there is more and gives no way to it")
        return Step(records, {**cursor, "after": after}, False)


@dataclass
class ListingSince(Listing):
    """A list of what was made since an instant, asked again from `look_back` before the last pull's end.

    `unit` is how many of the desk's units a second has: the vendor's lists count seconds, or milliseconds.
    """

    since_name: str = "start_time"
    until_name: str = "end_time"
    unit: int = 1
    look_back: timedelta = field(default=timedelta(days=35))

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return self.beginning("since", since, until)

    def asked(self, cursor: Cursor) -> Params:
        end = ((self.until_name, str(cursor["until"] * self.unit)),) if "until" in cursor else ()
        return ((self.since_name, str(cursor["since"] * self.unit)), *end)

    def again(self, cursor: Cursor, answered_at: datetime) -> Cursor:
        return {"since": max(cursor["since"], epoch(answered_at - self.look_back))}


def _stuck(stream: str, what: str) -> DeskAwayError:
    """An answer that leads nowhere: often the one before once more, from some cache on the way."""
    return DeskAwayError(
        what,
        where=stream,
        remedy=_NO_TIME,
    )
