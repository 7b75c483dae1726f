"""CSAT counts from answers: classes, which answers hold, months, response, headroom and interval."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import csat, penalties
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
        (9, 0, 0, "good", ">=", 100, 0, 0),
        (9, 0, 0, "poor", "<=", 0, 0, 0),
        (9, 0, 1, "poor", "<=", 100, None, 0),
        (1, 0, 1, "poor", "<=", 30, 0, 2),
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
    [
        (960, 1200, "77.64", "82.17"),  # J08
        (5, 50, "4.35", "21.36"),  # J09
        (100, 1000, "8.29", "12.02"),  # J10
        (0, 10, "0.00", "27.75"),
        (10, 10, "72.25", "100.00"),
        (1, 1, "20.65", "100.00"),
        (0, 1, "0.00", "79.35"),
        (0, 0, "0.00", "100.00"),
    ],
)
def test_interval(part: int, whole: int, low: str, high: str) -> None:
    bounds = [str((bound * 100).quantize(Decimal("0.01"))) for bound in csat.wilson(part, whole)]
    assert bounds == [low, high]


_numbers = st.integers(0, 25)


@settings(deadline=None, max_examples=300)
@given(
    _numbers, _numbers, _numbers, st.sampled_from(["good", "poor"]), st.integers(0, 100),
    st.sampled_from(["include_neutral", "exclude_neutral"]),
)  # fmt: skip
def test_headroom_against_a_search(good: int, neutral: int, poor: int, which: str, target: int, kept: str) -> None:
    level = _level(which, ">=" if which == "good" else "<=", target)
    start = {"good": good, "neutral": neutral, "poor": poor}

    def holds(more_good: int, more_poor: int) -> bool:
        share = csat.share({**start, "good": good + more_good, "poor": poor + more_poor}, which, kept)
        return share is None or (share >= target if which == "good" else share <= target)

    # Farther than any answer can lie: the last whole per cent of 75 answers moves with 7,500 more.
    far = 8_000
    found = csat.headroom(start, level, kept)
    never_missed = holds(0, far)
    borne = next((n for n in range(far) if not holds(0, n + 1)), None)
    assert found.poor_borne == (None if never_missed else (borne if holds(0, 0) else 0))
    assert found.good_needed == next((n for n in range(far) if holds(n, 0)), None)


def test_an_answer_may_count_in_the_month_that_its_ticket_was_created_in() -> None:
    days = ["2025-02-28T23:59:59.999999", "2025-03-01", *["2025-04-01"] * 5]
    created = pd.to_datetime(pd.Series(days), utc=True, format="ISO8601")
    selected = csat.select(_answers().assign(created_at=created), _terms("all", "created"), *_MARCH)
    assert selected["answer_id"].tolist() == ["a2"]


# Worked cases of penalty structures 9: 3 % of a fee of 100,000 for each test that fails.
def _dual(kept: str, good: int, neutral: int, poor: int) -> dict[str, tuple[str, str]]:
    """Status and credit of both tests: good at least 60 %, poor at most 10 %."""
    tests = {"good": (">=", "60"), "poor": ("<=", "10")}
    terms = [
        {"id": which, "measure": "csat", "csat": {"which": which, "denominator": kept},
         "schedule": {"kind": "threshold", "op": op, "target": target, "consequence": {"pct_of_base": "3"}}}
        for which, (op, target) in tests.items()
    ]  # fmt: skip
    counted = {"good": good, "neutral": neutral, "poor": poor}
    contract = {"currency": "USD", "bases": {"fee": "100000"}, "terms": terms}
    found = penalties.assess(contract, {"measures": {"csat": counted}})
    return {line.term: (line.status, str(line.credit)) for line in found.lines}


_MET, _FAILED = ("met", "0.00"), ("breach", "3000.00")


@pytest.mark.parametrize(
    ("kept", "counted", "good", "poor"),
    [
        # J01 and J02: the same ratings, the other test fails.
        ("exclude_neutral", (30, 24, 6), _MET, _FAILED),
        ("include_neutral", (30, 24, 6), _FAILED, _MET),
        # J03: 60, 30 and 10 of 100 with neutral answers kept: exactly at both thresholds.
        ("include_neutral", (60, 30, 10), _MET, _MET),
        ("include_neutral", (59, 31, 10), _FAILED, _MET),
        ("include_neutral", (60, 29, 11), _MET, _FAILED),
        # J04: without them, poor at most 10 % means good at least 90 %: the test of 60 % never decides.
        ("exclude_neutral", (90, 900, 10), _MET, _MET),
        ("exclude_neutral", (89, 900, 11), _MET, _FAILED),
        # One poor answer of nine already hurts; without an answer that counts there is no data.
        ("exclude_neutral", (8, 0, 1), _MET, _FAILED),
        ("exclude_neutral", (0, 0, 0), ("no_data", "0.00"), ("no_data", "0.00")),
        ("exclude_neutral", (0, 7, 0), ("no_data", "0.00"), ("no_data", "0.00")),
    ],
)
def test_two_tests_of_the_same_answers(kept: str, counted: tuple[int, int, int], good: tuple, poor: tuple) -> None:
    assert _dual(kept, *counted) == {"good": good, "poor": poor}


@pytest.mark.parametrize(("rule", "good_pct"), [("last", 75), ("first", 50), ("all", 60)])
def test_several_answers_of_a_ticket_j11_j12_and_j13(rule: str, good_pct: int) -> None:
    counted = csat.measurement(csat.select(_answers(), _terms(rule), *_MARCH))
    # T6 was rated in J11; here it was only asked, so it is given its answer.
    counted["good"] += 1
    assert csat.share(counted, "good", "exclude_neutral") == good_pct


@pytest.mark.parametrize(
    ("poor", "credit"),
    [({1, 2}, _MET), ({1, 2, 3}, _FAILED)],  # J14: the contract's classes; J15: the vendor's flag, three stars bad
)
def test_a_vendor_s_flag_is_not_the_contract_s_class(poor: set[int], credit: tuple) -> None:
    ratings = [5] * 80 + [4] * 6 + [3] * 8 + [2] * 4 + [1] * 2
    rows = [(n, f"s{n}", f"a{n}", "2025-03-02", "2025-03-03", rating, "red") for n, rating in enumerate(ratings)]
    terms = _terms(poor=frozenset(poor), neutral=frozenset({3} - poor))
    counted = csat.measurement(csat.select(_answers(rows), terms, *_MARCH))
    assert _dual("include_neutral", counted["good"], counted["neutral"], counted["poor"])["poor"] == credit


def test_groups_add_up_though_an_answer_has_no_team() -> None:
    answers = _answers([*_ROWS, (9, "s9", "a9", "2025-03-02", "2025-03-03", 5, None)])
    selected = csat.select(answers, _terms(), *_MARCH)
    assert csat.counts(selected, by="team").sum().to_dict() == csat.counts(selected).iloc[0].to_dict()
    by_team, whole = csat.response(answers, *_MARCH, by="team"), csat.response(answers, *_MARCH)
    assert by_team[["sent", "answered"]].sum().tolist() == whole[["sent", "answered"]].iloc[0].tolist()


_HOURS = st.integers(0, 120).map(lambda hours: _MARCH[0] - timedelta(days=2) + timedelta(hours=hours))
_given = st.lists(
    st.tuples(st.integers(1, 3), _HOURS, st.one_of(st.none(), _HOURS), st.one_of(st.none(), st.integers(1, 5)), _HOURS),
    max_size=8,
)


@settings(deadline=None, max_examples=150)
@given(
    _given,
    st.sampled_from(["first", "last", "all"]),
    st.sampled_from(["created", "solved", "sent", "responded"]),
    st.integers(0, 9),
)
def test_which_answers_count_against_a_walk_in_any_order_of_rows(
    given: list[tuple], rule: str, attribution: str, seed: int
) -> None:
    begin, end = _MARCH[0], _MARCH[0] + timedelta(days=2)
    rows = [(key, f"s{n}", f"a{n}", *told, None) for n, (key, *told, _) in enumerate(given)]
    own = pd.to_datetime(pd.Series([each[4] for each in given], dtype="object"), utc=True)
    answers = _answers(rows).assign(created_at=own, solved_at=own).sample(frac=1, random_state=seed)
    found = csat.select(answers, _terms(rule, attribution), begin, end)

    def placed(row: tuple) -> datetime:
        n = int(row[2][1:])
        return {"sent": row[3], "responded": row[4]}.get(attribution, given[n][4])

    answered = [row for row in rows if row[4] is not None and row[5] is not None]
    if attribution == "responded":
        answered = [row for row in answered if row[4] < end]
    kept = []
    for key in {row[0] for row in answered}:
        told = sorted((row for row in answered if row[0] == key), key=lambda row: (row[4], row[1], row[2]))
        kept += {"first": told[:1], "last": told[-1:], "all": told}[rule]
    words = {1: "poor", 2: "poor", 3: "neutral", 4: "good", 5: "good"}
    expected = {row[2]: words[row[5]] for row in kept if begin <= placed(row) < end}
    assert dict(zip(found["answer_id"], found["class"].astype("str"), strict=True)) == expected


def test_an_answer_has_a_rating_and_an_instant() -> None:
    rows = [
        (1, "s1", "a1", "2025-03-02", "2025-03-03", None, "red"),  # opened, and nothing chosen
        (2, "s2", "a2", "2025-03-02", None, 5, "red"),
        (3, "s3", "a3", "2025-03-02", "2025-03-03", 5, "red"),
    ]
    assert csat.select(_answers(rows), _terms("all", "sent"), *_MARCH)["answer_id"].tolist() == ["a3"]
    assert csat.response(_answers(rows), *_MARCH)[["sent", "answered"]].iloc[0].tolist() == [3, 1]


@pytest.mark.parametrize("rating", [0, 6])
def test_ratings_just_outside_the_scale_are_refused(rating: int) -> None:
    with pytest.raises(ContractError, match=rf"ratings of \[{rating}\]"):
        csat.select(_answers([(1, "s", "a", "2025-03-01", "2025-03-01", rating, "red")]), _terms(), *_MARCH)


def test_a_survey_is_answered_once_any_of_its_rows_is() -> None:
    rows = [(1, "s1", "sent", "2025-03-02", None, None, "red"), (1, "s1", "a1", "2025-03-02", "2025-03-09", 5, "red")]
    assert csat.response(_answers(rows), *_MARCH)[["sent", "answered"]].iloc[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("sent_at", "sent"),
    [
        ("2025-02-28T23:59:59.999999", 0),
        ("2025-03-01T00:00:00", 1),
        ("2025-03-31T23:59:59.999999", 1),
        ("2025-04-01", 0),
    ],
)
def test_a_survey_belongs_to_the_month_that_it_was_sent_in(sent_at: str, sent: int) -> None:
    assert csat.response(_answers([(1, "s1", "a1", sent_at, None, None, "red")]), *_MARCH).iloc[0]["sent"] == sent


def test_response_by_team_counts_in_whole_numbers_also_where_nothing_was_sent() -> None:
    for rows in (_ROWS, []):
        table = csat.response(_answers(rows), *_MARCH, by="team")
        assert {str(dtype) for dtype in table[["sent", "answered"]].dtypes} == {"int64"}


def test_the_interval_does_not_depend_on_the_caller_s_precision() -> None:
    expected = csat.wilson(960, 1200)
    with localcontext() as context:
        context.prec = 3
        assert csat.wilson(960, 1200) == expected


_SCALE = {"scale": {"good": [4, 5], "neutral": [3], "poor": [1, 2]}, "denominator": "include_neutral"}


def _row(ticket: str, rating: int | None, day: str) -> dict[str, Any]:
    return {"ticket": ticket, "rating": rating, "sent": day, "responded": day, "solved": day}


def test_answers_given_one_by_one_count_on_the_first_and_the_last_day() -> None:
    terms = {**_SCALE, "dedupe": "last", "attribute_to": "responded"}
    rows = [
        _row("1", 5, "2025-02-28"),
        _row("2", 4, "2025-03-01"),
        _row("3", 3, "2025-03-31T23:59:59"),
        _row("4", 1, "2025-04-01"),
        _row("5", 1, "2025-03-05"),
        _row("5", 2, "2025-03-05"),  # of the same instant: the row that stands later is the later answer
        _row("6", None, "2025-03-05"),
    ]
    assert csat.counts_of_rows(terms, rows, "2025-03-01", "2025-03-31") == {"good": 1, "neutral": 1, "poor": 1}
    first = {**terms, "dedupe": "first", "scale": {"good": [1, 4, 5], "poor": [2, 3]}}
    assert csat.counts_of_rows(first, rows, "2025-03-01", "2025-03-31") == {"good": 2, "neutral": 0, "poor": 1}


def test_a_rating_in_no_class_names_the_clause() -> None:
    terms = {**_SCALE, "clause": "5.1", "dedupe": "all", "attribute_to": "sent"}
    with pytest.raises(ContractError) as refused:
        csat.counts_of_rows(terms, [_row("1", 9, "2025-03-01")], "2025-03-01", "2025-03-31")
    assert refused.value.where == "clause 5.1"


def test_stars_and_ratings_told_as_text_are_the_same_stars() -> None:
    terms = {"scale": {"good": ["4", "5"], "poor": ["1", "2"]}, "denominator": "exclude_neutral"}
    terms |= {"dedupe": "all", "attribute_to": "sent", "clause": "5.1"}
    rows = [{**_row("1", None, "2025-03-01"), "rating": "5"}, _row("2", 1, "2025-03-01"), _row("3", 4, "2025-03-01")]
    assert csat.counts_of_rows(terms, rows, "2025-03-01", "2025-03-31") == {"good": 2, "neutral": 0, "poor": 1}


@pytest.mark.parametrize("told", ["good", "", 0, 6, "4.5", 4.5])
@pytest.mark.parametrize("place", ["scale", "rating"])
def test_what_is_no_number_of_stars_is_refused_with_its_clause(told: Any, place: str) -> None:
    scale = {"good": [4, 5], "neutral": [3], "poor": [1, told if place == "scale" else 2]}
    terms = {"scale": scale, "denominator": "include_neutral", "dedupe": "all", "attribute_to": "sent", "clause": "5.1"}
    rows = [_row("1", told if place == "rating" else 5, "2025-03-01")]
    with pytest.raises(ContractError, match="is not a number of stars") as refused:
        csat.counts_of_rows(terms, rows, "2025-03-01", "2025-03-31")
    assert refused.value.where == "clause 5.1"
