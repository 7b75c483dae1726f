"""Who counts: the values that hold at an instant, and which rows a filter takes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from deskledger.contract.terms import Filter
from deskledger.errors import StatementError
from deskledger.model import STANDING_FIELDS

# Fields whose value changes during a ticket's life: the value at the attribution instant decides.
CHANGING = ("account", "team", "agent", "product", "priority")
_EVENT_OF_FIELD = {"agent": "assignment"}


def within(frame: pd.DataFrame, population: Filter) -> np.ndarray:
    """Which rows of `frame` have an accepted value in every field of `population` (all rows when it is empty).

    A missing value matches nothing. Raises StatementError for a field that the frame does not know.
    """
    chosen = np.ones(len(frame), dtype=bool)
    for field, accepted in population.items():
        if field not in frame:
            raise StatementError(
                f"the population filters by {field!r}, which no measured row has",
                remedy=f"filter by one of {', '.join((*CHANGING, *STANDING_FIELDS))}",
            )
        values = frame[field].astype("str")
        if field == "has_workaround":
            values = values.str.lower()
        chosen &= (frame[field].notna() & values.isin(list(accepted))).to_numpy(dtype=bool)
    return chosen


def in_period(instants: pd.Series, start_at: pd.Timestamp, end_at: pd.Timestamp) -> np.ndarray:
    """Which instants belong to the period: from its first instant on, before its last."""
    return ((instants >= start_at) & (instants < end_at)).to_numpy(dtype=bool)


def values_at(events: pd.DataFrame, fields: Sequence[str], ticket_keys: pd.Series, instants: pd.Series) -> pd.DataFrame:
    """The fields' values on each ticket at each instant, by the ticket's events up to and including it.

    Simultaneous events take effect in the order (occurred_at, seq, event_id). Missing where no event said anything.
    One column a field, with the index of `ticket_keys`.
    """
    numbers = {_EVENT_OF_FIELD.get(field, field): number for number, field in enumerate(fields)}
    number = events["kind"].astype("str").map(numbers)
    told = events[["ticket_key", "occurred_at", "seq", "event_id"]].assign(
        field=number, value=events["value"].astype("str")
    )
    told = told[number.notna()].astype({"field": "int64"})
    told = told.sort_values(["occurred_at", "seq", "event_id"], kind="stable")
    # All fields in one search: each is asked for on every ticket.
    count = len(ticket_keys)
    at = pd.Series(pd.DatetimeIndex(instants).as_unit("us"))
    asked = pd.DataFrame(
        {
            "ticket_key": np.tile(ticket_keys.to_numpy(), len(fields)),
            "at": pd.concat([at] * len(fields), ignore_index=True),
            "field": np.repeat(np.arange(len(fields)), count),
            "row": np.arange(count * len(fields)),
        }
    )
    asked = asked[asked["at"].notna()].sort_values("at", kind="stable")
    found = pd.merge_asof(asked, told, left_on="at", right_on="occurred_at", by=["ticket_key", "field"])
    values = np.full(count * len(fields), None, dtype=object)
    values[found["row"].to_numpy()] = found["value"].to_numpy(dtype=object)
    columns = values.reshape(len(fields), count)
    return pd.DataFrame(dict(zip(fields, columns, strict=True)), index=ticket_keys.index, dtype="str")


def with_ticket_fields(frame: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """`frame` (with ticket_key) beside what stands on its tickets: source, ticket_id and the standing fields.

    A changing field that the frame lacks, or does not know for a row, falls back to the ticket's own value.
    """
    names = ["source", "ticket_id", *STANDING_FIELDS]
    wanted = [name for name in names if name in tickets and name not in frame]
    merged = frame.merge(tickets[["ticket_key", *wanted]], on="ticket_key", how="left", validate="many_to_one")
    own = tickets.drop_duplicates("ticket_key").set_index("ticket_key")
    for field in CHANGING:
        if field not in own:
            continue
        fallback = merged["ticket_key"].map(own[field].astype("str").where(own[field].notna()))
        merged[field] = (
            merged[field].astype("str").where(merged[field].notna(), fallback) if field in merged else fallback
        )
    return merged


def describe(population: Mapping[str, frozenset[str]]) -> str:
    """The filter in words: "priority P1, P2; team team-01", or "all tickets"."""
    parts = [f"{field} {', '.join(sorted(accepted))}" for field, accepted in sorted(population.items())]
    return "; ".join(parts) or "all tickets"
