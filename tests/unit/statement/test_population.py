"""Values at an instant: the order of simultaneous events, the instant itself, and tickets without a word."""

import pandas as pd
import pytest

from deskledger import model
from deskledger.statement.population import values_at, with_ticket_fields, within

AT = "2026-03-05T10:00:00Z"


def events(*rows: tuple[int, str, int, str, str]) -> pd.DataFrame:
    """From (ticket key, instant, seq, kind, value)."""
    frame = pd.DataFrame(rows, columns=["ticket_key", "occurred_at", "seq", "kind", "value"])
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True, format="ISO8601")
    frame["event_id"] = [f"{number:03d}" for number in range(len(frame))]
    return model.conform(model.TICKET_EVENT, frame.assign(created_month=202603))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("2026-03-05T09:59:59.999999Z", "b"),
        (AT, "d"),
        ("2026-03-05T10:00:00.000001Z", "d"),
        ("2026-03-01T00:00Z", None),
    ],
)
def test_simultaneous_events_take_effect_in_the_sources_order(asked: str, expected: str | None) -> None:
    told = events(
        (1, AT, 9, "team", "d"),
        (1, AT, 2, "team", "c"),
        (1, "2026-03-04T00:00Z", 1, "team", "b"),
        (2, AT, 1, "team", "x"),
    )
    (found,) = values_at(told, ["team"], pd.Series([1]), pd.to_datetime(pd.Series([asked]), utc=True))["team"]
    assert found == expected if expected else pd.isna(found)


def test_an_agent_is_told_by_assignments() -> None:
    told = events((1, AT, 1, "assignment", "agent-001"), (1, AT, 2, "agent", "nobody"))
    found = values_at(told, ["agent"], pd.Series([1], index=[7]), pd.to_datetime(pd.Series([AT], index=[7]), utc=True))
    assert found.to_dict() == {"agent": {7: "agent-001"}}


def test_each_field_is_told_by_its_own_events_and_each_row_at_its_own_instant() -> None:
    told = events((1, AT, 1, "team", "t1"), (1, AT, 2, "priority", "P1"), (2, AT, 1, "team", "t2"))
    instants = pd.to_datetime(pd.Series([AT, "2026-03-01T00:00:00Z", None, AT]), utc=True)
    found = values_at(told, ["priority", "team", "agent"], pd.Series([2, 1, 1, 1]), instants)
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        [None, "t2", None],
        [None, None, None],
        [None, None, None],
        ["P1", "t1", None],
    ]


@pytest.mark.parametrize("tickets", [[], [1]])
def test_no_events_and_no_tickets_say_nothing(tickets: list[int]) -> None:
    keys = pd.Series(tickets, dtype="int64")
    found = values_at(events(), ["team", "agent"], keys, pd.to_datetime(pd.Series([AT] * len(tickets)), utc=True))
    assert found.shape == (len(tickets), 2) and found.isna().all(axis=None)


def test_fields_that_the_rows_lack_come_from_the_ticket_and_known_ones_stay() -> None:
    tickets = pd.DataFrame(
        {
            "ticket_key": [1, 2],
            "source": "desk",
            "ticket_id": ["A", "B"],
            "team": ["t1", "t2"],
            "severity": ["high", None],
        }
    )
    rows = pd.DataFrame({"ticket_key": [2, 1, 2], "team": pd.Series(["t9", None, None], dtype="str")})
    told = with_ticket_fields(rows, tickets)
    assert list(told["team"]) == ["t9", "t1", "t2"]
    assert list(told["ticket_id"]) == ["B", "A", "B"]
    assert list(within(told, {"severity": frozenset({"high"})})) == [False, True, False]


def test_numbers_and_flags_are_matched_by_their_words() -> None:
    rows = pd.DataFrame(
        {
            "support_level": pd.array([1, 3, None], dtype="Int64"),
            "has_workaround": pd.array([True, False, None], dtype="boolean"),
        }
    )
    assert list(within(rows, {"support_level": frozenset({"3"})})) == [False, True, False]
    assert list(within(rows, {"has_workaround": frozenset({"true"})})) == [True, False, False]
    assert list(within(rows, {})) == [True, True, True]
