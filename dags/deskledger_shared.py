"""What the DAGs share, not a DAG itself: the assets through which they follow each other, and how their tasks fail."""

from datetime import timedelta

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule, TriggerRule, task
from airflow.sdk.exceptions import AirflowFailException

from deskledger.errors import DeskAwayError, DeskledgerError, StorageAwayError, WarehouseError
from deskledger.steps.alert import on_failure

# Partition key: the day ("2026-04-01") whose records are now in the core tables.
CORE = Asset(name="deskledger_core", uri="deskledger://core")

# Partition key: the contract and period ("alder|2026-03") whose month may be closed.
DUE = Asset(name="deskledger_due", uri="deskledger://due")

# A warehouse, storage or desk that is away comes back; a file, contract or rule that is wrong is wrong at every try, so
# people are told at once. Anything else (a worker that was lost) is tried again.
TASKS = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=WarehouseError, action=RetryAction.RETRY),
            RetryRule(exception=StorageAwayError, action=RetryAction.RETRY),
            RetryRule(exception=DeskAwayError, action=RetryAction.RETRY, retry_delay=timedelta(minutes=10)),
            RetryRule(exception=DeskledgerError, action=RetryAction.FAIL, reason="Trying again cannot mend this."),
        ]
    ),
    "on_failure_callback": on_failure,
}


@task(trigger_rule=TriggerRule.ONE_FAILED, retries=0, on_failure_callback=None)
def verdict() -> None:
    """Fails its run when a task failed after which others went on: a run is otherwise judged by its last tasks."""
    raise AirflowFailException("A task of this run failed; what did not depend on it went on.")
