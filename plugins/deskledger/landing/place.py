"""Where files lie: a folder, or object storage whose URL names the Airflow connection that opens it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from deskledger.errors import LandingError, StorageAwayError

_DOCS = "docs/object-storage.md"
# Whose errors are the storage's: S3's and Google's clients, and what they ask over. They are not installed everywhere.
_CLIENTS = {"botocore", "aiobotocore", "gcsfs", "google", "aiohttp", "urllib3"}
# What does not pass by itself; any other fault of a disk is raised as it is, and tried again.
_DISK = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room there, or raise the quota of the account that the task runs as",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "let the account that the task runs as write there"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR), "take away the file that stands where a folder must be"),
}


def opened(place: Path | str) -> Path:
    """The folder, or for a URL (s3://connection@bucket/folder) an ObjectStoragePath of Airflow's, which is used as one.

    A file:// URL is the folder itself. Raises LandingError where the URL names no connection, Airflow does not know
    it, or nothing that opens such a URL is installed: credentials come from the connection, and from nowhere else.
    """
    if isinstance(place, Path):
        return place
    if place.startswith("file://"):
        return Path(unquote(urlsplit(place).path))
    return _storage(place)


@cache  # a load opens a page at a time, and in a task Airflow asks its server for the connection
def _storage(place: str) -> Path:
    scheme, _, rest = place.rstrip("/").partition("://")
    connection, _, bucket = rest.rpartition("@")
    where = f"{scheme}://{bucket}"
    if not re.fullmatch(r"[\w.-]+", connection):  # none, or a key and its secret: they are not repeated here
        raise LandingError(
            "the address of the object storage does not name an Airflow connection",
            where=where,
            remedy=f"write it as {scheme}://connection@{bucket} ({_DOCS})",
        )
    from airflow.sdk import Connection, ObjectStoragePath
    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

    try:
        Connection.get(connection)
        storage: Path = ObjectStoragePath(f"{scheme}://{rest}")
        storage.fs  # type: ignore[attr-defined]  # noqa: B018 - an error here is lost later, others' credentials used
    except AirflowNotFoundException:
        raise LandingError(
            f"there is no Airflow connection {connection}",
            where=where,
            remedy=f"define it in Airflow, or in the environment as AIRFLOW_CONN_{connection.upper()} ({_DOCS})",
        ) from None
    except Exception as error:
        if not (isinstance(error, ImportError | KeyError | AirflowException) or _is_of_storage(error)):
            raise
        raise LandingError(
            f"the object storage cannot be opened: {error}",
            where=where,
            remedy=f"install what {_DOCS} names for it, here and on every worker, and check the connection's fields",
        ) from None
    return storage


def read(path: Path) -> bytes:
    """A file's content. Raises FileNotFoundError where there is none, or no bucket any more; else as `_asking`."""
    with _asking(path) as storage:
        return path.read_bytes() if storage is None else bytes(storage.cat_file(_key(path)))


def write_whole(path: Path, content: bytes) -> None:
    """Puts a file there, whole or not at all, in place of what was there.

    Raises as `_asking`, and LandingError where the disk takes no file: it is full, or not ours to write.
    """
    with _asking(path) as storage:
        if storage is not None:
            _upload(storage, path, content)
            return
    try:
        _to_disk(path, content)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise LandingError(
            f"the disk takes no file: {error.strerror}",
            where=str(path.parent),
            remedy=f"{_DISK[error.errno]}; then clear the task: nothing is lost",
        ) from error


def _to_disk(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            scratch.unlink()
        raise


def _upload(storage: Any, path: Path, content: bytes) -> None:
    try:
        storage.pipe_file(_key(path), content)  # an object appears when its upload ends
    except FileNotFoundError:
        remedy = f"make it, or mend the address ({_DOCS})"
        raise LandingError("the bucket is not there", where=str(path), remedy=remedy) from None


def is_there(path: Path) -> bool:
    """Whether there is such a file. Raises as `_asking`."""
    with _asking(path):
        return path.exists()


def remove(path: Path) -> None:
    """Removes a file that may be gone already. Raises as `_asking`."""
    with _asking(path) as storage, suppress(FileNotFoundError):
        if storage is None:
            path.unlink()
        else:
            storage.rm_file(_key(path))  # by itself: of many at once a refusal would not be told


def listed(folder: Path, pattern: str) -> list[Path]:
    """The files under a folder whose names below it match a pattern, by name. Raises as `_asking`."""
    with _asking(folder):
        return sorted(folder.glob(pattern), key=str)


def written_at(path: Path) -> float:
    """When a file was written, in seconds since 1970; for ever in the future where the storage does not say."""
    with _asking(path):
        stat: Any = path.stat()
    if isinstance(path, Path):
        return float(stat.st_mtime)
    said = next((stat[name] for name in ("mtime", "LastModified", "created") if stat.get(name)), None)
    return said.timestamp() if isinstance(said, datetime) else float(said or "inf")


@contextmanager
def _asking(path: Path) -> Iterator[Any]:
    """The storage that a path is in, None for a disk.

    Raises LandingError where the storage refuses, StorageAwayError where it does not answer. A disk's errors are its
    own, and a fault of ours is no storage's.
    """
    if isinstance(path, Path):
        yield None
        return
    try:
        yield path.fs
    except (FileNotFoundError, LandingError):
        raise
    except Exception as error:
        if not _is_of_storage(error):
            raise
        if _is_refusal(error):
            raise LandingError(
                f"the object storage refuses: {error}",
                where=str(path),
                remedy=f"give the connection's account the rights that {_DOCS} names, and the connection its key",
            ) from None
        raise StorageAwayError(
            f"the object storage does not answer: {error}",
            where=str(path),
            remedy="check the address and the region in the connection, and the network",
        ) from error


def _is_of_storage(error: Exception) -> bool:
    if isinstance(error, OSError | ValueError):  # timeouts are OSErrors; botocore says a bad address by a ValueError
        return True
    return any(kind.__module__.partition(".")[0] in _CLIENTS for kind in type(error).__mro__)


def _is_refusal(error: Exception) -> bool:
    """S3's client has Python's error for it; Google's says Forbidden in an OSError, and 401 where a key is not taken.

    It says 401 too where the service that takes keys does not answer: the error below it is then one to try again.
    """
    if isinstance(error, OSError):
        return isinstance(error, PermissionError) or str(error).startswith("Forbidden")
    return getattr(error, "code", None) == 401 and not getattr(error.__cause__, "retryable", False)


def _key(path: Any) -> str:
    return str(path.path)
