"""The first stage: one exact value from what was counted (penalty structures 0, 7b, 9, 10, 13, 14, 22)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from deskledger import csat
from deskledger.errors import ContractError, StatementError
from deskledger.penalties.exact import exact, rounded, shown, whole


@dataclass(frozen=True)
class Measured:
    """A measured value: `value` None is no data. Shares keep their numerator and denominator for gates and evidence."""

    value: Fraction | None
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    items: tuple[Mapping[str, Any], ...] | None = None  # of late tickets, for schedules per ticket
    evidence: str = ""

    @property
    def text(self) -> str:
        return "no data" if self.value is None else shown(self.value)


NO_DATA = Measured(None, evidence="nothing was measured")


def measure(term: Mapping[str, Any], given: Any, percent_rounding: Mapping[str, Any] | None) -> Measured:
    """The value of a term's measurement, rounded first if the contract says that percentages are.

    Raises StatementError for a measurement in none of the known forms, ContractError for terms that do not fit it.
    """
    measured = _measured(term, given)
    if measured.value is None or percent_rounding is None or term.get("unit", "pct") != "pct":
        return measured
    places, mode = whole(percent_rounding["places"]), percent_rounding["mode"]
    value = Fraction(rounded(measured.value, places, mode))
    return replace(measured, value=value, evidence=f"{measured.evidence}; rounded {mode} to {places} places")


def _measured(term: Mapping[str, Any], given: Any) -> Measured:
    if given is None:
        return NO_DATA
    if not isinstance(given, Mapping):
        raise StatementError(f"the measurement of {term['id']} is not a block of values", where=str(term["id"]))
    if "months" in given:
        return _window(term, given["months"])
    if "csat" in term:
        return _csat(term["csat"], given)
    if "weights" in term:
        return _scorecard(term["weights"], given["scores"])
    if "tickets" in given:
        return _carry_forward(given)
    # A share may list its late tickets beside its counts, for the penalties that price each of them.
    if "items" in given and ("num" not in given or term["schedule"]["kind"] == "per_item"):
        items = tuple(given["items"])
        volume = exact(given.get("den", given.get("n", 0)))
        value = Fraction(len(items)) if items or volume > 0 else None
        return Measured(value, denominator=volume or None, items=items, evidence=f"{len(items)} tickets")
    if "den" in given:
        return _share(given, term.get("exclusions", "remove"))
    if "value" in given:
        return _value(given)
    raise StatementError(
        f"the measurement of {term['id']} has none of num and den, value, items, months, tickets or scores",
        where=str(term["id"]),
        remedy="measure the service level in the form that its term asks for",
    )


def _value(given: Mapping[str, Any]) -> Measured:
    number = exact(given["n"]) if "n" in given else None
    if given["value"] is None or number == 0:
        return NO_DATA
    return Measured(exact(given["value"]), denominator=number, evidence="as measured")


def _share(given: Mapping[str, Any], exclusions: str) -> Measured:
    numerator, denominator = exact(given["num"]), exact(given["den"])
    evidence = f"{shown(numerator)} of {shown(denominator)}"
    excluded = given.get("excluded")
    if excluded:
        out, of = exact(excluded.get("num", 0)), exact(excluded["den"])
        if exclusions == "add_back":  # excused failures count as met, the volume stays
            numerator += of - out
            evidence += f", {shown(of - out)} excused failures added back"
        elif exclusions == "remove":
            numerator, denominator = numerator - out, denominator - of
            evidence += f", less {shown(of)} excluded ({shown(out)} of them met)"
        else:
            raise ContractError(f"exclusions are removed or added back, not {exclusions!r}", remedy="use `remove`")
    return _ratio(numerator, denominator, evidence)


def _ratio(numerator: Fraction, denominator: Fraction, evidence: str) -> Measured:
    if denominator < 0 or not 0 <= numerator <= max(denominator, Fraction(0)):
        raise StatementError(
            f"{evidence}: a part cannot be larger than its whole or below zero",
            remedy="check the counts and exclusions of this service level",
        )
    value = numerator * 100 / denominator if denominator else None
    return Measured(value, numerator, denominator, evidence=evidence)


def _csat(terms: Mapping[str, Any], given: Mapping[str, Any]) -> Measured:
    counted = given if "good" in given else csat.counts_of_rows(terms, given["responses"], *given["period"])
    good, neutral, poor = (exact(counted.get(name, 0)) for name in ("good", "neutral", "poor"))
    kept = terms["denominator"]
    if kept not in {"include_neutral", "exclude_neutral"}:
        raise ContractError(f"there is no denominator {kept!r}", remedy="use include_neutral or exclude_neutral")
    part = {"good": good, "poor": poor, "neutral": neutral}[terms["which"]]
    evidence = f"{shown(good)} good, {shown(neutral)} neutral, {shown(poor)} poor, {kept}"
    return _ratio(part, good + poor + (neutral if kept == "include_neutral" else 0), evidence)


def _scorecard(weights: Mapping[str, Any], scores: Mapping[str, Any]) -> Measured:
    """The weighted mean of the components that have data; the others' weight is shared out again."""
    present = [name for name in weights if scores.get(name) is not None]
    total = sum((exact(weights[name]) for name in present), Fraction(0))
    if not total:
        return NO_DATA
    score = sum((exact(weights[name]) * exact(scores[name]) for name in present), Fraction(0)) / total
    evidence = " + ".join(f"{weights[name]} x {name} {scores[name]}" for name in present)
    absent = [name for name in weights if name not in present]
    return Measured(score, evidence=evidence + (f"; no data for {', '.join(absent)}" if absent else ""))


def _window(term: Mapping[str, Any], months: Sequence[Any]) -> Measured:
    """Several months as one: pooled counts, or the mean of the months' values."""
    parts = [_measured(term, month) for month in months]
    present = [part for part in parts if part.value is not None]
    if not present:
        return NO_DATA
    agg = term.get("window_agg", "pooled")
    if agg == "mean":
        value = sum((part.value for part in present if part.value is not None), Fraction(0)) / len(present)
        known = [part.denominator for part in present if part.denominator is not None]
        volume = sum(known, Fraction(0)) if len(known) == len(present) else None
        return Measured(value, denominator=volume, evidence=f"mean of {len(present)} months")
    if agg != "pooled":
        raise ContractError(f"months are pooled or their mean is taken, not {agg!r}", remedy="use pooled or mean")
    if any(part.denominator is None for part in present):
        raise StatementError(
            f"months of {term['id']} cannot be pooled without their number of tickets",
            remedy="give num and den, or value and n, for each month",
        )
    volume = sum((part.denominator for part in present if part.denominator is not None), Fraction(0))
    if all(part.numerator is not None for part in present):
        met = sum((part.numerator for part in present if part.numerator is not None), Fraction(0))
        return _ratio(met, volume, f"{shown(met)} of {shown(volume)} in {len(present)} months")
    weighted = sum((part.value * part.denominator for part in present if part.value and part.denominator), Fraction(0))
    return Measured(weighted / volume, denominator=volume, evidence=f"{shown(volume)} in {len(present)} months")


def _carry_forward(given: Mapping[str, Any]) -> Measured:
    """In time / (resolved in the window + open past due), so that never closing a late ticket cannot help.

    Carried tickets, due before the window: out when resolved within the grace, a failure in each month otherwise.
    """
    begins, ends = (date.fromisoformat(day) for day in given["window"])
    grace = timedelta(days=whole(given.get("grace_days", 0)))
    in_time = counted = 0
    for ticket in given["tickets"]:
        due = date.fromisoformat(ticket["due"])
        resolved = date.fromisoformat(ticket["resolved"]) if ticket.get("resolved") else None
        if resolved is not None and resolved < begins:
            continue
        if resolved is None or resolved > ends:
            counted += due <= ends
        elif due >= begins:
            counted += 1
            in_time += resolved <= due
        else:
            counted += resolved > due + grace
    return _ratio(Fraction(in_time), Fraction(counted), f"{in_time} in time of {counted} resolved or past due")
