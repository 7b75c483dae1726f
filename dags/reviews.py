"""
### Reviews: deadlines, and new drafts after a ruling

**What for.** A draft that nobody decides on must not lie unseen. Every hour this does what the contract says happens
at the deadline (`review: then:` remind, escalate, or the clause that deems a draft approved), and starts a new draft
where its month's exclusions or waivers are others than those that the newest one follows.

**In.** `ledger.draft_state`, `ledger.request_state`, the contracts' `review:` terms as each draft froze them.
**Out.** Messages through `notify`, `ledger.reminder`, `ledger.decision`; the asset `deskledger_due`, which starts
`close`.

**How to rerun.** Any time: a reminder goes out once a day, and a draft is decided once.

**When it fails.** The warehouse could not be reached, or one review was stopped (a contract that is not valid, a stale
draft that cannot be made anew): see the messages. The other reviews were seen to; the next hour tries again.
"""

from datetime import datetime

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from deskledger_shared import DUE, TASKS

with DAG(
    dag_id="reviews",
    doc_md=__doc__,
    schedule="45 * * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=1,
    tags=["deskledger", "finance"],
    default_args=TASKS,
):

    @task
    def overdue() -> list[str]:
        from deskledger.steps import overdue, runs

        return overdue.overdue(now=runs.started_at(get_current_context()))

    @task(outlets=[DUE])
    def changed_by_request() -> int:
        from deskledger.steps import overdue, runs

        context = get_current_context()
        keys = overdue.changed_by_request(now=runs.started_at(context))
        if not keys:  # an event without keys of its own would carry none
            raise AirflowSkipException("The newest drafts follow the requests that are in force.")
        context["outlet_events"][DUE].add_partitions(keys)
        return len(keys)

    overdue()
    changed_by_request()
