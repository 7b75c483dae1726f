"""`make demo`, `make up`, `make down`: the main job on one machine, driven as people drive it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from shutil import rmtree
from time import monotonic, sleep

from sqlalchemy import Engine, text

from deskledger.cli.airflow_api import AirflowApi
from deskledger.cli.demo_desk import Helpdesk, helpdesk
from deskledger.cli.local_airflow import USERS, LocalAirflow, terminate_on_signals
from deskledger.cli.summary import months, print_months, print_places
from deskledger.errors import DeskledgerError
from deskledger.settings import Settings, settings
from deskledger.warehouse import migrate, open_warehouse

SOURCE = "demo"
CONTRACTS = ("alder", "brisa")
APPROVED = ("2026-01", "2026-02")
IN_REVIEW = "2026-03"
# The history is extracted in the night to the first of these days; each of them in the night after it.
DAILY = (date(2026, 4, 8), date(2026, 4, 9), date(2026, 4, 10))
# The helpdesk lives in a year of its own: a run for yesterday's real date would have its days.
BY_HAND = {"DESKLEDGER_INGEST_BY_HAND": "yes"}
# Nobody edits a DAG while the demo runs: its file is read again every other minute, and not every half one.
READ_SELDOM = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120"}
SEED = 20260101
REVIEWER = "fatima"
# The legal counsel of the demo's provider. Who wrote a version is in its file, and cannot approve it.
TERMS_APPROVER = "carmen.duarte"
# An answer that comes before the scheduler has noticed that the task is parked is lost, and the task asks again; each
# time it does, it is given twice as long.
SETTLE_SECONDS = 4
STEP_LIMIT_SECONDS = 1800
ENDED = {"success", "failed"}


def run_demo(tickets_per_month: int) -> int:
    """Extract, load, measure, draft, approve all but the newest month, post, report. Again: changes nothing."""
    terminate_on_signals()
    clock = _Progress()
    local = LocalAirflow(settings())
    was_up = local.is_up
    clock.say("starting the embedded PostgreSQL")
    local.start_postgres()
    try:
        engine = open_warehouse()
        migrate(engine)
        if _is_complete(engine):
            clock.say("the demo's months are all there already; nothing to do")
        else:
            local.stop()  # an Airflow that is up knows nothing of the helpdesk
            _first_run(local, engine, tickets_per_month, clock)
            if was_up:
                LocalAirflow(local.settings).start()
        print()
        print_months(engine)
        print()
        print_places(local.settings, url=local.url if was_up else None, passwords={})
    finally:
        if not was_up:
            local.stop_postgres()
    return 0


def bring_up() -> int:
    """Start what is not running and say where it is; data of an earlier demo are there, an empty start is fine."""
    local = LocalAirflow(settings())
    print("starting PostgreSQL and Airflow on loopback …", flush=True)
    local.start_postgres()
    migrate(open_warehouse())
    local.prepare()
    api = local.start()
    for dag_id in sorted(api.dags()):
        api.unpause(dag_id)
    print_places(local.settings, url=local.url, passwords={user: local.password(user) for user in USERS})
    print("`make down` stops it.")
    return 0


def take_down() -> int:
    """Stop Airflow and the embedded PostgreSQL of this state folder, if they run."""
    local = LocalAirflow(settings())
    stopped = local.stop()
    if local.stop_postgres():
        stopped.append("postgres")
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing of ours was running")
    return 0


def approve_contracts(settings: Settings) -> list[str]:
    """Submit and approve the demo contracts' versions, as `deskledger contracts submit` and `approve` do; in words.

    Those that are approved as they stand stay as they are.
    """
    from deskledger.contract import load
    from deskledger.steps import terms

    told, now = [], datetime.now(UTC)
    for name in CONTRACTS:
        path = settings.contracts / f"{name}.yaml"
        for version in load(path).versions:
            terms.submit(path, version.number, by=version.author, comment="As signed.", now=now)
            row = terms.approve(path, version.number, by=TERMS_APPROVER, comment="Read against the paper.", now=now)
            told.append(f"{name} version {version.number}, by {row['submitted_by']}, approved by {row['approved_by']}")
    return told


def _first_run(local: LocalAirflow, engine: Engine, tickets_per_month: int, clock: "_Progress") -> None:
    from deskledger.sources.demo import charges, files

    began = asked_at(DAILY[0] - timedelta(days=1))
    now = max(began, _extracted(engine) or began)
    clock.say(f"acting out three months of a helpdesk, {tickets_per_month:,} tickets a month, and preparing Airflow")
    log = local.settings.state / "helpdesk.log"
    with helpdesk(SOURCE, log, seed=SEED, tickets_per_month=tickets_per_month, now=now) as desk:
        local.prepare()
        invoices = local.settings.inbox / SOURCE / "charges.csv"
        invoices.parent.mkdir(parents=True, exist_ok=True)
        files.write_csv(invoices, charges((*APPROVED, IN_REVIEW)))
        clock.say(f"contracts approved: {'; '.join(approve_contracts(local.settings))}")
        clock.say(f"the helpdesk answers on {desk.base_url}, as Zendesk does")
        local.overrides = {**local.overrides, **desk.connection(), **BY_HAND, **READ_SELDOM}
        clock.say("starting Airflow (scheduler, DAG processor, API server)")
        with local.running() as api:
            _run_all(local, api, engine, desk, now, clock)
        clock.say(f"the helpdesk was asked over HTTP: {desk.tally()}")


def _run_all(
    local: LocalAirflow, api: AirflowApi, engine: Engine, desk: Helpdesk, now: datetime, clock: "_Progress"
) -> None:
    for dag_id in ("measure", "close", "ingest", "ingest_history"):
        api.unpause(dag_id)
    watch = _Watch(api, clock)
    clock.say("extracting and loading the history, three months and a week")
    run_id = api.trigger("ingest_history", conf={"source": SOURCE})
    watch.until("the history is loaded", lambda: watch.state("ingest_history", run_id) == "success")
    rmtree(local.settings.inbox / SOURCE)  # the invoices have landed; a day has no files of its own
    clock.say("extracting and loading the days after it, each when it is over at the helpdesk")
    reviews = _Reviews(AirflowApi(local.url, REVIEWER, local.password(REVIEWER)), clock)
    for day in DAILY:
        if asked_at(day) > now:
            desk.set_clock(asked_at(day))
        if str(day) not in watch.partitions("ingest", "success"):
            api.trigger("ingest", partition_key=str(day))
            watch.until(f"{day} is loaded", partial(_is_loaded, str(day), watch, reviews))
    watch.until("all is posted", lambda: reviews.approve() == 0 and _is_complete(engine))
    watch.until("the newest month waits for its review", lambda: reviews.waiting() and not watch.busy())


def _is_loaded(day: str, watch: "_Watch", reviews: "_Reviews") -> bool:
    reviews.approve()  # people do not wait for tomorrow's tickets
    return day in watch.partitions("ingest", "success")


def asked_at(day: date) -> datetime:
    """When the helpdesk is asked for a day: at two in the night after it, as the DAG `ingest` does by its schedule."""
    return datetime.combine(day + timedelta(days=1), time(2), UTC)


def _extracted(engine: Engine) -> datetime | None:
    """How far an earlier attempt has asked the helpdesk, whose clock never goes back."""
    with engine.connect() as connection:
        query = text("select max(ended_at) from quality.cursor where source = :source")
        found: datetime | None = connection.execute(query, {"source": SOURCE}).scalar_one()
    return found


def _is_complete(engine: Engine) -> bool:
    states = {(month.contract, month.period): month.state for month in months(engine)}
    wanted = {(contract, period): "posted" for contract in CONTRACTS for period in APPROVED}
    wanted |= {(contract, IN_REVIEW): "in_review" for contract in CONTRACTS}
    # A reviewer may have gone on with the newest month since: that is complete too.
    return all(states.get(month) in {state, "posted"} for month, state in wanted.items())


class _Progress:
    """Lines with the seconds since the start."""

    def __init__(self) -> None:
        self._start = monotonic()

    def say(self, words: str) -> None:
        print(f"[{monotonic() - self._start:5.0f} s] {words}", flush=True)


class _Reviews:
    """Approves the demo's older months as a reviewer, each as soon as it waits; the newest is left for the user."""

    def __init__(self, reviewer: AirflowApi, clock: _Progress) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self._seen: dict[tuple[str, int], float] = {}
        self._answered: set[tuple[str, int]] = set()

    def approve(self) -> int:
        """Answer the reviews that waited long enough to be parked for certain, and any that asks again; how many."""
        answers = 0
        for key, review in self._reviewer.waiting_reviews().items():
            instance = review["task_instance"]
            asked = (instance["dag_run_id"], instance["try_number"])
            since = self._seen.setdefault(asked, monotonic())
            is_settled = monotonic() - since >= SETTLE_SECONDS * 2 ** (instance["try_number"] - 1)
            if key.split("|")[1] in APPROVED and is_settled and asked not in self._answered:
                self._answered.add(asked)
                answers += 1
                self._reviewer.answer(review, "Approve", "Figures agree with the desk's month-end report.")
                self._clock.say(f"{self._reviewer.user} approved {review['subject']}")
        return answers

    def waiting(self) -> bool:
        return {f"{contract}|{IN_REVIEW}" for contract in CONTRACTS} <= set(self._reviewer.waiting_reviews())


class _Watch:
    """Watches the runs through the API, tells what ends, and stops at the first failure with its log."""

    def __init__(self, api: AirflowApi, clock: _Progress) -> None:
        self._api = api
        self._clock = clock
        self._runs = api.runs()
        # What ended in an earlier attempt is neither news nor a failure of this one.
        self._told = {_identity(run) for run in self._runs if run["state"] in ENDED}

    def until(self, what: str, is_done: Callable[[], bool]) -> None:
        """Wait until `is_done`; raises DeskledgerError when a run fails or the step takes too long."""
        end = monotonic() + STEP_LIMIT_SECONDS
        while monotonic() < end:
            self._look()
            if is_done():
                return
            sleep(0.5)
        raise DeskledgerError(
            f"waited {STEP_LIMIT_SECONDS} seconds and still not: {what}",
            remedy="`make up` and look at the runs; `make clean` starts from nothing",
        )

    def state(self, dag_id: str, run_id: str) -> str | None:
        found = (run["state"] for run in self._runs if (run["dag_id"], run["dag_run_id"]) == (dag_id, run_id))
        return next(found, None)

    def partitions(self, dag_id: str, state: str) -> set[str]:
        return {run["partition_key"] for run in self._runs if (run["dag_id"], run["state"]) == (dag_id, state)}

    def busy(self) -> bool:
        """Is any run on, other than those that wait for a person?"""
        waiting = set(self._api.waiting_reviews())
        active = [run for run in self._runs if run["state"] in {"queued", "running"}]
        return any(run["dag_id"] != "close" or run["partition_key"] not in waiting for run in active)

    def _look(self) -> None:
        self._runs = self._api.runs()
        for run in reversed(self._runs):
            if run["state"] not in ENDED or _identity(run) in self._told:
                continue
            self._told.add(_identity(run))
            if run["state"] == "failed":
                raise DeskledgerError(
                    f"a run of {run['dag_id']} failed ({run['partition_key']})\n{self._last_words(run)}",
                    remedy="mend what the message names and run `make demo` again: it goes on where it stopped",
                )
            if run["duration"] is not None:
                self._clock.say(f"  {run['dag_id']} {run['partition_key'] or ''} done in {run['duration']:.0f} s")

    def _last_words(self, run: dict) -> str:
        failed = [task for task in self._api.tasks(run["dag_id"], run["dag_run_id"]) if task["state"] == "failed"]
        words = []
        for task in failed[:3]:
            log = self._api.log(
                run["dag_id"], run["dag_run_id"], task["task_id"], task["try_number"], task["map_index"]
            )
            words.append(f"{task['task_id']}: …{log[-1500:]}")
        return "\n".join(words)


def _identity(run: dict) -> str:
    return f"{run['dag_id']}/{run['dag_run_id']}"
