"""Which streams are pulled, and which fields of their records are kept.

What somebody wrote (subjects, descriptions, comments, survey comments) and who somebody is (names, addresses) is named
nowhere here, so it never lands; people are known by the number that the desk gives them.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, get_args

from deskledger.errors import SourceError
from deskledger.sources.desk import Account, Field, JsonKind, Stream
from deskledger.sources.kept import check_told
from deskledger.sources.zendesk.counts import TicketCounts
from deskledger.sources.zendesk.paging import CursorExport, Listing, ListingSince, TimeExport
from deskledger.sources.zendesk.reading import part

# Where survey answers are asked for: survey responses (1 to 5), the older ratings (good or bad), or nowhere.
SURVEYS = ("responses", "ratings", "none")
SURVEY_DAYS = 35  # for how long an answer may still be given or changed, unless options.survey_days says otherwise
# The fields of an event whose previous value is kept, each as `previous_<field>`.
PREVIOUS = ("status", "priority", "group_id", "assignee_id", "organization_id")
_ANY: frozenset[JsonKind] = frozenset(get_args(JsonKind))
_CUSTOM = re.compile(r"(?:field|set)\.(\d+)")
_OWN = re.compile(r"field\.([A-Za-z_][^.\[\]]*)")


def streams_of(account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
    """The streams of an account, agents first: roles are told by them.

    Raises SourceError for options that mean nothing.
    """
    surveys = account.options.get("surveys", SURVEYS[0])
    days = account.options.get("survey_days", SURVEY_DAYS)
    if surveys not in SURVEYS or isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise SourceError(
            f"the options surveys: {surveys!r}, survey_days: {days!r} mean nothing",
            where="the connection's extra field",
            remedy=f"surveys is one of {', '.join(SURVEYS)}; survey_days is a whole number of days, at least 1",
        )
    custom = sorted({match[1] for each in columns if (match := _CUSTOM.fullmatch(each))})
    own = sorted({match[1] for each in columns if (match := _OWN.fullmatch(each))})
    asked: list[Stream] = [
        CursorExport(
            "users",
            "agents",
            _USERS,
            "/api/v2/incremental/users/cursor",
            "users",
            reading=_agents_only,
            from_the_start=True,
        ),
        Listing("groups", "teams", _GROUPS, "/api/v2/groups", "groups"),
        Listing(
            "group_memberships", "group_memberships", _MEMBERSHIPS, "/api/v2/group_memberships", "group_memberships"
        ),
        TimeExport(
            "organizations",
            "accounts",
            (*_ORGANIZATIONS, *(Field(f"organization_fields.{each}", _ANY) for each in own)),
            "/api/v2/incremental/organizations",
            "organizations",
            from_the_start=True,
        ),
        CursorExport(
            "tickets",
            "events",
            (*_TICKETS, *(Field(f"custom_fields.{each}", _ANY) for each in custom)),
            "/api/v2/incremental/tickets/cursor",
            "tickets",
            reading=_custom_fields_by_number,
        ),
        TimeExport(
            "ticket_events",
            "events",
            (*_TICKET_EVENTS, *(Field(f"child_events[].custom_ticket_fields.{each}", _ANY) for each in custom)),
            "/api/v2/incremental/ticket_events",
            "ticket_events",
            params=(("include", "comment_events"),),
            reading=_changes,
            checking=_check_changes,
        ),
        Listing("deleted_tickets", "events", _DELETED, "/api/v2/deleted_tickets", "deleted_tickets"),
        TimeExport(
            "ticket_metric_events",
            "desk_figures",
            _METRIC_EVENTS,
            "/api/v2/incremental/ticket_metric_events",
            "ticket_metric_events",
        ),
    ]
    if surveys == "responses":
        asked.append(
            ListingSince(
                "survey_responses",
                "survey_answers",
                _RESPONSES,
                "/api/v2/guide/survey_responses",
                "survey_responses",
                reading=_answers,
                since_name="filter[created_at_start]",
                until_name="filter[created_at_end]",
                unit=1000,
                look_back=timedelta(days=days),
            )
        )
    elif surveys == "ratings":
        asked.append(
            ListingSince(
                "satisfaction_ratings",
                "satisfaction_ratings",
                _RATINGS,
                "/api/v2/satisfaction_ratings",
                "satisfaction_ratings",
                look_back=timedelta(days=days),
            )
        )
    return (*asked, TicketCounts())


def _field(path: str, *kinds: JsonKind, required: bool = False) -> Field:
    return Field(path, frozenset(kinds), required=required)


def _number(path: str) -> Field:
    return _field(path, "integer", "null")


def _numbers(*paths: str) -> tuple[Field, ...]:
    return tuple(_number(path) for path in paths)


def _texts(*paths: str) -> tuple[Field, ...]:
    return tuple(_field(path, "text", "null") for path in paths)


_USERS = (
    _field("id", "integer", required=True),
    _field("role", "text", required=True),
    *_numbers("role_type", "custom_role_id", "default_group_id", "organization_id"),
    *_texts("updated_at", "created_at"),
    _field("active", "flag", "null"),
    _field("suspended", "flag", "null"),
)
_GROUPS = (
    _field("id", "integer", required=True),
    _field("name", "text", required=True),
    *_texts("created_at", "updated_at"),
    _field("deleted", "flag", "null"),
)
_MEMBERSHIPS = (
    _field("id", "integer", required=True),
    _field("user_id", "integer", required=True),
    _field("group_id", "integer", required=True),
    _field("default", "flag", "null"),
    *_texts("created_at", "updated_at"),
)
_ORGANIZATIONS = (
    _field("id", "integer", required=True),
    _field("name", "text", required=True),
    _field("external_id", "text", "integer", "null"),
    *_texts("created_at", "updated_at", "deleted_at"),
)
_TICKETS = (
    _field("id", "integer", required=True),
    _field("status", "text", required=True),
    _field("created_at", "text", required=True),
    _field("updated_at", "text", required=True),
    _field("generated_timestamp", "integer", required=True),
    *_texts("priority", "type"),
    _field("via.channel", "text", "integer", "null"),  # its name or its number
    *_numbers("group_id", "assignee_id", "organization_id", "brand_id", "ticket_form_id", "custom_status_id"),
)
_TICKET_EVENTS = (
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
_DELETED = (
    _field("id", "integer", required=True),
    _field("deleted_at", "text", required=True),
    *_texts("previous_state"),
    *_numbers("actor.id"),
)
_METRIC_EVENTS = (
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
_RESPONSES = (
    _field("id", "text", required=True),
    *_texts("expires_at", "survey.id", "subject_zrns[]", "subjects[].type"),
    _field("subjects[].id", "text", "integer", "null"),
    *_numbers("survey.version"),
    *_texts("answer.created_at", "answer.updated_at"),
    _field("answer.rating", "integer", "number"),
)
_RATINGS = (
    _field("id", "integer", required=True),
    _field("ticket_id", "integer", required=True),
    _field("score", "text", required=True),
    *_numbers("assignee_id", "group_id"),
    *_texts("created_at", "updated_at"),
)


def _agents_only(user: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """End users stay at the desk: whoever is not here is one."""
    return () if user.get("role") == "end-user" else (user,)


def _custom_fields_by_number(ticket: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """`custom_fields` as an object by number: then only those that the mapping reads can be kept."""
    listed = ticket.get("custom_fields")
    if not isinstance(listed, list):
        return (ticket,)
    by_number = {str(each.get("id")): each.get("value") for each in listed if isinstance(each, dict)}
    # `fields` is an older name of the same list.
    return ({name: value for name, value in ticket.items() if name != "fields"} | {"custom_fields": by_number},)


def _check_changes(events: list[dict[str, Any]]) -> None:
    """Raises SourceError where no ticket is made with a status, or no comment says who may read it."""
    told: dict[Any, list[dict[str, Any]]] = {}
    for event in events:
        children = event.get("child_events")
        for child in children if isinstance(children, list) else ():
            if isinstance(child, dict):
                told.setdefault(str(child.get("event_type")), []).append(child)
    check_told("ticket_events", told.get("Create", []), "changes that make tickets", "status")
    check_told("ticket_events", told.get("Comment", []), "comments", "public", "comment_public")


def _changes(event: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The event with what its tags and comments say of a merge, and previous values under the name of their field.

    Zendesk tags the ticket that a merge closes `closed_by_merge`; the comment on it comes `via` the merge. The previous
    value of a field that is not kept (a subject, say) is left behind with the field.
    """
    children = event.get("child_events")
    if not isinstance(children, list):
        return (event,)
    children = [_with_previous(child) for child in children]
    event = {**event, "child_events": children}
    for child in children:
        tags = part(child, "added_tags")
        if isinstance(tags, list) and "closed_by_merge" in tags:
            return ({**event, "is_merged": True, **_merged_into(children, event.get("ticket_id"))},)
    return (event,)


def _with_previous(child: Any) -> Any:
    if not isinstance(child, dict) or "previous_value" not in child:
        return child
    told = {name: value for name, value in child.items() if name != "previous_value"}
    return told | {f"previous_{name}": child["previous_value"] for name in PREVIOUS if name in child}


def _merged_into(children: list[Any], ticket: Any) -> dict[str, Any]:
    for child in children:
        if part(child, "via", "source", "rel") == "merge":
            for side in ("to", "from"):
                other = part(child, "via", "source", side, "ticket_id")
                if isinstance(other, int) and other != ticket:
                    return {"merged_into": other}
    return {}


def _answers(response: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A record for the sending, and one for each rating given: of an answer only its rating and its times."""
    sent = {name: value for name, value in response.items() if name != "answers"}
    yield sent
    listed = response.get("answers")
    for each in listed if isinstance(listed, list) else ():
        rating = part(each, "rating")
        if part(each, "type") == "rating_scale" and rating is not None:
            yield sent | {"answer": {"rating": rating, **{at: each.get(at) for at in ("created_at", "updated_at")}}}
