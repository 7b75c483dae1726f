"""What was set aside by request: each with its reason, evidence, two names, and what it does to the credit."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from deskledger.reports import figures
from deskledger.reports.record import StatementRecord

_KINDS = {
    "exclusion": "exclusion",
    "credit_waiver": "waived credit",
    "incomplete_waiver": "waived incompleteness",
    "claim": "claim of the customer",
    "choice": "choice of the customer",
}
_NAMED = 12


def listed(record: StatementRecord, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """The requests that the draft froze, ready to print."""
    currency, zone = record.draft["currency"], str(record.draft["timezone"])
    rows = []
    for row in record.draft["assessment"].get("requests", ()):
        without, with_it = Decimal(row["credit_without"]), Decimal(row["credit_with"])
        taken = [f"{titles.get(level, level)}: {figures.count(n, 'row')}" for level, n in row["rows"].items()]
        rows.append(
            {
                "id": row["request_id"],
                "kind": _KINDS[row["kind"]],
                "what": _what(row, currency),
                "rows": ", ".join(taken),
                **{name: row[name] for name in ("explanation", "evidence", "evidence_sha256")},
                **{name: row[name] for name in ("requested_by", "approved_by")},
                "requested_at": figures.local(_instant(row["requested_at"]), zone),
                "approved_at": figures.local(_instant(row["approved_at"]), zone),
                "credit_without": figures.money(without, currency),
                "effect": figures.money(with_it - without, currency),
            }
        )
    return rows


def pending(record: StatementRecord) -> list[dict[str, Any]]:
    """The requests about the month on which nobody has ruled yet."""
    return [
        {"id": row["request_id"], "kind": _KINDS[row["kind"]], "requested_by": row["requested_by"]}
        for row in record.requests
        if row["state"] == "requested"
    ]


def subject_named(subject: Mapping[str, Any]) -> str:
    """A ticket ("T-17"), a cycle of it ("T-17#1@v2"), a survey or a row in quarantine, as a reader knows it."""
    if "quarantine_id" in subject:
        return f"row {subject['quarantine_id']}"
    cycle = f"#{subject['cycle']}@v{subject['version']}" if subject.get("cycle") else ""
    return f"{subject.get('ticket_id') or subject.get('survey_id')}{cycle}"


def _what(row: Mapping[str, Any], currency: str) -> str:
    if row["kind"] == "credit_waiver":
        return f"at most {figures.money(Decimal(row['amount']), currency)} of {row['line']}"
    subjects = row["subjects"]
    if row["kind"] == "claim":
        return ", ".join(f"{each['line'] or 'every line'}, claimed on {each['claimed_on']}" for each in subjects)
    if row["kind"] == "choice":
        return ", ".join(f"{each['line']} for {each['event']}" for each in subjects)
    named = [subject_named(each) for each in subjects]
    told = ", ".join(named[:_NAMED]) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")
    if row["kind"] == "incomplete_waiver":
        return f"no longer blocks: {told}"
    terms = row["terms"]
    return f"{terms['title']} (clause {terms['clause']}), {terms['effect']}: {told}"


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
