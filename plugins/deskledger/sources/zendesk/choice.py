"""Which streams are pulled, and how the desk's records are cut and joined into those that are kept."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from deskledger.errors import SourceError
from deskledger.sources.desk import Account, Field, Stream
from deskledger.sources.kept import check_told
from deskledger.sources.zendesk import fields
from deskledger.sources.zendesk.counts import TicketCounts
from deskledger.sources.zendesk.paging import CursorExport, Listing, ListingSince, TimeExport
from deskledger.sources.zendesk.reading import part

# Where survey answers are asked for: survey responses (1 to 5), the older ratings (good or bad), or nowhere.
SURVEYS = ("responses", "ratings", "none")
SURVEY_DAYS = 35  # for how long an answer may still be given or changed, unless options.survey_days says otherwise
# Which tickets: all, those that people had a part in, or those that an AI agent handled alone. The desk's own exports
# leave the last out unless they are asked for, and a contract's numbers are of all its tickets.
SUPPORT_TYPES = ("all", "agent", "ai_agent")
_CUSTOM = re.compile(r"(?:field|set)\.(\d+)")
_OWN = re.compile(r"field\.([A-Za-z_][^.\[\]]*)")


def streams_of(account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
    """The streams of an account, agents first: roles are told by them.

    Raises SourceError for options that mean nothing.
    """
    surveys = account.options.get("surveys", SURVEYS[0])
    days = account.options.get("survey_days", SURVEY_DAYS)
    types = account.options.get("support_types", SUPPORT_TYPES[0])
    is_number = isinstance(days, int) and not isinstance(days, bool) and days >= 1
    if surveys not in SURVEYS or types not in SUPPORT_TYPES or not is_number:
        raise SourceError(
            f"the options surveys: {surveys!r}, survey_days: {days!r}, support_types: {types!r} mean nothing",
            where="the connection's extra field",
            remedy=f"surveys is one of {', '.join(SURVEYS)}; survey_days is a whole number of days, at least 1;"
            f" support_types is one of {', '.join(SUPPORT_TYPES)}",
        )
    of_types = (("support_type_scope", types),)
    custom = sorted({match[1] for each in columns if (match := _CUSTOM.fullmatch(each))})
    own = sorted({match[1] for each in columns if (match := _OWN.fullmatch(each))})
    asked: list[Stream] = [
        CursorExport(
            "users",
            "agents",
            fields.USERS,
            "/api/v2/incremental/users/cursor",
            "users",
            reading=_agents_only,
            from_the_start=True,
        ),
        Listing("groups", "teams", fields.GROUPS, "/api/v2/groups", "groups"),
        Listing(
            "group_memberships",
            "group_memberships",
            fields.MEMBERSHIPS,
            "/api/v2/group_memberships",
            "group_memberships",
        ),
        TimeExport(
            "organizations",
            "accounts",
            (*fields.ORGANIZATIONS, *(Field(f"organization_fields.{each}", fields.ANY) for each in own)),
            "/api/v2/incremental/organizations",
            "organizations",
            from_the_start=True,
        ),
        CursorExport(
            "tickets",
            "events",
            (*fields.TICKETS, *(Field(f"custom_fields.{each}", fields.ANY) for each in custom)),
            "/api/v2/incremental/tickets/cursor",
            "tickets",
            params=of_types,
            reading=_custom_fields_by_number,
        ),
        TimeExport(
            "ticket_events",
            "events",
            (
                *fields.TICKET_EVENTS,
                *(Field(f"child_events[].custom_ticket_fields.{each}", fields.ANY) for each in custom),
            ),
            "/api/v2/incremental/ticket_events",
            "ticket_events",
            params=(("include", "comment_events"), *of_types),
            reading=_changes,
            checking=_check_changes,
        ),
        Listing(
            "deleted_tickets", "events", fields.DELETED, "/api/v2/deleted_tickets", "deleted_tickets", params=of_types
        ),
        TimeExport(
            "ticket_metric_events",
            "desk_figures",
            fields.METRIC_EVENTS,
            "/api/v2/incremental/ticket_metric_events",
            "ticket_metric_events",
        ),
    ]
    if surveys == "responses":
        asked.append(
            ListingSince(
                "survey_responses",
                "survey_answers",
                fields.RESPONSES,
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
                fields.RATINGS,
                "/api/v2/satisfaction_ratings",
                "satisfaction_ratings",
                look_back=timedelta(days=days),
            )
        )
    return (*asked, TicketCounts())


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
    return told | {f"previous_{name}": child["previous_value"] for name in fields.PREVIOUS if name in child}


def _merged_into(children: list[Any], ticket: Any) -> dict[str, Any]:
    for child in children:
        if part(child, "via", "source", "rel") == "merge":
            for side in ("to", "from"):
                other = part(child, "via", "source", side, "ticket_id")
                if isinstance(other, int) and other != ticket:
                    return {"merged_into": other}
    return {}


def _answers(response: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A record for the sending, and one for each rating given: of an answer only its rating and its times.

    Where a survey asks for several ratings, each says to which question: they may be given at one instant.
    """
    sent = {name: value for name, value in response.items() if name != "answers"}
    yield sent
    listed = response.get("answers")
    answers = listed if isinstance(listed, list) else []
    # A rating question that was skipped is one too: its rating, given later, must not change what the others are.
    scales = [part(each, "question", "id") for each in answers if "rating_scale" in _types(each)]
    is_one = len({each for each in scales if isinstance(each, str)}) < 2
    for each in answers:
        rating = part(each, "rating")
        if part(each, "type") == "rating_scale" and rating is not None:
            of = {} if is_one else {"question": part(each, "question", "id")}
            times = {at: each.get(at) for at in ("created_at", "updated_at")}
            yield sent | {"answer": {"rating": rating, **of, **times}}


def _types(answer: Any) -> tuple[Any, Any]:
    return part(answer, "type"), part(answer, "question", "type")
