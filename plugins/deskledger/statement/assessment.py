"""From measured service levels to money: bases from charges, history from posted months, lines with their clause."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from deskledger.contract.periods import first_day, next_period, previous_period
from deskledger.contract.quantities import exact_text
from deskledger.contract.terms import Contract, Version
from deskledger.errors import StatementError
from deskledger.statement.claims import Said, window_days
from deskledger.statement.exclusions import CreditWaiver
from deskledger.statement.late import Lateness
from deskledger.statement.levels import LevelResult, measured_form
from deskledger.statement.month_figures import MonthFigures

# Line statuses that are a failure of their service level: what a repeat run counts. A late claim was a failure too.
FAILURES = frozenset({"breach", "expected_miss", "superseded", "unmapped", "late_claim", "unclaimed", "unchosen"})
NO_DATA = frozenset({"no_data", "below_sample", "relief"})


@dataclass(frozen=True)
class PastMonth:
    """A month before this one, as it stands (posted, or corrected since), or as the opening balances state it."""

    period: str
    statuses: Mapping[str, str]  # of each term's line; waived where all of its credit was given up
    figures: Mapping[str, MonthFigures]  # of each service level
    credit: Decimal
    points: str | None = None
    credits: Mapping[str, Fraction] | None = None  # what limits left of each line; None where only the whole is known
    verdicts: Mapping[str, str] = field(default_factory=dict)  # of each service level
    late: Mapping[str, Lateness] = field(default_factory=dict)  # of each service level priced by the late ticket


@dataclass(frozen=True)
class Opening:
    """What stood at first installation: failures of each term, oldest first, points, and what caps had used.

    `until` is the last month settled elsewhere; without it, what caps had used is of every span. `figures` are the
    months of rolling windows before it; `late` the seconds that were charged of open late cycles, by service level.
    """

    history: Mapping[str, Sequence[int | None]] = field(default_factory=dict)
    points_history: Sequence[str] = ()
    caps_used: Mapping[str, str] = field(default_factory=dict)
    until: str | None = None
    figures: Mapping[str, Sequence[MonthFigures]] = field(default_factory=dict)
    late: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)


def opening_of(contract: Contract) -> Opening:
    """The opening balances that the contract states; none where it states none."""
    stated = contract.opening
    if stated is None:
        return Opening()
    return Opening(
        history=stated.history,
        points_history=stated.points,
        caps_used=stated.caps_used,
        until=stated.until,
        figures={level: _months_until(stated.until, months) for level, months in stated.rolling.items()},
        late=stated.late,
    )


def _months_until(until: str, months: Sequence[tuple[Fraction, int]]) -> list[MonthFigures]:
    found, period = [], until
    for numerator, denominator in reversed(months):
        found.append(MonthFigures(period, numerator, denominator))
        period = previous_period(period)
    return found[::-1]


def charge_amounts(
    contract: Contract, version: Version, period: str, charges: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """The charge behind each base of the version: amount (text), kind, invoice number, who imported and approved it.

    `charges` has model.CHARGE's columns and only this contract and period. Raises StatementError (`no_base`) when a
    charge is missing, not approved by a second person, or in another currency.
    """
    found: dict[str, dict[str, Any]] = {}
    rows = {str(row["kind"]): row for row in charges.to_dict("records")}
    for base, source in dict(version.penalties.get("bases", {})).items():
        kind = source["charge"] if isinstance(source, Mapping) else str(source)
        row = rows.get(kind)
        where = f"contract {contract.name}, period {period}"
        if row is None:
            raise StatementError(
                f"no_base: there is no charge of kind {kind!r}, the base {base!r} of the penalties",
                where=where,
                remedy=f"import the {kind} of {period} for {contract.name} and have it approved (`deskledger charges`,"
                " or charges.csv), then draft again",
            )
        imported, approved = _name(row["imported_by"]), _name(row["approved_by"])
        if not is_approved(row):
            raise StatementError(
                f"no_base: the charge of kind {kind!r} is not approved by a second person"
                f" (imported by {imported or 'nobody named'}, approved by {approved or 'nobody'})",
                where=where,
                remedy="have somebody other than its importer approve it (`deskledger charges approve`),"
                " then draft again",
            )
        if str(row["currency"]) != contract.currency:
            raise StatementError(
                f"no_base: the charge of kind {kind!r} is in {row['currency']}, the contract in {contract.currency}",
                where=where,
                remedy="import the charge in the contract's currency; amounts are never converted",
            )
        found[base] = {
            "kind": kind,
            "amount": str(Decimal(row["amount"])),
            "currency": contract.currency,
            "invoice_number": _name(row["invoice_number"]),
            "imported_by": imported,
            "approved_by": approved,
        }
    return found


def is_approved(charge: Mapping[Any, Any]) -> bool:
    """Whether a person other than its importer approved this row of model.CHARGE."""
    imported, approved = _name(charge["imported_by"]), _name(charge["approved_by"])
    return approved is not None and (imported is None or approved.casefold() != imported.casefold())


def _name(value: Any) -> str | None:
    return None if value is None or pd.isna(value) or str(value).strip() == "" else str(value).strip()


def assessed_form(
    contract: Contract,
    version: Version,
    period: str,
    results: Iterable[LevelResult],
    charges: Mapping[str, Mapping[str, Any]],
    past: Sequence[PastMonth],
    opening: Opening,
    items: Mapping[str, Sequence[Mapping[str, str]]],
    adjustments: Sequence[Mapping[str, str]] = (),
    waivers: Sequence[CreditWaiver] = (),
    said: Said | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contract's terms and the month's measurements in the form that `penalties.assess` takes.

    `past` is oldest first. A month without data takes no place in a repeat run: it neither fails nor resets it.
    `items` gives the late tickets of levels that are priced by the ticket, `adjustments` the posted months that this
    one corrects, `waivers` the credit that is given up, `said` what the customer claimed and chose.
    """
    terms = {key: value for key, value in version.penalties.items() if key not in {"bases", "pools", "claim_calendar"}}
    next_first = first_day(contract, next_period(period))
    if "claim_window_days" in terms:
        terms["claim_window_days"] = window_days(version.penalties, version.calendars, next_first)
    priced: dict[str, Any] = {
        **terms,
        "currency": contract.currency,
        "bases": {base: charge["amount"] for base, charge in charges.items()},
    }
    if "caps" in terms:
        priced["caps"] = [_cap(cap, period, past, opening) for cap in terms["caps"]]
    measures: dict[str, Any] = {}
    for result in results:
        late = items.get(result.level.name)
        form = measured_form(result)
        if late is not None:
            form = {**(form if "num" in form else {"den": result.denominator}), "items": list(late)}
        measures[result.level.name] = form
    measured: dict[str, Any] = {
        "measures": measures,
        "history": {
            term["id"]: _history(term["id"], past, opening, is_waived_failed=terms.get("waived_counts", True))
            for term in terms.get("terms", [])
        },
        "points_history": [*opening.points_history, *(month.points for month in past if month.points is not None)],
        "contract_month": _contract_month(contract, period),
        **({"adjustments": list(adjustments)} if adjustments else {}),
    }
    if "events" in priced:
        measured["events"] = priced.pop("events")  # the same in every month: which penalties stand for one event
    if waivers:
        measured["waivers"] = [
            {"id": each.request_id, "line": each.line, "amount": str(each.amount)} for each in waivers
        ]
    if said is not None:
        measured |= said.form(terms.get("terms", ()), next_first)
    return priced, measured


def _history(term: str, past: Sequence[PastMonth], opening: Opening, *, is_waived_failed: bool) -> list[int | None]:
    """Failed (1) or not (0) month by month, oldest first; None is a month without data.

    A month whose credit was waived as a whole failed nevertheless, unless the contract says otherwise (structures, 16).
    """
    known = [month.statuses[term] for month in past if term in month.statuses]
    failed = FAILURES | {"waived"} if is_waived_failed else FAILURES
    return [
        *opening.history.get(term, ()),
        *(None if status in NO_DATA else int(status in failed) for status in known),
    ]


def _cap(cap: Mapping[str, Any], period: str, past: Sequence[PastMonth], opening: Opening) -> dict[str, Any]:
    """The cap with what its quarter or year has used so far, by posted months."""
    per = cap.get("per", "month")
    plain = {key: value for key, value in cap.items() if key != "per"}
    if per == "month":
        return plain
    span = [month for month in past if _same_span(per, month.period, period)]
    lines = cap.get("terms")
    if lines is None:
        used = sum((Fraction(month.credit) for month in span), Fraction(0))
    else:
        used = sum((_line_credits(month, lines, cap) for month in span), Fraction(0))
    if opening.until is None or _same_span(per, opening.until, period):
        used += Fraction(opening.caps_used.get(str(cap["id"]), "0"))
    return {**plain, "used": exact_text(used)}


def _line_credits(month: PastMonth, names: Collection[str], cap: Mapping[str, Any]) -> Fraction:
    """What a month's lines cost that a cap is about, after all limits; a month of bonuses gives nothing back."""
    if month.credits is None:
        raise StatementError(
            f"the cap {cap['id']!r} is about some lines, and of {month.period} only the whole credit is known",
            where=f"cap {cap['id']}",
            remedy="give the credit of each line of that month",
        )
    return max(sum((amount for line, amount in month.credits.items() if line in names), Fraction(0)), Fraction(0))


def _same_span(per: str, earlier: str, period: str) -> bool:
    """Whether both months lie in one calendar year, or quarter of it."""
    if earlier[:4] != period[:4]:
        return False
    return per == "year" or (int(earlier[5:]) - 1) // 3 == (int(period[5:]) - 1) // 3


def _contract_month(contract: Contract, period: str) -> int:
    begins, first = first_day(contract, period), contract.versions[0].effective_from
    return (begins.year - first.year) * 12 + begins.month - first.month + 1


def run_of_failures(history: Sequence[int | None], is_failed: bool) -> int:
    """How many months in a row have failed, this one included; months without data neither add nor end."""
    run = int(is_failed)
    if is_failed:
        for failed in reversed([month for month in history if month is not None]):
            if not failed:
                break
            run += 1
    return run


def band_edge(term: Mapping[str, Any], value: Fraction | None) -> str | None:
    """The edge that the value was compared with, as the contract writes it: ">= 95", or the band ">= 96, < 98"."""
    schedule = term["schedule"]
    if schedule["kind"] == "bands":
        for band in schedule["bands"]:
            if value is not None and _in_band(band, value):
                words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
                return (
                    ", ".join(f"{words[edge]} {band[edge]}" for edge in ("ge", "gt", "le", "lt") if band.get(edge))
                    or "any"
                )
        return None
    if schedule["kind"] == "expected_min":
        return f"expected {schedule['expected']}, minimum {schedule['minimum']}"
    if "target" in schedule:
        return f"{schedule.get('op', '')} {schedule['target']}".strip()
    return None


def _in_band(band: Mapping[str, Any], value: Fraction) -> bool:
    tests = {
        "ge": lambda edge: value >= edge,
        "gt": lambda edge: value > edge,
        "le": lambda edge: value <= edge,
        "lt": lambda edge: value < edge,
    }
    return all(test(Fraction(str(band[name]))) for name, test in tests.items() if band.get(name) is not None)
