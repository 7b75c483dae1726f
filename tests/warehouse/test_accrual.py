"""`deskledger accrual` and `exposure`: open months by contract and currency, and the net over contracts that back."""

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import DeskledgerError
from deskledger.steps import close
from deskledger.steps.accrual import Accrual, accrual
from deskledger.steps.exposure import exposure

from tests.warehouse.close_desk import (
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`
    complete_until,
    month,
    sign,
    write_contract,
)


@pytest.fixture(autouse=True)
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "books.yaml"
    monkeypatch.setenv("DESKLEDGER_BOOKS", str(path))
    return path


def open_months(engine: Engine) -> None:
    """January posted, February disputed, March over and not drafted, April running since ten days."""
    for period, met in (("2026-01", 8), ("2026-02", 8), ("2026-03", 8), ("2026-04", 0)):
        month(engine, period, met, **({"of": 5} if period == "2026-04" else {}))
    close_month("2026-01")
    made = close.draft("alder|2026-02", now=NOW)
    close.decide(made["draft_id"], "dispute", comment="The outage was theirs.", user="felix", at=NOW)
    complete_until(engine, "2026-04-11T00:00:00Z")


def look() -> Accrual:
    return accrual(now=datetime(2026, 4, 20, tzinfo=UTC))


def test_every_open_month_has_an_estimate_and_its_state(warehouse: Engine) -> None:
    open_months(warehouse)
    found = look()
    told = [(each.period, each.state, each.method, str(each.best)) for each in found.months]
    assert told[:2] == [
        ("2026-02", "disputed", "draft", "500.00"),  # the second failure in a row, and the cap
        ("2026-03", "not drafted", "stated", "500.00"),
    ]
    april = found.months[2]
    assert (april.period, april.state, april.method) == ("2026-04", "running", "forecast")
    assert Decimal("0.00") <= april.low <= april.best <= april.high <= Decimal("500.00")
    assert april.as_of == datetime(2026, 4, 11, tzinfo=UTC)
    assert found.months[0].standing == ("disputed by felix on 2026-04-06: The outage was theirs.",)
    assert april.standing == ("monthly_fee of 2026-04 is not imported yet: 10,000.00 EUR, as in 2026-03",)
    assert found.totals() == {("EUR", "owed"): 1000 + april.best}


def test_posting_takes_a_month_out_of_the_accrual(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-02-10T00:00:00Z")
    assert [each.period for each in look().months] == ["2026-01", "2026-02"]
    close_month("2026-01")
    assert [each.period for each in look().months] == ["2026-02"]


def test_currencies_and_sides_are_never_added(warehouse: Engine, home: Path) -> None:
    write_contract(home, "brisa", "brisa")
    path = home / "contracts" / "brisa.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("currency: EUR", "currency: USD"), encoding="utf-8")
    write_contract(home, "cedar", "alder")
    path = home / "contracts" / "cedar.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("contract: cedar\n", "contract: cedar\nbacks: alder\n"),
        encoding="utf-8",
    )
    complete_until(warehouse, "2026-02-01T00:00:00Z")
    charge(warehouse, "brisa", "2026-01", "2026-02", currency="USD")
    charge(warehouse, "cedar", "2026-01", "2026-02")
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-01", 8, prefix="B", account="brisa")
    totals = {each.contract: each.best for each in look().months if each.period == "2026-01"}
    assert totals == {"alder": Decimal("400.00"), "brisa": Decimal("400.00"), "cedar": Decimal("400.00")}
    assert set(look().totals()) == {("EUR", "owed"), ("EUR", "due"), ("USD", "owed")}


def test_a_contract_without_a_figure_is_named_and_keeps_none_back(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    (home / "contracts" / "broken.yaml").write_text("contract: broken\n", encoding="utf-8")
    write_contract(home, "brisa", "brisa")
    month(warehouse, "2026-01", 8, prefix="B", account="brisa")  # no charge was ever imported for it
    complete_until(warehouse, "2026-02-01T00:00:00Z")
    found = look()
    assert {each.contract for each in found.months} == {"alder"}
    assert [name.split(":")[0] for name, _ in found.unknown] == ["contracts/broken.yaml", "brisa"]
    assert "no_base" in found.unknown[1][1]


def test_small_months_are_marked_and_accounts_are_named(
    warehouse: Engine, books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books.write_text(
        'materiality: {EUR: "400.01"}\ncontracts:\n  alder: {series: S-, debit: {account: "7", name: a}, '
        'credit: {account: "4", name: b}, accrued: {account: "49", name: c}, tax: {treatment: damages}}\n',
        encoding="utf-8",
    )
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-02-01T00:00:00Z")
    assert main(["accrual", "--csv", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "400.00 EUR  not material" in page
    rows = list(csv.DictReader((tmp_path / "out" / "accrual.csv").open(encoding="utf-8")))
    first = rows[0]
    assert (first["best"], first["is_material"], first["debit_account"], first["credit_account"]) == (
        "400.00", "False", "7", "49"
    )  # fmt: skip
    books.write_text(books.read_text(encoding="utf-8").replace("400.01", "400.00"), encoding="utf-8")
    assert main(["accrual", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["months"][0]["is_material"] is True


@pytest.mark.parametrize(("currency", "net"), [("EUR", "240.00"), ("USD", None)])
def test_exposure_is_the_credit_less_what_the_supplier_gives(
    warehouse: Engine, home: Path, currency: str, net: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Posted months count as posted; the supplier's, still open, by its estimate. Each settles gross."""
    write_contract(home, "cedar", "alder")
    path = home / "contracts" / "cedar.yaml"
    words = (
        path.read_text(encoding="utf-8")
        .replace("contract: cedar\n", "contract: cedar\nbacks: alder\n")
        .replace("4 %}", "1.6 %}")
    )
    path.write_text(words.replace("currency: EUR", f"currency: {currency}"), encoding="utf-8")
    sign(home, "cedar") if currency == "EUR" else None
    charge(warehouse, "cedar", "2026-01", "2026-02", currency=currency)
    month(warehouse, "2026-01", 8)
    complete_until(warehouse, "2026-02-06T00:00:00Z")
    close_month("2026-01")
    months, unknown = exposure("alder", now=NOW)
    assert unknown == []
    january = months[0]
    assert (january.period, january.upstream.state, january.upstream.credit) == ("2026-01", "posted", Decimal("400.00"))
    assert [(side.contract, side.credit, side.state) for side in january.backing] == [
        ("cedar", Decimal("160.00"), "not drafted")
    ]
    assert january.net == (None if net is None else Decimal(net))
    assert main(["exposure"]) == 0
    assert ("net exposure" in capsys.readouterr().out) is True
    with pytest.raises(DeskledgerError, match="no contract backs 'cedar'"):
        exposure("cedar", now=NOW)
