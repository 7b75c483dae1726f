"""The ledger: drafts, decisions, postings and the books. The only truth about money; append-only, hash-chained."""

from deskledger.ledger import approvals
from deskledger.ledger.adjustments import (
    issued_amount,
    posted_adjustments,
    posted_months,
    read_adjustments,
    result_draft,
)
from deskledger.ledger.canonical import canonical, digest, frame_digest, plain
from deskledger.ledger.chain import Verification, read_posted_evidence, statement_entry, verify
from deskledger.ledger.decisions import asks_second, decide, deem_approved, remind
from deskledger.ledger.draft_content import Adjustment, DraftContent, inputs_sha256
from deskledger.ledger.drafted import drafted_periods
from deskledger.ledger.drafts import (
    DraftRecord,
    DraftRef,
    draft_state,
    frozen_files,
    last_attempt,
    newest_draft,
    note_attempt,
    read,
    read_evidence,
    statement_number,
    write,
)
from deskledger.ledger.postings import Recomputation, post, posted, recompute, statement_of
from deskledger.ledger.recount_late import charged_before
from deskledger.ledger.requests import (
    RequestContent,
    RequestKind,
    Ruling,
    request,
    request_state,
    requests_in_force,
    requests_of_month,
    revokers,
    rule_on,
)

__all__ = [
    "Adjustment",
    "DraftContent",
    "DraftRecord",
    "DraftRef",
    "Recomputation",
    "RequestContent",
    "RequestKind",
    "Ruling",
    "Verification",
    "approvals",
    "asks_second",
    "canonical",
    "charged_before",
    "decide",
    "deem_approved",
    "digest",
    "draft_state",
    "drafted_periods",
    "frame_digest",
    "frozen_files",
    "inputs_sha256",
    "issued_amount",
    "last_attempt",
    "newest_draft",
    "note_attempt",
    "plain",
    "post",
    "posted",
    "posted_adjustments",
    "posted_months",
    "read",
    "read_adjustments",
    "read_evidence",
    "read_posted_evidence",
    "recompute",
    "remind",
    "request",
    "request_state",
    "requests_in_force",
    "requests_of_month",
    "result_draft",
    "revokers",
    "rule_on",
    "statement_entry",
    "statement_number",
    "statement_of",
    "verify",
    "write",
]
