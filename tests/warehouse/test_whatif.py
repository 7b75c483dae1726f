"""`deskledger whatif`: posted months under other terms, in money, service levels and tickets. It writes nothing."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main
from deskledger.errors import ContractError, StatementError
from deskledger.steps.whatif import WhatIf, whatif

from tests.warehouse.close_desk import NOW, close_month, closing_home, load, month  # noqa: F401


def ask(home: Path, changes: dict[str, str], first: str = "2026-01", last: str = "2026-02") -> WhatIf:
    return whatif("alder", first, last, other_terms(home, changes), now=NOW)


def other_terms(home: Path, changes: dict[str, str]) -> Path:
    words = (home / "contracts" / "alder.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in words
        words = words.replace(old, new)
    path = home / "other.yaml"
    path.write_text(words, encoding="utf-8")
    return path


def post(engine: Engine, january: int = 8, february: int = 7) -> None:
    month(engine, "2026-01", january)
    month(engine, "2026-02", february)
    close_month("2026-01")
    close_month("2026-02")


def money(found: WhatIf) -> list[tuple[str, str, str, str]]:
    return [(each.period, str(each.posted), str(each.before), str(each.after)) for each in found.months]


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"4 %}": "2 %}"}, ["200.00", "300.00"]),  # February is the second failure in a row: half as much again
        ({"pct: 5 %": "pct: 7 %"}, ["400.00", "600.00"]),  # the cap no longer binds
        ({">= 90 %": ">= 80 %"}, ["0.00", "400.00"]),  # January is met now, so February is the first failure
        ({">= 90 %": ">= 70 %"}, ["0.00", "0.00"]),
        ({"within: 4h": "within: 5h"}, ["0.00", "0.00"]),
    ],
)
def test_credits_by_month_with_history_rolling_under_the_new_terms(
    warehouse: Engine, home: Path, changes: dict[str, str], after: list[str]
) -> None:
    post(warehouse)
    assert money(ask(home, changes)) == [
        ("2026-01", "400.00", "400.00", after[0]),
        ("2026-02", "500.00", "500.00", after[1]),  # 600.00, and the cap of 5 % of the fee
    ]


def test_a_yearly_cap_counts_what_the_months_would_have_used(warehouse: Engine, home: Path) -> None:
    post(warehouse)
    yearly = {"pct: 5 %}": "amount: 300, per: year}"}
    assert [each.after for each in ask(home, yearly).months] == [Decimal("300.00"), Decimal("0.00")]
    # February alone: January stands as it was posted, and has used the cap.
    assert [each.after for each in ask(home, yearly, first="2026-02").months] == [Decimal("0.00")]


@pytest.mark.parametrize(
    ("within", "changed"),
    [
        ("14401s", {("T2026-01-8", "failed", "met"), ("T2026-01-9", "failed", "met")}),  # 4:00:01 is just in time
        ("14400s", set()),
        ("14399s", {(f"T2026-01-{n}", "met", "failed") for n in range(8)}),
    ],
)
def test_tickets_that_change_sides_with_the_target(
    warehouse: Engine, home: Path, within: str, changed: set[tuple[str, str, str]]
) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    found = ask(home, {"within: 4h": f"within: {within}"}, last="2026-01").months[0].sides
    assert set(zip(found["ticket_id"], found["fate_before"], found["fate_after"], strict=True)) == changed
    assert set(found["target_us_before"].dropna()) <= {14_400_000_000}
    assert set(found["target_us_after"].dropna()) <= {int(within[:-1]) * 1_000_000}


def test_other_hours_measure_the_clocks_again(warehouse: Engine, home: Path) -> None:
    """The tickets of 10 January 2026, a Saturday, count nothing on a weekday calendar and come due on the Monday."""
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    hours = '{timezone: Etc/UTC, weekly: {mon-fri: [["08:00", "18:00"]]}}'
    (found,) = ask(home, {"{timezone: Etc/UTC, always: true}": hours}, last="2026-01").months
    assert (found.before, found.after) == (Decimal("400.00"), Decimal("0.00"))
    late = found.sides.set_index("ticket_id").loc["T2026-01-9"]
    assert (late["elapsed_us_before"], late["elapsed_us_after"]) == (14_401_000_000, 0)


def test_answers_change_sides_too(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 10, rated=("2026-01-12T08:00:00Z", 2))
    close_month("2026-01")
    lenient = {"neutral: [3]": "neutral: [2, 3]", "poor: [1, 2]": "poor: [1]"}
    (found,) = ask(home, lenient, last="2026-01").months
    assert set(zip(found.sides["fate_before"], found.sides["fate_after"], strict=True)) == {("failed", "neutral")}
    assert set(found.sides["rating_after"]) == {2}
    assert [(row["line"], row["status_after"], row["difference"]) for row in found.lines if row["difference"]] == [
        ("unhappy", "no_data", Decimal("-100.00"))
    ]


def test_data_that_came_after_posting_is_kept_apart_from_the_terms(warehouse: Engine, home: Path) -> None:
    post(warehouse)
    load(warehouse, {"id": "T2026-01-9", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"})
    found = ask(home, {"4 %}": "2 %}"})
    assert money(found) == [("2026-01", "400.00", "0.00", "0.00"), ("2026-02", "500.00", "400.00", "200.00")]
    assert [each.difference for each in found.months] == [Decimal("0.00"), Decimal("-200.00")]


def test_a_month_that_ended_and_is_not_posted_is_told_as_such(warehouse: Engine, home: Path) -> None:
    post(warehouse)
    month(warehouse, "2026-03", 8)
    assert money(ask(home, {"4 %}": "1 %}"}, last="2026-03"))[-1] == ("2026-03", "None", "500.00", "150.00")


def test_with_nothing_posted_a_month_before_is_not_passed_over(warehouse: Engine, home: Path) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
    with pytest.raises(StatementError, match="2026-01 is not posted, and repeat runs and caps of 2026-02 follow"):
        ask(home, {}, "2026-02", "2026-02")


def test_nothing_is_written(warehouse: Engine, home: Path) -> None:
    post(warehouse)
    before = _contents(warehouse)
    ask(home, {"4 %}": "2 %}"})
    assert _contents(warehouse) == before


def _contents(engine: Engine) -> dict[str, list[tuple]]:
    with engine.connect() as connection:
        names = connection.execute(
            text("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname <> 'pg_catalog'")
        ).scalars()
        return {
            name: sorted(connection.execute(text(f"select t::text from {name} as t")).scalars())  # noqa: S608 - names
            for name in sorted(names)
            if not name.startswith("information_schema")
        }


@pytest.mark.parametrize(
    ("changes", "first", "last", "what"),
    [
        ({"contract: alder": "contract: brisa"}, "2026-01", "2026-02", "its contract is brisa"),
        ({"currency: EUR": "currency: USD"}, "2026-01", "2026-02", "its currency is USD"),
        ({"Europe/Madrid": "Europe/Lisbon"}, "2026-01", "2026-02", "its zone is Europe/Lisbon"),
        ({"within: 4h": "within: 4 hrs"}, "2026-01", "2026-02", "hrs"),
        ({}, "2026-02", "2026-01", "not between one and 36 months"),
        ({}, "2026-01", "2030-01", "not between one and 36 months"),
        ({}, "2026-03", "2026-04", "2026-04 is not over"),
        ({}, "2026-03", "2026-03", "2026-02 is not posted"),
    ],
)
def test_questions_without_an_answer_say_why(
    warehouse: Engine, home: Path, changes: dict[str, str], first: str, last: str, what: str
) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 8)
    close_month("2026-01")
    with pytest.raises((ContractError, StatementError), match=what):
        ask(home, changes, first, last)


def test_the_command_prints_writes_and_gives_data(
    warehouse: Engine, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post(warehouse, january=10, february=10)
    load(warehouse, {"id": "=cmd|' /C calc'!A0", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T12:00:01Z"})
    asked = ["whatif", "alder", "--months", "2026-01..2026-02"]
    asked += ["--terms", str(other_terms(home, {"within: 4h": "within: 5h"}))]
    assert main([*asked, "--csv", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "1 ticket changes sides: 1 failed -> met" in page
    assert "failed -> met, 4:00:01 used, target 4:00:00 -> 5:00:00" in page
    files = {path.name: list(csv.DictReader(path.open(encoding="utf-8"))) for path in (tmp_path / "out").iterdir()}
    assert [row["after"] for row in files["whatif-alder-months.csv"]] == ["0.00", "0.00"]
    (ticket,) = files["whatif-alder-tickets.csv"]
    assert (ticket["ticket_id"], ticket["fate_after"]) == ("'=cmd|' /C calc'!A0", "met")
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["after"] for each in told["months"]] == ["0.00", "0.00"]
    assert told["months"][0]["tickets"][0]["elapsed_us_after"] == 14_401_000_000
