"""Requests to exclude or waive, and the rulings on them: two named persons before a draft changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import Connection

from deskledger.errors import LedgerError
from deskledger.ledger.tables import every, insert_or_refuse, lock, one

RequestKind = Literal["exclusion", "credit_waiver", "incomplete_waiver", "claim", "choice"]
Ruling = Literal["approve", "reject", "withdraw", "revoke"]


@dataclass(frozen=True)
class RequestContent:
    """What is asked for, in a contract's month.

    `subjects` are of {source, ticket_id, cycle, version} (a cycle and the version that measures it, or no cycle),
    {source, survey_id} or {quarantine_id}; of a claim {claimed_on, line} and of a choice {event, line}. `line` and
    `amount` are a credit waiver's; `terms` is what the contract says about it (clause, effect, authority); `evidence`
    is the text or address of what proves it, and `evidence_sha256` the hash of that text, or of the content that the
    address had.
    """

    contract: str
    period: str
    kind: RequestKind
    reason: str
    terms: Mapping[str, Any]
    currency: str
    explanation: str
    evidence: str
    subjects: Sequence[Mapping[str, Any]] = ()
    service_levels: Sequence[str] = ()
    line: str | None = None
    amount: Decimal | None = None
    evidence_sha256: str | None = None


def request(connection: Connection, content: RequestContent, *, by: str, at: datetime) -> dict[str, Any]:
    """Put a request forward, in the caller's transaction; its row of ledger.request_state.

    Raises LedgerError when nobody is named, or explanation or evidence is empty.
    """
    lock(connection, content.contract, content.period)
    number = 1 + len(requests_of_month(connection, content.contract, content.period))
    request_id = f"{content.contract.upper()}-{content.period}-R{number}"
    row = {name: getattr(content, name) for name in RequestContent.__dataclass_fields__} | {
        "request_id": request_id,
        "number": number,
        "evidence_sha256": content.evidence_sha256 or sha256(content.evidence.encode()).hexdigest(),
        "requested_by": by.strip(),
        "requested_at": at,
    }
    remedy = "say who asks, why (an explanation), on what evidence, and for which tickets, rows or line"
    insert_or_refuse(connection, "request", row, f"request {request_id}", remedy)
    return request_state(connection, request_id)


def rule_on(
    connection: Connection, request_id: str, ruling: Ruling, *, comment: str, by: str, at: datetime
) -> dict[str, Any]:
    """Rule on a request, in the caller's transaction; its row of ledger.request_state.

    The same ruling by the same person again is the same row. Raises LedgerError for an unknown request, one that was
    ruled on, its requester's own approval, an amount beyond the person's authority, and a rejection or revocation
    without a comment.
    """
    state = request_state(connection, request_id)
    lock(connection, state["contract"], state["period"])
    last = one(
        connection,
        "select * from ledger.ruling where request_id = :request_id order by number desc limit 1",
        request_id=request_id,
    )
    if last is not None and (last["ruling"], last["ruled_by"]) == (ruling, by.strip()):
        return request_state(connection, request_id)
    row = {
        "request_id": request_id,
        "number": 1 if last is None else last["number"] + 1,
        "ruling": ruling,
        "comment": comment.strip(),
        "ruled_by": by.strip(),
        "ruled_at": at,
    }
    remedy = "have another person with the authority for it approve it; a rejection or revocation needs a comment"
    insert_or_refuse(connection, "ruling", row, f"request {request_id}", remedy)
    return request_state(connection, request_id)


def request_state(connection: Connection, request_id: str) -> dict[str, Any]:
    """The request's row of ledger.request_state. Raises LedgerError for an unknown one."""
    row = one(connection, "select * from ledger.request_state where request_id = :request_id", request_id=request_id)
    if row is None:
        raise LedgerError(f"there is no request {request_id!r}", remedy="list them: deskledger requests list")
    return row


def requests_of_month(connection: Connection, contract: str, period: str) -> list[dict[str, Any]]:
    """Every request about a contract's month, in the order in which they were made."""
    return every(
        connection,
        "select * from ledger.request_state where contract = :contract and period = :period order by number",
        contract=contract,
        period=period,
    )


def requests_in_force(connection: Connection, contract: str, period: str) -> list[dict[str, Any]]:
    """The approved requests that the month's next draft follows, oldest first.

    They are the month's own, and earlier waivers of quarantined rows without a ticket: such a row is one and the same
    whichever month it stands in. What else an earlier waiver names (tickets) was waived for its own month: `subjects`
    leaves it out.
    """
    rows = every(
        connection,
        """
        select * from ledger.request_state
        where
            contract = :contract
            and state = 'approved'
            and (
                period = :period
                or (
                    kind = 'incomplete_waiver' and period < :period
                    and jsonb_path_exists(subjects, '$[*].quarantine_id')
                )
            )
        order by period, number
        """,
        contract=contract,
        period=period,
    )
    return [row if row["period"] == period else {**row, "subjects": _carried(row["subjects"])} for row in rows]


def _carried(subjects: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in subjects if "quarantine_id" in each]


def revokers(connection: Connection, contract: str, period: str) -> list[str]:
    """Who took back a request of the month: that decides what the next draft says, as asking does."""
    rows = [row for row in requests_of_month(connection, contract, period) if row["state"] == "revoked"]
    return sorted({row["ruled_by"] for row in rows})
