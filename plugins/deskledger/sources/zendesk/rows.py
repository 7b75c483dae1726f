"""What landed records say, as rows of text: docs/desks/zendesk.md names the columns.

In rows of `events`, "" says nothing, and NONE says that a field has no value any more.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from deskledger.sources.zendesk.reading import instant, made_at, part

NONE = "-"
# Sequence numbers above those of any event: at one instant a snapshot comes after what led to it.
_SNAPSHOT = str(2**53 - 1)
_DELETION = str(2**53 - 2)
_AS_THEY_ARE = {
    "status": "status",
    "custom_status": "custom_status_id",
    "type": "type",
    "priority": "priority",
    "group": "group_id",
    "assignee": "assignee_id",
    "organization": "organization_id",
    "brand": "brand_id",
    "form": "ticket_form_id",
}
_CHANGES = {"Create", "Change"}
Row = dict[str, str]


def rows_of(stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    """One row a record, in order, with exactly `columns`; columns that the stream does not have are empty."""
    read = _READERS.get(stream)
    rows = [read(each) if read and isinstance(each, Mapping) else {} for each in records]
    return pd.DataFrame(
        {name: [row.get(name, "") for row in rows] for name in columns}, columns=list(columns), dtype=str
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(sorted(value))
    return str(value) if isinstance(value, int) else json.dumps(value, sort_keys=True)


def _or_none(value: Any) -> str:
    """As text; nothing is said to be nothing."""
    return _text(value) or NONE


def _instant(seconds: Any) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        return _text(seconds)
    try:
        return instant(seconds).isoformat()
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def _snapshot(ticket: Mapping[str, Any]) -> Row:
    """The ticket as it stood when the desk last touched it: generated_timestamp, which moves without an event too."""
    row = {
        "ticket": _text(ticket.get("id")),
        "sequence": _SNAPSHOT,
        "at": _instant(ticket.get("generated_timestamp")),
        "created_at": _text(ticket.get("created_at")),
        "channel": _text(part(ticket, "via", "channel")),
        "support_type": _text(ticket.get("support_type")),
        "deletion": "deleted" if ticket.get("status") == "deleted" else "",
    }
    row |= {ours: _or_none(ticket[theirs]) for ours, theirs in _AS_THEY_ARE.items() if theirs in ticket}
    custom = ticket.get("custom_fields")
    if isinstance(custom, Mapping):
        row |= {f"field.{number}": _text(value) for number, value in custom.items()}
    return row


def _event(event: Mapping[str, Any]) -> Row:
    """One update of a ticket: what it changed, what was said, and by whom."""
    row = {
        "ticket": _text(event.get("ticket_id")),
        "sequence": _text(event.get("id")),
        "at": _text(event.get("created_at")),
        "updater": _text(event.get("updater_id")),
    }
    children = event.get("child_events")
    for child in children if isinstance(children, list) else ():
        if not isinstance(child, Mapping):
            continue
        kind = child.get("event_type")
        if kind == "Create":
            row["created_at"] = row["at"]
        if kind in _CHANGES:
            row |= _changed(child)
        elif kind == "Comment":
            row |= _comment(child)
    if row.get("status") == "deleted":
        row["deletion"] = "deleted"
    if event.get("is_merged") is True:
        # What a merge writes on the ticket that it closes answers nobody.
        row |= {"merge": "merged", "merged_into": _text(event.get("merged_into")), "comment": ""}
    if "created_at" in row and row.get("comment"):
        row["comment"] = f"opening, {row['comment']}"  # the description: it opens the ticket, it answers nothing
    return row


def _changed(child: Mapping[str, Any]) -> Row:
    row = {ours: _or_none(child[theirs]) for ours, theirs in _AS_THEY_ARE.items() if theirs in child}
    before = [(ours, f"previous_{theirs}") for ours, theirs in _AS_THEY_ARE.items() if theirs in child]
    row |= {f"{ours}_before": _or_none(child[theirs]) for ours, theirs in before if theirs in child}
    custom = child.get("custom_ticket_fields")
    for number, value in custom.items() if isinstance(custom, Mapping) else ():
        said = _or_none(value)
        row[f"field.{number}"] = said
        row[f"set.{number}"] = "cleared" if said == NONE or value is False else "set"
    return row


def _comment(child: Mapping[str, Any]) -> Row:
    is_public = child.get("public", child.get("comment_public"))
    if not isinstance(is_public, bool):
        return {}
    # Whoever wrote it counts: an agent may pass on a mail of the customer's.
    author = child.get("author_id")
    by = {"updater": _text(author)} if author is not None else {}
    return {"comment": "public" if is_public else "private", **by}


def _deleted(ticket: Mapping[str, Any]) -> Row:
    return {
        "ticket": _text(ticket.get("id")),
        "sequence": _DELETION,
        "at": _text(ticket.get("deleted_at")),
        "status": "deleted",
        "deletion": "deleted",
        "updater": _text(part(ticket, "actor", "id")),
    }


def _agent(user: Mapping[str, Any]) -> Row:
    is_light = user.get("role") == "agent" and user.get("role_type") == 1
    return {
        "agent": _text(user.get("id")),
        "role": "light agent" if is_light else _text(user.get("role")),
        "group": _text(user.get("default_group_id")),
    }


def _group(group: Mapping[str, Any]) -> Row:
    return {"group": _text(group.get("id")), "name": _text(group.get("name"))}


def _organization(organization: Mapping[str, Any]) -> Row:
    row = {name: _text(organization.get(name)) for name in ("name", "external_id")}
    row["organization"] = _text(organization.get("id"))
    own = organization.get("organization_fields")
    if isinstance(own, Mapping):
        row |= {f"field.{key}": _text(value) for key, value in own.items()}
    return row


def _survey(response: Mapping[str, Any]) -> Row:
    """A survey sent (`answer` is ""), or one answer to it: each change of an answer that was seen is one of its own.

    An answer is known by its instant, and by its question where the survey asks for several ratings.
    """
    answer = response.get("answer")
    row = {
        "survey": _text(response.get("id")),
        "ticket": _subject(response),
        "sent_at": made_at(response.get("id")),
    }
    if isinstance(answer, Mapping):
        at = _text(answer.get("updated_at")) or _text(answer.get("created_at"))
        key = " ".join(filter(None, (at, _text(answer.get("question")))))
        row |= {"answer": key, "responded_at": at, "rating": _text(answer.get("rating"))}
    return row


def _subject(response: Mapping[str, Any]) -> str:
    """The ticket that a response is about; conversations without one have none."""
    subjects, names = response.get("subjects"), response.get("subject_zrns")
    for each in subjects if isinstance(subjects, list) else ():
        if part(each, "type") == "ticket":
            return _text(part(each, "id"))
    for each in names if isinstance(names, list) else ():
        words = _text(each).split(":")
        if len(words) == 3 and words[1] == "ticket":
            return words[2]
    return ""


# What a metric event is, in canonical words; any other type is "other".
_FIGURES = {
    "activate": "started",
    "apply_sla": "target",
    "pause": "paused",
    "breach": "breached",
    "fulfill": "stopped",
    "update_status": "measured",
}


def _metric(event: Mapping[str, Any]) -> Row:
    row = {name: _text(event.get(name)) for name in ("id", "metric", "type", "time", "deleted")}
    is_business = part(event, "sla", "business_hours")
    return row | {
        "kind": "deleted" if event.get("deleted") is True else _FIGURES.get(row["type"], "other"),
        "hours": "" if is_business is None else "business" if is_business is True else "calendar",
        "target_seconds": _text(part(event, "sla", "target_in_seconds")),
        "ticket": _text(event.get("ticket_id")),
        "instance": _text(event.get("instance_id")),
        "business_minutes": _text(part(event, "status", "business")),
        "calendar_minutes": _text(part(event, "status", "calendar")),
        "target_minutes": _text(part(event, "sla", "target")),
        "in_business_hours": _text(part(event, "sla", "business_hours")),
        "policy": _text(part(event, "sla", "policy", "title")),
    }


def _membership(membership: Mapping[str, Any]) -> Row:
    row = {"agent": _text(membership.get("user_id")), "group": _text(membership.get("group_id"))}
    return row | {"is_default": _text(membership.get("default"))}


def _rating(rating: Mapping[str, Any]) -> Row:
    names = {"survey": "id", "ticket": "ticket_id", "score": "score", "sent_at": "created_at", "at": "updated_at"}
    return {ours: _text(rating.get(theirs)) for ours, theirs in names.items()}


def _count(count: Mapping[str, Any]) -> Row:
    return {name: _text(value) for name, value in count.items()}


_READERS: dict[str, Callable[[Mapping[str, Any]], Row]] = {
    "tickets": _snapshot,
    "ticket_events": _event,
    "deleted_tickets": _deleted,
    "users": _agent,
    "groups": _group,
    "group_memberships": _membership,
    "organizations": _organization,
    "survey_responses": _survey,
    "satisfaction_ratings": _rating,
    "ticket_metric_events": _metric,
    "desk_counts": _count,
}
