"""How the DAGs ask desks over HTTP, not a DAG itself: one task a desk, which frees its worker while the desk rests."""

import re
from datetime import datetime
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from deskledger.settings import settings

_EXTRACT = re.compile(r"^extract:(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_POOL = re.compile(r"\bpool:\s*[\"']?([\w.-]+)")


def desks() -> dict[str, str]:
    """The sources that are asked over HTTP, and the pool of each: the mapping files that have a block `extract`.

    Read at parse time, so only as text: a mapping that is not sound fails in its own task.
    """
    found = {}
    for path in sorted(settings().mappings.glob("*.yaml")):
        block = _EXTRACT.search(_COMMENT.sub("", path.read_text("utf-8", errors="replace")))
        if block:
            pool = _POOL.search(block[1])
            found[path.stem] = pool[1] if pool else "default_pool"
    return found


class ExtractOperator(BaseOperator):
    """Lands what a desk has new for the run's day. A long pause that the desk asks for is a deferral.

    Skipped where the desk has no connection here. Of one desk one task runs at a time, in whatever run.
    """

    def __init__(self, *, source: str, **arguments: Any) -> None:
        super().__init__(max_active_tis_per_dag=1, **arguments)
        self.source = source

    def execute(self, context: Any) -> dict:
        return self.go_on(context)

    def go_on(self, context: Any, event: Any = None) -> dict:
        self.check(context)
        counts = self.extract(context)
        if counts["wait_until"]:
            self.defer(trigger=DateTimeTrigger(datetime.fromisoformat(counts["wait_until"])), method_name="go_on")
        return counts

    def check(self, context: Any) -> None:
        from deskledger.steps import desks

        if desks.account_of(self.source) is None:
            name = desks.connection_name(self.source)
            raise AirflowSkipException(f"{self.source} is not set up here: there is no connection {name}.")

    def extract(self, context: Any) -> dict:
        from deskledger.steps import extract, runs

        return extract.extract(self.source, runs.day(context), now=runs.started_at(context))


class ExtractHistoryOperator(ExtractOperator):
    """The same for `ingest_history`: the run's params say which source, and what of it is pulled again."""

    def check(self, context: Any) -> None:
        if context["params"]["source"] != self.source:
            raise AirflowSkipException("This run is another source's.")

    def extract(self, context: Any) -> dict:
        from deskledger.steps import extract, extract_window, runs

        params = context["params"]
        window = extract_window.window_of(params["since"], params["until"])
        now = runs.started_at(context)
        return extract.extract(self.source, extract.HISTORY, now=now, window=window, is_full=params["full"])
