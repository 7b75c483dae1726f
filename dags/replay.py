"""
### Replay: quarantined rows once more, after a mapping or a suite was mended

**What for.** Reads the landed pages of quarantined rows again, by the mappings and suites of now, and loads them. What
they let in is loaded, the rest stays in quarantine. The desk is not asked.

**In.** `quality.quarantine`, the landing pages; the parameters say which rows: empty means all.
**Out.** As `ingest`; the asset `deskledger_core` for the first day of each month in which something changed, so that
its clocks are measured again.

**Partition.** Known only at run time: the days in which something changed.

**How to rerun.** Trigger it again, at any time: what was let in is loaded, and equal rows are left alone. If a run was
killed after it loaded and before it ended, trigger `measure` for the months that its log names.

**When it fails.** The message names the table and its rule; that partition stayed as it was, the others went on. Mend
the mapping or the suite and trigger it again. `deskledger quarantine list` shows what is left.
"""

from airflow.sdk import DAG, Param, PartitionedAtRuntime, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from deskledger_shared import CORE, TASKS

with DAG(
    dag_id="replay",
    doc_md=__doc__,
    schedule=PartitionedAtRuntime(),
    params={
        "source": Param("", type="string", description="Only this source's rows."),
        "rule": Param("", type="string", description="Only rows that break this rule, such as status_unknown."),
        "ticket": Param("", type="string", description="Only this ticket's rows: the helpdesk's own id."),
    },
    max_active_runs=1,
    tags=["deskledger"],
    default_args=TASKS,
):

    @task(outlets=[CORE])
    def load() -> dict:
        from deskledger.steps import quarantine, runs

        context = get_current_context()
        done = quarantine.replay_for_task(**context["params"], now=runs.started_at(context))
        print(done)
        if not done["days"]:
            raise AirflowSkipException("Nothing was let in.")
        context["outlet_events"][CORE].add_partitions(done["days"])
        return done

    @task
    def failed(done: dict) -> None:
        """Fails, and so alerts, for the partitions that stayed as they were; the others are loaded."""
        from deskledger.steps import quarantine

        quarantine.refuse_failed(done["failed"])

    failed(load())
