"""Quarantine: the rows that were kept out, each with its rule and reason, until a later load lets them in."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from deskledger.warehouse.transfer import read_frame

# One entry a row and rule. `partition` is that of the page which the row landed on; None: the load's own.
COLUMNS = (
    "table_name",
    "suite",
    "rule",
    "severity",
    "ticket_key",
    "page_sha256",
    "record_no",
    "record",
    "message",
    "partition",
)

_INSERT = """
insert into quality.quarantine (
    run_id, source, partition, table_name, suite, rule, severity, ticket_key, page_sha256, record_no, record, message,
    quarantined_at
)
select
    :run_id, :source, coalesce(partition, :partition), table_name, suite, rule, severity, ticket_key, page_sha256,
    record_no, record, message, :now
from jsonb_to_recordset(cast(:entries as jsonb)) as entry (
    table_name text, suite text, rule text, severity text, ticket_key bigint, page_sha256 text, record_no bigint,
    record jsonb, message text, partition text
)
on conflict do nothing
"""
_ANY_HELD = """
select exists (
    select from quality.quarantine
    where source = :source and table_name = any(cast(:tables as text[])) and replayed_at is null
)
"""
# What no longer fails has been let in (or was told again): its ticket is complete from now on.
_RELEASE = """
update quality.quarantine as held set replayed_at = :now
where
    held.source = :source and held.table_name = any(cast(:tables as text[])) and held.replayed_at is null
    and (
        held.ticket_key = any(cast(:keys as bigint[]))
        or (held.ticket_key is null and (held.page_sha256 is null or held.page_sha256 = any(cast(:pages as text[]))))
    )
    and not exists (
        select from jsonb_to_recordset(cast(:entries as jsonb)) as entry (
            table_name text, suite text, rule text, severity text, ticket_key bigint, page_sha256 text,
            record_no bigint, record jsonb, message text, partition text
        )
        where
            entry.table_name = held.table_name and entry.suite = held.suite and entry.rule = held.rule
            and entry.ticket_key is not distinct from held.ticket_key
            and entry.page_sha256 is not distinct from held.page_sha256
            and entry.record_no is not distinct from held.record_no and entry.record = held.record
    )
"""


def entries(
    faults: pd.DataFrame,
    table_name: str,
    suite: str,
    keys: np.ndarray,
    records: pd.DataFrame,
    origin: pd.DataFrame | None,
) -> pd.DataFrame:
    """Entries (COLUMNS) for `faults` (row, rule, message and, if not critical, severity) of a table's rows.

    `records` are the rows' columns as they are to be kept; `origin` says which page, record, file and line each raw
    row is (None for canonical rows). The message then begins with file and line.
    """
    if faults.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    row = faults["row"].to_numpy(np.int64)
    kept = json.loads(
        records.iloc[row].to_json(orient="records", date_format="iso", date_unit="us", default_handler=str)
    )
    ticket = pd.Series(keys[row], dtype="Int64")
    frame = pd.DataFrame(
        {
            "table_name": table_name,
            "suite": suite,
            "rule": faults["rule"].to_numpy(),
            "severity": faults["severity"].to_numpy() if "severity" in faults else "critical",
            "ticket_key": ticket.mask(ticket == 0).astype(object),
            "page_sha256": None,
            "record_no": None,
            "record": kept,
            "message": faults["message"].to_numpy(),
            "partition": None,
        }
    )
    if origin is not None:
        source = origin.iloc[row].reset_index(drop=True)
        frame["page_sha256"], frame["record_no"] = source["page_sha256"].astype(object), source["record_no"]
        frame["partition"] = source["partition"].astype(object)
        frame["message"] = source["file"].astype(object) + ":" + source["line"].astype("str") + ": " + frame["message"]
    return frame[list(COLUMNS)]


def settle(
    connection: Connection,
    source: str,
    partition: str,
    run_id: str,
    found: pd.DataFrame,
    tables: list[str],
    keys: np.ndarray,
    pages: list[str],
    now: datetime,
) -> tuple[int, int]:
    """Writes new entries, and releases those of `tables` that fail no more.

    That includes rows which an earlier load let in and which a newer row has made wrong since.

    `keys` and `pages` are the tickets, and for rows without a ticket the pages, that `found` speaks of; others are left
    alone. Gives how many were written and released. A rerun writes nothing twice.
    """
    payload = json.dumps(found.astype(object).where(found.notna(), None).to_dict("records"))
    bound = {"entries": payload, "source": source, "now": now}
    released = written = 0
    if connection.execute(text(_ANY_HELD), {"source": source, "tables": tables}).scalar_one():
        asked = {**bound, "tables": tables, "keys": keys.tolist(), "pages": pages}
        released = connection.execute(text(_RELEASE), asked).rowcount
    if len(found):
        written = connection.execute(text(_INSERT), {**bound, "partition": partition, "run_id": run_id}).rowcount
    return written, released


def incomplete_tickets(connection: Connection, source: str, until: datetime) -> pd.DataFrame:
    """The tickets (column ticket_key) of which a row was in quarantine at `until`: unpriced, and they block posting."""
    return read_frame(
        connection,
        "select distinct ticket_key from quality.quarantine"
        " where source = :source and ticket_key is not null and severity = 'critical'"
        " and quarantined_at <= :until and (replayed_at is null or replayed_at > :until)",
        {"source": source, "until": until},
        {"ticket_key": "int64"},
    )
