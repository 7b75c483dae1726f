"""The report's KPI sections: demand at both sides of its limits, causes, months of backlog, groups; hostile names."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from deskledger import kpis, reports
from deskledger.reports.kpi_sections import backlog_months, demand, groups

LIMITS = kpis.Limits(weeks=4, minimum_weeks=4, limit=2.0)
EVIL = '<script>alert("x")</script>'
BACKLOG = {"open_at_begin": 4, "in": 3, "out": 5, "finished": 6, "reopened": 1, "open_at_end": 2}


def _month(first_day: str, *created: int) -> dict[str, Any]:
    return {"period": first_day[:7], "daily": {"first_day": first_day, "created": list(created)}, "backlog": BACKLOG}


FEBRUARY = _month("2026-02-01", *[100] * 28)


def _march(*created: int) -> dict[str, Any]:
    return {**_month("2026-03-01", *created), "by": {}}


def test_demand_beside_its_forecast() -> None:
    """Every weekday is expected to bring 100, give or take 20: two spreads of sqrt(100)."""
    told = demand(_march(120, 121, 80, 79), [FEBRUARY], LIMITS, [])
    assert told is not None
    assert (told["created"], told["judged"], told["days"]) == (400, 4, 4)
    assert (told["expected"], told["share"]) == ("400", "100 %")
    moves = [(move["day"], move["count"], move["between"], move["words"]) for move in told["moves"]]
    assert moves == [
        ("Mon 2 Mar", 121, "80 to 120", "more than usual: find the trouble"),
        ("Wed 4 Mar", 79, "80 to 120", "less than usual: doubt the data first"),
    ]


@pytest.mark.parametrize(("first", "last", "is_known"), [(2, 2, True), (1, 1, False), (3, 4, False), (1, 9, True)])
def test_a_day_with_a_known_cause_is_told_with_it(first: int, last: int, is_known: bool) -> None:
    causes = [{"first": date(2026, 3, first), "last": date(2026, 3, last), "cause": "Outage"}]
    told = demand(_march(100, 500, 100), [FEBRUARY], LIMITS, causes)
    assert told is not None
    (move,) = told["moves"]
    assert move["is_known"] == is_known
    assert (move["words"] == "Outage") == is_known


def test_without_enough_months_there_is_a_count_and_no_forecast() -> None:
    told = demand(_march(100, 500), [_month("2026-02-08", *[100] * 21)], LIMITS, [])
    assert told is not None
    assert (told["created"], told["judged"], told["moves"], told["share"]) == (600, 0, [], "–")
    assert demand(_march(1), [FEBRUARY], None, []) is None
    assert demand(None, [FEBRUARY], LIMITS, []) is None


def test_the_backlog_s_trend_ends_with_this_month() -> None:
    told = backlog_months({"backlog": {**BACKLOG, "open_at_end": 7}}, "2026-03", [FEBRUARY])
    assert [(row["month"], row["open_at_end"], row["change"]) for row in told] == [
        ("Feb 2026", "2", "−2"),
        ("Mar 2026", "7", "+3"),
    ]
    assert backlog_months({"backlog": BACKLOG}, "2026-03", []) == []


def _row(name: str | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "flow": BACKLOG, "times": {}, "csat": {}, **more}


TIMES = {"n": 2, "total_us": 12, "p50_us": 3_600_000_000, "p90_us": 7_260_000_000}
GROUPS = {
    "by": {
        "team": [
            _row("red", times={"resolution": TIMES}, csat={"good": 1, "neutral": 1, "poor": 1, "answers": 3}),
            _row(EVIL, reopened={"num": 1, "den": 3}, undue_escalations={"num": 0, "den": 0}),
            _row(None),
        ],
        "product": [_row("one product says nothing")],
    }
}


@pytest.mark.parametrize(
    ("denominator", "good", "poor", "answers"),
    [("exclude_neutral", "50 %", "50 %", "2"), ("include_neutral", "33.33 %", "33.34 %", "3")],
)
def test_groups_have_their_times_and_shares(denominator: str, good: str, poor: str, answers: str) -> None:
    (table,) = groups(GROUPS, denominator)
    red, evil, none = table["rows"]
    assert (table["title"], table["clocks"]) == ("By team", ["resolution"])
    assert (red["times"], red["good"], red["poor"], red["answers"]) == ([("1 h", "2 h 1 min")], good, poor, answers)
    assert (evil["reopened"], evil["undue"], evil["times"]) == ("33.34 %", "–", [("–", "–")])
    assert (none["name"], none["good"]) == ("none", "–")


def test_the_page_shows_them_escaped(record: Callable[..., reports.StatementRecord]) -> None:
    plain = record()
    figures = plain.draft["control"]["figures"]
    told = {**_march(100, 500), **figures, **GROUPS, "rating_by_time": {"n": 12, "rho": "-0.31"}}
    draft = {**plain.draft, "control": {**plain.draft["control"], "figures": told}}
    cause = {"first": date(2026, 3, 2), "last": date(2026, 3, 2), "cause": EVIL}
    page = reports.render(
        record(draft=draft, earlier_figures=[FEBRUARY], limits=LIMITS, causes=[cause]), datetime(2026, 4, 6, tzinfo=UTC)
    )
    for words in (
        "Sudden moves",
        "80 to 120",
        "2 of 2 days",
        "600 tickets",
        "Backlog by month",
        "By team",
        "−0.31 over 12 answers",
    ):
        assert words in page
    assert EVIL not in page
