"""What a suite may ask of a row beside the row itself: other tables, other rows, the instant of the load.

Each function gives the table's frame with columns more, which the suites name as they name the table's own. They are
true, false, or missing where there is nothing to compare.
"""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from deskledger.model import Table

# The kinds of events whose value is what holds from then on.
_STANDING = ("status", "priority", "team", "account", "product", "assignment")


@dataclass(frozen=True)
class Known:
    """What a source is known to have: its tickets' keys, and its accounts, teams and agents.

    A table that the source never told is None: there is nothing to compare with.
    """

    tickets: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    account: frozenset[str] | None = None
    team: frozenset[str] | None = None
    agent: frozenset[str] | None = None


def with_context(table: Table, frame: pd.DataFrame, known: Known, now: datetime) -> pd.DataFrame:
    """The frame with the columns that the suite of this table asks for: the others' frames are as they were."""
    more: dict[str, pd.Series] = {}
    if table.name in {"ticket", "survey_answer", "agent"}:
        more = {f"{name}_is_known": _is_known(frame[name], getattr(known, name)) for name in _references(table)}
    if table.name == "ticket":
        more["is_past"] = _is_past(frame["updated_at"], now)
    if table.name == "survey_answer":
        more["ticket_is_known"] = _flags(frame["ticket_key"].isin(known.tickets))
        more["is_past"] = _is_past(frame["responded_at"].fillna(frame["sent_at"]), now)
    if table.name == "desk_figure":
        more["ticket_is_known"] = _flags(frame["ticket_key"].isin(known.tickets))
    if table.name == "ticket_event":
        more["ticket_is_known"] = _flags(frame["ticket_key"].isin(known.tickets))
        more["is_past"] = _is_past(frame["occurred_at"], now)
        more["follows_on"] = follows_on(frame)
    if table.name == "charge":
        is_both = frame["imported_by"].notna() & frame["approved_by"].notna()
        more["is_approved_by_another"] = _flags(
            frame["imported_by"].astype(object) != frame["approved_by"].astype(object)
        ).where(is_both)
    return frame.assign(**more)


def with_cycle_context(cycles: pd.DataFrame) -> pd.DataFrame:
    """Measured cycles with what their rows must add up to: `unaccounted_us` and `verdict_holds`.

    Every microsecond from start to end belongs to one of the three parties; met is elapsed <= target, breached more.
    """
    end_at = cycles["stopped_at"].fillna(cycles["as_of"])
    physical_us = (end_at - cycles["started_at"]).astype("int64")
    held_us = cycles["provider_us"] + cycles["customer_us"] + cycles["third_party_us"]
    over = cycles["elapsed_us"] > cycles["target_us"]
    state = cycles["state"].astype(object)
    holds = (over == (state == "breached")).where(state.isin(["met", "breached"]) & cycles["target_us"].notna())
    return cycles.assign(unaccounted_us=physical_us - held_us, verdict_holds=holds.astype("boolean"))


def follows_on(events: pd.DataFrame) -> pd.Series:
    """Whether each event's previous value is what the event of its ticket and kind before it left.

    Missing where the event has no previous value, is the first of its kind, or its value is not one that stays.
    """
    kinds, places = events["kind"].cat.codes.to_numpy(), np.arange(len(events))
    standing = events["kind"].isin(_STANDING).to_numpy()
    at_us, key = events["occurred_at"].astype("int64").to_numpy(), events["ticket_key"].to_numpy()
    order = np.lexsort((places, events["seq"].to_numpy(), at_us, kinds, key))
    order = order[standing[order]]
    value, previous = (codes[order] for codes in _over_one_vocabulary(events["value"], events["previous_value"]))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (key[order][1:] != key[order][:-1]) | (kinds[order][1:] != kinds[order][:-1])
    says = (previous >= 0) & ~is_first
    left = np.append([-1], value[:-1]) if len(value) else value
    holds, is_missing = np.zeros(len(events), dtype=bool), np.ones(len(events), dtype=bool)
    holds[order[says]] = previous[says] == left[says]
    is_missing[order[says]] = False
    return pd.Series(pd.arrays.BooleanArray(holds, is_missing), index=events.index)


def _over_one_vocabulary(first: pd.Series, second: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Both columns as codes that are equal where the words are, -1 where one is missing."""
    words = first.cat.categories.union(second.cat.categories)
    return first.cat.set_categories(words).cat.codes.to_numpy(), second.cat.set_categories(words).cat.codes.to_numpy()


def _references(table: Table) -> list[str]:
    """The columns of a table that name a row of another one."""
    return [name for name in ("account", "team", "agent") if name in table.names and name != table.name]


def _is_known(words: pd.Series, known: frozenset[str] | None) -> pd.Series:
    if known is None:
        return pd.Series(pd.NA, index=words.index, dtype="boolean")
    return _flags(words.isin(known)).where(words.notna())


def _is_past(instants: pd.Series, now: datetime) -> pd.Series:
    return _flags(instants <= pd.Timestamp(now)).where(instants.notna())


def _flags(values: pd.Series) -> pd.Series:
    return values.astype("boolean")
