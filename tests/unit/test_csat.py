"""CSAT counts from answers: classes, which answers hold, months, response, headroom and interval."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest

from deskledger import csat
from deskledger.contract.terms import CsatTerms, Measure, ServiceLevel
from deskledger.errors import ContractError
from deskledger.model import SURVEY_ANSWER, conform

_MARCH = (datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))

# ticket, survey, answer, sent, responded, rating, team
_ROWS = [
    (1, "s1", "a1", "2025-03-02", "2025-03-03", 2, "red"),
    (1, "s1", "a2", "2025-03-02", "2025-03-09", 5, "red"),
    (2, "s2", "a3", "2025-03-10", "2025-03-11", 3, "red"),
    (3, "s3", "a4", "2025-03-30", "2025-04-02", 4, "blue"),
    (4, "s4", "a5", "2025-02-27", "2025-03-01", 1, "blue"),
    (5, "s5", "a6", "2025-03-15", "2025-03-15", 5, "blue"),
    (6, "s6", "sent", "2025-03-31", None, None, "blue"),
]


def _answers(rows: list = _ROWS) -> pd.DataFrame:
    frame = pd.DataFrame(
        rows, columns=["ticket_key", "survey_id", "answer_id", "sent_at", "responded_at", "rating", "team"]
    )
    for name in ("sent_at", "responded_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return conform(SURVEY_ANSWER, frame.assign(source="desk"))


def _terms(answers: str = "last", attribution: str = "responded", **changed: frozenset[int]) -> CsatTerms:
    scale = {"good": frozenset({4, 5}), "neutral": frozenset({3}), "poor": frozenset({1, 2}), **changed}
    return CsatTerms("5.1", denominator="exclude_neutral", answers=answers, attribution=attribution, **scale)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "attribution", "good", "neutral", "poor"),
    [
        ("last", "responded", 2, 1, 1),
        ("first", "responded", 1, 1, 2),
        ("all", "responded", 2, 1, 2),
        ("last", "sent", 3, 1, 0),
    ],
)
def test_which_answers_hold(answers: str, attribution: str, good: int, neutral: int, poor: int) -> None:
    selected = csat.select(_answers(), _terms(answers, attribution), *_MARCH)
    assert csat.measurement(selected) == {"good": good, "neutral": neutral, "poor": poor}


def test_the_day_of_solving_may_decide_the_month() -> None:
    solved = pd.to_datetime(
        pd.Series(["2025-03-31T23:59:59.999999", "2025-04-01"] + ["2025-02-01"] * 5), utc=True, format="ISO8601"
    )
    selected = csat.select(_answers().assign(solved_at=solved), _terms("all", "solved"), *_MARCH)
    assert selected["answer_id"].tolist() == ["a1"]


def test_an_answer_after_the_month_does_not_displace_one_given_in_it() -> None:
    rows = [(1, "s", "a1", "2025-03-30", "2025-03-31", 1, "red"), (1, "s", "a2", "2025-03-30", "2025-04-01", 5, "red")]
    march = csat.measurement(csat.select(_answers(rows), _terms("last"), *_MARCH))
    april = csat.measurement(csat.select(_answers(rows), _terms("last"), _MARCH[1], datetime(2025, 5, 1, tzinfo=UTC)))
    assert (march["poor"], march["good"], april["good"]) == (1, 0, 1)


def test_the_order_of_rows_changes_nothing() -> None:
    forwards = csat.select(_answers(), _terms("last"), *_MARCH)
    backwards = csat.select(_answers(_ROWS[::-1]), _terms("last"), *_MARCH)
    assert set(forwards["answer_id"]) == set(backwards["answer_id"]) == {"a2", "a3", "a5", "a6"}


def test_a_rating_in_no_class_is_refused() -> None:
    with pytest.raises(ContractError, match=r"ratings of \[3\]"):
        csat.select(_answers(), _terms(neutral=frozenset()), *_MARCH)
    with pytest.raises(ContractError, match=r"ratings of \[9\]"):
        csat.select(_answers([(1, "s", "a", "2025-03-01", "2025-03-01", 9, "red")]), _terms(), *_MARCH)


def test_counts_by_team() -> None:
    table = csat.counts(csat.select(_answers(), _terms(), *_MARCH), by="team")
    assert table.loc["red"].to_dict() == {"good": 1, "neutral": 1, "poor": 0, "answers": 2}
    assert table.loc["blue"].to_dict() == {"good": 1, "neutral": 0, "poor": 1, "answers": 2}


def test_nothing_answered_is_nothing_counted() -> None:
    assert csat.measurement(csat.select(_answers([]), _terms(), *_MARCH)) == {"good": 0, "neutral": 0, "poor": 0}


def test_response_counts_surveys_once() -> None:
    whole = csat.response(_answers(), *_MARCH).iloc[0]
    assert (whole["sent"], whole["answered"], whole["response_rate_pct"]) == (5, 4, 80)
    by_team = csat.response(_answers(), *_MARCH, by="team")
    assert by_team.loc["red", ["sent", "answered"]].tolist() == [2, 2]
    assert by_team.loc["blue", ["sent", "answered"]].tolist() == [3, 2]
    none = csat.response(_answers([]), *_MARCH).iloc[0]
    assert none["sent"] == 0 and pd.isna(none["response_rate_pct"])


@pytest.mark.parametrize(
    ("which", "denominator", "expected"),
    [
        ("good", "exclude_neutral", Fraction(250, 3)),
        ("good", "include_neutral", Fraction(50)),
        ("poor", "include_neutral", Fraction(10)),
    ],
)
def test_share(which: str, denominator: str, expected: Fraction) -> None:
    assert csat.share({"good": 30, "neutral": 24, "poor": 6}, which, denominator) == expected


def test_no_share_of_nothing() -> None:
    assert csat.share({"good": 0, "neutral": 3, "poor": 0}, "good", "exclude_neutral") is None


def _level(which: str, operator: str, target: int) -> ServiceLevel:
    return ServiceLevel(which, "5.2", Measure("csat", which, "share"), operator, Fraction(target))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("good", "neutral", "poor", "which", "operator", "target", "poor_borne", "good_needed"),
    [
        (60, 30, 10, "good", ">=", 60, 0, 0),
        (61, 30, 9, "good", ">=", 60, 1, 0),
        (59, 30, 11, "good", ">=", 60, 0, 3),
        (60, 30, 10, "poor", "<=", 10, 0, 0),
        (80, 15, 5, "poor", "<=", 10, 5, 0),
        (80, 10, 11, "poor", "<=", 10, 0, 9),
        (0, 0, 0, "good", ">=", 60, 0, 0),
        (9, 0, 1, "good", ">=", 100, 0, None),
        (9, 0, 1, "poor", "<=", 0, 0, None),
        (9, 0, 1, "good", ">=", 0, None, 0),
    ],
)
def test_headroom(
    good: int,
    neutral: int,
    poor: int,
    which: str,
    operator: str,
    target: int,
    poor_borne: int | None,
    good_needed: int | None,
) -> None:
    counted = {"good": good, "neutral": neutral, "poor": poor}
    level = _level(which, operator, target)
    assert csat.headroom(counted, level, "include_neutral") == csat.Headroom(poor_borne, good_needed)

    def holds(counts: dict[str, int]) -> bool:
        share = csat.share(counts, which, "include_neutral")
        return share is None or (share >= target if operator == ">=" else share <= target)

    if poor_borne is not None and holds(counted) and sum(counted.values()):
        assert holds({**counted, "poor": poor + poor_borne})
        assert not holds({**counted, "poor": poor + poor_borne + 1})
    if good_needed:
        assert holds({**counted, "good": good + good_needed})
        assert not holds({**counted, "good": good + good_needed - 1})


def test_headroom_of_a_test_that_is_none() -> None:
    with pytest.raises(ContractError, match="not a CSAT objective"):
        csat.headroom({"good": 1, "neutral": 0, "poor": 0}, _level("good", "<=", 10), "include_neutral")


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(5, 50, "4.35", "21.36"), (960, 1200, "77.64", "82.17"), (0, 10, "0.00", "27.75"), (10, 10, "72.25", "100.00")],
)
def test_interval(part: int, whole: int, low: str, high: str) -> None:
    bounds = [str((bound * 100).quantize(Decimal("0.01"))) for bound in csat.wilson(part, whole)]
    assert bounds == [low, high]
