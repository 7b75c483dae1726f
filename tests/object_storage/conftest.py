"""An S3 server on loopback (moto's), its bucket, and an account that may do what docs/object-storage.md grants it."""

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "meridian-desk"
REGION = "eu-south-2"
CONNECTION = "deskledger_storage"
DOCS = Path(__file__).parents[2] / "docs" / "object-storage.md"


@dataclass(frozen=True)
class Account:
    key: str
    secret: str


@dataclass(frozen=True)
class Storage:
    """The server's address, who may do everything, who may do what is documented, and a look into the bucket."""

    url: str
    owner: Account
    account: Account
    admin: Any

    def connection(self, secret: str | None = None) -> str:
        """The Airflow connection as the environment defines it."""
        extra = {"endpoint_url": self.url, "region_name": REGION}
        own = {"login": self.account.key, "password": secret or self.account.secret}
        return json.dumps({"conn_type": "aws", **own, "extra": extra})

    def objects(self) -> dict[str, bytes]:
        """Every object of the bucket, by name, as it is stored."""
        listed = self.admin.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.admin.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}


@pytest.fixture(scope="session")
def s3() -> Iterator[Storage]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # the machine's own account is nobody here
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    try:
        host, port = server.get_host_and_port()
        yield _furnished(f"http://{host}:{port}")
    finally:
        server.stop()


def _furnished(url: str) -> Storage:
    everyone = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    iam = boto3.client("iam", **everyone)
    boto3.client("s3", **everyone).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    all_rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    owner = _user(iam, "owner", json.dumps(all_rights))
    account = _user(iam, "deskledger", _documented_policy())
    _ask_for_credentials(url)
    own = {**everyone, "aws_access_key_id": owner.key, "aws_secret_access_key": owner.secret}
    return Storage(url, owner, account, boto3.client("s3", **own))


def _user(iam: Any, name: str, policy: str) -> Account:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Account(made["AccessKeyId"], made["SecretAccessKey"])


def _documented_policy() -> str:
    (policy,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return policy.replace("BUCKET", BUCKET)


def _ask_for_credentials(url: str) -> None:
    """From the next request on; until then the server lets everybody in."""
    httpx.post(f"{url}/moto-api/reset-auth", content=b"0").raise_for_status()


@pytest.fixture(autouse=True)
def places(s3: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Landing and evidence lie in the bucket, which is empty."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", s3.connection())
    monkeypatch.setenv("DESKLEDGER_LANDING", f"s3://{CONNECTION}@{BUCKET}/landing")
    monkeypatch.setenv("DESKLEDGER_EVIDENCE", f"s3://{CONNECTION}@{BUCKET}/evidence")
    yield
    for name in s3.objects():
        s3.admin.delete_object(Bucket=BUCKET, Key=name)
