"""One scene told twice, as export files and over HTTP, and both as canonical tables with the ids of the one desk."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from deskledger.sources import demo
from deskledger.sources.demo.zendesk_server.wire import USER_BASE
from deskledger.sources.event_log.mapping import Mapping, load
from deskledger.sources.event_log.normalise import Normalised, normalise
from deskledger.sources.event_log.tables import normalise_table
from deskledger.sources.zendesk import DESK

ROOT = Path(__file__).parents[4]
SAME = ["ticket", "occurred_at", "kind", "value", "previous_value", "actor_role", "is_public"]
OF_TICKETS = ["account", "team", "agent", "product", "region", "issue_type", "severity", "priority", "support_level"]
OF_TICKETS += ["channel", "environment", "created_at"]
OF_ANSWERS = ["ticket", "sent_at", "responded_at", "rating"]


def over_http() -> Mapping:
    return load(ROOT / "mappings" / "demo.yaml")


def columns_of(mapping: Mapping) -> frozenset[str]:
    return frozenset(name for section in mapping.sections for name in mapping.columns_of(section))


def by_files(folder: Path, **scene: Any) -> tuple[Normalised, pd.DataFrame]:
    """The canonical tickets, events and answers of the scene's export files."""
    demo.generate(folder, **scene)
    mapping = load(ROOT / "tests" / "mappings" / "demo.yaml")
    rows, surveys = (_read(folder, pattern) for pattern in ("tickets-*.csv.gz", "surveys-*.csv"))
    answers = normalise_table(mapping, "survey_answers", surveys, origin(len(surveys)))
    assert answers.faults.empty
    return normalise(mapping, rows, origin(len(rows))), answers.frame


def by_records(records: dict[str, list[Any]]) -> tuple[Normalised, pd.DataFrame]:
    """The canonical tickets, events and answers of what the streams gave."""
    mapping = over_http()
    names = ("tickets", "ticket_events", "deleted_tickets")
    parts = [DESK.rows(name, records[name], mapping.columns_of("events")) for name in names]
    rows = pd.concat(parts, ignore_index=True)
    people = DESK.rows("users", records["users"], ["agent", "role"])
    agents = dict(zip(people["agent"], people["role"], strict=True))
    surveys = DESK.rows("survey_responses", records["survey_responses"], mapping.columns_of("survey_answers"))
    answers = normalise_table(mapping, "survey_answers", surveys, origin(len(surveys)))
    assert answers.faults.empty
    return normalise(mapping, rows, origin(len(rows)), agents), answers.frame


def origin(rows: int) -> pd.DataFrame:
    order = np.arange(rows)
    columns = {"page_sha256": "page", "record_no": order, "partition": "p", "file": "f", "line": order}
    return pd.DataFrame({**columns, "landed_order": order, "is_extracted": True})


def events(made: Normalised) -> pd.DataFrame:
    """What happened, in canonical order, comparable: tickets by number, agents by their place."""
    frame = made.events.merge(made.tickets[["ticket_key", "ticket_id"]], on="ticket_key")
    frame["ticket"] = _number(frame["ticket_id"])
    frame = frame.sort_values(["ticket", "occurred_at", "seq"], kind="stable", ignore_index=True)
    merged, handed = frame["kind"] == "merged", frame["kind"] == "assignment"
    for column in ("value", "previous_value"):
        frame[column] = frame[column].astype(object).where(frame[column].notna(), "")
        frame.loc[handed, column] = frame.loc[handed, column].map(_agent)
    frame.loc[merged, "value"] = _number(frame.loc[merged, "value"]).astype(str)
    return frame[SAME].astype(str)


def tickets(made: Normalised) -> pd.DataFrame:
    frame = made.tickets.assign(ticket=_number(made.tickets["ticket_id"]))
    frame["agent"] = frame["agent"].astype(object).where(frame["agent"].notna(), "").map(_agent)
    return frame.set_index("ticket").sort_index()[OF_TICKETS].astype(str)


def answers(frame: pd.DataFrame, made: Normalised) -> pd.DataFrame:
    whole = frame.merge(made.tickets[["ticket_key", "ticket_id"]], on="ticket_key")
    whole["ticket"] = _number(whole["ticket_id"])
    return whole.sort_values(["ticket", "sent_at", "responded_at"], ignore_index=True)[OF_ANSWERS].astype(str)


def _read(folder: Path, pattern: str) -> pd.DataFrame:
    parts = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in sorted(folder.glob(pattern))]
    return pd.concat(parts, ignore_index=True)


def _number(ids: pd.Series) -> pd.Series:
    return ids.astype(str).str.removeprefix("MS").astype(int)


def _agent(name: str) -> str:
    """Both desks' agents by their place; nobody is nobody."""
    if not name:
        return ""
    return str(int(name.removeprefix("agent-")) if name.startswith("agent-") else int(name) - USER_BASE + 1)
