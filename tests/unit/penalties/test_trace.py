"""The trace of an assessment: what a reader follows by hand, row by row, worked beside the terms."""

from typing import Any

import pytest

from deskledger.penalties import assess

_LATE_5 = {"kind": "threshold", "op": ">=", "target": "95", "consequence": {"pct_of_base": "5"}}
_SHARE = {"num": 9, "den": 10}
_FEW = {"gate": {"max_misses_if_den_le": 39, "max_misses": 2}}


def _contract(schedule: dict = _LATE_5, term: dict | None = None, **extra: Any) -> dict:
    terms = [{"id": "r", "clause": "7.1", "measure": "r", "schedule": schedule, **(term or {})}]
    return {"currency": "EUR", "bases": {"fee": "10000"}, "terms": terms, **extra}


def _rows(contract: dict, measure: dict, **extra: Any) -> list[str]:
    trace = assess(contract, {"measures": {"r": measure}, **extra}).trace
    return [f"{row.line} {row.step}: {row.input} -> {row.output}" for row in trace]


def _row(step: str, contract: dict, measure: dict, **extra: Any) -> str:
    (row,) = [each for each in _rows(contract, measure, **extra) if each.split()[1] == f"{step}:"]
    return row.split(": ", 1)[1]


def test_a_whole_month_can_be_followed() -> None:
    contract = _contract(
        term={"repeat": {"by_run": {"1": "1", "2": "1.5"}}, "multiplier": "2"},
        ramp_up={"factor_by_month": {"3": "0.5"}},
        caps=[{"id": "m", "clause": "9", "amount": "300"}],
        tax={"rate": "20", "treatment": "price_adjustment"},
    )
    found = assess(
        contract,
        {
            "measures": {"r": _SHARE},
            "contract_month": 3,
            "history": {"r": [1]},
            "adjustments": [
                {"type": "restatement", "period": "2026-01", "issued": "10", "recomputed": "15"},
                {"type": "supplier_recovery", "period": "2026-01", "recovered": "3"},
            ],
            "invoice": "250",
        },
    )
    assert [(row.line, row.step, row.input, row.output, row.clause) for row in found.trace] == [
        ("r", "measure", "9 of 10", "90", "7.1"),
        ("r", "gate", "applies", "judged", "7.1"),
        ("r", "schedule", "not 90 >= 95: 5 % of 10000", "breach: 500", "7.1"),
        ("r", "modifier", "failure 2 in a row: x 1.5, x 2, contract month 3: x 0.5", "750", "7.1"),
        ("total", "combine", "1 line, overlap sum", "750", ""),
        ("m", "limit", "750: at most 300", "300", "9"),
        ("total", "rounding", "half_up, 2 places, each line", "300.00", ""),
        ("tax", "tax", "300.00 as price_adjustment", "60.00", ""),
        ("restatement:2026-01", "adjustment", "recomputed 15, issued 10", "5.00", ""),
        ("restatement:2026-01", "tax", "5.00 as price_adjustment", "1.00", ""),
        (
            "supplier_recovery:2026-01",
            "adjustment",
            "recovered from the supplier: 3 (net exposure; each contract settles gross)",
            "-3.00",
            "",
        ),
    ]
    assert [(line.term, line.status, line.clause, str(line.credit)) for line in found.lines] == [
        ("r", "breach", "7.1", "750.00"),
        ("m", "cap", "9", "-450.00"),
        ("restatement:2026-01", "adjustment", "", "5.00"),
        ("supplier_recovery:2026-01", "adjustment", "", "-3.00"),
    ]
    amounts = (found.credit, found.tax, found.gross, found.applied, found.carried)
    assert [str(each) for each in amounts] == ["302.00", "61.00", "363.00", "250.00", "52.00"]


@pytest.mark.parametrize(
    ("term", "measure", "extra", "row"),
    [
        ({}, {"num": 0, "den": 0}, {}, "0 of 0 -> no data"),
        ({}, {"value": "95.4"}, {}, "as measured -> 95.4"),
        ({}, {**_SHARE, "excluded": {"num": 1, "den": 2}}, {}, "9 of 10, less 2 excluded (1 of them met) -> 100"),
        ({}, {"num": 8, "den": 10, "excluded": {"den": 2}}, {}, "8 of 10, less 2 excluded (0 of them met) -> 100"),
        (
            {"exclusions": "add_back"},
            {**_SHARE, "excluded": {"num": 1, "den": 2}},
            {},
            "9 of 10, 1 excused failures added back -> 100",
        ),
        (
            {},
            {"num": 2, "den": 3},
            {"percent_rounding": {"places": 1, "mode": "half_up"}},
            "2 of 3; rounded half_up to 1 places -> 66.7",
        ),
        (
            {"unit": "seconds"},
            {"value": "66.66"},
            {"percent_rounding": {"places": 1, "mode": "half_up"}},
            "as measured -> 66.66",
        ),
        (
            {"csat": {"which": "good", "denominator": "include_neutral"}},
            {"good": 3, "neutral": 1, "poor": 1},
            {},
            "3 good, 1 neutral, 1 poor, include_neutral -> 60",
        ),
        (
            {"csat": {"which": "poor", "denominator": "exclude_neutral"}},
            {"good": 3, "poor": 1},
            {},
            "3 good, 0 neutral, 1 poor, exclude_neutral -> 25",
        ),
        (
            {"weights": {"a": "50", "b": "30", "c": "10"}},
            {"scores": {"a": "90", "b": None, "c": "60"}},
            {},
            "50 x a 90 + 10 x c 60; no data for b -> 85",
        ),
        ({"weights": {"a": "50"}}, {"scores": {"a": "90"}}, {}, "50 x a 90 -> 90"),
        ({"weights": {"a": "50"}}, {"scores": {}}, {}, "nothing was measured -> no data"),
        ({}, {"months": [_SHARE, {"num": 19, "den": 20}]}, {}, "28 of 30 in 2 months -> 93.3333 (280/3)"),
        ({}, {"months": [{"value": "90", "n": 3}, {"value": "95", "n": 2}]}, {}, "5 in 2 months -> 92"),
        ({}, {"months": [{"value": "0", "n": 3}, {"num": 2, "den": 2}]}, {}, "5 in 2 months -> 40"),
        ({}, {"months": [{"value": None}]}, {}, "nothing was measured -> no data"),
        ({"window_agg": "mean"}, {"months": [_SHARE, {"num": 19, "den": 20}]}, {}, "mean of 2 months -> 92.5"),
        ({}, {"items": [], "den": 1}, {}, "0 tickets -> 0"),
        ({}, {"items": [], "n": 1}, {}, "0 tickets -> 0"),
        ({}, {"items": []}, {}, "0 tickets -> no data"),
        ({}, {"items": [{"late": "1"}]}, {}, "1 tickets -> 1"),
    ],
)
def test_how_a_value_was_measured(term: dict, measure: dict, extra: dict, row: str) -> None:
    schedule = {**_LATE_5, "target": "0"}
    if "items" in measure:
        per_item = {"kind": "per_item", "unit_rounding": "exact", "ladder": [{"amount": "1"}]}
        assert _row("measure", _contract(per_item, term, **extra), measure) == row
    else:
        assert _row("measure", _contract(schedule, term, **extra), measure) == row


_TICKETS = [
    {"due": "2025-12-31", "resolved": "2025-12-31"},  # settled before the window: out
    {"due": "2025-12-31", "resolved": "2026-01-01"},  # carried, resolved within two days of grace: out
    {"due": "2025-12-30", "resolved": "2026-01-01"},  # the last day of grace: out
    {"due": "2025-12-29", "resolved": "2026-01-01"},  # a day after it: failed
    {"due": "2026-01-01", "resolved": "2026-01-01"},  # in time
    {"due": "2026-01-05", "resolved": "2026-01-06"},  # late
    {"due": "2026-01-31", "resolved": "2026-01-31"},  # in time, on the last day
    {"due": "2026-01-31", "resolved": "2026-02-01"},  # open at the end, past due
    {"due": "2026-01-31"},  # open, due on the last day
    {"due": "2026-02-01"},  # not yet due: out
    {"due": "2026-02-01", "resolved": None},  # the same
]


@pytest.mark.parametrize(
    ("tickets", "grace", "row"),
    [
        (_TICKETS, {"grace_days": 2}, "2 in time of 6 resolved or past due"),
        (_TICKETS, {}, "2 in time of 8 resolved or past due"),
        (_TICKETS[:2], {"grace_days": 2}, "0 in time of 0 resolved or past due"),
    ],
)
def test_tickets_that_are_carried_from_month_to_month(tickets: list, grace: dict, row: str) -> None:
    measure = {"window": ["2026-01-01", "2026-01-31"], "tickets": tickets, **grace}
    assert _row("measure", _contract(), measure).startswith(f"{row} -> ")


@pytest.mark.parametrize(
    ("gate", "measure", "extra", "rows"),
    [
        ({}, {"num": 0, "den": 0}, {}, ["gate: no data: 0 of 0 -> no_data"]),
        ({"min_den": 30}, _SHARE, {}, ["gate: 10 is below the sample of 30 -> below_sample"]),
        (
            {"max_misses_if_den_le": 39, "max_misses": 1},
            _SHARE,
            {},
            [
                "gate: low volume: 1 misses of 10, 1 are allowed -> judged",
                "schedule: met by the low-volume rule -> met: 0",
            ],
        ),
        (
            {"max_misses_if_den_le": 39, "max_misses": 0},
            _SHARE,
            {},
            [
                "gate: low volume: 1 misses of 10, 0 are allowed -> judged",
                "schedule: too many misses: 5 % of 10000 -> breach: 500",
                "modifier: none -> 500",
            ],
        ),
        (
            {"volume_relief_above": "5"},
            _SHARE,
            {},
            [
                "gate: 10 is above the forecast of 5 -> judged",
                "schedule: not 90 >= 95: 5 % of 10000 -> breach: 500",
                "modifier: 10 is above the forecast of 5 -> relief: 0",
            ],
        ),
        (
            {},
            _SHARE,
            {"claim": {"day": 31}},
            [
                "gate: claimed on day 31, allowed until day 30 -> judged",
                "schedule: not 90 >= 95: 5 % of 10000 -> breach: 500",
                "modifier: claimed on day 31, allowed until day 30 -> late_claim: 0",
            ],
        ),
    ],
)
def test_what_a_gate_did(gate: dict, measure: dict, extra: dict, rows: list[str]) -> None:
    found = _rows(_contract(term={"gate": gate}, claim_window_days=30), measure, **extra)
    assert [row for row in found[1:] if not row.startswith("total ")] == [f"r {row}" for row in rows]


_STEPS = {"kind": "shortfall", "target": "98", "step": "1", "step_rounding": "down", "per_step": {"pct_of_base": "1"}}
_EXPECTED = {"kind": "expected_min", "expected": "95", "minimum": "90", "window": 3, "occurrences": 2}
_MISSED = {**_EXPECTED, "consequence": {"points": "2"}}
_BANDS = {
    "kind": "bands",
    "bands": [
        {"gt": "98", "consequence": {"amount": "-50"}},
        {"ge": "95", "le": "98"},
        {"ge": "90", "lt": "94", "consequence": {"amount": "100"}},
        {"le": "90", "consequence": {"amount": "7"}},
    ],
}


@pytest.mark.parametrize(
    ("schedule", "value", "history", "row"),
    [
        (_LATE_5, "95", [], "95 >= 95: met -> met: 0"),
        ({**_LATE_5, "op": "<="}, "95.1", [], "not 95.1 <= 95: 5 % of 10000 -> breach: 500"),
        ({**_LATE_5, "consequence": {}}, "90", [], "not 90 >= 95: no consequence -> breach: 0"),
        ({**_LATE_5, "consequence": {"amount": "12.5"}}, "90", [], "not 90 >= 95: 12.5 -> breach: 12.5"),
        ({**_LATE_5, "consequence": {"points": "-2"}}, "90", [], "not 90 >= 95: -2 points -> bonus: -2 points"),
        (
            {**_LATE_5, "consequence": {"at_risk": {"at_risk_pct": "10", "alloc_pct": "20"}}},
            "90",
            [],
            "not 90 >= 95: 10 % x 100 % x 20 % of 10000 -> breach: 200",
        ),
        (
            {**_LATE_5, "consequence": {"at_risk": {"at_risk_pct": "10", "category_pct": "50", "alloc_pct": "20"}}},
            "90",
            [],
            "not 90 >= 95: 10 % x 50 % x 20 % of 10000 -> breach: 100",
        ),
        (_STEPS, "98", [], "98 >= 98: met -> met: 0"),
        (_STEPS, "95.4", [], "2.6 from the target 98 is 2 steps of 1: 2 x 1 % of 10000 -> breach: 200"),
        (_STEPS, "97", [], "1 from the target 98 is 1 steps of 1: 1 % of 10000 -> breach: 100"),
        ({**_STEPS, "op": "<="}, "99.5", [], "1.5 from the target 98 is 1 steps of 1: 1 % of 10000 -> breach: 100"),
        (
            {**_STEPS, "max_steps": "2"},
            "90",
            [],
            "8 from the target 98 is 2 steps of 1: 2 x 1 % of 10000 -> breach: 200",
        ),
        (
            {**_STEPS, "per_step": {"points": "3"}},
            "96",
            [],
            "2 from the target 98 is 2 steps of 1: 2 x 3 points -> breach: 6 points",
        ),
        (_MISSED, "95", [], "95 >= expected 95 -> met: 0"),
        (_MISSED, "93", [], "1 misses in 3 months, 2 are a default -> expected_miss: 0"),
        (_MISSED, "93", [1, 0, 0], "1 misses in 3 months, 2 are a default -> expected_miss: 0"),
        (_MISSED, "93", [1, 0], "2 misses in 3 months, 2 are a default: 2 points -> breach: 2 points"),
        (_MISSED, "89", [], "below the minimum 90: 2 points -> breach: 2 points"),
        (
            {**_MISSED, "window": 1, "occurrences": 1},
            "93",
            [1],
            "1 misses in 1 months, 1 are a default: 2 points -> breach: 2 points",
        ),
        ({**_MISSED, "op": "<=", "expected": "4", "minimum": "6"}, "4", [], "4 <= expected 4 -> met: 0"),
        (_BANDS, "98.1", [], "98.1 is in the band > 98: -50 -> bonus: -50"),
        (_BANDS, "98", [], "98 is in the band >= 95 <= 98: no consequence -> met: 0"),
        (_BANDS, "93", [], "93 is in the band >= 90 < 94: 100 -> breach: 100"),
        (_BANDS, "94", [], "no band holds 94 -> unmapped: 0"),
        (_BANDS, "90", [], "several bands hold 90 -> unmapped: 0"),
    ],
)
def test_what_a_schedule_made_of_a_value(schedule: dict, value: str, history: list, row: str) -> None:
    assert _row("schedule", _contract(schedule), {"value": value}, history={"r": history}) == row


@pytest.mark.parametrize(
    "schedule", [_STEPS, _MISSED, {**_BANDS, "bands": [{"lt": "100", "consequence": {"amount": "9"}}]}]
)
@pytest.mark.parametrize(("num", "met"), [(8, True), (7, False)])
def test_the_low_volume_rule_speaks_for_every_schedule(schedule: dict, num: int, met: bool) -> None:
    row = _row("schedule", _contract(schedule, _FEW), {"num": num, "den": 10})
    assert (row == "met by the low-volume rule -> met: 0") is met
    assert (row.split(" -> ")[1].startswith("breach")) is not met


_PER_ITEM = {"kind": "per_item", "unit_rounding": "exact", "ladder": [{"amount": "50"}]}


@pytest.mark.parametrize(
    ("rules", "items", "row"),
    [
        ({}, [{"late": "1"}, {"late": "2"}, {"late": "0"}], "2 late tickets, 3 units: 150 -> breach: 150"),
        ({"cap": "150"}, [{"late": "3"}], "1 late tickets, 3 units: 150 -> breach: 150"),
        ({"cap": "60"}, [{"late": "1.5"}], "1 late tickets, 1.5 units: 75, at most 60 -> breach: 60"),
        ({"ladder": [{"pct_of_base": "1"}]}, [{"late": "2"}], "1 late tickets, 2 units: 200 -> breach: 200"),
        ({}, [{"late": "0"}], "no ticket was late -> met: 0"),
        (
            {"item_cap": "75"},
            [{"late": "2", "accrued": "1"}, {"late": "3", "accrued": "2"}],
            "1 late tickets, 5 units, 3 of them in earlier months: 25 -> breach: 25",
        ),
        (
            {"item_cap": "50"},
            [{"late": "2", "accrued": "1"}, {"late": "3", "accrued": "2"}],
            "no late ticket adds to the 3 units of earlier months -> met: 0",
        ),
        ({}, [{"late": "3", "accrued": "3"}], "no late ticket adds to the 3 units of earlier months -> met: 0"),
    ],
)
def test_what_late_tickets_cost(rules: dict, items: list, row: str) -> None:
    assert _row("schedule", _contract({**_PER_ITEM, **rules}), {"items": items}) == row


@pytest.mark.parametrize(
    ("price", "row"),
    [
        ({"pct_per_point": "1"}, "2 points x 1 % of 10000 -> 200"),
        ({"amount_per_point": "3"}, "2 points x 3 -> 6"),
        ({"table": [{"min": "1", "pct": "3"}, {"min": "2", "amount": "9"}]}, "2 points, from 2: 9 -> 9"),
        ({"table": [{"min": "1", "pct": "3"}, {"min": "3", "amount": "9"}]}, "2 points, from 1: 3 % of 10000 -> 300"),
        ({"table": [{"min": "3", "amount": "9"}]}, "2 points are below the table -> 0"),
    ],
)
def test_what_points_became(price: dict, row: str) -> None:
    contract = _contract({**_LATE_5, "consequence": {"points": "2"}}, points_to_money=price)
    assert f"points combine: {row}" in _rows(contract, _SHARE)
    found = assess(contract, {"measures": {"r": _SHARE}})
    assert [(line.term, line.status, line.points, line.points_total) for line in found.lines] == [
        ("r", "breach", 2, None),
        ("points", "converted", None, 2),
    ]
    assert found.points_total == 2


@pytest.mark.parametrize(
    ("terms", "row"),
    [
        ({"de_minimis": {"issue_if_gt": "500"}}, "de_minimis limit: 500: issued only above 500 -> 0"),
        ({"de_minimis": {"raise_to": "600"}}, "de_minimis limit: 500: raised to 600 -> 600"),
        ({"round_stage": "total"}, "total rounding: half_up, 2 places, the total -> 500.00"),
        ({"money_places": 0, "money_rounding": "up"}, "total rounding: up, 0 places, each line -> 500"),
    ],
)
def test_what_limits_and_rounding_did(terms: dict, row: str) -> None:
    assert row in _rows(_contract(**terms), _SHARE)


def test_rewards_that_are_never_payable_end_at_nothing() -> None:
    contract = _contract({**_LATE_5, "consequence": {"amount": "-50"}}, bonus_rules=["no_net_bonus"])
    found = assess(contract, {"measures": {"r": _SHARE}})
    assert [(line.term, line.status, str(line.credit)) for line in found.lines] == [
        ("r", "bonus", "-50.00"),
        ("bonus_floor", "floor", "50.00"),
    ]
    assert found.lines[-1].clause == ""
    assert found.trace[-2].input == "-50: rewards offset penalties, they are never payable"


@pytest.mark.parametrize(
    ("overlap", "measurements", "row"),
    [
        ("max_per_event", {"events": {"r": "INC1", "s": "INC1"}}, "500; event INC1 is paid as s -> 0"),
        ("customer_choice", {"picked": "s"}, "500; the customer picked s -> 0"),
    ],
)
def test_a_line_that_another_one_stands_for_says_which(overlap: str, measurements: dict, row: str) -> None:
    contract = _contract(overlap=overlap)
    contract["terms"].append(
        {**contract["terms"][0], "id": "s", "schedule": {**_LATE_5, "consequence": {"amount": "600"}}}
    )
    found = assess(contract, {"measures": {"r": _SHARE}, **measurements})
    combined, together = [each for each in found.trace if each.step == "combine"]
    assert (together.input, together.output) == (f"2 lines, overlap {overlap}", "600")
    assert (combined.line, f"{combined.input} -> {combined.output}", combined.clause) == ("r", row, "7.1")
    assert [(line.term, line.status, line.credit) for line in found.lines] == [
        ("r", "superseded", 0),
        ("s", "breach", 600),
    ]


_EARN = {"type": "earnback", "period": "2026-01", "credit": "20", "needed": 2, "target": "96"}


@pytest.mark.parametrize(
    ("terms", "row"),
    [
        ({"subsequent": ["95", "97"], "test": "each"}, "each of 2 months >= 96: not earned back -> 0.00"),
        ({"subsequent": ["96", "97", "1"], "test": "each"}, "each of 2 months >= 96: earned back -> -20.00"),
        ({"subsequent": ["95", "97"], "test": "average"}, "average of 2 months >= 96: earned back -> -20.00"),
        ({"subsequent": ["95", "96.9"], "test": "average"}, "average of 2 months >= 96: not earned back -> 0.00"),
        ({"subsequent": ["97"], "test": "each"}, "1 of 2 months are known -> 0.00"),
        (
            {"subsequent": ["96", "90"], "test": "each", "op": "<="},
            "each of 2 months <= 96: earned back -> -20.00",
        ),
    ],
)
def test_what_an_earlier_credit_became(terms: dict, row: str) -> None:
    found = _rows(_contract(), {"num": 1, "den": 1}, adjustments=[{**_EARN, **terms}])
    assert found[-1] == f"earnback:2026-01 adjustment: {row}"
