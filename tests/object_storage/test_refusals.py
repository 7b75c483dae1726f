"""What a storage refuses fails at once; one that is away is asked again; a connection that opens nothing is told."""

import json
from typing import Any

import pytest

from deskledger.errors import LandingError, StorageAwayError
from deskledger.landing import place

from tests.object_storage.bucket import BUCKET, CONNECTION, NOBODY, Bucket

pytestmark = pytest.mark.full


@pytest.mark.parametrize("who", ["idle", "stranger", "away"])
def test_a_refusal_and_a_storage_that_is_away_are_told_apart(
    bucket: Bucket, who: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = bucket.connection(url=NOBODY) if who == "away" else bucket.connection(who)
    monkeypatch.setenv(f"AIRFLOW_CONN_DESKLEDGER_{who.upper()}", connection)
    path = place.opened(f"{bucket.scheme}://deskledger_{who}@{BUCKET}/landing") / "page"
    bucket.put("landing/page", b"content")
    told, message = (StorageAwayError, "does not answer") if who == "away" else (LandingError, "refuses")
    for ask in (place.read, place.is_there, place.remove, place.written_at):
        with pytest.raises(told, match=message):
            ask(path)
    with pytest.raises(told, match=message):
        place.write_whole(path, b"mine")
    with pytest.raises(told, match=message):
        place.listed(path.parent, "*")
    assert bucket.objects() == {"landing/page": b"content"}


@pytest.mark.parametrize("bucket", ["gs"], indirect=True)  # S3 refuses it to an account that may not list it
def test_a_bucket_that_is_not_there_is_told(bucket: Bucket) -> None:
    path = place.opened(f"gs://{CONNECTION}@{BUCKET}-gone/landing") / "page"
    with pytest.raises(LandingError, match="the bucket is not there"):
        place.write_whole(path, b"content")
    with pytest.raises(FileNotFoundError):
        place.read(path)


@pytest.mark.parametrize("bucket", ["gs"], indirect=True)
@pytest.mark.parametrize(
    ("name", "extra", "message"),
    [
        ("keyless", {}, "default credentials were not found"),
        ("no_file", {"key_path": "/nowhere.json"}, "/nowhere.json"),
        ("no_json", {"keyfile_dict": "{not json, s3cret"}, "Invalid key JSON"),
        ("no_key", {"keyfile_dict": {"type": "service_account", "client_email": "a"}}, "private_key"),
        ("no_name", {"keyfile_dict": {"type": "service_account", "private_key": "s3cret"}}, "client_email"),
    ],
)
def test_a_connection_of_google_whose_key_is_none_is_told_when_it_is_opened(
    bucket: Bucket, name: str, extra: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.dumps({"conn_type": "google_cloud_platform", "extra": extra})
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)
    with pytest.raises(LandingError, match=f"cannot be opened: .*{message}") as refused:
        place.opened(f"gs://{name}@{BUCKET}/landing")
    assert "s3cret" not in str(refused.value)
