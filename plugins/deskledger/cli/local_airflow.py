"""A complete Airflow on loopback, from one folder: embedded PostgreSQL, API server, scheduler, DAG processor.

For the demo and for a developer's machine. Production uses its own Airflow (docker-compose.yml shows one).
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx
import psutil

from deskledger.cli.airflow_api import AirflowApi
from deskledger.errors import DeskledgerError
from deskledger.settings import Settings
from deskledger.warehouse import embedded

# What runs, and how it is asked for. The triggerer wakes extractions that a desk asked to pause.
# The log servers are not started: they would listen on every address, and the logs are local files.
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
USERS = {"admin": "admin", "fatima": "user", "felix": "user", "mara": "viewer"}
FIRST_PORT = 8085
CONNECTIONS = "AIRFLOW_CONN_DESKLEDGER_"  # one's own warehouse and desks: tasks and commands must agree on them
WAREHOUSE_CONNECTION = f"{CONNECTIONS}WAREHOUSE"
LOGGING_LEVEL = "AIRFLOW__LOGGING__LOGGING_LEVEL"  # INFO: what tasks print is in their logs too
READY_SECONDS = 180
STOP_SECONDS = 20


class LocalAirflow:
    """Starts and stops what it started, and nothing else.

    `processes` names Airflow's commands with their arguments; `overrides` are environment variables over ours.
    """

    def __init__(
        self,
        settings: Settings,
        processes: Mapping[str, tuple[str, ...]] = PROCESSES,
        overrides: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.settings = settings
        self.processes = processes
        self.overrides = overrides
        self.home = settings.state / "airflow"
        self.pids = self.home / "processes.json"
        self.postgres: embedded.EmbeddedServer | None = None

    def start_postgres(self) -> None:
        """The embedded server with Airflow's database; the warehouse has its own on the same server."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        self.postgres = embedded.start(self.settings.postgres)

    def stop_postgres(self) -> bool:
        self.postgres = None
        return embedded.stop(self.settings.postgres)

    def prepare(self) -> None:
        """Airflow's home, users and schema; quick when they are there."""
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "passwords.json"
        if not passwords.exists():
            _write_private(passwords, {user: secrets.token_urlsafe(9) for user in USERS})
        if not (self.home / "secrets.json").exists():
            _write_private(
                self.home / "secrets.json", {"jwt": secrets.token_urlsafe(48), "session": secrets.token_urlsafe(32)}
            )
        if not (self.home / "port").exists():
            (self.home / "port").write_text(str(_free_port()), encoding="utf-8")
        self._run("db", "migrate")

    def start(self) -> AirflowApi:
        """Start what is not running and wait until the API answers and every DAG is parsed."""
        running = self._running()
        if not running and not _is_free(self.port):
            (self.home / "port").write_text(str(_free_port()), encoding="utf-8")
        started = {name: pid for name, (pid, _) in running.items()}
        for name in self.processes:
            if name not in running:
                started[name] = self._spawn(name)
        _write_private(self.pids, {name: [pid, psutil.Process(pid).create_time()] for name, pid in started.items()})
        api = AirflowApi(self.url, "admin", self.password("admin"))
        self._wait_until_ready(api)
        for pool in self._pools():
            api.make_pool(pool)
        return api

    def stop(self) -> list[str]:
        """End the processes that `start` began, by id; the names of those that were running."""
        running = self._running()
        processes = [psutil.Process(pid) for pid, _ in running.values()]
        family = [child for process in processes for child in process.children(recursive=True)]
        for process in processes:
            process.terminate()
        _, alive = psutil.wait_procs(processes + family, timeout=STOP_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
        self.pids.unlink(missing_ok=True)
        return list(running)

    @contextmanager
    def running(self) -> Iterator[AirflowApi]:
        """Airflow for the length of a block; one that was up before stays up."""
        was_up = bool(self._running())
        try:
            yield self.start()
        finally:
            if not was_up:
                self.stop()

    @property
    def is_up(self) -> bool:
        return bool(self._running())

    @property
    def port(self) -> int:
        return int((self.home / "port").read_text(encoding="utf-8"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def password(self, user: str) -> str:
        return str(json.loads((self.home / "passwords.json").read_text(encoding="utf-8"))[user])

    def environment(self) -> dict[str, str]:
        """The environment of every Airflow process: all of it self-contained in the state folder."""
        if self.postgres is None:
            self.start_postgres()
        assert self.postgres is not None
        private = json.loads((self.home / "secrets.json").read_text(encoding="utf-8"))
        ours = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.settings.home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.settings.home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "deskledger.cli.warm_executor.WarmExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(max(2, os.cpu_count() or 2)),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.postgres.url_for("airflow"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": private["session"],
            "AIRFLOW__API_AUTH__JWT_SECRET": private["jwt"],
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            LOGGING_LEVEL: os.environ.get(LOGGING_LEVEL, "WARNING"),
            "DESKLEDGER_HOME": str(self.settings.home),
            "DESKLEDGER_STATE": str(self.settings.state),
        }
        if WAREHOUSE_CONNECTION not in os.environ:
            ours["DESKLEDGER_WAREHOUSE"] = os.environ.get("DESKLEDGER_WAREHOUSE") or self.postgres.url_for("deskledger")
        inherited = {name: value for name, value in os.environ.items() if not _is_foreign(name)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**inherited, **ours, "PATH": path, **self.overrides}

    def _pools(self) -> list[str]:
        """The pools that mappings name, each of one slot: one account is asked one thing at a time."""
        from deskledger.sources.event_log.mapping import load_all

        mappings, _ = load_all(self.settings.mappings)
        return sorted({each.extract.pool for each in mappings if each.extract} - {"default_pool"})

    def _running(self) -> dict[str, tuple[int, float]]:
        """Name -> (pid, start time) of ours that live; the start time guards against a reused pid."""
        if not self.pids.exists():
            return {}
        noted: Mapping[str, list[float]] = json.loads(self.pids.read_text(encoding="utf-8"))
        living = {}
        for name, (pid, created) in noted.items():
            try:
                process = psutil.Process(int(pid))
                if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                    living[name] = (int(pid), created)
            except psutil.NoSuchProcess:
                continue
        return living

    def _spawn(self, name: str) -> int:
        with (self.home / f"{name.replace(' ', '-')}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *name.split(), *self.processes[name]],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return process.pid

    def command(self, arguments: Sequence[str]) -> int:
        """Airflow's own command line on this installation, with the caller's terminal; its exit status."""
        if not (self.home / "secrets.json").exists():
            self.prepare()
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.run(command, env=self.environment(), check=False).returncode

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DeskledgerError(
                f"`airflow {' '.join(arguments)}` ended with {done.returncode}",
                where=str(self.home),
                remedy=f"read its last words: {done.stderr.strip()[-800:]}",
            )

    def _wait_until_ready(self, api: AirflowApi) -> None:
        wanted = {
            path.stem for path in (self.settings.home / "dags").glob("*.py") if not path.stem.startswith("deskledger_")
        }
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            dead = [name for name in self.processes if name not in self._running()]
            if dead:
                raise DeskledgerError(
                    f"Airflow's {dead[0]} ended while starting",
                    where=str(self.home / f"{dead[0].replace(' ', '-')}.log"),
                    remedy="read the end of that log; `make down` and `make up` start afresh",
                )
            try:
                if api.is_healthy() and wanted <= api.dags():
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.3)
        raise DeskledgerError(
            f"Airflow was not ready within {READY_SECONDS} seconds",
            where=str(self.home),
            remedy="read the logs in that folder; a DAG with an import error is named in dag-processor.log",
        )


def terminate_on_signals() -> None:
    """Make SIGTERM unwind like Ctrl-C, so that what we started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _is_foreign(name: str) -> bool:
    """Settings of another Airflow, or that make every process start slower, must not leak into ours."""
    if name.startswith(CONNECTIONS):
        return False
    return name.startswith("AIRFLOW_") or name == "PYTHONDONTWRITEBYTECODE"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        if _is_free(port):
            return port
    raise DeskledgerError(
        f"no free port from {FIRST_PORT} to {FIRST_PORT + 99} on loopback", remedy="stop a server and try again"
    )


def _write_private(path: Path, content: object) -> None:
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
