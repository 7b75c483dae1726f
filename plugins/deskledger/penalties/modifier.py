"""The fourth stage: repeated failures, standing multipliers and the ramp-up (penalty structures 3, 16, 21)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from deskledger.errors import StatementError
from deskledger.penalties.exact import exact, shown, whole
from deskledger.penalties.schedule import failed, is_silent


def run_length(history: Sequence[Any]) -> int:
    """Consecutive failures up to and including this period's; months without data neither add to a run nor end it."""
    run = 1
    for month in reversed(history):
        if is_silent(month):
            continue
        if not failed(month):
            break
        run += 1
    return run


def _of_run(by_run: Mapping[str, Any], run: int) -> Fraction:
    """What `by_run` says of a run: the last line that is not above it holds on; 1 before the first line."""
    lines = {whole(length): exact(multiplier) for length, multiplier in by_run.items()}
    return lines[max(length for length in lines if length <= run)] if run >= min(lines) else Fraction(1)


def factor(
    term: Mapping[str, Any], ramp: tuple[Fraction, str] | None, history: Sequence[Any]
) -> tuple[Fraction, int | None, str]:
    """What a failure's consequence is multiplied by, the run that it is part of, and how it came about."""
    product, run, reasons = Fraction(1), None, []
    if term.get("repeat"):
        run = run_length(history)
        multiplier = _of_run(term["repeat"]["by_run"], run)
        product *= multiplier
        reasons.append(f"failure {run} in a row: x {shown(multiplier)}")
    if term.get("multiplier") is not None:
        product *= exact(term["multiplier"])
        reasons.append(f"x {term['multiplier']}")
    if ramp is not None:
        product *= ramp[0]
        reasons.append(ramp[1])
    return product, run, ", ".join(reasons) or "none"


def ramp_up(contract: Mapping[str, Any], measurements: Mapping[str, Any]) -> tuple[Fraction, str] | None:
    """The factor of the contract's month while services settle in; 1 after the months that are listed."""
    terms = contract.get("ramp_up")
    if not terms:
        return None
    if "contract_month" not in measurements:
        raise StatementError(
            "the contract ramps up, but which of its months this is was not given", remedy="give `contract_month`"
        )
    month = whole(measurements["contract_month"])
    share = exact(terms["factor_by_month"].get(str(month), "1"))
    return share, f"contract month {month}: x {shown(share)}"
