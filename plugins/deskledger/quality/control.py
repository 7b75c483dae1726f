"""What arrived, against what usually arrives and against what the desk itself counts.

`expectations/arrival.json` and `expectations/control_total.json` hold the limits. A critical rule refuses the load
before anything is written; a warning is kept with the run and shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger.quality import suites
from deskledger.quality.suites import Verdict

_HOUR = timedelta(hours=1)
_BEFORE = """
    select partition, table_name, records, newest_at from quality.arrival
    where source = :source and partition = any(cast(:days as text[]))
"""
_ARRIVED = """
    insert into quality.arrival as kept (source, partition, table_name, records, newest_at, loaded_at)
    values (:source, :partition, :table_name, :records, :newest_at, :now)
    on conflict (source, partition, table_name) do update set
        records = excluded.records, newest_at = excluded.newest_at, loaded_at = excluded.loaded_at
    where (kept.records, kept.newest_at) is distinct from (excluded.records, excluded.newest_at)
"""
_TOTAL = """
    insert into quality.control_total (source, partition, what, theirs, ours, at)
    values (:source, :partition, :what, :theirs, :ours, :now)
    on conflict (source, partition, what, at) do nothing
"""


@dataclass(frozen=True)
class Arrived:
    """What one day brought of one table: its records, and the newest instant that any of them tells."""

    table_name: str
    records: int
    newest_at: datetime | None


@dataclass(frozen=True)
class Total:
    """The desk's own count of something, such as the tickets of a query, beside ours."""

    what: str
    theirs: int
    ours: int


def judge_arrival(
    connection: Connection,
    folder: Path,
    source: str,
    day: date,
    ends_at: datetime,
    arrived: Sequence[Arrived],
    left_out: Mapping[date, str],
) -> Verdict:
    """Compares a day with the same weekdays before it: records with their median, the newest instant with its lag.

    The suite's `meta` says how many weeks count (`weeks`), how few are no history (`minimum_weeks`), and how few
    records a day are too few to compare (`minimum_records`); then there is nothing to compare, and nothing fails.
    `left_out` are the days that are known to be unusual. Raises QualityError where a critical rule fails.
    """
    limits = json.loads((folder / "arrival.json").read_text("utf-8"))["meta"]
    days = [day - timedelta(weeks=week) for week in range(1, limits["weeks"] + 1)]
    days = [] if day in left_out else [each for each in days if each not in left_out]
    named = {"source": source, "days": [each.isoformat() for each in days]}
    before = pd.DataFrame(
        connection.execute(text(_BEFORE), named).tuples().all(), columns=["partition", "table_name", "records", "at"]
    )
    rows = [_compared(each, day, ends_at, before[before["table_name"] == each.table_name], limits) for each in arrived]
    frame = pd.DataFrame(rows, columns=list(_ARRIVAL)).astype(_ARRIVAL)
    verdict = suites.check(folder, "arrival", frame, ("table_name", "records", "usual_records"))
    suites.refuse(
        verdict,
        where=f"{source} {day}",
        remedy="nothing was written. Ask the desk whether its export or answer was whole. If the day was really so,"
        f" name it with its reason under `unusual_days:` in mappings/{source}.yaml",
    )
    return verdict


_ARRIVAL = {
    "table_name": "object",
    "records": "int64",
    "usual_records": "float64",
    "share_of_usual_pct": "float64",
    "later_than_usual_hours": "float64",
}


def _compared(
    arrived: Arrived, day: date, ends_at: datetime, before: pd.DataFrame, limits: Mapping[str, int]
) -> dict[str, Any]:
    told: dict[str, Any] = {"table_name": arrived.table_name, "records": arrived.records}
    if len(before) < limits["minimum_weeks"]:
        return told
    usual = float(before["records"].median())
    told["usual_records"] = usual
    if usual >= limits["minimum_records"]:
        told["share_of_usual_pct"] = 100 * arrived.records / usual
    lags = [
        (ends_at - (day - date.fromisoformat(partition)) - at) / _HOUR
        for partition, at in zip(before["partition"], before["at"], strict=True)
        if pd.notna(at)
    ]
    if lags and arrived.newest_at is not None:
        told["later_than_usual_hours"] = (ends_at - arrived.newest_at) / _HOUR - float(pd.Series(lags).median())
    return told


def record_arrival(
    connection: Connection, source: str, partition: str, arrived: Sequence[Arrived], now: datetime
) -> None:
    """Writes what arrived into quality.arrival: the days to come are compared with it."""
    for each in arrived:
        connection.execute(text(_ARRIVED), {"source": source, "partition": partition, **vars(each), "now": now})


def judge_totals(folder: Path, source: str, totals: Sequence[Total]) -> Verdict:
    """Compares the desk's own counts with ours. Raises QualityError where more is missing than the suite allows."""
    columns = {"what": "object", "theirs": "int64", "ours": "int64"}
    frame = pd.DataFrame([vars(each) for each in totals], columns=list(columns)).astype(columns)
    missing = (frame["theirs"] - frame["ours"]).clip(lower=0)
    frame["difference"] = frame["ours"] - frame["theirs"]
    frame["missing_pct"] = 100 * missing / frame["theirs"].clip(lower=1)
    verdict = suites.check(folder, "control_total", frame, ("what", "theirs", "ours"))
    suites.refuse(
        verdict,
        where=f"control totals of {source}",
        remedy="ask the desk again for the whole window; if its count is of something else, say so in"
        " expectations/control_total.json",
    )
    return verdict


def record_totals(connection: Connection, source: str, partition: str, totals: Sequence[Total], now: datetime) -> None:
    """Writes the desk's own counts beside ours into quality.control_total; statements freeze the newest of each."""
    for each in totals:
        connection.execute(text(_TOTAL), {"source": source, "partition": partition, **vars(each), "now": now})
