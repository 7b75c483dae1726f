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
    insert into quality.control_total as kept (source, partition, what, theirs, ours, quarantined, deleted, at)
    values (:source, :partition, :what, :theirs, :ours, :quarantined, :deleted, :at)
    on conflict (source, what, at) do update set
        partition = excluded.partition, ours = excluded.ours, quarantined = excluded.quarantined,
        deleted = excluded.deleted
    where (kept.ours, kept.quarantined, kept.deleted)
        is distinct from (excluded.ours, excluded.quarantined, excluded.deleted)
"""
# A deletion counts as of the desk's count: it was before then, and the ticket had not gone on by then.
_COUNTED = """
    with counted as (
        select distinct on (what) what, counted_at, created_from, created_before, last_ticket, tickets
        from core.desk_count where source = :source order by what, counted_at desc
    ),
    gone as (
        select event.ticket_key, event.created_month, max(event.occurred_at) as at
        from core.ticket_event as event cross join (select max(counted_at) as until from counted) as newest
        where event.kind = 'deleted' and event.occurred_at <= newest.until
        group by event.ticket_key, event.created_month
    ),
    known as (
        select
            ticket.ticket_id, ticket.created_at, gone.at as gone_at, (
                select min(event.occurred_at) from core.ticket_event as event
                where event.ticket_key = gone.ticket_key and event.created_month = gone.created_month
                    and event.kind = 'status' and event.occurred_at > gone.at
            ) as back_at
        from core.ticket as ticket
        left join gone on gone.ticket_key = ticket.ticket_key and gone.created_month = ticket.created_month
        where ticket.source = :source
    )
    select
        counted.what, counted.counted_at, counted.created_from, counted.created_before, counted.tickets,
        count(known.ticket_id) as landed,
        count(known.ticket_id) filter (
            where known.gone_at <= counted.counted_at and coalesce(known.back_at > counted.counted_at, true)
        ) as deleted
    from counted left join known on
        (counted.created_from is null or known.created_at >= counted.created_from)
        and (counted.created_before is null or known.created_at < counted.created_before)
        and (
            counted.last_ticket is null
            or case when known.ticket_id ~ '^[0-9]{1,18}$' then known.ticket_id::bigint <= counted.last_ticket end
        )
    group by counted.what, counted.counted_at, counted.created_from, counted.created_before, counted.tickets
    order by counted.what
"""
_HELD = """
    select held.ticket_key, coalesce(held.record ->> :created_at, held.record ->> 'created_at') as created_at
    from quality.quarantine as held
    where held.source = :source and held.ticket_key is not null and held.replayed_at is null
        and held.table_name in ('events', 'ticket')
        and not exists (select from core.ticket as ticket where ticket.ticket_key = held.ticket_key)
"""


@dataclass(frozen=True)
class Arrived:
    """What one day brought of one table: its records, and the newest instant that any of them tells."""

    table_name: str
    records: int
    newest_at: datetime | None


@dataclass(frozen=True)
class Total:
    """The desk's own count of tickets at an instant, beside ours.

    `ours` are those in core that were not deleted by then, `deleted` those that were, `quarantined` those of which
    nothing could be loaded.
    """

    what: str
    theirs: int
    ours: int
    at: datetime
    quarantined: int = 0
    deleted: int = 0

    @property
    def missing(self) -> int:
        """How many the desk has and we do not, in quarantine neither."""
        return max(0, self.theirs - self.ours - self.quarantined)


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


def compare_totals(connection: Connection, source: str, created_at: str) -> list[Total]:
    """The newest of each of the desk's counts (core.desk_count) beside what the warehouse has of the same tickets.

    `created_at` is the column in which raw rows tell when their ticket was created. A ticket in quarantine that does
    not tell it readably is counted wherever it could belong.
    """
    counted = connection.execute(text(_COUNTED), {"source": source}).all()
    if not counted:
        return []
    found = connection.execute(text(_HELD), {"source": source, "created_at": created_at}).tuples().all()
    records = pd.DataFrame(found, columns=["ticket_key", "created_at"])
    instants = pd.to_datetime(records["created_at"], utc=True, errors="coerce", format="ISO8601")
    held = instants.groupby(records["ticket_key"]).min()
    totals = []
    for row in counted:
        is_meant = pd.Series(True, index=held.index)
        if row.created_from is not None:
            is_meant &= ~(held < row.created_from)
        if row.created_before is not None:
            is_meant &= ~(held >= row.created_before)
        totals.append(
            Total(row.what, row.tickets, row.landed - row.deleted, row.counted_at, int(is_meant.sum()), row.deleted)
        )
    return totals


def judge_totals(folder: Path, source: str, totals: Sequence[Total]) -> Verdict:
    """Compares the desk's own counts with ours. Raises QualityError where more is missing than the suite allows."""
    columns = {"what": "object", "theirs": "int64", "ours": "int64", "quarantined": "int64", "deleted": "int64"}
    frame = pd.DataFrame([vars(each) for each in totals], columns=list(columns)).astype(columns)
    frame["missing"] = [each.missing for each in totals]
    frame["surplus"] = (frame["ours"] - frame["theirs"]).clip(lower=0)
    frame["missing_pct"] = 100 * frame["missing"] / frame["theirs"].clip(lower=1)
    verdict = suites.check(folder, "control_total", frame, ("what", "theirs", "ours", "quarantined"))
    suites.refuse(
        verdict,
        where=f"control totals of {source}",
        remedy="nothing of this load was written. Ask the desk again for the whole window (ingest_history with since"
        " and until), then run this load again: the watermark waits for it. If the desk's count is of something else,"
        " say so in expectations/control_total.json",
    )
    return verdict


def held_back(verdict: Verdict) -> list[str]:
    """Why the watermark waits: what the rule `all_there` of the suite says, and of which counts; empty if it holds."""
    return [
        suites.words(example)
        for rule in verdict.statistics["rules"]
        if rule["rule"] == "all_there" and not rule["success"]
        for example in rule["examples"]
    ]


def record_totals(connection: Connection, source: str, partition: str, totals: Sequence[Total]) -> None:
    """Writes the desk's own counts beside ours into quality.control_total; statements freeze the newest of each."""
    for each in totals:
        connection.execute(text(_TOTAL), {"source": source, "partition": partition, **vars(each)})
