"""Accrual and forecast where credits wait for the customer's claim: what is expected if it comes, and until when."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.steps import close, requests
from deskledger.steps.accrual import Estimate, accrual
from deskledger.steps.forecast import forecast

from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    complete_until,
    month,
    sign,
)

LAST_DAY = date(2026, 4, 30)  # March is over on 31 March: its thirtieth day after it
IN_TIME = datetime(2026, 4, 30, 21, 59, tzinfo=UTC)  # a minute before May in Madrid
ASSUMED = "credits count as if claimed by 2026-04-30; without a claim they are withheld"


@pytest.fixture(autouse=True)
def _claims(home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    terms = "      claim_window_days: 30\n      until_claimed: withheld\n      bases:\n"
    path.write_text(words.replace("      bases:\n", terms), encoding="utf-8")
    sign(home)


def march(engine: Engine) -> None:
    month(engine, "2026-01", 9)
    month(engine, "2026-02", 9)
    month(engine, "2026-03", 8)
    close_month("2026-01")
    close_month("2026-02")


def claimed() -> None:
    asked = requests.Asked("alder|2026-03", "rosa", explanation="Their letter.", evidence="Letter")
    made = requests.claim(asked, date(2026, 4, 6), NOW)
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)


def of_march(now: datetime) -> Estimate:
    return next(each for each in accrual(now=now).months if each.period == "2026-03")


def test_a_draft_whose_credit_waits_for_a_claim_is_accrued_as_if_claimed_while_there_is_time(
    warehouse: Engine,
) -> None:
    march(warehouse)
    assert close.draft("alder|2026-03", now=NOW)["credit"] == "0.00"
    found = of_march(IN_TIME)
    assert (found.low, found.best, found.high) == (0, Decimal("400.00"), Decimal("400.00"))
    assert found.standing == ("the draft's 0.00 would be 400.00 if claimed by 2026-04-30; nobody has claimed it yet",)
    over = of_march(IN_TIME + timedelta(minutes=1))
    assert (over.best, over.high, over.standing) == (0, 0, ())
    claimed()
    close.draft("alder|2026-03", now=NOW)
    assert (of_march(IN_TIME).low, of_march(IN_TIME).best, of_march(IN_TIME).standing) == (400, 400, ())


def test_a_month_that_is_not_drafted_counts_as_if_claimed_while_there_is_time(warehouse: Engine) -> None:
    march(warehouse)
    found = of_march(NOW)
    assert (found.method, found.best, found.standing) == ("stated", Decimal("400.00"), (ASSUMED,))
    complete_until(warehouse, "2026-05-01T00:00:00Z")
    over = of_march(IN_TIME + timedelta(hours=2))
    assert (over.best, over.standing) == (0, ())
    claimed()
    found = of_march(NOW)
    assert (found.best, found.standing) == (Decimal("400.00"), ())


def test_the_running_month_is_forecast_as_if_claimed(warehouse: Engine) -> None:
    march(warehouse)
    complete_until(warehouse, "2026-03-20T00:00:00Z")
    found = forecast("alder", now=NOW)
    assert (found.outlook.money.now, found.assumed) == (Decimal("400.00"), (ASSUMED,))
