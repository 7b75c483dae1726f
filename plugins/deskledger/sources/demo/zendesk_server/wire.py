"""The account's numbers, words and instants as the vendor writes them. Every text of a person carries MARK."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from deskledger.sources.demo import dirt

Json = dict[str, Any]

# In subjects, descriptions, comments, names and addresses: a test asks what was extracted whether any got through.
MARK = "Sealed letter"
EVENT_BASE, GROUP_BASE, USER_BASE, ORGANIZATION_BASE = (
    4_000_000_000,
    360_000_000_100,
    1_900_000_000_000,
    370_000_000_000,
)
CONTACT_BASE, VENDOR_BASE = USER_BASE + 100_000, USER_BASE + 900_000
SYSTEM_ID = -1
# Custom fields of the account, by number.
FIELDS = {
    "product": 27_001,
    "severity": 27_002,
    "issue_type": 27_003,
    "region": 27_004,
    "support_level": 27_005,
    "environment": 27_006,
    "acknowledged": 27_007,
    "eta": 27_008,
    "escalation": 27_009,
}
STATUSES = ("new", "open", "pending", "hold", "solved", "open", "closed")  # of scene.STATES
PRIORITIES = ("urgent", "high", "normal", "low")  # of scene.PRIORITIES
CHANNELS = ("web", "email", "voice", "chat", "api")  # of scene.CHANNELS
VIA = ("Web form", "Mail", "Phone call (inbound)", "Chat", "Web service")
UNKNOWN_STATUS = dirt.UNKNOWN_STATUS.lower()
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ticket_id(ticket: int) -> int:
    return ticket + 1


def event_id(row: int) -> int:
    return EVENT_BASE + row


@cache
def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ulid(seconds: int, number: int) -> str:
    """A ULID of an instant; its other half is the number."""
    value = (seconds * 1000 << 80) + number
    letters = []
    for _ in range(26):
        value, rest = divmod(value, 32)
        letters.append(_ULID[rest])
    return "".join(reversed(letters))


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
