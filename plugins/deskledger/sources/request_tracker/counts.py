"""How many tickets Request Tracker itself counts: the total of its list, up to the newest number in it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deskledger.sources.desk import Answer, Cursor, Field, JsonKind, Request, Step
from deskledger.sources.request_tracker.paging import API, id_of, items_of, since

_NUMBER: frozenset[JsonKind] = frozenset({"integer"})
_TEXT: frozenset[JsonKind] = frozenset({"text"})


@dataclass
class TicketCounts:
    """The tickets updated since the first pull's beginning, merged ones among them, deleted ones not.

    Asked before the tickets themselves, so that each of them is still to come. Counted are those that the account may
    see. Where Request Tracker gives no total, nothing is counted.
    """

    name: str = "desk_counts"
    section: str = "desk_counts"
    fields: tuple[Field, ...] = (
        *(Field(each, _TEXT, required=True) for each in ("what", "counted_at")),
        *(Field(each, _NUMBER, required=True) for each in ("last_ticket", "tickets")),
    )

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        """Later changes move a ticket out of a window that has an end: only one without is counted."""
        return {"since": since.astimezone(UTC).isoformat(), "has_end": until is not None}

    def request(self, cursor: Cursor) -> Request:
        query = f"EffectiveId > 0 AND {since(cursor, 'LastUpdated')}"
        page = (("orderby", "id"), ("order", "DESC"), ("per_page", "1"), ("page", "1"))
        return Request(f"{API}/tickets", (("query", query), *page))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        items, total = items_of(self.name, answer)
        if total is None or not items or cursor["has_end"]:
            return Step([], cursor, True)
        record = {
            "what": "tickets",
            "counted_at": answer.answered_at.astimezone(UTC).isoformat(),
            "last_ticket": id_of(self.name, items[0]),
            "tickets": total,
        }
        return Step([record], cursor, True, total=total)
