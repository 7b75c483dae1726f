"""The fifth stage: lines that overlap, and points that become money (penalty structures 3, 11, 15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from deskledger.errors import ContractError
from deskledger.penalties.exact import exact, shown, whole
from deskledger.penalties.result import Line, TraceRow, plain
from deskledger.penalties.schedule import Bases, base_of


@dataclass(frozen=True)
class Due:
    """A line whose exact amount is not yet rounded."""

    line: Line
    amount: Fraction


def settle_overlaps(
    contract: Mapping[str, Any], measurements: Mapping[str, Any], dues: Sequence[Due]
) -> tuple[list[Due], list[TraceRow]]:
    """Which lines are paid where several stand for one event; the others stay visible at zero.

    sum: all. max_per_event: the highest of each event, the first in contract order where two are equal.
    customer_choice: the one that the customer picked (`picked`: a line, or by event). Until then the highest of an
    event's lines, or none of several, as `until_chosen` says; a line without credit is no choice.
    """
    rule = contract.get("overlap") or "sum"
    events: Mapping[str, Any] = measurements.get("events", {})
    picked = measurements.get("picked")
    if rule == "sum":
        return list(dues), []
    if rule == "max_per_event":
        lost = _beside(dues, events, _highest(dues, events))
    elif rule == "customer_choice" and (picked is None or isinstance(picked, Mapping)):
        chosen = _chosen(dues, events, picked or {})
        if contract.get("until_chosen") == "highest":
            chosen = {**_highest(dues, events), **chosen}
        lost = _beside(dues, events, chosen)
        if contract.get("until_chosen") == "none":
            due_of = [events.get(due.line.term) for due in dues if due.amount > 0]
            waiting = {event for event in due_of if due_of.count(event) > 1} - {None, *chosen}
            lost |= {
                index: ("unchosen", f"event {events[due.line.term]} waits for the customer's choice")
                for index, due in enumerate(dues)
                if events.get(due.line.term) in waiting and due.amount > 0
            }
    elif rule == "customer_choice":
        lost = {
            index: ("superseded", f"the customer picked {picked}")
            for index, due in enumerate(dues)
            if due.amount > 0 and due.line.term != picked
        }
    else:
        raise ContractError(f"there is no overlap rule {rule!r}", remedy="use sum, max_per_event or customer_choice")
    trace = [
        TraceRow(
            dues[index].line.term, "combine", f"{shown(dues[index].amount)}; {reason}", "0", dues[index].line.clause
        )
        for index, (_, reason) in sorted(lost.items())
    ]
    settled = [
        Due(replace(due.line, status=lost[index][0]), Fraction(0)) if index in lost else due
        for index, due in enumerate(dues)
    ]
    return settled, trace


def _highest(dues: Sequence[Due], events: Mapping[str, Any]) -> dict[Any, int]:
    """By event the index of its highest line."""
    kept: dict[Any, int] = {}
    for index, due in enumerate(dues):
        event = events.get(due.line.term)
        if event is not None and (event not in kept or due.amount > dues[kept[event]].amount):
            kept[event] = index
    return kept


def _chosen(dues: Sequence[Due], events: Mapping[str, Any], picked: Mapping[Any, Any]) -> dict[Any, int]:
    """By event the index of the line that the customer picked, where it has a credit."""
    return {
        event: index
        for index, due in enumerate(dues)
        if (event := events.get(due.line.term)) is not None and picked.get(event) == due.line.term and due.amount > 0
    }


def _beside(dues: Sequence[Due], events: Mapping[str, Any], kept: Mapping[Any, int]) -> dict[int, tuple[str, str]]:
    """What is not paid beside the kept line of its event, and why."""
    return {
        index: ("superseded", f"event {event} is paid as {dues[kept[event]].line.term}")
        for index, due in enumerate(dues)
        if (event := events.get(due.line.term)) in kept and due.amount > 0 and kept[event] != index
    }


def convert_points(
    contract: Mapping[str, Any], dues: Sequence[Due], bases: Bases, blank: Line
) -> tuple[Due | None, Fraction, list[TraceRow]]:
    """The line that turns all points of the period into money, and the number of points.

    Per point of a base, an amount per point, or a table whose highest row not above the points holds.
    """
    total = sum((due.line.points for due in dues if due.line.points is not None), Fraction(0))
    terms = contract.get("points_to_money")
    if not terms:
        return None, total, []
    if "pct_per_point" in terms:
        base = base_of(terms, bases)
        amount = total * exact(terms["pct_per_point"]) * base / 100
        reason = f"{plain(total)} points x {terms['pct_per_point']} % of {shown(base)}"
    elif "amount_per_point" in terms:
        amount = total * exact(terms["amount_per_point"])
        reason = f"{plain(total)} points x {terms['amount_per_point']}"
    elif "table" in terms:
        amount, reason = _from_table(terms, total, bases)
    else:
        raise ContractError(
            "points have no price", where="points_to_money", remedy="use pct_per_point, amount_per_point or table"
        )
    line = replace(blank, term="points", status="converted", points_total=total)
    return Due(line, amount), total, [TraceRow("points", "combine", reason, shown(amount))]


def _from_table(terms: Mapping[str, Any], total: Fraction, bases: Bases) -> tuple[Fraction, str]:
    rows = [row for row in terms["table"] if exact(row["min"]) <= total]
    if not rows:
        return Fraction(0), f"{plain(total)} points are below the table"
    row = max(rows, key=lambda each: exact(each["min"]))
    if "amount" in row:
        return exact(row["amount"]), f"{plain(total)} points, from {row['min']}: {row['amount']}"
    base = base_of(terms, bases)
    return base * exact(row["pct"]) / 100, f"{plain(total)} points, from {row['min']}: {row['pct']} % of {shown(base)}"


def is_critical(
    contract: Mapping[str, Any], measurements: Mapping[str, Any], total: Fraction, *, is_cap_reached: bool
) -> bool:
    """Whether the period is a critical failure: a flag, no money of its own.

    So many points in this and the previous months, or credits that reach a cap of the whole month (penalty structures
    3).
    """
    terms = contract.get("critical")
    if not terms:
        return False
    if is_cap_reached:
        return True
    before = whole(terms["months"]) - 1
    history = list(measurements.get("points_history", ()))
    recent = history[-before:] if before > 0 else []
    return total + sum((exact(points) for points in recent), Fraction(0)) >= exact(terms["points"])
