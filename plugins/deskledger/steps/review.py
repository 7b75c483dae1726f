"""From a person's answer to the human task to a decision in the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deskledger.errors import LedgerError
from deskledger.steps import close

_DECISIONS = {"Approve": "approve", "Dispute": "dispute"}


def record_answer(draft_id: str, answer: Mapping[str, Any]) -> str:
    """Record what the person chose, under the name Airflow authenticated; "approve" or "dispute".

    Raises LedgerError when the answer names nobody or the ledger's rules refuse it (four eyes, comment, stale draft).
    """
    person = answer.get("responded_by_user") or {}
    user = person.get("name") or person.get("id")
    if not user:
        raise LedgerError(
            "the answer names nobody",
            where=f"draft {draft_id}",
            remedy="answer the task as a signed-in person; a default at a timeout decides nothing",
        )
    decision = _DECISIONS[answer["chosen_options"][0]]
    at = answer["responded_at"]
    close.decide(
        draft_id,
        decision,
        comment=str(answer.get("params_input", {}).get("comment") or "").strip(),
        user=str(user),
        at=at if isinstance(at, datetime) else datetime.fromisoformat(str(at)),
    )
    return decision
