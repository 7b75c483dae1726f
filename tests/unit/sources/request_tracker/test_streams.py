"""What is asked for, and what of it lands."""

import json
import re
from typing import Any

import pytest

from deskledger.errors import MappingError, SourceError
from deskledger.sources.desk import Request
from deskledger.sources.kept import check, keep
from deskledger.sources.request_tracker import DESK

from tests.unit.sources.request_tracker.desk import (
    ACCOUNT,
    COLUMNS,
    SINCE,
    answer,
    listing,
    page,
    pull,
    stream,
    ticket,
    transaction,
    user,
)


def test_states_are_pulled_before_the_history_and_fields_as_the_mapping_names_them() -> None:
    streams = DESK.streams(ACCOUNT, COLUMNS)
    assert [(each.name, each.section) for each in streams] == [
        ("desk_counts", "desk_counts"),  # what it counts is still to come
        ("queues", "teams"),
        ("agents", "agents"),
        ("tickets", "events"),
        ("deleted", "events"),
        ("transactions", "events"),
        ("moved", "events"),
        ("dues", "desk_figures"),
        ("changes_customer", "events"),
        ("ratings_csat", "survey_answers"),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"Subject"}, "no column Subject"),
        ({"CF."}, "no column CF."),
        ({"Rating.How was it", "Rating.How was it?"}, "differ in no letter"),
    ],
)
def test_a_column_that_no_stream_tells_is_refused(columns: set[str], message: str) -> None:
    with pytest.raises(MappingError, match=re.escape(message)):
        DESK.streams(ACCOUNT, frozenset(columns))


def test_the_token_is_in_the_header_and_nowhere_else() -> None:
    assert DESK.headers(ACCOUNT)["Authorization"] == "token 1-2-rt-secret"
    for each in DESK.streams(ACCOUNT, COLUMNS):
        assert "secret" not in str(each.request(each.begin(SINCE, None)))


def test_nothing_that_people_wrote_is_asked_for() -> None:
    told = stream("transactions")
    asked = dict(told.request({"after": 0, "page": 1, "empty": 0}).params)
    assert asked["fields"] == "ObjectId,Type,Field,OldValue,NewValue,Created,Creator"
    assert asked["fields[Creator]"] == "id"
    kinds = set(re.findall(r"\bType = '(\w+)'", asked["query"]))
    assert kinds == {
        *("Create", "Correspond", "Comment", "Status", "AddLink", "Set", "Take", "Steal", "Untake", "Give", "Force")
    }
    assert set(re.findall(r"\bField = '(\w+)'", asked["query"])) == {
        *("MergedInto", "Owner", "Queue", "Priority", "SLA", "Due")
    }


def test_of_a_ticket_only_the_fields_of_the_mapping_land_and_no_login() -> None:
    records, _, _ = pull(
        stream("tickets"), listing([ticket(7), ticket(8, Owner=user("ida@example.org"), CustomFields="")])
    )
    assert [each["name"] for each in records[0]["CustomFields"]] == ["Channel", "Customer"]
    assert records[0]["Owner"]["id"] == 31
    assert "Owner" not in records[1] and records[1]["CustomFields"] == []


def test_a_transaction_by_login_has_no_actor() -> None:
    records, _, _ = pull(stream("transactions"), listing([transaction(1, 7, "Comment", Creator=user("ida"))]))
    assert "Creator" not in records[0]


def test_a_custom_field_is_asked_for_by_its_quoted_name() -> None:
    columns = frozenset({"Ticket", "OldCF.Customer's \\ No"})
    asked = dict(stream("changes_customer_s_no", columns).request({"after": 5, "page": 1, "empty": 0}).params)
    assert "CustomFieldName = 'Customer\\'s \\\\ No'" in asked["query"]


def test_a_rating_that_is_taken_out_again_is_no_answer() -> None:
    told = [transaction(n, 7, "CustomField", Field="2", NewValue=rating) for n, rating in [(1, "5"), (2, ""), (3, "2")]]
    records, _, _ = pull(stream("ratings_csat"), listing(told))
    assert [each["NewValue"] for each in records] == ["5", "2"]


def test_deleted_tickets_are_asked_for_one_by_one_and_merged_ones_left_to_their_list() -> None:
    told = [transaction(n, number, "Status", NewValue="deleted") for n, number in enumerate([7, 8, 7], 1)]
    listed, asked = listing(told), []

    def ask(request: Request) -> Any:
        asked.append(request.path.removeprefix("/REST/2.0"))
        single = {"/ticket/7": ticket(7, Status="deleted", Owner=user("ida")), "/ticket/8": ticket(9)}
        return single.get(asked[-1]) or listed(request)

    records, last, _ = pull(stream("deleted"), ask)
    assert asked == ["/transactions", "/ticket/7", "/ticket/8"]
    assert [(each["id"], "Owner" in each) for each in records] == [(7, False)]
    assert last.cursor == {"after": 3, "page": 1, "empty": 0, "begun": SINCE.isoformat()}


def test_deletions_over_several_pages_without_total_are_all_asked_for() -> None:
    told = [transaction(number, number, "Status", NewValue="deleted") for number in range(1, 152)]
    listed = listing(told, frozenset({150}))

    def ask(request: Request) -> Any:
        number = request.path.removeprefix("/REST/2.0/ticket/")
        return ticket(int(number)) if number.isdecimal() else listed(request)

    records, last, _ = pull(stream("deleted"), ask)
    assert [each["id"] for each in records] == [number for number in range(1, 152) if number != 150]
    assert last.is_end and last.complete_until


GROUPS = [
    {"id": 3, "Name": "Everyone", "Domain": "SystemInternal"},
    {"id": 4, "Name": "Privileged", "Domain": "SystemInternal"},
    {"id": 28, "Name": "Tier2", "Domain": "UserDefined"},
    {"id": 27, "Name": "Tier1", "Domain": "UserDefined"},
]
MEMBERS = {4: ["root", "ida@x.org", "o/l"], 27: ["ida@x.org"], 28: ["ida@x.org", "o/l", "customer"]}
USERS = {14: "root", 29: "ida@x.org", 31: "o/l", 40: "customer"}


def directory(request: Request) -> Any:
    path = request.path.removeprefix("/REST/2.0/")
    if path == "groups":
        return page(GROUPS, 4)
    if path == "users":
        return page([{"type": "user", "id": number, "Name": name} for number, name in USERS.items()], len(USERS))
    if path == "rt":
        return {"Version": "5.0.3"}
    number = int(path.removeprefix("group/"))
    name = next(each["Name"] for each in GROUPS if each["id"] == number)
    return {"id": number, "Name": name, "Members": [*map(user, MEMBERS[number]), {"type": "group", "id": 99}]}


def test_agents_are_the_privileged_by_number_with_the_first_of_their_groups() -> None:
    asked, kept = [], []

    def ask(request: Request) -> Any:
        asked.append(request.path.removeprefix("/REST/2.0"))
        return directory(request)

    agents = stream("agents")
    cursor = agents.begin(SINCE, None)
    while not kept or not kept[-1].is_end:
        kept.append(agents.step(cursor, answer(ask(agents.request(cursor)))))
        cursor = kept[-1].cursor
    assert asked == ["/groups", "/group/4", "/group/27", "/group/28", "/users", "/rt"]
    assert kept[-1].records == [
        {"id": 14, "Privileged": 1, "Group": None},
        {"id": 29, "Privileged": 1, "Group": "Tier1"},
        {"id": 31, "Privileged": 1, "Group": "Tier2"},
    ]
    # No login stands in a cursor, a record or a request on the way.
    assert not any(login in json.dumps([vars(each) for each in kept]) for login in ("ida", "o/l", "customer", "root"))


def test_users_are_walked_again_only_where_the_members_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = stream("agents")
    _, last, requests = pull(agents, directory)
    again, last, fewer = pull(agents, directory, last.cursor)
    assert (requests, fewer, again) == (6, 4, [])
    monkeypatch.setitem(MEMBERS, 28, ["customer"])
    changed, _, requests = pull(agents, directory, last.cursor)
    assert (requests, changed[-1]) == (6, {"id": 31, "Privileged": 1, "Group": None})


@pytest.mark.parametrize("answered", [page([], None), page(GROUPS, None), page([], 0), page(GROUPS[:1], 1)])
def test_an_account_that_may_not_see_groups_is_told_which_right_it_lacks(answered: dict[str, Any]) -> None:
    with pytest.raises(
        SourceError, match=r"SeeGroup.*\nWhat to do: give the account's user the right SeeGroup .*globally"
    ):
        pull(stream("agents"), lambda request: answered)


def test_users_without_a_total_are_refused_whatever_the_page_holds() -> None:
    for people in ([], [{"type": "user", "id": 29, "Name": "ida@x.org"}]):
        with pytest.raises(SourceError, match=r"must be privileged\nWhat to do: tick .* for the account's user"):
            pull(
                stream("agents"),
                lambda request, people=people: (
                    page(people, None) if request.path.endswith("/users") else directory(request)
                ),
            )


@pytest.mark.parametrize(("total", "requests"), [(100, 6), (101, 8)])
def test_lists_of_people_end_where_the_total_says_so(total: int, requests: int) -> None:
    def ask(request: Request) -> Any:
        if request.path.endswith(("/groups", "/users")):
            items = [] if dict(request.params)["page"] == "1" and total > 100 else directory(request)["items"]
            return page(items, total)
        return directory(request)

    records, _, asked = pull(stream("agents"), ask)
    assert ([each["id"] for each in records], asked) == ([14, 29, 31], requests)


def test_queues_are_all_asked_for_disabled_ones_too() -> None:
    asked = dict(stream("queues").request(stream("queues").begin(SINCE, None)).params)
    assert json.loads(asked["query"]) == [{"field": "id", "operator": ">", "value": "0"}]
    assert asked["find_disabled_rows"] == "1"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("transactions", {"Creator": "ann"}, "Creator is gone from all of them"),
        ("tickets", {"Queue": "3"}, "Queue is text, not object"),
    ],
)
def test_people_and_queues_of_another_form_are_refused(name: str, change: dict[str, Any], says: str) -> None:
    item = {**(ticket(7) if name == "tickets" else transaction(1, 7, "Comment")), **change}
    records, _, _ = pull(stream(name), listing([item]))
    with pytest.raises(SourceError, match=says):
        check(name, keep(stream(name).fields, records))


def test_changes_that_say_no_more_what_is_so_from_then_on_are_refused() -> None:
    told = [transaction(number, 7, "Status") for number in range(1, 11)]
    for each in told:
        del each["NewValue"]
    with pytest.raises(SourceError, match="of the 10 changes on this page none has NewValue"):
        pull(stream("transactions"), listing(told))
    assert len(pull(stream("transactions"), listing(told[:9]))[0]) == 9


def test_the_history_of_a_ticket_that_moved_out_of_a_hidden_queue_is_asked_for() -> None:
    moves = [
        transaction(201, 7, "Set", Field="Queue", OldValue="9", NewValue="3"),
        transaction(202, 8, "Set", Field="Queue", OldValue="4", NewValue="3"),
        transaction(203, 5, "Set", Field="Queue", OldValue="9", NewValue="4"),
    ]
    earlier = {7: [transaction(n, 7, "Comment") for n in range(1, 151)], 5: [transaction(160, 5, "Create")]}
    listed, asked = listing(moves, frozenset({999})), []

    def ask(request: Request) -> Any:
        query = dict(request.params)["query"]
        if request.path.endswith("/queues"):
            asked.append(query)
            return page([{"id": "4", "Name": "Network"}] if '"4"' in query else [], None)
        if "ObjectId = " not in query:
            return listed(request)
        asked.append(query.partition(" AND ObjectType")[0])
        ticket_id = int(re.search(r"ObjectId = (\d+)", query)[1])  # type: ignore[index]
        told = [*earlier[ticket_id], *(each for each in moves if each["ObjectId"] == str(ticket_id))]
        # Comments that the account may not see, a whole page of them.
        return listing(told, frozenset(range(2, 120)))(request)

    records, last, _ = pull(stream("moved"), ask)
    assert [each["id"] for each in records] == ["1", *(str(n) for n in range(120, 151)), "201", "160", "203"]
    assert [json.loads(each)[0]["value"] for each in asked if each[0] == "["] == ["9", "4"]
    assert [each for each in asked if each[0] != "["] == [
        "id > 0 AND id <= 201 AND ObjectId = 7",
        "id > 1 AND id <= 201 AND ObjectId = 7",
        "id > 1 AND id <= 201 AND ObjectId = 7",
        "id > 0 AND id <= 203 AND ObjectId = 5",
    ]
    assert last.cursor == {"after": 203, "page": 1, "empty": 0, "begun": SINCE.isoformat()} and last.complete_until
    assert pull(stream("moved"), listing([]), last.cursor)[0] == []
