"""The history: transactions, by id. A transaction never changes, and Request Tracker numbers them as they come."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from deskledger.sources.desk import Answer, Cursor, Field, JsonKind, Request, Step
from deskledger.sources.kept import check_told
from deskledger.sources.request_tracker.paging import API, Walk, id_of, since, strange, until
from deskledger.sources.request_tracker.tickets import STATE_FIELDS, by_number, state

_NUMBER: frozenset[JsonKind] = frozenset({"integer", "text"})
_TEXT: frozenset[JsonKind] = frozenset({"text"})
FIELDS = (
    Field("id", _NUMBER, required=True),
    Field("ObjectId", _NUMBER, required=True),
    Field("Type", _TEXT, required=True),
    Field("Created", _TEXT, required=True),
    Field("Creator.id", frozenset({"integer"}), required=True),
    Field("Field", _NUMBER),
    Field("OldValue", _NUMBER),
    Field("NewValue", _NUMBER),
)
ASKS = (("fields", "ObjectId,Type,Field,OldValue,NewValue,Created,Creator"), ("fields[Creator]", "id"))
OWNER_TYPES = ("Set", "Take", "Steal", "Untake", "Give", "Force")
SET_FIELDS = ("Queue", "Priority", "SLA", "Due")


def _any(name: str, words: Sequence[str]) -> str:
    return "(" + " OR ".join(f"{name} = '{each}'" for each in words) + ")"


# What people wrote, to whom mails went and who watches is not asked for.
TOLD = " OR ".join(
    [
        _any("Type", ("Create", "Correspond", "Comment", "Status")),
        "(Type = 'AddLink' AND Field = 'MergedInto')",
        f"(Field = 'Owner' AND {_any('Type', OWNER_TYPES)})",
        f"(Type = 'Set' AND {_any('Field', SET_FIELDS)})",
    ]
)


@dataclass
class History(Walk):
    """The transactions of tickets that fit `told`. The next pull goes on by id, and so needs no clock."""

    told: str

    def whole(self) -> str:
        return "ObjectType = 'RT::Ticket' AND TicketType = 'ticket'"

    def wanted(self, cursor: Cursor) -> str:
        parts = [since(cursor, "Created")] if cursor.get("since") else []
        parts += [until(cursor, "Created")] if cursor.get("until") else []
        return " AND ".join([*parts, f"({self.told})"])

    def passed(self, cursor: Cursor, items: Sequence[Any], sure_until: datetime) -> Cursor:
        """Up to which id nothing can come any more: before the first transaction that is too young."""
        sure, is_late = cursor.get("sure", cursor["after"]), cursor.get("is_late", False)
        for item in sorted(items, key=lambda each: id_of(self.name, each)):
            is_late = is_late or _created(item) >= sure_until
            if not is_late:
                sure = id_of(self.name, item)
        return {"sure": sure, "is_late": is_late}

    def walked(self, cursor: Cursor, answer: Answer) -> Step:
        found = super().walked(cursor, answer)
        changes = [each for each in found.records if each.get("Type") in {"Set", "Status"}]
        check_told(self.name, changes, "changes", "NewValue")
        return found

    def kept(self, item: Any) -> Any:
        return by_number(item, "Creator")

    def again(self, cursor: Cursor, sure_until: datetime) -> Cursor:
        return {"after": cursor["sure"], "page": 1, "empty": 0, "begun": self.begun(cursor)}


def transactions() -> History:
    """Everything that happens to a ticket, but for its custom fields."""
    return History("transactions", "events", FIELDS, "/transactions", ASKS, TOLD)


def dues() -> History:
    """Request Tracker's own deadlines, each time that it sets one."""
    return History("dues", "desk_figures", FIELDS, "/transactions", ASKS, "Type = 'Set' AND Field = 'Due'")


@dataclass
class Ratings(History):
    """The values that a custom field was given. One that is taken out again leaves the answer as it was told."""

    def takes(self, item: Any) -> bool:
        return bool(item.get("NewValue"))


def changes(name: str, field: str) -> History:
    """The changes of one custom field."""
    return History(name, "events", FIELDS, "/transactions", ASKS, _of_field(field))


def ratings(name: str, field: str) -> Ratings:
    """The ratings that customers give in one custom field."""
    return Ratings(name, "survey_answers", FIELDS, "/transactions", ASKS, _of_field(field))


def _of_field(field: str) -> str:
    """A field is asked for by its name: the transactions themselves name it by a number only."""
    quoted = re.sub(r"(['\\])", r"\\\1", field)
    return f"Type = 'CustomField' AND CustomFieldName = '{quoted}'"


@dataclass
class Deleted(History):
    """Deleted tickets as they are: no list has them, so each is asked for that a transaction says was deleted."""

    custom_fields: frozenset[str]

    def request(self, cursor: Cursor) -> Request:
        if cursor.get("tickets"):
            return Request(f"{API}/ticket/{cursor['tickets'][0]}")
        return super().request(cursor)

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        if not cursor.get("tickets"):
            found = self.walked(cursor, answer)
            numbers = sorted({id_of(self.name, each, "ObjectId") for each in found.records})
            if not numbers:
                return replace(found, records=[], total=None)
            ended = found.complete_until and found.complete_until.isoformat()
            return Step([], {**found.cursor, "tickets": numbers, "ended": ended}, False)
        if not isinstance(answer.body, dict):
            raise strange(self.name, "something that is no ticket")
        number, *left = cursor["tickets"]
        # A merged ticket answers as the one that it went into, which the list of tickets has.
        records = [self.kept(answer.body)] if id_of(self.name, answer.body) == number else []
        if left or not cursor["ended"]:
            return Step(records, {**cursor, "tickets": left}, False)
        over = {name: value for name, value in cursor.items() if name not in {"tickets", "ended"}}
        return Step(records, over, True, datetime.fromisoformat(cursor["ended"]))

    def kept(self, item: Any) -> Any:
        return state(item, self.custom_fields)


def deleted(custom_fields: frozenset[str]) -> Deleted:
    """The deleted tickets, with these custom fields."""
    told, asks = "Type = 'Status' AND NewValue = 'deleted'", (("fields", "ObjectId,Created"),)
    return Deleted("deleted", "events", STATE_FIELDS, "/transactions", asks, told, custom_fields)


def _created(item: Any) -> datetime:
    try:
        created_at = datetime.fromisoformat(str(item.get("Created")))
    except ValueError:
        raise strange("transactions", "a transaction without its instant `Created`") from None
    return created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)
