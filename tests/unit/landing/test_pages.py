"""Pages on disk: whole, named by content, checked when read."""

import gzip
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from deskledger.errors import LandingError
from deskledger.landing import pages


def test_a_page_is_kept_once_under_the_hash_of_its_content(tmp_path: Path) -> None:
    digest, path = pages.write(tmp_path, b"id\nT1\n")
    assert digest == sha256(b"id\nT1\n").hexdigest()
    stamp = (tmp_path / path).stat().st_mtime_ns
    assert pages.write(tmp_path, b"id\nT1\n") == (digest, path)
    assert (tmp_path / path).stat().st_mtime_ns == stamp
    assert pages.read(tmp_path, path, digest) == b"id\nT1\n"
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == [f"{digest}.page.gz"]


def test_a_missing_damaged_or_exchanged_page_is_told_apart(tmp_path: Path) -> None:
    digest, path = pages.write(tmp_path, b"id\nT1\n" * 100)
    whole = (tmp_path / path).read_bytes()
    (tmp_path / path).write_bytes(whole[:-10])
    with pytest.raises(LandingError, match="the page is damaged"):
        pages.read(tmp_path, path, digest)
    (tmp_path / path).write_bytes(gzip.compress(b"id\nT2\n"))
    with pytest.raises(LandingError, match="its hash differs"):
        pages.read(tmp_path, path, digest)
    (tmp_path / path).unlink()
    with pytest.raises(LandingError, match="the page is missing"):
        pages.read(tmp_path, path, digest)


def test_a_page_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, path = pages.write(tmp_path, b"id\nT1\n")
    (tmp_path / path).unlink()
    (tmp_path / path).mkdir()
    with pytest.raises(LandingError, match="the page cannot be read: Is a directory"):
        pages.read(tmp_path, path, digest)

    def fail(path: Path) -> bytes:
        raise OSError("the disk said so")  # with words alone it has no `strerror`

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(LandingError, match="the page cannot be read: the disk said so"):
        pages.read(tmp_path, path, digest)


def test_only_old_pages_that_nothing_names_are_swept(tmp_path: Path) -> None:
    _, kept = pages.write(tmp_path, b"kept")
    _, lost = pages.write(tmp_path, b"lost")
    _, fresh = pages.write(tmp_path, b"fresh")
    unfinished = (tmp_path / kept).with_name(f".{Path(kept).name}.4711")
    unfinished.write_bytes(b"half")
    before = datetime(2026, 6, 1, tzinfo=UTC)
    for path, age in ((tmp_path / kept, 1), (tmp_path / lost, 1), (unfinished, 1), (tmp_path / fresh, 0)):
        os.utime(path, (before.timestamp() - age,) * 2)
    swept = pages.sweep(tmp_path, [kept], before)
    assert sorted(swept) == sorted([lost, unfinished.relative_to(tmp_path).as_posix()])
    assert [(tmp_path / each).exists() for each in (kept, lost, fresh)] == [True, False, True]
    assert not unfinished.exists()
    assert pages.sweep(tmp_path / "absent", [], before) == []


def test_a_landing_folder_has_one_warehouse(tmp_path: Path) -> None:
    pages.claim(tmp_path / "landing", "one")
    pages.claim(tmp_path / "landing", "one")
    with pytest.raises(LandingError, match="belongs to the warehouse one, this one is two"):
        pages.claim(tmp_path / "landing", "two")
    pages.claim(tmp_path / "other", "two")


@pytest.fixture
def bucket(object_storage: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKLEDGER_LANDING", f"{object_storage}/landing/")
    return pages.folder("acme")


def test_pages_lie_in_object_storage_as_they_do_on_disk(bucket: Path) -> None:
    digest, path = pages.write(bucket, b"id\nT1\n")
    assert (bucket / path).path == f"/bucket/landing/acme/{digest[:2]}/{digest}.page.gz"
    assert pages.write(bucket, b"id\nT1\n") == (digest, path)
    assert pages.read(bucket, path, digest) == b"id\nT1\n"
    (bucket / path).write_bytes(gzip.compress(b"id\nT2\n"))
    with pytest.raises(LandingError, match="its hash differs"):
        pages.read(bucket, path, digest)
    (bucket / path).unlink()
    with pytest.raises(LandingError, match="the page is missing"):
        pages.read(bucket, path, digest)


def test_object_storage_has_one_warehouse_and_is_swept(bucket: Path) -> None:
    pages.claim(pages.folder(), "one")
    pages.claim(pages.folder(), "one")
    with pytest.raises(LandingError, match="belongs to the warehouse one, this one is two"):
        pages.claim(pages.folder(), "two")
    (_, kept), (_, lost) = pages.write(bucket, b"kept"), pages.write(bucket, b"lost")
    assert pages.sweep(bucket, [kept], datetime(2026, 6, 1, tzinfo=UTC)) == []
    assert pages.sweep(bucket, [kept], datetime(2226, 6, 1, tzinfo=UTC)) == [lost]
    assert [(bucket / each).exists() for each in (kept, lost)] == [True, False]
    assert pages.sweep(pages.folder("absent"), [], datetime(2226, 6, 1, tzinfo=UTC)) == []


def test_a_file_url_is_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLEDGER_LANDING", (tmp_path / "a b").as_uri())
    assert pages.folder("acme") == tmp_path / "a b" / "acme"
    monkeypatch.setenv("DESKLEDGER_LANDING", str(tmp_path))
    assert pages.folder("acme") == tmp_path / "acme"
