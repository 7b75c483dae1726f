"""An S3 server on loopback: moto's, which grants an account only its rights."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

from tests.object_storage.bucket import BUCKET, Who, documented

REGION = "eu-south-2"
_STRANGER = "s3cret-of-a-stranger"


@dataclass(frozen=True)
class Account:
    key: str
    secret: str


@dataclass(frozen=True)
class S3:
    """The server's address, who may do everything, what is documented, or nothing, and a look into the bucket."""

    url: str
    owner: Account
    account: Account
    idle: Account
    admin: Any
    scheme: str = "s3"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.account.key, self.account.secret, self.owner.key, self.owner.secret, _STRANGER)

    def connection(self, who: Who = "account", url: str | None = None) -> str:
        accounts = {"account": self.account, "idle": self.idle, "stranger": Account(self.account.key, _STRANGER)}
        own = {"login": accounts[who].key, "password": accounts[who].secret}
        extra = {"endpoint_url": url or self.url, "region_name": REGION}
        return json.dumps({"conn_type": "aws", **own, "extra": extra})

    def others(self, folder: Path) -> dict[str, str]:
        own = {"AWS_ACCESS_KEY_ID": self.owner.key, "AWS_SECRET_ACCESS_KEY": self.owner.secret}
        return {**own, "AWS_ENDPOINT_URL": self.url}

    def objects(self) -> dict[str, bytes]:
        listed = self.admin.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.admin.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}

    def put(self, name: str, content: bytes) -> None:
        self.admin.put_object(Bucket=BUCKET, Key=name, Body=content)

    def delete(self, name: str) -> None:
        self.admin.delete_object(Bucket=BUCKET, Key=name)


@contextmanager
def running() -> Iterator[S3]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request
    try:
        host, port = server.get_host_and_port()
        yield _furnished(f"http://{host}:{port}")
    finally:
        server.stop()


def _furnished(url: str) -> S3:
    everyone = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "any", "aws_secret_access_key": "any"}
    iam = boto3.client("iam", **everyone)
    boto3.client("s3", **everyone).create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    all_rights = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    owner = _user(iam, "owner", all_rights)
    account = _user(iam, "deskledger", documented("json"))
    idle = _user(iam, "idle", all_rights.replace("Allow", "Deny"))
    _ask_for_credentials(url)
    own = {**everyone, "aws_access_key_id": owner.key, "aws_secret_access_key": owner.secret}
    return S3(url, owner, account, idle, boto3.client("s3", **own))


def _user(iam: Any, name: str, policy: str) -> Account:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Account(made["AccessKeyId"], made["SecretAccessKey"])


def _ask_for_credentials(url: str) -> None:
    """From the next request on; until then the server lets everybody in."""
    httpx.post(f"{url}/moto-api/reset-auth", content=b"0").raise_for_status()
