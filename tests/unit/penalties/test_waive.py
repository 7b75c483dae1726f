"""Waived credit: what is taken back, before the caps, and never more than is due."""

from decimal import Decimal
from typing import Any

import pytest

from deskledger import penalties


def assessed(waivers: list[dict[str, str]], caps: list[dict[str, Any]] | None = None, met: int = 8) -> Any:
    """Two lines of 60 and 40 when eight of ten are in time."""
    terms = [
        {"id": name, "measure": "m", "clause": "7", "schedule": {
            "kind": "threshold", "op": ">=", "target": "90", "consequence": {"amount": amount}}}
        for name, amount in (("a", "60.00"), ("b", "40.00"))
    ]  # fmt: skip
    contract = {"currency": "EUR", "bases": {}, "terms": terms, **({"caps": caps} if caps else {})}
    return penalties.assess(contract, {"measures": {"m": {"num": met, "den": 10}}, "waivers": waivers})


@pytest.mark.parametrize(
    ("waivers", "caps", "credits"),
    [
        ([("a", "60.00")], [], ["60.00", "40.00", "-60.00"]),
        ([("a", "60.01")], [], ["60.00", "40.00", "-60.00"]),
        ([("a", "0.01")], [], ["60.00", "40.00", "-0.01"]),
        ([("a", "50.00"), ("a", "50.00")], [], ["60.00", "40.00", "-50.00", "-10.00"]),
        ([("c", "10.00")], [], ["60.00", "40.00", "0.00"]),
        # A cap is reached by what is still due: waived before it, not cut off a second time.
        ([("a", "60.00")], [{"id": "cap", "amount": "50.00"}], ["60.00", "40.00", "-60.00"]),
        ([("a", "30.00")], [{"id": "cap", "amount": "50.00"}], ["60.00", "40.00", "-30.00", "-20.00"]),
        ([("a", "30.00")], [{"id": "cap", "amount": "20.00", "terms": ["a"]}], ["60.00", "40.00", "-30.00", "-10.00"]),
    ],
)
def test_a_waiver_takes_back_at_most_what_its_line_costs(
    waivers: list[tuple[str, str]], caps: list[dict[str, Any]], credits: list[str]
) -> None:
    given = [{"id": f"R{n}", "line": line, "amount": amount} for n, (line, amount) in enumerate(waivers, start=1)]
    found = assessed(given, caps)
    assert [str(line.credit) for line in found.lines] == credits
    assert found.credit == sum((Decimal(each) for each in credits), Decimal(0))
    assert {line.waives for line in found.lines if line.status == "waived"} == {line for line, _ in waivers}
    assert sum(found.paid.values()) == found.credit  # what a waiver took is taken off its own line
    assert not any(term.startswith("waiver") for term in found.paid)


def test_a_waiver_of_a_line_that_was_met_stays_visible_at_nothing() -> None:
    found = assessed([{"id": "R1", "line": "a", "amount": "60.00"}], met=9)
    assert [(line.term, line.status, str(line.credit)) for line in found.lines][2] == ("waiver:R1", "waived", "0.00")
    assert [step.output for step in found.trace if step.step == "waiver"] == ["0"]
