"""From a person's answer to the human task to a decision in the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deskledger import ledger
from deskledger.errors import LedgerError
from deskledger.steps import close
from deskledger.warehouse import open_warehouse

_DECISIONS = {"Approve": "approve", "Dispute": "dispute"}
_OUTCOMES = {
    "in_review": None,
    "approved": "approve",
    "posted": "approve",
    "disputed": "dispute",
    "superseded": "superseded",
    "restated": "superseded",
}


def record_answer(draft_id: str, answer: Mapping[str, Any]) -> str:
    """Record what the person chose, under the name Airflow authenticated; "approve", "first_approval" or "dispute".

    An answer of nobody is the ledger's own, which was decided without this task. Raises LedgerError when there is none,
    or the ledger's rules refuse the person's (four eyes, comment, stale draft).
    """
    person = answer.get("responded_by_user") or {}
    user = person.get("name") or person.get("id")
    if not user and (decided := outcome(draft_id)) in {"approve", "dispute"}:
        return str(decided)
    if not user:
        raise LedgerError(
            "the answer names nobody",
            where=f"draft {draft_id}",
            remedy="answer the task as a signed-in person; a default at a timeout decides nothing",
        )
    decision = _DECISIONS[answer["chosen_options"][0]]
    at = answer["responded_at"]
    made = close.decide(
        draft_id,
        decision,
        comment=str(answer.get("params_input", {}).get("comment") or "").strip(),
        user=str(user),
        at=at if isinstance(at, datetime) else datetime.fromisoformat(str(at)),
    )
    return str(made["decision"])


def is_first_of_two(draft_id: str, answer: Mapping[str, Any]) -> bool:
    """Whether the answer approves a draft of which a second person's approval is still asked; then it is recorded."""
    if "Approve" not in answer["chosen_options"]:
        return False
    with open_warehouse().connect() as connection:
        if not ledger.asks_second(connection, draft_id):
            return False
    return record_answer(draft_id, answer) == "first_approval"


def outcome(draft_id: str) -> str | None:
    """What became of a draft whose review waits: approve, dispute, superseded; None while it is still to be decided."""
    with open_warehouse().connect() as connection:
        state = ledger.draft_state(connection, draft_id)["state"]
    return _OUTCOMES[state]
