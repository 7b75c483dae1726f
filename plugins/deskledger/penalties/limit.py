"""The sixth stage: rewards that are never paid out, caps in the contract's order, and amounts too small to issue
(penalty structures 5, 17, 18).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.penalties.combine import Due
from deskledger.penalties.exact import exact, rounded, shown
from deskledger.penalties.result import Line, TraceRow
from deskledger.penalties.schedule import Bases, base_of


@dataclass(frozen=True)
class Money:
    """How this contract's amounts are written: decimals and rounding mode."""

    places: int
    mode: str

    def of(self, amount: Fraction) -> Decimal:
        return rounded(amount, self.places, self.mode)


@dataclass(frozen=True)
class Limited:
    """Lines that limits added, the total after them, and what happened; `left` is what each given line still costs.

    `is_cap_reached`: the credits came to a cap of the whole month, or beyond it. A cap over several months, of which
    earlier ones have used a part, is none.
    """

    dues: tuple[Due, ...]
    total: Fraction
    left: tuple[Fraction, ...]
    flags: tuple[str, ...]
    trace: tuple[TraceRow, ...]
    is_cap_reached: bool


def limit(contract: Mapping[str, Any], dues: Sequence[Due], bases: Bases, money: Money, blank: Line) -> Limited:
    """The total of `dues` after bonus floor, caps and de minimis, with a line for each that changed it."""
    added: list[Due] = []
    flags: list[str] = []
    trace: list[TraceRow] = []
    total = sum((due.amount for due in dues), Fraction(0))

    def add(term: str, status: str, amount: Fraction, reason: str, clause: str = "") -> None:
        nonlocal total
        added.append(Due(replace(blank, term=term, status=status, clause=clause), amount))
        trace.append(TraceRow(term, "limit", f"{shown(total)}: {reason}", shown(total + amount), clause))
        total += amount

    is_floored = "no_net_bonus" in contract.get("bonus_rules", ())
    if is_floored and total < 0:
        add("bonus_floor", "floor", -total, "rewards offset penalties, they are never payable")
    # What each line still costs: a cap takes from the lines that it is about in proportion, so that no later cap takes
    # the same money again.
    left = [Fraction(0) if added else due.amount for due in dues]  # rewards have taken all of it
    tightest: Fraction | None = None
    is_cap_reached = False
    for cap in contract.get("caps") or ():
        ceiling = _ceiling(cap, bases, money)
        scope = cap.get("terms")
        if scope is None:
            tightest = ceiling if tightest is None else min(tightest, ceiling)
        mine = [index for index, due in enumerate(dues) if scope is None or (due.line.waives or due.line.term) in scope]
        reached = total if scope is None else sum((left[index] for index in mine), Fraction(0))
        if reached > ceiling:
            taken = reached - ceiling if not is_floored else min(reached - ceiling, max(total, Fraction(0)))
            add(cap["id"], "cap", -taken, f"at most {shown(ceiling)}", str(cap.get("clause", "")))
            flags.append(f"cap:{cap['id']}")
            for index in mine:
                left[index] *= ceiling / reached
        else:
            unreached = f"{shown(reached)}: at most {shown(ceiling)}, not exceeded"
            trace.append(TraceRow(cap["id"], "limit", unreached, shown(total), str(cap.get("clause", ""))))
        is_cap_reached |= scope is None and "used" not in cap and 0 < reached >= ceiling
    rules = contract.get("de_minimis") or {}
    issued = Fraction(money.of(total))
    if rules.get("issue_if_gt") is not None and 0 < issued <= exact(rules["issue_if_gt"]):
        add("de_minimis", "not_issued", -total, f"issued only above {rules['issue_if_gt']}")
        left = [Fraction(0) for _ in left]
    if rules.get("raise_to") is not None and 0 < issued < exact(rules["raise_to"]):
        least = exact(rules["raise_to"]) if tightest is None else min(exact(rules["raise_to"]), tightest)
        if least > total:
            add("de_minimis", "raised", least - total, f"raised to {shown(least)}")
    if not trace:
        trace.append(TraceRow("total", "limit", f"{shown(total)}: no limit applies", shown(total)))
    return Limited(tuple(added), total, tuple(left), tuple(flags), tuple(trace), is_cap_reached)


def _ceiling(cap: Mapping[str, Any], bases: Bases, money: Money) -> Fraction:
    """What a cap still leaves, in whole minor units; nothing where it was overspent, never less."""
    whole_cap = exact(cap["amount"]) if "amount" in cap else base_of(cap, bases) * exact(cap["pct"]) / 100
    left = max(whole_cap - exact(cap.get("used", 0)), Fraction(0))
    return Fraction(rounded(left, money.places, "down"))
