"""Who stands behind a statement: what the provider answers for, who approved the terms, and the tax on the credit."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from deskledger.reports import figures


def header(draft: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The engagement, and for each version of the terms that the draft rests on who wrote and who approved it."""
    engagement = draft["terms"].get("engagement") or {}
    if engagement:
        yield "Engagement", str(engagement["level"]).replace("_", " ")
    for version in draft["terms"].get("approvals") or ():
        approved_at = datetime.fromisoformat(str(version["approved_at"]))
        yield (
            f"Terms, version {version['version']}",
            f"written by {version['author']}, submitted by {version['submitted_by']}, approved by"
            f" {version['approved_by']}, {figures.local(approved_at, str(draft['timezone']))}",
        )


def answer(draft: Mapping[str, Any], service_level: str) -> str | None:
    """What the provider answers with for a service level: money, a share, or a report; None if nothing is said."""
    engagement = draft["terms"].get("engagement") or {}
    said = (engagement.get("answers") or {}).get(service_level)
    return f"shared, {engagement['shared_pct']} %" if said == "shared" else said


def tax(record_tax: Mapping[str, Any] | None, credit: Decimal, currency: str) -> dict[str, str | None] | None:
    """Net, tax and gross of the credit, ready to print; None where no books declare a treatment."""
    if record_tax is None:
        return None
    is_taxed = record_tax["treatment"] == "price_adjustment"
    number, corrections = record_tax["note_number"], record_tax["corrections_tax"]
    return {
        "name": f"Tax, {record_tax['rate']} % (price adjustment)" if is_taxed else "Tax: none (damages)",
        "tax": figures.money(record_tax["tax"], currency),
        "corrections": None if corrections is None else figures.money(corrections, currency),
        "gross": figures.money(credit + record_tax["tax"] + (corrections or 0), currency),
        "booked": f"Booked with {number}."
        if number
        else "As the books declare it today; no credit note has a number yet.",
    }
