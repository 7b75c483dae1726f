"""Decisions on drafts: who, when, and why. Whoever prepared a draft cannot approve it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from deskledger.errors import LedgerError
from deskledger.ledger.drafts import draft_state
from deskledger.ledger.tables import insert, insert_or_refuse, lock, one


def decide(
    connection: Connection,
    draft_id: str,
    decision: str,
    *,
    comment: str,
    user: str,
    at: datetime,
    inputs_sha256: str | None = None,
) -> dict[str, Any]:
    """Record that `user` approves or disputes the draft; the row of ledger.decision.

    Where the contract asks for two approvals of its amount, the first one is kept in ledger.first_approval and decides
    nothing yet: `decision` of the row is then `first_approval`. So is the second one where the first no longer stands;
    `fallen` of the row then says why.

    `inputs_sha256` is the hash of what a draft would say now: another one than the draft's makes the draft stale.
    The same decision by the same person again is the same row. Raises LedgerError, and writes nothing, for a draft
    that is stale, superseded, posted or decided otherwise, for a preparer who approves, and for a dispute without a
    comment.
    """
    state = draft_state(connection, draft_id)
    lock(connection, state["contract"], state["period"])
    state = draft_state(connection, draft_id)
    where = f"draft {draft_id}"
    comment, user = comment.strip(), user.strip()
    if decision not in {"approve", "dispute"}:
        raise LedgerError(f"unknown decision {decision!r}", where=where, remedy="answer approve or dispute")
    if not user:
        raise LedgerError("the decision names nobody", where=where, remedy="decide as a signed-in person")
    if state["decision"] is not None and state["state"] in {"approved", "disputed", "posted"}:
        if (state["decision"], _folded(state["decided_by"])) == (decision, _folded(user)):
            return _row(connection, draft_id)
        raise LedgerError(
            f"it was already decided: {state['decision']} by {state['decided_by']}",
            where=where,
            remedy="a decision stands; after a dispute, decide on the new draft",
        )
    if state["state"] in {"superseded", "posted"}:
        raise LedgerError(
            f"it is {state['state']} and can no longer be decided",
            where=where,
            remedy="decide on the newest draft of this month",
        )
    refuse_stale(state, inputs_sha256)
    if decision == "dispute" and not comment:
        raise LedgerError("a dispute needs a comment", where=where, remedy="say what is wrong, then dispute again")
    if decision == "approve":
        _refuse_preparer(connection, draft_id, user)
        if asks_second(connection, draft_id):
            first = _first(connection, draft_id)
            if first is None or first["fault"] is not None or _folded(first["decided_by"]) == _folded(user):
                return _first_approval(connection, draft_id, first, comment=comment, user=user, at=at)
    row = {
        "draft_id": draft_id,
        "decision": decision,
        "comment": comment,
        "decided_by": user,
        "decided_at": at,
    }
    remedy = "have another person with the authority for its amount approve it; everyone may dispute it"
    insert_or_refuse(connection, "decision", row, where, remedy)
    return _row(connection, draft_id)


def asks_second(connection: Connection, draft_id: str) -> bool:
    """Whether two persons approve the draft, one after the other."""
    row = one(connection, "select ledger.asks_second(:draft_id) as asks", draft_id=draft_id)
    return row is not None and bool(row["asks"])


def _first(connection: Connection, draft_id: str) -> dict[str, Any] | None:
    """The first approval that stands, else the newest that fell (`fault`); None while there is none."""
    return one(
        connection,
        """
        select * from ledger.first_approval_state
        where draft_id = :draft_id
        order by (fault is null) desc, approval_no desc
        limit 1
        """,
        draft_id=draft_id,
    )


def _first_approval(
    connection: Connection, draft_id: str, known: dict[str, Any] | None, *, comment: str, user: str, at: datetime
) -> dict[str, Any]:
    """Keep the first of two approvals; the same person's again is the same row."""
    fallen = None if known is None else known["fault"]
    if known is None or fallen is not None:
        row = {"draft_id": draft_id, "decision": "approve", "comment": comment, "decided_by": user, "decided_at": at}
        remedy = "have another person with the authority for its amount approve it; everyone may dispute it"
        insert_or_refuse(connection, "first_approval", row, f"draft {draft_id}", remedy)
    first = _first(connection, draft_id)
    assert first is not None
    return {**first, "decision": "first_approval", "fallen": fallen}


def deem_approved(connection: Connection, draft_id: str, *, at: datetime) -> dict[str, Any]:
    """Record that nobody decided in time and that the contract's clause then approves it; the row of ledger.decision.

    Raises LedgerError where no clause says so, before the time is over, above the amount that takes two persons, and
    for a draft that was decided or superseded.
    """
    state = draft_state(connection, draft_id)
    lock(connection, state["contract"], state["period"])
    state = draft_state(connection, draft_id)
    where = f"draft {draft_id}"
    if state["state"] != "in_review":
        raise LedgerError(f"it is {state['state'].replace('_', ' ')}", where=where, remedy="nothing is to be deemed")
    draft = one(connection, "select terms from ledger.draft where draft_id = :draft_id", draft_id=draft_id)
    assert draft is not None
    review = draft["terms"].get("review") or {}
    row = {
        "draft_id": draft_id,
        "decision": "deemed_approved",
        "comment": f"Nobody decided by {review.get('due_at')}; clause {review.get('clause')} of the contract then "
        f"deems it approved.",
        "decided_by": f"clause {review.get('clause')}",
        "decided_at": at,
    }
    insert_or_refuse(connection, "decision", row, where, "have a person decide it")
    return row


def remind(connection: Connection, draft_id: str, number: int, action: str, *, message: str, at: datetime) -> None:
    """Keep on record that people were told (`remind`, `escalate`) that a draft's time is over, the `number`-th time."""
    row = {"draft_id": draft_id, "number": number, "action": action, "message": message, "reminded_at": at}
    insert(connection, "reminder", [row])


def refuse_stale(state: dict[str, Any], inputs_sha256: str | None) -> None:
    """Raise LedgerError when a draft made now would say something else than this one."""
    if inputs_sha256 is not None and inputs_sha256 != state["inputs_sha256"]:
        raise LedgerError(
            "it is stale: data, charges or terms have changed since it was made",
            where=f"draft {state['draft_id']}",
            remedy=f"run the close of {state['contract']}|{state['period']} again and decide on the new draft",
        )


def _refuse_preparer(connection: Connection, draft_id: str, user: str) -> None:
    draft = one(connection, "select preparers from ledger.draft where draft_id = :draft_id", draft_id=draft_id)
    assert draft is not None
    if _folded(user) in _all_folded(draft["preparers"]):
        raise LedgerError(
            f"{user} prepared this draft (wrote its terms or imported its charges) and cannot approve it",
            where=f"draft {draft_id}",
            remedy="have a second person approve it; everyone may dispute it",
        )


def _all_folded(names: Iterable[str]) -> set[str]:
    return {_folded(name) for name in names}


def _folded(name: str) -> str:
    return name.strip().casefold()


def _row(connection: Connection, draft_id: str) -> dict[str, Any]:
    row = one(connection, "select * from ledger.decision where draft_id = :draft_id", draft_id=draft_id)
    assert row is not None
    return row
