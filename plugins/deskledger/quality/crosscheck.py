"""The desk's own SLA figures against our clocks: each cycle beside the desk's measurement, and why the two differ.

A desk tells whole minutes. What differs is named by the first cause that applies, in the order of CAUSES.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "we_have_none": "the desk measured what no clock of the contract measures",
        "desk_has_none": "the desk has no measurement of this cycle",
        "merged_or_deleted": "the ticket was merged or deleted, and the two stopped otherwise",
        "other_start": "the desk's measurement began at another event",
        "other_stop": "the desk's measurement ended at another event, or goes on",
        "pause_rule": "the desk's time stood still at other times",
        "other_calendar": "the same time ran, and the desk's hours or holidays are others",
        "other_target": "the desk measured against another target",
        "rounding": "less than a minute apart: the desk tells whole minutes",
        "other": "nothing of the above explains it",
        "agrees": "both say the same",
    }
)
_MINUTE_US = 60_000_000
_MINUTE = pd.Timedelta(minutes=1)
_MEASUREMENT = ["ticket_key", "metric", "instance"]
# Of each kind of figure, whether the first or the last one holds, and what it tells.
_TOLD: tuple[tuple[str, Literal["first", "last"], dict[str, str]], ...] = (
    ("started", "first", {"occurred_at": "desk_started_at"}),
    ("stopped", "last", {"occurred_at": "desk_stopped_at"}),
    ("breached", "first", {"occurred_at": "desk_breached_at"}),
    ("target", "last", {"target_seconds": "desk_target_seconds", "hours": "desk_hours", "policy": "desk_policy"}),
    ("measured", "last", {"business_minutes": "desk_business", "calendar_minutes": "desk_calendar"}),
    ("due", "last", {"due_at": "desk_due_at", "occurred_at": "desk_set_at"}),
)

# Of the rows given, how long each cycle's clock could have run by our rules, calendars aside, in microseconds.
Running = Callable[[pd.DataFrame], pd.Series]


def compare(
    figures: pd.DataFrame,
    cycles: pd.DataFrame,
    clocks: Mapping[str, Sequence[str]],
    touched: pd.DataFrame,
    running: Running,
) -> pd.DataFrame:
    """One row a cycle or measurement of one contract, with both sides and its `cause` (CAUSES).

    `figures` are rows of model.DESK_FIGURE, `cycles` of model.CYCLE; `clocks` says which clocks a metric is held
    against: of several the one that agrees counts, else the first. `touched` has instants of tickets, a row each:
    `gone_at` (merged or deleted), `asked_at` (it came, or its customer wrote), `answered_at`. The nth cycle is held
    against instance n; of deadlines (kind `due`) the ticket's first one is `first_<metric>`, its last one
    `last_<metric>`, both held against the first cycle. A measurement whose beginning the desk does not tell is none.
    """
    theirs = _measurements(figures)
    theirs = theirs[theirs["metric"].isin(list(clocks))]
    ours = _ours(cycles, clocks)
    is_deadline = ours["metric"].isin(theirs.loc[theirs["desk_set_at"].notna(), "metric"])
    ours = ours[~is_deadline | (ours["instance"] == 1)]
    both = ours.merge(theirs, on=_MEASUREMENT, how="outer", indicator="side")
    both["clock"] = both["clock"].fillna(both["metric"].map({name: each[0] for name, each in clocks.items()}))
    both = both.merge(touched.groupby("ticket_key", as_index=False)["gone_at"].min(), on="ticket_key", how="left")
    both["cause"] = _causes(both, touched)
    is_time = both["cause"] == "time"
    if is_time.any():
        rows = both[is_time]
        apart_us = (running(rows) - rows["desk_calendar"].astype("float64") * _MINUTE_US).abs()
        both.loc[is_time, "cause"] = np.where(apart_us < _MINUTE_US, "other_calendar", "pause_rule")
    # Of several clocks the one that agrees, else the one that is named first.
    best = both.assign(is_differing=both["cause"] != "agrees").sort_values(
        [*_MEASUREMENT, "is_differing", "place"], kind="stable"
    )
    return best.drop_duplicates(_MEASUREMENT).drop(columns=["is_differing", "place", "side"]).reset_index(drop=True)


def _measurements(figures: pd.DataFrame) -> pd.DataFrame:
    """The desk's events as one row a measurement."""
    live = figures[figures["kind"] != "deleted"].astype({"kind": "object", "metric": "object", "instance": "int64"})
    live = live.sort_values(["occurred_at", "figure_id"], kind="stable")
    dues = live[live["kind"] == "due"]
    first, last = dues.drop_duplicates(_MEASUREMENT), dues.drop_duplicates(_MEASUREMENT, keep="last")
    ends = [end.assign(metric=f"{name}_" + end["metric"]) for name, end in (("first", first), ("last", last))]
    live = pd.concat([live[live["kind"] != "due"], *ends], ignore_index=True)
    parts = [live[_MEASUREMENT].drop_duplicates().set_index(_MEASUREMENT)]
    for kind, keep, columns in _TOLD:
        told = live[live["kind"] == kind].drop_duplicates(_MEASUREMENT, keep=keep)
        parts.append(told.set_index(_MEASUREMENT)[list(columns)].rename(columns=columns))
    found = pd.concat(parts, axis=1).reset_index()
    return found[found["desk_started_at"].notna() | found["desk_set_at"].notna()]


def _ours(cycles: pd.DataFrame, clocks: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Our cycles under the metrics that they are held against, each numbered from 1."""
    ordered = cycles.astype({"clock": "object"}).sort_values(["ticket_key", "clock", "started_at", "cycle"])
    ordered["instance"] = ordered.groupby(["ticket_key", "clock"]).cumcount() + 1
    pairs = pd.DataFrame(
        [(metric, clock, place) for metric, names in clocks.items() for place, clock in enumerate(names)],
        columns=["metric", "clock", "place"],
    )
    return ordered.merge(pairs, on="clock")


def _causes(both: pd.DataFrame, touched: pd.DataFrame) -> np.ndarray:
    has_ours, has_theirs = both["side"] != "right_only", both["side"] != "left_only"
    minutes = both["desk_business"].where(both["desk_hours"].astype("object") != "calendar", both["desk_calendar"])
    minutes = minutes.astype("float64")
    elapsed_us, target_us = both["elapsed_us"].astype("float64"), both["target_us"].astype("float64")
    desk_target_us = both["desk_target_seconds"].astype("float64") * 1_000_000
    differs_us = (elapsed_us - minutes * _MINUTE_US).abs()
    is_measured = both["stopped_at"].notna() & both["desk_stopped_at"].notna() & minutes.notna()
    stop = _apart(both["stopped_at"], both["desk_stopped_at"])
    verdict = both["breached_at"].notna() != both["desk_breached_at"].notna()
    is_gone = both["gone_at"].notna()
    is_cancelled = both["state"].astype("object") == "cancelled"
    is_due = both["desk_set_at"].notna()
    due_apart = (both["due_at"] - both["desk_due_at"]).abs()
    is_asked = _is_unanswered(both, touched)
    cases: list[tuple[pd.Series, str]] = [
        (~has_ours, "we_have_none"),
        (~has_theirs, "desk_has_none"),
        # Deadlines are exact to the second, and know nothing of starts, stops and time.
        (is_due & (due_apart == pd.Timedelta(0)), "agrees"),
        (is_due & is_gone, "merged_or_deleted"),
        (is_due & both["desk_due_at"].isna(), "pause_rule"),
        (is_due & (due_apart < _MINUTE), "rounding"),
        # Set while an answer is owed, it is the deadline of the answer: nothing to hold a last one against.
        (is_due & is_asked & both["metric"].astype("object").str.startswith("last_"), "other_start"),
        (is_due, "other"),
        (is_gone & (stop | is_cancelled), "merged_or_deleted"),
        (_apart(both["started_at"], both["desk_started_at"]), "other_start"),
        (stop, "other_stop"),
        (is_measured & (differs_us >= _MINUTE_US), "time"),
        (~_equal(target_us, desk_target_us), "other_target"),
        (is_measured & (np.floor(elapsed_us / _MINUTE_US) != minutes), "rounding"),
        (verdict & ((elapsed_us - target_us).abs() < _MINUTE_US), "rounding"),
        (verdict, "other"),
    ]
    conditions = [condition.to_numpy(bool) for condition, _ in cases]
    return np.select(conditions, [cause for _, cause in cases], default="agrees").astype(object)


def _apart(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """A minute or more apart, or only one of them there."""
    return (ours.isna() != theirs.isna()) | ((ours - theirs).abs() >= _MINUTE)


def _equal(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    return (ours == theirs) | (ours.isna() & theirs.isna())


def _is_unanswered(both: pd.DataFrame, touched: pd.DataFrame) -> pd.Series:
    """Whether the customer had the last word when the desk set the row's deadline (a second more: it sets it then)."""
    until = both["desk_set_at"] + pd.Timedelta(seconds=1)
    rows = pd.DataFrame({"ticket_key": both["ticket_key"], "until": until, "row": np.arange(len(both))})
    found = rows.dropna(subset="until").merge(touched, on="ticket_key")
    words = [found[name].where(found[name] <= found["until"]) for name in ("asked_at", "answered_at")]
    asked, answered = (each.groupby(found["row"]).max().reindex(range(len(both))) for each in words)
    is_owed = asked.notna() & (answered.isna() | (asked > answered))
    return pd.Series(is_owed.to_numpy(bool), index=both.index)
