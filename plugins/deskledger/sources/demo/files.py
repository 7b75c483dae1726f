"""The export files: columns as a desk would write them, one file a month or day, the same bytes for the same seed."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd

from deskledger.sources.demo import scene
from deskledger.sources.demo.arrivals import Span
from deskledger.sources.demo.life import CONTACTS_AN_ACCOUNT, VENDORS, Desk
from deskledger.sources.demo.people import agent_names

TICKET_COLUMNS = [
    *("ticket", "seq", "at", "created_at", "state", "priority", "severity", "issue_type", "team", "agent", "account"),
    *("product", "region", "support_level", "channel", "environment", "actor", "actor_role", "activity"),
    "activity_value",
]
SURVEY_COLUMNS = ["survey", "answer", "ticket", "team", "agent", "sent_at", "responded_at", "rating", "comment"]


def ticket_ids(size: int) -> np.ndarray:
    """The desk's own numbers, rising with creation."""
    return np.char.mod("MS%07d", np.arange(1, size + 1))


def happened(rng: np.random.Generator, desk: Desk, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Every row that happened before the scene's end, in the order of time: life.Rows as codes, `seq` and `text`.

    `text` is the activity's value as written; `ids` are the tickets' own.
    """
    rows = desk.rows.joined()
    order = np.lexsort((rows["at"], rows["ticket"]))  # stable: simultaneous rows stay in order of writing
    rows = {name: each[order] for name, each in rows.items()}
    ticket = rows["ticket"]
    begins = np.flatnonzero(np.concatenate(([True], ticket[1:] != ticket[:-1])))
    rows["seq"] = np.arange(ticket.size) - np.repeat(begins, np.diff(np.append(begins, ticket.size))) + 1
    rows["text"] = _activity_values(rng, desk, rows, ids)
    kept = np.flatnonzero(rows["at"] < desk.span.end)
    kept = kept[np.argsort(rows["at"][kept], kind="stable")]
    return {name: each[kept] for name, each in rows.items()}


def ticket_rows(desk: Desk, rows: dict[str, np.ndarray], ids: np.ndarray) -> pd.DataFrame:
    """What `happened`, as it is written, with the file's `partition` beside."""
    ticket = rows["ticket"]
    regions = np.array([each.regions for each in scene.ACCOUNTS])
    frame = {
        "ticket": ids[ticket],
        "seq": rows["seq"],
        "at": written(rows["at"]),
        "created_at": written(desk.created[ticket]),
        "state": np.array(scene.STATES)[rows["state"]],
        "priority": np.array(scene.PRIORITIES)[rows["priority"]],
        "severity": np.array(scene.SEVERITIES)[desk.severity[ticket]],
        "issue_type": np.array(scene.ISSUE_TYPES)[desk.issue_type[ticket]],
        "team": np.array([team.name for team in scene.TEAMS])[rows["team"]],
        "agent": np.append(agent_names(), "")[rows["agent"]],  # -1: nobody yet
        "account": np.array([each.name for each in scene.ACCOUNTS])[desk.account[ticket]],
        "product": np.array(scene.PRODUCTS)[desk.product[ticket]],
        "region": regions[desk.account[ticket], desk.region[ticket]],
        "support_level": rows["level"],
        "channel": np.array(scene.CHANNELS)[desk.channel[ticket]],
        "environment": np.array(scene.ENVIRONMENTS)[desk.environment[ticket]],
        "actor": _actors(rows),
        "actor_role": np.array(scene.ROLES)[rows["role"]],
        "activity": np.array(scene.ACTIVITIES)[rows["activity"]],
        "activity_value": rows["text"],
    }
    result = pd.DataFrame(frame)
    result["partition"] = np.array(desk.span.partitions)[desk.span.day_of(rows["at"])]
    return result


def survey_rows(answers: pd.DataFrame, span: Span) -> pd.DataFrame:
    """`surveys.surveys` as it is written, with the file's `partition` beside; what lies after the scene is left out."""
    rows = answers[answers["at"] < span.end].reset_index(drop=True)
    has_answer = rows["responded_at"].to_numpy() >= 0
    rows["partition"] = np.array(span.partitions)[span.day_of(rows["at"].to_numpy())]
    rows["sent_at"] = written(rows["sent_at"].to_numpy())
    rows["responded_at"] = np.where(has_answer, written(rows["responded_at"].to_numpy()), "")
    rows["rating"] = np.where(has_answer, rows["rating"].astype(str), "")
    return rows


def written(seconds: np.ndarray) -> np.ndarray:
    """Instants as ISO 8601 in the desk's zone, with the offset in force."""
    local = pd.DatetimeIndex(seconds.astype("datetime64[s]")).tz_localize("UTC").tz_convert(scene.DESK_ZONE)
    wall = local.tz_localize(None).to_numpy("datetime64[s]")
    offset = (wall.astype(np.int64) - seconds) // 3600  # whole hours in this zone
    return np.char.add(np.datetime_as_string(wall, unit="s"), np.char.mod("+%02d:00", offset))


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Writes the file whole or not at all; a name that ends in .gz is compressed without time or name inside."""
    payload = frame.to_csv(index=False, lineterminator="\n").encode()
    if path.suffix == ".gz":
        payload = gzip.compress(payload, compresslevel=6, mtime=0)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(payload)
    os.replace(unfinished, path)  # noqa: PTH105


def _activity_values(rng: np.random.Generator, desk: Desk, rows: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """Escalations by name, merges by the other ticket, ETAs as instants: kept or missed as the work went."""
    habits = desk.habits
    activity, ticket = rows["activity"], rows["ticket"]
    value = np.full(ticket.size, "", dtype="U32")
    is_escalation = activity == scene.ESCALATED
    value[is_escalation] = np.array(scene.ESCALATIONS)[rows["value"][is_escalation]]
    is_merge = activity == scene.MERGED
    value[is_merge] = ids[rows["value"][is_merge]]
    is_eta = activity == scene.ETA
    given, promised_for = rows["at"][is_eta], desk.first_resolved[ticket[is_eta]]
    misjudged = habits.eta_slack * np.exp(rng.normal(0.0, habits.eta_spread, desk.size))[ticket[is_eta]]
    promise = given + ((promised_for - given) * misjudged).astype(np.int64)
    value[is_eta] = written((promise // 1800 + 1) * 1800)
    return value


def _actors(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Ids of who wrote each row: agents, the customers' contacts, vendors, the desk itself."""
    contacts = np.char.mod("contact-%04d", np.arange(len(scene.ACCOUNTS) * CONTACTS_AN_ACCOUNT))
    vendors = np.char.mod("vendor-%02d", np.arange(1, VENDORS + 1))
    names = np.concatenate((agent_names(), contacts, vendors, ["system"]))
    starts = np.cumsum([0, scene.AGENTS, contacts.size, VENDORS])
    actor = np.where(rows["role"] == scene.SYSTEM, 0, rows["actor"])
    return names[starts[rows["role"]] + actor]
