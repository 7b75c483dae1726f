"""The desk's records as the vendor documents them, from a Store. Every text that a person wrote carries MARK."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from deskledger.sources.demo import dirt, scene
from deskledger.sources.demo.zendesk_server.store import Store
from deskledger.sources.demo.zendesk_server.wire import (
    CHANNELS,
    CONTACT_BASE,
    FIELDS,
    GROUP_BASE,
    MARK,
    ORGANIZATION_BASE,
    PRIORITIES,
    STATUSES,
    SYSTEM_ID,
    UNKNOWN_STATUS,
    USER_BASE,
    VENDOR_BASE,
    VIA,
    Json,
    event_id,
    iso,
    ticket_id,
    ulid,
)


def _picked(column: np.ndarray) -> Sequence[int]:
    """The column in a form from which a page picks single values fast, and that takes few bytes a value."""
    return array("i" if np.abs(column).max(initial=0) < 2**31 else "q", column.tolist())


class Records:
    """Makes the records that a page needs, one at a time: only the store itself is kept."""

    def __init__(self, store: Store, base_url: str) -> None:
        self._store, self._base_url = store, base_url
        rows, desk = store.acted.rows, store.acted.desk
        self._rows = {name: _picked(rows[name]) for name in rows if name not in {"seq", "text"}}
        written = np.flatnonzero(rows["text"] != "")
        self._texts = dict(zip(written.tolist(), rows["text"][written].tolist(), strict=True))
        names = ("created", "account", "product", "severity", "issue_type", "region", "channel", "contact")
        self._tickets = {name: _picked(getattr(desk, name)) for name in (*names, "environment")}
        self._before = _picked(store.before)
        self._odd = {row: kind for kind, row in store.odd.items()}

    def ticket(self, row: int, at: int) -> Json:
        """The ticket after a row; `at` is its generated_timestamp."""
        rows, tickets = self._rows, self._tickets
        ticket = rows["ticket"][row]
        number, contact = ticket_id(ticket), CONTACT_BASE + tickets["contact"][ticket]
        record: Json = {
            "id": number,
            "url": f"{self._base_url}/api/v2/tickets/{number}.json",
            "via": {"channel": CHANNELS[tickets["channel"][ticket]]},
            "created_at": iso(tickets["created"][ticket]),
            "updated_at": iso(rows["at"][row]),
            "generated_timestamp": at,
            "type": "incident",
            "subject": f"{MARK}: {scene.PRODUCTS[tickets['product'][ticket]]} does not do as it should",
            "description": f"{MARK}. Dear support, <b>nothing</b> works; signed {contact}",
            "priority": PRIORITIES[rows["priority"][row]],
            "status": "deleted" if rows["activity"][row] == scene.DELETED else STATUSES[rows["state"][row]],
            "requester_id": contact,
            "submitter_id": contact,
            "organization_id": ORGANIZATION_BASE + tickets["account"][ticket],
            "group_id": GROUP_BASE + rows["team"][row],
            "tags": ["closed_by_merge"] if rows["activity"][row] == scene.MERGED else [],
            "custom_fields": [{"id": key, "value": value} for key, value in self._custom(row).items()],
        }
        if rows["agent"][row] >= 0:
            record["assignee_id"] = USER_BASE + rows["agent"][row]
        return record

    def event(self, row: int, timestamp: int, *, is_corrected: bool = False) -> Json:
        """The update that a row is, with its comment as the sideload `comment_events` gives it."""
        rows = self._rows
        ticket, at, activity = rows["ticket"][row], rows["at"][row], rows["activity"][row]
        before, number, actor = self._before[row], event_id(row), self._actor(row)
        children = self._created(row) if before < 0 else self._changed(row, before)
        odd = self._odd.get(row)
        if is_corrected:
            worse = scene.SEVERITIES[scene.SEVERITIES.index(self._custom(row)[FIELDS["severity"]]) - 1]
            children.append(_custom_change({FIELDS["severity"]: worse}))
        if odd == "unknown status":
            children.append({"event_type": "Change", "status": UNKNOWN_STATUS})
        if activity in {scene.PUBLIC_REPLY, scene.INTERNAL_NOTE} or before < 0:
            is_public = activity != scene.INTERNAL_NOTE
            body = f"{MARK}: nothing that anybody else should read"
            children.append(
                {"event_type": "Comment", "type": "Comment", "author_id": actor, "body": body, "public": is_public}
            )
        for place, child in enumerate(children):
            child["id"] = number * 16 + place
        created_at = iso(at)
        if odd == "unparsable instant":
            created_at = dirt.UNPARSABLE
        elif odd == "event before its ticket":
            created_at = iso(self._tickets["created"][ticket] - 3600)
        return {
            "id": number,
            "ticket_id": ticket_id(ticket),
            "timestamp": timestamp,
            "created_at": created_at,
            "updater_id": actor,
            "via": VIA[self._tickets["channel"][ticket]] if before < 0 else "Web service",
            "system": {"client": f"{MARK} browser", "location": "Madrid, Spain"},
            "event_type": "Audit",
            "child_events": children,
        }

    def deleted(self, row: int) -> Json:
        rows = self._rows
        return {
            "id": ticket_id(rows["ticket"][row]),
            "subject": f"{MARK}: gone",
            "actor": {"id": self._actor(row), "name": f"{MARK} {self._actor(row)}"},
            "deleted_at": iso(rows["at"][row]),
            "previous_state": STATUSES[rows["state"][self._before[row]]],
        }

    def survey(self, number: int, now: int) -> Json:
        """A survey response as it stands at `now`; both answers of one who answered twice are in it."""
        surveys = self._store.surveys
        ticket, sent_at = int(surveys.ticket[number]), int(surveys.sent_at[number])
        responder, expires_at = CONTACT_BASE + self._tickets["contact"][ticket], sent_at + 30 * 86_400
        answers: list[Json] = []
        for at, rating, comment in surveys.answers[number]:
            if at > now:
                break
            when = {"created_at": iso(at), "updated_at": iso(at)}
            category = "good" if rating > 3 else "bad"
            answers.append({"type": "rating_scale", "rating": rating, "rating_category": category, **when})
            answers.append({"type": "open_ended", "value": f"{MARK}: {comment}", **when})
        return {
            "id": ulid(sent_at, ticket_id(ticket)),
            "responder_id": responder,
            "expires_at": iso(expires_at),
            "subject_zrns": [f"zen:ticket:{ticket_id(ticket)}"],
            "subjects": [{"id": str(ticket_id(ticket)), "type": "ticket", "zrn": f"zen:ticket:{ticket_id(ticket)}"}],
            "survey": {"id": ulid(0, 1), "state": "enabled", "version": 1},
            "answers": answers,
        }

    def rating(self, number: int, now: int) -> Json:
        """The same survey as an account with the older ratings has it: good or bad, and no more."""
        surveys = self._store.surveys
        ticket, sent_at = int(surveys.ticket[number]), int(surveys.sent_at[number])
        given = [(at, rating) for at, rating, _ in surveys.answers[number] if at <= now]
        at, rating = given[-1] if given else (sent_at, 0)
        row = int(surveys.row[number])
        return {
            "id": number + 1,
            "ticket_id": ticket_id(ticket),
            "requester_id": CONTACT_BASE + self._tickets["contact"][ticket],
            "assignee_id": USER_BASE + self._rows["agent"][row],
            "group_id": GROUP_BASE + self._rows["team"][row],
            "score": "offered" if not given else "good" if rating > 3 else "bad",
            "created_at": iso(sent_at),
            "updated_at": iso(at),
        }

    def _custom(self, row: int) -> dict[int, Any]:
        rows, tickets = self._rows, self._tickets
        ticket = rows["ticket"][row]
        account = scene.ACCOUNTS[tickets["account"][ticket]]
        return {
            FIELDS["product"]: scene.PRODUCTS[tickets["product"][ticket]],
            FIELDS["severity"]: scene.SEVERITIES[tickets["severity"][ticket]],
            FIELDS["issue_type"]: scene.ISSUE_TYPES[tickets["issue_type"][ticket]],
            FIELDS["region"]: account.regions[tickets["region"][ticket]],
            FIELDS["support_level"]: str(rows["level"][row]),
            FIELDS["environment"]: scene.ENVIRONMENTS[tickets["environment"][ticket]],
        }

    def _created(self, row: int) -> list[Json]:
        rows, tickets = self._rows, self._tickets
        ticket = rows["ticket"][row]
        made: list[Json] = [
            {"status": STATUSES[rows["state"][row]]},
            {"priority": PRIORITIES[rows["priority"][row]]},
            {"group_id": GROUP_BASE + rows["team"][row]},
            {"organization_id": ORGANIZATION_BASE + tickets["account"][ticket]},
            {"subject": f"{MARK}: help"},
            {"custom_ticket_fields": {str(key): value for key, value in self._custom(row).items()}},
        ]
        if rows["agent"][row] >= 0:
            made.append({"assignee_id": USER_BASE + rows["agent"][row]})
        return [{"event_type": "Create", **each} for each in made]

    def _changed(self, row: int, before: int) -> list[Json]:
        """A child for each field that the row has otherwise than the row before it, and what else it was."""
        rows, children = self._rows, []
        activity = rows["activity"][row]
        status, earlier = STATUSES[rows["state"][row]], STATUSES[rows["state"][before]]
        if activity == scene.DELETED:
            status = "deleted"
        if status != earlier:
            children.append(_change("status", status, earlier))
        if rows["priority"][row] != rows["priority"][before]:
            children.append(
                _change("priority", PRIORITIES[rows["priority"][row]], PRIORITIES[rows["priority"][before]])
            )
        if rows["team"][row] != rows["team"][before]:
            children.append(_change("group_id", GROUP_BASE + rows["team"][row], GROUP_BASE + rows["team"][before]))
        if rows["agent"][row] != rows["agent"][before]:
            gave = rows["agent"][before]
            previous = USER_BASE + gave if gave >= 0 else None
            children.append(_change("assignee_id", USER_BASE + rows["agent"][row], previous))
        if rows["level"][row] != rows["level"][before]:
            children.append(_custom_change({FIELDS["support_level"]: str(rows["level"][row])}))
        if activity == scene.ACKNOWLEDGED:
            children.append(_custom_change({FIELDS["acknowledged"]: True}))
        elif activity == scene.ETA:
            children.append(_custom_change({FIELDS["eta"]: self._texts[row]}))
        elif activity == scene.ESCALATED:
            children.append(_custom_change({FIELDS["escalation"]: self._texts[row]}))
        elif activity == scene.MERGED:
            other = ticket_id(rows["value"][row])
            source = {"from": {"ticket_id": other}, "to": {}, "rel": "merge"}
            children.append({"event_type": "Change", "added_tags": ["closed_by_merge"], "removed_tags": []})
            children.append(
                {
                    "event_type": "Comment",
                    "body": f"{MARK}: merged into #{other}",
                    "public": False,
                    "author_id": self._actor(row),
                    "via": {"channel": "system", "source": source},
                }
            )
        return children

    def _actor(self, row: int) -> int:
        role, actor = self._rows["role"][row], self._rows["actor"][row]
        return {
            scene.AGENT: USER_BASE + actor,
            scene.CUSTOMER: CONTACT_BASE + actor,
            scene.THIRD_PARTY: VENDOR_BASE + actor,
        }.get(role, SYSTEM_ID)


def _change(name: str, value: Any, previous: Any) -> Json:
    return {"event_type": "Change", name: value, "previous_value": previous}


def _custom_change(values: dict[int, Any]) -> Json:
    return {"event_type": "Change", "custom_ticket_fields": {str(key): value for key, value in values.items()}}
