"""Pages on disk: whole, named by content, checked when read."""

import gzip
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


def test_only_pages_that_nothing_names_are_swept(tmp_path: Path) -> None:
    _, kept = pages.write(tmp_path, b"kept")
    _, lost = pages.write(tmp_path, b"lost")
    unfinished = (tmp_path / kept).with_name(f".{Path(kept).name}.4711")
    unfinished.write_bytes(b"half")
    assert sorted(pages.sweep(tmp_path, [kept])) == sorted([lost, unfinished.relative_to(tmp_path).as_posix()])
    assert (tmp_path / kept).exists() and not (tmp_path / lost).exists() and not unfinished.exists()
    assert pages.sweep(tmp_path / "absent", []) == []
