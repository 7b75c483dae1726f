"""The books as a hash chain: append, and prove that nothing was changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from deskledger.ledger.adjustments import adjustment_rows
from deskledger.ledger.canonical import canonical, frame_digest
from deskledger.ledger.drafted import digest_or_fault, draft_sha256
from deskledger.ledger.drafts import read_evidence
from deskledger.ledger.tables import every, insert, one
from deskledger.model import EVIDENCE
from deskledger.warehouse import read_frame

_FIRST_PREVIOUS = "0" * 64
_FROZEN = ("terms", "assessment", "charges", "control", "csat", "preparers")


@dataclass(frozen=True)
class Verification:
    """What `verify` found: how much it looked at, the chain's newest hash, and every fault in words."""

    entries: int
    statements: int
    head_sha256: str
    faults: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.faults


def append(connection: Connection, records: Sequence[Mapping[str, Any]]) -> None:
    """Append `records` to ledger.entry, each chained to the one before it. One writer at a time, in its transaction."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended('ledger.entry', 0))"))
    last = one(connection, "select entry_no, sha256 from ledger.entry order by entry_no desc limit 1")
    number, previous = (0, _FIRST_PREVIOUS) if last is None else (last["entry_no"], last["sha256"])
    rows = []
    for record in records:
        written = canonical(record)
        own = sha256(f"{previous}\n{written}".encode()).hexdigest()
        number += 1
        rows.append({"entry_no": number, "previous_sha256": previous, "sha256": own, "record": written})
        previous = own
    insert(connection, "entry", rows)


def frozen_sha256(posting: Mapping[str, Any]) -> str:
    """The hash of what a posting froze beside its evidence: terms, assessment, charges, control totals, CSAT."""
    return digest_or_fault({name: posting[name] for name in _FROZEN})


def verify(
    connection: Connection, expected_head: str | None = None, *, statement_number: str | None = None
) -> Verification:
    """Recompute the whole chain, and each statement's hashes and sum from what is stored.

    That is its posting with what it froze, and its draft: reports and the months after it read the draft's rows.
    `expected_head` is a hash noted earlier (every posted report prints one): the chain must still contain it, which
    shows a ledger whose newest entries were cut off. With `statement_number` the whole chain is checked, and of the
    statements only this one.
    """
    faults = [
        f"entry {row['entry_no']}: {row['fault']}"
        for row in every(connection, "select entry_no, fault from ledger.broken_entry order by entry_no")
    ]
    entries = every(connection, "select entry_no, sha256, kind, statement_number, record, amount from ledger.entry")
    known = {row["sha256"] for row in entries}
    if expected_head is not None and expected_head not in known:
        faults.append(f"the chain no longer contains {expected_head}")
    postings = every(connection, "select * from ledger.posting order by statement_number")
    chosen = [row for row in postings if statement_number in {None, row["statement_number"]}]
    for posting in chosen:
        own = [row for row in entries if row["statement_number"] == posting["statement_number"]]
        faults += [f"statement {posting['statement_number']}: {fault}" for fault in _faults(connection, posting, own)]
    booked = {row["statement_number"] for row in entries} - {row["statement_number"] for row in postings}
    faults += [f"statement {number}: booked, but its posting is missing" for number in sorted(booked)]
    head = max(entries, key=lambda row: row["entry_no"])["sha256"] if entries else _FIRST_PREVIOUS
    return Verification(len(entries), len(chosen), head, tuple(faults))


def _faults(connection: Connection, posting: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    headers = [row for row in entries if row["kind"] == "statement"]
    if len(headers) != 1:
        return [f"has {len(headers)} statement entries instead of one"]
    faults = []
    booked_draft = json.loads(headers[0]["record"]).get("draft_sha256", {})
    if headers[0]["record"] != canonical(header(posting, booked_draft)):
        faults.append("its posting or frozen terms are not what was booked")
    own_draft = draft_sha256(connection, posting["draft_id"])
    for part in {**own_draft, **booked_draft}:
        if booked_draft.get(part) != own_draft.get(part):
            faults.append(f"the {part} of its draft {posting['draft_id']}: not what was booked")
    if frame_digest(read_evidence(connection, posting["draft_id"])) != posting["evidence_sha256"]:
        faults.append(f"the evidence of its draft {posting['draft_id']}: not what was booked")
    for adjustment in adjustment_rows(connection, posting["draft_id"]):
        restated_id = adjustment["restated_draft_id"]
        restated = one(connection, "select evidence_sha256 from ledger.draft where draft_id = :id", id=restated_id)
        if restated is None or frame_digest(read_evidence(connection, restated_id)) != restated["evidence_sha256"]:
            faults.append(f"the evidence of the restated draft {restated_id}: not what was booked")
    evidence = read_posted_evidence(connection, posting["statement_number"])
    if frame_digest(evidence) != posting["evidence_sha256"]:
        faults.append("its frozen evidence is not what was booked")
    booked = sum((row["amount"] for row in entries if row["kind"] == "line"), Decimal(0))
    if booked != posting["credit_amount"]:
        faults.append(f"its lines sum to {booked}, its total is {posting['credit_amount']}")
    return faults


def header(posting: Mapping[str, Any], draft_parts: Mapping[str, str]) -> dict[str, Any]:
    """The entry that opens a statement: everything that names or proves it. Its amounts are its lines'.

    `draft_parts` are the hashes of the posted draft, as `draft_sha256` gives them.
    """
    names = (
        "statement_number", "contract", "period", "draft_id", "currency", "credit_amount", "approved_by", "approved_at",
        "approval_comment", "version", "contract_sha256", "inputs_sha256", "evidence_sha256", "code_version",
        "posted_at",
    )  # fmt: skip
    return {
        "kind": "statement",
        **{name: posting[name] for name in names},
        "frozen_sha256": frozen_sha256(posting),
        "draft_sha256": dict(draft_parts),
    }


def statement_entry(connection: Connection, statement_number: str) -> str | None:
    """The hash of the entry that opens a posted statement: noted elsewhere, it proves the ledger up to there."""
    row = one(
        connection,
        "select sha256 from ledger.entry where statement_number = :number and kind = 'statement'",
        number=statement_number,
    )
    return None if row is None else str(row["sha256"])


def read_posted_evidence(connection: Connection, statement_number: str) -> Any:
    """The frozen evidence of a posted statement (model.EVIDENCE), in its own order."""
    columns = ", ".join(EVIDENCE.names)
    return read_frame(
        connection,
        f"select {columns} from ledger.posted_ticket where statement_number = :number order by evidence_no",  # noqa: S608 - the model's own names
        {"number": statement_number},
        EVIDENCE,
    )
