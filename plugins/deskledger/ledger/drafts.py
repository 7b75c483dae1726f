"""Drafts: made once, never changed. A new one is made when what it says would change, or after a dispute."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection

from deskledger import __version__
from deskledger.errors import LedgerError
from deskledger.landing.evidence import EvidenceFile
from deskledger.ledger.adjustments import adjustment_rows
from deskledger.ledger.canonical import frame_digest
from deskledger.ledger.draft_content import Adjustment, DraftContent, inputs_sha256
from deskledger.ledger.tables import every, insert, lock, one
from deskledger.model import EVIDENCE, conform
from deskledger.warehouse import copy_in, read_frame


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


def write(
    connection: Connection, content: DraftContent, *, at: datetime, by: str = "scheduler", run_id: str | None = None
) -> DraftRef:
    """Write the draft, in the caller's transaction, unless the newest one says the same and is not disputed.

    A draft that follows a dispute is a new one even when nothing changed: the dispute stays with the old number. So is
    one whose frozen files are lost, unless they can be written again as they were.
    """
    lock(connection, content.contract, content.period)
    inputs = inputs_sha256(content)
    newest = newest_draft(connection, content.contract, content.period)
    if newest is not None and newest["state"] == "posted":
        return _ref(newest, "posted")
    number, reason = 1, "first"
    if newest is not None:
        changed = _changed(connection, content, newest, inputs)
        if changed is None:
            return _ref(newest, "current")
        number, reason = newest["number"] + 1, changed
    draft_id = _insert(connection, content, number, reason, inputs, at=at, by=by, run_id=run_id)
    for adjustment in content.adjustments:
        restated = _restated_draft(connection, adjustment, at=at, by=by, run_id=run_id)
        names = ("corrected_period", "corrected_statement", "replaced_draft_id", "currency", "issued_amount",
                 "adjusted_amount", "restated_amount", "amount", "causes")  # fmt: skip
        row = {name: getattr(adjustment, name) for name in names}
        insert(connection, "draft_adjustment", [{"draft_id": draft_id, "restated_draft_id": restated, **row}])
    return DraftRef(draft_id, "drafted", "in_review", content.credit_amount, content.currency)


def _changed(connection: Connection, content: DraftContent, newest: Mapping[str, Any], inputs: str) -> str | None:
    """Why another draft than the newest is needed; None where that one says the same and stands on its files."""
    if newest["state"] == "disputed":
        return "disputed"
    if newest["inputs_sha256"] != inputs:
        return "inputs_changed"
    return None if _is_frozen(connection, content, newest["draft_id"]) else "evidence_lost"


def _is_frozen(connection: Connection, content: DraftContent, draft_id: str) -> bool:
    """Whether the files of a stored draft that says the same are there, or were now written again as they were.

    With those of the months that it restates, where `content` states them anew.
    """
    named = frozen_files(connection, draft_id)
    if content.is_kept is not None and not all(content.is_kept(file) for file in named.values()):
        again = () if content.freeze is None else content.freeze()
        if {file.kind: file for file in again} != named:
            return False
    stored = {row["corrected_period"]: row["restated_draft_id"] for row in adjustment_rows(connection, draft_id)}
    return all(
        _is_frozen(connection, each.restated, stored[each.corrected_period])
        for each in content.adjustments
        if each.restated is not None
    )


def _insert(
    connection: Connection,
    content: DraftContent,
    number: int,
    reason: str,
    inputs: str,
    *,
    at: datetime,
    by: str,
    run_id: str | None,
) -> str:
    """Write the rows of a draft, and before them the files that they name; its id."""
    files = [] if content.freeze is None else content.freeze()
    own_number = statement_number(content.contract, content.period)
    draft_id = f"{own_number}-D{number}"
    stored = ("levels", "lines", "trace", "evidence", "adjustments", "figures", "freeze", "is_kept")
    row = {name: getattr(content, name) for name in DraftContent.__dataclass_fields__ if name not in stored}
    row |= {
        "control": {**content.control, **({} if content.figures is None else {"figures": content.figures()})},
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
    insert(connection, "draft_file", [{"draft_id": draft_id, **asdict(file)} for file in files])
    return draft_id


def _restated_draft(
    connection: Connection, adjustment: Adjustment, *, at: datetime, by: str, run_id: str | None
) -> str:
    """The stored draft of a restated month: the one that says the same already, else a new one."""
    if adjustment.restated_draft_id is not None:
        return adjustment.restated_draft_id
    content = adjustment.restated
    assert content is not None
    lock(connection, content.contract, content.period)
    month = every(
        connection,
        "select * from ledger.draft where contract = :contract and period = :period order by number",
        contract=content.contract,
        period=content.period,
    )
    for row in month:
        is_same = row["reason"] == "restated" and row["inputs_sha256"] == adjustment.restated_sha256
        if is_same and _is_frozen(connection, content, row["draft_id"]):
            return str(row["draft_id"])
    number = month[-1]["number"] + 1
    return _insert(connection, content, number, "restated", adjustment.restated_sha256, at=at, by=by, run_id=run_id)


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
    """A draft as stored: its rows by table, every decision on its month's earlier drafts, and what it corrects."""

    draft: Mapping[str, Any]
    state: Mapping[str, Any]
    levels: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    decisions: Sequence[Mapping[str, Any]]
    adjustments: Sequence[Mapping[str, Any]] = ()


def read(connection: Connection, draft_id: str) -> DraftRecord:
    """The draft with its levels, lines, trace, and the month's decisions so far. Raises LedgerError if unknown."""
    state = draft_state(connection, draft_id)
    draft = one(
        connection,
        "select *, ledger.approval_amount(draft_id) as approval_amount from ledger.draft where draft_id = :draft_id",
        draft_id=draft_id,
    )
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
        adjustments=adjustment_rows(connection, draft_id),
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


def frozen_files(connection: Connection, draft_id: str) -> dict[str, EvidenceFile]:
    """The files of a draft by the table that each holds; none where nothing was measured."""
    rows = every(connection, "select * from ledger.draft_file where draft_id = :draft_id", draft_id=draft_id)
    return {row["kind"]: EvidenceFile(row["kind"], row["path"], row["sha256"], row["rows"]) for row in rows}


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
    """Keep on record why a month could not be drafted, so that its silence is explained; `current`: its draft holds."""
    row = {"contract": contract, "period": period, "outcome": outcome, "message": message}
    row |= {"contract_sha256": contract_sha256, "data_mark": data_mark}
    insert(connection, "attempt", [{**row, "attempted_at": at}])


def last_attempt(connection: Connection, contract: str, period: str) -> dict[str, Any] | None:
    """The newest note of why the month could not be drafted, or that its draft holds after all; or None."""
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
