"""Accrual and exposure where something is not approved yet, cannot be stated, or comes after the contract's end."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from deskledger.steps import close
from deskledger.steps.accrual import accrual
from deskledger.steps.exposure import exposure

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    complete_until,
    load,
    month,
    sign,
    write_contract,
)

LATER = NOW + timedelta(hours=1)


def write(home: Path, old: str, new: str) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    assert old in words
    path.write_text(words.replace(old, new), encoding="utf-8")


def january_in_time_after_all(engine: Engine) -> None:
    load(engine, *(
        {"id": f"T2026-01-{n}", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T11:00:00Z"} for n in (8, 9)
    ), landed_at=LATER)  # fmt: skip


def test_a_charge_that_waits_for_its_approval_is_assumed_and_named(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-03-01T00:00:00Z")
    charge(warehouse, "alder", "2026-02", amount=Decimal("7.00"), approved_by=None, landed_at=NOW)
    (january, february) = (found := accrual(now=NOW)).months[:2]
    assert found.unknown == ()
    assert (january.standing, str(january.best)) == ((), "400.00")
    assert february.standing == ("monthly_fee of 2026-02 is not approved yet: 10,000.00 EUR, as in 2026-01",)


def test_a_month_in_review_is_accrued_though_it_can_no_longer_be_stated(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-02-06T00:00:00Z")
    made = close.draft(KEY, now=NOW)
    charge(warehouse, "alder", "2026-01", currency="USD", landed_at=LATER)
    found = accrual(now=LATER)
    assert [(each.period, each.draft_id, str(each.best)) for each in found.months] == [
        ("2026-01", made["draft_id"], "400.00")
    ]
    ((name, reason),) = found.unknown
    assert (name, "is in USD" in reason) == ("alder", True)


def test_a_settlement_in_review_is_accrued(warehouse: Engine, home: Path) -> None:
    write(home, "versions:", "ends_on: 2026-01-31\nversions:")
    sign(home)
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    assert accrual(now=LATER).totals() == {}
    january_in_time_after_all(warehouse)
    assert close.draft("alder|2026-02", now=LATER)["credit"] == "-400.00"
    found = accrual(now=LATER)
    assert found.totals() == {("EUR", "owed"): Decimal("-400.00")}
    assert [(each.period, each.state, each.method) for each in found.months] == [("2026-02", "in_review", "draft")]


def test_terms_that_nobody_approved_are_named(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-02-01T00:00:00Z")
    write(home, "pct_of_base: 4 %", "pct_of_base: 1 %")
    january = accrual(now=NOW).months[0]
    assert str(january.best) == "100.00"
    (told,) = january.standing
    assert told.startswith("not_approved: version 1 was edited after lena approved it")


def test_exposure_tells_each_month_what_stands_of_it(warehouse: Engine, home: Path) -> None:
    """February books January's correction: 400 less for January, nothing for February."""
    write_contract(home, "cedar", "alder")
    path = home / "contracts" / "cedar.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("contract: cedar\n", "contract: cedar\nbacks: alder\n"), encoding="utf-8")
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    january_in_time_after_all(warehouse)
    assert close_month("2026-02", at=LATER)["credit"] == "-400.00"
    months, _ = exposure("alder", now=LATER)
    assert [(each.period, str(each.upstream.credit)) for each in months if each.upstream.state == "posted"] == [
        ("2026-01", "0.00"),
        ("2026-02", "0.00"),
    ]
