"""A recomputed statement as text for a terminal, or as data."""

from dataclasses import fields
from typing import Any

from deskledger.cli.explain_words import harmless
from deskledger.cli.output import records
from deskledger.steps.recompute import Recomputed, Today

_TOLD = 20  # tickets printed; the rest are counted


def as_data(found: Recomputed) -> dict[str, Any]:
    """The result in plain types: amounts as text."""
    told = {field.name: getattr(found, field.name) for field in fields(found)}
    today = found.today
    return told | {
        "difference": found.recomputed - found.posted,
        "holds": found.holds,
        "again": {field.name: getattr(found.again, field.name) for field in fields(found.again)},
        "today": None
        if today is None
        else {
            "credit": today.credit,
            "why_not": today.why_not,
            "lines": list(today.lines),
            "tickets": records(today.sides),
        },
    }


def as_text(found: Recomputed) -> str:
    """The result as a page: what was posted, what the evidence gives, what proves it, and what today would say."""
    lines = [
        f"{found.statement_number}  ({found.contract}, {found.period}): {'holds' if found.holds else 'DOES NOT HOLD'}",
        "",
        *_amounts(found),
        "",
        f"  evidence    {found.evidence_rows:,} rows, SHA-256 {found.evidence_sha256}",
        f"  clocks      {_again(found)}",
        f"  contract    SHA-256 {found.contract_sha256}",
        f"  ledger      entry {found.entry_sha256}",
        f"  hashes      {'all verified' if not found.faults else f'{len(found.faults)} faults'}",
        f"  versions    posted by {found.code_version}, recomputed by {found.version_now}",
    ]
    lines += [f"  - {fault}" for fault in (*found.faults, *found.differences)]
    lines += [f"  - clocks: {difference}" for difference in found.again.differences]
    if found.today is not None:
        lines += ["", *_today(found, found.today)]
    return "\n".join(harmless(line) for line in lines)


def _again(found: Recomputed) -> str:
    again = found.again
    measured = f"measured again from {again.tickets:,} tickets and {again.events:,} events: {again.cycles:,} cycles"
    if not again.differences:
        return f"{measured}, the same"
    if found.code_version == found.version_now:
        return f"{measured}, {len(again.differences)} differences"
    return f"{measured}; this version measures otherwise, which changes nothing that is posted"


def _amounts(found: Recomputed) -> list[str]:
    amounts = {
        "posted": found.posted,
        "recomputed": found.recomputed,
        "difference": found.recomputed - found.posted,
    }
    return [f"  {name:<11} {amount:>16,} {found.currency}" for name, amount in amounts.items()]


def _today(found: Recomputed, today: Today) -> list[str]:
    if today.credit is None:
        return [f"  Over the data of today: not said, because {today.why_not}."]
    if today.credit == found.posted and not today.lines and today.sides.empty:
        return [f"  Over the data of today this version says the same: {today.credit:,} {found.currency}."]
    lines = [
        f"  Over the data of today this version would say {today.credit:,} {found.currency}"
        f" ({today.credit - found.posted:+,}). It is reported here and changes nothing that is posted."
    ]
    lines += [
        f"    {row['line']}: {row['status_before'] or 'absent'} {row['credit_before']:,}"
        f" -> {row['status_after'] or 'absent'} {row['credit_after']:,}"
        for row in today.lines
    ]
    sides = records(today.sides.head(_TOLD))
    lines += [
        f"    {row['ticket_id']} in {row['service_level']}: {row['fate_before']} -> {row['fate_after']}"
        for row in sides
    ]
    more = len(today.sides) - len(sides)
    return [*lines, *([f"    and {more:,} more (--json has all)"] if more else [])]
