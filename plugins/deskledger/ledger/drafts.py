"""Drafts: made once, never changed. A new one is made when what it says would change, or after a dispute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection

from deskledger import __version__
from deskledger.errors import LedgerError
from deskledger.ledger.canonical import digest, frame_digest, plain
from deskledger.ledger.tables import every, insert, lock, one
from deskledger.model import EVIDENCE, conform
from deskledger.warehouse import copy_in, read_frame


@dataclass(frozen=True)
class DraftContent:
    """All that a draft states: the contract's terms, the month's figures, and the rows behind them.

    `terms` are the version's, expanded; `assessment` holds what `penalties.assess` took (`contract`, `measurements`);
    `levels`, `lines` and `trace` have the columns of their tables; `evidence` is model.EVIDENCE; `control` the control
    totals; `data_mark` tells cheaply whether anything landed since; `preparers` are those who wrote the terms or
    imported the charges, and cannot approve.
    """

    contract: str
    contract_title: str
    parties: Mapping[str, str]
    period: str
    version: int
    effective_from: date
    currency: str
    credit_amount: Decimal
    timezone: str
    period_start_at: datetime
    period_end_at: datetime
    as_of: datetime
    data_cutoff: datetime
    watermark_at: datetime
    data_mark: str
    contract_sha256: str
    preparers: Sequence[str]
    terms: Mapping[str, Any]
    assessment: Mapping[str, Any]
    charges: Mapping[str, Any]
    control: Mapping[str, Any]
    csat: Mapping[str, Any] | None
    incomplete_tickets: int
    levels: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    evidence: pd.DataFrame


@dataclass(frozen=True)
class DraftRef:
    """A draft and how it came about: `drafted` now, `current` already, or its month is `posted`."""

    draft_id: str
    outcome: Literal["drafted", "current", "posted"]
    state: str
    credit_amount: Decimal
    currency: str


def statement_number(contract: str, period: str) -> str:
    """The number of a contract month's statement: ALDER-2026-01."""
    return f"{contract.upper()}-{period}"


def inputs_sha256(content: DraftContent) -> str:
    """The hash of what the draft rests on and says: terms, evidence, charges, history, figures, money.

    Not of when it was made: the same terms and data give the same hash at any later instant.
    """
    return digest(
        {
            "contract": content.contract,
            "period": content.period,
            "contract_sha256": content.contract_sha256,
            "version": content.version,
            "as_of": content.as_of,
            "assessment": content.assessment,
            "charges": content.charges,
            "levels": content.levels,
            "lines": content.lines,
            "credit_amount": content.credit_amount,
            "evidence_sha256": frame_digest(content.evidence),
            "incomplete_tickets": content.incomplete_tickets,
        }
    )


def write(
    connection: Connection, content: DraftContent, *, at: datetime, by: str = "scheduler", run_id: str | None = None
) -> DraftRef:
    """Write the draft, in the caller's transaction, unless the newest one says the same and is not disputed.

    A draft that follows a dispute is a new one even when nothing changed: the dispute stays with the old number.
    """
    lock(connection, content.contract, content.period)
    inputs = inputs_sha256(content)
    newest = newest_draft(connection, content.contract, content.period)
    if newest is not None and newest["state"] == "posted":
        return _ref(newest, "posted")
    if newest is not None and newest["inputs_sha256"] == inputs and newest["state"] != "disputed":
        return _ref(newest, "current")
    number = 1 if newest is None else newest["number"] + 1
    reason = "first" if newest is None else "disputed" if newest["state"] == "disputed" else "inputs_changed"
    own_number = statement_number(content.contract, content.period)
    draft_id = f"{own_number}-D{number}"
    stored = ("levels", "lines", "trace", "evidence")
    row = {name: getattr(content, name) for name in DraftContent.__dataclass_fields__ if name not in stored}
    row |= {
        "draft_id": draft_id,
        "number": number,
        "statement_number": own_number,
        "reason": reason,
        "inputs_sha256": inputs,
        "evidence_sha256": frame_digest(content.evidence),
        "code_version": __version__,
        "drafted_by": by,
        "run_id": run_id,
        "drafted_at": at,
        "preparers": list(content.preparers),
    }
    insert(connection, "draft", [row])
    insert(connection, "draft_level", [{"draft_id": draft_id, **level} for level in content.levels])
    insert(connection, "draft_line", [{"draft_id": draft_id, **line} for line in content.lines])
    insert(connection, "draft_trace", [{"draft_id": draft_id, **step} for step in content.trace])
    evidence = conform(EVIDENCE, content.evidence)
    evidence.insert(0, "draft_id", pd.Series(draft_id, index=evidence.index, dtype="str"))
    copy_in(connection, "ledger.draft_ticket", evidence)
    return DraftRef(draft_id, "drafted", "in_review", content.credit_amount, content.currency)


def _ref(row: Mapping[str, Any], outcome: Literal["current", "posted"]) -> DraftRef:
    return DraftRef(row["draft_id"], outcome, row["state"], row["credit_amount"], row["currency"])


def newest_draft(connection: Connection, contract: str, period: str) -> dict[str, Any] | None:
    """The row of ledger.draft_state that speaks for a contract's month: the posted draft, else the newest."""
    rows = every(
        connection,
        """
        select * from ledger.draft_state
        where contract = :contract and period = :period
        order by (state = 'posted') desc, number desc
        limit 1
        """,
        contract=contract,
        period=period,
    )
    return rows[0] if rows else None


def draft_state(connection: Connection, draft_id: str) -> dict[str, Any]:
    """The draft's row of ledger.draft_state. Raises LedgerError for an unknown draft."""
    row = one(connection, "select * from ledger.draft_state where draft_id = :draft_id", draft_id=draft_id)
    if row is None:
        raise LedgerError(
            f"there is no draft {draft_id!r}", remedy="list the drafts with `select * from ledger.draft_state`"
        )
    return row


@dataclass(frozen=True)
class DraftRecord:
    """A draft as stored: its rows by table, and every decision on its month's earlier drafts."""

    draft: Mapping[str, Any]
    state: Mapping[str, Any]
    levels: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    decisions: Sequence[Mapping[str, Any]]


def read(connection: Connection, draft_id: str) -> DraftRecord:
    """The draft with its levels, lines, trace, and the month's decisions so far. Raises LedgerError if unknown."""
    state = draft_state(connection, draft_id)
    draft = one(connection, "select * from ledger.draft where draft_id = :draft_id", draft_id=draft_id)
    assert draft is not None
    return DraftRecord(
        draft=draft,
        state=state,
        levels=every(connection, "select * from ledger.draft_level where draft_id = :id order by ordinal", id=draft_id),
        lines=every(connection, "select * from ledger.draft_line where draft_id = :id order by line_no", id=draft_id),
        trace=every(connection, "select * from ledger.draft_trace where draft_id = :id order by trace_no", id=draft_id),
        decisions=every(
            connection,
            """
            select draft_id, number, decision, comment, decided_by, decided_at from ledger.draft_state
            where contract = :contract and period = :period and number <= :number and decision is not null
            order by number
            """,
            contract=draft["contract"],
            period=draft["period"],
            number=draft["number"],
        ),
    )


def read_evidence(connection: Connection, draft_id: str) -> pd.DataFrame:
    """The draft's evidence, as it was written (model.EVIDENCE)."""
    columns = ", ".join(EVIDENCE.names)
    return read_frame(
        connection,
        f"select {columns} from ledger.draft_ticket where draft_id = :draft_id order by evidence_no",  # noqa: S608 - the model's own names
        {"draft_id": draft_id},
        EVIDENCE,
    )


def note_attempt(
    connection: Connection,
    contract: str,
    period: str,
    *,
    outcome: str,
    message: str,
    contract_sha256: str,
    data_mark: str,
    at: datetime,
) -> None:
    """Keep on record why a month could not be drafted, so that its silence is explained."""
    row = {"contract": contract, "period": period, "outcome": outcome, "message": message}
    row |= {"contract_sha256": contract_sha256, "data_mark": data_mark}
    insert(connection, "attempt", [{**row, "attempted_at": at}])


def last_attempt(connection: Connection, contract: str, period: str) -> dict[str, Any] | None:
    """The newest note of why the month could not be drafted, or None."""
    return one(
        connection,
        """
        select * from ledger.attempt
        where contract = :contract and period = :period
        order by attempt_no desc
        limit 1
        """,
        contract=contract,
        period=period,
    )


def posted_months(connection: Connection, contract: str, before: str) -> list[dict[str, Any]]:
    """The contract's posted months before a period, oldest first: period, credit, line statuses, monthly figures."""
    rows = every(
        connection,
        """
        select
            posting.period,
            posting.credit_amount,
            (
                select coalesce(jsonb_object_agg(line.term, line.status), '{}'::jsonb)
                from ledger.draft_line as line
                where line.draft_id = posting.draft_id
            ) as statuses,
            (
                select coalesce(jsonb_object_agg(level.service_level, level.months -> -1), '{}'::jsonb)
                from ledger.draft_level as level
                where level.draft_id = posting.draft_id
            ) as figures,
            (
                select line.detail ->> 'points_total'
                from ledger.draft_line as line
                where line.draft_id = posting.draft_id and line.term = 'points'
            ) as points
        from ledger.posting
        where posting.contract = :contract and posting.period < :before
        order by posting.period
        """,
        contract=contract,
        before=before,
    )
    return [plain(row) | {"credit_amount": row["credit_amount"]} for row in rows]
