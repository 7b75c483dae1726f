"""The input frames as coded arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from deskledger.model import UTC_INSTANT

# Sums over a block are positions in one int64 axis; with targets added they must stay below 2**63.
_AXIS_US = 2**62

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Codes:
    """One column as integer codes into `words`; -1 is a missing value."""

    codes: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, column: pd.Series) -> "Codes":
        """The codes of a categorical, text, number or flag column; words are compared as text, flags as true/false."""
        if not isinstance(column.dtype, pd.CategoricalDtype):
            if pd.api.types.is_bool_dtype(column.dtype):
                column = column.map({True: "true", False: "false"})
            column = column.astype("category")
        coded = column.array
        return cls(coded.codes, tuple(str(each) for each in coded.categories))

    def accepted(self, values: frozenset[str]) -> np.ndarray:
        """Which codes stand for one of `values`; the last place answers for missing values."""
        table = np.zeros(len(self.words) + 1, dtype=bool)
        table[[code for code, word in enumerate(self.words) if word in values]] = True
        return table


@dataclass(frozen=True)
class History:
    """The input frames as arrays: tickets in key order, events as they came. `frame` keeps the ticket columns."""

    ticket_keys: np.ndarray
    created_months: np.ndarray
    ticket_order: np.ndarray
    tickets: pd.DataFrame
    event_keys: np.ndarray
    at_us: np.ndarray
    seq: np.ndarray
    event_ids: pd.Series
    kind: Codes
    value: Codes
    previous: Codes
    role: Codes
    is_public: pd.arrays.BooleanArray
    as_of_us: int

    @classmethod
    def of(cls, tickets: pd.DataFrame, events: pd.DataFrame, as_of_us: int) -> "History":
        """Arrays of the two frames. Raises ValueError when a ticket is named twice."""
        keys = tickets["ticket_key"].to_numpy(dtype=np.int64)
        order = np.argsort(keys)
        keys = keys[order]
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("tickets has a ticket_key twice")
        return cls(
            ticket_keys=keys,
            created_months=tickets["created_month"].to_numpy()[order],
            ticket_order=order,
            tickets=tickets,
            event_keys=events["ticket_key"].to_numpy(dtype=np.int64),
            at_us=_instants(events["occurred_at"]),
            seq=events["seq"].to_numpy(dtype=np.int64),
            event_ids=events["event_id"],
            kind=Codes.of(events["kind"]),
            value=Codes.of(events["value"]),
            previous=Codes.of(events["previous_value"]),
            role=Codes.of(events["actor_role"]),
            is_public=_flags(events["is_public"]),
            as_of_us=as_of_us,
        )

    def most_tickets(self) -> int:
        """How many tickets a block may have at most, so that what it counts in all fits an integer."""
        first = int(self.at_us.min()) if len(self.at_us) else self.as_of_us
        return max(1, _AXIS_US // max(self.as_of_us - first, 1))

    def columns(self, rows: slice | np.ndarray) -> Columns:
        """What is measured of these rows of the event frame, those after the as-of instant left out."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self.at_us)))
        rows = rows.astype(np.intp, copy=False)  # once for all columns
        at_us = self.at_us.take(rows)
        known = at_us <= self.as_of_us
        if not known.all():
            rows, at_us = rows[known], at_us[known]
        return {
            "key": self.event_keys.take(rows),
            "at": at_us,
            "seq": self.seq.take(rows),
            "row": rows.astype(np.min_scalar_type(len(self.at_us))),
            "kind": self.kind.codes.take(rows),
            "value": self.value.codes.take(rows),
            "role": self.role.codes.take(rows),
            "is_public": self.is_public.take(rows).to_numpy(dtype=np.int8, na_value=-1),
        }


def _instants(column: pd.Series) -> np.ndarray:
    """Microseconds since 1970 of a column of instants; its own memory where it has microseconds already."""
    if str(column.dtype) != UTC_INSTANT:
        column = pd.to_datetime(column, utc=True).dt.as_unit("us")
    return pd.DatetimeIndex(column, copy=False).asi8


def _flags(column: pd.Series) -> pd.arrays.BooleanArray:
    flags = column.astype("boolean").array
    assert isinstance(flags, pd.arrays.BooleanArray)
    return flags
