"""Money from measurements: measure, gate, schedule, modify, combine, limit, round, adjust; one trace row each.

Pure and exact: comparisons are of fractions, amounts are rounded once where the contract says, and a float anywhere
raises TypeError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger import csat
from deskledger.errors import ContractError, StatementError
from deskledger.penalties.adjust import adjustment, in_money, new_target, tax_of
from deskledger.penalties.combine import Due, convert_points, is_critical, settle_overlaps
from deskledger.penalties.exact import exact, minor_units, rounded, shown, whole
from deskledger.penalties.gate import claim_gate, gate
from deskledger.penalties.limit import Money, limit
from deskledger.penalties.measure import measure
from deskledger.penalties.modifier import factor, ramp_up
from deskledger.penalties.result import Assessment, Line, TraceRow
from deskledger.penalties.schedule import Bases, Outcome, schedule
from deskledger.penalties.waive import waive

# Lists of measures that are each judged by themselves: every day, or every month of a quarter.
_JUDGED_EACH = ("days", "months", "periods")
_IN_HISTORY = ("months", "periods")  # as history counts: each is part of the run of failures that the next one is in


def assess(contract: Mapping[str, Any], measurements: Mapping[str, Any]) -> Assessment:
    """The lines, credit, flags and trace of one period.

    `contract` is a version's penalties with each base's amount in place of its charge; `measurements` hold `measures`
    by a term's measure (or `days` or `months`, a list of them, each judged by itself), `history` by term, and what
    caps, ramp-up, claims, waivers and adjustments need. Percentages are per cent, times seconds or the contract's
    unit, numbers text, int or Decimal. Raises TypeError for a float, ContractError for terms that cannot be followed,
    StatementError for a measurement that is absent or in no known form.
    """
    currency = contract["currency"]
    money = Money(
        whole(contract.get("money_places", minor_units(currency))), contract.get("money_rounding") or "half_up"
    )
    zero = money.of(Fraction(0))
    if "structure_kind" in contract:
        return _advice(contract, measurements, currency, zero)
    blank = Line(term="", status="", credit=zero)
    bases = _bases(contract)
    trace: list[TraceRow] = []
    flags: list[str] = []
    word = next((each for each in _JUDGED_EACH if each in measurements), "")
    parts = measurements[word] if word else [{"measures": measurements.get("measures", {})}]
    dues: list[Due] = []
    for part in parts:
        judged = _judge(contract, measurements, part.get("measures", part), bool(word), bases, blank, trace, flags)
        dues += judged
        if word in _IN_HISTORY:
            measurements = _with_history(measurements, judged)
    dues, settled = settle_overlaps(contract, measurements, dues)
    points, total_points, converted = convert_points(contract, dues, bases, blank)
    trace += [*settled, *converted]
    if points is not None:
        dues.append(points)
    by_line = contract.get("round_stage", "line") == "line"
    if by_line:
        dues = [replace(due, amount=Fraction(money.of(due.amount))) for due in dues]
    waived, steps = waive(measurements.get("waivers") or (), dues, blank)
    dues += waived
    trace += steps
    together = sum((due.amount for due in dues), Fraction(0))
    combined = f"{len(dues)} {'line' if len(dues) == 1 else 'lines'}, overlap {contract.get('overlap') or 'sum'}"
    trace.append(TraceRow("total", "combine", combined, shown(together)))
    limited = limit(contract, dues, bases, money, blank)
    paid: dict[str, Fraction] = {}
    for due, left in zip(dues, limited.left, strict=True):  # a line of several parts is told once a part
        term = due.line.waives or due.line.term
        paid[term] = paid.get(term, Fraction(0)) + left
    dues += limited.dues
    flags += limited.flags
    if is_critical(contract, measurements, total_points, is_cap_reached=limited.is_cap_reached):
        flags.append("critical_failure")
    trace += limited.trace
    credit = money.of(limited.total)
    lines = [replace(due.line, credit=money.of(due.amount)) for due in dues]
    _round_off(lines, credit, blank, trace, money, by_line)
    tax = tax_of(contract.get("tax"), Fraction(credit), money)
    if tax is not None:
        trace.append(TraceRow("tax", "tax", f"{credit} as {contract['tax']['treatment']}", str(tax)))
    for terms in measurements.get("adjustments", ()):
        name, amount, reason = adjustment(terms)
        adjusted = in_money(terms, amount, money)
        lines.append(replace(blank, term=name, status="adjustment", credit=adjusted))
        trace.append(TraceRow(name, "adjustment", reason, str(adjusted)))
        credit += adjusted
        # A supplier's recovery is settled under its own contract, with that one's tax.
        taxed = None if terms["type"] == "supplier_recovery" else tax_of(contract.get("tax"), Fraction(adjusted), money)
        if tax is not None and taxed is not None:
            tax += taxed
            trace.append(TraceRow(name, "tax", f"{adjusted} as {contract['tax']['treatment']}", str(taxed)))
    gross = None if tax is None else credit + tax
    applied = carried = None
    if measurements.get("invoice") is not None:
        applied = min(credit, money.of(exact(measurements["invoice"])))
        carried = credit - applied
    return Assessment(
        currency=currency,
        credit=credit,
        lines=tuple(lines),
        flags=tuple(dict.fromkeys(flags)),
        trace=tuple(trace),
        tax=tax,
        gross=gross,
        applied=applied,
        carried=carried,
        paid=paid,
        points_total=total_points if contract.get("points_to_money") or contract.get("critical") else None,
    )


def _bases(contract: Mapping[str, Any]) -> Bases:
    """Each base's exact amount, reduced to the active days of a part month; a share of a base is never rounded."""
    bases: dict[str, Fraction] = {}
    for name, amount in (contract.get("bases") or {}).items():
        if isinstance(amount, Mapping):
            raise StatementError(
                f"the base {name} has no amount, only the charge it comes from",
                remedy=f"put the approved amount of the charge `{amount.get('charge')}` in its place",
            )
        bases[name] = exact(amount)
        if bases[name] < 0:
            raise StatementError(
                f"the base {name} is below nought: {shown(bases[name])}", remedy="give what was charged, 0 or more"
            )
    for part in contract.get("prorate") or ():
        if part["base"] not in bases:
            raise ContractError(f"there is no base {part['base']!r} to reduce", remedy="name one of the bases")
        days = exact(part["days_in_period"])
        if days <= 0:
            raise ContractError(f"the base {part['base']} is for no day", remedy="give `days_in_period`, 1 or more")
        bases[part["base"]] *= exact(part["active_days"]) / days
    return bases


def _judge(
    contract: Mapping[str, Any],
    measurements: Mapping[str, Any],
    measures: Mapping[str, Any],
    is_part: bool,
    bases: Bases,
    blank: Line,
    trace: list[TraceRow],
    flags: list[str],
) -> list[Due]:
    """One due a term, through measure, gate, schedule and modifier. A part may leave out what it did not measure."""
    ramp = ramp_up(contract, measurements)
    dues = []
    for term in contract.get("terms") or ():
        name, clause = term["id"], str(term.get("clause", ""))
        if term["measure"] not in measures and is_part:
            continue
        if term["measure"] not in measures:
            raise StatementError(
                f"nothing was measured for {term['measure']!r}", where=name, remedy="measure it; no data is a value too"
            )
        rules = term["schedule"]
        history = _history(measurements, name, term["measure"])
        measured = measure(term, measures[term["measure"]], contract.get("percent_rounding"))
        trace.append(TraceRow(name, "measure", measured.evidence, measured.text, clause))
        gated = gate(term, measured, claim_gate(contract, measurements, name))
        outcome = Outcome(gated.status) if gated.status else None
        trace.append(TraceRow(name, "gate", gated.reason, gated.status or "judged", clause))
        run: int | None = None
        if outcome is None:
            outcome = schedule(term, measured, gated.verdict, history, bases)
            trace.append(TraceRow(name, "schedule", outcome.reason, f"{outcome.status}: {_worth(outcome)}", clause))
            if outcome.status == "breach" and gated.spares is not None:
                outcome = Outcome(gated.spares)
                trace.append(TraceRow(name, "modifier", gated.reason, f"{gated.spares}: {_worth(outcome)}", clause))
            elif outcome.status == "breach":
                times, run, reason = factor(term, ramp, history)
                outcome = _times(outcome, times)
                trace.append(TraceRow(name, "modifier", reason, _worth(outcome), clause))
            elif outcome.status == "bonus" and ramp is not None:
                outcome = _times(outcome, ramp[0])
                trace.append(TraceRow(name, "modifier", ramp[1], _worth(outcome), clause))
        if outcome.flag:
            flags.append(outcome.flag)
        line = replace(
            blank,
            term=name,
            status=outcome.status,
            clause=clause,
            measure=term["measure"],
            value=None if measured.items is not None else measured.value,
            numerator=measured.numerator,
            denominator=measured.denominator,
            operator=rules.get("op"),
            target=exact(rules["target"]) if rules.get("target") is not None else None,
            steps=outcome.steps,
            points=outcome.points,
            run=run,
        )
        dues.append(Due(line, outcome.amount))
    return dues


def _history(measurements: Mapping[str, Any], term: str, measured: str) -> Sequence[Any]:
    history = measurements.get("history") or {}
    return list(history.get(term, history.get(measured, ())))


def _with_history(measurements: Mapping[str, Any], judged: Sequence[Due]) -> dict[str, Any]:
    """The measurements with what a period has said of each term behind its history."""
    said = {
        due.line.term: [*_history(measurements, due.line.term, str(due.line.measure)), due.line.status]
        for due in judged
    }
    return {**measurements, "history": {**(measurements.get("history") or {}), **said}}


def _times(outcome: Outcome, times: Fraction) -> Outcome:
    points = None if outcome.points is None else outcome.points * times
    return replace(outcome, amount=outcome.amount * times, points=points)


def _worth(outcome: Outcome) -> str:
    return shown(outcome.amount) if outcome.points is None else f"{shown(outcome.points)} points"


def _round_off(
    lines: list[Line], credit: Decimal, blank: Line, trace: list[TraceRow], money: Money, by_line: bool
) -> None:
    """Adds the line that makes the rounded lines sum to the rounded total, where the total alone is rounded."""
    stage = "each line" if by_line else "the total"
    difference = credit - sum((line.credit for line in lines), money.of(Fraction(0)))
    if difference:
        lines.append(replace(blank, term="rounding", status="rounding", credit=difference))
    trace.append(TraceRow("total", "rounding", f"{money.mode}, {money.places} places, {stage}", str(credit)))


def _advice(contract: Mapping[str, Any], measurements: Mapping[str, Any], currency: str, zero: Decimal) -> Assessment:
    """Structures without money: a confidence interval for display, or next year's target."""
    kind = contract["structure_kind"]
    if kind == "wilson":
        low, high = csat.wilson(whole(measurements["k"]), whole(measurements["n"]))
        bounds = (rounded(Fraction(low) * 100, 2, "half_up"), rounded(Fraction(high) * 100, 2, "half_up"))
        return Assessment(currency, zero, wilson=bounds)
    if kind == "target_reset":
        target = new_target(contract["reset"], list(measurements["months"]))
        return Assessment(currency, zero, new_target=rounded(target, 2, "half_up"))
    raise ContractError(f"there is no structure {kind!r}", remedy="use terms, wilson or target_reset")
