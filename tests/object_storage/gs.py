"""A Google Cloud Storage on loopback: gcp-storage-emulator, behind a gate of ours.

The emulator lets everybody in. The gate hands a token to a service account that signs for it as Google's do, and lets a
request pass only where that account has the permission that Google documents for it.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage
from google.auth import jwt

from tests.object_storage.bucket import BUCKET, Who, documented

# After Google's own table, "IAM permissions for JSON methods". What is not listed here nobody may do.
_OBJECT = r"/storage/v1/b/[^/]+/o/.+"
PERMISSIONS = [
    ("GET", r"/storage/v1/b/[^/]+/o", "storage.objects.list"),
    ("GET", rf"(?:/download)?{_OBJECT}", "storage.objects.get"),
    ("POST|PUT", r"/upload/storage/v1/b/[^/]+/o", "storage.objects.create"),
    ("DELETE", _OBJECT, "storage.objects.delete"),
]
ALL = frozenset(permission for *_, permission in PERMISSIONS)


@dataclass(frozen=True)
class Account:
    """A service account: its key, what the server knows it by, what it may do, and the token it is given."""

    name: str
    private_key: str
    public_key: bytes
    permissions: frozenset[str]
    token: str

    @classmethod
    def made(cls, name: str, permissions: frozenset[str]) -> "Account":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        email = f"{name}@meridian.iam.gserviceaccount.com"
        return cls(email, private.decode("ascii"), public, permissions, secrets.token_urlsafe(40))

    def keyfile(self, url: str) -> dict[str, str]:
        return {
            "type": "service_account",
            "project_id": "meridian",
            "private_key_id": "1",
            "private_key": self.private_key,
            "client_email": self.name,
            "client_id": "1",
            "token_uri": f"{url}/token",
        }


class Gate(RequestHandler):
    """Gives a token for a good signature, and asks every other request for one that may do it."""

    def __init__(self, accounts: list[Account], *rest: Any) -> None:
        self.accounts = accounts
        super().__init__(*rest)

    def parse_request(self) -> bool:
        """Whether there is a request left for the emulator: one that may be done, and is not answered here."""
        if not super().parse_request():
            return False
        if urlsplit(self.path).path == "/token":
            return self._hand_out()
        told = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        account = next((each for each in self.accounts if each.token == told), None)
        if account is None:
            return self._refuse(401, "Invalid Credentials")
        permission = self._permission()
        if permission not in account.permissions:
            return self._refuse(403, f"{account.name} does not have {permission} access to the object.")
        return True

    def _permission(self) -> str:
        path = urlsplit(self.path).path
        return next(
            (name for method, pattern, name in PERMISSIONS
             if re.fullmatch(method, self.command) and re.fullmatch(pattern, path)),
            f"(what {self.command} {path} takes)",
        )  # fmt: skip

    def _hand_out(self) -> bool:
        signed = parse_qs(self._body().decode("ascii"))["assertion"][0]
        for account in self.accounts:
            try:
                jwt.decode(signed, certs=account.public_key)
            except ValueError:
                continue
            return self._answer(200, {"access_token": account.token, "expires_in": 3600, "token_type": "Bearer"})
        return self._answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})

    def _refuse(self, status: int, message: str) -> bool:
        self._body()  # left unread it would break the connection before the answer is read
        return self._answer(status, {"error": {"code": status, "message": message}})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: dict[str, Any]) -> bool:
        body = json.dumps(content).encode("ascii")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return False


@dataclass(frozen=True)
class GS:
    """The server's address, who may do everything, what is documented, or nothing, and whom it does not know."""

    url: str
    owner: Account
    account: Account
    idle: Account
    stranger: Account
    scheme: str = "gs"

    @property
    def secrets(self) -> tuple[str, ...]:
        known = (self.owner, self.account, self.stranger)
        lines = [line for each in known for line in each.private_key.splitlines()[1:3]]
        return (*lines, *(each.token for each in known))

    def connection(self, who: Who = "account", url: str | None = None) -> str:
        accounts = {"account": self.account, "idle": self.idle, "stranger": self.stranger}
        extra = {"keyfile_dict": accounts[who].keyfile(url or self.url), "gcs.endpoint": url or self.url}
        return json.dumps({"conn_type": "google_cloud_platform", "extra": extra})

    def others(self, folder: Path) -> dict[str, str]:
        file = folder / "owner.json"
        file.write_text(json.dumps(self.owner.keyfile(self.url)), encoding="utf-8")
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "STORAGE_EMULATOR_HOST": self.url}

    def objects(self) -> dict[str, bytes]:
        listed = self._ask("GET", f"/storage/v1/b/{BUCKET}/o").json().get("items", [])
        return {each["name"]: self._ask("GET", _path(each["name"]), alt="media").content for each in listed}

    def put(self, name: str, content: bytes) -> None:
        self._ask("POST", f"/upload/storage/v1/b/{BUCKET}/o", content, uploadType="media", name=name)

    def delete(self, name: str) -> None:
        self._ask("DELETE", _path(name))

    def _ask(self, method: str, path: str, content: bytes | None = None, **asked: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.owner.token}"}
        answer = httpx.request(method, f"{self.url}{path}", content=content, params=asked, headers=headers)
        return answer.raise_for_status()


def _path(name: str) -> str:
    return f"/storage/v1/b/{BUCKET}/o/{quote(name, safe='')}"


@contextmanager
def running() -> Iterator[GS]:
    logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)
    storage = Storage(use_memory_fs=True)
    buckets.create_bucket(BUCKET, storage)
    owner, stranger = Account.made("owner", ALL), Account.made("stranger", ALL)
    account = Account.made("deskledger", frozenset(documented("text").split()))
    idle = Account.made("idle", frozenset())
    server = HTTPServer(("127.0.0.1", 0), partial(Gate, [owner, account, idle], storage))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield GS(f"http://127.0.0.1:{server.server_port}", owner, account, idle, stranger)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
