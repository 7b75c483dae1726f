"""What the human task shows: the verdict, the money and the service levels, in Markdown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from deskledger.reports import figures
from deskledger.reports.record import StatementRecord
from deskledger.reports.view import view


def subject(record: StatementRecord, rendered_at: Any) -> str:
    """One line: contract, month, verdict, credit, draft."""
    told = view(record, rendered_at)
    draft, sums = record.draft, told["sums"]
    verdict = f"{sums['met']} of {sums['total']} service levels met" if sums["total"] else "corrections only"
    return f"{draft['contract']} {draft['period']}: {verdict}, credit {told['credit']} (draft {draft['number']})"


def body(record: StatementRecord, rendered_at: Any, report: Path | None) -> str:
    """The body of the task: what is to be approved, what stands in the way, and where the full report lies."""
    told = view(record, rendered_at)
    draft, sums = record.draft, told["sums"]
    missed = f", {sums['missed']} missed" if sums["missed"] else ""
    no_data = f", {sums['no_data']} without data" if sums["no_data"] else ""
    parts = [
        f"**{_plain(told['customer'])}, {told['month']}: {sums['met']} of {sums['total']} service levels met{missed}"
        f"{no_data}. Credit {told['credit']}.**",
        _table(
            ("Service level", "Objective", "Result", "Tickets", "Verdict", "Run", "Credit"),
            [
                (
                    level["title"],
                    level["objective"],
                    level["result"],
                    level["counts"],
                    level["verdict"],
                    level["failed_run"] or "–",
                    level["credit"],
                )
                for level in told["levels"]
            ],
        ),
    ]
    if told["lines"]:
        lines = [(line["name"], line["clause"] or "–", line["status"], line["credit"]) for line in told["lines"]]
        parts.append(_table(("Line", "Clause", "Outcome", "Credit"), lines))
    if told["requests"]:
        parts.append("Set aside by request:")
        parts.append(
            _table(
                ("Request", "What", "Asked by", "Approved by", "Credit without it"),
                [
                    (row["id"], row["what"], row["requested_by"], row["approved_by"], row["credit_without"])
                    for row in told["requests"]
                ],
            )
        )
    if told["pending"]:
        parts.append(
            f"**{figures.count(len(told['pending']), 'request waits', 'requests wait')} for a ruling** and "
            f"{'is' if len(told['pending']) == 1 else 'are'} not in these figures: "
            f"{', '.join(_plain(row['id']) for row in told['pending'])}."
        )
    if told["corrections"]:
        head = ("Corrected month", "Posted", "Adjusted before", "Comes to now", "Adjustment", "What changed")
        names = ("month", "issued", "adjusted", "now", "amount")
        rows = [(*(row[name] for name in names), "; ".join(row["causes"])) for row in told["corrections"]]
        parts.append(_table(head, rows))
    parts += [f"{row['period']} is left as it stands: {_plain(row['reason'])}." for row in told["not_restated"]]
    if draft["incomplete_tickets"]:
        incomplete = figures.count(draft["incomplete_tickets"], "ticket or row is", "tickets or rows are")
        parts.append(
            f"**{incomplete} incomplete** (in quarantine): this draft can be approved, but not posted until mended or "
            "waived."
        )
    if told["decisions"]:
        parts.append("Earlier decisions on this month:")
        parts.append(
            "\n".join(
                f"- draft {row['number']}: {row['decision'].replace('_', ' ')} by {_plain(row['decided_by'])}, "
                f"{row['at']}: "
                f"{_plain(row['comment']) or 'no comment'}"
                for row in told["decisions"]
            )
        )
    parts += _terms_of_review(draft)
    preparers = ", ".join(_plain(name) for name in draft["preparers"]) or "nobody named"
    parts.append(
        f"Draft {draft['number']}, contract version {draft['version']}, data landed by "
        f"{draft['data_cutoff']:%Y-%m-%d %H:%M} UTC. Prepared by {preparers}: they cannot approve. "
        "A dispute needs a comment."
    )
    if report is not None:
        parts.append(f"Full report: `{report}`")
    return "\n\n".join(parts)


def _terms_of_review(draft: Mapping[str, Any]) -> list[str]:
    """Who may approve this amount, by when, and what happens then: as the draft froze it of its contract."""
    review, words = draft["terms"].get("review") or {}, []
    amount = draft["approval_amount"]
    if review.get("authority"):
        lines = [
            each
            for each in review["authority"]
            if each["up_to_amount"] is None or amount <= Decimal(each["up_to_amount"])
        ]
        named = sorted({name for each in lines for name in each["approvers"] or ["everybody"]})
        told = figures.money(amount, draft["currency"])
        words.append(f"{told} may be approved by {_plain(', '.join(named) or 'nobody')}.")
    takes_two = bool(review.get("second_above_amount")) and amount > Decimal(review["second_above_amount"])
    if takes_two:
        words.append("Two persons approve such an amount, one after the other: this task asks again.")
    if review.get("due_at"):
        after = {
            "nothing": "nothing happens by itself",
            "remind": "a reminder goes out once a day",
            "escalate": f"it is escalated to {review['to']}",
            "deemed_approved": f"clause {review['clause']} deems it approved",
        }["remind" if takes_two and review["then"] == "deemed_approved" else review["then"]]
        due = figures.local(datetime.fromisoformat(review["due_at"]), str(draft["timezone"]))
        words.append(f"To be decided by {due}; after that {_plain(after)}.")
    return [" ".join(words)] if words else []


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(str(cell)) for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text that cannot become Markdown or HTML: names and comments come from people."""
    flat = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        flat = flat.replace(sign, "\\" + sign)
    return flat
