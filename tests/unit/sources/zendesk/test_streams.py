"""What is asked, how pages follow on each other, and what an answer must say: the vendor's traps, one by one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskledger.errors import DeskAwayError, SourceError
from deskledger.sources.desk import Answer, Request, Step
from deskledger.sources.kept import ENOUGH, check, keep
from deskledger.sources.zendesk import DESK
from deskledger.sources.zendesk.choice import SURVEYS

from tests.unit.sources.zendesk.pull import account, streams

NOW = datetime(2026, 4, 8, 2, 0, 30, tzinfo=UTC)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
START = 1_767_225_600
AT = "2026-01-01T00:00:00Z"
TICKET = {"id": 1, "status": "new", "created_at": AT, "updated_at": AT, "generated_timestamp": START}
FIGURE = {"id": 1, "ticket_id": 1, "metric": "group_ownership_time", "type": "apply_group_sla", "time": AT}


def answered(stream: str, cursor: dict[str, Any], **body: Any) -> Step:
    return streams()[stream].step(cursor, Answer(body, NOW))


def test_every_stream_asks_the_documents_paths_and_parameters() -> None:
    asked = {name: each.request(each.begin(SINCE, None)) for name, each in streams().items()}
    since, page, every = ("start_time", str(START)), ("page[size]", "100"), ("support_type_scope", "all")
    assert asked == {
        # People and organizations that nobody has touched since are needed too.
        "users": Request("/api/v2/incremental/users/cursor", (("start_time", "0"),)),
        "groups": Request("/api/v2/groups", (page,)),
        "group_memberships": Request("/api/v2/group_memberships", (page,)),
        "organizations": Request("/api/v2/incremental/organizations", (("start_time", "0"),)),
        "tickets": Request("/api/v2/incremental/tickets/cursor", (since, every)),
        "ticket_events": Request("/api/v2/incremental/ticket_events", (since, ("include", "comment_events"), every)),
        "deleted_tickets": Request("/api/v2/deleted_tickets", (every, page)),
        "ticket_metric_events": Request("/api/v2/incremental/ticket_metric_events", (since,)),
        "survey_responses": Request(
            "/api/v2/guide/survey_responses", (("filter[created_at_start]", str(START * 1000)), page)
        ),
        "desk_counts": Request("/api/v2/search/count", (("query", "type:ticket created>=2026-01-01T00:00:00Z"),)),
    }


def test_a_cursor_export_goes_on_with_start_time_and_cursor_and_ends_where_the_desk_says() -> None:
    stream, every = streams()["tickets"], ("support_type_scope", "all")
    begin = stream.begin(SINCE, None)
    first = answered("tickets", begin, tickets=[{"id": 1}], after_cursor="abc", end_of_stream=False)
    assert (first.is_end, first.complete_until) == (False, None)
    assert stream.request(first.cursor).params == (("start_time", str(START)), ("cursor", "abc"), every)
    last = answered("tickets", first.cursor, tickets=[], after_cursor="abc", end_of_stream=True)
    assert last.is_end
    assert last.complete_until == NOW - timedelta(minutes=1)  # the minute before the answer is left out
    assert stream.request(last.cursor).params == (("start_time", str(START)), ("cursor", "abc"), every)
    # An account without a ticket gives no cursor: the next pull begins where this one did, not at "now".
    empty = answered("tickets", begin, tickets=[], after_cursor=None, end_of_stream=True)
    assert stream.request(empty.cursor).params == (("start_time", str(START)), every)


def test_an_export_resumes_from_the_instant_that_it_had_reached() -> None:
    stream = streams()["tickets"]
    window = stream.begin(SINCE, datetime(2026, 3, 1, tzinfo=UTC))
    assert stream.resume(window) is None  # nothing in it can grow old
    told = [{"id": 1, "generated_timestamp": START + 900}, {"id": 2, "generated_timestamp": START + 800}, {"id": 3}]
    first = answered("tickets", window, tickets=told, after_cursor="abc", end_of_stream=False).cursor
    assert stream.resume(first) == {**window, "start_time": START + 840}  # a minute before the newest of the page
    last = answered("tickets", first, tickets=[{"id": 1}], after_cursor="abd", end_of_stream=True).cursor
    assert stream.resume(last) == stream.resume(first)
    soon = answered("tickets", window, tickets=[TICKET], after_cursor="abc", end_of_stream=False).cursor
    assert stream.resume(soon) == window  # never before the pull's own beginning
    # Users tell no such instant: all of them again.
    users = answered("users", {"start_time": 0}, users=[{"id": 1}], after_cursor="x", end_of_stream=True).cursor
    assert streams()["users"].resume(users) == {"start_time": 0}


def test_a_list_resumes_from_its_first_page() -> None:
    stream = streams()["survey_responses"]
    assert stream.resume({"since": 5, "until": 9, "after": "x"}) == {"since": 5, "until": 9}
    assert stream.resume({"since": 5}) is None


def test_a_time_export_goes_on_at_the_last_second_and_begins_again_before_its_end() -> None:
    stream = streams()["ticket_events"]
    more = answered("ticket_events", {"start_time": 100}, ticket_events=[{}], end_time=500, end_of_stream=False)
    # That second again: others of it may be on the next page.
    assert stream.request(more.cursor).params[0] == ("start_time", "500")
    assert (more.is_end, more.complete_until) == (False, datetime(1970, 1, 1, 0, 8, 20, tzinfo=UTC))
    last = answered("ticket_events", more.cursor, ticket_events=[{}], end_time=900, end_of_stream=True)
    assert (last.is_end, last.complete_until) == (True, NOW - timedelta(minutes=1))
    assert last.cursor == {"start_time": 840}
    # Quiet: nothing moves, and never backwards from where the pull began.
    quiet = answered("ticket_events", last.cursor, ticket_events=[], end_time=None, end_of_stream=True)
    assert quiet.cursor == {"start_time": 840}


@pytest.mark.parametrize(("end_time", "is_end"), [(101, False), (100, True), (None, True)])
def test_an_answer_without_end_of_stream_is_the_last_when_time_stands_still(end_time: int | None, is_end: bool) -> None:
    step = answered("ticket_metric_events", {"start_time": 100}, ticket_metric_events=[{}] * 1000, end_time=end_time)
    assert step.is_end is is_end


def test_a_pull_without_end_of_stream_leaves_the_next_one_its_overlap_too() -> None:
    cursor: dict[str, Any] = {"start_time": 100}
    for end_time, start_time in ((500, 500), (900, 900), (900, 840), (900, 900), (900, 840), (None, 840)):
        cursor = answered("ticket_metric_events", cursor, ticket_metric_events=[{}], end_time=end_time).cursor
        assert cursor["start_time"] == start_time
    assert cursor == {"start_time": 840}


def test_an_answer_that_leads_nowhere_may_be_asked_for_again() -> None:
    """As when the answer before comes once more, from a cache on the way."""
    for stream, cursor, told in (
        ("tickets", {"start_time": 1, "after": "a"}, {"after_cursor": "a", "end_of_stream": False}),
        ("ticket_events", {"start_time": 5}, {"end_time": 5, "end_of_stream": False}),
        ("groups", {"after": "a"}, {"meta": {"has_more": True, "after_cursor": "a"}}),
    ):
        with pytest.raises(DeskAwayError):
            answered(stream, cursor, **{stream: []}, **told)


def _updates(count: int, **child: Any) -> list[dict[str, Any]]:
    return [
        {"id": n, "ticket_id": n, "created_at": "2026-01-01T00:00:00Z", "child_events": [child]} for n in range(count)
    ]


@pytest.mark.parametrize(
    ("child", "says"),
    [
        ({"event_type": "Create", "state": "new"}, "10 changes that make tickets on this page none has status"),
        ({"event_type": "Comment", "author_id": 1}, "10 comments on this page none has public or comment_public"),
    ],
)
def test_updates_that_tell_no_status_or_reader_any_more_are_refused(child: dict[str, Any], says: str) -> None:
    told = {"end_time": 9, "end_of_stream": True}
    with pytest.raises(SourceError, match=says):
        answered("ticket_events", {"start_time": 5}, ticket_events=_updates(10, **child), **told)
    answered("ticket_events", {"start_time": 5}, ticket_events=_updates(9, **child), **told)
    mixed = _updates(9, **child) + _updates(1, **child, status="new", public=True)
    answered("ticket_events", {"start_time": 5}, ticket_events=mixed, **told)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda update: update.pop("child_events"), "child_events is gone from all of them"),
        (lambda update: update.update(child_events="[]"), r"child_events is text, not list"),
        (lambda update: update.update(child_events=[{"kind": "Create"}]), r"child_events\[\]\.event_type is gone"),
    ],
)
def test_updates_whose_changes_have_another_form_are_refused(change: Callable[[Any], Any], says: str) -> None:
    updates = _updates(3, event_type="Change")
    for each in updates:
        change(each)
    stream = streams()["ticket_events"]
    step = answered("ticket_events", {"start_time": 5}, ticket_events=updates, end_time=9, end_of_stream=True)
    with pytest.raises(SourceError, match=says):
        check("ticket_events", keep(stream.fields, step.records))


@pytest.mark.parametrize(
    ("stream", "record", "told"),
    [
        # The vendor's document: a channel is told by name or by number, and a group SLA policy has a ULID as its id.
        ("tickets", {**TICKET, "via": {"channel": "web"}}, "web"),
        ("tickets", {**TICKET, "via": {"channel": 29}}, "29"),
        ("tickets", {**TICKET, "via": {"channel": None}}, ""),
        ("ticket_metric_events", {**FIGURE, "group_sla": {"policy": {"id": "01H078CBDY28BZG7P6BONY09DN"}}}, ""),
        ("ticket_metric_events", {**FIGURE, "group_sla": {"policy": {"id": 7}}}, ""),
    ],
)
def test_what_the_document_allows_in_a_field_is_read_though_a_whole_page_has_it(
    stream: str, record: dict[str, Any], told: str
) -> None:
    kept = keep(streams()[stream].fields, [record] * ENOUGH)
    check(stream, kept)
    assert kept.records == [record] * ENOUGH
    assert DESK.rows(stream, kept.records, ["channel"])["channel"].tolist() == [told] * ENOUGH


@pytest.mark.parametrize(("generated", "is_end"), [(999, False), (1000, False), (1001, True)])
def test_a_window_of_tickets_ends_after_its_last_second(generated: int, is_end: bool) -> None:
    cursor = {"start_time": 1, "until": 1000}
    told = [{"id": 1, "generated_timestamp": generated}]
    assert answered("tickets", cursor, tickets=told, after_cursor="a", end_of_stream=False).is_end is is_end


@pytest.mark.parametrize(("end_time", "is_end"), [(999, False), (1000, False), (1001, True)])
def test_a_window_of_events_ends_after_its_last_second(end_time: int, is_end: bool) -> None:
    cursor = {"start_time": 1, "until": 1000}
    assert (
        answered("ticket_events", cursor, ticket_events=[{}], end_time=end_time, end_of_stream=False).is_end is is_end
    )


def test_a_list_is_asked_page_by_page_and_from_its_beginning_every_time() -> None:
    stream = streams()["groups"]
    more = answered("groups", {}, groups=[{"id": 1}], meta={"has_more": True, "after_cursor": "x"})
    assert stream.request(more.cursor).params == (("page[size]", "100"), ("page[after]", "x"))
    last = answered("groups", more.cursor, groups=[], meta={"has_more": False, "after_cursor": "x"})
    assert (last.is_end, last.cursor, last.complete_until) == (True, {}, NOW)


@pytest.mark.parametrize("days", [35, 3])
def test_surveys_are_asked_for_as_long_as_an_answer_may_still_change(days: int) -> None:
    options = {} if days == 35 else {"survey_days": days}
    stream = streams(**options)["survey_responses"]
    step = stream.step({"since": START}, Answer({"survey_responses": [], "meta": {"has_more": False}}, NOW))
    assert step.cursor == {"since": int((NOW - timedelta(days=days)).timestamp())}


def test_a_survey_is_a_record_for_its_sending_and_one_for_each_rating() -> None:
    given = {"created_at": "2026-04-01T10:00:00Z", "updated_at": "2026-04-02T10:00:00Z"}
    answers = [
        {"type": "rating_scale", "rating": 2, "rating_category": "bad", **given},
        {"type": "open_ended", "value": "slow", **given},
        {"type": "skipped", **given},
    ]
    step = answered(
        "survey_responses", {"since": 1}, survey_responses=[{"id": "A", "answers": answers}], meta={"has_more": False}
    )
    assert step.records == [{"id": "A"}, {"id": "A", "answer": {"rating": 2, **given}}]


SCALE = {"type": "rating_scale", "question": {"id": "Q1", "type": "rating_scale"}}
OTHER = {"type": "rating_scale", "question": {"id": "Q2", "type": "rating_scale"}}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([{**SCALE, "rating": 4}], [(4, None)]),
        ([{**SCALE, "rating": 4}, {**SCALE, "rating": 5}], [(4, None), (5, None)]),  # of one question, twice
        ([{**SCALE, "rating": 4}, {"type": "open_ended", "question": {"id": "Q2"}}], [(4, None)]),
        ([{**SCALE, "rating": 4}, {"type": "rating_scale", "rating": 5}], [(4, None), (5, None)]),
        ([{**SCALE, "rating": 4}, {**OTHER, "rating": 4}], [(4, "Q1"), (4, "Q2")]),
        ([{**SCALE, "rating": 4}, {**OTHER, "type": "skipped"}], [(4, "Q1")]),
        ([{**SCALE, "rating": 4}, {**OTHER, "rating": None}, "junk"], [(4, "Q1")]),
    ],
)
def test_a_rating_says_its_question_where_the_survey_asks_for_several(answers: list[Any], expected: Any) -> None:
    responses = [{"id": "A", "answers": answers}]
    step = answered("survey_responses", {"since": 1}, survey_responses=responses, meta={"has_more": False})
    told = [each["answer"] for each in step.records[1:]]
    assert [(each["rating"], each.get("question")) for each in told] == expected


def test_where_surveys_are_asked_for_is_chosen_and_good_or_bad_is_no_rating() -> None:
    assert {choice: list(streams(surveys=choice))[-2] for choice in SURVEYS} == {
        "responses": "survey_responses",
        "ratings": "satisfaction_ratings",
        "none": "ticket_metric_events",
    }
    legacy = DESK.rows(
        "satisfaction_ratings", [{"id": 1, "ticket_id": 7, "score": "bad"}], ["ticket", "score", "rating"]
    )
    assert legacy.to_dict("records") == [{"ticket": "7", "score": "bad", "rating": ""}]
    assert streams(surveys="ratings")["satisfaction_ratings"].section == "satisfaction_ratings"  # never an answer


def test_tickets_that_an_ai_agent_handled_alone_are_asked_for_unless_they_are_not_wanted() -> None:
    def of_tickets(**options: Any) -> list[str]:
        asked = [
            each.request(each.begin(SINCE, None)) for each in streams(**options).values() if each.section == "events"
        ]
        return [dict(each.params)["support_type_scope"] for each in asked]

    assert of_tickets() == ["all"] * 3
    assert of_tickets(support_types="agent") == ["agent"] * 3
    told = DESK.rows("tickets", [TICKET | {"support_type": "ai_agent"}, TICKET], ["support_type"])
    assert told["support_type"].tolist() == ["ai_agent", ""]


@pytest.mark.parametrize(
    "options", [{"surveys": "stars"}, {"survey_days": 0}, {"survey_days": True}, {"support_types": "some"}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="mean nothing"):
        streams(**options)


@pytest.mark.parametrize(
    ("stream", "cursor", "body", "says"),
    [
        ("tickets", {"start_time": 1}, {"error": "?"}, "no list of objects named tickets"),
        ("tickets", {"start_time": 1}, {"tickets": [1], "end_of_stream": True}, "no list of objects"),
        ("tickets", {"start_time": 1}, {"tickets": [], "after_cursor": "a"}, "no end_of_stream"),
        ("tickets", {"start_time": 1}, {"tickets": [], "after_cursor": None, "end_of_stream": False}, "gives no way"),
        ("tickets", {"start_time": 1, "after": "a"}, {"tickets": [], "after_cursor": "a", "end_of_stream": False},
         "gives no way"),
        ("ticket_events", {"start_time": 5}, {"ticket_events": [], "end_time": 5, "end_of_stream": False},
         "time stands still"),
        ("ticket_events", {"start_time": 5}, {"ticket_events": [], "end_time": "soon"}, "end_time is no number"),
        ("ticket_events", {"start_time": 5}, {"ticket_events": [], "end_time": 10**12, "end_of_stream": True},
         "end_time is still to come"),
        ("ticket_events", {"start_time": 5}, {"ticket_events": [], "end_time": 2**70, "end_of_stream": False},
         "end_time is still to come"),
        ("ticket_events", {"start_time": 5}, {"ticket_events": [], "end_time": int(NOW.timestamp()) + 61,
         "end_of_stream": True}, "end_time is still to come"),
        ("groups", {}, {"groups": []}, "whether there is more"),
        ("groups", {"after": "a"}, {"groups": [], "meta": {"has_more": True, "after_cursor": "a"}}, "gives no way"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_as_documented_is_refused(
    stream: str, cursor: dict[str, Any], body: dict[str, Any], says: str
) -> None:
    with pytest.raises(SourceError, match=says):
        streams()[stream].step(cursor, Answer(body, NOW))


def test_the_secret_authenticates_and_is_in_no_question() -> None:
    one = account("https://acme.zendesk.com")
    assert DESK.headers(one)["Authorization"].startswith("Basic ")
    assert one.secret not in repr(one) + "".join(
        repr(each.request(each.begin(SINCE, None))) for each in streams().values()
    )
    token = type(one)("https://acme.zendesk.com", "", "abc")
    assert DESK.headers(token)["Authorization"] == "Bearer abc"


def test_fields_that_the_mapping_reads_are_kept_and_no_other() -> None:
    chosen = streams(frozenset({"field.27001", "set.27002", "field.tier", "ticket"}))
    paths = {name: {each.path for each in stream.fields} for name, stream in chosen.items()}
    assert {each for each in paths["tickets"] if "custom" in each} == {
        "custom_status_id",
        "custom_fields.27001",
        "custom_fields.27002",
    }
    assert "child_events[].custom_ticket_fields.27002" in paths["ticket_events"]
    assert {each for each in paths["organizations"] if "fields" in each} == {"organization_fields.tier"}
    personal = ("name", "email", "subject", "description", "body", "comment", "notes", "details", "tags", "system")
    kept = {
        each.split(".")[-1].removesuffix("[]")
        for name in paths.keys() - {"groups", "organizations"}
        for each in paths[name]
    }
    assert not kept & set(personal)
