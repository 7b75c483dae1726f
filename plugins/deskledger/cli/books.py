"""Accrual and exposure: tables for a terminal, CSV files, or data."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from deskledger.cli.explain_words import harmless
from deskledger.cli.output import write_csv
from deskledger.steps.accrual import Accrual, Estimate
from deskledger.steps.exposure import Exposure

_MONTH = (
    "contract", "period", "side", "state", "method", "low", "best", "high", "currency", "is_material", "as_of",
    "draft_id", "debit_account", "credit_account", "standing",
)  # fmt: skip
_EXPOSURE = ("period", "contract", "role", "credit", "currency", "state", "net")
_SIDES = {"owed": "owed to customers", "due": "due from suppliers"}


def accrual_data(found: Accrual) -> dict[str, Any]:
    """The accrual in plain types: amounts as text."""
    return {
        "months": [_month(found, month) for month in found.months],
        "totals": [{"currency": key[0], "side": key[1], "best": best} for key, best in found.totals().items()],
        "unknown": [{"contract": name, "why": why} for name, why in found.unknown],
    }


def accrual_csv(found: Accrual, folder: Path) -> list[Path]:
    """One CSV file, a row an open month, with the accounts that it is accrued on."""
    rows = [{**_month(found, month), "standing": "; ".join(month.standing)} for month in found.months]
    return [write_csv(folder, "accrual.csv", _MONTH, rows)]


def accrual_text(found: Accrual) -> str:
    """The open months as a table, then the totals of each currency and side."""
    lines = [
        f"{'contract':<16} {'month':<8} {'state':<12} {'from':<9} {'low':>14} {'best estimate':>15} {'high':>14}",
        *(_row(found, month) for month in found.months),
        "",
        *(f"{_SIDES[side]:<47} {best:>15,} {currency}" for (currency, side), best in found.totals().items()),
    ]
    if not found.months:
        lines = ["No month is open."]
    for month in found.months:
        lines += [f"{month.contract} {month.period}: {each}" for each in month.standing]
    lines += [f"no figure of {name}: {why}" for name, why in found.unknown]
    return "\n".join(harmless(line).rstrip() for line in "\n".join(lines).split("\n"))


def _row(found: Accrual, month: Estimate) -> str:
    name = f"{month.contract:<16} {month.period:<8} {month.state.replace('_', ' '):<12} {month.method:<9}"
    small = "" if found.is_material(month) else "  not material"
    return f"{name} {month.low:>14,} {month.best:>15,} {month.high:>14,} {month.currency}{small}"


def _month(found: Accrual, month: Estimate) -> dict[str, Any]:
    own = found.books.contracts.get(month.contract) if found.books else None
    return {
        **asdict(month),
        "as_of": month.as_of.isoformat(),
        "is_material": found.is_material(month),
        "debit_account": own.debit.account if own else None,
        "credit_account": own.accrued.account if own else None,
    }


def exposure_data(months: list[Exposure]) -> list[dict[str, Any]]:
    """The months in plain types: amounts as text."""
    return [{**asdict(month), "net": month.net} for month in months]


def exposure_csv(months: list[Exposure], folder: Path) -> list[Path]:
    """One CSV file, a row a contract and month; the net stands on the upstream contract's row."""
    rows = [
        {**asdict(side), "period": month.period, "role": role, "net": month.net if role == "upstream" else None}
        for month in months
        for role, side in (("upstream", month.upstream), *(("backing", each) for each in month.backing))
    ]
    return [write_csv(folder, "exposure.csv", _EXPOSURE, rows)]


def exposure_text(months: list[Exposure], unknown: list[tuple[str, str]]) -> str:
    """Each month's upstream credit, what backs it, and the net."""
    lines = [] if months else ["No contract backs another one (`backs:`)."]
    for month in months:
        for sign, side in ((" ", month.upstream), *(("-", each) for each in month.backing)):
            credit = "no figure" if side.credit is None else f"{side.credit:,} {side.currency}"
            lines.append(f"{month.period}  {sign} {side.contract:<20} {credit:>20}  {side.state.replace('_', ' ')}")
        net = "not said" if month.net is None else f"{month.net:,} {month.upstream.currency}"
        lines += [f"{month.period}  = {'net exposure':<20} {net:>20}", ""]
    lines += [f"no figure of {name}: {why}" for name, why in unknown]
    lines += ["Each contract settles gross; nothing is converted or booked here."] if months else []
    return "\n".join(harmless(line).rstrip() for line in "\n".join(lines).split("\n"))
