"""The flow of tickets: open at the start, in, out, open at the end, their ages, and how all of it went day by day."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd

_DONE = ("resolved", "closed")
# A merged or deleted ticket is nobody's work any more, whether or not its desk closes it too.
_ENDS = ("merged", "deleted")

# Ages of open tickets in days: from (included) to (excluded), as monthly reports show them (service report, line 7).
AGES: tuple[tuple[str, int, int | None], ...] = (
    ("age_0_7", 0, 8),
    ("age_8_30", 8, 31),
    ("age_31_90", 31, 91),
    ("age_over_90", 91, None),
)


@dataclass(frozen=True)
class DeskPeriod:
    """Tickets of a desk over a period [begin, end), and what every KPI of it goes by, each worked out once.

    `tickets` has ticket_key and created_at, `events` model.TICKET_EVENT's columns; they may be other tickets' too.
    """

    tickets: pd.DataFrame
    events: pd.DataFrame
    begin: datetime
    end: datetime

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Every change of a ticket from open to finished (`is_done`) or back, before the period's end, in order.

        A ticket is open from its creation on, and finished while its status is resolved or closed, or it was merged or
        deleted. Columns ticket_key, occurred_at (never before the creation), is_done. Simultaneous events take effect
        in the order (occurred_at, seq, event_id).
        """
        kept = ["ticket_key", "occurred_at", "seq", "event_id", "kind", "value"]
        told = self.events.loc[self.events["kind"].isin(["status", *_ENDS]), kept]
        told = told.assign(is_done=told["value"].isin(_DONE) | told["kind"].isin(_ENDS))
        told = told.merge(self.tickets[["ticket_key", "created_at"]], on="ticket_key", how="inner")
        told = told.sort_values(["ticket_key", "occurred_at", "seq", "event_id"])
        was_done = told.groupby("ticket_key")["is_done"].shift(fill_value=False).astype(bool)
        changed = told[told["is_done"] != was_done]
        changed = changed.assign(occurred_at=changed[["occurred_at", "created_at"]].max(axis=1))
        return changed.loc[changed["occurred_at"] < self.end, ["ticket_key", "occurred_at", "is_done"]]

    @cached_property
    def flow(self) -> pd.DataFrame:
        """Each ticket's part in the flow, with the index of `tickets`.

        Columns open_at_begin, in (created), finished and reopened (how often), open_at_end: flags and counts as int64.
        """
        keys, created_at = self.tickets["ticket_key"], self.tickets["created_at"]
        within = self.changes[self.changes["occurred_at"] >= self.begin]
        before = self.changes[self.changes["occurred_at"] < self.begin]
        return pd.DataFrame(
            {
                "open_at_begin": (created_at < self.begin) & ~_last_is_done(before, keys),
                "in": (created_at >= self.begin) & (created_at < self.end),
                "finished": _times(within[within["is_done"]], keys),
                "reopened": _times(within[~within["is_done"]], keys),
                "open_at_end": (created_at < self.end) & ~_last_is_done(self.changes, keys),
            },
            index=self.tickets.index,
        ).astype("int64")


def backlog_parts(desk: DeskPeriod) -> pd.DataFrame:
    """Each ticket's part in the backlog, with the index of the desk's tickets; `shares.sums` adds them up.

    open_at_begin + in - out = open_at_end, always. `in` are the tickets created, `out` those finished less those
    reopened (both are told beside it, how often). Ages of what is open then are whole days of 24 hours since creation.
    """
    age_days = (pd.Timestamp(desk.end) - desk.tickets["created_at"]).dt.days
    is_open = desk.flow["open_at_end"] == 1
    ages = {name: is_open & (age_days >= low) & (True if high is None else age_days < high) for name, low, high in AGES}
    return desk.flow.assign(**ages, out=desk.flow["finished"] - desk.flow["reopened"])


def open_at(desk: DeskPeriod, instants: pd.DatetimeIndex) -> np.ndarray:
    """How many tickets were open at each instant (those created before it and not finished): the backlog's trend.

    No instant may lie after the period's end.
    """
    is_done = desk.changes["is_done"].to_numpy(dtype=bool)
    at = desk.changes["occurred_at"]
    created_at = desk.tickets["created_at"]
    return _before(created_at, instants) - _before(at[is_done], instants) + _before(at[~is_done], instants)


def arrivals(tickets: pd.DataFrame, edges: pd.DatetimeIndex) -> np.ndarray:
    """Tickets created in each interval between two edges: the demand."""
    return per_interval(tickets["created_at"], edges)


def per_interval(instants: pd.Series, edges: pd.DatetimeIndex) -> np.ndarray:
    """How many instants lie in each interval [edge, next edge): escalations, tickets, answers a day or a week."""
    return np.diff(_before(instants, edges))


def day_edges(begin: datetime, end: datetime, timezone: str) -> pd.DatetimeIndex:
    """The local midnights from the day of `begin` to `end`, both included, in UTC; days of 23 and 25 hours are days."""
    first, last = (pd.Timestamp(each).tz_convert(timezone).tz_localize(None).normalize() for each in (begin, end))
    days = pd.date_range(first, last, freq="D")
    # A midnight that does not exist is the first instant of its day; of one that happens twice, the first is meant.
    local = days.tz_localize(timezone, nonexistent="shift_forward", ambiguous=np.ones(len(days), dtype=bool))
    return local.tz_convert("UTC").as_unit("us")


def _before(instants: pd.Series, edges: pd.DatetimeIndex) -> np.ndarray:
    known = np.sort(pd.DatetimeIndex(instants.dropna()).as_unit("us").asi8)
    return np.searchsorted(known, edges.as_unit("us").asi8, side="left").astype(np.int64)


def _last_is_done(changed: pd.DataFrame, keys: pd.Series) -> pd.Series:
    last = changed.drop_duplicates("ticket_key", keep="last")
    return keys.isin(last.loc[last["is_done"], "ticket_key"])


def _times(changed: pd.DataFrame, keys: pd.Series) -> pd.Series:
    return keys.map(changed["ticket_key"].value_counts()).fillna(0)
