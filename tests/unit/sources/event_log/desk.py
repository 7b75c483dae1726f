"""A small desk for these tests: one mapping, and rows written as a person would write them."""

from typing import Any

import pandas as pd

from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.normalise import Normalised, normalise

EVENTS: dict[str, Any] = {
    "files": ["log*.csv*"],
    "encoding": "utf-8",
    "instant_format": "%Y-%m-%d %H:%M",
    "ticket_id": "id",
    "sequence": "n",
    "occurred_at": "at",
    "created_at": "opened",
    "status": {
        "column": "state",
        "words": {
            "New": "new",
            "Open": "open",
            "Asked": "waiting_on_customer",
            "Done": "resolved",
            "Shut": "closed",
            "Unclear": None,
        },
    },
    "fields": {
        "priority": {"column": "prio", "words": {"high": "P1", "low": "P3"}},
        "team": {"column": "team"},
        "agent": {"column": "agent", "when_missing": "clear"},
    },
    "attributes": {"channel": {"column": "channel"}},
    "dated": [
        {"column": "resolved_at", "kind": "status", "value": "resolved"},
        {"column": "closed_at", "kind": "status", "value": "closed"},
    ],
    "actor": {"id": "by", "role": "agent"},
    "activity": {
        "column": "what",
        "value": "detail",
        "words": {
            "update": None,
            "reply": {"kind": "reply", "is_public": True},
            "note": {"kind": "note", "is_public": False},
            "promise": {"kind": "eta"},
            "up": {"kind": "escalation", "value": "L1>L2"},
        },
    },
}
COLUMNS = [
    *("id", "n", "at", "opened", "state", "prio", "team", "agent", "channel"),
    *("resolved_at", "closed_at", "by", "what", "detail"),
]
DEFAULTS = {"id": "T1", "opened": "2026-03-02 09:00", "state": "Open", "prio": "low", "team": "red"}


def mapping(**changes: Any) -> Mapping:
    """The desk's mapping; keywords replace keys of `events`, or of the mapping itself."""
    whole = {
        "source": "desk",
        "reader": "event_log",
        "timezone": "Etc/UTC",
        "missing": ["?"],
        "watermark": "last_event",
    }
    events = {**EVENTS, **{key: value for key, value in changes.items() if key in EVENTS}}
    return Mapping.model_validate({**whole, "events": events, **{k: v for k, v in changes.items() if k not in EVENTS}})


def table(*rows: dict[str, str]) -> pd.DataFrame:
    """Rows as text; what a row leaves out is DEFAULTS', or empty."""
    return pd.DataFrame([{**dict.fromkeys(COLUMNS, ""), **DEFAULTS, **row} for row in rows], columns=COLUMNS)


def origin(landed: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "page_sha256": [f"page{each}" for each in landed],
            "record_no": range(1, len(landed) + 1),
            "partition": "2026-03-02",
            "file": [f"log{each}.csv" for each in landed],
            "line": range(2, len(landed) + 2),
            "landed_order": landed,
            "is_extracted": True,
        }
    )


def normalised(*rows: dict[str, str], landed: list[int] | None = None, **changes: Any) -> Normalised:
    """The rows through normalise; `landed` numbers each row's file, oldest 1."""
    return normalise(mapping(**changes), table(*rows), origin(landed or [1] * len(rows)))


def told(made: Normalised, *kinds: str) -> list[tuple[str, str | None]]:
    """The events of these kinds as ("2026-03-02 09:00", value), in canonical order."""
    events = made.events[made.events["kind"].isin(kinds)]
    values = events["value"].astype(object).where(events["value"].notna(), None)
    return list(zip(events["occurred_at"].dt.strftime("%Y-%m-%d %H:%M"), values, strict=True))
