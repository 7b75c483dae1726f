"""The work of recorded tasks by itself: the same functions of `steps`, in one process, on a state of their own.

Run by benchmarks/task_time.py with a file that says which tasks ran, in the order in which they ended. What Airflow
has loaded before any task of its own begins is loaded here before the first; all else is imported where it falls.
"""

import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, get_current_context  # noqa: F401


class Work:
    """What the tasks of one installation do, without Airflow; each method is named after a DAG and its task."""

    def __init__(self, desk_url: str, clock: dict[str, str], inbox: Path) -> None:
        self._desk_url, self._clock, self._inbox = desk_url, clock, inbox
        self._lists: dict[str, list[Any]] = {}  # run -> what its tasks are mapped over
        self._drafts: dict[str, str] = {}  # run -> its draft

    def prepare(self, dag: str, key: str | None) -> None:
        """What happens outside of tasks before one: the night falls at the helpdesk, the files that landed are gone."""
        if dag == "ingest" and key in self._clock:
            instant = self._clock.pop(key)
            request = urllib.request.Request(f"{self._desk_url}/clock", data=instant.encode(), method="PUT")
            urllib.request.urlopen(request).close()
            shutil.rmtree(self._inbox, ignore_errors=True)

    def ingest_history(self, run: str, task: str, index: int, now: datetime) -> None:
        from deskledger.steps import extract, extract_window, ingest

        if task == "extract_demo":
            extract.extract("demo", extract.HISTORY, now=now, window=extract_window.window_of("", ""), is_full=False)
        elif task == "land":
            self._lists[run] = ingest.land_history("demo", now=now)
        elif task == "load":
            ingest.load_batch("demo", self._lists[run][index], now=now)
        elif task == "finish":
            ingest.finish_history("demo", now=now)
        else:
            self._after_load("demo", task, now)

    def ingest(self, run: str, task: str, index: int, now: datetime, day: str) -> None:
        from deskledger.steps import desks, extract, ingest

        if task == "sources":
            ingest.sources()
            return
        source, name = task.removeprefix("desk_").split(".")
        if name == "extract":
            if desks.account_of(source) is not None:
                extract.extract(source, day, now=now)
        elif name == "land":
            ingest.land(source, day, now=now)
        elif name == "load":
            ingest.load(source, day, now=now)
        else:
            self._after_load(source, name, now)

    def _after_load(self, source: str, task: str, now: datetime) -> None:
        from deskledger.steps import ingest, quality

        if task == "refused":
            ingest.check_inbox(source)
            ingest.check_totals(source)
        elif task == "quality_page":
            quality.write_source_page(source, now=now)

    def measure(self, run: str, task: str, index: int, now: datetime, month: str) -> None:
        from deskledger.steps import due_months, measure

        if task == "plan":
            self._lists[run] = measure.plan(month)
        elif task == "shards":
            measure.measure_shards(**self._lists[run][index], now=now)
        elif task == "due":
            due_months.due(now=now)

    def close(self, run: str, task: str, index: int, now: datetime, key: str) -> None:
        from deskledger.steps import close, due_months, report, review

        if task == "draft":
            made = close.draft(key, now=now, run_id=run)
            if made["status"] == "drafted":
                report.render(made["draft_id"], now=now)
                close.review_text(made["draft_id"])
                self._drafts[run] = made["draft_id"]
        elif task == "review":
            review.outcome(self._drafts[run])
        elif task == "record":
            person, comment = {"id": "fatima", "name": "fatima"}, {"comment": "Figures agree."}
            answer = {"chosen_options": ["Approve"], "params_input": comment, "responded_by_user": person}
            review.record_answer(self._drafts[run], {**answer, "responded_at": now})
        elif task == "post":
            close.post(self._drafts[run], at=now)
            report.render(self._drafts[run], now=now)
        elif task == "following":
            due_months.following(key, now=now)


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    work = Work(given["desk_url"], given["clock"], Path(given["inbox"]))
    seconds, before = [], time.process_time()
    for dag, run, key, task, index in given["tasks"]:
        work.prepare(dag, key)
        do: Callable[..., None] = getattr(work, dag)
        now, began = datetime.now(UTC), time.perf_counter()
        do(run, task, index, now, *([key] if key else []))
        seconds.append(time.perf_counter() - began)
    told = {"seconds": seconds, "processor_seconds": time.process_time() - before}
    Path(sys.argv[2]).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
