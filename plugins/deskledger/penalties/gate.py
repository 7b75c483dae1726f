"""The second stage: whether a measured value has a consequence at all (penalty structures 12, 14, 19)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from deskledger.errors import StatementError
from deskledger.penalties.exact import exact, shown, whole
from deskledger.penalties.measure import Measured


@dataclass(frozen=True)
class Gate:
    """`status` closes the gate with that line status; `verdict` replaces the schedule's own comparison."""

    status: str | None = None
    verdict: bool | None = None
    reason: str = "applies"
    # A gate that only spares a failure: a result that is met stays met.
    spares: str | None = None


def gate(term: Mapping[str, Any], measured: Measured, claim: Gate) -> Gate:
    """The gate of one term: no data, below the minimum sample, few tickets, relief above the forecast, no claim."""
    if measured.value is None:
        return Gate(status="no_data", reason=f"no data: {measured.evidence}")
    rules = term.get("gate") or {}
    volume = measured.denominator
    if volume is not None and "min_den" in rules and volume < exact(rules["min_den"]):
        return Gate(status="below_sample", reason=f"{shown(volume)} is below the sample of {rules['min_den']}")
    verdict: bool | None = None
    reason = claim.reason
    if volume is not None and "max_misses_if_den_le" in rules and volume <= exact(rules["max_misses_if_den_le"]):
        misses = _misses(term, measured)
        verdict = misses <= whole(rules["max_misses"])
        reason = f"low volume: {shown(misses)} misses of {shown(volume)}, {rules['max_misses']} are allowed"
    spares = claim.spares
    if volume is not None and "volume_relief_above" in rules and volume > exact(rules["volume_relief_above"]):
        spares, reason = "relief", f"{shown(volume)} is above the forecast of {rules['volume_relief_above']}"
    return Gate(verdict=verdict, reason=reason, spares=spares)


def claim_gate(contract: Mapping[str, Any], measurements: Mapping[str, Any], term: str) -> Gate:
    """Whether a failure of `term` was claimed in time; if not, its line is kept, without money.

    `claims` gives the day of each term's claim, `claim` that of all others. Without one the credit stands, or waits for
    it where the contract says `until_claimed: withheld`.
    """
    window = contract.get("claim_window_days")
    claim = (measurements.get("claims") or {}).get(term) or measurements.get("claim")
    if window is None:
        return Gate()
    if claim is None or claim.get("day") is None:
        is_withheld = contract.get("until_claimed") == "withheld"
        return Gate(spares="unclaimed", reason=f"no claim yet, allowed until day {window}") if is_withheld else Gate()
    if exact(claim["day"]) <= exact(window):
        return Gate(reason=f"claimed on day {claim['day']}, allowed until day {window}")
    return Gate(spares="late_claim", reason=f"claimed on day {claim['day']}, allowed until day {window}")


def _misses(term: Mapping[str, Any], measured: Measured) -> Fraction:
    if measured.numerator is None or measured.denominator is None:
        raise StatementError(
            "misses cannot be counted where only a value was measured",
            where=str(term["id"]),
            remedy="give num and den, or take max_misses out of the term's gate",
        )
    is_of_misses = term["schedule"].get("op") == "<="
    return measured.numerator if is_of_misses else measured.denominator - measured.numerator
