"""Months of few answers, posted: what they pooled or fell back to is stated, and counts again from what was frozen."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger

from tests.warehouse.close_desk import CONTRACT, close_month, closing_home, month, sign  # noqa: F401

LEVEL = 'csat: poor, objective: "<= 10 %"}'
POOL = 'csat: poor, objective: "<= 10 %", minimum_sample: {answers: 12, otherwise: pool, months: 3}}'
FALL_BACK = (
    'csat: poor, objective: "<= 10 %", population: {team: red},\n'
    "                  minimum_sample: {answers: 12, otherwise: fall_back, to: every}}\n"
    '      every: {clause: "5.3", title: All poor answers, csat: poor, objective: "<= 50 %"}'
)


def _agree(home: Path, words: str) -> None:
    text = CONTRACT.format(name="alder", account="alder", zone="Europe/Madrid")
    assert LEVEL in text
    (home / "contracts" / "alder.yaml").write_text(text.replace(LEVEL, words), encoding="utf-8")
    sign(home)


def _rate(engine: Engine, period: str, of: int, poor: int) -> None:
    """So many tickets, all in time and rated, the first `poor` of them poorly."""
    month(engine, period, met=of, of=of, rated=(f"{period}-11T09:00:00Z", 5))
    with engine.begin() as connection:
        connection.execute(
            text("update core.survey_answer set rating = 1 where survey_id = any(:poor)"),
            {"poor": [f"s-T{period}-{n}" for n in range(poor)]},
        )


def _level(engine: Engine, draft_id: str) -> tuple[str, str, str, int, str]:
    with engine.connect() as connection:
        levels = {row["service_level"]: row for row in ledger.read(connection, draft_id).levels}
    row = levels["csat_poor"]
    return row["value"], row["denominator"], row["status"], row["window_months"], row["population"]


def _recomputed(engine: Engine, number: str) -> tuple[str, ...]:
    with engine.connect() as connection:
        return ledger.recompute(connection, number).differences


def test_a_month_of_few_answers_is_pooled_with_the_posted_one_before(warehouse: Engine, home: Path) -> None:
    _agree(home, POOL)
    _rate(warehouse, "2026-01", of=8, poor=0)
    _rate(warehouse, "2026-02", of=5, poor=1)
    january = close_month("2026-01")
    assert _level(warehouse, january["draft_id"]) == ("0", "8", "met", 1, "all tickets")
    february = close_month("2026-02")
    # One of 13, where February alone would have had one of five.
    assert _level(warehouse, february["draft_id"]) == (
        "100/13", "5", "met", 2, "all tickets (fewer than 12 answers: with 2026-01)",
    )  # fmt: skip
    assert _recomputed(warehouse, february["statement_number"]) == ()
    with warehouse.connect() as connection:
        rooms = [ledger.read(connection, each["draft_id"]).draft["csat"]["headroom"] for each in (january, february)]
    assert [len(room) for room in rooms] == [1, 0]  # what a pooled month still bears is not its own answers' to say


@pytest.mark.parametrize(
    ("answers", "poor", "status", "credit"), [(11, 5, "below_sample", "0.00"), (12, 5, "breach", "100.00")]
)
def test_below_the_minimum_nothing_is_charged(
    warehouse: Engine, home: Path, answers: int, poor: int, status: str, credit: str
) -> None:
    _agree(home, POOL)
    _rate(warehouse, "2026-01", of=answers, poor=poor)
    posted = close_month("2026-01")
    with warehouse.connect() as connection:
        lines = {row["term"]: row for row in ledger.read(connection, posted["draft_id"]).lines}
    assert (lines["unhappy"]["status"], posted["credit"]) == (status, credit)


def test_a_team_of_few_answers_falls_back_to_all_of_them(warehouse: Engine, home: Path) -> None:
    _agree(home, FALL_BACK)
    _rate(warehouse, "2026-01", of=20, poor=1)
    with warehouse.begin() as connection:
        connection.execute(text("update core.survey_answer set team = 'red' where survey_id = 's-T2026-01-0'"))
    posted = close_month("2026-01")
    # The one answer of red is poor; of all twenty it is 5 %.
    assert _level(warehouse, posted["draft_id"]) == (
        "5", "20", "met", 1, "team red (fewer than 12 answers: all tickets instead)",
    )  # fmt: skip
    assert _recomputed(warehouse, posted["statement_number"]) == ()
