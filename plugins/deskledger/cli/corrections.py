"""Corrections of posted months as text for a terminal, or as data."""

from typing import Any

from deskledger.cli.explain_words import harmless
from deskledger.reports.corrections import causes
from deskledger.steps.corrections import Corrections


def as_data(found: Corrections) -> dict[str, Any]:
    """The result in plain types: amounts as text."""
    names = ("corrected_period", "corrected_statement", "issued_amount", "adjusted_amount", "restated_amount")
    kept = ("corrected_period", "booked_period", "corrected_statement", "booked_statement", "amount", "approved_by")
    return {
        "contract": found.contract,
        "currency": found.currency,
        "booked_in": found.booked_in,
        "is_in_review": found.is_in_review,
        "found": [
            {**{name: getattr(each, name) for name in (*names, "amount")}, "causes": list(each.causes)}
            for each in found.found
        ],
        "not_restated": list(found.not_restated),
        "posted": [{name: row[name] for name in kept} for row in found.posted],
    }


def as_text(found: Corrections) -> str:
    """The result as a page: what would be adjusted, why, what is left as it stands, and what was adjusted before."""
    lines = [f"{found.contract}: {_headline(found)}"]
    for each in found.found:
        before = f", adjusted by {each.adjusted_amount:+,} since" if each.adjusted_amount else ""
        lines.append(
            f"  {each.corrected_period}  {each.amount:+,} {each.currency}: {each.corrected_statement} issued"
            f" {each.issued_amount:,}{before}, and it comes to {each.restated_amount:,} now"
        )
        lines += [f"    - {cause}" for cause in causes(each.causes)]
    lines += [f"  {row['period']}  is left as it stands: {row['reason']}" for row in found.not_restated]
    lines += [
        f"  posted: {row['amount']:+,} {row['currency']} for {row['corrected_period']}, booked in"
        f" {row['booked_statement']}, approved by {row['approved_by']}"
        for row in found.posted
    ]
    return "\n".join(harmless(line) for line in lines)


def _headline(found: Corrections) -> str:
    if not found.found:
        return "the posted months come to what was booked for them."
    if found.is_in_review:
        return (
            f"against what is posted. {found.booked_in} is in review: what its draft does not correct already is booked"
            " in the month after it."
        )
    return f"a draft of {found.booked_in} made now would book"
