"""The small questions that every stream asks of an answer: is the part there, and is it what the vendor documents."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deskledger.errors import SourceError

_ULID = {letter: value for value, letter in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
_ULID_TIME = 10  # the first letters of a ULID are milliseconds since 1970


def records_of(body: Any, key: str, stream: str) -> list[dict[str, Any]]:
    """The list of objects that an answer holds under `key`. Raises SourceError where it holds none."""
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise SourceError(
            f"the answer has no list of objects named {key}",
            where=stream,
            remedy="check that the connection's base URL is a Zendesk account; the next run asks again",
        )
    return found


def epoch(at: datetime) -> int:
    """Seconds since 1970, rounded down."""
    return int(at.timestamp() // 1)


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def part(record: Any, *path: str) -> Any:
    """What lies at a path of objects, or None."""
    for step in path:
        record = record.get(step) if isinstance(record, Mapping) else None
    return record


def made_at(ulid: Any) -> str:
    """The instant in a ULID, in ISO 8601; "" where the text is none."""
    head = ulid[:_ULID_TIME].upper() if isinstance(ulid, str) and len(ulid) == 26 else ""
    if not head or not set(head) <= set(_ULID) or head[0] > "7":
        return ""
    milliseconds = 0
    for letter in head:
        milliseconds = milliseconds * 32 + _ULID[letter]
    seconds, rest = divmod(milliseconds, 1000)
    try:
        return instant(seconds).replace(microsecond=rest * 1000).isoformat()
    except (OverflowError, ValueError):
        return ""
