"""KPIs of a desk over a period, from canonical frames and measured cycles: pure functions, frame in, frame out.

Periods are [begin, end) in aware instants, and nothing after `end` is looked at: a month says the same whenever it is
computed. `by` names columns of `tickets` (team, account, priority, …; the value that stands on the ticket) and gives
one row a group; without it there is one row in all. Shares come as numerator, denominator and `share_pct`, which is
missing where nothing was counted. Merged and deleted tickets count.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

_DONE = ("resolved", "closed")
_ORDER = ["ticket_key", "occurred_at", "seq", "event_id"]

# Ages of open tickets in days: from (included) to (excluded), as monthly reports show them.
AGES: tuple[tuple[str, int, int | None], ...] = (
    ("age_0_7", 0, 8),
    ("age_8_30", 8, 31),
    ("age_31_90", 31, 91),
    ("age_over_90", 91, None),
)


def times(cycles: pd.DataFrame, by: Sequence[str] = (), percentiles: Sequence[int] = (50, 90)) -> pd.DataFrame:
    """How long the stopped cycles took, one row a clock and group: n, mean_us, then p50_us, p90_us, ….

    `cycles` has model.CYCLE's columns; `by` names some of them. Percentiles are by nearest rank: the smallest time
    that at least so many per cent of the cycles do not exceed. Cycles cancelled, open or incomplete are left out.
    """
    stopped = cycles["stopped_at"].notna() & (cycles["state"] != "cancelled") & ~cycles["is_incomplete"].fillna(False)
    keys = ["clock", *by]
    taken = cycles.loc[stopped.astype(bool), [*keys, "elapsed_us"]].sort_values([*keys, "elapsed_us"], kind="stable")
    groups = taken.groupby(keys, observed=True, sort=True)["elapsed_us"]
    table = pd.DataFrame({"n": groups.size(), "mean_us": groups.mean()})
    sizes = table["n"].to_numpy(dtype="int64")
    firsts = np.cumsum(sizes) - sizes
    # A missing key leaves its rows out of every group; positions are counted without them.
    elapsed = taken.dropna(subset=keys)["elapsed_us"].to_numpy(dtype="int64")
    for percentile in percentiles:
        ranks = np.maximum(-(-percentile * sizes // 100), 1)
        table[f"p{percentile}_us"] = elapsed[firsts + ranks - 1]
    return table


def backlog(
    tickets: pd.DataFrame, events: pd.DataFrame, begin: datetime, end: datetime, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Tickets open at `begin`, created (`in`), finished less reopened (`out`), open at `end`, and the ages of those.

    `out` is what balances the other three. Ages are whole days of 24 hours since creation.
    """
    created_at = tickets["created_at"]
    open_at_begin = (created_at < begin) & ~_is_done(tickets, events, begin)
    open_at_end = (created_at < end) & ~_is_done(tickets, events, end)
    flags = pd.DataFrame(
        {
            "open_at_begin": open_at_begin,
            "in": (created_at >= begin) & (created_at < end),
            "open_at_end": open_at_end,
        }
    )
    age_days = (pd.Timestamp(end) - created_at).dt.days
    for name, low, high in AGES:
        flags[name] = open_at_end & (age_days >= low) & (True if high is None else age_days < high)
    table = _sums(flags, tickets, by)
    table.insert(2, "out", table["open_at_begin"] + table["in"] - table["open_at_end"])
    return table


def reopened(
    tickets: pd.DataFrame, events: pd.DataFrame, begin: datetime, end: datetime, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Of the tickets resolved in the period, the share that was taken up again before its end."""
    statuses = _statuses(events, end)
    is_done = statuses["value"].isin(_DONE)
    was_done = is_done.groupby(statuses["ticket_key"]).shift(fill_value=False).astype(bool)
    resolved = is_done & ~was_done & (statuses["occurred_at"] >= begin)
    # Resolved in the period first, then active again: a reopening of last month's resolution is not this month's.
    was_resolved = resolved.groupby(statuses["ticket_key"]).cummax()
    taken_up = ~is_done & was_done & was_resolved
    return _share(
        tickets,
        by,
        _of(tickets, statuses.loc[taken_up, "ticket_key"]),
        _of(tickets, statuses.loc[resolved, "ticket_key"]),
    )


def escalations(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    begin: datetime,
    end: datetime,
    by: Sequence[str] = (),
    level: int = 3,
) -> pd.DataFrame:
    """Escalations to a support level in the period (denominator), those judged undue (numerator), and their share.

    Counts events, not tickets: what was escalated twice counts twice.
    """
    found = events[(events["kind"] == "escalation") & (events["occurred_at"] >= begin) & (events["occurred_at"] < end)]
    words = found["value"].astype("str")
    to_level = words.str.contains(f">L{level}", regex=False)
    undue = to_level & words.str.contains(" undue", regex=False)
    counted = pd.DataFrame({"ticket_key": found["ticket_key"], "undue": undue, "all": to_level})
    per_ticket = counted.groupby("ticket_key")[["undue", "all"]].sum()
    of_ticket = per_ticket.reindex(tickets["ticket_key"]).fillna(0).astype("int64")
    return _share(tickets, by, of_ticket["undue"].to_numpy(), of_ticket["all"].to_numpy())


def without_eta(tickets: pd.DataFrame, events: pd.DataFrame, at: datetime, by: Sequence[str] = ()) -> pd.DataFrame:
    """Of the tickets open at an instant, the share that nobody has promised a date for."""
    is_open = (tickets["created_at"] < at) & ~_is_done(tickets, events, at)
    promised = _has(tickets, events, "eta", at)
    return _share(tickets, by, is_open & ~promised, is_open)


def acknowledged(
    tickets: pd.DataFrame, events: pd.DataFrame, begin: datetime, end: datetime, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Of the tickets created in the period, the share acknowledged before its end."""
    created = (tickets["created_at"] >= begin) & (tickets["created_at"] < end)
    return _share(tickets, by, created & _has(tickets, events, "acknowledgement", end), created)


def measurement(table: pd.DataFrame) -> dict[str, int]:
    """The one row of a share in the form that penalties take: {"num": 8, "den": 100}."""
    row = table.iloc[0]
    return {"num": int(row["numerator"]), "den": int(row["denominator"])}


def _statuses(events: pd.DataFrame, before: datetime) -> pd.DataFrame:
    known = events[(events["kind"] == "status") & (events["occurred_at"] < before)]
    return known[[*_ORDER, "value"]].sort_values(_ORDER, kind="stable")


def _is_done(tickets: pd.DataFrame, events: pd.DataFrame, before: datetime) -> pd.Series:
    """Whether each ticket's last status before an instant is resolved or closed."""
    last = _statuses(events, before).drop_duplicates("ticket_key", keep="last")
    return _of(tickets, last.loc[last["value"].isin(_DONE), "ticket_key"])


def _has(tickets: pd.DataFrame, events: pd.DataFrame, kind: str, before: datetime) -> pd.Series:
    return _of(tickets, events.loc[(events["kind"] == kind) & (events["occurred_at"] < before), "ticket_key"])


def _of(tickets: pd.DataFrame, keys: pd.Series) -> pd.Series:
    return tickets["ticket_key"].isin(keys)


def _share(
    tickets: pd.DataFrame, by: Sequence[str], numerator: pd.Series | np.ndarray, denominator: pd.Series | np.ndarray
) -> pd.DataFrame:
    flags = pd.DataFrame({"numerator": np.asarray(numerator), "denominator": np.asarray(denominator)})
    table = _sums(flags.set_index(tickets.index), tickets, by)
    volume = table["denominator"]
    return table.assign(share_pct=100 * table["numerator"] / volume.where(volume > 0))


def _sums(flags: pd.DataFrame, tickets: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    whole = flags.astype("int64")
    if not by:
        return whole.sum().to_frame().T
    return whole.groupby([tickets[key] for key in by], observed=True).sum()
