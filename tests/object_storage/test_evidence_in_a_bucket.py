"""Evidence in object storage: a month is drafted, posted and recomputed from it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.errors import LandingError, StorageAwayError
from deskledger.landing import evidence, place
from deskledger.landing.evidence import EvidenceFile
from deskledger.steps import recompute

from tests.object_storage.bucket import BUCKET, CONNECTION, NOBODY, Bucket
from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
)

pytestmark = pytest.mark.full


def test_a_month_is_drafted_posted_and_recomputed_from_evidence_in_a_bucket(
    warehouse: Engine, home: Path, bucket: Bucket
) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    frozen = {name: body for name, body in bucket.objects().items() if name.startswith("evidence/")}
    assert len(frozen) == 3 and not (home / "state" / "evidence").exists()
    assert again().holds

    name, body = next(iter(frozen.items()))
    bucket.put(name, body[:-1])
    with pytest.raises(LandingError, match="not what was written"):
        again()
    bucket.delete(name)
    with pytest.raises(LandingError, match="are missing"):
        again()


def again() -> recompute.Recomputed:
    return recompute.recompute("ALDER-2026-01", now=NOW, with_today=False)


def test_a_storage_that_is_away_is_tried_again_and_no_evidence_is_taken_for_lost(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_AWAY", bucket.connection(url=NOBODY))
    monkeypatch.setenv("DESKLEDGER_EVIDENCE", f"{bucket.scheme}://deskledger_away@{BUCKET}/evidence")
    with pytest.raises(StorageAwayError, match="does not answer"):
        evidence.is_whole(evidence.folder(), EvidenceFile("ticket", "ab/ab.parquet", "ab", 1))


def test_what_takes_several_requests_is_whole(bucket: Bucket) -> None:
    path = place.opened(f"{bucket.scheme}://{CONNECTION}@{BUCKET}/evidence") / "large"
    content = bytes(range(256)) * (110 * 2**12)  # 110 MiB, where the clients send 50 at once
    place.write_whole(path, content)
    assert bucket.objects() == {"evidence/large": content}
    assert place.read(path) == content
