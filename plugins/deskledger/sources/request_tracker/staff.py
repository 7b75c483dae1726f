"""Queues, and the people who work on tickets."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from deskledger.sources.desk import Answer, Cursor, Field, JsonKind, Request, Step
from deskledger.sources.request_tracker.paging import API, PER_PAGE, Walk, id_of, items_of, listed, strange

_TEXT: frozenset[JsonKind] = frozenset({"text"})
_PRIVILEGED = "Privileged"  # the group of everybody who may be given rights
_SEE_GROUP = "give the account's user the right SeeGroup for all groups, globally (docs/desks/request-tracker.md)"
_BE_PRIVILEGED = "tick “Let this user be granted rights” for the account's user (docs/desks/request-tracker.md)"
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
        if cursor.get("ask") == "whether":
            return listed(id=("=", str(cursor["newest"])))
        return listed(id=(">", "0" if cursor.get("ask") == "newest" else str(cursor["after"])))


def queues() -> Queues:
    asks = (("fields", "Name,Description"), ("find_disabled_rows", "1"))
    return Queues("queues", "teams", QUEUE_FIELDS, "/queues", asks)


@dataclass
class Agents:
    """Everybody who is privileged, with the first of the groups that somebody made and that has them.

    Groups name their members by login, the history names people by number; the list of users has both, and is walked
    when the members have changed. No login is kept: a mark stands for it in the cursor. Both lists have a total for an
    account with the documented rights; without one, no page is known to be the last, and the account is refused.
    """

    name: str = "agents"
    section: str = "agents"
    fields: tuple[Field, ...] = AGENT_FIELDS

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return {"ask": "groups", "page": 1, "groups": []}

    def request(self, cursor: Cursor) -> Request:
        page = (("orderby", "id"), ("order", "ASC"), ("per_page", str(PER_PAGE)), ("page", str(cursor.get("page", 1))))
        if cursor["ask"] == "groups":
            domains = [
                {"field": "Domain", "operator": "=", "value": each} for each in ("UserDefined", "SystemInternal")
            ]
            return Request(f"{API}/groups", (("query", json.dumps(domains)), ("fields", "Name,Domain"), *page))
        if cursor["ask"] == "members":
            return Request(f"{API}/group/{cursor['groups'][0]}")
        if cursor["ask"] == "users":
            return Request(f"{API}/users", (("fields", "id,Name"), ("find_disabled_rows", "1"), *page))
        return Request(f"{API}/rt")

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        if cursor["ask"] == "groups":
            return Step([], self._groups(cursor, answer), False)
        if cursor["ask"] == "members":
            return self._members(cursor, answer.body)
        if cursor["ask"] == "users":
            return Step([], self._users(cursor, answer), False)
        return Step(cursor["agents"], self._again(cursor), True)

    def _groups(self, cursor: Cursor, answer: Answer) -> Cursor:
        items, total = items_of(self.name, answer)
        found = cursor["groups"] + [
            id_of(self.name, each)
            for each in items
            if each.get("Domain") == "UserDefined" or each.get("Name") == _PRIVILEGED
        ]
        if total is None:
            raise strange(
                self.name, "no total of its groups: the account needs the right SeeGroup, globally", _SEE_GROUP
            )
        if total > PER_PAGE * cursor["page"]:
            return {**cursor, "page": cursor["page"] + 1, "groups": found}
        if not found:
            raise strange(self.name, f"no group {_PRIVILEGED}: the account needs the right SeeGroup", _SEE_GROUP)
        return {"ask": "members", "groups": sorted(found), "staff": [], "in_group": {}, "seen": cursor.get("seen")}

    def _members(self, cursor: Cursor, group: Any) -> Step:
        if not isinstance(group, dict) or not isinstance(group.get("Members"), list):
            raise strange(self.name, "a group without its list `Members`")
        people = [each for each in group["Members"] if isinstance(each, dict) and each.get("type") == "user"]
        marks = sorted(_mark(each.get("id")) for each in people)
        moved = {**cursor, "groups": cursor["groups"][1:]}
        if group.get("Name") == _PRIVILEGED:
            moved["staff"] = marks
        else:
            moved["in_group"] = {**dict.fromkeys(marks, str(group.get("Name"))), **cursor["in_group"]}
        if moved["groups"]:
            return Step([], moved, False)
        seen = _mark(json.dumps([moved["staff"], moved["in_group"]], sort_keys=True))
        if seen == cursor["seen"]:
            return Step([], self._again(cursor), True)
        return Step([], {**moved, "ask": "users", "page": 1, "agents": [], "seen": seen}, False)

    def _users(self, cursor: Cursor, answer: Answer) -> Cursor:
        items, total = items_of(self.name, answer)
        staff, in_group = set(cursor["staff"]), cursor["in_group"]
        agents = cursor["agents"] + [
            {"id": id_of(self.name, each), "Privileged": 1, "Group": in_group.get(mark)}
            for each in items
            if (mark := _mark(each.get("Name"))) in staff
        ]
        if total is None:
            raise strange(self.name, "no total of its users: the account must be privileged", _BE_PRIVILEGED)
        if total > PER_PAGE * cursor["page"]:
            return {**cursor, "page": cursor["page"] + 1, "agents": agents}
        return {"ask": "nothing more", "agents": agents, "seen": cursor["seen"]}

    def _again(self, cursor: Cursor) -> Cursor:
        return {"ask": "groups", "page": 1, "groups": [], "seen": cursor["seen"]}


def _mark(text: Any) -> str:
    return sha256(str(text).encode()).hexdigest()[:16]
