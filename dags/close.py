"""
### Close: one contract's month, from draft to posted statement

**What for.** Makes the draft statement of one contract and period, asks finance to approve or dispute it, posts what
was approved to the ledger, and writes the report. The draft also corrects posted months of which something has changed
since (docs/corrections.md).

**In.** `core.*` over what had landed by now, the contract's approved terms, the charges, the posted months.
**Out.** `ledger.*`, and the report under `$DESKLEDGER_REPORTS/<contract>/<period>/`.

**Partition.** Contract and period, `alder|2026-03`. Runs come from `measure` when the contract's watermark allows.

**The human task.** `review` waits for a person, in the UI under *Required Actions*, or through the REST API. *Dispute*
needs a comment and leads to a new draft in a new run. Whoever prepared the draft (wrote the terms, imported the
charge, asked for an exclusion or a waiver) cannot approve it. *Look again* changes nothing. Within a quarter of an hour
after a newer draft was made, the older draft's `review` ends as skipped: nobody is asked about it any more. A decision
that the contract's clause took at the deadline is carried on in the same way.

**How to rerun.** Clear any task, or trigger the DAG with the partition key. A posted month is posted once: again is a
no-op. A draft that still holds is not made twice; late data make a new one. If a draft waits and nobody is asked
because its run died, trigger the DAG by hand: it goes on with the same draft. One that was approved an hour ago and is
not posted is taken up with the next load, or by hand; where incomplete tickets block it, once they are mended or
waived.

**When it fails.** `draft` says what is missing (no charge, terms nobody approved, a contract that is not valid) and
what to do. `record` refuses a decision that breaks a rule: clear `review` and the tasks after it to ask again.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from deskledger_review import ReviewOperator
from deskledger_shared import DUE, TASKS

with DAG(
    dag_id="close",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=DUE),
    # A run waits for days while a person decides: it must not keep the months of other contracts from being drafted.
    max_active_runs=1_000,
    tags=["deskledger", "finance"],
    default_args=TASKS,
):

    @task
    def draft() -> dict:
        from deskledger.steps import close, report, runs

        context = get_current_context()
        key, now = runs.contract_month(context), runs.started_at(context)
        run_id, is_by_hand = context["dag_run"].run_id, runs.is_by_hand(context)
        made = close.draft(key, now=now, run_id=run_id, is_by_hand=is_by_hand)
        if made["status"] != "drafted":
            raise AirflowSkipException(f"Nothing to review: {made['status']}.")
        report.render(made["draft_id"], now=now)
        return {"draft_id": made["draft_id"], **close.review_text(made["draft_id"])}

    review = ReviewOperator(
        task_id="review",
        draft_id="{{ ti.xcom_pull(task_ids='draft')['draft_id'] }}",
        subject="{{ ti.xcom_pull(task_ids='draft')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='draft')['body'] }}",
        # An answer in the instant the task parks can be lost by the scheduler: then it asks again, soon.
        retries=5,
        retry_delay=timedelta(seconds=5),
        params={"comment": Param("", type="string", description="Why; kept with the decision.")},
    )

    @task.branch(retries=0)
    def record(drafted: dict, answer: dict) -> str:
        from deskledger.steps import review

        decision = review.record_answer(drafted["draft_id"], answer)
        return {"approve": "post", "dispute": "draft_again"}[decision]

    @task
    def post(drafted: dict) -> dict:
        from deskledger.steps import close, report, runs

        now = runs.started_at(get_current_context())
        posted = close.post(drafted["draft_id"], at=now)
        report.render(drafted["draft_id"], now=now)
        return posted

    @task(outlets=[DUE])
    def following() -> int:
        from deskledger.steps import due_months, runs

        context = get_current_context()
        keys = due_months.following(runs.contract_month(context), now=runs.started_at(context))
        if not keys:  # an event without keys of its own would carry this month's key
            raise AirflowSkipException("No later month is due.")
        context["outlet_events"][DUE].add_partitions(keys)
        return len(keys)

    @task(outlets=[DUE])
    def draft_again() -> None:
        from deskledger.steps import runs

        context = get_current_context()
        context["outlet_events"][DUE].add_partitions(runs.contract_month(context))

    drafted = draft()
    drafted >> review
    posted = post(drafted)
    record(drafted, review.output) >> [posted, draft_again()]
    posted >> following()
