"""The human task of `close`, not a DAG itself: it asks a person, and ends when its draft is no longer to be decided."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

LOOK_AGAIN = "Look again"


class ReviewOperator(HITLOperator):
    """Waits for Approve or Dispute; every quarter of an hour nobody has answered, it looks at the ledger and waits on.

    It asks a second person where the contract wants two approvals of the amount. Skipped when a newer draft replaced
    this one; done, without an answer of its own, when it was decided elsewhere.
    """

    template_fields = (*HITLOperator.template_fields, "draft_id")

    def __init__(self, *, draft_id: str, **arguments: Any) -> None:
        arguments.setdefault("response_timeout", timedelta(minutes=15))
        super().__init__(options=["Approve", "Dispute", LOOK_AGAIN], defaults=LOOK_AGAIN, **arguments)
        self.draft_id = draft_id

    def execute(self, context: Any) -> Any:
        from deskledger.steps import review

        outcome = review.outcome(self.draft_id)
        if outcome == "superseded":
            raise AirflowSkipException(f"{self.draft_id} is superseded by a newer draft: nobody is asked any more.")
        if outcome is not None:
            return {"chosen_options": [], "params_input": {}, "responded_by_user": None, "responded_at": None}
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        answer: Mapping[str, Any] = super().execute_complete(context, event)
        if answer["chosen_options"] == [LOOK_AGAIN]:
            return self.execute(context)

        from deskledger.steps import review

        # The first of two approvals is in the ledger now, and the second person is asked by the same task.
        return self.execute(context) if review.is_first_of_two(self.draft_id, answer) else answer
