"""Evidence in S3: a month is drafted, posted and recomputed from it."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.errors import LandingError, StorageAwayError
from deskledger.landing import evidence
from deskledger.landing.evidence import EvidenceFile
from deskledger.steps import recompute

from tests.object_storage.conftest import BUCKET, Storage
from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
)

pytestmark = pytest.mark.full


def test_a_month_is_drafted_posted_and_recomputed_from_evidence_in_s3(
    warehouse: Engine, home: Path, s3: Storage
) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    frozen = {name: body for name, body in s3.objects().items() if name.startswith("evidence/")}
    assert len(frozen) == 3 and not (home / "state" / "evidence").exists()
    assert again().holds

    name, body = next(iter(frozen.items()))
    s3.admin.put_object(Bucket=BUCKET, Key=name, Body=body[:-1])
    with pytest.raises(LandingError, match="not what was written"):
        again()
    s3.admin.delete_object(Bucket=BUCKET, Key=name)
    with pytest.raises(LandingError, match="are missing"):
        again()


def again() -> recompute.Recomputed:
    return recompute.recompute("ALDER-2026-01", now=NOW, with_today=False)


def test_a_storage_that_is_away_is_tried_again_and_no_evidence_is_taken_for_lost(
    s3: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = json.loads(s3.connection())
    away["extra"]["endpoint_url"] = "http://127.0.0.1:9"  # nothing answers there
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_AWAY", json.dumps(away))
    monkeypatch.setenv("DESKLEDGER_EVIDENCE", f"s3://deskledger_away@{BUCKET}/evidence")
    with pytest.raises(StorageAwayError, match="does not answer"):
        evidence.is_whole(evidence.folder(), EvidenceFile("ticket", "ab/ab.parquet", "ab", 1))
