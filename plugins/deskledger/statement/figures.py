"""Figures beside the service levels, for the report: backlog with ages, reopenings, escalations, dates, receipts."""

from typing import Any

import pandas as pd

from deskledger import kpis
from deskledger.contract.terms import Filter
from deskledger.statement.population import with_ticket_fields, within


def figures(
    tickets: pd.DataFrame, events: pd.DataFrame, scope: Filter, start_at: pd.Timestamp, end_at: pd.Timestamp
) -> dict[str, Any]:
    """Backlog and shares of the period's tickets in `scope`, whole numbers only. Reported, never priced."""
    mine = tickets[within(with_ticket_fields(tickets[["ticket_key"]], tickets), scope)].reset_index(drop=True)
    own = events[events["ticket_key"].isin(mine["ticket_key"])]
    begin, end = start_at.to_pydatetime(), end_at.to_pydatetime()
    open_tickets = kpis.backlog(mine, own, begin, end).iloc[0]
    return {
        "backlog": {str(name): int(number) for name, number in open_tickets.items()},
        "reopened": kpis.measurement(kpis.reopened(mine, own, begin, end)),
        "undue_escalations": kpis.measurement(kpis.escalations(mine, own, begin, end)),
        "without_eta": kpis.measurement(kpis.without_eta(mine, own, end)),
        "acknowledged": kpis.measurement(kpis.acknowledged(mine, own, begin, end)),
    }
