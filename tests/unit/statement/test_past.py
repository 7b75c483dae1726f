"""The status of a month's lines as the months after it take them."""

from decimal import Decimal
from typing import Any

import pytest

from deskledger.statement.past import statuses


def line(term: str, status: str, credit: str, **detail: str) -> dict[str, Any]:
    return {"term": term, "status": status, "credit_amount": Decimal(credit), "detail": detail}


@pytest.mark.parametrize(
    ("given_up", "status"),
    [([], "breach"), (["-399.99"], "breach"), (["-400.00"], "waived"), (["-100.00", "-300.00"], "waived")],
)
def test_a_line_is_waived_once_all_of_its_credit_is_given_up(given_up: list[str], status: str) -> None:
    waivers = [line(f"waiver:R{n}", "waived", amount, waives="late") for n, amount in enumerate(given_up)]
    lines = [line("late", "breach", "400.00"), line("met", "met", "0.00"), *waivers]
    assert statuses(lines) == {"late": status, "met": "met"} | {each["term"]: "waived" for each in waivers}


def test_a_line_without_credit_is_not_waived_and_corrections_are_no_result_of_the_month() -> None:
    lines = [
        line("late", "breach", "0.00"),
        line("waiver:R1", "waived", "0.00", waives="late"),
        line("restatement:2026-01", "adjustment", "-400.00"),
    ]
    assert statuses(lines) == {"late": "breach", "waiver:R1": "waived"}
