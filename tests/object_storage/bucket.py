"""What the tests ask of an object storage on loopback, whichever it is."""

import re
from pathlib import Path
from typing import Literal, Protocol

BUCKET = "meridian-desk"
CONNECTION = "deskledger_storage"
NOBODY = "http://127.0.0.1:9"  # nothing answers there
_DOCS = Path(__file__).parents[2] / "docs" / "object-storage.md"


# Whom a connection lets in: who has the documented rights, whom the server knows without any, whom it does not know.
Who = Literal["account", "idle", "stranger"]


class Bucket(Protocol):
    """A server with one bucket, and an account that may do there what docs/object-storage.md grants it."""

    scheme: str
    secrets: tuple[str, ...]  # of the account, of the owner and of the stranger: told nowhere

    def connection(self, who: Who = "account", url: str | None = None) -> str:
        """The Airflow connection as the environment defines it."""

    def others(self, folder: Path) -> dict[str, str]:
        """The environment of a machine whose own credentials may do everything."""

    def objects(self) -> dict[str, bytes]:
        """Every object of the bucket, by name, as it is stored."""

    def put(self, name: str, content: bytes) -> None: ...

    def delete(self, name: str) -> None: ...


def documented(language: str) -> str:
    """The only block of that language in docs/object-storage.md, with the bucket's name."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return str(block).replace("BUCKET", BUCKET)
