"""The tickets as they are now, merged ones among them."""

from dataclasses import dataclass
from typing import Any

from deskledger.sources.desk import Cursor, Field, JsonKind
from deskledger.sources.request_tracker.paging import Walk, since, until

_NUMBER: frozenset[JsonKind] = frozenset({"integer", "text"})
_TEXT: frozenset[JsonKind] = frozenset({"text"})
STATE_FIELDS = (
    Field("id", _NUMBER, required=True),
    Field("Status", _TEXT, required=True),
    Field("Created", _TEXT, required=True),
    Field("LastUpdated", _TEXT, required=True),
    Field("Queue.id", _NUMBER, required=True),
    Field("Owner.id", frozenset({"integer"})),
    *(Field(name, _NUMBER) for name in ("Priority", "SLA", "Due", "Starts", "Started", "Resolved")),
    Field("CustomFields[].name", _TEXT),
    Field("CustomFields[].values", frozenset({"list"})),
)
_ASKS = (
    ("fields", "Status,Created,LastUpdated,Queue,Owner,Priority,SLA,Due,Starts,Started,Resolved,CustomFields"),
    ("fields[Queue]", "id"),
    ("fields[Owner]", "id"),
)


@dataclass
class Tickets(Walk):
    """The tickets updated since. The condition on EffectiveId brings merged ones, which are left out without it."""

    custom_fields: frozenset[str]

    def whole(self) -> str:
        return "EffectiveId > 0"

    def wanted(self, cursor: Cursor) -> str:
        # A window of history wants the tickets that were there then, also those that were updated since.
        window = [until(cursor, "Created")] if cursor.get("until") else []
        return " AND ".join([since(cursor, "LastUpdated"), *window])

    def kept(self, item: Any) -> Any:
        return state(item, self.custom_fields)


def tickets(custom_fields: frozenset[str]) -> Tickets:
    """The tickets, with these custom fields."""
    return Tickets("tickets", "events", STATE_FIELDS, "/tickets", _ASKS, custom_fields)


def state(item: Any, custom_fields: frozenset[str]) -> Any:
    """A ticket with its owner by number and these custom fields alone: in others anything may stand."""
    found = item.get("CustomFields")
    wanted = (
        [each for each in found if isinstance(each, dict) and each.get("name") in custom_fields]
        if isinstance(found, list)
        else []
    )
    return {**by_number(item, "Owner"), "CustomFields": wanted}


def by_number(item: Any, person: str) -> Any:
    """The item without a person who is named by login: somebody's name, and no key that the history has."""
    named = item.get(person)
    if isinstance(named, dict) and isinstance(named.get("id"), int):
        return item
    return {name: value for name, value in item.items() if name != person}
