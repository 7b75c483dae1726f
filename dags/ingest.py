"""
### Ingest: one day of every source into the core tables

**What for.** Takes what the helpdesks exported, or asks them over HTTP, keeps it as raw pages, makes canonical rows of
it, checks them and loads them. A row that fails goes to quarantine with its reason; a table that fails is not loaded
at all.

**In.** Files in the inbox (`$DESKLEDGER_INBOX/<source>/`), or the desk behind the connection `deskledger_<source>`;
one mapping a source in `mappings/`.
**Out.** Landing pages and manifest, tables of the schema `core`, `quality.quarantine`, `quality.load`; the source's
watermark, and its quality page in the reports folder; the asset `deskledger_core` for the day, and for a day of each
other month in which late rows changed something.

**Partition.** The fetch day, `2026-04-01`, in UTC. A new day starts at 02:00 for the day before; with
`DESKLEDGER_INGEST_BY_HAND` none starts by the clock.

**How to rerun.** Clear the run, or trigger it again with the same partition key: pages that have landed are
normalised again and nothing is fetched twice; equal rows are left alone. Many days: `airflow backfill create
--dag-id ingest --from-date 2026-04-01T00:00 --to-date 2026-04-10T23:59 --reprocess-behavior completed`.

**When it fails.** The message names the file, line and remedy. The other sources of the day went on. Mend the file or
the mapping and clear the failed task; nothing was half loaded. An `extract` that was killed or failed goes on where it
stood; deferred, it waits as long as the desk asked it to. What landed and was not loaded, the next day's load takes
up. A first load of years is `ingest_history`.
"""

from datetime import datetime

from airflow.sdk import (
    DAG,
    CronPartitionTimetable,
    PartitionedAtRuntime,
    TaskGroup,
    TriggerRule,
    get_current_context,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowSkipException

from deskledger.settings import settings

from deskledger_after_load import quality_page, refused
from deskledger_extract import ExtractOperator, desks
from deskledger_shared import CORE, TASKS, verdict

with DAG(
    dag_id="ingest",
    doc_md=__doc__,
    schedule=PartitionedAtRuntime()
    if settings().is_ingest_by_hand
    else CronPartitionTimetable("0 2 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads a naive date as UTC
    catchup=False,
    max_active_runs=4,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task
    def sources() -> list[str]:
        from deskledger.steps import ingest

        return ingest.sources()

    @task(map_index_template="{{ source }}")
    def land(source: str) -> str:
        from deskledger.steps import ingest, runs

        context = get_current_context()
        context["source"] = source
        print(ingest.land(source, runs.day(context), now=runs.started_at(context)))
        return source

    @task(map_index_template="{{ source }}", outlets=[CORE])
    def load(source: str) -> dict:
        from deskledger.steps import ingest, runs

        context = get_current_context()
        context["source"] = source
        counts = ingest.load(source, runs.day(context), now=runs.started_at(context))
        if not counts["extracted"]:
            raise AirflowSkipException(f"Nothing of {source} has landed for this day.")
        context["outlet_events"][CORE].add_partitions(counts["days"])
        return counts

    @task_group
    def day_of_source(source: str) -> None:
        landed = land(source)
        loaded = load(landed)
        checked = refused(source)
        page = quality_page(source)
        loaded >> [checked, page]
        [landed, loaded, checked, page] >> verdict()

    # A group a source: each goes its own way, whatever becomes of the others.
    day_of_source.expand(source=sources())

    # The desks that are asked over HTTP are known by their mapping files, so that each can have a pool of its own.
    for name, pool in desks().items():
        with TaskGroup(f"desk_{name}"):
            alone = {"map_index_template": None}
            extracted = ExtractOperator(task_id="extract", source=name, pool=pool)
            landed = land.override(task_id="land", **alone)(name)
            loaded = load.override(task_id="load", **alone)(landed)
            checked = refused.override(task_id="refused", trigger_rule=TriggerRule.NONE_SKIPPED, **alone)(name)
            page = quality_page.override(task_id="quality_page", trigger_rule=TriggerRule.NONE_SKIPPED, **alone)(name)
            extracted >> landed
            loaded >> [checked, page]
            [extracted, landed, loaded, checked, page] >> verdict()
