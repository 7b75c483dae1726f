"""What records say as rows of text; whatever they hold, there is a row a record and never a crash."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.sources.demo.zendesk_server.wire import ulid
from deskledger.sources.desk import Answer, Stream
from deskledger.sources.zendesk import DESK

from tests.unit.sources.zendesk.both import over_http
from tests.unit.sources.zendesk.pull import streams
from tests.unit.sources.zendesk.test_streams import NOW

EVENT = {"id": 11, "ticket_id": 7, "created_at": "2026-01-05T10:00:00Z", "updater_id": 5}


def row(stream: str, record: dict[str, Any], *columns: str) -> list[str]:
    return [str(each) for each in DESK.rows(stream, [record], list(columns)).iloc[0]]


def event(*children: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An update as it lands: read by its stream first."""
    stream: Stream = streams()["ticket_events"]
    body = {"ticket_events": [{**EVENT, "child_events": list(children), **more}], "end_time": 1}
    (read,) = stream.step({"start_time": 1}, Answer(body, NOW)).records
    return dict(read)


def change(**what: Any) -> dict[str, Any]:
    return {"event_type": "Change", **what}


def test_an_update_says_what_changed_and_is_silent_of_the_rest() -> None:
    told = event(change(status="solved", previous_value="open"), change(group_id=3, previous_value=2))
    assert row("ticket_events", told, "ticket", "sequence", "at", "created_at", "updater") == [
        *("7", "11", "2026-01-05T10:00:00Z", "", "5"),
    ]
    columns = ("status", "status_before", "group", "group_before", "assignee", "priority_before", "comment", "deletion")
    assert row("ticket_events", told, *columns) == ["solved", "open", "3", "2", "", "", "", ""]


def test_what_was_taken_away_is_said_and_what_was_not_there_before_too() -> None:
    told = event(change(assignee_id=None, previous_value=9), change(priority="low", previous_value=None))
    columns = ("assignee", "assignee_before", "priority", "priority_before")
    assert row("ticket_events", told, *columns) == ["-", "9", "low", "-"]


def test_the_previous_subject_is_left_at_the_desk() -> None:
    told = event(change(subject="my secret", previous_value="my older secret"))
    assert "older" not in str(told)


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        ({"comment_present": True, "comment_public": True}, ["public", "5"]),  # without the sideload
        ({"comment_present": True, "comment_public": False}, ["private", "5"]),
        ({"public": True, "author_id": 42}, ["public", "42"]),  # an agent passes on a customer's mail
        ({"public": False, "author_id": 5}, ["private", "5"]),
        ({"body": "?"}, ["", "5"]),
    ],
)
def test_a_comment_is_public_or_private_and_its_authors(child: dict[str, Any], expected: list[str]) -> None:
    assert row("ticket_events", event({"event_type": "Comment", **child}), "comment", "updater") == expected


def test_the_first_update_creates_the_ticket_and_its_comment_answers_nothing() -> None:
    told = event({"event_type": "Create", "status": "new"}, {"event_type": "Comment", "public": True, "author_id": 5})
    assert row("ticket_events", told, "created_at", "status", "comment") == [
        *("2026-01-05T10:00:00Z", "new", "opening, public"),
    ]


@pytest.mark.parametrize(
    ("value", "field", "is_set"),
    [("L1>L2", "L1>L2", "set"), (True, "true", "set"), (False, "false", "cleared"), (None, "-", "cleared"),
     ("", "-", "cleared"), (3.5, "3.5", "set"), (["b", "a"], "a b", "set")],
)  # fmt: skip
def test_a_custom_field_is_told_with_whether_it_was_set(value: Any, field: str, is_set: str) -> None:
    told = event(change(custom_ticket_fields={"27009": value}))
    assert row("ticket_events", told, "field.27009", "set.27009", "field.1", "set.1") == [field, is_set, "", ""]


@pytest.mark.parametrize(
    ("source", "into"),
    [
        ({"from": {"ticket_id": 3}, "rel": "merge"}, "3"),
        ({"from": {"ticket_id": 7}, "to": {"ticket_id": 4}, "rel": "merge"}, "4"),
        ({"from": {"ticket_id": 3}, "rel": "follow_up"}, ""),
        (None, ""),
    ],
)
def test_a_merge_closes_a_ticket_names_the_other_and_its_comment_answers_nobody(source: Any, into: str) -> None:
    comment = {"event_type": "Comment", "public": True, "via": {"channel": "system", "source": source}}
    told = event(change(status="closed"), change(added_tags=["x", "closed_by_merge"]), comment)
    assert row("ticket_events", told, "merge", "merged_into", "comment", "status") == ["merged", into, "", "closed"]
    # The ticket that the other one went into has the comment, and not the tag.
    assert row("ticket_events", event(comment), "merge", "comment") == ["", "public"]


def test_a_deletion_is_told_by_the_history_the_list_and_the_snapshot() -> None:
    listed = {"id": 7, "deleted_at": "2026-01-06T10:00:00Z", "actor": {"id": 5}, "previous_state": "open"}
    columns = ("ticket", "status", "deletion", "updater")
    assert (
        row("ticket_events", event(change(status="deleted", previous_value="open")), *columns)[1:3] == ["deleted"] * 2
    )
    assert row("deleted_tickets", listed, *columns) == ["7", "deleted", "deleted", "5"]
    assert row("tickets", {"id": 7, "status": "deleted"}, *columns) == ["7", "deleted", "deleted", ""]


def test_a_snapshot_is_of_the_second_in_which_the_desk_last_touched_the_ticket_and_comes_after_its_events() -> None:
    ticket = {
        "id": 7, "status": "open", "assignee_id": None, "group_id": 3, "via": {"channel": "web"},
        "generated_timestamp": 1_767_607_200, "updated_at": "2026-01-05T09:00:00Z",
        "created_at": "2026-01-05T08:00:00Z",
        "custom_fields": {"27001": None, "27002": "S1"},
    }  # fmt: skip
    assert row("tickets", ticket, "at", "created_at", "assignee", "group", "priority", "channel") == [
        *("2026-01-05T10:00:00+00:00", "2026-01-05T08:00:00Z", "-", "3", "", "web"),
    ]
    assert row("tickets", ticket, "field.27001", "field.27002", "set.27002") == ["", "S1", ""]
    assert int(row("tickets", ticket, "sequence")[0]) > 2**48  # of any event's number


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ({"role": "agent", "role_type": 0}, "agent"),
        ({"role": "agent", "role_type": 1}, "light agent"),
        ({"role": "admin", "role_type": 4}, "admin"),
    ],
)
def test_agents_say_what_they_are(user: dict[str, Any], role: str) -> None:
    assert row("users", {"id": 1, "default_group_id": 2, **user}, "agent", "role", "group") == ["1", role, "2"]


def test_end_users_stay_at_the_desk() -> None:
    everybody = [{"id": 1, "role": "agent"}, {"id": 2, "role": "end-user"}, {"id": 3, "role": "admin"}]
    body = {"users": everybody, "after_cursor": "a", "end_of_stream": True}
    assert [each["id"] for each in streams()["users"].step({"start_time": 0}, Answer(body, NOW)).records] == [1, 3]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"subjects": [{"type": "conversation", "id": "x"}, {"type": "ticket", "id": "99"}]}, "99"),
        ({"subject_zrns": ["zen:ticket:12"]}, "12"),
        ({"subject_zrns": ["zen:conversation:4295"]}, ""),
    ],
)
def test_a_survey_names_its_ticket_and_its_id_the_instant_of_its_sending(more: dict[str, Any], expected: str) -> None:
    sent = {"id": ulid(1_767_607_200, 7), **more}
    columns = ("ticket", "sent_at", "answer", "rating", "responded_at")
    assert row("survey_responses", sent, *columns) == [expected, "2026-01-05T10:00:00+00:00", "", "", ""]
    answered = {**sent, "answer": {"rating": 2, "created_at": "2026-01-06T10:00:00Z", "updated_at": None}}
    assert row("survey_responses", answered, *columns)[2:] == ["2026-01-06T10:00:00Z", "2", "2026-01-06T10:00:00Z"]


def test_two_ratings_of_one_instant_are_two_answers() -> None:
    given = {"rating": 2, "updated_at": "2026-01-06T10:00:00Z"}
    answers = [{"id": "A", "answer": {**given, "question": question}} for question in ("Q1", "Q2")]
    assert [row("survey_responses", each, "answer", "responded_at") for each in answers] == [
        ["2026-01-06T10:00:00Z Q1", "2026-01-06T10:00:00Z"],
        ["2026-01-06T10:00:00Z Q2", "2026-01-06T10:00:00Z"],
    ]


@pytest.mark.parametrize("text", ["", "short", "I" * 26, "8ZZZZZZZZZ0000000000000000", None, 5])
def test_an_id_that_is_no_ulid_gives_no_instant(text: Any) -> None:
    assert row("survey_responses", {"id": text}, "sent_at") == [""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "ticket_id", "status", "child_events", "event_type", "Change", "Comment", "custom_ticket_fields", "via",
         "source", "custom_fields", "generated_timestamp", "created_at", "answer", "subjects", "actor", "public",
         "added_tags", "answers", "role", "type", "previous_value"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*sorted(streams()), "satisfaction_ratings"]), st.lists(JSON, max_size=4))
def test_whatever_a_record_holds_there_is_a_row_of_text(stream: str, records: list[Any]) -> None:
    columns = [*over_http().columns_of("events"), "sent_at", "rating", "answer", "role", "name", "field.tier"]
    made = DESK.rows(stream, records, columns)
    assert list(made.columns) == columns
    assert len(made) == len(records)
    assert made.map(lambda cell: isinstance(cell, str)).all(axis=None)


OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=3) | JSON.filter(lambda each: isinstance(each, dict))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(streams().keys() - {"desk_counts"})), st.lists(OBJECTS, max_size=4))
def test_whatever_objects_an_answer_holds_they_are_read(stream: str, records: list[Any]) -> None:
    asked = streams()[stream]
    key = asked.request(asked.begin(NOW, None)).path.rsplit("/", 1)[-1].replace("cursor", stream)
    body = {key: records, "end_of_stream": True, "after_cursor": "a", "meta": {"has_more": False}}
    step = asked.step(asked.begin(NOW, None), Answer(body, NOW))
    assert all(isinstance(each, dict) for each in step.records)
