"""Both sides of the edges between stages: zero amounts, windows of a month, parts, long numbers, unknown words."""

from fractions import Fraction
from typing import Any

import pytest

from deskledger.errors import ContractError, StatementError
from deskledger.penalties import assess
from deskledger.penalties.exact import exact, rounded, shown, whole
from deskledger.penalties.result import plain

_LATE_5 = {"kind": "threshold", "op": ">=", "target": "95", "consequence": {"pct_of_base": "5"}}
_POINTS = {**_LATE_5, "consequence": {"points": "2"}}
_STEPS = {"kind": "shortfall", "target": "98", "step": "1", "step_rounding": "down", "per_step": {"amount": "1"}}
_SHARE = {"num": 9, "den": 10}


def _contract(schedule: dict = _LATE_5, term: dict | None = None, **extra: Any) -> dict:
    terms = [{"id": "r", "measure": "m", "schedule": schedule, **(term or {})}]
    return {"currency": "EUR", "bases": {"fee": "10000"}, "terms": terms, **extra}


def _three(*amounts: str) -> dict:
    """A contract whose terms a, b, c fail at these amounts."""
    terms = [
        {"id": name, "measure": "m", "schedule": {**_LATE_5, "consequence": {"amount": amount}}}
        for name, amount in zip("abc", amounts, strict=False)
    ]
    return {"currency": "EUR", "terms": terms}


@pytest.mark.parametrize(
    ("amounts", "statuses"),
    [
        (("5", "5", "4"), ["breach", "superseded", "superseded"]),  # of equal ones the first
        (("0.50", "0.60"), ["superseded", "breach"]),
        (("0", "5"), ["breach", "breach"]),  # what costs nothing stands for nothing
        (("-5", "5"), ["bonus", "breach"]),  # nor does a reward
    ],
)
def test_of_the_lines_of_one_event_the_highest_is_paid(amounts: tuple, statuses: list) -> None:
    events = dict.fromkeys("abc", "INC1")
    found = assess({**_three(*amounts), "overlap": "max_per_event"}, {"measures": {"m": _SHARE}, "events": events})
    assert [line.status for line in found.lines] == statuses


def test_a_term_without_an_event_stands_for_itself() -> None:
    events = {"a": None, "b": "INC1"}
    found = assess({**_three("9", "5", "4"), "overlap": "max_per_event"}, {"measures": {"m": _SHARE}, "events": events})
    assert [line.status for line in found.lines] == ["breach", "breach", "breach"]


@pytest.mark.parametrize(
    ("op", "target", "num", "status"),
    [(">=", "95", 8, "met"), (">=", "95", 7, "breach"), ("<=", "5", 2, "met"), ("<=", "5", 3, "breach")],
)
def test_what_a_miss_is_depends_on_the_side_of_the_target(op: str, target: str, num: int, status: str) -> None:
    gate = {"max_misses_if_den_le": 10, "max_misses": 2}
    contract = _contract({**_LATE_5, "op": op, "target": target}, {"gate": gate})
    assert assess(contract, {"measures": {"m": {"num": num, "den": 10}}}).lines[0].status == status


def test_none_met_is_as_many_misses_as_tickets() -> None:
    contract = _contract(term={"gate": {"max_misses_if_den_le": 39, "max_misses": 2}})
    assert assess(contract, {"measures": {"m": {"num": 0, "den": 3}}}).lines[0].status == "breach"
    with pytest.raises(StatementError, match="misses cannot be counted"):
        assess(contract, {"measures": {"m": {"value": "90", "n": 10}}})


@pytest.mark.parametrize(
    ("amounts", "picked", "statuses"),
    [
        (("0.50", "5"), "b", ["superseded", "breach"]),
        (("0", "5", "-1"), "b", ["breach", "breach", "bonus"]),
        (("1", "5"), None, ["breach", "breach"]),
    ],
)
def test_what_the_customer_did_not_pick_is_superseded_where_it_cost_something(
    amounts: tuple, picked: str | None, statuses: list
) -> None:
    found = assess({**_three(*amounts), "overlap": "customer_choice"}, {"measures": {"m": _SHARE}, "picked": picked})
    assert [line.status for line in found.lines] == statuses


@pytest.mark.parametrize(
    ("months", "history", "is_critical"),
    [(1, ["9"], False), (2, ["1", "9"], True), (2, ["9", "1"], False), (2, [], False)],
)
def test_points_of_earlier_months_count_as_far_as_the_window_reaches(
    months: int, history: list, is_critical: bool
) -> None:
    contract = _contract(_POINTS, critical={"points": "4", "months": months})
    found = assess(contract, {"measures": {"m": _SHARE}, "points_history": history})
    assert (found.flags == ("critical_failure",)) is is_critical
    assert found.points_total == 2


def test_points_are_a_total_only_where_the_contract_counts_them() -> None:
    assert assess(_contract(_POINTS), {"measures": {"m": _SHARE}}).points_total is None


@pytest.mark.parametrize(
    "history", [{"r": [1]}, {"m": [1]}, {"r": [1], "m": [0]}], ids=["of the term", "of the measure", "of both"]
)
def test_history_is_found_by_term_and_else_by_measure(history: dict) -> None:
    contract = _contract(term={"repeat": {"by_run": {"1": "1", "2": "2"}}})
    assert assess(contract, {"measures": {"m": _SHARE}, "history": history}).lines[0].run == 2


def test_a_term_without_history_begins_its_run() -> None:
    contract = _contract(term={"repeat": {"by_run": {"1": "1", "2": "2"}}})
    assert assess(contract, {"measures": {"m": _SHARE}, "history": {"other": [1]}}).lines[0].run == 1


@pytest.mark.parametrize("word", ["days", "months", "periods"])
def test_parts_are_judged_each_by_itself_and_may_leave_out_a_measure(word: str) -> None:
    contract = _contract()
    contract["terms"] = [{**contract["terms"][0], "id": "x", "measure": "absent"}, *contract["terms"]]
    parts = [{"measures": {"m": _SHARE}}, {"m": {"num": 1, "den": 1}}]
    found = assess(contract, {word: parts})
    assert [(line.term, line.status) for line in found.lines] == [("r", "breach"), ("r", "met")]


def test_a_line_says_what_was_compared_with_what() -> None:
    (line,) = assess(_contract(), {"measures": {"m": _SHARE}}).lines
    assert (line.measure, line.value, line.numerator, line.denominator) == ("m", 90, 9, 10)
    assert (line.operator, line.target, line.clause) == (">=", 95, "")
    assert line.as_dict() == {
        "term": "r",
        "status": "breach",
        "credit": "500.00",
        "measure": "m",
        "value": "90.0000",
        "numerator": "9",
        "denominator": "10",
        "target": "95",
        "operator": ">=",
    }


def test_an_assessment_as_plain_text_has_what_applies() -> None:
    contract = _contract(
        term={"clause": "7", "repeat": {"by_run": {"1": "1"}}}, tax={"rate": "20", "treatment": "damages"}
    )
    found = assess(contract, {"measures": {"m": _SHARE}, "invoice": "100"}).as_dict()
    assert {key: found[key] for key in found if key not in {"lines", "trace"}} == {
        "currency": "EUR",
        "credit": "500.00",
        "flags": [],
        "tax": "0.00",
        "gross": "500.00",
        "applied": "100.00",
        "carried": "400.00",
    }
    assert (found["lines"][0]["clause"], found["lines"][0]["run"]) == ("7", 1)
    assert found["trace"][-1] == {
        "line": "tax",
        "step": "tax",
        "input": "500.00 as damages",
        "output": "0.00",
        "clause": "",
    }


def test_a_part_month_reduces_its_base_exactly() -> None:
    contract = _contract(prorate=[{"base": "fee", "active_days": "10", "days_in_period": "30"}])
    assert str(assess(contract, {"measures": {"m": _SHARE}}).credit) == "166.67"


@pytest.mark.parametrize(("invoice", "applied", "carried"), [("500.01", "500.00", "0.00"), ("0", "0.00", "500.00")])
def test_a_credit_is_set_against_the_invoice_and_the_rest_carried(invoice: str, applied: str, carried: str) -> None:
    found = assess(_contract(), {"measures": {"m": _SHARE}, "invoice": invoice})
    assert (str(found.applied), str(found.carried)) == (applied, carried)


def test_without_history_the_target_of_next_year_stays() -> None:
    contract = {"structure_kind": "target_reset", "reset": {"rule": "average", "current": "95"}, "currency": "EUR"}
    assert str(assess(contract, {"months": []}).new_target) == "95.00"


@pytest.mark.parametrize(
    ("number", "mode", "result"),
    [
        ("0.005", "half_even", "0.00"),
        ("0.015", "half_even", "0.02"),
        ("0.025", "half_even", "0.02"),
        ("0.035", "half_even", "0.04"),
        ("0.0251", "half_even", "0.03"),
        ("-0.005", "half_up", "-0.01"),
        ("-0.009", "down", "0.00"),
        ("-0.001", "up", "-0.01"),
        ("90071992547409.93", "half_up", "90071992547409.93"),  # more than a float holds
        ("-123456789012345678901234567890.125", "half_up", "-123456789012345678901234567890.13"),
    ],
)
def test_rounding_at_the_edges_and_of_long_numbers(number: str, mode: str, result: str) -> None:
    assert str(rounded(exact(number), 2, mode)) == result


@pytest.mark.parametrize(
    ("number", "for_a_person", "shortest"),
    [
        ("3", "3", "3"),
        ("0.5", "0.5", "0.5"),
        ("0.12345", "0.12345", "0.1235"),
        ("0.123456", "0.123456", "0.1235"),
        ("0.1234567", "0.1235 (1234567/10000000)", "0.1235"),
        ("1/3", "0.3333 (1/3)", "0.3333"),
        ("0.00005", "0.00005", "0.0001"),
        ("0.1234", "0.1234", "0.1234"),
    ],
)
def test_numbers_as_they_are_shown(number: str, for_a_person: str, shortest: str) -> None:
    assert (shown(exact(number)), plain(exact(number))) == (for_a_person, shortest)


def test_a_whole_number_has_no_fraction() -> None:
    assert whole("3.0") == 3
    with pytest.raises(ContractError, match="not a whole number"):
        whole("3.5")


_ADJUSTED = {"period": "2026-01", "credit": "1", "needed": 1, "target": "1", "subsequent": ["1"]}


@pytest.mark.parametrize(
    ("contract", "measurements", "error", "what"),
    [
        (_contract(), {"adjustments": [{"type": "gift", "period": "x"}]}, ContractError, "no adjustment 'gift'"),
        (_contract(), {"adjustments": [{**_ADJUSTED, "type": "earnback", "test": "any"}]}, ContractError, "earn-back"),
        (_contract(tax={"treatment": "none"}), {}, ContractError, "no tax treatment"),
        (_contract(_POINTS, points_to_money={"pct": "1"}), {}, ContractError, "points have no price"),
        (_contract(prorate=[{"base": "rent"}]), {}, ContractError, "no base 'rent' to reduce"),
        ({"currency": "EUR", "structure_kind": "guess"}, {}, ContractError, "no structure 'guess'"),
        (_contract({**_STEPS, "step": "0"}), {}, ContractError, "a step must be above zero"),
        (_contract({**_STEPS, "step_rounding": "near"}), {}, ContractError, "cannot be rounded 'near'"),
        (_contract({**_LATE_5, "consequence": {"gift": "1"}}), {}, ContractError, "cannot be gift"),
        (_contract(term={"exclusions": "ignore"}), {"excluded": True}, ContractError, "removed or added back"),
        (_contract(term={"window_agg": "best"}), {"months": [_SHARE]}, ContractError, "pooled or their mean"),
        (_contract(), {"months": [{"value": "1"}]}, StatementError, "cannot be pooled"),
        (_contract(), {"given": [9, 10]}, StatementError, "not a block of values"),
        (
            _contract(term={"csat": {"which": "good", "denominator": "all"}}),
            {"given": {"good": 1}},
            ContractError,
            "no denominator 'all'",
        ),
        (_contract(), {"given": {"num": -1, "den": 10}}, StatementError, "below zero"),
        (_contract(), {"given": {"num": 0, "den": 1, "excluded": {"den": 2}}}, StatementError, "below zero"),
    ],
)
def test_words_and_values_that_cannot_be_followed_are_refused(
    contract: dict, measurements: dict, error: type, what: str
) -> None:
    given: Any = dict(_SHARE)
    rest = dict(measurements)
    if "months" in rest:
        given = {"months": rest.pop("months")}
    if rest.pop("excluded", None):
        given["excluded"] = {"num": 0, "den": 1}
    given = rest.pop("given", given)
    with pytest.raises(error, match=what):
        assess(contract, {"measures": {"m": given}, **rest})


@pytest.mark.parametrize(
    ("bases", "named", "base"),
    [({"rent": "100"}, {}, 100), ({"a": "1", "fee": "100"}, {}, 100), ({"a": "300", "fee": "1"}, {"base": "a"}, 300)],
)
def test_the_base_is_the_one_named_the_only_one_or_the_fee(bases: dict, named: dict, base: int) -> None:
    contract = {**_contract({**_LATE_5, "consequence": {"pct_of_base": "10", **named}}), "bases": bases}
    assert assess(contract, {"measures": {"m": _SHARE}}).credit == Fraction(base, 10)


@pytest.mark.parametrize(
    ("fee", "extra"),
    [
        ("19.98", {"round_stage": "total"}),  # 0.999 is issued as 1.00: there is nothing to raise
        ("20", {}),
        ("8", {"caps": [{"id": "m", "amount": "0.40"}]}),  # already at its cap
    ],
)
def test_a_credit_that_need_not_or_may_not_be_raised_has_no_line_for_it(fee: str, extra: dict) -> None:
    contract = {**_contract(de_minimis={"raise_to": "1.00"}, **extra), "bases": {"fee": fee}}
    assert "raised" not in {line.status for line in assess(contract, {"measures": {"m": _SHARE}}).lines}


@pytest.mark.parametrize(
    ("reward", "credit"), [("-150", "0.00"), ("-99.50", "0.00"), ("-50", "0.00"), ("-10", "20.00"), ("0", "30.00")]
)
def test_a_cap_on_one_line_takes_no_more_than_is_left_where_rewards_are_never_paid(reward: str, credit: str) -> None:
    caps = [{"id": "only_a", "amount": "30", "terms": ["a"]}]
    found = assess(
        {**_three("100", reward), "bonus_rules": ["no_net_bonus"], "caps": caps}, {"measures": {"m": _SHARE}}
    )
    assert str(found.credit) == credit
    assert {line.clause for line in found.lines if line.term == "only_a"} == ({""} if reward != "-150" else set())


def test_a_month_in_which_all_was_met_has_no_lines_of_limits() -> None:
    contract = _contract(bonus_rules=["no_net_bonus"], de_minimis={"issue_if_gt": "1", "raise_to": "2"})
    found = assess(contract, {"measures": {"m": {"num": 1, "den": 1}}})
    assert [(line.term, line.status) for line in found.lines] == [("r", "met")]


@pytest.mark.parametrize(
    ("measure", "status"),
    [(None, "no_data"), ({"value": "90", "n": 0}, "no_data"), ({"value": "90", "n": 1}, "breach")],
)
def test_what_no_data_is(measure: dict | None, status: str) -> None:
    assert assess(_contract(), {"measures": {"m": measure}}).lines[0].status == status


def test_a_share_of_neutral_answers() -> None:
    contract = _contract(term={"csat": {"which": "neutral", "denominator": "include_neutral"}})
    assert assess(contract, {"measures": {"m": {"good": 3, "neutral": 1, "poor": 1}}}).lines[0].value == 20


@pytest.mark.parametrize(
    "measure", [{"num": 1, "den": 0}, {"months": [{"value": "90", "n": 3}, {"value": "95"}]}], ids=["of none", "mixed"]
)
def test_counts_that_do_not_fit_each_other_are_refused(measure: dict) -> None:
    with pytest.raises(StatementError):
        assess(_contract(), {"measures": {"m": measure}})


@pytest.mark.parametrize("month", [None, "no_data", "below_sample", "relief"])
def test_a_month_without_data_neither_adds_to_a_run_nor_ends_it(month: str | None) -> None:
    contract = _contract(term={"repeat": {"by_run": {"1": "1", "2": "2"}}})
    assert assess(contract, {"measures": {"m": _SHARE}, "history": {"r": [1, month]}}).lines[0].run == 2


@pytest.mark.parametrize(
    ("month", "is_counted"),
    [
        (0, False),
        ("0", False),
        ("met", False),
        ("bonus", False),
        ("no_data", False),
        ("below_sample", False),
        ("relief", False),
        (None, False),
        (1, True),
        ("1", True),
        ("waived", True),
    ],
)
def test_which_months_of_history_are_failures(month: Any, is_counted: bool) -> None:
    rules = {"kind": "expected_min", "expected": "95", "minimum": "80", "window": 2, "occurrences": 2}
    contract = _contract({**rules, "consequence": {"amount": "1"}})
    found = assess(contract, {"measures": {"m": _SHARE}, "history": {"r": [month]}})
    assert found.lines[0].status == ("breach" if is_counted else "expected_miss")


@pytest.mark.parametrize(("points", "status"), [("0", "breach"), ("0.5", "breach"), ("-0.5", "bonus")])
def test_points_below_zero_are_a_bonus(points: str, status: str) -> None:
    assert (
        assess(_contract({**_LATE_5, "consequence": {"points": points}}), {"measures": {"m": _SHARE}}).lines[0].status
        == status
    )


@pytest.mark.parametrize(
    ("by_run", "multipliers"),
    [
        ({"1": "1", "3": "2"}, [1, 1, 2, 2]),  # the last line that was reached holds on
        ({"2": "2"}, [1, 2, 2, 2]),  # before the first line nothing is multiplied
        ({"1": "1", "10": "3"}, [1] * 9 + [3, 3]),  # by number, not by letter
    ],
)
def test_a_run_goes_on_with_the_last_line_that_it_reached(by_run: dict, multipliers: list[int]) -> None:
    contract = _contract(term={"repeat": {"by_run": by_run}})
    once = assess(_contract(), {"measures": {"m": _SHARE}}).credit
    for before, multiplier in enumerate(multipliers):
        found = assess(contract, {"measures": {"m": _SHARE}, "history": {"m": [1] * before}})
        assert (found.lines[0].run, found.credit) == (before + 1, once * multiplier)
    empty = _contract(term={"repeat": {"by_run": {" 1 ": "1", "2 ": "2"}}})
    assert assess(empty, {"measures": {"m": _SHARE}, "history": {"m": [1]}}).lines[0].run == 2
