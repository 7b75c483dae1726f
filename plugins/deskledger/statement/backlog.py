"""How many tickets were open when the period began and ended, and how old the open ones are."""

from typing import Any

import numpy as np
import pandas as pd

from deskledger.contract.terms import Filter
from deskledger.statement.population import values_at, with_ticket_fields, within

_AGES = ((0, 8, "0-7 days"), (8, 31, "8-30 days"), (31, 91, "31-90 days"), (91, None, "over 90 days"))


def backlog(
    tickets: pd.DataFrame, events: pd.DataFrame, scope: Filter, start_at: pd.Timestamp, end_at: pd.Timestamp
) -> dict[str, Any]:
    """Open at the start, in, out, open at the end, and the ages of the open ones, of the tickets in `scope`.

    "in" counts tickets created in the period, "out" is what balances: resolved less reopened. Ages are days of 24
    hours since creation.
    """
    mine = tickets[within(with_ticket_fields(tickets[["ticket_key"]], tickets), scope)]
    is_open_at_start = _is_open(mine, events, start_at, inclusive=False)
    is_open_at_end = _is_open(mine, events, end_at, inclusive=False)
    created = int((mine["created_at"] >= start_at).sum())
    age_days = ((end_at - mine.loc[is_open_at_end, "created_at"]) // pd.Timedelta(days=1)).to_numpy(dtype="int64")
    open_at_start, open_at_end = int(is_open_at_start.sum()), int(is_open_at_end.sum())
    ageing = {
        words: int(((age_days >= low) & (age_days < (high if high is not None else np.iinfo(np.int64).max))).sum())
        for low, high, words in _AGES
    }
    return {
        "open_at_start": open_at_start,
        "in": created,
        "out": open_at_start + created - open_at_end,
        "open_at_end": open_at_end,
        "ageing": ageing,
    }


def _is_open(tickets: pd.DataFrame, events: pd.DataFrame, instant: pd.Timestamp, *, inclusive: bool) -> np.ndarray:
    moment = instant if inclusive else instant - pd.Timedelta(microseconds=1)
    instants = pd.Series(moment, index=tickets.index).dt.as_unit("us")
    status = values_at(events, "status", tickets["ticket_key"], instants)
    exists = (tickets["created_at"] < instant).to_numpy(dtype=bool)
    return exists & ~status.isin(["resolved", "closed"]).to_numpy(dtype=bool)
