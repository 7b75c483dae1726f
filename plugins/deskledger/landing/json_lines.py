"""A page of records asked for over HTTP: a line of JSON that says what was asked, then one record a line."""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any


def pack(stream: str, number: int, request: str, records: Sequence[Any]) -> tuple[bytes, str]:
    """The page's bytes, and the hash (sha256) of its records alone. `number` is the answer's among its stream's.

    The same records give the same bytes, whatever the order of their keys; every page has bytes of its own.
    """
    preamble = {"stream": stream, "number": number, "request": request, "count": len(records)}
    lines = [_line(record) for record in records]
    return "\n".join([_line(preamble), *lines, ""]).encode("ascii"), sha256(
        "\n".join(lines).encode("ascii")
    ).hexdigest()


def unpack(content: bytes) -> tuple[str, list[Any]]:
    """The page's stream and records; the record in line 2 is the first."""
    preamble, *lines = content.splitlines()
    return json.loads(preamble)["stream"], [json.loads(line) for line in lines]


def is_packed(content: bytes) -> bool:
    """Whether a landed page is one of records asked for over HTTP, and not one of an export file."""
    return "stream" in json.loads(content.partition(b"\n")[0])


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
