"""Explain: the evidence of one ticket, measured now from its full history and held against what is on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger.contract import Contract
from deskledger.errors import ContractError, SourceError, WarehouseError
from deskledger.model import TICKET, TICKET_EVENT, ticket_keys
from deskledger.quality import quarantine
from deskledger.settings import settings
from deskledger.steps.explain_page import ContractPage, contract_page
from deskledger.steps.explain_record import Record
from deskledger.steps.measure import watermark
from deskledger.warehouse import open_warehouse, pending, read_frame

_SOURCES = text("select source from quality.watermark")
_TICKET = """
select {columns}
from core.ticket as ticket
where ticket.ticket_key = any(:keys) and ticket.ticket_id = :ticket_id
order by ticket.source
"""
_EVENTS = """
select {columns}
from core.ticket_event as event
where event.ticket_key = :ticket_key and event.created_month = :created_month
"""
# Asked only when a ticket is not found: it looks at every ticket.
_ALIKE = text("""
select distinct ticket.ticket_id
from core.ticket as ticket
where lower(ticket.ticket_id) = lower(trim(:ticket_id))
order by ticket.ticket_id
limit 5
""")
_HELD_BACK = text("""
select count(*)
from quality.quarantine as quarantine
where quarantine.ticket_key = any(:keys) and quarantine.replayed_at is null
""")


@dataclass(frozen=True)
class Explanation:
    """The evidence of one ticket: a page a contract, and what is wrong with contracts that could not be read."""

    source: str
    ticket_id: str
    created_at: datetime
    contracts: tuple[ContractPage, ...]
    unreadable: tuple[str, ...]


def explain(
    ticket_id: str,
    *,
    now: datetime,
    source: str | None = None,
    contract: str | None = None,
    as_of: datetime | None = None,
) -> Explanation:
    """The evidence of the ticket that its source calls `ticket_id`, for one contract or all that have its source.

    Measured as of `as_of`, or of each contract's watermark. Incomplete is what was in quarantine at `now`. Raises
    WarehouseError for a ticket that is not there, that several sources have, or without a watermark; SourceError for an
    unknown source; ContractError for a contract that is unknown or not valid.
    """
    chosen, unreadable = _contracts(contract)
    engine = open_warehouse()
    if pending(engine):
        raise WarehouseError(
            "the warehouse has not this version's schema",
            where=engine.url.render_as_string(hide_password=True),
            remedy="run `deskledger migrate`; if this is not the warehouse you meant, set DESKLEDGER_STATE or"
            " DESKLEDGER_WAREHOUSE",
        )
    engine = engine.execution_options(isolation_level="REPEATABLE READ")  # one state for all that is read
    with engine.connect() as connection:
        tickets = _ticket(connection, ticket_id, source, chosen)
        own_source = str(tickets["source"].iloc[0])
        key = int(tickets["ticket_key"].iloc[0])
        columns = ", ".join(f"event.{name}" for name in TICKET_EVENT.names)
        bound = {"ticket_key": key, "created_month": int(tickets["created_month"].iloc[0])}
        events = read_frame(connection, _EVENTS.format(columns=columns), bound, TICKET_EVENT)
        incomplete = quarantine.incomplete_tickets(connection, own_source, now)["ticket_key"]
        held = {key} & set(incomplete)
        mine = [each for each in chosen if own_source in each.sources]
        if contract is not None and not mine:
            raise ContractError(
                f"contract {contract} does not take its tickets from {own_source!r}",
                where=chosen[0].file,
                remedy="ask for another contract, or leave --contract away to see all that know this ticket",
            )
        pages = [
            contract_page(
                each,
                tickets,
                events,
                complete_until=_complete_until(connection, each),
                as_of=as_of,
                incomplete=held,
                record=Record.read(connection, each.name, key),
            )
            for each in mine
        ]
    return Explanation(
        source=own_source,
        ticket_id=str(tickets["ticket_id"].iloc[0]),
        created_at=tickets["created_at"].iloc[0].to_pydatetime(),
        contracts=tuple(pages),
        unreadable=tuple(unreadable),
    )


def _contracts(name: str | None) -> tuple[list[Contract], list[str]]:
    """The contracts to explain by, and the messages of those that cannot be read."""
    good, bad = contracts.load_all(settings().contracts)
    if name is None:
        return good, [str(error) for error in bad]
    found = [each for each in good if each.name == name]
    if not found:
        # A file that is not valid may be the one that was meant: its own message says more.
        for error in bad:
            if f"{name}.yaml" in str(error.where):
                raise error
        raise ContractError(
            f"there is no contract {name!r}",
            where=str(settings().contracts),
            remedy=f"ask for one of: {', '.join(sorted(each.name for each in good)) or 'none is there yet'}",
        )
    return found, []


def _ticket(connection: Connection, ticket_id: str, source: str | None, chosen: Sequence[Contract]) -> pd.DataFrame:
    """The one ticket of this id as a frame of one row."""
    known = sorted({*connection.execute(_SOURCES).scalars(), *(name for each in chosen for name in each.sources)})
    if source is not None and source not in known:
        raise SourceError(
            f"there is no source {source!r}", where="--source", remedy=f"ask for one of: {', '.join(known) or 'none'}"
        )
    asked = known if source is None else [source]
    keys = [int(key) for name in asked for key in ticket_keys(name, [ticket_id])]
    columns = ", ".join(f"ticket.{name}" for name in TICKET.names)
    bound = {"keys": keys, "ticket_id": ticket_id}
    found = read_frame(connection, _TICKET.format(columns=columns), bound, TICKET)
    if len(found) == 1:
        return found
    if len(found):
        names = sorted(str(each) for each in found["source"])
        raise WarehouseError(
            f"several sources have a ticket {ticket_id!r}: {', '.join(names)}",
            where="core.ticket",
            remedy=f"say which one is meant: --source {names[0]}",
        )
    alike = [each for each in connection.execute(_ALIKE, {"ticket_id": ticket_id}).scalars() if each != ticket_id]
    held_back = connection.execute(_HELD_BACK, {"keys": keys}).scalar_one()
    if held_back:
        remedy = f"{held_back} of its rows are in quarantine: quality.quarantine says why; mend them and load again"
    elif alike:
        remedy = f"did you mean {', '.join(repr(each) for each in alike)}? Ids are compared letter by letter"
    else:
        remedy = "check the id (the helpdesk's own, letter by letter) and that the day it was created on is loaded"
    raise WarehouseError(
        f"there is no ticket {ticket_id!r} of {' or '.join(asked) or 'any source'}", where="core.ticket", remedy=remedy
    )


def _complete_until(connection: Connection, contract: Contract) -> datetime:
    instant = watermark(connection, contract)
    if instant is None:
        raise WarehouseError(
            f"no source of {contract.name} has a watermark",
            where="quality.watermark",
            remedy="load the sources first: DAG ingest or ingest_history",
        )
    return instant
