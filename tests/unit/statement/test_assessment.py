"""From figures to money: bases, histories, caps used so far, edges; and what stands in the way of a price."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from deskledger import model, penalties
from deskledger.contract.terms import Contract, Measure, OpeningBalances, Period, ServiceLevel, Version
from deskledger.errors import StatementError
from deskledger.statement.assessment import (
    Opening,
    PastMonth,
    assessed_form,
    band_edge,
    charge_amounts,
    opening_of,
    run_of_failures,
)
from deskledger.statement.compose import shown
from deskledger.statement.levels import LevelResult
from deskledger.statement.month_figures import MonthFigures

LEVEL = ServiceLevel("response", "4.1", Measure("clock", "first_response"), ">=", Fraction(95))
TERM = {
    "id": "late",
    "measure": "response",
    "clause": "7.1",
    "schedule": {"kind": "threshold", "op": ">=", "target": "95", "consequence": {"pct_of_base": "4"}},
    "repeat": {"by_run": {"1": "1", "2": "1.5", "3": "2"}},
}


def contract(**terms: Any) -> Contract:
    priced = {"currency": "EUR", "bases": {"fee": {"charge": "monthly_fee"}}, "terms": [TERM], **terms}
    version = Version(1, date(2026, 1, 1), "ada", {}, (), None, (LEVEL,), priced)
    return Contract(
        "alder", "Alder", "EUR", {}, ("desk",), {}, Period("Europe/Madrid"), (version,), "contracts/alder.yaml", "0"
    )


def charges(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {
        "contract": "alder", "period": "2026-03", "kind": "monthly_fee", "amount": Decimal("10000.00"),
        "currency": "EUR", "invoice_number": "A-1", "imported_by": "ines", "approved_by": "amir",
    }  # fmt: skip
    return model.conform(model.CHARGE, pd.DataFrame([{**usual, **row} for row in rows], columns=list(usual)))


def result(numerator: int, denominator: int) -> LevelResult:
    months = (MonthFigures("2026-03", Fraction(numerator), denominator),)
    value = Fraction(100 * numerator, denominator) if denominator else None
    status = "no_data" if value is None else "met" if value >= 95 else "breached"
    return LevelResult(
        LEVEL, Fraction(numerator), denominator, value, status, denominator, numerator, denominator - numerator,
        0, 0, 0, months,
    )  # fmt: skip


def past(period: str, status: str, credit: str = "0.00") -> PastMonth:
    return PastMonth(period, {"late": status}, {}, Decimal(credit))


def priced(made: Contract, months: list[PastMonth], opening: Opening | None = None, met: int = 90) -> Any:
    base = charge_amounts(made, made.versions[0], "2026-03", charges({}))
    forms = assessed_form(made, made.versions[0], "2026-03", [result(met, 100)], base, months, opening or Opening(), {})
    return penalties.assess(*forms), forms


def test_the_base_is_the_approved_charge_to_the_cent() -> None:
    found = charge_amounts(contract(), contract().versions[0], "2026-03", charges({"amount": Decimal("182500.10")}))
    assert found["fee"] == {
        "kind": "monthly_fee", "amount": "182500.10", "currency": "EUR", "invoice_number": "A-1", "imported_by": "ines",
        "approved_by": "amir",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no charge of kind 'monthly_fee'"),
        ([{"kind": "setup_fee"}], "no charge of kind 'monthly_fee'"),
        ([{"approved_by": None}], "not approved by a second person"),
        ([{"approved_by": "Ines"}], "not approved by a second person"),
        ([{"currency": "USD"}], "in USD, the contract in EUR"),
    ],
)
def test_without_a_base_there_is_no_price_and_the_message_names_contract_period_kind_and_remedy(
    rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(StatementError) as caught:
        charge_amounts(contract(), contract().versions[0], "2026-03", charges(*rows))
    assert message in caught.value.what
    assert caught.value.what.startswith("no_base: ")
    assert caught.value.where == "contract alder, period 2026-03"
    assert "monthly_fee" in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("statuses", "credit"),
    [
        ([], "400.00"),
        (["met"], "400.00"),
        (["breach"], "600.00"),
        (["breach", "breach"], "800.00"),
        (["breach", "met"], "400.00"),
        (["breach", "no_data"], "600.00"),  # a month without data neither fails nor ends the run
        (["superseded"], "600.00"),
    ],
)
def test_posted_months_make_the_repeat_run(statuses: list[str], credit: str) -> None:
    assessed, _ = priced(contract(), [past(f"2026-0{n}", status) for n, status in enumerate(statuses, start=1)])
    assert assessed.credit == Decimal(credit)


def test_penalties_that_stand_for_one_event_are_measured_as_such() -> None:
    twice = [{**TERM, "repeat": None}, {**TERM, "id": "later", "repeat": None}]
    assessed, (terms, measured) = priced(
        contract(terms=twice, overlap="max_per_event", events={"late": "e", "later": "e"}), []
    )
    assert (measured["events"], "events" in terms) == ({"late": "e", "later": "e"}, False)
    assert [(line.term, line.status, str(line.credit)) for line in assessed.lines] == [
        ("late", "breach", "400.00"),
        ("later", "superseded", "0.00"),
    ]


@pytest.mark.parametrize(
    ("per", "period", "used"),
    [
        ("year", "2026-03", "1700.00"),
        ("year", "2027-03", "0"),  # another year: what was used before it is over
        ("quarter", "2026-03", "1700.00"),
        ("quarter", "2026-04", "0"),
    ],
)
def test_what_caps_had_used_at_the_opening_is_of_its_own_quarter_or_year(per: str, period: str, used: str) -> None:
    made = contract(caps=[{"id": "span", "amount": "5000", "per": per}])
    opening = Opening(caps_used={"span": "1700.00"}, until="2026-02")
    base = charge_amounts(made, made.versions[0], "2026-03", charges({}))
    terms, _ = assessed_form(made, made.versions[0], period, [result(90, 100)], base, [], opening, {})
    assert Decimal(terms["caps"][0]["used"]) == Decimal(used)


def test_the_contracts_own_balances_are_its_opening() -> None:
    balances = OpeningBalances(
        until="2026-02",
        history={"late": (1, None, 1)},
        points=("4",),
        caps_used={"year": "10"},
        rolling={"response": ((Fraction(90), 100), (Fraction(47), 50))},
    )
    opening = opening_of(replace(contract(), opening=balances))
    assert (opening.history, opening.points_history, opening.caps_used) == (
        {"late": (1, None, 1)},
        ("4",),
        {"year": "10"},
    )
    assert opening.figures["response"] == [
        MonthFigures("2026-01", Fraction(90), 100),
        MonthFigures("2026-02", Fraction(47), 50),
    ]
    assert opening_of(contract()) == Opening()


def test_opening_balances_stand_before_the_first_posted_month() -> None:
    assessed, (_, measured) = priced(contract(), [past("2026-02", "breach")], Opening(history={"late": (0, 1)}))
    assert measured["history"] == {"late": [0, 1, 1]}
    assert assessed.credit == Decimal("800.00")


@pytest.mark.parametrize(
    ("per", "months", "opening", "credit"),
    [
        ("year", [("2026-01", "300.00"), ("2026-02", "300.00")], "0", "400.00"),  # exactly what is left
        ("year", [("2026-01", "300.00"), ("2026-02", "300.01")], "0", "399.99"),
        ("year", [("2025-12", "900.00")], "0", "400.00"),
        ("quarter", [("2026-01", "700.00")], "0", "300.00"),
        ("quarter", [("2025-12", "700.00")], "0", "400.00"),
        ("year", [("2026-01", "300.00")], "600", "100.00"),
    ],
)
def test_a_cap_of_a_quarter_or_year_knows_what_posted_months_used(
    per: str, months: list[tuple[str, str]], opening: str, credit: str
) -> None:
    made = contract(terms=[{**TERM, "repeat": None}], caps=[{"id": "most", "amount": "1000", "per": per}])
    before = [past(period, "met", amount) for period, amount in months]
    assessed, _ = priced(made, before, Opening(caps_used={"most": opening}))
    assert assessed.credit == Decimal(credit)


@pytest.mark.parametrize(
    ("lines", "credit"),
    [
        ({"other": "900.00"}, "400.00"),  # another line's money is not this cap's
        ({"late": "500.00", "other": "900.00"}, "400.00"),  # exactly what is left
        ({"late": "700.00"}, "200.00"),
        ({"late": "900.00"}, "0.00"),
        ({"late": "1700/3"}, "333.33"),  # a cap of the month took a third of it off: what is left is cut to cents
        ({"late": "-200.00"}, "400.00"),  # a bonus makes no room under a cap
    ],
)
def test_a_cap_of_some_lines_knows_what_these_lines_used(lines: dict[str, str], credit: str) -> None:
    cap = {"id": "most", "amount": "900", "per": "year", "terms": ["late"]}
    made = contract(terms=[{**TERM, "repeat": None}], caps=[cap])
    credits = {name: Fraction(amount) for name, amount in lines.items()}
    before = PastMonth("2026-02", {"late": "breach"}, {}, Decimal("900.00"), credits=credits)
    assert priced(made, [before])[0].credit == Decimal(credit)


def test_a_cap_of_some_lines_is_not_guessed_from_whole_credits() -> None:
    cap = {"id": "most", "amount": "900", "per": "year", "terms": ["late"]}
    with pytest.raises(StatementError, match="only the whole credit is known"):
        priced(contract(caps=[cap]), [past("2026-02", "breach", "400.00")])


@pytest.mark.parametrize(
    ("history", "failed", "run"), [([], True, 1), ([1, None, 1], True, 3), ([1, 0], True, 1), ([1], False, 0)]
)
def test_a_run_counts_this_month(history: list[int | None], failed: bool, run: int) -> None:
    assert run_of_failures(history, failed) == run


@pytest.mark.parametrize(
    ("schedule", "value", "edge"),
    [
        ({"kind": "threshold", "op": ">=", "target": "95"}, "94.9", ">= 95"),
        ({"kind": "bands", "bands": [{"ge": "98"}, {"ge": "96", "lt": "98"}, {"lt": "96"}]}, "98", ">= 98"),
        ({"kind": "bands", "bands": [{"ge": "98"}, {"ge": "96", "lt": "98"}, {"lt": "96"}]}, "97.999", ">= 96, < 98"),
        ({"kind": "bands", "bands": [{"ge": "98"}, {"ge": "96", "lt": "98"}, {"lt": "96"}]}, "95.999", "< 96"),
        ({"kind": "bands", "bands": [{"ge": "99"}]}, "98", None),
        ({"kind": "expected_min", "expected": "95.95", "minimum": "90.98"}, "93", "expected 95.95, minimum 90.98"),
    ],
)
def test_the_edge_of_a_line_is_the_one_the_value_fell_into(
    schedule: dict[str, Any], value: str, edge: str | None
) -> None:
    assert band_edge({"schedule": schedule}, Fraction(value)) == edge


def test_a_share_and_its_late_tickets_are_priced_side_by_side() -> None:
    """90 of 100: 4 % of 10,000.00; and two late tickets by the hour and by the day, each in its own unit."""
    hours = {"kind": "per_item", "unit_seconds": "3600", "unit_rounding": "up", "ladder": [{"amount": "10"}]}
    days = {"kind": "per_item", "unit_seconds": "86400", "unit_rounding": "exact", "ladder": [{"amount": "100"}]}
    terms = [{**TERM, "repeat": None}, *({"id": each, "measure": "response", "schedule": rules}
             for each, rules in (("hours", hours), ("days", days)))]  # fmt: skip
    made = contract(terms=terms)
    base = charge_amounts(made, made.versions[0], "2026-03", charges({}))
    items = {"response": [{"id": "A", "late_seconds": "43200"}, {"id": "B", "late_seconds": "1"}]}
    forms = assessed_form(made, made.versions[0], "2026-03", [result(90, 100)], base, [], Opening(), items)
    assert [(line.term, str(line.credit)) for line in penalties.assess(*forms).lines] == [
        ("late", "400.00"),
        ("hours", "130.00"),  # 12 hours, and a started one
        ("days", "50.00"),  # 43,201 of 86,400 seconds: 50.0012
    ]


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        ("94.99996", ">=", "94.9999"),  # never shown as a met 95
        ("95", ">=", "95.0000"),
        ("10.00001", "<=", "10.0001"),  # never shown as a met 10
        ("10", "<=", "10.0000"),
    ],
)
def test_a_shown_value_never_crosses_its_objective(value: str, operator: str, expected: str) -> None:
    assert str(shown(Fraction(value), operator)) == expected
