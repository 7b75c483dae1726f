"""Runs DAGs in this process with chosen steps failing, and prints what became of each task; called by test_dag_runs.

The steps are replaced by ones that fail or succeed at once: what is under test is how the DAGs hang together.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.executors.local_executor import LocalExecutor
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.providers.standard.operators.hitl import HITLOperator

from deskledger.cli.warm_executor import WarmExecutor
from deskledger.errors import QualityError, SourceError
from deskledger.steps import close, desks, due_months, extract, ingest, measure, quality, report, review, runs

BAG = DagBag(sys.argv[1])

PLAN = [{"contract": name, "month": "2026-04", "first_shard": 0, "last_shard": 255} for name in ("good", "bad")]

LOADED = {"extracted": 1, "days": ["2026-04-01"]}
NOTHING = {"extracted": 0, "days": []}


def _fails(error: Exception) -> Any:
    def step(*_: Any, **__: Any) -> Any:
        raise error

    return step


def _for_source(bad: Exception | None, good: Any) -> Any:
    def step(source: str, *_: Any, **__: Any) -> Any:
        if bad is not None and source == "bad":
            raise bad
        return good

    return step


def _extracts(*ends: Any) -> Any:
    """Each call does one of `ends`: fails with an error, or has landed, or has to wait until an instant."""

    def break_it() -> None:
        left = list(ends)

        def step(source: str, day: str, **_: Any) -> dict:
            end = left.pop(0)
            if isinstance(end, Exception):
                raise end
            return {"source": source, "partition": day, "wait_until": end and (datetime.now(UTC) + end).isoformat()}

        desks.account_of = lambda source: object()
        extract.extract = step

    return break_it


def _finishes_late() -> None:
    _extracts(None)()
    ingest.land_history = lambda source, now: []


def _sound() -> None:
    desks.account_of = lambda source: None
    runs.day = lambda context: "2026-04-01"
    runs.month = lambda context: "2026-04"
    ingest.sources = lambda: ["bad", "good"]
    ingest.land = _for_source(None, {})
    ingest.load = _for_source(None, LOADED)
    ingest.check_inbox = _for_source(None, None)
    ingest.check_totals = _for_source(None, None)
    ingest.land_history = lambda source, now: ["2026-03", "2026-04"]
    ingest.load_batch = lambda source, batch, now: {"extracted": 1}
    ingest.finish_history = lambda source, now: ["2026-04-01"]
    quality.write_source_page = lambda source, now: f"{source}.html"
    measure.plan = lambda month: PLAN
    measure.measure_shards = lambda contract, **_: {"contract": contract}
    due_months.due = lambda now: ["good|2026-03"]


def _close_scene(*outcomes: str | None) -> Any:
    """A review that nobody answers, swept at once; the ledger says each of `outcomes` when it is looked at."""

    def break_it() -> None:
        left = list(outcomes)
        runs.contract_month = lambda context: "good|2026-03"
        close.draft = lambda key, now, run_id, is_by_hand: {
            "draft_id": "D1",
            "status": "drafted" if is_by_hand else "current",
        }
        close.review_text = lambda draft_id: {"subject": "s", "body": "b"}
        close.post = lambda draft_id, at: {}
        due_months.following = lambda key, now: []
        report.render = lambda draft_id, now: {}
        review.outcome = lambda draft_id: left.pop(0) if len(left) > 1 else left[0]
        BAG.dags["close"].get_task("review").response_timeout = timedelta(0)

    return break_it


def _sweep(stop: Event) -> None:
    """What a scheduler does for human tasks whose time is over; `dag.test` has none."""
    scheduler = SchedulerJobRunner(job=Job())
    while not stop.wait(0.5):
        scheduler.check_awaiting_input_timeouts()


def _bad_shards(contract: str, **_: Any) -> dict:
    if contract == "bad":
        raise SourceError("the contract is not valid")
    return {"contract": contract}


def _bad_batch(source: str, batch: str, now: Any) -> dict:
    if batch == "2026-03":
        raise QualityError("the table fails its suite")
    return {"extracted": 1}


SCENES = {
    "ingest sound": ("ingest", lambda: None),
    "ingest land fails": ("ingest", lambda: setattr(ingest, "land", _for_source(SourceError("x"), {}))),
    "ingest load fails": ("ingest", lambda: setattr(ingest, "load", _for_source(QualityError("x"), LOADED))),
    "ingest file refused": ("ingest", lambda: setattr(ingest, "check_inbox", _for_source(SourceError("x"), None))),
    "ingest tickets missing": (
        "ingest",
        lambda: setattr(ingest, "check_totals", _for_source(QualityError("x"), None)),
    ),
    "ingest nothing landed": ("ingest", lambda: setattr(ingest, "load", _for_source(None, NOTHING))),
    "ingest desk asks for pauses": ("ingest", _extracts(timedelta(seconds=1), timedelta(seconds=1), None)),
    "ingest desk refuses": ("ingest", _extracts(SourceError("x"))),
    "history sound": ("ingest_history", lambda: None),
    "history of a desk": ("ingest_history", _extracts(timedelta(seconds=1), None), {"source": "asked", "full": True}),
    "history desk refuses": ("ingest_history", _extracts(SourceError("x")), {"source": "asked"}),
    # `dag.test` keeps the params of the run before.
    "history of a desk loaded before": ("ingest_history", _finishes_late, {"source": "asked", "full": True}),
    "history batch fails": ("ingest_history", lambda: setattr(ingest, "load_batch", _bad_batch), {"source": "demo"}),
    "measure sound": ("measure", lambda: None),
    "measure contract fails": ("measure", lambda: setattr(measure, "measure_shards", _bad_shards)),
    "close replaced": ("close", _close_scene(None, None, "superseded")),
    "close decided elsewhere": ("close", _close_scene(None, "approve")),
    "measure nothing due": ("measure", lambda: setattr(due_months, "due", lambda now: [])),
}


def _answers() -> list[str]:
    """What the human task does with a first and a second approval; asking itself is Airflow's."""
    HITLOperator.execute = lambda self, context: "asked again"
    review.outcome = lambda draft_id: None
    firsts = [True, False]
    review.is_first_of_two = lambda draft_id, answer: firsts.pop(0)
    task = BAG.dags["close"].get_task("review")
    answer = {
        "chosen_options": ["Approve"],
        "params_input": {"comment": ""},
        "responded_at": datetime(2026, 4, 6, 8, tzinfo=UTC),
        "responded_by_user": {"id": "felix", "name": "felix"},
        "timedout": False,
    }
    told = [task.execute_complete({}, answer) for _ in range(2)]
    return [each if isinstance(each, str) else each["chosen_options"][0] for each in told]


def _held_when_workers_begin() -> list[str]:
    """The modules that a worker of the local installation holds when it is forked, and with it every task."""
    held: list[str] = []
    LocalExecutor.start = lambda self: held.extend(sys.modules)
    WarmExecutor().start()
    return held


def main() -> None:
    results = {}
    stop = Event()
    sweeper = Thread(target=_sweep, args=(stop,))
    sweeper.start()
    for name, (dag_id, break_it, *params) in SCENES.items():
        _sound()
        break_it()
        run = BAG.dags[dag_id].test(run_conf=params[0] if params else None)
        tasks = {f"{each.task_id}[{each.map_index}]": str(each.state) for each in run.get_task_instances()}
        results[name] = {"run": str(run.state), "tasks": tasks}
    stop.set()
    sweeper.join()
    results["answers"] = _answers()
    results["held"] = _held_when_workers_begin()
    print("RESULT" + json.dumps(results))


if __name__ == "__main__":
    main()
