"""Task time of the demo's months in a real Airflow, beside tasks that do nothing plus the work by itself: at most 2.

Run: .venv/bin/python benchmarks/task_time.py [tickets a month]. One run, one PostgreSQL, one Airflow, three times over:

- **the months**: `make demo` itself, with its real DAGs. Counted is what Airflow keeps of each task, from its start to
  its end, every try, skipped ones too if they ran; of a review all but the time that it waited for a person;
- **idle**: the same Airflow, restarted with DAGs of the same shape: for each run one with the same tasks, as many of
  each as ran, the same dependencies, and bodies that do nothing. Each is triggered when as many idle runs have ended as
  real ones had ended when its twin began, so that as many run side by side;
- **the work**: the same functions of `steps` in the order in which the tasks ended, in one process with Airflow
  stopped, on a state and a helpdesk of their own (benchmarks/task_work.py). What a task imports counts once here,
  where it falls, and in the months each time; what Airflow has loaded before a task begins counts nowhere.

Waiting in Airflow's queues is not counted. Task time is wall-clock time, as Airflow keeps it: neighbours on the machine
count, and not the same in each part. So the processor time of the same tasks is printed beside, without what PostgreSQL
and the API server do for them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
from sqlalchemy import Engine, text
from verdict import judged

from deskledger.cli import demo
from deskledger.cli.demo_desk import helpdesk
from deskledger.cli.local_airflow import LocalAirflow
from deskledger.settings import Settings, settings
from deskledger.sources.demo import charges, files
from deskledger.warehouse import embedded, migrate, open_warehouse

TICKETS = 10_000
MOST = 2.0
PATIENCE_SECONDS = 900

_TRIES = """
    with try as (
        select ti.id, ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.pid, ti.start_date, ti.end_date,
               asked.created_at, asked.responded_at
        from task_instance as ti left join hitl_detail as asked on asked.ti_id = ti.id
        union all
        select ti.task_instance_id, ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.pid, ti.start_date, ti.end_date,
               asked.created_at, asked.responded_at
        from task_instance_history as ti
        left join hitl_detail_history as asked on asked.ti_history_id = ti.task_instance_id
    )
    select try.dag_id, try.run_id, run.partition_key, try.task_id, try.map_index,
           coalesce(try.end_date, try.created_at) as ended_at,
           extract(epoch from case
               when try.created_at is null then try.end_date - try.start_date
               when try.responded_at is null then try.created_at - try.start_date
               else try.end_date - try.responded_at + try.created_at - try.start_date end) as seconds
    from try inner join dag_run as run using (dag_id, run_id)
    where try.pid is not null and (try.dag_id like 'idle\\_%') = :is_idle
    order by ended_at
"""
_RUNS = """
    select dag_id, run_id, start_date, end_date from dag_run
    where dag_id not like 'idle\\_%' and start_date is not null order by start_date
"""
_DOWNSTREAM = """
    select distinct on (dag_id) dag_id, data -> 'dag' -> 'tasks' as tasks
    from serialized_dag order by dag_id, created_at desc
"""
_ENDED = "select count(*) from dag_run where dag_id like 'idle\\_%' and state in ('success', 'failed')"

_IDLE_DAG = """
from airflow.sdk import DAG, task

TASKS = {tasks!r}
EDGES = {edges!r}

with DAG(dag_id={dag_id!r}, schedule=None, max_active_runs=1_000):

    def nothing(which: int = 0) -> None:
        pass

    made = {{}}
    for name, (count, is_mapped) in TASKS.items():
        body = task(task_id=name)(nothing)
        made[name] = body.expand(which=list(range(count))) if is_mapped else body()
    for above, below in EDGES:
        made[above] >> made[below]
"""


class TasksProcessor(Thread):
    """Counts the processor seconds of tasks while a block lasts: of all that the scheduler's children do."""

    def __init__(self, local: LocalAirflow) -> None:
        super().__init__(daemon=True)
        self.seconds = 0.0
        self._local, self._over = local, Event()

    def run(self) -> None:
        while not self._over.wait(0.5):
            with suppress(psutil.Error, OSError, ValueError, KeyError):
                pid, _ = json.loads(self._local.pids.read_text(encoding="utf-8"))["scheduler"]
                scheduler = psutil.Process(int(pid))
                times = [each.cpu_times() for each in scheduler.children(recursive=True)]
                ended = scheduler.cpu_times()
                now = sum(sum(time[:4]) for time in times) + ended.children_user + ended.children_system
                self.seconds = max(self.seconds, now)

    def __enter__(self) -> "TasksProcessor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@dataclass(frozen=True)
class Try:
    """One try of one task, as Airflow kept it."""

    dag: str
    run: str
    key: str | None
    task: str
    index: int
    ended_at: datetime
    seconds: float


def tries(airflow: Engine, *, is_idle: bool) -> list[Try]:
    with airflow.connect() as connection:
        found = connection.execute(text(_TRIES), {"is_idle": is_idle})
        # One that was at work when the demo was over and Airflow stopped has no end.
        return [Try(*row[:6], float(row[6])) for row in found if row[6] is not None]


def write_idle_dags(folder: Path, airflow: Engine, real: Iterable[Try]) -> dict[str, str]:
    """One DAG file for each shape that a run had; run id -> the name of its idle DAG."""
    with airflow.connect() as connection:
        listed = {row.dag_id: row.tasks for row in connection.execute(text(_DOWNSTREAM))}
    edges = {
        dag: [
            (task["__var"]["task_id"], below)
            for task in tasks
            for below in task["__var"].get("downstream_task_ids", ())
        ]
        for dag, tasks in listed.items()
    }
    ran: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for each in real:
        ran[each.dag, each.run][each.task].add(each.index)
    names: dict[str, str] = {}  # of the file's content
    twins = {}
    folder.mkdir(parents=True)
    for (dag, run), instances in ran.items():
        tasks = {task.replace(".", "__"): (len(found), min(found) >= 0) for task, found in sorted(instances.items())}
        linked = [(a.replace(".", "__"), b.replace(".", "__")) for a, b in edges[dag] if {a, b} <= instances.keys()]
        shape = json.dumps([dag, tasks, linked])
        if shape not in names:
            names[shape] = f"idle_{len(names) + 1}_{dag}"
            content = _IDLE_DAG.format(tasks=tasks, edges=linked, dag_id=names[shape])
            (folder / f"{names[shape]}.py").write_text(content, encoding="utf-8")
        twins[run] = names[shape]
    return twins


def run_idle(local: LocalAirflow, airflow: Engine, twins: dict[str, str]) -> None:
    """Trigger the twin of each real run when as many idle ones have ended as real ones before it; until all end."""
    with airflow.connect() as connection:
        runs = [row for row in connection.execute(text(_RUNS)) if row.run_id in twins]
    with local.running() as api:
        for name in set(twins.values()):
            api.unpause(name)
        for run in runs:
            _wait_for_ended(airflow, sum(1 for each in runs if each.end_date and each.end_date < run.start_date))
            api.trigger(twins[run.run_id])
        _wait_for_ended(airflow, len(runs))


def _wait_for_ended(airflow: Engine, wanted: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with airflow.connect() as connection:
            if connection.execute(text(_ENDED)).scalar_one() >= wanted:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{wanted} idle runs did not end within {PATIENCE_SECONDS} seconds")


def work_alone(
    postgres: embedded.EmbeddedServer, state: Path, real: list[Try], tickets: int
) -> tuple[list[float], float]:
    """Seconds of each try's work, in the order given, and those of the processor; in a process and state of its own."""
    again = Settings(home=settings().home, state=state)
    inbox = again.inbox / demo.SOURCE
    inbox.mkdir(parents=True)
    files.write_csv(inbox / "charges.csv", charges((*demo.APPROVED, demo.IN_REVIEW)))
    own = {"DESKLEDGER_STATE": str(state), "DESKLEDGER_WAREHOUSE": postgres.url_for("work")}
    before = dict(os.environ)
    os.environ.update(own)
    try:
        migrate(open_warehouse())
        demo.approve_contracts(again)
    finally:
        os.environ.clear()
        os.environ.update(before)
    clock = {str(day): demo.asked_at(day).isoformat() for day in demo.DAILY}
    now = demo.asked_at(demo.DAILY[0] - timedelta(days=1))
    log = state / "helpdesk.log"
    with helpdesk(demo.SOURCE, log, seed=demo.SEED, tickets_per_month=tickets, now=now) as desk:
        record, answer = state / "record.json", state / "seconds.json"
        tasks = [(each.dag, each.run, each.key, each.task, each.index) for each in real]
        given: dict[str, Any] = {"desk_url": desk.base_url, "clock": clock, "inbox": str(inbox), "tasks": tasks}
        record.write_text(json.dumps(given), encoding="utf-8")
        command = [sys.executable, str(Path(__file__).with_name("task_work.py")), str(record), str(answer)]
        environment = {**os.environ, **own, **desk.connection()}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        told = json.loads(answer.read_text(encoding="utf-8"))
        return told["seconds"], told["processor_seconds"]


def main() -> None:
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with tempfile.TemporaryDirectory(prefix="deskledger-bench-") as folder:
        state = Path(folder) / "state"
        os.environ["DESKLEDGER_STATE"] = str(state)
        os.environ.pop("DESKLEDGER_WAREHOUSE", None)
        try:
            local = LocalAirflow(settings())
            with TasksProcessor(local) as processor:
                demo.run_demo(tickets)
            local.start_postgres()
            assert local.postgres is not None
            airflow = open_warehouse(local.postgres.url_for("airflow"))
            real = tries(airflow, is_idle=False)
            home = Path(folder) / "idle"
            twins = write_idle_dags(home / "dags", airflow, real)
            (home / "plugins").symlink_to(settings().home / "plugins")
            with TasksProcessor(local) as idle_processor:
                run_idle(LocalAirflow(Settings(home=home, state=state)), airflow, twins)
            idle = tries(airflow, is_idle=True)
            work, work_processor = work_alone(local.postgres, Path(folder) / "work", real, tickets)
        finally:
            embedded.stop(state / "postgres")
    report(real, idle, work)
    used, least = processor.seconds, idle_processor.seconds + work_processor
    print(f"  of the processor: {used:.0f} s; idle {idle_processor.seconds:.0f} s; the work {work_processor:.0f} s;")
    print(f"  so the tasks take {used / least:.2f} times idle tasks plus the work")


def report(real: list[Try], idle: list[Try], work: list[float]) -> None:
    whole, nothing, alone = sum(each.seconds for each in real), sum(each.seconds for each in idle), sum(work)
    runs = len({each.run for each in real})
    print(f"{len(real)} tasks in {runs} runs: {whole:.0f} s; idle {nothing:.0f} s; the work by itself {alone:.0f} s")
    judged("task time, times idle tasks plus the work", whole / (nothing + alone), most=MOST)
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for each, seconds in zip(real, work, strict=True):
        row = rows[f"{each.dag}.{each.task}"]
        row[0], row[1], row[2] = row[0] + 1, row[1] + each.seconds, row[2] + seconds
    print(f"  an idle task takes {nothing / len(idle):.2f} s; seconds by task: in the months, the work by itself")
    for name, (count, months, alone_) in sorted(rows.items(), key=lambda row: row[1][2] - row[1][1]):
        print(f"    {name:36} {count:4.0f} times {months:8.1f} {alone_:8.1f}")


if __name__ == "__main__":
    main()
