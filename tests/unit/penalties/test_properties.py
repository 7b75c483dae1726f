"""What holds of every assessment, whatever the terms: sums, caps, monotony, exactness."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.penalties import assess
from deskledger.penalties.exact import exact, rounded

_NUMBERS = st.decimals(min_value=0, max_value=1000, places=3, allow_nan=False).map(str)
_PERCENT = st.decimals(min_value=0, max_value=100, places=2, allow_nan=False).map(str)
_MODES = st.sampled_from(["half_up", "half_even", "down", "up"])


def _consequences() -> st.SearchStrategy[dict]:
    return st.one_of(
        _PERCENT.map(lambda pct: {"pct_of_base": pct}),
        _NUMBERS.map(lambda amount: {"amount": amount}),
        _NUMBERS.map(lambda points: {"points": points}),
        _PERCENT.map(lambda pct: {"at_risk": {"base": "fee", "at_risk_pct": "10", "alloc_pct": pct}}),
    )


@st.composite
def _schedules(draw: st.DrawFn) -> dict:
    kind = draw(st.sampled_from(["threshold", "shortfall", "bands"]))
    target = draw(_PERCENT)
    if kind == "threshold":
        return {"kind": kind, "op": ">=", "target": target, "consequence": draw(_consequences())}
    if kind == "shortfall":
        rounding = draw(st.sampled_from(["exact", "up", "down"]))
        step = draw(st.sampled_from(["0.1", "0.3", "1"]))
        per_step = draw(_consequences())
        return {
            "kind": kind,
            "op": ">=",
            "target": target,
            "step": step,
            "step_rounding": rounding,
            "per_step": per_step,
        }
    low, high = sorted([draw(_NUMBERS), draw(_NUMBERS)], key=Decimal)
    middle, top = sorted([draw(_PERCENT), target], key=Decimal)
    return {
        "kind": kind,
        "bands": [
            {"ge": top},
            {"ge": middle, "lt": top, "consequence": {"amount": low}},
            {"lt": middle, "consequence": {"amount": high}},
        ],
    }


@st.composite
def _contracts(draw: st.DrawFn) -> dict:
    terms = [
        {"id": f"t{number}", "measure": f"m{number}", "schedule": draw(_schedules())}
        for number in range(draw(st.integers(1, 4)))
    ]
    for term in terms:
        if draw(st.booleans()):
            term["repeat"] = {"by_run": {"1": "1", "2": "1.5"}}
    contract: dict[str, Any] = {
        "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        "bases": {"fee": draw(_NUMBERS)},
        "terms": terms,
        "points_to_money": {"pct_per_point": draw(_PERCENT)},
        "money_rounding": draw(_MODES),
        "round_stage": draw(st.sampled_from(["line", "total"])),
    }
    if draw(st.booleans()):
        contract["caps"] = [
            {"id": "month", "base": "fee", "pct": draw(_PERCENT)},
            {"id": "year", "amount": draw(_NUMBERS), "used": draw(_NUMBERS)},
        ]
    if draw(st.booleans()):
        contract["de_minimis"] = draw(st.sampled_from([{"issue_if_gt": "1.00"}, {"raise_to": "1.00"}]))
    return contract


@st.composite
def _cases(draw: st.DrawFn) -> tuple[dict, dict]:
    contract = draw(_contracts())
    measures = {}
    for term in contract["terms"]:
        volume = draw(st.integers(0, 500))
        measures[term["measure"]] = {"num": draw(st.integers(0, volume)), "den": volume}
    return contract, {
        "measures": measures,
        "history": {"t0": draw(st.lists(st.sampled_from([0, 1, None]), max_size=4))},
    }


@settings(max_examples=150, deadline=None)
@given(_cases())
def test_lines_sum_to_the_credit(case: tuple[dict, dict]) -> None:
    found = assess(*case)
    assert sum(line.credit for line in found.lines) == found.credit
    assert all(isinstance(line.credit, Decimal) for line in found.lines)
    assert found.credit >= 0


@settings(max_examples=150, deadline=None)
@given(_cases())
def test_the_credit_is_within_every_cap(case: tuple[dict, dict]) -> None:
    contract, measurements = case
    credit = Fraction(assess(contract, measurements).credit)
    for cap in contract.get("caps", ()):
        whole = (
            Fraction(cap["amount"])
            if "amount" in cap
            else Fraction(contract["bases"]["fee"]) * Fraction(cap["pct"]) / 100
        )
        assert credit <= max(whole - Fraction(cap.get("used", "0")), 0)


@settings(max_examples=150, deadline=None)
@given(_cases(), st.integers(0, 3), st.integers(1, 50))
def test_more_misses_never_cost_less(case: tuple[dict, dict], which: int, misses: int) -> None:
    contract, measurements = case
    contract.pop("de_minimis", None)
    before = assess(contract, measurements).credit
    measure = list(measurements["measures"].values())[which % len(measurements["measures"])]
    if not measure["den"]:
        return
    measure["num"] = max(measure["num"] - misses, 0)
    assert assess(contract, measurements).credit >= before


@settings(max_examples=200, deadline=None)
@given(st.fractions(min_value=-1000, max_value=1000), st.integers(0, 4), _MODES)
def test_rounding_is_of_the_exact_number(number: Fraction, places: int, mode: str) -> None:
    found = Fraction(rounded(number, places, mode))
    unit = Fraction(1, 10**places)
    assert (found / unit).denominator == 1
    if mode == "down":
        assert abs(number) - unit < abs(found) <= abs(number)
    elif mode == "up":
        assert abs(number) <= abs(found) < abs(number) + unit
    else:
        assert abs(found - number) <= unit / 2
    assert rounded(-number, places, mode) == -rounded(number, places, mode)


@pytest.mark.parametrize(
    ("number", "mode", "expected"),
    [
        ("122.525", "half_up", "122.53"),
        ("122.525", "half_even", "122.52"),
        ("122.535", "half_even", "122.54"),
        ("-0.005", "half_up", "-0.01"),
    ],
)
def test_halves(number: str, mode: str, expected: str) -> None:
    assert str(rounded(Fraction(number), 2, mode)) == expected


_TERM = {
    "id": "r",
    "measure": "r",
    "schedule": {"kind": "threshold", "op": ">=", "target": "95", "consequence": {"pct_of_base": "5"}},
}


@pytest.mark.parametrize(
    ("contract", "measurements"),
    [
        ({"bases": {"fee": 1000.0}, "terms": [_TERM]}, {"measures": {"r": {"num": 9, "den": 10}}}),
        ({"bases": {"fee": "1000"}, "terms": [_TERM]}, {"measures": {"r": {"value": 94.9}}}),
        ({"bases": {"fee": "1000"}, "terms": [_TERM]}, {"measures": {"r": {"num": 9.0, "den": 10}}}),
        (
            {"bases": {"fee": "1000"}, "terms": [{**_TERM, "multiplier": 1.25}]},
            {"measures": {"r": {"num": 9, "den": 10}}},
        ),
        (
            {"bases": {"fee": "1000"}, "terms": [_TERM], "caps": [{"id": "c", "amount": 5.0}]},
            {"measures": {"r": {"num": 9, "den": 10}}},
        ),
        ({"bases": {"fee": "1000"}, "terms": [_TERM]}, {"measures": {"r": {"num": 9, "den": 10}}, "invoice": 10.5}),
    ],
)
def test_a_float_is_refused_wherever_it_comes_in(contract: dict, measurements: dict) -> None:
    with pytest.raises(TypeError, match="is a float"):
        assess({"currency": "EUR", **contract}, measurements)


@pytest.mark.parametrize("value", ["nan", "Infinity", "1/0", "", "95 %", "1e", Decimal("NaN")])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(Exception, match="is not a number"):
        exact(value)


@given(
    st.lists(st.integers(min_value=0, max_value=2_000_000), min_size=1, max_size=5).map(sorted),
    st.sampled_from(["exact", "up", "down"]),
    st.sampled_from([{}, {"max_units": "20"}, {"item_cap": "150"}]),
)
def test_months_that_charge_the_increase_charge_the_whole_together(
    months: list[int], rounding: str, extra: dict[str, str]
) -> None:
    ladder = [{"units": "10", "amount": "7"}, {"amount": "3"}]
    rules = {"kind": "per_item", "unit_seconds": "3600", "unit_rounding": rounding, "ladder": ladder, **extra}
    contract = {"currency": "EUR", "round_stage": "total", "terms": [{"id": "t", "measure": "m", "schedule": rules}]}

    def charged(late: int, before: int) -> Fraction:
        item = {"id": "A", "late_seconds": late, "accrued_seconds": before}
        return assess(contract, {"measures": {"m": {"items": [item], "den": 1}}}).paid["t"]

    increases = [charged(late, before) for before, late in zip([0, *months], months, strict=False)]
    assert sum(increases) == charged(months[-1], 0)
    assert min(increases) >= 0
