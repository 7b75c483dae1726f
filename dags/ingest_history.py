"""
### Ingest history: the first load of a source, in monthly batches

**What for.** A new desk comes with months or years of tickets. This lands the whole inbox of one source, or pulls all
that the desk has since its mapping's `extract.since`, and loads it in batches (of exports one a month in which tickets
were created), so that each is small and can be rerun alone. It also pulls a stretch of time again (`since`, `until`:
days or instants), or everything (`full`).

**In.** Files in the inbox of the source named by the parameter `source`, or the desk behind its connection.
**Out.** As `ingest`; the asset `deskledger_core` for every day that had records.

**Partition.** Known only at run time: the days that the files turn out to hold.

**How to rerun.** Clear the failed batch, or trigger the DAG again: files that have landed are not read twice, and equal
rows are left alone; a pull that was cut short goes on where it stood, and batches of a desk that are loaded stay so.
From the command line: `airflow dags trigger ingest_history --conf '{"source": "servicenow"}'`.

**When it fails.** The message names the file, line and remedy; the other batches went on, and the watermark does not
move until all are loaded. Mend the file or the mapping and clear the failed batch.
"""

from airflow.sdk import DAG, Param, PartitionedAtRuntime, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from deskledger_after_load import quality_page, refused
from deskledger_extract import ExtractHistoryOperator, desks
from deskledger_shared import CORE, TASKS, verdict

with DAG(
    dag_id="ingest_history",
    doc_md=__doc__,
    schedule=PartitionedAtRuntime(),
    params={
        "source": Param("demo", type="string", description="A source with a mapping in mappings/."),
        "since": Param("", type="string", description="Asked over HTTP: pull again since this day, 2026-04-01."),
        "until": Param("", type="string", description="The first day that is not pulled again; none: up to now."),
        "full": Param(False, type="boolean", description="Asked over HTTP: pull everything again."),
    },
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):
    asked = [
        ExtractHistoryOperator(task_id=f"extract_{name}", source=name, pool=pool) for name, pool in desks().items()
    ]

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def land() -> list[str]:
        from deskledger.steps import ingest, runs

        context = get_current_context()
        return ingest.land_history(context["params"]["source"], now=runs.started_at(context))

    @task(map_index_template="{{ batch }}")
    def load(batch: str) -> dict:
        from deskledger.steps import ingest, runs

        context = get_current_context()
        context["batch"] = batch
        return ingest.load_batch(context["params"]["source"], batch, now=runs.started_at(context))

    # Also where every batch was loaded by an earlier run, which died before this.
    @task(outlets=[CORE], trigger_rule=TriggerRule.NONE_FAILED)
    def finish(loaded: list[dict]) -> int:
        from deskledger.steps import ingest, runs

        context = get_current_context()
        days = ingest.finish_history(context["params"]["source"], now=runs.started_at(context))
        if not days:
            raise AirflowSkipException("No day holds anything of this source.")
        context["outlet_events"][CORE].add_partitions(days)
        return len(days)

    batches = land()
    asked >> batches
    loaded = load.expand(batch=batches)
    finished = finish(loaded)
    checked, page = refused("{{ params.source }}"), quality_page("{{ params.source }}")
    finished >> [checked, page]
    [*asked, loaded, finished, checked, page] >> verdict()
