"""Alerts of the DAGs: a task that failed, a source that went stale. Light to import: DAG files do at parse time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def on_failure(context: Mapping[str, Any]) -> None:
    """Tell the people who maintain the flow that a task failed for good; Airflow calls this with the task's context.

    A channel that is down never hides the failure itself: `notify` logs what it could not send.
    """
    from deskledger import notify

    instance = context["ti"]
    run = context["dag_run"]
    failure = context.get("exception")
    notify.send(
        event="task_failed",
        subject=f"Deskledger: {instance.dag_id}.{instance.task_id} failed",
        body="\n".join(
            (
                f"Run {run.run_id}, partition {run.partition_key or 'none'}, try {instance.try_number}.",
                f"{type(failure).__name__}: {failure}" if failure else "No exception was handed over: read the log.",
                "How to rerun is said in the documentation of the DAG.",
            )
        ),
        now=datetime.now(UTC),
    )


def stale_sources(now: datetime) -> list[str]:
    """Alert for each source whose watermark is older than its mapping allows, or that never loaded; their names."""
    from sqlalchemy import text

    from deskledger import notify
    from deskledger.settings import settings
    from deskledger.sources.event_log import mapping as mappings
    from deskledger.steps.desks import account_of
    from deskledger.warehouse import open_warehouse

    good, bad = mappings.load_all(settings().mappings)
    with open_warehouse().connect() as connection:
        known: dict[str, datetime] = dict(
            connection.execute(text("select source, complete_until from quality.watermark")).tuples().all()
        )
    stale = []
    for mapping in good:
        if mapping.stale_after is None:
            continue
        complete_until = known.get(mapping.source)
        if complete_until is not None and now - complete_until <= mapping.stale_after:
            continue
        if complete_until is None and mapping.extract and account_of(mapping.source) is None:
            continue  # a desk that has not been set up here
        stale.append(mapping.source)
        notify.send(
            event="source_stale",
            subject=f"Deskledger: {mapping.source} has gone silent",
            body=f"Its watermark is {complete_until or 'absent'}, older than the {mapping.stale_after} that "
            f"mappings/{mapping.source}.yaml allows. What to do: look for the export of the helpdesk, at the runs of "
            f"ingest, and at what `deskledger quality {mapping.source}` says has landed and is not loaded; statements "
            "wait for the watermark.",
            now=now,
        )
    for error in bad:
        notify.send(event="mapping_invalid", subject="Deskledger: a mapping is not valid", body=str(error), now=now)
    return stale
