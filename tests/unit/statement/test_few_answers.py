"""CSAT months of few answers: pooled with earlier months, taken from a wider level, or without consequence."""

from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from deskledger import contract, model, penalties
from deskledger.contract.terms import CsatTerms, Measure, MinimumSample, ServiceLevel, Version
from deskledger.statement.levels import LevelResult, measured_form, measurements
from deskledger.statement.month_figures import MonthFigures

MARCH = (pd.Timestamp("2026-03-01T00:00Z"), pd.Timestamp("2026-04-01T00:00Z"))
CSAT = CsatTerms(
    clause="5",
    good=frozenset({4, 5}),
    neutral=frozenset({3}),
    poor=frozenset({1, 2}),
    denominator="exclude_neutral",
    answers="last",
    attribution="responded",
)
PAST = (
    MonthFigures("2025-12", Fraction(9), 20),
    MonthFigures("2026-01", Fraction(0), 12),
    MonthFigures("2026-02", Fraction(3), 7),
)


def answers(red: int, blue: int) -> pd.DataFrame:
    """So many answers of each team; the first of each is poor."""
    classes = ["poor", *(["good"] * (red - 1)), "poor", *(["good"] * (blue - 1))]
    return pd.DataFrame(
        {
            "ticket_key": range(1, red + blue + 1),
            "team": ["red"] * red + ["blue"] * blue,
            "rating": pd.array([1 if each == "poor" else 5 for each in classes], dtype="Int64"),
            "class": pd.Series(classes, dtype="str"),
            "is_counted": True,
            "attributed_at": pd.Timestamp("2026-03-10T16:00Z"),
        }
    )


def level(rule: MinimumSample | None, name: str = "red", **more: Any) -> ServiceLevel:
    team = {"team": frozenset({"red"})}
    return ServiceLevel(name, "5.3", Measure("csat", "poor", "share"), "<=", Fraction(10), minimum_sample=rule,
                        **{"population": team, **more})  # fmt: skip


def taken(rule: MinimumSample, red: int, past: tuple[MonthFigures, ...] = PAST) -> tuple[LevelResult, pd.DataFrame]:
    every = level(None, "every", population={})
    version = Version(1, date(2026, 1, 1), "ada", {}, (), CSAT, (level(rule), every), {})
    found, rows = measurements(version, model.empty(model.CYCLE), answers(red, 30), *MARCH, "2026-03", {"red": past})
    return found[0], rows[rows["service_level"] == "red"]


@pytest.mark.parametrize(
    ("answers_needed", "months", "used", "poor", "of"),
    [
        (10, 3, ["2026-03"], 1, 10),  # exactly enough by itself
        (11, 3, ["2026-02", "2026-03"], 4, 17),
        (17, 3, ["2026-02", "2026-03"], 4, 17),
        (18, 3, ["2026-01", "2026-02", "2026-03"], 4, 29),
        (30, 3, ["2026-01", "2026-02", "2026-03"], 4, 29),  # no further back than agreed
        (30, 4, ["2025-12", "2026-01", "2026-02", "2026-03"], 13, 49),
        (99, 9, ["2025-12", "2026-01", "2026-02", "2026-03"], 13, 49),
    ],
)
def test_as_few_months_are_pooled_as_make_the_minimum(
    answers_needed: int, months: int, used: list[str], poor: int, of: int
) -> None:
    result, rows = taken(MinimumSample(answers_needed, "pool", months), red=10)
    assert [month.period for month in result.months] == used
    assert result.value == Fraction(100 * poor, of)
    assert (result.numerator, result.denominator, len(rows)) == (1, 10, 10)  # this month's own
    assert bool(result.few_answers) == (len(used) > 1)


def test_the_pooled_answers_are_priced_and_too_few_of_them_are_not_judged() -> None:
    terms = {"csat": {"which": "poor", "denominator": "exclude_neutral"}, "id": "t", "measure": "red"}
    schedule = {"kind": "threshold", "op": "<=", "target": "10", "consequence": {"amount": "50"}}
    for needed, status in ((17, "breach"), (29, "breach"), (30, "below_sample")):
        result, _ = taken(MinimumSample(needed, "pool", 3), red=10)
        priced = {"currency": "EUR", "terms": [{**terms, "schedule": schedule, "gate": {"min_den": needed}}]}
        (line,) = penalties.assess(priced, {"measures": {"red": measured_form(result)}}).lines
        assert line.status == status


@pytest.mark.parametrize(("red", "of", "words"), [(10, 10, ""), (9, 39, "fewer than 10 answers: all tickets instead")])
def test_a_team_of_few_answers_falls_back_to_all(red: int, of: int, words: str) -> None:
    result, rows = taken(MinimumSample(10, "fall_back", to="every"), red=red)
    assert (result.denominator, result.few_answers, len(rows)) == (of, words, of)
    assert measured_form(result) == {"good": result.met, "neutral": 0, "poor": result.failed}


ACME = """
contract: acme
title: Acme
currency: EUR
parties: {customer: Acme, provider: Meridian}
sources: [desk]
period: {timezone: Europe/Madrid}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: ana
    calendars: {}
    clocks: {}
    csat: {clause: "5", good: [4, 5], neutral: [3], poor: [1, 2], denominator: include_neutral, answers: last,
           attribution: responded}
    service_levels:
      every: {clause: "5.2", title: Poor, csat: poor, objective: "<= 10 %"}
      red: {clause: "5.3", title: Poor of red, csat: poor, objective: "<= 10 %", population: {team: red},
            minimum_sample: RULE}
    penalties:
      terms:
        - {id: t, clause: "7", measure: red, schedule: {kind: threshold, consequence: {amount: 50}}GATE}
"""


def load(rule: str, gate: str = "") -> contract.Contract:
    return contract.parse(ACME.replace("RULE", rule).replace("GATE", gate).encode(), "acme.yaml")


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ("{answers: 30, otherwise: no_consequence}", MinimumSample(30, "no_consequence")),
        ("{answers: 30, otherwise: pool, months: 3}", MinimumSample(30, "pool", 3)),
        ("{answers: 30, otherwise: fall_back, to: every}", MinimumSample(30, "fall_back", to="every")),
    ],
)
def test_a_contract_says_its_minimum_and_its_penalties_obey(rule: str, read: MinimumSample) -> None:
    version = load(rule).versions[0]
    assert version.service_levels[1].minimum_sample == read
    assert version.penalties["terms"][0]["gate"]["min_den"] == 30


@pytest.mark.parametrize(
    ("rule", "gate", "what"),
    [
        ("{answers: 0, otherwise: no_consequence}", "", "no month has fewer than no answers"),
        ("{answers: 30, otherwise: pool}", "", "`pool` and `months` belong together"),
        ("{answers: 30, otherwise: no_consequence, months: 3}", "", "`pool` and `months` belong together"),
        ("{answers: 30, otherwise: pool, months: 1}", "", "pooling one month is the month itself"),
        ("{answers: 30, otherwise: fall_back}", "", "`fall_back` and `to` belong together"),
        ("{answers: 30, otherwise: pool, months: 2, to: every}", "", "`fall_back` and `to` belong together"),
        ("{answers: 30, otherwise: fall_back, to: red}", "", "`red` is no other service level of poor answers"),
        ("{answers: 30, otherwise: fall_back, to: evry}", "", "did you mean `every`"),
        ("{answers: 30, otherwise: no_consequence}", ", gate: {min_den: 5}", "has a minimum sample of its own"),
        ("{answers: 30, otherwise: no_consequence}, window: {months: 2, mode: pooled}", "", "already takes earlier"),
    ],
)
def test_a_minimum_sample_that_cannot_be_followed_is_refused(rule: str, gate: str, what: str) -> None:
    with pytest.raises(contract.loader.ContractError, match=what):
        load(rule, gate)


def test_a_fallback_must_be_wider_and_only_answers_have_a_minimum() -> None:
    narrow = ACME.replace('objective: "<= 10 %"}', 'objective: "<= 10 %", population: {team: blue}}', 1)
    narrow = narrow.replace("RULE", "{answers: 30, otherwise: fall_back, to: every}")
    of_kpi = ACME.replace("title: Poor of red, csat: poor", "title: Reopened, kpi: reopened")
    of_kpi = of_kpi.replace("RULE", "{answers: 30, otherwise: no_consequence}")
    for text, what in ((narrow, "not about more tickets"), (of_kpi, "only satisfaction has a minimum")):
        with pytest.raises(contract.loader.ContractError, match=what):
            contract.parse(text.replace("GATE", "").encode(), "acme.yaml")
