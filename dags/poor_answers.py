"""
### Poor answers: tell the team leads of unhappy customers

**What for.** One poor answer in a month can already hurt, and a customer who is called the same day is often won back.
Every hour this tells each team's lead which answers came in that the contract calls poor.

**In.** `core.survey_answer`, the classes in `contracts/`, addresses and `tell_within` in `watch/`.
**Out.** One message a team through `notify`; `quality.poor_answer_told`.

**How to rerun.** Any time: each answer is told once.

**When it fails.** A file in `watch/` is not valid (the message gives file and line; the other contracts were told), or
the warehouse could not be reached. What was not told is told by the next run, as long as `tell_within` allows.
"""

from datetime import datetime

from airflow.sdk import DAG, get_current_context, task

from deskledger_shared import TASKS

with DAG(
    dag_id="poor_answers",
    doc_md=__doc__,
    schedule="45 * * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def tell() -> int:
        from deskledger.steps import poor_answers, runs

        return poor_answers.tell(now=runs.started_at(get_current_context()))

    tell()
