"""Measure: the SLA clocks of a month's tickets into facts, a contract and a group of shards at a time."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import __version__
from deskledger import contract as contracts
from deskledger.contract import Contract
from deskledger.errors import ContractError, WarehouseError
from deskledger.model import SHARDS, TICKET, TICKET_EVENT
from deskledger.quality import balance, context, quarantine, suites
from deskledger.settings import settings
from deskledger.statement.cycles import contract_cycles
from deskledger.statement.population import within
from deskledger.warehouse import open_warehouse
from deskledger.warehouse.facts import replace_cycles
from deskledger.warehouse.relation import MergeCounts
from deskledger.warehouse.transfer import read_frame

# One group of shards holds about as many tickets as one block of the engine.
GROUP_TICKETS = 65_536
_NAMED_BY = ("ticket_key", "version", "clock", "cycle", "state")

# The tickets that lived in the month: created before its end, and touched since its start, still under a clock, or not
# yet measured under this contract (it came late, or a share failed). The month is that of the days in the sources'
# zones, so it is taken a day wider on either side.
_CHOOSE = text("""
create temporary table measured_ticket on commit drop as
select
    ticket.ticket_key,
    ticket.created_month
from core.ticket as ticket
where
    ticket.source = any(:sources)
    and ticket.shard between :first_shard and :last_shard
    and ticket.created_at < :end_at
    and (
        ticket.updated_at >= :start_at
        or exists (
            select 1
            from facts.cycle as cycle
            where
                cycle.contract = :contract
                and cycle.ticket_key = ticket.ticket_key
                and cycle.created_month = ticket.created_month
                and cycle.state = 'running'
        )
        or not exists (
            select 1
            from facts.measured as measured
            where
                measured.contract = :contract
                and measured.ticket_key = ticket.ticket_key
                and measured.created_month = ticket.created_month
        )
    )
    and (
        cast(:accounts as text []) is null
        or ticket.account = any(cast(:accounts as text []))
        or exists (
            select 1
            from core.ticket_event as event
            where
                event.ticket_key = ticket.ticket_key
                and event.created_month = ticket.created_month
                and event.kind = 'account'
                and event.value = any(cast(:accounts as text []))
        )
    )
""")
_CHOSEN = """
select {columns}
from core.{table} as base
inner join measured_ticket as chosen
    on base.ticket_key = chosen.ticket_key and base.created_month = chosen.created_month
"""
# What a measurement rests on beside the contract: loads that changed something, and the state of the quarantine.
_CHANGES = text("""
select
    (
        select count(*) || '/' || coalesce(max(loaded_at)::text, '')
        from quality.load
        where source = any(:sources) and produced_inserted + produced_updated + produced_deleted > 0
    ) as loads,
    (
        select count(*) || '/' || count(replayed_at)
        from quality.quarantine
        where source = any(:sources)
    ) as quarantined
""")
_KNOWN = text("""
select inputs_sha256
from facts.measurement
where contract = :contract and month = :month and first_shard = :first_shard and last_shard = :last_shard
""")
_REMEMBER = text("""
insert into facts.measurement values (
    :contract, :month, :first_shard, :last_shard, :inputs_sha256, :as_of, :tickets, :cycles, :measured_at
)
on conflict (contract, month, first_shard, last_shard) do update set
    inputs_sha256 = excluded.inputs_sha256,
    as_of = excluded.as_of,
    tickets = excluded.tickets,
    cycles = excluded.cycles,
    measured_at = excluded.measured_at
where facts.measurement.as_of <= excluded.as_of
""")
_WATERMARKS = text("select source, complete_until from quality.watermark where source = any(:sources)")
_COUNT = text("select count(*) from core.ticket where source = any(:sources)")


def plan(month: str) -> list[dict[str, Any]]:
    """The shares of the work for a month: contract file, month, first and last shard, ready for `measure_shards`.

    A contract that is not valid gets a share too: it fails there, alone, with its message. A contract whose sources
    have no watermark yet has nothing to measure and gets none, nor does a share measured from the same inputs already.
    """
    good, bad = contracts.load_all(settings().contracts)
    shares = [_share(str(error.where or "").split(":")[0], month, 0, SHARDS - 1) for error in bad]
    with open_warehouse().connect() as connection:
        for contract in good:
            if watermark(connection, contract) is None:
                continue
            tickets = connection.execute(_COUNT, {"sources": list(contract.sources)}).scalar_one()
            groups = min(SHARDS, max(1, ceil(tickets / GROUP_TICKETS)))
            edges = [SHARDS * number // groups for number in range(groups + 1)]
            wanted = [_share(contract.file, month, first, following - 1) for first, following in pairwise(edges)]
            inputs = _inputs_sha256(connection, contract)
            shares += [
                share
                for share in wanted
                if connection.execute(_KNOWN, {**share, "contract": contract.name}).scalar_one_or_none() != inputs
            ]
    return shares


def measure_shards(contract: str, month: str, first_shard: int, last_shard: int, now: datetime) -> dict[str, Any]:
    """Measure a contract's tickets of these shards that lived in the month, from their full history; counts of rows.

    `contract` names the contract's file. Facts hold the contract's watermark as `as_of` and are never replaced by an
    older one. Raises ContractError for a contract that is not valid.
    """
    terms = contracts.load(_path(contract))
    with open_warehouse().begin() as connection:
        # Read before the data: what lands in between makes the next plan measure again, never this one skip it.
        inputs = _inputs_sha256(connection, terms)
        as_of = watermark(connection, terms)
        if as_of is None:
            raise WarehouseError(
                f"no source of {terms.name} has a watermark",
                where="quality.watermark",
                remedy="load the sources first: DAG ingest or ingest_history",
            )
        start_at, end_at = _month_bounds(month)
        accounts = terms.scope.get("account")
        connection.execute(
            _CHOOSE,
            {
                "sources": list(terms.sources),
                "contract": terms.name,
                "accounts": None if accounts is None else sorted(accounts),
                "first_shard": first_shard,
                "last_shard": last_shard,
                "start_at": start_at,
                "end_at": end_at,
            },
        )
        connection.execute(text("analyze measured_ticket"))
        tickets = _read(connection, TICKET)
        events = _read(connection, TICKET_EVENT)
        cycles = contract_cycles(terms, tickets, events, as_of, _incomplete(connection, terms, now))
        cycles = cycles[within(cycles, terms.scope)]
        verdict = _judge(cycles, f"{terms.name} {month}, shards {first_shard} to {last_shard}")
        changed = MergeCounts()
        for version in terms.versions:
            own = cycles[cycles["version"] == version.number]
            changed += replace_cycles(
                connection, own, terms.name, version.number, tickets["ticket_key"].to_numpy(), as_of
            )
        share = {"month": month, "first_shard": first_shard, "last_shard": last_shard, "inputs_sha256": inputs}
        counts = {"as_of": as_of, "tickets": len(tickets), "cycles": len(cycles), "measured_at": now}
        connection.execute(_REMEMBER, {"contract": terms.name, **share, **counts})
        run_id = f"measure/{terms.name}/{month}/{first_shard}-{last_shard}/{now.isoformat()}"
        balance.record_validation(connection, run_id, verdict.suite, verdict.success, verdict.statistics, now)
    return {
        "contract": terms.name,
        "month": month,
        "as_of": as_of.isoformat(),
        "tickets": len(tickets),
        "cycles": len(cycles),
        "changed": changed.inserted + changed.updated + changed.deleted,
        "unchanged": changed.unchanged,
    }


def _judge(cycles: pd.DataFrame, where: str) -> suites.Verdict:
    """The cycles by their suite. A fact is computed: one that cannot be right refuses them all, and none is written."""
    verdict = suites.check(settings().expectations, "cycle", context.with_cycle_context(cycles), _NAMED_BY)
    remedy = "nothing was written. Report it with `deskledger explain` of a ticket that is named here"
    suites.refuse(verdict, where, remedy)
    return verdict


def watermark(connection: Connection, contract: Contract) -> datetime | None:
    """The instant before which all of the contract's sources are complete; None while one has never been loaded."""
    known: dict[str, datetime] = dict(
        connection.execute(_WATERMARKS, {"sources": list(contract.sources)}).tuples().all()
    )
    return min(known.values()) if set(known) == set(contract.sources) else None


def _inputs_sha256(connection: Connection, contract: Contract) -> str:
    changes = connection.execute(_CHANGES, {"sources": list(contract.sources)}).one()
    rests_on = (contract.sha256, watermark(connection, contract), __version__, changes.loads, changes.quarantined)
    return sha256(repr(rests_on).encode()).hexdigest()


def _share(file: str, month: str, first_shard: int, last_shard: int) -> dict[str, Any]:
    return {"contract": Path(file).stem, "month": month, "first_shard": first_shard, "last_shard": last_shard}


def _path(contract: str) -> Path:
    path = settings().contracts / f"{contract}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in settings().contracts.glob("*.yaml"))) or "none"
        raise ContractError(f"there is no contract file of this name (known: {known})", where=str(path))
    return path


def _month_bounds(month: str) -> tuple[datetime, datetime]:
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = (start + timedelta(days=32)).replace(day=1)
    return start - timedelta(days=1), following + timedelta(days=1)


def _read(connection: Connection, table: Any) -> pd.DataFrame:
    columns = ", ".join(f"base.{name}" for name in table.names)
    return read_frame(connection, _CHOSEN.format(columns=columns, table=table.name), {}, table)


def _incomplete(connection: Connection, contract: Contract, until: datetime) -> set[int]:
    return {
        key
        for source in contract.sources
        for key in quarantine.incomplete_tickets(connection, source, until)["ticket_key"]
    }
