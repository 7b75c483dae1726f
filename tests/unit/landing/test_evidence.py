"""Evidence files: named by content, whole or not there, checked when read."""

import os
from pathlib import Path

import pandas as pd
import pytest

from deskledger.errors import LandingError
from deskledger.landing import evidence
from deskledger.model import SEGMENT, TICKET_EVENT, conform

EVENTS = conform(
    TICKET_EVENT,
    pd.DataFrame(
        {
            "ticket_key": [7, 7, 9],
            "created_month": 202601,
            "event_id": ["1", "2", "1"],
            "occurred_at": pd.to_datetime(
                ["2026-01-10T08:00:00.000001Z", "2026-01-10T09:00Z", "2026-01-11T00:00Z"], format="ISO8601"
            ),
            "seq": [1, 2, 1],
            "kind": ["created", "status", "created"],
            "value": [None, "resolved", ""],
            "is_public": [True, None, False],
        }
    ),
)


def test_what_was_written_is_read_again_with_missing_values_and_microseconds(tmp_path: Path) -> None:
    file = evidence.write(tmp_path, TICKET_EVENT, [EVENTS.iloc[:2], EVENTS.iloc[2:]])
    assert (file.kind, file.rows, file.path) == ("ticket_event", 3, f"{file.sha256[:2]}/{file.sha256}.parquet")
    pd.testing.assert_frame_equal(
        evidence.read(tmp_path, file, TICKET_EVENT).astype({"kind": "str", "value": "str"}),
        EVENTS.astype({"kind": "str", "value": "str"}),
        check_categorical=False,
    )


def test_the_same_rows_are_one_file_whatever_categories_and_index_they_come_with(tmp_path: Path) -> None:
    first = evidence.write(tmp_path, TICKET_EVENT, [EVENTS])
    other = EVENTS.assign(kind=EVENTS["kind"].cat.set_categories(["status", "created", "deleted"]))
    assert evidence.write(tmp_path, TICKET_EVENT, [other.set_index(pd.Index([5, 3, 1]))]) == first
    assert evidence.write(tmp_path, TICKET_EVENT, [EVENTS.iloc[::-1]]) != first
    assert len(list(tmp_path.rglob("*.parquet"))) == 2
    assert not list(tmp_path.rglob(".*"))


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    file = evidence.write(tmp_path, SEGMENT, [])
    assert (file.rows, len(evidence.read(tmp_path, file, SEGMENT))) == (0, 0)


def test_a_file_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def killed():
        yield EVENTS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evidence.write(tmp_path, TICKET_EVENT, killed())
    assert list(tmp_path.rglob("*")) == []


def test_a_missing_and_a_changed_file_are_told_apart_and_writing_again_mends_it(tmp_path: Path) -> None:
    file = evidence.write(tmp_path, TICKET_EVENT, [EVENTS])
    path = tmp_path / file.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(LandingError, match=r"ticket_event rows are not what was written(.|\n)*restore the evidence"):
        evidence.check(tmp_path, file)
    path.unlink()
    with pytest.raises(LandingError, match=r"ticket_event rows are missing(.|\n)*restore the evidence"):
        evidence.read(tmp_path, file, TICKET_EVENT)
    assert evidence.write(tmp_path, TICKET_EVENT, [EVENTS]) == file
    assert path.read_bytes() == whole


def test_the_disk_is_told_to_keep_the_rows_and_the_names_that_lead_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, fsync = [], os.fsync

    def noting(descriptor: int) -> None:
        kept.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    path = tmp_path / evidence.write(tmp_path, TICKET_EVENT, [EVENTS]).path
    assert kept == [each.stat().st_ino for each in (path, path.parent, tmp_path)]


def test_evidence_lies_in_object_storage_as_it_does_on_disk(
    object_storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKLEDGER_EVIDENCE", f"{object_storage}/evidence")
    bucket = evidence.folder()
    file = evidence.write(bucket, TICKET_EVENT, [EVENTS])
    assert file == evidence.write(tmp_path, TICKET_EVENT, [EVENTS])
    assert (bucket / file.path).read_bytes() == (tmp_path / file.path).read_bytes()
    pd.testing.assert_frame_equal(
        evidence.read(bucket, file, TICKET_EVENT), evidence.read(tmp_path, file, TICKET_EVENT)
    )
    assert evidence.is_whole(bucket, file)
    (bucket / file.path).write_bytes(b"PAR1")
    assert not evidence.is_whole(bucket, file)
    (bucket / file.path).unlink()
    assert not evidence.is_whole(bucket, file)
    with pytest.raises(LandingError, match="rows are missing"):
        evidence.check(bucket, file)
