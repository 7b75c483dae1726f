"""Which fields of Zendesk's records are kept.

What somebody wrote (subjects, descriptions, comments, survey comments) and who somebody is (names, addresses) is named
nowhere here, so it never lands; people are known by the number that the desk gives them.
"""

from typing import get_args

from deskledger.sources.desk import Field, JsonKind

# The fields of an event whose previous value is kept, each as `previous_<field>`.
PREVIOUS = ("status", "priority", "group_id", "assignee_id", "organization_id")
ANY: frozenset[JsonKind] = frozenset(get_args(JsonKind))


def _field(path: str, *kinds: JsonKind, required: bool = False) -> Field:
    return Field(path, frozenset(kinds), required=required)


def _number(path: str) -> Field:
    return _field(path, "integer", "null")


def _numbers(*paths: str) -> tuple[Field, ...]:
    return tuple(_number(path) for path in paths)


def _texts(*paths: str) -> tuple[Field, ...]:
    return tuple(_field(path, "text", "null") for path in paths)


USERS = (
    _field("id", "integer", required=True),
    _field("role", "text", required=True),
    *_numbers("role_type", "custom_role_id", "default_group_id", "organization_id"),
    *_texts("updated_at", "created_at"),
    _field("active", "flag", "null"),
    _field("suspended", "flag", "null"),
)
GROUPS = (
    _field("id", "integer", required=True),
    _field("name", "text", required=True),
    *_texts("created_at", "updated_at"),
    _field("deleted", "flag", "null"),
)
MEMBERSHIPS = (
    _field("id", "integer", required=True),
    _field("user_id", "integer", required=True),
    _field("group_id", "integer", required=True),
    _field("default", "flag", "null"),
    *_texts("created_at", "updated_at"),
)
ORGANIZATIONS = (
    _field("id", "integer", required=True),
    _field("name", "text", required=True),
    _field("external_id", "text", "integer", "null"),
    *_texts("created_at", "updated_at", "deleted_at"),
)
TICKETS = (
    _field("id", "integer", required=True),
    _field("status", "text", required=True),
    _field("created_at", "text", required=True),
    _field("updated_at", "text", required=True),
    _field("generated_timestamp", "integer", required=True),
    *_texts("priority", "type", "support_type"),
    _field("via.channel", "text", "integer", "null"),  # its name or its number
    *_numbers("group_id", "assignee_id", "organization_id", "brand_id", "ticket_form_id", "custom_status_id"),
)
TICKET_EVENTS = (
    _field("id", "integer", required=True),
    _field("ticket_id", "integer", required=True),
    _field("created_at", "text", required=True),
    _field("timestamp", "integer", "text", "null"),
    _field("updater_id", "integer", "null"),
    *_texts("event_type", "via"),
    _field("is_merged", "flag"),
    _field("merged_into", "integer"),
    _field("child_events[].event_type", "text", required=True),
    *_texts("child_events[].status", "child_events[].priority", "child_events[].type"),
    *_numbers(
        "child_events[].id",
        "child_events[].group_id",
        "child_events[].assignee_id",
        "child_events[].organization_id",
        "child_events[].brand_id",
        "child_events[].ticket_form_id",
        "child_events[].custom_status_id",
        "child_events[].author_id",
    ),
    *(_field(f"child_events[].previous_{name}", "text", "integer", "null") for name in PREVIOUS),
    _field("child_events[].comment_present", "flag", "null"),
    _field("child_events[].comment_public", "flag", "null"),
    _field("child_events[].public", "flag", "null"),
)
DELETED = (
    _field("id", "integer", required=True),
    _field("deleted_at", "text", required=True),
    *_texts("previous_state"),
    *_numbers("actor.id"),
)
METRIC_EVENTS = (
    _field("id", "integer", required=True),
    _field("ticket_id", "integer", required=True),
    _field("metric", "text", required=True),
    _field("type", "text", required=True),
    _field("time", "text", required=True),
    *_numbers("instance_id", "status.calendar", "status.business", "sla.target", "sla.target_in_seconds"),
    *_numbers("sla.policy.id", "group_sla.target", "group_sla.target_in_seconds"),
    _field("group_sla.policy.id", "text", "integer", "null"),  # a ULID, other than that of an SLA policy
    *_texts("sla.policy.title", "group_sla.policy.title"),
    _field("sla.business_hours", "flag", "null"),
    _field("group_sla.business_hours", "flag", "null"),
    _field("deleted", "flag", "null"),
)
RESPONSES = (
    _field("id", "text", required=True),
    *_texts("expires_at", "survey.id", "subject_zrns[]", "subjects[].type"),
    _field("subjects[].id", "text", "integer", "null"),
    *_numbers("survey.version"),
    *_texts("answer.created_at", "answer.updated_at", "answer.question"),
    _field("answer.rating", "integer", "number"),
)
RATINGS = (
    _field("id", "integer", required=True),
    _field("ticket_id", "integer", required=True),
    _field("score", "text", required=True),
    *_numbers("assignee_id", "group_id"),
    *_texts("created_at", "updated_at"),
)
