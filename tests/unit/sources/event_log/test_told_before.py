"""A desk that tells changes: what a ticket was created with is what stood before its first change."""

import pytest

from deskledger.sources.event_log.normalise import Normalised

from tests.unit.sources.event_log.desk import EVENTS, normalised, told

# Columns that the small desk has besides: what was so before a change. `opened` stands on the present state alone.
STATUS = {**EVENTS["status"], "before": "resolved_at"}
FIELDS = {"team": {"column": "team", "before": "closed_at", "cleared": ["nobody"]}}
SAYS_NOTHING = {"opened": "", "state": "", "prio": "", "team": ""}


def change(n: int, at: str, **said: str) -> dict[str, str]:
    return {**SAYS_NOTHING, "n": str(n), "at": at, **said}


def state(at: str, **said: str) -> dict[str, str]:
    return {"n": "99", "at": at, "state": "", "team": "", **said}


def desk(*rows: dict[str, str], landed: list[int] | None = None) -> Normalised:
    return normalised(*rows, landed=landed, status=STATUS, fields=FIELDS, dated=[])


def test_what_stood_before_the_first_change_has_stood_since_the_creation() -> None:
    made = desk(
        change(1, "2026-03-02 09:00"),
        change(2, "2026-03-02 10:00", team="blue", closed_at="red"),
        change(3, "2026-03-02 11:00", state="Done", resolved_at="Open"),
        state("2026-03-02 11:00", team="blue", state="Done"),
    )
    assert told(made, "team") == [("2026-03-02 09:00", "red"), ("2026-03-02 10:00", "blue")]
    assert told(made, "status") == [("2026-03-02 09:00", "open"), ("2026-03-02 11:00", "resolved")]
    assert made.events.loc[made.events["kind"] == "team", "source_value"].tolist() == ["red", "blue"]
    assert made.tickets["team"].tolist() == ["blue"]


def test_what_never_changed_has_stood_since_the_creation_as_it_stands_now() -> None:
    made = desk(change(1, "2026-03-02 09:00"), state("2026-03-02 15:00", team="red", state="Asked"))
    assert told(made, "team") == [("2026-03-02 09:00", "red")]
    assert told(made, "status") == [("2026-03-02 09:00", "waiting_on_customer")]


def test_a_change_in_the_first_row_at_the_instant_of_creation_is_the_creations() -> None:
    for minute, expected in [
        ("09:00", [("2026-03-02 09:00", "blue")]),
        ("09:01", [("2026-03-02 09:00", "red"), ("2026-03-02 09:01", "blue")]),
    ]:
        at = f"2026-03-02 {minute}"
        made = desk(change(1, at, team="blue", closed_at="red"), state(at, team="blue"))
        assert told(made, "team") == expected


def test_a_desk_that_never_says_leaves_the_field_open_and_the_status_new() -> None:
    made = desk(change(1, "2026-03-02 09:00"), state("2026-03-02 15:00"))
    assert told(made, "team") == []
    assert told(made, "status") == [("2026-03-02 09:00", "new")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # From nobody: there was none at the creation, although a later row has one.
        ([("blue", "nobody")], [("10:00", "blue")]),
        ([("blue", "nobody"), ("nobody", "blue")], [("10:00", "blue"), ("11:00", None)]),
        ([("nobody", "red")], [("09:00", "red"), ("10:00", None)]),
        # An empty cell is no clearing: the row is about something else.
        ([("blue", "red"), ("", "")], [("09:00", "red"), ("10:00", "blue")]),
    ],
)
def test_a_field_is_cleared_by_its_word_and_by_no_empty_cell(
    rows: list[tuple[str, str]], expected: list[tuple[str, str | None]]
) -> None:
    changes = [change(n, f"2026-03-02 {9 + n}:00", team=team, closed_at=was) for n, (team, was) in enumerate(rows, 1)]
    made = desk(*changes, state("2026-03-02 15:00"))
    assert told(made, "team") == [(f"2026-03-02 {at}", value) for at, value in expected]
    assert made.tickets["team"].astype(object).where(made.tickets["team"].notna(), None).tolist() == [expected[-1][1]]


def test_the_word_before_a_change_is_held_against_the_vocabulary_too() -> None:
    made = desk(change(1, "2026-03-02 10:00", state="Open", resolved_at="Odd"), state("2026-03-02 10:00"))
    assert made.faults["rule"].tolist() == ["status_unknown"]
    assert "column resolved_at has the unknown status 'Odd'" in made.faults["message"].iloc[0]
