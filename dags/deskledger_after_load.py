"""What follows every load of a source, not a DAG itself: what is wrong is told, and its quality page is written."""

from airflow.sdk import TriggerRule, get_current_context, task


@task(map_index_template="{{ source }}", trigger_rule=TriggerRule.ALL_DONE, retries=0)
def refused(source: str) -> None:
    """Fails, and so alerts, while files wait in the inbox that could not be read, or tickets are missing."""
    from deskledger.steps import ingest

    get_current_context()["source"] = source
    ingest.check_inbox(source)
    ingest.check_totals(source)


@task(map_index_template="{{ source }}", trigger_rule=TriggerRule.ALL_DONE)
def quality_page(source: str) -> str | None:
    from deskledger.steps import quality, runs

    context = get_current_context()
    context["source"] = source
    return quality.write_source_page(source, now=runs.started_at(context))
