"""`deskledger forecast`: the running month as of the watermark, its money, and the tickets that can still be saved."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import StatementError
from deskledger.steps import requests
from deskledger.steps.forecast import MonthForecast, forecast

from tests.warehouse.close_desk import KEY, NOW, charge, close_month, closing_home, complete_until, load, month, sign  # noqa: F401


def daily(engine: Engine, period: str, days: range, met: int, of: int = 10) -> None:
    """`of` tickets on each of the days, `met` of them solved in exactly the four hours allowed, the others late."""
    load(engine, *(
        {"id": f"D{period}-{day}-{n}", "created": f"{period}-{day:02}T08:00:00Z",
         "resolved": f"{period}-{day:02}T{'12:00:00' if n < met else '12:00:01'}Z"}
        for day in days for n in range(of)
    ))  # fmt: skip


def history(engine: Engine, met: tuple[int, int] = (10, 10)) -> None:
    """January and February, posted, and March 1st to 10th; the desk is complete until 11 March, 00:00 in Madrid."""
    for period, each in zip(("2026-01", "2026-02"), met, strict=True):
        daily(engine, period, range(1, 29), each)
    close_month("2026-01")
    close_month("2026-02")
    complete_until(engine, "2026-03-10T23:00:00Z")


def look(now: datetime = NOW) -> MonthForecast:
    return forecast("alder", now=now)


def test_the_running_month_as_of_the_watermark(warehouse: Engine, home: Path) -> None:
    history(warehouse)
    daily(warehouse, "2026-03", range(1, 11), 10)
    found = look()
    assert (found.period, found.as_of) == ("2026-03", datetime(2026, 3, 10, 23, tzinfo=UTC))
    level = found.outlook.levels[0]
    assert (level.name, level.counted, level.now) == ("resolution", 100, 100)
    assert level.chance_met >= Fraction(95, 100)
    assert level.months == ("2026-01", "2026-02")
    assert level.low >= 97
    assert 150 <= level.to_come <= 220  # the last months' rests had 190 and 180
    assert (level.spare, found.outlook.money.now) == ((100 + level.to_come) // 10, Decimal("0.00"))
    assert found.outlook.money.high == Decimal("0.00")
    assert found.outlook.money.expected == 400 * Decimal(int((1 - level.chance_met) * 1000)) / 1000
    assert found.outlook.tickets.empty


def test_a_month_that_is_lost_already_costs_what_it_will_cost(warehouse: Engine, home: Path) -> None:
    history(warehouse, met=(10, 5))
    daily(warehouse, "2026-03", range(1, 11), 0)
    found = look().outlook
    level, money = found.levels[0], found.money
    assert (level.now, level.chance_met) == (0, 0)
    assert level.spare < 0
    # The second failure in a row is half as much again: 600.00, and the cap is 5 % of the fee.
    assert (money.now, money.expected, money.low, money.high) == (Decimal("500.00"),) * 4
    assert (money.best, money.worst) == (Decimal("500.00"), Decimal("500.00"))


def test_money_between_the_ends_where_the_month_is_open(warehouse: Engine, home: Path) -> None:
    history(warehouse, met=(10, 8))
    daily(warehouse, "2026-03", range(1, 11), 9)  # 90 %: met, by nothing
    found = look().outlook
    level, money = found.levels[0], found.money
    assert 0 < level.chance_met < 1
    assert level.low < 90 < level.high
    assert money.now == Decimal("0.00")
    assert money.best == Decimal("0.00") == money.low
    assert money.high == money.worst == Decimal("500.00")
    # 500.00 where the month fails, nothing where it holds: their mean is the chance times the price.
    assert money.expected == 500 * Decimal(int((1 - level.chance_met) * 1000)) / 1000


def test_the_same_question_has_the_same_answer_whenever_it_is_asked(warehouse: Engine, home: Path) -> None:
    history(warehouse, met=(10, 8))
    daily(warehouse, "2026-03", range(1, 11), 9)
    one, other = look(), look(NOW + timedelta(days=400))
    assert (one.as_of, one.outlook.levels, one.outlook.money) == (
        other.as_of,
        other.outlook.levels,
        other.outlook.money,
    )


def test_tickets_that_can_still_be_saved_by_due_time(warehouse: Engine, home: Path) -> None:
    history(warehouse, met=(10, 8))
    daily(warehouse, "2026-03", range(1, 11), 9)
    load(
        warehouse,
        {"id": "LATER", "created": "2026-03-10T22:00:00Z"},
        {"id": "SOON", "created": "2026-03-10T19:00:01Z"},
        {"id": "GONE", "created": "2026-03-10T18:59:59Z"},  # due a second before the watermark
        {"id": "DONE", "created": "2026-03-10T20:00:00Z", "resolved": "2026-03-10T21:00:00Z"},
        {"id": "UNKNOWN", "created": "2026-03-10T23:00:01Z"},  # after the watermark
        {"id": "SOLVED-AFTER", "created": "2026-03-10T21:00:00Z", "resolved": "2026-03-10T23:30:00Z"},
    )
    found = look().outlook
    assert found.levels[0].counted == 102  # with DONE, and GONE that is late
    tickets = found.tickets
    assert tickets["ticket_id"].tolist() == ["SOON", "SOLVED-AFTER", "LATER"]
    assert tickets["left_us"].tolist() == [1_000_000, 7_200_000_000, 10_800_000_000]
    assert set(tickets["holder"]) == {"provider"}
    assert set(tickets["service_levels"]) == {"resolution"}
    (cost,) = set(tickets["cost"])
    assert Decimal("0.00") < cost < Decimal("100.00")  # one ticket of some 290, in a month on the edge


def test_a_running_ticket_of_the_version_before_is_told_by_its_own_clock(warehouse: Engine, home: Path) -> None:
    """Version 2 begins on 1 March and starts the clock at the assignment, which this ticket never had."""
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    second = words[words.index("  - number: 1") :].replace("number: 1", "number: 2").replace("2026-01-01", "2026-03-01")
    path.write_text(words + second.replace("[{kind: created}]", "[{kind: assignment}]"), encoding="utf-8")
    sign(home)
    history(warehouse)
    load(warehouse, {"id": "SOON", "created": "2026-02-28T22:00:00Z"})  # an hour before March, in Madrid
    complete_until(warehouse, "2026-03-01T01:00:00Z")
    tickets = look().outlook.tickets
    assert tickets[["ticket_id", "version", "status", "holder"]].values.tolist() == [["SOON", 1, "new", "provider"]]


@pytest.mark.parametrize(
    ("named", "levels", "saved"),
    [
        ({"tickets": ["STORM"]}, (), ["OTHER"]),
        ({"tickets": ["STORM"], "cycle": 1}, ("resolution",), ["OTHER"]),
        ({"tickets": ["STORM"]}, ("csat_poor",), ["OTHER", "STORM"]),
    ],
)
def test_a_running_ticket_that_was_excluded_is_no_longer_to_be_saved(
    warehouse: Engine, home: Path, named: dict[str, Any], levels: tuple[str, ...], saved: list[str]
) -> None:
    """Whatever becomes of it, it is not judged: the month counts one ticket fewer at least."""
    path = home / "contracts" / "alder.yaml"
    storm = "    exclusions:\n      storm: {clause: '9.2', title: Storm, effect: removed}\n    penalties:\n"
    path.write_text(path.read_text(encoding="utf-8").replace("    penalties:\n", storm), encoding="utf-8")
    sign(home)
    complete_until(warehouse, "2026-01-10T23:00:00Z")
    load(warehouse, *({"id": each, "created": "2026-01-10T22:00:00Z"} for each in ("OTHER", "STORM")))
    asked = requests.Asked(KEY, "rosa", explanation="The storm.", evidence="photo")
    made = requests.exclude(asked, "storm", NOW, service_levels=levels, **named)
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    found = look().outlook
    assert sorted(found.tickets["ticket_id"]) == saved
    assert found.levels[0].to_come == len(saved)


def test_a_ticket_costs_next_to_nothing_where_the_month_bears_it(warehouse: Engine, home: Path) -> None:
    history(warehouse)
    daily(warehouse, "2026-03", range(1, 11), 10)
    load(warehouse, {"id": "SOON", "created": "2026-03-10T22:00:00Z"})
    assert look().outlook.tickets["cost"].tolist() <= [Decimal("0.40")]  # one draw in a thousand on the edge


def test_a_fee_that_is_not_imported_yet_is_assumed_and_said(warehouse: Engine, home: Path) -> None:
    for period in ("2026-01", "2026-02", "2026-03"):
        month(warehouse, period, 10)
    for period in ("2026-01", "2026-02", "2026-03"):
        close_month(period)
    complete_until(warehouse, "2026-04-10T22:00:00Z")
    daily(warehouse, "2026-04", range(1, 10), 0)
    found = look(datetime(2026, 4, 11, tzinfo=UTC))
    assert found.assumed == ("monthly_fee of 2026-04 is not imported yet: 10,000.00 EUR, as in 2026-03",)
    assert found.outlook.money.now == Decimal("400.00")
    charge(warehouse, "alder", "2026-04", amount=Decimal("5000.00"))
    found = look(datetime(2026, 4, 11, tzinfo=UTC))
    assert (found.assumed, found.outlook.money.now) == ((), Decimal("200.00"))


def test_unposted_months_before_it_count_as_they_stand(warehouse: Engine, home: Path) -> None:
    """February is over and not posted: its failure makes March's the second in a row all the same."""
    daily(warehouse, "2026-01", range(1, 29), 10)
    daily(warehouse, "2026-02", range(1, 29), 0)
    close_month("2026-01")
    complete_until(warehouse, "2026-03-10T23:00:00Z")
    daily(warehouse, "2026-03", range(1, 11), 0)
    assert look().outlook.money.now == Decimal("500.00")


def test_no_history_says_so_and_still_counts(warehouse: Engine, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    complete_until(warehouse, "2026-01-10T23:00:00Z")
    daily(warehouse, "2026-01", range(1, 11), 9)
    assert look().outlook.levels[0].months == ()
    assert main(["forecast", "alder"]) == 0
    assert "no month before to learn from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("until", "asked", "told"),
    [
        ("2026-03-10T23:00:00Z", "2026-02", "the running month is 2026-03"),
        ("2026-03-10T23:00:00Z", "2026-04", "the running month is 2026-03"),
        ("2026-03-10T23:00:00Z", "2026-03", None),
    ],
)
def test_only_the_running_month_is_forecast(
    warehouse: Engine, home: Path, until: str, asked: str, told: str | None
) -> None:
    month(warehouse, "2026-01", 10)
    complete_until(warehouse, until)
    if told is None:
        assert forecast("alder", asked, now=NOW).period == asked
    else:
        with pytest.raises(StatementError, match=told):
            forecast("alder", asked, now=NOW)


def test_the_command_prints_writes_and_gives_data(
    warehouse: Engine, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history(warehouse, met=(10, 8))
    daily(warehouse, "2026-03", range(1, 11), 9)
    load(warehouse, {"id": "=1+1", "created": "2026-03-10T22:00:00Z"})
    assert main(["forecast", "alder", "--csv", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "2026-03, as of Wed 11 Mar 2026 00:00:00 CET" in page
    assert "1 running ticket can still be saved" in page
    files = {path.name: list(csv.DictReader(path.open(encoding="utf-8"))) for path in (tmp_path / "out").iterdir()}
    assert [row["name"] for row in files["forecast-alder-2026-03-levels.csv"]] == ["resolution", "csat_poor"]
    (ticket,) = files["forecast-alder-2026-03-tickets.csv"]
    assert (ticket["ticket_id"], ticket["left_us"], ticket["currency"]) == ("'=1+1", "10800000000", "EUR")
    assert main(["forecast", "alder", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["money"]["now"] == "0.00"
    assert told["levels"][1]["chance_met"] is None  # nobody has ever answered
