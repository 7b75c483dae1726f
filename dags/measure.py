"""
### Measure: SLA clocks of a month's tickets, and which months may be closed

**What for.** Rebuilds the clocks of every ticket that lived in the month, from its full history, as of each contract's
watermark; then names the contract months that may be closed.

**In.** `core.ticket`, `core.ticket_event`, `quality.watermark`, the contracts in `contracts/`.
**Out.** `facts.cycle`; the asset `deskledger_due` with one key (`alder|2026-03`) for each month to close.

**Partition.** The month, `2026-03`: it says which tickets to look at, never how far to look. It runs when days of the
month have arrived, and again when late ones do.

**How to rerun.** Clear the run, or trigger it with the month as partition key. Facts are replaced ticket by ticket and
never by an older point of view, so the order of reruns does not matter. Asset-scheduled DAGs refuse `backfill`:
trigger the months one by one, or backfill `ingest`, which leads here.

**When it fails.** A contract that is not valid stops alone: its message gives file, line, clause and remedy, and the
others are measured. Mend it and clear the failed task.
"""

from airflow.sdk import DAG, PartitionedAssetTimetable, StartOfMonthMapper, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from deskledger_shared import CORE, DUE, TASKS, verdict

with DAG(
    dag_id="measure",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(
        assets=CORE,
        default_partition_mapper=StartOfMonthMapper(input_format="%Y-%m-%d", output_format="%Y-%m"),
    ),
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def plan() -> list[dict]:
        from deskledger.steps import measure, runs

        return measure.plan(runs.month(get_current_context()))

    @task(map_index_template="{{ share['contract'] }} {{ share['first_shard'] }}-{{ share['last_shard'] }}")
    def shards(share: dict) -> dict:
        from deskledger.steps import measure, runs

        context = get_current_context()
        context["share"] = share
        return measure.measure_shards(**share, now=runs.started_at(context))

    @task(outlets=[DUE], trigger_rule=TriggerRule.ALL_DONE)
    def due() -> int:
        from deskledger.steps import due_months, runs

        context = get_current_context()
        keys = due_months.due(now=runs.started_at(context))
        if not keys:  # an event without keys of its own would carry the month as its key
            raise AirflowSkipException("No contract's month is due.")
        context["outlet_events"][DUE].add_partitions(keys)
        return len(keys)

    measured = shards.expand(share=plan())
    measured >> [due(), verdict()]
