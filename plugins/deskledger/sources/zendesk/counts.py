"""How many tickets the desk itself counts: what its search finds, by the month in which they were created."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deskledger.errors import SourceError
from deskledger.sources.desk import Answer, Cursor, Field, JsonKind, Request, Step
from deskledger.sources.zendesk.reading import epoch, instant

# "It can take up to a few minutes for new tickets […] to be indexed for search": younger ones are not counted.
INDEXED_AFTER = timedelta(hours=1)
MONTHS = 3  # the newest ones are counted by themselves, all since the first pull began together
_TEXT: frozenset[JsonKind] = frozenset({"text"})


@dataclass
class TicketCounts:
    """Tickets created in a stretch of time, merged and archived ones among them, deleted ones not.

    The first answer tells the desk's clock, which no stretch goes beyond; then each stretch is asked for.
    """

    name: str = "desk_counts"
    section: str = "desk_counts"
    fields: tuple[Field, ...] = (
        *(Field(each, _TEXT, required=True) for each in ("what", "counted_at", "created_from", "created_before")),
        Field("tickets", frozenset({"integer"}), required=True),
    )

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return {"since": epoch(since), **({} if until is None else {"until": epoch(until)})}

    def request(self, cursor: Cursor) -> Request:
        begin, end = cursor["left"][0][1:] if cursor.get("left") else (cursor["since"], None)
        words = ["type:ticket", f"created>={_iso(begin)}", *([] if end is None else [f"created<{_iso(end)}"])]
        return Request("/api/v2/search/count", (("query", " ".join(words)),))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        count = answer.body.get("count") if isinstance(answer.body, dict) else None
        if isinstance(count, bool) or not isinstance(count, int):
            raise SourceError("the answer has no number named count", where=self.name)
        records = []
        if cursor.get("left"):
            (what, begin, end), *left = cursor["left"]
            records = [_record(what, begin, end, answer.answered_at, count)]
        else:
            left = _stretches(cursor, answer.answered_at - INDEXED_AFTER)
        over = {name: value for name, value in cursor.items() if name != "left"}
        return Step(records, {**over, "left": left} if left else over, not left, total=count)


def _stretches(cursor: Cursor, until: datetime) -> list[list[Any]]:
    """All since the pull's beginning, and the newest months: what is counted, from when, and before when."""
    since, end = cursor["since"], min(epoch(until), cursor.get("until", epoch(until)))
    if end <= since:
        return []
    if "until" in cursor:
        return [[f"tickets created from {instant(since):%Y-%m-%d} to {instant(end):%Y-%m-%d}", since, end]]
    stretches: list[list[Any]] = [[f"tickets created since {instant(since):%Y-%m-%d}", since, end]]
    before = end
    for _ in range(MONTHS):
        last = instant(before - 1)
        begin = max(since, epoch(last.replace(day=1, hour=0, minute=0, second=0)))
        stretches.append([f"tickets created in {last:%Y-%m}", begin, before])
        if begin == since:
            break
        before = begin
    return stretches


def _record(what: str, begin: int, end: int, counted_at: datetime, count: int) -> dict[str, Any]:
    return {
        "what": what,
        "counted_at": counted_at.astimezone(UTC).isoformat(),
        "created_from": _iso(begin),
        "created_before": _iso(end),
        "tickets": count,
    }


def _iso(seconds: int) -> str:
    return f"{instant(seconds):%Y-%m-%dT%H:%M:%SZ}"
