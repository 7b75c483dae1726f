"""What records say, as rows of text."""

from typing import Any

import pytest

from deskledger.sources.request_tracker import DESK
from deskledger.sources.request_tracker.columns import COLUMNS

from tests.unit.sources.request_tracker.desk import ticket, transaction

ALL = [*COLUMNS, "CF.Channel", "CF.Customer", "OldCF.Customer", "Rating.CSAT"]


def said(stream: str, record: Any) -> dict[str, str]:
    """What a record's row says, without what it is silent of."""
    frame = DESK.rows(stream, [record], ALL)
    assert list(frame.columns) == ALL and len(frame) == 1
    return {name: value for name, value in frame.iloc[0].items() if value != ""}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (transaction(5, 7, "Create"), {}),
        (transaction(5, 7, "Correspond"), {"Activity": "Correspond"}),
        (transaction(5, 7, "Comment"), {"Activity": "Comment"}),
        (
            transaction(5, 7, "Status", Field="Status", OldValue="new", NewValue="open"),
            {"Status": "open", "OldStatus": "new"},
        ),
        (
            transaction(5, 7, "Status", Field="Status", OldValue="open", NewValue="deleted"),
            {"Status": "deleted", "OldStatus": "open", "Activity": "Deleted"},
        ),
        (transaction(5, 7, "Set", Field="Owner", OldValue="6", NewValue="31"), {"Owner": "31", "OldOwner": "6"}),
        (transaction(5, 7, "Steal", Field="Owner", OldValue="31", NewValue="33"), {"Owner": "33", "OldOwner": "31"}),
        (transaction(5, 7, "Set", Field="Queue", OldValue="1", NewValue="3"), {"Queue": "3", "OldQueue": "1"}),
        (
            transaction(5, 7, "Set", Field="Priority", OldValue="0", NewValue="50"),
            {"Priority": "50", "OldPriority": "0"},
        ),
        (transaction(5, 7, "Set", Field="SLA", OldValue="", NewValue="gold"), {"SLA": "gold"}),
        (
            transaction(5, 7, "Set", Field="Due", OldValue="1970-01-01 00:00:00", NewValue="2026-01-07 09:00:00"),
            {"Due": "2026-01-07T09:00:00Z"},
        ),
        # Both tickets of a merge have the link: the one that the link does not lead to is gone.
        (
            transaction(5, 7, "AddLink", Field="MergedInto", NewValue="fsck.com-rt://rt.example.org/ticket/9"),
            {"Activity": "Merged", "Target": "9"},
        ),
        (transaction(5, 9, "AddLink", Field="MergedInto", NewValue="fsck.com-rt://rt.example.org/ticket/9"), {}),
        (transaction(5, 7, "AddLink", Field="RefersTo", NewValue="fsck.com-rt://rt.example.org/ticket/9"), {}),
        (transaction(5, 7, "Set", Field="Ticket", NewValue="8"), {}),
    ],
)
def test_a_transaction_says_what_changed_and_nothing_else(record: dict[str, Any], expected: dict[str, str]) -> None:
    base = {"Ticket": record["ObjectId"], "Sequence": "5", "At": "2026-01-05T09:00:00Z", "Actor": "31"}
    assert said("transactions", record) == base | expected


@pytest.mark.parametrize(
    ("old", "new", "expected"), [("", "Nut Ltd", ("(none)", "Nut Ltd")), ("Nut Ltd", "", ("Nut Ltd", "(none)"))]
)
def test_a_custom_fields_change_is_known_by_its_stream(old: str, new: str, expected: tuple[str, str]) -> None:
    row = said("changes_customer", transaction(5, 7, "CustomField", Field="4", OldValue=old, NewValue=new))
    assert (row["OldCF.Customer"], row["CF.Customer"]) == expected
    assert "CF.Channel" not in row and "Rating.CSAT" not in row


def test_a_rating_is_as_the_customer_gave_it() -> None:
    row = said("ratings_csat", transaction(5, 7, "CustomField", Field="2", NewValue="4"))
    assert (row["Ticket"], row["Sequence"], row["Rating.CSAT"]) == ("7", "5", "4")


def test_a_state_stands_after_every_transaction_of_its_instant() -> None:
    assert said("tickets", ticket(7)) == {
        "Ticket": "7",
        "Sequence": "1099511627776",
        "At": "2026-01-06T10:00:00Z",
        "Created": "2026-01-05T09:00:00Z",
        "Status": "resolved",
        "Queue": "3",
        "Owner": "31",
        "Priority": "50",
        "SLA": "standard",
        "Due": "2026-01-07T09:00:00Z",
        "Starts": "2026-01-05T09:00:00Z",
        "Resolved": "2026-01-06T10:00:00Z",
        "CF.Channel": "web",
        "CF.Customer": "(none)",
    }


def test_a_deleted_ticket_is_told_as_any_other() -> None:
    one = {**ticket(7, Status="deleted"), "Queue": {"id": "3"}}
    assert said("deleted", one) == {**said("tickets", one)}


def test_queues_and_agents() -> None:
    assert said("queues", {"id": "3", "Name": "Support", "Description": ""}) == {"Queue": "3", "Name": "Support"}
    agent = {"id": 31, "Privileged": 1, "Group": "Tier1"}
    assert said("agents", agent) == {"Agent": "31", "Privileged": "1", "Group": "Tier1"}


JUNK: list[Any] = [None, 1, "x", [], {}, True, {"id": [1]}, {"CustomFields": [None, {"values": 5}], "Queue": "3"}]


STREAMS = ("tickets", "deleted", "transactions", "changes_customer", "ratings_csat", "queues", "agents")


@pytest.mark.parametrize("stream", STREAMS)
def test_no_record_is_so_odd_that_reading_it_fails(stream: str) -> None:
    odd = [dict.fromkeys(ticket(1) | transaction(1, 1, "Set"), each) for each in JUNK]
    frame = DESK.rows(stream, [*JUNK, *odd], ALL)
    assert len(frame) == 2 * len(JUNK)
    assert all(isinstance(value, str) for name in ALL for value in frame[name])


def test_no_records_are_no_rows() -> None:
    assert DESK.rows("tickets", [], ["Ticket", "At"]).shape == (0, 2)
