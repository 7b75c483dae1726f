"""What quarantine keeps out of a draft, and whether it could belong to the contract's period: then it blocks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.contract.terms import Contract
from deskledger.model import UTC_INSTANT
from deskledger.statement.population import CHANGING
from deskledger.warehouse import read_frame

# What the tables that a statement is made of are called in quarantine: raw sections, and canonical tables.
_TABLES = ["events", "ticket", "ticket_event", "survey_answers", "survey_answer"]
_NAMES = ("quarantine_id", "source", "table_name", "rule")
_EVENT_OF_FIELD = {"agent": "assignment"}

_HELD = """
select
    cast(held.id as text) as quarantine_id,
    held.source,
    held.table_name,
    held.rule,
    held.ticket_key,
    held.quarantined_at,
    ticket.ticket_id,
    ticket.created_at,
    chosen.ticket_key is not null as is_chosen
from quality.quarantine as held
left join core.ticket as ticket on held.ticket_key = ticket.ticket_key
left join statement_ticket as chosen
    on ticket.ticket_key = chosen.ticket_key and ticket.created_month = chosen.created_month
where
    held.source = any(:sources)
    and held.replayed_at is null
    and held.severity = 'critical'
    and held.table_name = any(:tables)
    and (held.ticket_key is null or held.ticket_key = any(:incomplete))
order by held.source, held.table_name, held.rule, held.id
"""
_HELD_DTYPES = {
    "quarantine_id": "str",
    "source": "str",
    "table_name": "str",
    "rule": "str",
    "ticket_key": "Int64",
    "quarantined_at": UTC_INSTANT,
    "ticket_id": "str",
    "created_at": UTC_INSTANT,
    "is_chosen": "boolean",
}

# Every value of a field that is known of an incomplete ticket: its own, its events', those in its quarantined rows.
_RECORDED = """
select
    cast(held.id as text) as quarantine_id,
    held.ticket_key,
    held.source,
    held.table_name = 'events' as is_raw,
    case held.table_name
        when 'events' then held.record ->> (cast(:columns as jsonb) ->> held.source)
        when 'ticket' then held.record ->> :field
        when 'ticket_event' then case when held.record ->> 'kind' = :kind then held.record ->> 'value' end
    end as value
from quality.quarantine as held
where
    held.source = any(:sources)
    and held.replayed_at is null
    and held.severity = 'critical'
    and held.table_name = any(:tables)
"""
_STANDING = """
select
    ticket.ticket_key,
    cast(ticket.{field} as text) as value
from core.ticket as ticket
where ticket.ticket_key = any(:incomplete)
"""
_CHANGED = """
select
    event.ticket_key,
    event.value
from core.ticket_event as event
where event.ticket_key = any(:incomplete) and event.kind = :kind
"""


@dataclass(frozen=True)
class RawColumn:
    """Where an export tells a ticket's field: column, words (None: as they stand), and what says nothing."""

    column: str
    words: Mapping[str, str | None] | None
    missing: frozenset[str]


# Source -> field -> its column. A field that is not here is not known of raw rows.
RawColumns = Mapping[str, Mapping[str, RawColumn]]


@dataclass(frozen=True)
class Held:
    """What may be missing from a period: tickets by key (with source and id, if known), and rows of unknown tickets."""

    tickets: Mapping[int, str]
    unplaced: tuple[Mapping[str, str], ...]


def read_held(
    connection: Connection,
    contract: Contract,
    incomplete: frozenset[int],
    raw_columns: RawColumns,
    silent_since: datetime,
    end_at: datetime,
) -> Held:
    """The `incomplete` tickets, and the quarantined rows of no known ticket, that could belong to the period.

    Whatever could, does: left out are only tickets created after the period, tickets and rows that are known to be
    outside the contract's scope, and what stood in quarantine before `silent_since` of tickets that nothing else brings
    into the period. Needs the temporary table statement_ticket.
    """
    bound = {
        "sources": list(contract.sources),
        "tables": _TABLES,
        "incomplete": np.array(sorted(incomplete), dtype=np.int64),
    }
    held = read_frame(connection, _HELD, bound, _HELD_DTYPES)
    if held.empty:
        return Held({}, ())
    held["unit"] = _unit(held)
    could = (held["created_at"].isna() | (held["created_at"] < pd.Timestamp(end_at))).to_numpy(dtype=bool)
    recent = (held["quarantined_at"] >= pd.Timestamp(silent_since)).to_numpy(dtype=bool)
    could = could & (recent | held["is_chosen"].to_numpy(dtype=bool))
    for field, accepted in contract.scope.items():
        known = _known(connection, field, bound, raw_columns)
        inside = known.loc[known["value"].isin(list(accepted)), "unit"]
        could = could & (~held["unit"].isin(known["unit"]) | held["unit"].isin(inside)).to_numpy(dtype=bool)
    held = held[could]
    placed = held[held["ticket_key"].notna()].drop_duplicates("ticket_key")
    names = placed["source"] + " " + placed["ticket_id"].fillna("(not loaded)")
    return Held(
        tickets=dict(zip(placed["ticket_key"].astype("int64").tolist(), names.tolist(), strict=True)),
        unplaced=tuple(
            {str(name): str(value) for name, value in row.items()}
            for row in held.loc[held["ticket_key"].isna(), list(_NAMES)].to_dict("records")
        ),
    )


def _unit(rows: pd.DataFrame) -> pd.Series:
    """What a row speaks of: its ticket, or only itself."""
    return rows["ticket_key"].astype("str").where(rows["ticket_key"].notna(), rows["quarantine_id"])


def _known(connection: Connection, field: str, bound: Mapping[str, Any], raw_columns: RawColumns) -> pd.DataFrame:
    """The known values of a field (columns unit, value), of every incomplete ticket and row without a ticket."""
    kind = _EVENT_OF_FIELD.get(field, field)
    of_source = {source: fields[field] for source, fields in raw_columns.items() if field in fields}
    columns = json.dumps({source: raw.column for source, raw in of_source.items()})
    told = {name: bound[name] for name in ("sources", "tables")} | {"columns": columns, "field": field, "kind": kind}
    text_values = {"ticket_key": "Int64", "value": "str"}
    recorded = read_frame(
        connection, _RECORDED, told, {**text_values, "quarantine_id": "str", "source": "str", "is_raw": "boolean"}
    )
    recorded["unit"] = _unit(recorded)
    is_raw = recorded["is_raw"].to_numpy(dtype=bool)
    for source, raw in of_source.items():
        own = is_raw & (recorded["source"] == source).to_numpy(dtype=bool)
        values = recorded["value"].mask(recorded["value"].isin([*raw.missing, ""]))
        # A word that the mapping does not know says nothing yet.
        values = values if raw.words is None else values.map(dict(raw.words))
        recorded["value"] = recorded["value"].mask(own, values)
    keys = {"incomplete": bound["incomplete"]}
    frames = [recorded[["unit", "value"]]]
    queries = [(_STANDING.format(field=field), keys)]
    if field in CHANGING:
        queries.append((_CHANGED, {**keys, "kind": kind}))
    for query, parameters in queries:
        stored = read_frame(connection, query, parameters, text_values)
        frames.append(pd.DataFrame({"unit": stored["ticket_key"].astype("str"), "value": stored["value"]}))
    known = pd.concat(frames, ignore_index=True)
    return known[known["value"].notna()]
