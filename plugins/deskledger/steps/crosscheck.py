"""Cross-check: what the desk's own SLA clocks say, beside our cycles, contract by contract and month by month."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger.clocks import segments
from deskledger.contract import Contract
from deskledger.errors import MappingError
from deskledger.model import CYCLE, DESK_FIGURE, TICKET, TICKET_EVENT, UTC_INSTANT, Table
from deskledger.quality import crosscheck
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.steps.ingest import mapping_of
from deskledger.warehouse import open_warehouse, parameters_of, read_frame

EXAMPLES = 10  # tickets that are kept of each cause
_AS_OF = text("select max(as_of) from facts.measured where contract = :contract")
_MONTHS = text("select distinct created_month from core.ticket where source = :source order by created_month")
_FIGURES = """
select {columns} from core.desk_figure as figure
inner join core.ticket as ticket on ticket.ticket_key = figure.ticket_key
where
    ticket.source = :source and ticket.created_month = :month and figure.occurred_at < :as_of
    and exists (
        select from facts.measured as measured
        where measured.contract = :contract and measured.ticket_key = ticket.ticket_key
            and measured.created_month = ticket.created_month
    )
"""
_CYCLES = """
select {columns} from facts.cycle as cycle
inner join core.ticket as ticket
    on ticket.ticket_key = cycle.ticket_key and ticket.created_month = cycle.created_month
where
    ticket.source = :source and cycle.contract = :contract and cycle.created_month = :month
    and cycle.clock = any(:clocks)
"""
_TOUCHED = """
select
    event.ticket_key,
    case when event.kind in ('merged', 'deleted') then event.occurred_at end as gone_at,
    case
        when event.kind = 'created' or (event.kind = 'reply' and event.actor_role = 'customer') then event.occurred_at
    end as asked_at,
    case when event.kind = 'reply' and event.actor_role = 'agent' then event.occurred_at end as answered_at
from core.ticket_event as event
inner join core.ticket as ticket
    on ticket.ticket_key = event.ticket_key and ticket.created_month = event.created_month
where
    ticket.source = :source and event.created_month = :month and event.occurred_at < :as_of
    and (event.kind in ('created', 'merged', 'deleted') or (event.kind = 'reply' and event.is_public is not false))
"""
_CHOSEN = """
select {columns} from core.{table} as base where base.created_month = :month and base.ticket_key = any(:keys)
"""
_NAMES = """
select ticket_key, ticket_id from core.ticket where source = :source and created_month = :month
"""
_FORGET = text("delete from quality.crosscheck where source = :source")
_KEEP = text(
    "insert into quality.crosscheck (source, contract, metric, clock, cause, cycles, examples, compared_at)"
    " values (:source, :contract, :metric, :clock, :cause, :cycles, cast(:examples as jsonb), :now)"
)
_TOLD = ["started_at", "stopped_at", "breached_at", "due_at", "elapsed_us", "target_us"]
_TOLD += ["desk_started_at", "desk_stopped_at", "desk_breached_at", "desk_due_at", "desk_business", "desk_calendar"]
_TOLD += ["desk_target_seconds", "desk_hours", "desk_policy"]
COLUMNS = ["contract", "metric", "clock", "ticket_id", "instance", "cause", *_TOLD]


def sources() -> list[str]:
    """The sources whose mapping says which clocks the desk's figures are held against; `ingest` tells of bad ones."""
    good, _ = mappings.load_all(settings().mappings)
    return [each.source for each in good if each.desk_figures is not None and each.desk_figures.clocks]


def run(source: str, now: datetime) -> list[dict[str, Any]]:
    """Compares all that is measured of a source and keeps, by cause, how many cycles and some examples.

    Gives a row a contract, metric, clock and cause. Raises MappingError as `compared` does.
    """
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    for rows in compared(source):
        for key, group in rows.groupby(["contract", "metric", "clock", "cause"], observed=True):
            found = kept.setdefault(tuple(map(str, key)), {"cycles": 0, "examples": []})
            found["cycles"] += len(group)
            if key[-1] != "agrees":
                found["examples"] += _examples(group.head(EXAMPLES - len(found["examples"])))
    told = [
        {**dict(zip(("contract", "metric", "clock", "cause"), key, strict=True)), **found}
        for key, found in sorted(kept.items())
    ]
    with open_warehouse().begin() as connection:
        connection.execute(_FORGET, {"source": source})
        for row in told:
            connection.execute(_KEEP, {**row, "examples": json.dumps(row["examples"]), "source": source, "now": now})
    return told


def compared(source: str) -> Iterator[pd.DataFrame]:
    """Every cycle and measurement with its cause (COLUMNS), a contract and a month of tickets at a time.

    Raises MappingError where the mapping names no clocks, or one that no contract of the source has.
    """
    section = mapping_of(source).desk_figures
    if section is None or not section.clocks:
        raise MappingError(
            "the mapping does not say which clocks the desk's own figures are held against",
            where=f"mappings/{source}.yaml",
            remedy="add the section desk_figures with its clocks: docs/crosscheck.md",
        )
    good, _ = contracts.load_all(settings().contracts)
    mine = [each for each in good if source in each.sources]
    _require_clocks(source, section.clocks, mine)
    engine = open_warehouse().execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        months = list(connection.execute(_MONTHS, {"source": source}).scalars())
        for contract in mine:
            as_of = connection.execute(_AS_OF, {"contract": contract.name}).scalar_one()
            for month in months if as_of is not None else ():
                yield _month(connection, contract, section.clocks, source, month, as_of)


def _require_clocks(source: str, clocks: Mapping[str, Sequence[str]], mine: Sequence[Contract]) -> None:
    known = {clock.name for contract in mine for version in contract.versions for clock in version.clocks}
    unknown = sorted({name for names in clocks.values() for name in names} - known)
    if mine and unknown:
        raise MappingError(
            f"no contract of this source has a clock {' or '.join(unknown)}",
            where=f"mappings/{source}.yaml, desk_figures.clocks",
            remedy=f"clocks are {', '.join(sorted(known)) or 'none'}",
        )


def _month(
    connection: Connection,
    contract: Contract,
    clocks: Mapping[str, Sequence[str]],
    source: str,
    month: int,
    as_of: datetime,
) -> pd.DataFrame:
    names = sorted({name for each in clocks.values() for name in each})
    bound = {"source": source, "contract": contract.name, "month": month, "as_of": as_of, "clocks": names}

    def read(query: str, alias: str, table: Table) -> pd.DataFrame:
        listed = ", ".join(f"{alias}.{name}" for name in table.names)
        return read_frame(connection, query.format(columns=listed), parameters_of(query, bound), table)

    figures, cycles = read(_FIGURES, "figure", DESK_FIGURE), read(_CYCLES, "cycle", CYCLE)
    dtypes = {"ticket_key": "int64", **dict.fromkeys(("gone_at", "asked_at", "answered_at"), UTC_INSTANT)}
    touched = read_frame(connection, _TOUCHED, parameters_of(_TOUCHED, bound), dtypes)
    rows = crosscheck.compare(
        figures, cycles, clocks, touched, lambda rows: _running_us(connection, contract, rows, month, as_of)
    )
    ids = read_frame(connection, _NAMES, parameters_of(_NAMES, bound), {"ticket_key": "int64", "ticket_id": "str"})
    rows["ticket_id"] = rows["ticket_key"].map(ids.set_index("ticket_key")["ticket_id"])
    return rows.assign(contract=contract.name)[COLUMNS]


def _running_us(
    connection: Connection, contract: Contract, rows: pd.DataFrame, month: int, as_of: datetime
) -> pd.Series:
    """How long each cycle's clock could have run by our rules: its stretches that were not paused, open or not."""
    keys = rows["ticket_key"].unique().tolist()

    def read(table: Table) -> pd.DataFrame:
        query = _CHOSEN.format(columns=", ".join(f"base.{name}" for name in table.names), table=table.name)
        return read_frame(connection, query, {"month": month, "keys": keys}, table)

    tickets, events = read(TICKET), read(TICKET_EVENT)
    parts = []
    for version in contract.versions:
        wanted = [clock for clock in version.clocks if clock.name in set(rows["clock"])]
        parts.append(segments(tickets, events, wanted, version.calendars, as_of).assign(version=version.number))
    found = pd.concat(parts, ignore_index=True)
    found = found[found["reason"].astype("str").isin(["counted", "outside business hours", "holiday"])]
    found["us"] = (found["to_at"] - found["from_at"]).astype("timedelta64[us]").astype("int64")
    by = ["version", "ticket_key", "clock", "cycle"]
    total = found.astype({"clock": "str"}).groupby(by)["us"].sum().rename("running_us").reset_index()
    asked = rows.assign(clock=rows["clock"].astype("str"))[by].astype({"version": "int64", "cycle": "int64"})
    return pd.Series(asked.merge(total, on=by, how="left")["running_us"].fillna(0).to_numpy(float), index=rows.index)


def _examples(rows: pd.DataFrame) -> list[dict[str, Any]]:
    told = rows[["ticket_id", "instance", *_TOLD]].to_json(orient="records", date_format="iso", date_unit="s")
    return [{name: value for name, value in each.items() if value is not None} for each in json.loads(told)]
