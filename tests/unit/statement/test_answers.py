"""Survey answers of a period: what it may know of, which of several answers counts, and whose ticket it was."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pandas as pd
import pytest

from deskledger import model
from deskledger.contract.terms import CsatTerms, Measure, ServiceLevel, Version
from deskledger.statement.answers import prepare, summary
from deskledger.statement.levels import measurements

START, END = pd.Timestamp("2026-03-01T00:00Z"), pd.Timestamp("2026-04-01T00:00Z")
KEYS = dict(zip("ABC", model.ticket_keys("desk", "ABC"), strict=True))


def terms(**choices: object) -> CsatTerms:
    usual = {
        "clause": "5", "good": frozenset({4, 5}), "neutral": frozenset({3}), "poor": frozenset({1, 2}),
        "denominator": "include_neutral", "answers": "last", "attribution": "responded",
    }  # fmt: skip
    return CsatTerms(**{**usual, **choices})  # type: ignore[arg-type]


def answers(*rows: tuple[str, str, str, str, str | None, int | None]) -> pd.DataFrame:
    """From (survey, answer, ticket, sent, responded, rating)."""
    frame = pd.DataFrame(rows, columns=["survey_id", "answer_id", "ticket", "sent_at", "responded_at", "rating"])
    frame["ticket_key"] = frame["ticket"].map(KEYS)
    for name in ("sent_at", "responded_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return model.conform(model.SURVEY_ANSWER, frame.assign(source="desk"))


def tickets() -> pd.DataFrame:
    made = pd.Timestamp("2026-02-01T00:00Z")
    frame = pd.DataFrame(
        {
            "ticket_key": list(KEYS.values()), "ticket_id": list(KEYS), "created_month": 202602, "shard": 0,
            "source": "desk", "account": "late-owner", "team": "team-09", "created_at": made, "updated_at": made,
        }
    )  # fmt: skip
    return model.conform(model.TICKET, frame)


def events(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """From (ticket, instant, kind, value)."""
    frame = pd.DataFrame(rows, columns=["ticket", "occurred_at", "kind", "value"])
    frame["ticket_key"] = frame["ticket"].map(KEYS)
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True, format="ISO8601")
    number = list(range(len(frame)))
    frame = frame.assign(created_month=202602, event_id=[str(each) for each in number], seq=number)
    return model.conform(model.TICKET_EVENT, frame) if len(frame) else model.empty(model.TICKET_EVENT)


def ready(
    given: pd.DataFrame, happened: pd.DataFrame | None = None, wait_days: int = 0, **choices: object
) -> pd.DataFrame:
    told = events() if happened is None else happened
    return prepare(given, tickets(), told, terms(**choices), START, END, timedelta(days=wait_days))


@pytest.mark.parametrize(
    ("responded", "wait_days", "rating"),
    [
        ("2026-03-31T23:59:59.999999Z", 0, 5),
        ("2026-04-01T00:00:00Z", 0, None),
        ("2026-04-07T23:59:59Z", 7, 5),
        ("2026-04-08T00:00:00Z", 7, None),
    ],
)
def test_an_answer_is_known_until_the_wait_is_over(responded: str, wait_days: int, rating: int | None) -> None:
    given = answers(("s1", "a1", "A", "2026-03-20T09:00Z", responded, 5))
    (found,) = ready(given, wait_days=wait_days, attribution="sent")["rating"]
    assert found == rating if rating else pd.isna(found)


def test_the_row_that_says_sent_gives_way_to_the_answer() -> None:
    given = answers(
        ("s1", "sent", "A", "2026-03-20T09:00Z", None, None),
        ("s1", "a1", "A", "2026-03-20T09:00Z", "2026-03-21T09:00Z", 4),
        ("s2", "sent", "B", "2026-03-20T09:00Z", None, None),
    )
    rows = ready(given)
    assert sorted(zip(rows["survey_id"], rows["answer_id"], strict=True)) == [("s1", "a1"), ("s2", "sent")]
    assert rows.set_index("survey_id")["is_counted"].to_dict() == {"s1": True, "s2": False}


@pytest.mark.parametrize(("rule", "counted"), [("first", [2]), ("last", [5]), ("all", [2, 5])])
def test_the_contract_says_which_of_a_tickets_answers_counts(rule: str, counted: list[int]) -> None:
    given = answers(
        ("s1", "a1", "A", "2026-03-01T09:00Z", "2026-03-03T09:00Z", 2),
        ("s2", "a2", "A", "2026-03-08T09:00Z", "2026-03-09T09:00Z", 5),
    )
    rows = ready(given, answers=rule)
    assert sorted(rows[rows["is_counted"]]["rating"]) == counted
    assert len(rows) == 2  # what does not count is still listed


@pytest.mark.parametrize(("attribution", "months"), [("sent", 0), ("responded", 1), ("solved", 0)])
def test_the_attribution_places_an_answer_in_its_month(attribution: str, months: int) -> None:
    given = answers(("s1", "a1", "A", "2026-02-28T09:00Z", "2026-03-03T09:00Z", 2))
    solved = events(("A", "2026-02-27T09:00Z", "status", "resolved"), ("A", "2026-03-04T09:00Z", "status", "resolved"))
    assert len(ready(given, solved, attribution=attribution)) == months


def test_an_answer_carries_the_values_of_its_attribution_instant_and_its_own_team() -> None:
    moved = events(("A", "2026-02-01T00:00Z", "account", "owner"), ("A", "2026-03-05T00:00Z", "account", "late-owner"))
    given = answers(
        ("s1", "a1", "A", "2026-03-01T09:00Z", "2026-03-04T09:00Z", 5),
        ("s2", "a2", "B", "2026-03-01T09:00Z", "2026-03-04T09:00Z", 5),
    )
    given["team"] = pd.Series(["team-01", None], dtype="str").astype("category")
    rows = ready(given, moved).set_index("survey_id")
    assert rows["account"].to_dict() == {"s1": "owner", "s2": "late-owner"}
    assert rows["team"].to_dict() == {"s1": "team-01", "s2": "team-09"}
    assert rows.loc["s1", "ticket_id"] == "A"


def test_the_summary_counts_and_cuts_towards_the_verdict() -> None:
    rated = [5, 5, 3, 1, 5, 4]
    given = answers(
        *(
            (f"s{n}", "a", "ABC"[n % 3], "2026-03-02T09:00Z", f"2026-03-0{n + 3}T09:00Z", r)
            for n, r in enumerate(rated)
        ),
        ("s9", "sent", "A", "2026-03-02T09:00Z", None, None),
    )
    level = ServiceLevel("csat_poor", "5.3", Measure("csat", "poor", "share"), "<=", Fraction(10), title="Poor")
    told = summary(ready(given, answers="all"), terms(answers="all"), [level], START, END)
    assert (told["sent"], told["answered"], told["good"], told["neutral"], told["poor"]) == (7, 6, 4, 1, 1)
    assert (told["good_pct"], told["poor_pct"], told["response_rate_pct"]) == ("66.66", "16.67", "85.71")
    assert told["poor_interval_pct"] == ["3.01", "56.35"]
    assert told["headroom"] == [{"title": "Poor", "poor_borne": 0, "good_needed": 4}]


def test_a_month_without_any_survey() -> None:
    none = model.empty(model.SURVEY_ANSWER)
    for attribution in ("created", "solved", "sent", "responded"):
        assert len(ready(none, attribution=attribution)) == 0
    assert summary(ready(none), terms(), [], START, END)["response_rate_pct"] is None


def test_headroom_is_of_the_tickets_that_a_level_is_about() -> None:
    rows = [(f"s{n}", "a", "ABC"[n % 3], "2026-03-02T09:00Z", "2026-03-03T09:00Z", 5 if n else 1) for n in range(30)]
    given = ready(answers(*rows), answers="all")  # type: ignore[arg-type]
    given["team"] = ["red" if key == KEYS["B"] else "blue" for key in given["ticket_key"]]
    poor = ServiceLevel("poor", "5.3", Measure("csat", "poor", "share"), "<=", Fraction(10), title="Poor")
    of_red = replace(poor, population={"team": frozenset({"red"})})
    rolling = replace(poor, window_months=3)
    told = summary(given, terms(answers="all"), [poor, of_red, rolling], START, END)["headroom"]
    # One poor of 30, and none of red's 10: one more is 10 % at most, of 32 and of 11 answers.
    assert [row["poor_borne"] for row in told] == [2, 1]


FEBRUARY = pd.Timestamp("2026-02-01T00:00Z")


@pytest.mark.parametrize(
    ("attribution", "sent", "responded", "february", "march"),
    [
        # Sent, answered and poor in each month's figures. The survey is February's, whenever its answer came.
        ("responded", "2026-02-26T09:00Z", "2026-03-02T09:00Z", (1, 1, 0), (0, 0, 1)),
        ("sent", "2026-02-26T09:00Z", "2026-03-02T09:00Z", (1, 1, 1), (0, 0, 0)),
        ("solved", "2026-03-01T09:00Z", "2026-03-02T09:00Z", (1, 1, 1), (0, 0, 0)),
        ("created", "2026-03-01T09:00Z", "2026-03-02T09:00Z", (1, 1, 1), (0, 0, 0)),
    ],
)
def test_a_survey_is_sent_and_answered_in_exactly_one_month(
    attribution: str, sent: str, responded: str, february: tuple[int, ...], march: tuple[int, ...]
) -> None:
    given = answers(("s1", "a1", "A", sent, responded, 1))
    solved = events(("A", "2026-02-25T09:00Z", "status", "resolved"))
    asked, wait = terms(attribution=attribution), timedelta(days=10)
    found = []
    for begin, end in ((FEBRUARY, START), (START, END)):
        told = summary(prepare(given, tickets(), solved, asked, begin, end, wait), asked, [], begin, end)
        found.append((told["sent"], told["answered"], told["poor"]))
    assert found == [february, march]


def _evidence(*happened: tuple[str, str, str, str]) -> tuple[str, str | None]:
    """Fate and reason of a poor answer on ticket A, placed in March by its ticket's solution."""
    asked = terms(attribution="solved")
    given = answers(("s1", "a1", "A", "2026-03-20T09:00Z", "2026-03-21T09:00Z", 1))
    level = ServiceLevel("poor", "5.3", Measure("csat", "poor", "share"), "<=", Fraction(10))
    version = Version(1, date(2026, 1, 1), "ada", {}, (), asked, (level,), {})
    rows = prepare(given, tickets(), events(*happened), asked, START, END, timedelta(days=10))
    _, evidence = measurements(version, pd.DataFrame(), rows, START, END, "2026-03", {})
    (row,) = evidence.to_dict("records")
    return row["fate"], None if pd.isna(row["reason"]) else row["reason"]


def test_closing_a_ticket_that_was_not_resolved_solves_it() -> None:
    assert _evidence(("A", "2026-03-02T09:00Z", "status", "closed")) == ("failed", None)


def test_an_answer_about_a_ticket_that_was_never_solved_says_so() -> None:
    told = _evidence(("A", "2026-03-02T09:00Z", "status", "open"), ("A", "2026-03-20T09:00:01Z", "status", "closed"))
    assert told == ("excluded", "the ticket was never solved before its survey was sent")


def test_closing_a_resolved_ticket_does_not_move_its_solution() -> None:
    given = answers(("s1", "a1", "A", "2026-03-20T09:00Z", "2026-03-21T09:00Z", 1))
    told = events(("A", "2026-02-25T09:00Z", "status", "resolved"), ("A", "2026-03-02T09:00Z", "status", "closed"))
    assert len(ready(given, told, wait_days=10, attribution="solved")) == 0
