"""Each test asks an S3 server and a Google Cloud Storage, both on loopback, with the rights that the docs grant."""

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.object_storage import gs, s3
from tests.object_storage.bucket import BUCKET, CONNECTION, Bucket


@pytest.fixture(scope="session", params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "STORAGE_EMULATOR"))]:
        del os.environ[name]  # the machine's own account is nobody here
    os.environ["NO_GCE_CHECK"] = "true"  # nor is there a service that would hand out its role
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # as documented
    with s3.running() if request.param == "s3" else gs.running() as running:
        yield running


@pytest.fixture(autouse=True)
def places(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Landing and evidence lie in the bucket, which is empty."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", bucket.connection())
    monkeypatch.setenv("DESKLEDGER_LANDING", f"{bucket.scheme}://{CONNECTION}@{BUCKET}/landing")
    monkeypatch.setenv("DESKLEDGER_EVIDENCE", f"{bucket.scheme}://{CONNECTION}@{BUCKET}/evidence")
    yield
    for name in bucket.objects():
        bucket.delete(name)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients ask a storage that is away again after seconds; here S3's asks once, and Google's does not wait."""

    async def no_time(_: float) -> None: ...

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("gcsfs.retry.asyncio", SimpleNamespace(sleep=no_time))
