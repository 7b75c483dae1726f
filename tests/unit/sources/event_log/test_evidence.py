"""What rows are evidence of (docs/adr/0010-event-log-evidence.md)."""

import pandas as pd

from deskledger.model import TICKET, TICKET_EVENT
from deskledger.sources.event_log.normalise import normalise

from tests.unit.sources.event_log.desk import mapping, normalised, origin, table, told


def test_a_ticket_is_created_and_states_its_first_values_at_its_creation() -> None:
    made = normalised({"n": "4", "at": "2026-03-02 09:30", "prio": "high", "agent": "ann", "by": "ann"})
    events = made.events[["event_id", "kind", "value", "source_value", "previous_value"]]
    assert events.astype(object).where(events.notna(), None).to_numpy().tolist() == [
        ["created", "created", None, None, None],
        ["initial.status", "status", "new", None, None],  # open is known from 09:30 on, not before
        ["initial.priority", "priority", "P1", "high", None],
        ["initial.team", "team", "red", "red", None],
        ["initial.assignment", "assignment", "ann", "ann", None],
        ["4.status", "status", "open", "Open", "new"],
    ]
    assert made.events["occurred_at"].dt.strftime("%H:%M").tolist() == ["09:00"] * 5 + ["09:30"]
    assert made.events["seq"].tolist() == [128, 129, 130, 131, 134, 129]  # one sequence number, 32 places


def test_a_row_of_the_creation_instant_gives_the_initial_status() -> None:
    made = normalised({"n": "0", "at": "2026-03-02 09:00", "state": "Asked"})
    assert told(made, "status") == [("2026-03-02 09:00", "waiting_on_customer")]


def test_frames_are_canonical_also_without_a_row() -> None:
    for made in (normalised({"n": "0", "at": "2026-03-02 09:00"}), normalise(mapping(), table(), origin([]))):
        for frame, of in ((made.tickets, TICKET), (made.events, TICKET_EVENT)):
            assert list(frame.columns) == of.names
            assert [str(frame[column.name].dtype) for column in of.columns] == [column.dtype for column in of.columns]


def test_only_changes_are_events_and_a_missing_value_keeps_or_clears_as_mapped() -> None:
    made = normalised(
        {"n": "0", "at": "2026-03-02 09:00", "team": "red", "agent": "ann"},
        {"n": "1", "at": "2026-03-02 10:00", "team": "?", "agent": "ann"},
        {"n": "2", "at": "2026-03-02 11:00", "team": "red", "agent": "?"},
        {"n": "3", "at": "2026-03-02 12:00", "team": "blue", "agent": "bob"},
    )
    assert told(made, "team") == [("2026-03-02 09:00", "red"), ("2026-03-02 12:00", "blue")]
    assert told(made, "assignment") == [
        ("2026-03-02 09:00", "ann"),
        ("2026-03-02 11:00", None),
        ("2026-03-02 12:00", "bob"),
    ]
    cleared = made.events[(made.events["kind"] == "assignment") & made.events["value"].isna()]
    assert cleared["previous_value"].tolist() == ["ann"]
    assert made.tickets.loc[0, ["team", "agent"]].tolist() == ["blue", "bob"]


def test_trap_4_a_row_that_carries_a_later_closing_is_not_closed_at_its_own_instant() -> None:
    early = {"n": "0", "at": "2026-03-02 09:00", "closed_at": "2026-03-09 12:00", "resolved_at": "2026-03-04 12:00"}
    assert told(normalised(early), "status") == [("2026-03-02 09:00", "open")]
    # Nor one minute before; a later row without a state of its own is evidence of both instants.
    before = {**early, "n": "1", "at": "2026-03-09 11:59", "resolved_at": ""}
    assert told(normalised(early, before), "status") == [("2026-03-02 09:00", "open")]
    after = {**early, "n": "2", "at": "2026-03-09 12:01", "state": "Unclear"}
    assert told(normalised(early, before, after), "status") == [
        ("2026-03-02 09:00", "open"),
        ("2026-03-04 12:00", "resolved"),
        ("2026-03-09 11:59", "open"),  # the row of 11:59 says so itself
        ("2026-03-09 12:00", "closed"),
    ]


def test_trap_4_a_dated_column_counts_from_the_row_of_its_own_instant_on() -> None:
    rows = [
        {"n": "0", "at": "2026-03-02 09:00"},
        {"n": "1", "at": "2026-03-02 11:00", "state": "Shut", "resolved_at": "2026-03-02 10:00"},
    ]
    made = normalised(*rows)
    assert told(made, "status") == [
        ("2026-03-02 09:00", "open"),
        ("2026-03-02 10:00", "resolved"),
        ("2026-03-02 11:00", "closed"),
    ]
    dated = made.events[made.events["event_id"].str.contains("@")]
    assert dated["event_id"].tolist() == ["resolved_at@20260302T100000.000000Z"]
    assert dated["source_value"].tolist() == ["resolved_at"]


def test_at_one_instant_the_rows_speak_before_a_dated_column() -> None:
    # Both rows carry the resolution of their own minute: only the second is in that state, and nothing flickers.
    made = normalised(
        {"n": "1", "at": "2026-03-02 11:00", "state": "Open", "resolved_at": "2026-03-02 11:00"},
        {"n": "2", "at": "2026-03-02 11:00", "state": "Done", "resolved_at": "2026-03-02 11:00"},
        {"n": "3", "at": "2026-03-03 11:00", "state": "Shut", "resolved_at": "2026-03-02 11:00"},
    )
    assert [value for _, value in told(made, "status")] == ["new", "open", "resolved", "closed"]
    assert not made.events["event_id"].str.contains("@").any()


def test_simultaneous_rows_follow_their_sequence_and_a_row_that_goes_back_in_time_keeps_its_instant() -> None:
    made = normalised(
        {"n": "2", "at": "2026-03-02 10:00", "state": "Done"},
        {"n": "1", "at": "2026-03-02 10:00", "state": "Asked"},
        {"n": "3", "at": "2026-03-02 09:30", "state": "Open"},
        {"n": "9", "at": "2026-03-02 11:00", "state": "Shut"},
    )
    assert told(made, "status") == [
        ("2026-03-02 09:00", "new"),
        ("2026-03-02 09:30", "open"),
        ("2026-03-02 10:00", "waiting_on_customer"),
        ("2026-03-02 10:00", "resolved"),
        ("2026-03-02 11:00", "closed"),
    ]


def test_a_sequence_number_that_comes_twice_is_two_updates() -> None:
    made = normalised(
        {"n": "1", "at": "2026-03-02 10:00", "state": "Asked"}, {"n": "1", "at": "2026-03-02 11:00", "state": "Done"}
    )
    assert made.events["event_id"].tolist()[-2:] == ["1.status", "1~2.status"]
    assert made.fates.tolist() == [0, 0]


def test_activities_are_events_beside_the_snapshot() -> None:
    made = normalised(
        {"n": "1", "at": "2026-03-02 09:10", "what": "reply", "by": "ann"},
        {"n": "2", "at": "2026-03-02 09:20", "what": "note", "detail": "call back"},
        {"n": "3", "at": "2026-03-02 09:30", "what": "promise", "detail": "2026-03-05 17:00"},
        {"n": "4", "at": "2026-03-02 09:40", "what": "up"},
        {"n": "5", "at": "2026-03-02 09:50", "what": "update"},
    )
    done = made.events[made.events["kind"].isin(["reply", "note", "eta", "escalation"])]
    columns = done[["event_id", "value", "source_value", "actor_id", "actor_role", "is_public"]].astype(object)
    assert columns.where(columns.notna(), None).to_numpy().tolist() == [
        ["1.reply", None, "reply", "ann", "agent", True],
        ["2.note", "call back", "note", None, "agent", False],
        ["3.eta", "2026-03-05T17:00:00+00:00", "promise", None, "agent", None],
        ["4.escalation", "L1>L2", "up", None, "agent", None],
    ]


def test_a_status_that_says_nothing_leaves_the_last_known_one() -> None:
    made = normalised(
        {"n": "1", "at": "2026-03-02 09:00", "state": "Asked"},
        {"n": "2", "at": "2026-03-02 10:00", "state": "Unclear"},
        {"n": "3", "at": "2026-03-02 11:00", "state": "Asked"},
    )
    assert told(made, "status") == [("2026-03-02 09:00", "waiting_on_customer")]
    assert made.faults.empty


def test_the_newest_landed_row_says_when_the_ticket_was_created() -> None:
    made = normalised(
        {"n": "1", "at": "2026-03-02 10:00"},
        {"n": "2", "at": "2026-03-02 11:00", "opened": "2026-03-02 08:00"},
        landed=[1, 2],
    )
    assert made.tickets["created_at"].tolist() == [pd.Timestamp("2026-03-02 08:00", tz="UTC")]
    assert made.events.loc[made.events["kind"] == "created", "occurred_at"].dt.hour.tolist() == [8]


def test_a_creation_that_moves_behind_older_rows_quarantines_them() -> None:
    made = normalised(
        {"n": "1", "at": "2026-03-02 10:00"},
        {"n": "2", "at": "2026-03-02 11:00", "opened": "2026-03-02 10:01"},
        landed=[1, 2],
    )
    assert made.faults["rule"].tolist() == ["event_before_ticket"]
    assert made.fates.tolist() == [3, 0]
    assert told(made, "status") == [("2026-03-02 10:01", "new"), ("2026-03-02 11:00", "open")]
