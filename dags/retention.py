"""
### Retention: erase what has outlived its time

**What for.** People and what they wrote stand in landing and in the tables as tokens; one table can resolve them. Every
night this erases there what each mapping's `retention` no longer allows. What is erased cannot be brought back.

**In.** `retention` in `mappings/`, `personal.token`. **Out.** Rows fewer in `personal.token`; `personal.erasure` says
that it was done.

**How to rerun.** Any time: what is gone is gone. By hand: `deskledger personal expire`.

**When it fails.** A mapping is not valid (the message gives file and line; the other sources were done), or the
warehouse could not be reached.
"""

from datetime import datetime

from airflow.sdk import DAG, get_current_context, task

from deskledger_shared import TASKS

with DAG(
    dag_id="retention",
    doc_md=__doc__,
    schedule="30 3 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def expire() -> dict:
        from deskledger.steps import privacy, runs

        return privacy.expire(now=runs.started_at(get_current_context()))

    expire()
