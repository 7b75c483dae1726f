"""Queues, and the people who work on tickets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deskledger.sources.desk import Answer, Cursor, Field, JsonKind, Request, Step
from deskledger.sources.request_tracker.paging import API, Walk, id_of, items_of, listed, strange

_TEXT: frozenset[JsonKind] = frozenset({"text"})
QUEUE_FIELDS = (
    Field("id", frozenset({"integer", "text"}), required=True),
    Field("Name", _TEXT, required=True),
    Field("Description", _TEXT),
)
AGENT_FIELDS = (
    Field("id", frozenset({"integer"}), required=True),
    Field("Privileged", frozenset({"integer"}), required=True),
    Field("Group", _TEXT),
)


@dataclass
class Queues(Walk):
    """Every queue that the account sees, disabled ones too, each time anew."""

    def query(self, cursor: Cursor) -> str:
        return listed(id=(">", str(cursor["after"])))


def queues() -> Queues:
    asks = (("fields", "Name,Description"), ("find_disabled_rows", "1"))
    return Queues("queues", "teams", QUEUE_FIELDS, "/queues", asks)


@dataclass
class Agents:
    """Everybody who is privileged, with the first of the groups that somebody made and that has them.

    Groups name their members by login, the history names them by number: so each is asked for. The logins leave the
    cursor with the pull's end, and what lands comes with the last answer, whose request names nobody.
    """

    name: str = "agents"
    section: str = "agents"
    fields: tuple[Field, ...] = AGENT_FIELDS

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return {}

    def request(self, cursor: Cursor) -> Request:
        if "groups" not in cursor:
            domains = '[{"field":"Domain","operator":"=","value":"UserDefined"},'
            domains += '{"field":"Domain","operator":"=","value":"SystemInternal"}]'
            page = (("orderby", "id"), ("per_page", "100"), ("page", str(cursor.get("page", 1))))
            return Request(f"{API}/groups", (("query", domains), ("fields", "Name,Domain"), *page))
        if cursor["groups"]:
            return Request(f"{API}/group/{cursor['groups'][0]}")
        if cursor["logins"]:
            return Request(f"{API}/user/{quote(cursor['logins'][0], safe='')}")
        return Request(f"{API}/rt")

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        if "groups" not in cursor:
            return Step([], self._groups(cursor, answer), False)
        if not isinstance(answer.body, dict):
            raise strange(self.name, "something that is no record")
        if cursor["groups"]:
            return Step([], self._members(cursor, answer.body), False)
        if cursor["logins"]:
            return Step([], self._agent(cursor, answer.body), False)
        return Step(cursor["agents"], {}, True)

    def _groups(self, cursor: Cursor, answer: Answer) -> Cursor:
        items, total = items_of(self.name, answer)
        kept = cursor.get("found", []) + [
            [each.get("Name") != "Privileged", id_of(self.name, each)]
            for each in items
            if isinstance(each, dict) and (each.get("Domain") == "UserDefined" or each.get("Name") == "Privileged")
        ]
        page = cursor.get("page", 1)
        if (total is None and items) or (total is not None and total > 100 * page):
            return {"found": kept, "page": page + 1}
        # The privileged come first: who is in no other group has none.
        return {"groups": [number for _, number in sorted(kept)], "logins": [], "in_group": {}, "agents": []}

    def _members(self, cursor: Cursor, group: dict[str, Any]) -> Cursor:
        members = group.get("Members")
        if not isinstance(members, list):
            raise strange(self.name, "a group without its list `Members`")
        logins = [str(each["id"]) for each in members if isinstance(each, dict) and each.get("type") == "user"]
        left = {**cursor, "groups": cursor["groups"][1:]}
        if group.get("Name") == "Privileged":
            return {**left, "logins": logins}
        name = str(group.get("Name"))
        return {**left, "in_group": {**dict.fromkeys(logins, name), **cursor["in_group"]}}

    def _agent(self, cursor: Cursor, user: dict[str, Any]) -> Cursor:
        login, *left = cursor["logins"]
        agent = {"id": _own_number(user), "Privileged": user.get("Privileged"), "Group": cursor["in_group"].get(login)}
        return {**cursor, "logins": left, "agents": [*cursor["agents"], agent]}


def _own_number(user: dict[str, Any]) -> Any:
    links: Sequence[Any] = user.get("_hyperlinks") or []
    return next((each.get("id") for each in links if isinstance(each, dict) and each.get("ref") == "self"), None)
