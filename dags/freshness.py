"""
### Freshness: is every source as complete as it should be?

**What for.** A helpdesk that stops exporting makes no error: nothing fails, and the numbers silently stop moving. Every
hour this compares each source's watermark with the age that its mapping allows (`stale_after`) and alerts.

**In.** `quality.watermark`, `stale_after` in `mappings/`. **Out.** An alert through `notify` for each stale source.

**How to rerun.** Any time; it only reads. **When it fails.** The warehouse could not be reached: see the message.
"""

from datetime import datetime

from airflow.sdk import DAG, get_current_context, task

from deskledger_shared import TASKS

with DAG(
    dag_id="freshness",
    doc_md=__doc__,
    schedule="15 * * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def stale_sources() -> list[str]:
        from deskledger.steps import alert, runs

        return alert.stale_sources(now=runs.started_at(get_current_context()))

    stale_sources()
