"""What a statement is made of, read from the warehouse: tickets, events, answers, charges, what is in quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger.contract.terms import Contract
from deskledger.model import CHARGE, SURVEY_ANSWER, TICKET, TICKET_EVENT, Table
from deskledger.statement.cycles import silent_since
from deskledger.statement.held import Held, RawColumns, read_held
from deskledger.warehouse import parameters_of, read_frame

# Tickets that can matter to a period, by what landed alone: whether and how they were measured before does not count.
# They were touched late enough for a clock to come due in the period, are not finished, carry a promise that is not
# over, a survey about them was sent or answered since, or an earlier month charged their lateness. Scope by account
# takes every ticket that ever belonged to it.
_CHOOSE = text("""
create temporary table statement_ticket on commit drop as
select
    ticket.ticket_key,
    ticket.created_month
from core.ticket as ticket
where
    ticket.source = any(:sources)
    and ticket.created_at < :end_at
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
    and (
        ticket.updated_at >= :silent_since
        or coalesce(
            (
                select event.value
                from core.ticket_event as event
                where
                    event.ticket_key = ticket.ticket_key
                    and event.created_month = ticket.created_month
                    and event.kind = 'status'
                order by event.occurred_at desc, event.seq desc, event.event_id desc
                limit 1
            ),
            'new'
        ) not in ('resolved', 'closed')
        or exists (
            select 1
            from core.ticket_event as event
            where
                event.ticket_key = ticket.ticket_key
                and event.created_month = ticket.created_month
                and event.kind = 'eta'
                and left(event.value, 10) >= :start_day
        )
        or ticket.ticket_key = any(cast(:late as bigint []))
        or exists (
            select 1
            from core.survey_answer as answer
            where
                answer.ticket_key = ticket.ticket_key
                and (answer.sent_at >= :start_at or answer.responded_at >= :start_at)
        )
    )
""")

_TICKETS = """
select {columns}
from core.ticket as ticket
inner join statement_ticket as chosen
    on ticket.ticket_key = chosen.ticket_key and ticket.created_month = chosen.created_month
order by ticket.created_month, ticket.ticket_key
"""

_EVENTS = """
select {columns}
from core.ticket_event as event
inner join statement_ticket as chosen
    on event.ticket_key = chosen.ticket_key and event.created_month = chosen.created_month
where event.occurred_at < :end_at
"""

_ANSWERS = """
select {columns}
from core.survey_answer as answer
inner join statement_ticket as chosen on answer.ticket_key = chosen.ticket_key
order by answer.source, answer.survey_id, answer.answer_id
"""

_CHARGES = """
select {columns}
from core.charge as charge
where charge.contract = :contract and charge.period = :period
order by charge.kind
"""

# The newest instant that anything visible landed at. A load notes the instant it began, so this may be after `now`.
_CUTOFF = text("""
select
    greatest(
        :now,
        (select max(landed_at) from core.ticket where source = any(:sources)),
        (select max(landed_at) from core.survey_answer where source = any(:sources)),
        (select max(landed_at) from core.charge where contract = :contract),
        (select max(loaded_at) from quality.load where source = any(:sources)),
        (select max(quarantined_at) from quality.quarantine where source = any(:sources))
    )
""")

_LOADS = text("""
select
    source,
    table_name,
    sum(extracted)::bigint as extracted,
    sum(loaded)::bigint as loaded,
    sum(unchanged)::bigint as unchanged,
    sum(superseded)::bigint as superseded,
    sum(quarantined)::bigint as quarantined
from quality.load
where source = any(:sources)
group by source, table_name
order by source, table_name
""")

# Counts that were taken before the period began say nothing of it.
_TOTALS = text("""
select distinct on (total.source, total.what)
    total.source,
    total.what,
    total.theirs,
    total.ours,
    total.quarantined,
    total.deleted,
    to_char(total.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as counted_at
from quality.control_total as total
where total.source = any(:sources) and total.at >= :start_at
order by total.source, total.what, total.at desc
""")


@dataclass(frozen=True)
class Inputs:
    """The rows that a contract's period may rest on, and the instant by which all of them had landed.

    `incomplete` are the keys of tickets with rows in quarantine; `held` is what of those, and of quarantined rows
    without a ticket, could belong to the period. `totals` are the desks' own counts of tickets, beside ours.
    """

    tickets: pd.DataFrame
    events: pd.DataFrame
    answers: pd.DataFrame
    charges: pd.DataFrame
    incomplete: frozenset[int]
    held: Held
    loads: tuple[Mapping[str, Any], ...]
    totals: tuple[Mapping[str, Any], ...]
    data_cutoff: datetime


def data_cutoff(connection: Connection, contract: Contract, now: datetime) -> datetime:
    """The instant by which all that the connection sees of the contract's data had landed; not before `now`."""
    bound = {"sources": list(contract.sources), "contract": contract.name, "now": now}
    cutoff: datetime = connection.execute(_CUTOFF, bound).scalar_one()
    return cutoff


def read_inputs(
    connection: Connection,
    contract: Contract,
    period: str,
    start_at: datetime,
    end_at: datetime,
    cutoff: datetime,
    incomplete: frozenset[int],
    raw_columns: RawColumns,
    late: Sequence[int] | None = (),
) -> Inputs:
    """Everything visible that the contract's period [start_at, end_at) may rest on.

    Several queries make it up: the transaction must be REPEATABLE READ, or a load that commits between two of them
    tears them apart. No row is left out for when it landed: a row keeps only the instant it was last told, so that
    leaving out the new ones would lose what was known of their tickets before; `cutoff` is that of `data_cutoff`.
    `incomplete` are the keys of tickets with rows in quarantine, `raw_columns` where such rows tell their fields;
    `late` the keys of tickets that an earlier month charged, and that may go on being late however long nobody touches
    them; None: any may have been late for long.
    """
    accounts = contract.scope.get("account")
    silent = datetime.min.replace(tzinfo=UTC) if late is None else silent_since(contract, start_at)
    bound = {
        "sources": list(contract.sources),
        "contract": contract.name,
        "period": period,
        "accounts": None if accounts is None else sorted(accounts),
        "start_at": start_at,
        "end_at": end_at,
        "silent_since": silent,
        "late": list(late or ()),
        "start_day": f"{start_at.astimezone(UTC) - timedelta(days=1):%Y-%m-%d}",  # a promise may have any offset
    }
    connection.execute(text("drop table if exists pg_temp.statement_ticket"))
    connection.execute(_CHOOSE, bound)
    connection.execute(text("analyze statement_ticket"))

    def read(statement: str, table: Table, alias: str) -> pd.DataFrame:
        columns = ", ".join(f"{alias}.{name}" for name in table.names)
        return read_frame(connection, statement.format(columns=columns), parameters_of(statement, bound), table)

    return Inputs(
        tickets=read(_TICKETS, TICKET, "ticket"),
        events=read(_EVENTS, TICKET_EVENT, "event"),
        answers=read(_ANSWERS, SURVEY_ANSWER, "answer"),
        charges=read(_CHARGES, CHARGE, "charge"),
        incomplete=incomplete,
        held=read_held(connection, contract, incomplete, raw_columns, silent, end_at),
        loads=tuple(dict(row) for row in connection.execute(_LOADS, bound).mappings()),
        totals=tuple(dict(row) for row in connection.execute(_TOTALS, bound).mappings()),
        data_cutoff=cutoff,
    )
