"""Corrections of posted months as the report and the review tell them: amounts, and what changed in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from deskledger.reports import figures

_TOLD = 8  # causes printed of one month; the rest are counted


def corrections(adjustments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a posted month that a draft corrects (rows of ledger.draft_adjustment), ready to print."""
    return [
        {
            "month": figures.month_name(row["corrected_period"]),
            "statement": row["corrected_statement"],
            "restated": row["restated_draft_id"],
            "page": f"../{row['corrected_period']}/{row['restated_draft_id']}.html",
            "issued": figures.money(row["issued_amount"], row["currency"]),
            "adjusted": figures.money(row["adjusted_amount"], row["currency"]),
            "now": figures.money(row["restated_amount"], row["currency"]),
            "amount": figures.money(row["amount"], row["currency"]),
            "causes": causes(row["causes"]),
        }
        for row in adjustments
    ]


def causes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What changed, one phrase each; of many tickets the first few and a number."""
    others = [_words(row) for row in rows if row["kind"] not in {"ticket", "more_tickets"}]
    tickets = [_words(row) for row in rows if row["kind"] == "ticket"]
    more = max(0, len(tickets) - _TOLD) + sum(row["count"] for row in rows if row["kind"] == "more_tickets")
    told = [*others, *tickets[:_TOLD]]
    return [*told, f"{figures.count(more, 'more ticket')}"] if more else told


def _words(row: Mapping[str, Any]) -> str:
    kind = row["kind"]
    if kind == "version":
        return f"version {row['after']} instead of version {row['before']}"
    if kind == "charge":
        return f"charge of the base {row['base']}: {row['before'] or 'none'}, now {row['after'] or 'none'}"
    if kind == "request":
        return f"{row['what'].replace('_', ' ')} {row['request_id']} {row['act']}"
    if kind == "month":
        return f"{figures.month_name(row['period'])} was corrected"
    if kind == "prolonged":
        return "the contract goes on after all, and its tickets had not been measured"
    if kind == "history":
        return "what the months before had failed or used"
    return f"{row['ticket']} ({row['service_level'].replace('_', ' ')}): {row['before']}, now {row['after']}"
