"""Posting: once for a contract's month, with everything that it was made of frozen beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import penalties
from deskledger.errors import ContractError, LedgerError
from deskledger.ledger import approvals
from deskledger.ledger.adjustments import adjustment_rows, issued_amount, posted_adjustments
from deskledger.ledger.canonical import plain
from deskledger.ledger.chain import append, header, read_posted_evidence
from deskledger.ledger.decisions import refuse_stale
from deskledger.ledger.drafted import draft_sha256
from deskledger.ledger.drafts import draft_state, read_evidence
from deskledger.ledger.recount import counted_again
from deskledger.ledger.recount_late import Charged, charged_before, handed_on_faults, priced_by_item
from deskledger.ledger.recount_requests import requests_faults, said_faults, window_faults
from deskledger.ledger.tables import every, insert_or_refuse, lock, one
from deskledger.model import EVIDENCE

_COPIED = (
    "statement_number", "contract", "period", "draft_id", "currency", "credit_amount", "preparers", "version",
    "contract_sha256", "inputs_sha256", "evidence_sha256", "terms", "assessment", "charges", "control", "csat",
    "code_version",
)  # fmt: skip


def posted(connection: Connection, contract: str, period: str) -> dict[str, Any] | None:
    """The posting of a contract's month, or None while it is open."""
    return one(
        connection,
        "select * from ledger.posting where contract = :contract and period = :period",
        contract=contract,
        period=period,
    )


def post(connection: Connection, draft_id: str, *, at: datetime, inputs_sha256: str | None = None) -> dict[str, Any]:
    """Post the approved draft, in the caller's transaction; the row of ledger.posting.

    Posting a month that is posted changes nothing and returns what is there. `inputs_sha256` as in `decide`. Raises
    LedgerError for a draft that is not approved, is stale or superseded, or rests on incomplete tickets.
    """
    state = draft_state(connection, draft_id)
    lock(connection, state["contract"], state["period"])
    existing = posted(connection, state["contract"], state["period"])
    if existing is not None:
        return existing
    state = draft_state(connection, draft_id)
    where = f"draft {draft_id}"
    if state["state"] != "approved":
        raise LedgerError(
            f"it is {state['state'].replace('_', ' ')}, and only an approved draft can be posted",
            where=where,
            remedy="have the newest draft of this month approved, then post that one",
        )
    if state["incomplete_tickets"]:
        count = state["incomplete_tickets"]
        raise LedgerError(
            f"{count} {'ticket or row is' if count == 1 else 'tickets or rows are'} incomplete: not all was loaded",
            where=where,
            remedy="mend the quarantined rows that the draft's `control` names and load them, or have them waived;"
            " then draft again",
        )
    refuse_stale(state, inputs_sha256)
    draft = one(connection, "select * from ledger.draft where draft_id = :draft_id", draft_id=draft_id)
    assert draft is not None
    row = {name: draft[name] for name in _COPIED} | {
        "approved_by": state["decided_by"],
        "approved_at": state["decided_at"],
        "approval_comment": state["comment"],
        "posted_at": at,
    }
    remedy = "draft the month again, and have that draft decided"
    insert_or_refuse(connection, "posting", row, where, remedy)
    columns = ", ".join(EVIDENCE.names)
    connection.execute(
        text(
            f"insert into ledger.posted_ticket (statement_number, draft_id, {columns}) "  # noqa: S608 - the model's own names
            f"select :number, draft_id, {columns} from ledger.draft_ticket where draft_id = :draft_id"
        ),
        {"number": row["statement_number"], "draft_id": draft_id},
    )
    append(connection, [header(row, draft_sha256(connection, draft_id)), *_lines(connection, row)])
    return row


def _lines(connection: Connection, posting: Mapping[str, Any]) -> list[dict[str, Any]]:
    lines = every(
        connection,
        "select * from ledger.draft_line where draft_id = :draft_id order by line_no",
        draft_id=posting["draft_id"],
    )
    common = {name: posting[name] for name in ("statement_number", "contract", "period", "currency")}
    corrects = {
        f"restatement:{row['corrected_period']}": row["corrected_statement"]
        for row in adjustment_rows(connection, posting["draft_id"])
    }
    return [
        {
            "kind": "line",
            **common,
            "line": line["term"],
            "service_level": line["service_level"],
            "status": line["status"],
            "clause": line["clause"],
            "version": line["version"],
            "operator": line["operator"],
            "target": line["target"],
            "value": line["value"],
            "band_edge": line["band_edge"],
            "amount": line["credit_amount"],
            **({"corrects": corrects[line["term"]]} if line["term"] in corrects else {}),
        }
        for line in lines
    ]


@dataclass(frozen=True)
class Recomputation:
    """A posted statement worked out again from its frozen evidence: both amounts, and every difference in words."""

    statement_number: str
    posted_amount: Decimal
    recomputed_amount: Decimal
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences


def recompute(connection: Connection, statement_number: str) -> Recomputation:
    """Work a posted statement out again from what it froze alone: counts from tickets, then money from those counts.

    Counts, classes, times and late tickets of this month come from the frozen evidence; what earlier months charged of
    late tickets from their own statements, as they stood then, and from the approved opening balances. A rolling
    window's earlier months, the history of repeat runs and what caps had used come from what was frozen of them, since
    their own statements prove them. Each adjustment is proved in the same way: its restated month from the evidence
    frozen with it, less what the ledger had booked for that month before. Cycles are taken as frozen: that the frozen
    events give them is shown by `steps.frozen`. What a newer engine would say differently is reported, never
    substituted. Raises LedgerError when the statement is unknown.
    """
    row = one(
        connection,
        "select * from ledger.posting where statement_number = :number",
        number=statement_number,
    )
    if row is None:
        raise LedgerError(
            f"no statement {statement_number!r} is posted", remedy="list them: `select * from ledger.posting`"
        )
    adjustments, differences = _adjustments_again(connection, row)
    evidence = read_posted_evidence(connection, statement_number)
    again, counted = _assessed_again(connection, row, evidence, adjustments, row["period"])
    differences += counted
    if again != row["credit_amount"]:
        differences.append(f"the tickets and terms give {again}, {row['credit_amount']} was posted")
    return Recomputation(statement_number, row["credit_amount"], again, tuple(differences))


def _assessed_again(
    connection: Connection,
    row: Mapping[str, Any],
    evidence: pd.DataFrame,
    adjustments: Sequence[Mapping[str, Any]],
    booked_period: str,
) -> tuple[Decimal, list[str]]:
    """The credit of a posting or draft from its evidence, terms and `adjustments`, and each difference in words.

    The months before it count as they stood when `booked_period` was posted.
    """
    priced, frozen = row["assessment"]["contract"], row["assessment"]["measurements"]
    levels = every(
        connection,
        "select * from ledger.draft_level where draft_id = :draft_id order by ordinal",
        draft_id=row["draft_id"],
    )
    charged, late_faults = _charged(connection, row, evidence, booked_period)
    measures, differences = counted_again(frozen["measures"], levels, row["terms"], evidence, charged)
    differences += late_faults
    differences += requests_faults(row["assessment"].get("requests") or [], frozen.get("waivers") or [], evidence)
    lines = [str(term["id"]) for term in priced.get("terms", ())]
    next_first = _next_first(connection, row)
    differences += said_faults(row["assessment"].get("requests") or [], lines, frozen, next_first)
    differences += window_faults(row["terms"], priced, next_first)
    others = [each for each in frozen.get("adjustments", ()) if each["type"] != "restatement"]
    measured = {**frozen, "measures": measures, "adjustments": [*others, *adjustments]}
    assessed = penalties.assess(priced, measured)
    return assessed.credit, [*differences, *_lines_told(connection, row["draft_id"], assessed.lines)]


def _charged(
    connection: Connection, row: Mapping[str, Any], evidence: pd.DataFrame, booked_period: str
) -> tuple[Charged, list[str]]:
    """What the months before charged of late tickets, where these have a price; and each fault in words.

    A fault is why that is not known, or what the next months go on from though the row's own evidence says otherwise.
    """
    if not priced_by_item(row["terms"]):
        return {}, []
    try:
        contract = approvals.contract_of(connection, row["contract"], row["terms"]["approvals"])
    except (ContractError, LedgerError) as error:
        return {}, [f"its approved terms cannot be read, so what was charged before is not known: {error.what}"]
    told = row["assessment"]
    charged = charged_before(connection, contract, row["period"], booked_period, told.get("late_before") or {})
    return charged, handed_on_faults(contract, row["terms"], told.get("late") or {}, evidence)


def _next_first(connection: Connection, row: Mapping[str, Any]) -> date:
    """The first day after the month of a posting or draft."""
    draft = one(
        connection,
        "select (period_end_at at time zone timezone)::date as day from ledger.draft where draft_id = :draft_id",
        draft_id=row["draft_id"],
    )
    assert draft is not None
    day: date = draft["day"]
    return day


def _lines_told(connection: Connection, draft_id: str, lines: Sequence[penalties.Line]) -> list[str]:
    """Each line that only the draft has, or only its evidence and terms give, in words."""
    stored = every(connection, "select * from ledger.draft_line where draft_id = :draft_id", draft_id=draft_id)
    drafted = Counter((row["term"], row["status"], row["credit_amount"]) for row in stored)
    given = Counter((line.term, line.status, line.credit) for line in lines)
    return [
        *(f"line {term}: {status} {amount} does not follow from the terms" for term, status, amount in drafted - given),
        *(f"line {term}: the terms give {status} {amount}" for term, status, amount in given - drafted),
    ]


def _adjustments_again(connection: Connection, posting: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Each adjustment of a posting, from the books before it and the evidence of its restated month."""
    again: list[dict[str, Any]] = []
    differences: list[str] = []
    for adjustment in adjustment_rows(connection, posting["draft_id"]):
        period = adjustment["corrected_period"]
        restated = one(
            connection,
            "select * from ledger.draft where draft_id = :draft_id",
            draft_id=adjustment["restated_draft_id"],
        )
        assert restated is not None
        evidence = read_evidence(connection, restated["draft_id"])
        recomputed, told = _assessed_again(connection, restated, evidence, (), posting["period"])
        differences += [f"restated {period}: {each}" for each in told]
        booked = [
            row["amount"]
            for row in posted_adjustments(connection, posting["contract"])
            if row["corrected_period"] == period and row["booked_period"] < posting["period"]
        ]
        issued = issued_amount(connection, adjustment["corrected_statement"]) + sum(booked, Decimal(0))
        if recomputed - issued != adjustment["amount"]:
            differences.append(
                f"restated {period}: the tickets and terms give {recomputed}, {issued} was booked before: an adjustment"
                f" of {recomputed - issued}, {adjustment['amount']} was posted"
            )
        again.append({"type": "restatement", "period": period, "issued": str(issued), "recomputed": str(recomputed)})
    return again, differences


def statement_of(connection: Connection, statement_number: str) -> dict[str, Any]:
    """A posted statement's row in JSON's own types, for export. Raises LedgerError when it is unknown."""
    row = one(connection, "select * from ledger.posting where statement_number = :number", number=statement_number)
    if row is None:
        raise LedgerError(f"no statement {statement_number!r} is posted", remedy="post its approved draft first")
    return dict(plain(row))
