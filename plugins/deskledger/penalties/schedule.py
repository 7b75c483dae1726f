"""The third stage: what a value costs before anything modifies it (penalty structures 1-8).

A schedule gives an amount or points; negative is a bonus. A value that the terms do not cover is `unmapped`, and
flagged: never a silent zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from deskledger.errors import ContractError
from deskledger.penalties.exact import exact, shown, whole
from deskledger.penalties.measure import Measured

Bases = Mapping[str, Fraction]
BY_LOW_VOLUME = "met by the low-volume rule"


@dataclass(frozen=True)
class Outcome:
    """What the schedule says of one value: a status, money and points, and how it came to that."""

    status: str
    amount: Fraction = Fraction(0)
    points: Fraction | None = None
    steps: Fraction | None = None
    flag: str | None = None
    reason: str = ""


def schedule(
    term: Mapping[str, Any], measured: Measured, verdict: bool | None, history: Sequence[Any], bases: Bases
) -> Outcome:
    """The outcome of one term. `verdict` is the gate's, where it replaces the comparison with the target.

    Raises ContractError for a schedule of an unknown kind or with terms missing.
    """
    rules = term["schedule"]
    kinds: dict[str, Callable[[], Outcome]] = {
        "threshold": lambda: _threshold(rules, measured, verdict, bases),
        "expected_min": lambda: _expected_min(rules, measured, verdict, history, bases),
        "bands": lambda: _bands(term["id"], rules, measured, verdict, bases),
        "shortfall": lambda: _shortfall(rules, measured, verdict, bases),
        "per_item": lambda: _per_item(term["id"], rules, measured, bases),
    }
    if rules.get("kind") not in kinds:
        raise ContractError(
            f"there is no schedule of kind {rules.get('kind')!r}", where=term["id"], remedy=f"use {', '.join(kinds)}"
        )
    try:
        return kinds[rules["kind"]]()
    except KeyError as error:
        raise ContractError(
            f"the {rules['kind']} schedule lacks {error}", where=term["id"], remedy="add it to the term"
        ) from None


def holds(value: Fraction, operator: str, target: Fraction) -> bool:
    """Whether a value is on the right side of its target; exactly at it is."""
    if operator not in {">=", "<="}:
        raise ContractError(f"there is no comparison {operator!r}", remedy="use >= or <=")
    return value >= target if operator == ">=" else value <= target


def consequence(rules: Mapping[str, Any], bases: Bases, times: Fraction = Fraction(1)) -> Outcome:
    """Money or points of a consequence, so many times: an amount, a share of a base or of its amount at risk."""
    amount, points, reason = Fraction(0), None, "no consequence"
    if "amount" in rules:
        amount = exact(rules["amount"])
        reason = f"{rules['amount']}"
    elif "pct_of_base" in rules:
        amount, reason = share_of_base(rules, bases)
    elif "at_risk" in rules:
        risk = rules["at_risk"]
        base = base_of(risk, bases)
        parts = [risk["at_risk_pct"], risk.get("category_pct", "100"), risk["alloc_pct"]]
        amount = base
        for part in parts:
            amount = amount * exact(part) / 100
        reason = f"{' % x '.join(str(part) for part in parts)} % of {shown(base)}"
    elif "points" in rules:
        points = exact(rules["points"]) * times
        reason = f"{rules['points']} points"
    elif rules:
        raise ContractError(f"a consequence cannot be {', '.join(rules)}", remedy="use amount, pct_of_base or points")
    is_bonus = amount < 0 or (points is not None and points < 0)
    reason = reason if times == 1 else f"{shown(times)} x {reason}"
    return Outcome("bonus" if is_bonus else "breach", amount * times, points, reason=reason)


def share_of_base(rules: Mapping[str, Any], bases: Bases) -> tuple[Fraction, str]:
    """A percentage of a base, and how to say so."""
    base = base_of(rules, bases)
    return base * exact(rules["pct_of_base"]) / 100, f"{rules['pct_of_base']} % of {shown(base)}"


def base_of(rules: Mapping[str, Any], bases: Bases) -> Fraction:
    """The base that terms name; without a name the only one, or `fee`. Raises ContractError where there is none."""
    name = rules.get("base") or (next(iter(bases)) if len(bases) == 1 else "fee")
    if name not in bases:
        raise ContractError(f"there is no base {name!r}", remedy=f"give one of {', '.join(bases) or 'the bases'}")
    return bases[name]


def _threshold(rules: Mapping[str, Any], measured: Measured, verdict: bool | None, bases: Bases) -> Outcome:
    value, target = _value(measured), exact(rules["target"])
    is_met = holds(value, rules["op"], target) if verdict is None else verdict
    compared = f"{shown(value)} {rules['op']} {shown(target)}"
    if is_met:
        return Outcome("met", reason=f"{compared}: met" if verdict is None else BY_LOW_VOLUME)
    due = consequence(rules["consequence"], bases)
    return _because(due, f"not {compared}: {due.reason}" if verdict is None else f"too many misses: {due.reason}")


def _expected_min(
    rules: Mapping[str, Any], measured: Measured, verdict: bool | None, history: Sequence[Any], bases: Bases
) -> Outcome:
    value, operator = _value(measured), rules.get("op", ">=")
    if verdict:
        return Outcome("met", reason=BY_LOW_VOLUME)
    if verdict is None and holds(value, operator, exact(rules["expected"])):
        return Outcome("met", reason=f"{shown(value)} {operator} expected {rules['expected']}")
    due = consequence(rules["consequence"], bases)
    if not holds(value, operator, exact(rules["minimum"])):
        return _because(due, f"below the minimum {rules['minimum']}: {due.reason}")
    before = max(whole(rules["window"]) - 1, 0)
    misses = 1 + sum(failed(month) for month in (history[-before:] if before else ()))
    counted = f"{misses} misses in {rules['window']} months, {rules['occurrences']} are a default"
    if misses >= whole(rules["occurrences"]):
        return _because(due, f"{counted}: {due.reason}")
    return Outcome("expected_miss", reason=counted)


def is_silent(month: Any) -> bool:
    """Whether a month of history says nothing of success or failure: no data, too few of them, or relieved."""
    return month is None or month in {"no_data", "below_sample", "relief"}


def failed(month: Any) -> bool:
    """Whether a month of history counts as a failure; one that is silent does not."""
    return not is_silent(month) and month not in {0, "0", "met", "bonus"}


def _bands(name: str, rules: Mapping[str, Any], measured: Measured, verdict: bool | None, bases: Bases) -> Outcome:
    value = _value(measured)
    if verdict:
        return Outcome("met", reason=BY_LOW_VOLUME)
    found = [band for band in rules["bands"] if _within(band, value)]
    if len(found) != 1:
        flag, reason = ("band_overlap", "several bands hold") if found else ("band_gap", "no band holds")
        return Outcome("unmapped", flag=f"{flag}:{name}", reason=f"{reason} {shown(value)}")
    band = found[0]
    edges = " ".join(f"{sign} {band[word]}" for word, sign in _EDGES.items() if band.get(word) is not None)
    if not band.get("consequence"):
        return Outcome("met", reason=f"{shown(value)} is in the band {edges}: no consequence")
    due = consequence(band["consequence"], bases)
    return _because(due, f"{shown(value)} is in the band {edges}: {due.reason}")


_EDGES = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _within(band: Mapping[str, Any], value: Fraction) -> bool:
    return (
        (band.get("ge") is None or value >= exact(band["ge"]))
        and (band.get("gt") is None or value > exact(band["gt"]))
        and (band.get("le") is None or value <= exact(band["le"]))
        and (band.get("lt") is None or value < exact(band["lt"]))
    )


def _shortfall(rules: Mapping[str, Any], measured: Measured, verdict: bool | None, bases: Bases) -> Outcome:
    value, target, operator = _value(measured), exact(rules["target"]), rules.get("op", ">=")
    if verdict:
        return Outcome("met", reason=BY_LOW_VOLUME)
    if holds(value, operator, target):
        return Outcome("met", reason=f"{shown(value)} {operator} {shown(target)}: met")
    step = exact(rules["step"])
    if step <= 0:
        raise ContractError("a step must be above zero", remedy="write how much is one step")
    steps = step_count(abs(target - value) / step, rules["step_rounding"])
    if rules.get("max_steps") is not None:
        steps = min(steps, exact(rules["max_steps"]))
    due = consequence(rules["per_step"], bases, steps)
    missed = f"{shown(abs(target - value))} from the target {shown(target)} is {shown(steps)} steps of {shown(step)}"
    return Outcome(due.status, due.amount, due.points, steps, reason=f"{missed}: {due.reason}")


def step_count(steps: Fraction, rounding: str) -> Fraction:
    """Steps as the contract counts them: exact, only whole ones (down), or every started one (up)."""
    if rounding == "exact":
        return steps
    if rounding == "down":
        return Fraction(steps.numerator // steps.denominator)
    if rounding == "up":
        return Fraction(-(-steps.numerator // steps.denominator))
    raise ContractError(f"steps cannot be rounded {rounding!r}", remedy="use exact, down or up")


def _per_item(name: str, rules: Mapping[str, Any], measured: Measured, bases: Bases) -> Outcome:
    """So much for each late ticket and unit of time; what earlier periods charged of a ticket is taken off.

    `accrued` are the units of earlier periods, `accrued_seconds` how late it was at their end. A ticket that went on
    and adds nothing (its cap or the last unit is reached) failed in those periods, and is no failure of this one.
    A ladder that ends before the units do leaves them without a price: then the whole is unmapped.
    """
    most = _most_units(rules)
    total, late, units, earlier = Fraction(0), 0, Fraction(0), Fraction(0)
    for item in measured.items or ():
        here, already = _units(rules, item), _accrued(rules, item)
        if most is not None and max(here, already) > most:
            reason = f"the ladder ends at {shown(most)} units, a ticket has {shown(max(here, already))}"
            return Outcome("unmapped", flag=f"ladder_end:{name}", reason=reason)
        added = max(_item_amount(rules, here, bases) - _item_amount(rules, already, bases), Fraction(0))
        late += added > 0 if already else here > 0
        units += here
        earlier += already
        total += added
    if not late:
        told = f"no late ticket adds to the {shown(earlier)} units of earlier months" if units else "no ticket was late"
        return Outcome("met", reason=told)
    before = f", {shown(earlier)} of them in earlier months" if earlier else ""
    reason = f"{late} late tickets, {shown(units)} units{before}: {shown(total)}"
    if rules.get("cap") is not None and total > exact(rules["cap"]):
        total = exact(rules["cap"])
        reason += f", at most {rules['cap']}"
    return Outcome("breach", total, steps=units, reason=reason)


def _units(rules: Mapping[str, Any], item: Mapping[str, Any]) -> Fraction:
    late = exact(item["late"]) if "late" in item else exact(item["late_seconds"]) / exact(rules["unit_seconds"])
    units = step_count(max(late, Fraction(0)), rules["unit_rounding"])
    return units if rules.get("max_units") is None else min(units, exact(rules["max_units"]))


def _accrued(rules: Mapping[str, Any], item: Mapping[str, Any]) -> Fraction:
    if "accrued_seconds" in item:
        return _units(rules, {"late_seconds": item["accrued_seconds"]})
    return exact(item.get("accrued", 0))


def _most_units(rules: Mapping[str, Any]) -> Fraction | None:
    """The units that the ladder has a price for; None where its last step goes on."""
    steps = [step.get("units") for step in rules["ladder"]]
    return None if None in steps else sum((exact(units) for units in steps), Fraction(0))


def _item_amount(rules: Mapping[str, Any], units: Fraction, bases: Bases) -> Fraction:
    amount, left = Fraction(0), units
    for step in rules["ladder"]:
        here = left if step.get("units") is None else min(left, exact(step["units"]))
        rate = exact(step["amount"]) if "amount" in step else share_of_base(step, bases)[0]
        amount += here * rate
        left -= here
    return amount if rules.get("item_cap") is None else min(amount, exact(rules["item_cap"]))


def _value(measured: Measured) -> Fraction:
    assert measured.value is not None  # the gate lets no measurement without data through
    return measured.value


def _because(outcome: Outcome, reason: str) -> Outcome:
    return Outcome(outcome.status, outcome.amount, outcome.points, outcome.steps, outcome.flag, reason)
