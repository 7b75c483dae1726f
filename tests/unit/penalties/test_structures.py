"""Penalty structures beyond the golden file, worked by hand: measurements beside the credit, both sides of an edge."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from deskledger.errors import ContractError, StatementError
from deskledger.penalties import assess

_LATE_5 = {"kind": "threshold", "op": ">=", "target": "95", "consequence": {"pct_of_base": "5"}}
_SHARE = {"num": 9, "den": 10}


def _contract(schedule: dict, term: dict | None = None, **extra: Any) -> dict:
    terms = [{"id": "r", "measure": "r", "schedule": schedule, **(term or {})}]
    return {"currency": "EUR", "bases": {"fee": "10000"}, "terms": terms, **extra}


def _status(found: Any, term: str = "r") -> str:
    return next(line.status for line in found.lines if line.term == term)


def _credit(contract: dict, measure: dict, **extra: Any) -> Decimal:
    return assess(contract, {"measures": {"r": measure}, **extra}).credit


@pytest.mark.parametrize(
    ("measure", "status", "credit"),
    [
        ({"num": 57, "den": 60}, "met", "0.00"),  # exactly 95 %
        ({"num": 569, "den": 600}, "breach", "500.00"),
        ({"num": 0, "den": 0}, "no_data", "0.00"),
        ({"value": None}, "no_data", "0.00"),
        ({"value": "94.9999999999999999999"}, "breach", "500.00"),
        ({"num": 92, "den": 100, "excluded": {"num": 92, "den": 100}}, "no_data", "0.00"),
        ({"num": 92, "den": 100, "excluded": {"num": 1, "den": 1}}, "breach", "500.00"),
    ],
)
def test_threshold(measure: dict, status: str, credit: str) -> None:
    found = assess(_contract(_LATE_5), {"measures": {"r": measure}})
    assert (_status(found), str(found.credit)) == (status, credit)


def test_excused_failures_may_be_added_back_instead_of_removed() -> None:
    measure = {"num": 90, "den": 100, "excluded": {"num": 0, "den": 5}}
    removed = assess(_contract(_LATE_5), {"measures": {"r": measure}}).lines[0]
    added = assess(_contract(_LATE_5, {"exclusions": "add_back"}), {"measures": {"r": measure}}).lines[0]
    assert (removed.numerator, removed.denominator, removed.status) == (90, 95, "breach")
    assert (added.numerator, added.denominator, added.status) == (95, 100, "met")


_DUE_4TH = {
    "kind": "expected_min",
    "expected": "95.95",
    "minimum": "90.98",
    "window": 12,
    "occurrences": 4,
    "consequence": {"pct_of_base": "2"},
}


@pytest.mark.parametrize(
    ("value", "history", "status", "credit"),
    [
        ("95.95", [1, 1, 1], "met", "0.00"),
        ("93", [1, 1], "expected_miss", "0.00"),
        ("93", [1, 1, 1], "breach", "200.00"),
        ("93", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], "expected_miss", "0.00"),  # the first one is 13 months old
        ("93", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], "breach", "200.00"),
        ("93", [None, 1, 1, 1], "breach", "200.00"),
        ("90.98", [], "expected_miss", "0.00"),
        ("90.97", [], "breach", "200.00"),
    ],
)
def test_expected_and_minimum_level(value: str, history: list, status: str, credit: str) -> None:
    found = assess(_contract(_DUE_4TH), {"measures": {"r": {"value": value}}, "history": {"r": history}})
    assert (_status(found), str(found.credit)) == (status, credit)


@pytest.mark.parametrize(
    ("history", "run", "credit"),
    [
        ([], 1, "500.00"),
        ([1], 2, "750.00"),
        ([1, 1], 3, "1000.00"),
        ([1, 1, 1, 1], 5, "1000.00"),
        ([1, 1, 0], 1, "500.00"),
        ([1, None], 2, "750.00"),  # a month without data neither adds nor ends
        ([0, 1, "waived"], 3, "1000.00"),
    ],
)
def test_repeat(history: list, run: int, credit: str) -> None:
    contract = _contract(_LATE_5, {"repeat": {"by_run": {"1": "1", "2": "1.5", "3": "2"}}})
    found = assess(contract, {"measures": {"r": _SHARE}, "history": {"r": history}})
    assert (found.lines[0].run, str(found.credit)) == (run, credit)


@pytest.mark.parametrize(
    ("rounding", "value", "steps", "credit"),
    [
        ("exact", "95.4", "2.6", "260.00"),
        ("down", "95.4", "2", "200.00"),
        ("up", "95.4", "3", "300.00"),
        ("up", "95", "3", "300.00"),
        ("up", "94.999", "4", "400.00"),
        ("exact", "98", None, "0.00"),
        ("down", "97.5", "0", "0.00"),
    ],
)
def test_shortfall(rounding: str, value: str, steps: str | None, credit: str) -> None:
    rules = {"kind": "shortfall", "op": ">=", "target": "98", "step": "1", "step_rounding": rounding}
    found = assess(_contract({**rules, "per_step": {"pct_of_base": "1"}}), {"measures": {"r": {"value": value}}})
    line = found.lines[0]
    assert (None if line.steps is None else line.as_dict()["steps"], str(found.credit)) == (steps, credit)
    assert line.status == ("met" if steps is None else "breach")


def test_a_third_of_a_step_is_not_lost_in_binary() -> None:
    rules = {"kind": "shortfall", "op": ">=", "target": "99.3", "step": "0.1", "step_rounding": "down"}
    assert _credit(_contract({**rules, "per_step": {"amount": "1"}}), {"value": "99.0"}) == Decimal("3.00")


_BANDS = [{"ge": "99"}, {"ge": "95", "lt": "99", "consequence": {"amount": "100"}}]


@pytest.mark.parametrize(
    ("bands", "value", "status", "flags"),
    [
        (_BANDS, "99", "met", ()),
        (_BANDS, "98.995", "breach", ()),
        (_BANDS, "94.99", "unmapped", ("band_gap:r",)),
        ([*_BANDS, {"le": "95", "consequence": {"amount": "7"}}], "95", "unmapped", ("band_overlap:r",)),
        ([{"gt": "99", "consequence": {"amount": "-50"}}, {"le": "99"}], "99", "met", ()),
        ([{"gt": "99", "consequence": {"amount": "-50"}}, {"le": "99"}], "99.1", "bonus", ()),
    ],
)
def test_bands(bands: list, value: str, status: str, flags: tuple) -> None:
    found = assess(_contract({"kind": "bands", "bands": bands}), {"measures": {"r": {"value": value}}})
    assert (_status(found), found.flags) == (status, flags)


_LADDER = {"kind": "per_item", "unit_rounding": "exact", "ladder": [{"units": "1", "amount": "80"}, {"amount": "50"}]}


@pytest.mark.parametrize(
    ("extra", "items", "credit"),
    [
        ({}, [{"late": "3.71"}], "215.50"),
        ({}, [{"late": "1"}], "80.00"),
        ({"unit_rounding": "up"}, [{"late": "1.01"}], "130.00"),
        ({"max_units": "2"}, [{"late": "24.5"}], "130.00"),
        ({"item_cap": "100"}, [{"late": "9"}, {"late": "0.5"}], "140.00"),
        ({"cap": "120"}, [{"late": "9"}, {"late": "9"}], "120.00"),
        ({}, [{"late": "3", "accrued": "2"}], "50.00"),  # still open: only what this period adds
        ({}, [{"late": "3", "accrued": "3"}], "0.00"),
        ({"unit_seconds": "3600"}, [{"late_seconds": "5400"}], "105.00"),
        ({"unit_seconds": "3600"}, [{"late_seconds": "5400", "accrued_seconds": "3600"}], "25.00"),
        # Half an hour was charged as one, and is not charged again until the hour is over.
        (
            {"unit_seconds": "3600", "unit_rounding": "up"},
            [{"late_seconds": "3600", "accrued_seconds": "1800"}, {"late_seconds": "3601", "accrued_seconds": "1800"}],
            "50.00",
        ),
        ({}, [{"late": "-4"}, {"late": "0"}], "0.00"),
    ],
)
def test_a_ladder_per_late_ticket(extra: dict, items: list, credit: str) -> None:
    assert str(_credit(_contract({**_LADDER, **extra}), {"items": items})) == credit


@pytest.mark.parametrize(
    ("item", "status", "run"),
    [
        ({"late": "2", "accrued": "1"}, "breach", 3),
        ({"late": "3", "accrued": "2"}, "met", None),  # nothing more can be charged: no failure of this month
        ({"late": "3"}, "breach", 3),
    ],
)
def test_a_late_ticket_that_adds_nothing_is_no_further_failure(item: dict, status: str, run: int | None) -> None:
    contract = _contract({**_LADDER, "item_cap": "130"}, {"repeat": {"by_run": {"1": "1", "2": "2"}}})
    found = assess(contract, {"measures": {"r": {"items": [item]}}, "history": {"r": [1, 1]}})
    assert (_status(found), found.lines[0].run) == (status, run)


@pytest.mark.parametrize(
    ("measure", "schedule", "status"),
    [
        ({"den": 29, "items": [{"late": "3"}]}, _LADDER, "below_sample"),
        ({"den": 30, "items": [{"late": "3"}]}, _LADDER, "breach"),
        ({"months": [{"num": 1, "den": 14}, {"num": 1, "den": 15}]}, _LATE_5, "below_sample"),
        ({"months": [{"num": 1, "den": 15}, {"num": 1, "den": 15}]}, _LATE_5, "breach"),
    ],
)
def test_a_minimum_sample_of_late_tickets_and_of_a_mean_of_months(measure: dict, schedule: dict, status: str) -> None:
    term = {"gate": {"min_den": 30}, "window_agg": "mean"}
    assert _status(assess(_contract(schedule, term), {"measures": {"r": measure}})) == status


@pytest.mark.parametrize(
    ("late", "accrued", "told"),
    [
        ("1", "0", ("breach", "80.00", ())),
        ("1.5", "0", ("unmapped", "0.00", ("ladder_end:r",))),
        ("3", "0", ("unmapped", "0.00", ("ladder_end:r",))),
        ("1", "1.5", ("unmapped", "0.00", ("ladder_end:r",))),
    ],
)
def test_a_ticket_beyond_the_end_of_its_ladder_is_unmapped(late: str, accrued: str, told: tuple) -> None:
    contract = _contract({**_LADDER, "ladder": [{"units": "1", "amount": "80"}]})
    contract["terms"][0]["schedule"]["unit_rounding"] = "exact"
    found = assess(contract, {"measures": {"r": {"items": [{"late": late, "accrued": accrued}]}}})
    assert (found.lines[0].status, str(found.credit), found.flags) == told


@pytest.mark.parametrize(
    ("gate", "num", "den", "status"),
    [
        ({"max_misses_if_den_le": 39, "max_misses": 2}, 37, 39, "met"),
        ({"max_misses_if_den_le": 39, "max_misses": 2}, 36, 39, "breach"),
        ({"max_misses_if_den_le": 39, "max_misses": 2}, 38, 40, "met"),
        ({"max_misses_if_den_le": 39, "max_misses": 2}, 37, 40, "breach"),
        ({"max_misses_if_den_le": 39, "max_misses": 2}, 0, 2, "met"),  # the surprise that reports must show
        ({"min_den": 30}, 10, 29, "below_sample"),
        ({"min_den": 30}, 10, 30, "breach"),
        ({"volume_relief_above": "1100"}, 1000, 1100, "breach"),
        ({"volume_relief_above": "1100"}, 1000, 1101, "relief"),
        ({"volume_relief_above": "1100"}, 1101, 1101, "met"),
    ],
)
def test_gates(gate: dict, num: int, den: int, status: str) -> None:
    found = assess(_contract(_LATE_5, {"gate": gate}), {"measures": {"r": {"num": num, "den": den}}})
    assert _status(found) == status
    assert found.credit == (500 if status == "breach" else 0)


@pytest.mark.parametrize(
    ("until", "claims", "status", "credit"),
    [
        ("withheld", {}, "unclaimed", 0),
        ("credited", {}, "breach", 500),
        ("withheld", {"claims": {"r": {"day": 30}}}, "breach", 500),
        ("withheld", {"claims": {"r": {"day": 31}}}, "late_claim", 0),
        ("credited", {"claims": {"r": {"day": 31}}}, "late_claim", 0),
        ("withheld", {"claims": {"r": {"day": -3}}}, "breach", 500),  # before the month was over
        ("withheld", {"claims": {"other": {"day": 1}}}, "unclaimed", 0),
        ("withheld", {"claims": {"r": {"day": 31}}, "claim": {"day": 1}}, "late_claim", 0),  # its own claim counts
    ],
)
def test_a_credit_waits_for_its_claim_where_the_contract_says_so(
    until: str, claims: dict[str, Any], status: str, credit: int
) -> None:
    contract = _contract(_LATE_5, claim_window_days=30, until_claimed=until)
    found = assess(contract, {"measures": {"r": _SHARE}, **claims})
    assert (found.lines[0].status, found.credit) == (status, credit)
    met = assess(contract, {"measures": {"r": {"num": 100, "den": 100}}, **claims})
    assert (met.lines[0].status, met.credit) == ("met", 0)


@pytest.mark.parametrize(
    ("until", "picked", "paid"),
    [
        ("highest", None, {"b": 300, "d": 50}),
        ("none", None, {"d": 50}),  # nothing of an event with several credits; an event of one is no choice
        ("highest", {"e": "a"}, {"a": 100, "d": 50}),
        ("none", {"e": "a"}, {"a": 100, "d": 50}),
        ("none", {"e": "c"}, {"d": 50}),  # met: it has no credit that could be chosen
        ("highest", {"e": "c"}, {"b": 300, "d": 50}),
    ],
)
def test_the_customer_chooses_one_credit_of_an_event(until: str, picked: dict | None, paid: dict[str, int]) -> None:
    terms = [
        {"id": name, "measure": name, "schedule": {"kind": "threshold", "op": ">=", "target": "95",
                                                   "consequence": {"amount": amount}}}
        for name, amount in (("a", "100"), ("b", "300"), ("c", "900"), ("d", "50"))
    ]  # fmt: skip
    contract = {"currency": "EUR", "overlap": "customer_choice", "until_chosen": until, "terms": terms}
    failed, met = {"num": 1, "den": 2}, {"num": 2, "den": 2}
    measured: dict[str, Any] = {
        "measures": {"a": failed, "b": failed, "c": met, "d": failed},
        "events": {"a": "e", "b": "e", "c": "e", "d": "f"},
    }
    found = assess(contract, measured if picked is None else {**measured, "picked": picked})
    assert {line.term: int(line.credit) for line in found.lines if line.credit} == paid
    waits = {line.term: line.status for line in found.lines if line.credit == 0 and line.status != "met"}
    assert set(waits.values()) <= ({"unchosen"} if until == "none" and paid == {"d": 50} else {"superseded"})


@pytest.mark.parametrize(("day", "status", "credit"), [(30, "breach", 500), (31, "late_claim", 0)])
def test_a_late_claim_keeps_its_line_without_money(day: int, status: str, credit: int) -> None:
    found = assess(_contract(_LATE_5, claim_window_days=30), {"measures": {"r": _SHARE}, "claim": {"day": day}})
    assert (_status(found), found.credit) == (status, credit)


@pytest.mark.parametrize(("month", "credit"), [(1, "0.00"), (3, "-25.00"), (4, "-50.00")])
def test_a_bonus_ramps_up_as_a_credit_does(month: int, credit: str) -> None:
    bands = [{"gt": "95", "consequence": {"amount": "-50"}}, {"le": "95"}]
    term = {"repeat": {"by_run": {"1": "3"}}}  # of failures: nothing to a bonus
    ramp = {"factor_by_month": {"1": "0", "2": "0", "3": "0.5"}}
    contract = _contract({"kind": "bands", "bands": bands}, term, ramp_up=ramp)
    found = assess(contract, {"measures": {"r": {"value": "96"}}, "contract_month": month})
    assert (_status(found), str(found.credit)) == ("bonus", credit)


@pytest.mark.parametrize(("month", "credit"), [(1, "0.00"), (3, "250.00"), (4, "500.00")])
def test_ramp_up(month: int, credit: str) -> None:
    contract = _contract(_LATE_5, ramp_up={"factor_by_month": {"1": "0", "2": "0", "3": "0.5"}})
    assert str(_credit(contract, _SHARE, contract_month=month)) == credit
    with pytest.raises(StatementError, match="contract_month"):
        _credit(contract, _SHARE)


_MONTHS = {"months": [{"num": 9, "den": 10}, {"num": 95, "den": 100}, {"num": 0, "den": 0}, {"num": 190, "den": 200}]}


@pytest.mark.parametrize(("agg", "value"), [("pooled", "94.8387"), ("mean", "93.3333")])
def test_rolling_months(agg: str, value: str) -> None:
    found = assess(_contract(_LATE_5, {"window_agg": agg}), {"measures": {"r": _MONTHS}})
    assert found.lines[0].as_dict()["value"] == value


def test_a_scorecard_shares_out_the_weight_of_what_has_no_data() -> None:
    contract = _contract(_LATE_5, {"weights": {"a": "50", "b": "30", "c": "20"}})
    line = assess(contract, {"measures": {"r": {"scores": {"a": "100", "b": None, "c": "60"}}}}).lines[0]
    assert line.as_dict()["value"] == "88.5714"
    empty = assess(contract, {"measures": {"r": {"scores": {"a": None, "b": None, "c": None}}}})
    assert _status(empty) == "no_data"


@pytest.mark.parametrize(
    ("caps", "credit", "flags"),
    [
        ([{"id": "m", "base": "fee", "pct": "5"}], "500.00", ()),
        ([{"id": "m", "base": "fee", "pct": "4.999"}], "499.90", ("cap:m",)),
        ([{"id": "y", "amount": "100", "used": "120"}], "0.00", ("cap:y",)),  # overspent: nothing, never less
        ([{"id": "l", "amount": "100", "terms": ["r"]}, {"id": "m", "amount": "90"}], "90.00", ("cap:l", "cap:m")),
        ([{"id": "l", "amount": "100", "terms": ["other"]}], "500.00", ()),
        ([{"id": "m", "amount": "33.339"}], "33.33", ("cap:m",)),  # a credit is never above its cap
    ],
)
def test_caps(caps: list, credit: str, flags: tuple) -> None:
    found = assess(_contract(_LATE_5, caps=caps), {"measures": {"r": _SHARE}})
    assert (str(found.credit), found.flags) == (credit, flags)


@pytest.mark.parametrize(
    ("rule", "fee", "credit"),
    [
        ({"issue_if_gt": "1.00"}, "20.00", "0.00"),
        ({"issue_if_gt": "1.00"}, "20.20", "1.01"),
        ({"raise_to": "1.00"}, "8", "1.00"),
        ({"raise_to": "1.00"}, "40", "2.00"),
        ({"raise_to": "1.00"}, "0", "0.00"),
    ],
)
def test_amounts_too_small(rule: dict, fee: str, credit: str) -> None:
    contract = {**_contract(_LATE_5, de_minimis=rule), "bases": {"fee": fee}}
    assert str(_credit(contract, _SHARE)) == credit


@pytest.mark.parametrize("amounts", [["0.60"], ["0.60", "0.80"], ["0.80", "0.60"]])
def test_a_minimum_credit_stays_under_the_lowest_cap(amounts: list[str]) -> None:
    caps = [{"id": f"m{amount}", "amount": amount} for amount in amounts]
    contract = _contract(_LATE_5, de_minimis={"raise_to": "1.00"}, caps=caps)
    assert str(_credit({**contract, "bases": {"fee": "8"}}, _SHARE)) == "0.60"


def test_the_total_alone_may_be_rounded_and_the_lines_still_sum_to_it() -> None:
    terms = [
        {"id": name, "measure": "r", "schedule": {**_LATE_5, "consequence": {"pct_of_base": "1.5"}}} for name in "abc"
    ]
    contract = {"currency": "USD", "bases": {"fee": "2222.33"}, "terms": terms, "round_stage": "total"}
    found = assess(contract, {"measures": {"r": _SHARE}})
    assert str(found.credit) == "100.00"
    assert [str(line.credit) for line in found.lines] == ["33.33", "33.33", "33.33", "0.01"]
    assert (found.lines[-1].term, found.lines[-1].status) == ("rounding", "rounding")


@pytest.mark.parametrize(
    ("currency", "fee", "credit"), [("JPY", "12345", "617"), ("KWD", "12345.67", "617.284"), ("EUR", "0.1", "0.01")]
)
def test_minor_units(currency: str, fee: str, credit: str) -> None:
    assert str(_credit({**_contract(_LATE_5), "currency": currency, "bases": {"fee": fee}}, _SHARE)) == credit


_TELUS = [{"min": "5", "pct": "0"}, {"min": "10", "pct": "2"}, {"min": "15", "pct": "4"}]


@pytest.mark.parametrize(
    ("points", "convert", "credit"),
    [
        ("4", {"table": _TELUS}, "0.00"),
        ("9.9", {"table": _TELUS}, "0.00"),
        ("10", {"table": _TELUS}, "200.00"),
        ("40", {"table": _TELUS}, "400.00"),
        ("3", {"pct_per_point": "1"}, "300.00"),
        ("3", {"amount_per_point": "0.335"}, "1.01"),
    ],
)
def test_points(points: str, convert: dict, credit: str) -> None:
    schedule = {**_LATE_5, "consequence": {"points": points}}
    assert str(_credit(_contract(schedule, points_to_money=convert), _SHARE)) == credit


@pytest.mark.parametrize(("history", "flags"), [(["30", "20", "27"], ()), (["20", "28"], ("critical_failure",))])
def test_critical_failure_counts_the_months_of_its_window_only(history: list, flags: tuple) -> None:
    schedule = {**_LATE_5, "consequence": {"points": "2"}}
    contract = _contract(schedule, points_to_money={"pct_per_point": "1"}, critical={"points": 50, "months": 3})
    assert assess(contract, {"measures": {"r": _SHARE}, "points_history": history}).flags == flags


@pytest.mark.parametrize(
    ("until", "claim", "points", "flags"),
    [
        ("withheld", {}, 0, ()),  # no credit, no points
        ("withheld", {"claim": {"day": 30}}, 2, ("critical_failure",)),
        ("withheld", {"claim": {"day": 31}}, 0, ()),
        ("credited", {}, 2, ("critical_failure",)),
    ],
)
def test_a_failure_that_nobody_claimed_gives_no_points(
    until: str, claim: dict[str, Any], points: int, flags: tuple[str, ...]
) -> None:
    contract = _contract(
        {**_LATE_5, "consequence": {"points": "2"}},
        critical={"points": 4, "months": 3}, claim_window_days=30, until_claimed=until,
    )  # fmt: skip
    found = assess(contract, {"measures": {"r": _SHARE}, "points_history": ["2"], **claim})
    assert (found.points_total, found.flags) == (points, flags)


@pytest.mark.parametrize(
    ("overlap", "picked", "credit", "statuses"),
    [
        ("sum", None, 3300, ["breach", "breach", "breach"]),
        ("max_per_event", None, 1800, ["breach", "superseded", "breach"]),
        ("customer_choice", "b", 1500, ["superseded", "breach", "superseded"]),
    ],
)
def test_overlap(overlap: str, picked: str | None, credit: int, statuses: list) -> None:
    terms = [
        {"id": name, "measure": "r", "schedule": {**_LATE_5, "consequence": {"amount": amount}}}
        for name, amount in (("a", "1500"), ("b", "1500"), ("c", "300"))
    ]
    measurements = {"measures": {"r": _SHARE}, "events": {"a": "INC1", "b": "INC1"}, "picked": picked}
    found = assess({"currency": "EUR", "overlap": overlap, "terms": terms}, measurements)
    assert (found.credit, [line.status for line in found.lines]) == (credit, statuses)


def test_a_quarter_is_the_sum_of_its_rounded_months() -> None:
    contract = {**_contract({**_LATE_5, "consequence": {"pct_of_base": "1.5"}}), "bases": {"fee": "2222.33"}}
    found = assess(contract, {"months": [{"r": _SHARE}, {"r": {"num": 10, "den": 10}}, {"r": _SHARE}]})
    assert (str(found.credit), [line.status for line in found.lines]) == ("66.66", ["breach", "met", "breach"])


@pytest.mark.parametrize(
    ("adjustment", "credit"),
    [
        (
            {
                "type": "earnback",
                "credit": "2000",
                "needed": 3,
                "target": "95",
                "subsequent": ["95", "99", "97"],
                "test": "each",
            },
            -2000,
        ),
        (
            {
                "type": "earnback",
                "credit": "2000",
                "needed": 3,
                "target": "95",
                "subsequent": ["95", "99"],
                "test": "each",
            },
            0,
        ),
        (
            {
                "type": "earnback",
                "credit": "2000",
                "needed": 2,
                "target": "96",
                "subsequent": ["95", "97"],
                "test": "average",
            },
            -2000,
        ),
        ({"type": "restatement", "issued": "1000.00", "recomputed": "1500.00"}, 500),
        ({"type": "supplier_recovery", "recovered": "300"}, -300),
    ],
)
def test_adjustments_of_earlier_periods(adjustment: dict, credit: int) -> None:
    measurements = {"measures": {"r": {"num": 1, "den": 1}}, "adjustments": [{"period": "2026-01", **adjustment}]}
    assert assess(_contract(_LATE_5), measurements).credit == credit


@pytest.mark.parametrize(
    ("treatment", "tax", "gross"), [("price_adjustment", "100.00", "600.00"), ("damages", "0.00", "500.00")]
)
def test_tax(treatment: str, tax: str, gross: str) -> None:
    found = assess(_contract(_LATE_5, tax={"rate": "20", "treatment": treatment}), {"measures": {"r": _SHARE}})
    assert (str(found.tax), str(found.gross)) == (tax, gross)


@pytest.mark.parametrize(
    ("treatment", "tax", "gross"), [("price_adjustment", "79.90", "479.40"), ("damages", "0.00", "399.50")]
)
def test_a_correction_is_taxed_as_the_credit_is(treatment: str, tax: str, gross: str) -> None:
    """100.00 on the credit of 500.00, 20.10 back on the correction of -100.50; a recovery is another contract's."""
    adjustments = [
        {"type": "restatement", "period": "2026-01", "issued": "300.50", "recomputed": "200"},
        {"type": "supplier_recovery", "period": "2026-01", "recovered": "0"},
    ]
    contract = _contract(_LATE_5, tax={"rate": "20", "treatment": treatment})
    found = assess(contract, {"measures": {"r": _SHARE}, "adjustments": adjustments})
    assert (str(found.tax), str(found.gross)) == (tax, gross)
    assert [row.output for row in found.trace if row.step == "tax"] == (
        ["100.00", "-20.10"] if treatment == "price_adjustment" else ["0.00", "0.00"]
    )


@pytest.mark.parametrize(
    ("reset", "months", "target"),
    [
        ({"rule": "average", "current": "95"}, ["97"] * 12, "96.00"),
        ({"rule": "average", "current": "95"}, ["99"] * 11 + ["95"], "95.00"),
        ({"rule": "average_capped", "current": "95", "max_gap_pct": "20"}, ["95.5", "95.7"], "95.60"),
        ({"rule": "average_capped", "current": "95", "max_gap_pct": "20"}, ["90", "91"], "95.00"),
    ],
)
def test_next_years_target(reset: dict, months: list, target: str) -> None:
    contract = {"structure_kind": "target_reset", "reset": reset, "currency": "EUR"}
    assert str(assess(contract, {"months": months}).new_target) == target


@pytest.mark.parametrize(
    ("k", "n", "bounds"), [(960, 1200, ("77.64", "82.17")), (100, 1000, ("8.29", "12.02")), (0, 0, ("0.00", "100.00"))]
)
def test_interval(k: int, n: int, bounds: tuple) -> None:
    found = assess({"structure_kind": "wilson", "currency": "EUR"}, {"k": k, "n": n})
    assert found.as_dict()["wilson"] == list(bounds)


@pytest.mark.parametrize(
    ("contract", "measurements", "error", "what"),
    [
        (_contract(_LATE_5), {"measures": {}}, StatementError, "nothing was measured"),
        (_contract(_LATE_5), {"measures": {"r": {"share": "95"}}}, StatementError, "has none of"),
        (_contract(_LATE_5), {"measures": {"r": {"num": 11, "den": 10}}}, StatementError, "larger than its whole"),
        (
            {**_contract(_LATE_5), "bases": {"fee": {"charge": "monthly_fee"}}},
            {"measures": {"r": _SHARE}},
            StatementError,
            "no amount",
        ),
        (
            {**_contract(_LATE_5), "bases": {"a": "1", "b": "2"}},
            {"measures": {"r": _SHARE}},
            ContractError,
            "no base 'fee'",
        ),
        (_contract({**_LATE_5, "kind": "guess"}), {"measures": {"r": _SHARE}}, ContractError, "no schedule of kind"),
        (_contract({**_LATE_5, "op": ">"}), {"measures": {"r": _SHARE}}, ContractError, "no comparison"),
        (_contract({"kind": "threshold", "op": ">="}), {"measures": {"r": _SHARE}}, ContractError, "lacks 'target'"),
        (_contract(_LATE_5, overlap="best"), {"measures": {"r": _SHARE}}, ContractError, "no overlap rule"),
        (_contract(_LATE_5, money_rounding="nearest"), {"measures": {"r": _SHARE}}, ContractError, "no rounding"),
        (_contract(_LATE_5), {"measures": {"r": {"value": "95 %"}}}, ContractError, "not a number"),
    ],
)
def test_what_cannot_be_followed_is_refused(contract: dict, measurements: dict, error: type, what: str) -> None:
    with pytest.raises(error, match=what):
        assess(contract, measurements)


def test_a_measure_that_nobody_priced_is_no_matter() -> None:
    assert assess({"currency": "EUR", "bases": {}, "terms": []}, {"measures": {"x": _SHARE}}).credit == 0


def test_every_step_leaves_a_trace_row() -> None:
    contract = _contract(_LATE_5, {"clause": "7.1"}, caps=[{"id": "m", "clause": "7.9", "amount": "300"}])
    rows = [(row.line, row.step, row.output, row.clause) for row in assess(contract, {"measures": {"r": _SHARE}}).trace]
    assert rows == [
        ("r", "measure", "90", "7.1"),
        ("r", "gate", "judged", "7.1"),
        ("r", "schedule", "breach: 500", "7.1"),
        ("r", "modifier", "500", "7.1"),
        ("total", "combine", "500", ""),
        ("m", "limit", "300", "7.9"),
        ("total", "rounding", "300.00", ""),
    ]


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        ([], [("total", "500: no limit applies", "500", "")]),
        ([{"id": "m", "clause": "7.9", "amount": "500"}], [("m", "500: at most 500, not exceeded", "500", "7.9")]),
        (
            [{"id": "m", "clause": "7.9", "amount": "499"}, {"id": "y", "clause": "8", "amount": "500"}],
            [("m", "500: at most 499", "499", "7.9"), ("y", "499: at most 500, not exceeded", "499", "8")],
        ),
    ],
)
def test_every_cap_leaves_a_trace_row_whether_it_cuts_or_not(caps: list, told: list) -> None:
    found = assess(_contract(_LATE_5, {"clause": "7.1"}, caps=caps), {"measures": {"r": _SHARE}})
    assert [(row.line, row.input, row.output, row.clause) for row in found.trace if row.step == "limit"] == told


@pytest.mark.parametrize(
    ("cap", "flags"),
    [
        ({"amount": "499"}, ["cap:m", "critical_failure"]),
        ({"amount": "500"}, ["critical_failure"]),  # reached, though nothing is cut
        ({"amount": "501"}, []),
        ({"amount": "400", "terms": ["r"]}, ["cap:m"]),  # a cap of one term is not that of the month
        ({"amount": "400", "used": "400"}, ["cap:m"]),  # a year's cap that earlier months used up is not either
        ({"amount": "400", "used": "0"}, ["cap:m"]),
    ],
)
def test_credits_that_reach_the_months_cap_are_a_critical_failure(cap: dict, flags: list[str]) -> None:
    contract = _contract(_LATE_5, critical={"points": 50, "months": 3}, caps=[{"id": "m", "clause": "7.9", **cap}])
    assert list(assess(contract, {"measures": {"r": _SHARE}}).flags) == flags


def test_a_month_without_credit_reaches_no_cap() -> None:
    cap = {"id": "m", "clause": "7", "amount": "0"}
    contract = _contract(_LATE_5, critical={"points": 50, "months": 3}, caps=[cap])
    assert assess(contract, {"measures": {"r": {"num": 10, "den": 10}}}).flags == ()


@pytest.mark.parametrize(
    ("word", "before", "runs"),
    [
        ("months", [], [1, 2, None, 1]),
        ("months", [1], [2, 3, None, 1]),
        ("periods", [], [1, 2, None, 1]),
        ("days", [1], [2, 2, None, 2]),  # a day is no month of the history
    ],
)
def test_a_month_of_a_quarter_is_part_of_the_run_that_the_next_one_is_in(word: str, before: list, runs: list) -> None:
    contract = _contract(_LATE_5, {"repeat": {"by_run": {"1": "1", "2": "2", "3": "3"}}})
    parts = [{"r": _SHARE}, {"r": _SHARE}, {"r": {"num": 10, "den": 10}}, {"r": _SHARE}]
    found = assess(contract, {word: parts, "history": {"r": before}})
    assert [line.run for line in found.lines] == runs
    assert found.credit == 500 * sum(run or 0 for run in runs)


_BAD = {"num": 1, "den": 10}


def _failing(name: str, amount: str) -> dict:
    consequence = {"amount": amount}
    schedule = {"kind": "threshold", "op": ">=", "target": "90", "consequence": consequence}
    return {"id": name, "clause": "7", "measure": name, "schedule": schedule}


@pytest.mark.parametrize(
    ("amounts", "caps", "credits"),
    [
        # The month's cap leaves 50 of 100; the cap on a takes from those 50, not from the 100 again.
        ({"a": "100"}, [("month", "50", None), ("only_a", "30", ["a"])], ["-50.00", "-20.00"]),
        ({"a": "100"}, [("only_a", "30", ["a"]), ("month", "50", None)], ["-70.00"]),
        ({"a": "100"}, [("month", "50", None), ("only_a", "0", ["a"])], ["-50.00", "-50.00"]),
        # Half of the 50 is a's.
        ({"a": "100", "b": "100"}, [("month", "50", None), ("only_a", "25", ["a"])], ["-150.00"]),
        ({"a": "100", "b": "100"}, [("month", "50", None), ("only_a", "24.99", ["a"])], ["-150.00", "-0.01"]),
        # Caps whose lines overlap share what both are about.
        ({"a": "100", "b": "100", "c": "100"}, [("ab", "100", ["a", "b"]), ("bc", "150", ["b", "c"])], ["-100.00"]),
    ],
)
def test_no_cap_takes_money_that_an_earlier_one_took(amounts: dict, caps: list, credits: list[str]) -> None:
    given = [{"id": name, "amount": amount} | ({"terms": terms} if terms else {}) for name, amount, terms in caps]
    contract = {"currency": "EUR", "terms": [_failing(name, each) for name, each in amounts.items()], "caps": given}
    found = assess(contract, {"measures": dict.fromkeys(amounts, _BAD)})
    assert [str(line.credit) for line in found.lines if line.status == "cap"] == credits
    assert found.credit == sum(line.credit for line in found.lines) >= 0


def test_a_cap_does_not_make_rewards_payable_that_never_are() -> None:
    reward = _failing("b", "-150")
    contract = {
        "currency": "EUR", "terms": [_failing("a", "100"), reward], "bonus_rules": ["no_net_bonus"],
        "caps": [{"id": "only_a", "amount": "30", "terms": ["a"]}],
    }  # fmt: skip
    assert str(assess(contract, {"measures": {"a": _BAD, "b": _BAD}}).credit) == "0.00"


@pytest.mark.parametrize(
    ("terms", "paid"),
    [
        ({}, {"a": "600", "b": "300"}),
        ({"caps": [{"id": "all", "amount": "600"}]}, {"a": "400", "b": "200"}),  # a third off both
        ({"caps": [{"id": "one", "amount": "450", "terms": ["a"]}]}, {"a": "450", "b": "300"}),
        ({"caps": [{"id": "all", "amount": "700"}]}, {"a": "1400/3", "b": "700/3"}),
        ({"de_minimis": {"issue_if_gt": "900"}}, {"a": "0", "b": "0"}),
    ],
)
def test_what_limits_left_of_each_line_is_told_exactly(terms: dict, paid: dict[str, str]) -> None:
    lines = [
        {"id": name, "measure": "m", "schedule": {"kind": "threshold", "op": ">=", "target": "95",
                                                  "consequence": {"amount": amount}}}
        for name, amount in (("a", "600"), ("b", "300"))
    ]  # fmt: skip
    found = assess({"currency": "EUR", "terms": lines, **terms}, {"measures": {"m": {"num": 9, "den": 10}}})
    assert found.paid == {name: Fraction(amount) for name, amount in paid.items()}


@pytest.mark.parametrize(("bonus", "paid"), [("-700", {"a": "0", "b": "0"}), ("-600", {"a": "600", "b": "-600"})])
def test_nothing_is_paid_of_a_line_that_rewards_outweigh(bonus: str, paid: dict[str, str]) -> None:
    lines = [
        {"id": name, "measure": "m", "schedule": {"kind": "threshold", "op": ">=", "target": "95",
                                                  "consequence": {"amount": amount}}}
        for name, amount in (("a", "600"), ("b", bonus))
    ]  # fmt: skip
    terms = {"currency": "EUR", "terms": lines, "bonus_rules": ["no_net_bonus"]}
    found = assess(terms, {"measures": {"m": {"num": 9, "den": 10}}})
    assert found.paid == {name: Fraction(amount) for name, amount in paid.items()}
