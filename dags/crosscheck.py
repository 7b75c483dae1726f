"""
### Cross-check: the desk's own SLA figures beside our clocks

**What for.** A customer reads the helpdesk's SLA report, and the statement says something else. Every night this holds
each measured cycle against the desk's own figure and names why the two differ: before the customer asks.

**In.** `core.desk_figure`, `facts.cycle`; `desk_figures.clocks` of each mapping; the contracts.
**Out.** `quality.crosscheck`, one row a contract, clock and cause; the section of the source's quality page.

**How to rerun.** Any time: the newest comparison replaces the one before. `deskledger crosscheck` does the same, and
lists every cycle that differs.

**When it fails.** The warehouse could not be reached, or a cycle cannot be measured again. Mappings and contracts that
are not valid are left out: `ingest` and `measure` tell of them. Nothing else waits for this.
"""

from datetime import datetime

from airflow.sdk import DAG, get_current_context, task

from deskledger_shared import TASKS

with DAG(
    dag_id="crosscheck",
    doc_md=__doc__,
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def sources() -> list[str]:
        from deskledger.steps import crosscheck

        return crosscheck.sources()

    @task(map_index_template="{{ source }}")
    def compare(source: str) -> dict:
        from deskledger.steps import crosscheck, quality, runs

        context = get_current_context()
        context["source"] = source
        now = runs.started_at(context)
        causes: dict[str, int] = {}
        for row in crosscheck.run(source, now):
            causes[row["cause"]] = causes.get(row["cause"], 0) + row["cycles"]
        quality.write_source_page(source, now)
        return causes

    compare.expand(source=sources())
