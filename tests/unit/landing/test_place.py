"""Where files lie: a folder or a URL, opened by the Airflow connection that the URL names, or refused."""

import os
from pathlib import Path
from typing import Any

import pytest

from deskledger.errors import LandingError, StorageAwayError
from deskledger.landing import place


def test_a_folder_is_itself_and_so_is_a_file_url(tmp_path: Path) -> None:
    assert place.opened(tmp_path) == tmp_path
    assert place.opened((tmp_path / "a b").as_uri()) == tmp_path / "a b"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memory://bucket/landing", r"memory://bucket/landing: .* does not name an Airflow connection"),
        ("memory://key:a/secret@bucket/landing", r"memory://bucket/landing: .* does not name an Airflow connection"),
        ("memory://nobody@bucket/landing", r"there is no Airflow connection nobody\n.*AIRFLOW_CONN_NOBODY"),
        ("gopher://account@bucket/landing", r"gopher://bucket/landing: the object storage cannot be opened: .*gopher"),
    ],
)
def test_an_address_that_no_connection_opens_is_refused(object_storage: str, address: str, message: str) -> None:
    with pytest.raises(LandingError, match=message) as refused:
        place.opened(address)
    assert "secret" not in str(refused.value)


def test_a_full_disk_is_told_with_its_folder_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "pages" / "one.page.gz"
    path.parent.mkdir()
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.symlink_to("/dev/full")  # a device that is always full
    with pytest.raises(LandingError, match=r"pages: the disk takes no file: No space left on device\n.*make room"):
        place.write_whole(path, b"content")
    assert list(path.parent.iterdir()) == []
    place.write_whole(path, b"content")
    assert path.read_bytes() == b"content"


def test_a_folder_that_cannot_be_made_is_told_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("a file where the folder should be")
    with pytest.raises(LandingError, match=r"pages: the disk takes no file: .*\n.*take away the file that stands"):
        place.write_whole(tmp_path / "pages" / "one.page.gz", b"content")
    with pytest.raises(LandingError, match="pages/a: the disk takes no file"):
        place.write_whole(tmp_path / "pages" / "a" / "one.page.gz", b"content")


# As botocore's own, which is not installed here: it is no OSError.
EndpointConnectionError = type("EndpointConnectionError", (Exception,), {"__module__": "botocore.exceptions"})


def google(code: int, is_retryable: bool) -> Exception:
    """As gcsfs tells what Google answered, or that no token was to be had and whether that may be tried again."""
    error = type("HttpError", (Exception,), {"__module__": "gcsfs.retry", "code": code})(f"Invalid, {code}")
    error.__cause__ = type("RefreshError", (Exception,), {"retryable": is_retryable})()
    return error


@pytest.mark.parametrize(
    ("error", "told", "message"),
    [
        (PermissionError("Forbidden"), LandingError, "the object storage refuses: Forbidden"),
        (OSError("Forbidden: b/bucket"), LandingError, "the object storage refuses: Forbidden: b/bucket"),
        (google(401, is_retryable=False), LandingError, "the object storage refuses: Invalid, 401"),
        (google(401, is_retryable=True), StorageAwayError, "the object storage does not answer: Invalid, 401"),
        (google(503, is_retryable=False), StorageAwayError, "the object storage does not answer: Invalid, 503"),
        (TimeoutError("no answer"), StorageAwayError, "the object storage does not answer: no answer"),
        (ValueError("not an address"), StorageAwayError, "the object storage does not answer: not an address"),
        (EndpointConnectionError("nobody"), StorageAwayError, "the object storage does not answer: nobody"),
        (type("Of", (EndpointConnectionError,), {})("x"), StorageAwayError, "the object storage does not answer: x"),
        (TypeError("a fault of ours"), TypeError, "^a fault of ours"),
    ],
)
def test_a_storage_that_refuses_and_one_that_is_away_are_told_apart(
    object_storage: str, error: Exception, told: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path: Any = place.opened(f"{object_storage}/landing") / "page"

    def fail(*_: Any, **__: Any) -> None:
        raise error

    for name in ("cat_file", "pipe_file", "rm_file", "exists", "glob", "stat"):
        monkeypatch.setattr(type(path.fs), name, fail)
    for ask in (place.read, place.is_there, place.remove, place.written_at):
        with pytest.raises(told, match=message):
            ask(path)
    with pytest.raises(told, match=message):
        place.write_whole(path, b"content")
    with pytest.raises(told, match=message):
        place.listed(path.parent, "*")


def test_a_bucket_that_is_not_there_is_told(object_storage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path: Any = place.opened(f"{object_storage}/landing") / "page"

    def fail(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("no such bucket")

    monkeypatch.setattr(type(path.fs), "pipe_file", fail)
    with pytest.raises(LandingError, match="the bucket is not there"):
        place.write_whole(path, b"content")


def test_removing_what_is_gone_is_no_error(object_storage: str, tmp_path: Path) -> None:
    place.remove(place.opened(f"{object_storage}/landing") / "page")
    place.remove(tmp_path / "page")
