"""Forecast: where a contract's running month is heading, and which tickets can still be saved. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger
from deskledger.contract.terms import Contract
from deskledger.errors import StatementError
from deskledger.model import SEGMENT, empty
from deskledger.statement.ends import PastEvidence
from deskledger.statement.forecast import Forecast
from deskledger.statement.forecast import forecast as drawn
from deskledger.statement.frozen import rows_behind, segments_behind
from deskledger.steps.close import contract_named
from deskledger.steps.close_content import snapshot
from deskledger.steps.open_months import OpenMonth, open_months
from deskledger.warehouse import open_warehouse

# As many months tell how months differ; older ones speak of another desk.
_MONTHS_LEARNED = 6


@dataclass(frozen=True)
class MonthForecast:
    """The running month of a contract as of its watermark. `assumed` names what is taken for granted.

    `outlook.tickets` also has `status`, `holder` (the side that holds the ticket) of each running cycle.
    """

    contract: str
    title: str
    currency: str
    timezone: str
    period: str
    as_of: datetime
    ends_at: datetime
    assumed: tuple[str, ...]
    incomplete_tickets: int
    outlook: Forecast


def forecast(name: str, period: str | None = None, *, now: datetime) -> MonthForecast:
    """Where the contract's running month is heading, as of its sources' watermark (not after `now`).

    Raises StatementError where `period` is not the running month, WarehouseError without a watermark.
    """
    contract = contract_named(name)
    with snapshot(open_warehouse()) as connection:
        months = list(open_months(connection, contract, now))
        running = months[-1] if months and months[-1].is_running else None
        if running is None or period not in {None, running.period}:
            told = f"the running month is {running.period}" if running else "no month of it is running"
            raise StatementError(
                f"nothing to forecast: {told}",
                where=f"contract {name}",
                remedy="load the month's days first; a month that is over is drafted by the close",
            )
        return of_running(connection, contract, running)


def of_running(connection: Connection, contract: Contract, month: OpenMonth) -> MonthForecast:
    """The forecast of a contract's running month, stated as of the watermark."""
    past = _past_evidence(connection, contract, month.period)
    outlook = drawn(month.made, past, month.as_of)
    tickets = _with_holders(month, outlook.tickets)
    return MonthForecast(
        contract=contract.name,
        title=contract.title,
        currency=contract.currency,
        timezone=contract.period.timezone,
        period=month.period,
        as_of=month.as_of,
        ends_at=month.made.end_at,
        assumed=month.assumed,
        incomplete_tickets=month.made.incomplete_tickets,
        outlook=replace(outlook, tickets=tickets),
    )


def _past_evidence(connection: Connection, contract: Contract, period: str) -> Sequence[PastEvidence]:
    """The evidence of the last months that were drafted, oldest first: posted, or of the newest draft."""
    found: list[PastEvidence] = []
    for _ in range(_MONTHS_LEARNED):
        period = contracts.previous_period(period)
        newest = ledger.newest_draft(connection, contract.name, period)
        if newest is not None:
            start, end = contracts.period_bounds(contract, period)
            found.append(PastEvidence(period, start, end, ledger.read_evidence(connection, newest["draft_id"])))
    return found[::-1]


def _with_holders(month: OpenMonth, tickets: pd.DataFrame) -> pd.DataFrame:
    """`tickets` with the status of each and the side that holds it at the watermark."""
    cycle = ["version", "ticket_key", "clock", "cycle"]
    own_tickets, own_events = rows_behind(month.inputs.tickets, month.inputs.events, tickets)
    stretches = segments_behind(month.made.contract, own_tickets, own_events, tickets, month.as_of)
    told = pd.concat([empty(SEGMENT), *stretches], ignore_index=True).drop_duplicates(cycle, keep="last")
    told = told[[*cycle, "status", "holder"]].astype({"clock": "str"})
    return tickets.merge(told, on=cycle, how="left", validate="one_to_one")
