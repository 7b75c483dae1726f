"""The desk of the ingest tests: its mapping, exports written as a person would write them, and what to ask then."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine, text

from deskledger.settings import settings
from deskledger.steps import ingest

from tests.unit.sources.event_log.desk import COLUMNS, EVENTS

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NEXT = datetime(2026, 6, 2, tzinfo=UTC)
LAST = datetime(2026, 6, 3, tzinfo=UTC)
FATES = ("extracted", "loaded", "unchanged", "superseded", "quarantined")


def write_mapping(source: str = "desk", **changes: Any) -> None:
    settings().mappings.mkdir(exist_ok=True)
    whole = {"source": source, "reader": "event_log", "timezone": "Etc/UTC", "missing": ["?"], "watermark": "file_day"}
    tables = {
        "survey_answers": {
            "files": ["surveys*.csv"],
            "columns": {
                "survey_id": "s",
                "answer_id": "a",
                "ticket_id": "t",
                "sent_at": "sent",
                "responded_at": "back",
                "rating": "stars",
            },
        },
        "accounts": {"files": ["accounts.csv"], "columns": {"account": "account", "tier": "tier"}},
    }
    content = {**whole, "events": EVENTS, **tables, **changes}
    (settings().mappings / f"{source}.yaml").write_text(yaml.safe_dump(content))


def row(ticket: str, n: int, at: str, state: str = "Open", opened: str = "2026-04-01 09:00", team: str = "red") -> str:
    values = {"id": ticket, "n": str(n), "at": at, "opened": opened, "state": state, "prio": "low", "team": team}
    return ",".join(values.get(column, "") for column in COLUMNS)


def export(inbox: Path, name: str, *rows: str) -> None:
    (inbox / name).write_text("\n".join([",".join(COLUMNS), *rows, ""]))


def fates(counts: dict[str, Any]) -> list[int]:
    return [counts[name] for name in FATES]


def ask(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]


STATUSES = """
    select t.ticket_id, string_agg(e.value, ' ' order by e.occurred_at, e.seq, e.event_id)
    from core.ticket as t join core.ticket_event as e using (ticket_key)
    where e.kind = 'status' group by t.ticket_id order by t.ticket_id
"""


def take(day: str, now: datetime) -> dict[str, Any]:
    """A day of the source `desk`: landed, then loaded; the load's counts."""
    ingest.land("desk", day, now)
    return ingest.load("desk", day, now)
