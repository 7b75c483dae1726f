"""Requests and answers keep to the vendor's public document (developer.zendesk.com, Support API 2.0.0).

The document itself is not here: what it says of the fields and parameters that matter is written down in our own form,
and where its states of 2025 and 2026 differ, the stricter holds. docs/desks/zendesk.md says how a proxy checked both.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest

from deskledger.sources.demo.scene import Habits
from deskledger.sources.demo.zendesk_server import Server, Store, running

from tests.unit.sources.zendesk.pull import pull, streams

# A field is of its kind and nothing else, null included, unless a "?" says so; "!" must be there. A list: its words; a
# tuple: the only kind in a list; an object: its own fields.
INSTANTS = dict.fromkeys(("created_at", "updated_at"), "instant")
TICKET = {
    **INSTANTS,
    **dict.fromkeys(("requester_id",), "integer!"),
    **dict.fromkeys(("id", "assignee_id", "submitter_id", "organization_id", "group_id", "brand_id"), "integer"),
    **dict.fromkeys(("ticket_form_id", "custom_status_id", "generated_timestamp"), "integer"),
    **dict.fromkeys(("subject", "description", "url"), "string"),
    "status": ["new", "open", "pending", "hold", "solved", "closed"],
    "priority": ["urgent", "high", "normal", "low"],
    "type": ["problem", "incident", "question", "task"],
    "via": {"channel": "string", "source": "object"},
    "tags": ("string",),
    "custom_fields": ({"id": "integer!", "value": "string"},),
}
METRIC_EVENT = {
    **dict.fromkeys(("id", "ticket_id", "instance_id"), "integer"),
    "deleted": "boolean",
    "time": "instant",
    "metric": ["agent_work_time", "pausable_update_time", "periodic_update_time", "reply_time", "requester_wait_time",
               "resolution_time", "group_ownership_time"],
    "type": ["activate", "pause", "fulfill", "apply_sla", "apply_group_sla", "breach", "update_status", "measure"],
}  # fmt: skip
USER = {
    **INSTANTS,
    "name": "string!",
    **dict.fromkeys(("role", "email"), "string"),
    **dict.fromkeys(("id", "default_group_id"), "integer"),
    **dict.fromkeys(("organization_id", "custom_role_id", "role_type"), "integer?"),
    **dict.fromkeys(("active", "suspended"), "boolean"),
}
ORGANIZATION = {
    "name": "string!",
    "id": "integer",
    **dict.fromkeys(("created_at", "updated_at"), "string"),
    **dict.fromkeys(("external_id", "notes", "details"), "string?"),
    "organization_fields": "object?",
}
GROUP = {**INSTANTS, "name": "string!", "id": "integer", "deleted": "boolean"}
MEMBERSHIP = {**INSTANTS, "user_id": "integer!", "group_id": "integer!", "id": "integer", "default": "boolean"}
DELETED = {
    "id": "integer",
    "actor": {"id": "integer", "name": "string"},
    **dict.fromkeys(("deleted_at", "previous_state", "subject"), "string"),
}
RATING = {
    **INSTANTS,
    **dict.fromkeys(("assignee_id", "group_id", "requester_id", "ticket_id"), "integer!"),
    "score": "string!",
    "id": "integer",
    "comment": "string",
}
BY_CURSOR = {
    **dict.fromkeys(("after_cursor", "after_url", "before_cursor", "before_url"), "string?"),
    "end_of_stream": "boolean",
}
BY_TIME = {"count": "integer", "end_of_stream": "boolean", "end_time": "integer", "next_page": "string?"}
LISTED = {"count": "integer"}
# Stream: the answer's own fields, its records', and the parameters that the path takes ("!": must be there).
DOCUMENT: dict[str, tuple[dict[str, str], dict[str, Any], set[str]]] = {
    "tickets": (BY_CURSOR, TICKET, {"start_time!", "cursor", "support_type_scope"}),
    "users": (BY_CURSOR, USER, {"start_time!", "cursor", "per_page"}),
    # The document gives updates the form of a metric event; no field of theirs may contradict it.
    "ticket_events": (BY_TIME, METRIC_EVENT, {"start_time!", "include", "support_type_scope"}),
    "ticket_metric_events": (
        BY_TIME | {"next_page": "string"},
        METRIC_EVENT,
        {"start_time!", "include_changes", "exclude_deleted"},
    ),
    "organizations": (BY_TIME, ORGANIZATION, {"start_time!", "per_page"}),
    "groups": (LISTED, GROUP, {"page[size]", "page[after]"}),
    "group_memberships": (LISTED, MEMBERSHIP, {"page[size]", "page[after]"}),
    "deleted_tickets": (LISTED, DELETED, {"page[size]", "page[after]", "support_type_scope"}),
    "satisfaction_ratings": (LISTED, RATING, {"start_time", "end_time", "page[size]", "page[after]"}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """At an hour at which the desk has tickets of every status, and one that nobody has taken."""
    store = Store.make(seed=3, tickets_per_month=120, habits=Habits(deleted=0.05))
    with running(store, now=datetime(2026, 2, 1, 18, tzinfo=UTC), page=100) as server:
        yield server


@pytest.mark.parametrize("name", DOCUMENT)
def test_requests_and_answers_are_those_of_the_document(server: Server, name: str) -> None:
    own, record, parameters = DOCUMENT[name]
    of_record = schema(record)
    schema_of_answer = {**schema(own), "required": [name]}
    schema_of_answer["properties"][name] = {"type": "array", "minItems": 1, "items": of_record}
    validator = jsonschema.Draft202012Validator(schema_of_answer)
    server.asked.clear()
    pull(server, (streams(surveys="ratings") | streams())[name])
    assert server.asked
    for question in server.asked:
        parts = urlsplit(question)
        asked = dict(parse_qsl(parts.query))
        assert set(asked) <= {each.rstrip("!") for each in parameters}
        assert {each[:-1] for each in parameters if each.endswith("!")} <= set(asked)
        assert all(asked[each].isdecimal() for each in ("start_time", "end_time", "page[size]") if each in asked)
        answer = json.loads(json.dumps(server.answer(parts.path, asked)))
        if answer[name]:
            validator.validate(answer)


def test_a_count_is_asked_for_and_told_as_the_document_says(server: Server) -> None:
    server.asked.clear()
    pull(server, streams()["desk_counts"])
    assert len(server.asked) > 2
    for question in server.asked:
        parts = urlsplit(question)
        asked = dict(parse_qsl(parts.query))
        assert (parts.path, set(asked)) == ("/api/v2/search/count", {"query"})
        jsonschema.validate(server.answer(parts.path, asked), schema({"count": "integer!"}))


def test_records_of_every_kind_are_checked(server: Server) -> None:
    tickets, figures, ratings = (
        pull(server, streams(surveys="ratings")[name]).records
        for name in ("tickets", "ticket_metric_events", "satisfaction_ratings")
    )
    assert {each["status"] for each in tickets} == set(TICKET["status"])
    assert {each["priority"] for each in tickets} == set(TICKET["priority"])
    assert {"assignee_id" in each for each in tickets} == {bool(each["tags"]) for each in tickets} == {True, False}
    assert {each["type"] for each in figures} == {"activate", "apply_sla", "breach", "fulfill", "update_status"}
    assert {each["score"] for each in ratings} == {"offered", "good", "bad"}


def test_what_the_document_does_not_say_is_told_only_when_asked_for(server: Server) -> None:
    """The service tells deleted tickets in the export of tickets; the document's statuses have no such word."""
    told: list[set[str]] = []
    for tells_deleted in (False, True):
        with running(server.store, now=server.clock, tells_deleted=tells_deleted) as other:
            told.append({each["status"] for each in pull(other, streams()["tickets"]).records})
    assert told[1] - told[0] == {"deleted"}


def schema(fields: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object whose fields are written as above; others may be there."""
    return {
        "type": "object",
        "properties": {name: _field(kind) for name, kind in fields.items()},
        "required": [name for name, kind in fields.items() if isinstance(kind, str) and kind.endswith("!")],
    }


def _field(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return schema(kind)
    if isinstance(kind, tuple):
        return {"type": "array", "items": _field(kind[0])}
    if isinstance(kind, list):
        return {"enum": kind}
    name = kind.rstrip("!?")
    if name == "instant":
        return {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
    return {"type": [name, "null"] if kind.endswith("?") else name}
