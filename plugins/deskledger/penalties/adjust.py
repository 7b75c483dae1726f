"""The last stage: corrections of earlier periods, tax, and next year's targets (structures 11, 20-27)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.errors import ContractError
from deskledger.penalties.exact import exact, shown, whole
from deskledger.penalties.limit import Money
from deskledger.penalties.schedule import holds


def adjustment(terms: Mapping[str, Any]) -> tuple[str, Fraction, str]:
    """Name, amount and reason of one adjustment: an earn-back, a restatement or a supplier's recovery."""
    kind = terms.get("type")
    if kind == "earnback":
        amount, reason = _earn_back(terms)
    elif kind == "restatement":
        amount = exact(terms["recomputed"]) - exact(terms["issued"])
        reason = f"recomputed {terms['recomputed']}, issued {terms['issued']}"
    elif kind == "supplier_recovery":
        amount = -exact(terms["recovered"])
        reason = f"recovered from the supplier: {terms['recovered']} (net exposure; each contract settles gross)"
    else:
        raise ContractError(f"there is no adjustment {kind!r}", remedy="use earnback, restatement or supplier_recovery")
    return f"{kind}:{terms['period']}", amount, reason


def _earn_back(terms: Mapping[str, Any]) -> tuple[Fraction, str]:
    """A credit of an earlier month is given back when the months after it hold, each of them or on average."""
    needed, target = whole(terms["needed"]), exact(terms["target"])
    operator = terms.get("op", ">=")
    results = [exact(result) for result in terms["subsequent"][:needed]]
    if len(results) < needed:
        return Fraction(0), f"{len(results)} of {needed} months are known"
    if terms["test"] == "each":
        is_earned = all(holds(result, operator, target) for result in results)
    elif terms["test"] == "average":
        is_earned = holds(sum(results, Fraction(0)) / needed, operator, target)
    else:
        raise ContractError(f"there is no earn-back test {terms['test']!r}", remedy="use each or average")
    outcome = "earned back" if is_earned else "not earned back"
    reason = f"{terms['test']} of {needed} months {operator} {shown(target)}: {outcome}"
    return (-exact(terms["credit"]) if is_earned else Fraction(0)), reason


def in_money(terms: Mapping[str, Any], amount: Fraction, money: Money) -> Decimal:
    """The adjustment's `amount` as it is booked: rounded as this contract's money, but for a restatement.

    A restatement corrects a month that was rounded by its own terms: it keeps the decimals of both of its amounts.
    """
    if terms["type"] != "restatement":
        return money.of(amount)
    written = [-int(Decimal(str(terms[name])).as_tuple().exponent) for name in ("issued", "recomputed")]
    return replace(money, places=max(money.places, *written)).of(amount)


def tax_of(terms: Mapping[str, Any] | None, credit: Fraction, money: Money) -> Decimal | None:
    """The tax on a credit: a price adjustment is taxed, damages are outside the scope. None without tax terms."""
    if not terms:
        return None
    if terms["treatment"] == "damages":
        return money.of(Fraction(0))
    if terms["treatment"] != "price_adjustment":
        raise ContractError(
            f"there is no tax treatment {terms['treatment']!r}", remedy="use price_adjustment or damages"
        )
    return money.of(credit * exact(terms["rate"]) / 100)


def new_target(terms: Mapping[str, Any], months: list[Any]) -> Fraction:
    """Next year's target: raised to what was achieved, within the contract's limit, and never lowered.

    With `max_gap_pct`, at most that share of the distance to 100 % at once; without, halfway to the mean, and only
    when every month was above the target.
    """
    current = exact(terms["current"])
    results = [exact(month) for month in months]
    if not results:
        return current
    mean = sum(results, Fraction(0)) / len(results)
    if terms.get("max_gap_pct") is not None:
        return max(current, min(mean, current + exact(terms["max_gap_pct"]) * (100 - current) / 100))
    return (current + mean) / 2 if all(result > current for result in results) else current
