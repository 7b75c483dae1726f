"""The rows that KPIs count, each with its ticket's values at the instant that it is about."""

from collections.abc import Collection

import pandas as pd

from deskledger import kpis
from deskledger.contract.terms import Filter
from deskledger.statement.population import CHANGING, values_at, with_ticket_fields, within


def counted_rows(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    scope: Filter,
    start_at: pd.Timestamp,
    end_at: pd.Timestamp,
    incomplete: Collection[int],
) -> pd.DataFrame:
    """What every KPI of `kpis.COUNTED` counts in the period, in one frame with the KPI's name in `kpi`.

    Columns of the counted rows, the ticket's fields at `attributed_at`, created_month and is_incomplete (something of
    the ticket is in quarantine). Only what was in `scope` at that instant.
    """
    desk = kpis.DeskPeriod(tickets, events, start_at.to_pydatetime(), end_at.to_pydatetime())
    parts = [count(desk).assign(kpi=name) for name, count in kpis.COUNTED.items()]
    rows = with_values(pd.concat(parts, ignore_index=True), tickets, events)
    rows = rows[within(rows, scope)]
    months = tickets.drop_duplicates("ticket_key").set_index("ticket_key")["created_month"]
    return rows.assign(
        created_month=rows["ticket_key"].map(months),
        is_incomplete=rows["ticket_key"].isin(list(incomplete)),
    ).reset_index(drop=True)


def with_values(rows: pd.DataFrame, tickets: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """`rows` (ticket_key, attributed_at) with team, agent, account, product and priority of then, and what stands."""
    told = values_at(events, CHANGING, rows["ticket_key"], rows["attributed_at"])
    return with_ticket_fields(rows.assign(**{field: told[field] for field in CHANGING}), tickets)
