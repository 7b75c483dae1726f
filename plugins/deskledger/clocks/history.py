"""The input frames as coded arrays, and the packets of tickets that they are cut into."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from deskledger.model import UTC_INSTANT

# Sums over a packet are positions in one int64 axis; with targets added they must stay below 2**63.
_AXIS_US = 2**62
_ROWS = 2**19  # dealt out at a time, so that reads and writes stay within the processor's cache

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
        categories = column.cat.categories
        return cls(column.cat.codes.to_numpy(), tuple(str(each) for each in categories))

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
    is_public: np.ndarray
    as_of_us: int

    @classmethod
    def of(cls, tickets: pd.DataFrame, events: pd.DataFrame, as_of_us: int) -> "History":
        """Arrays of the two frames. Raises ValueError when a ticket is named twice."""
        keys = tickets["ticket_key"].to_numpy(dtype=np.int64)
        order = np.argsort(keys, kind="stable")
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
            seq=_narrow(events["seq"].to_numpy(dtype=np.int64)),
            event_ids=events["event_id"],
            kind=Codes.of(events["kind"]),
            value=Codes.of(events["value"]),
            previous=Codes.of(events["previous_value"]),
            role=Codes.of(events["actor_role"]),
            is_public=_flags(events["is_public"]),
            as_of_us=as_of_us,
        )

    def packets(self, most_tickets: int) -> Iterator[tuple[slice, Columns]]:
        """Tickets in key order, at most so many at a time, with their events up to the as-of instant in any order.

        Events of tickets that are not there go to any packet. The events are dealt out in one pass, because picking
        each packet's from all over the frame would read the frame once a packet.
        """
        first = int(self.at_us.min()) if len(self.at_us) else self.as_of_us
        size = max(1, min(most_tickets, _AXIS_US // max(self.as_of_us - first, 1)))
        bounds = self.ticket_keys[size::size]
        if not len(bounds):
            yield slice(0, size), self._until_as_of(self._columns(slice(0, len(self.at_us))))
            return
        kind = np.uint8 if len(bounds) < 2**8 else np.uint16 if len(bounds) < 2**16 else np.int64
        packet = np.empty(len(self.at_us), dtype=kind)
        pieces = [slice(begin, begin + _ROWS) for begin in range(0, len(packet), _ROWS)]
        find = _finder(bounds)
        for piece in pieces:
            packet[piece] = find(self.event_keys[piece])
        counts = [np.bincount(packet[piece], minlength=len(bounds) + 1) for piece in pieces]
        ends = np.cumsum(np.sum(counts, axis=0) if counts else np.zeros(len(bounds) + 1, dtype=np.int64))
        dealt = {name: np.empty(len(packet), dtype=values.dtype) for name, values in self._columns(slice(0, 0)).items()}
        filled = np.append(0, ends[:-1])
        for piece, count in zip(pieces, counts, strict=True):
            order = np.argsort(packet[piece], kind="stable")  # a radix sort at these widths
            stops = np.cumsum(count)
            for name, values in self._columns(piece).items():
                ordered, column = values[order], dealt[name]
                for begin, stop, size_here in zip(filled, stops, count, strict=True):
                    column[begin : begin + size_here] = ordered[stop - size_here : stop]
            filled += count
        del packet
        for number, end in enumerate(ends):
            mine = slice(ends[number - 1] if number else 0, end)
            share = {name: values[mine] for name, values in dealt.items()}
            yield slice(number * size, (number + 1) * size), self._until_as_of(share)

    def _columns(self, rows: slice) -> Columns:
        return {
            "key": self.event_keys[rows],
            "at": self.at_us[rows],
            "seq": self.seq[rows],
            "row": np.arange(*rows.indices(len(self.at_us)), dtype=np.int32 if len(self.at_us) < 2**31 else np.int64),
            "kind": self.kind.codes[rows],
            "value": self.value.codes[rows],
            "role": self.role.codes[rows],
            "is_public": self.is_public[rows],
        }

    def _until_as_of(self, columns: Columns) -> Columns:
        kept = columns["at"] <= self.as_of_us
        return columns if kept.all() else {name: values[kept] for name, values in columns.items()}


def _finder(bounds: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """`bounds.searchsorted(keys, "right")`, quicker where the bounds are spread as evenly as hashed keys are."""
    lower, upper = int(bounds[0]), int(bounds[-1])
    shift = max((upper - lower).bit_length() - 16, 0)
    begins = np.arange(((upper - lower) >> shift) + 1, dtype=np.int64) * 2**shift + lower
    table = np.append(bounds.searchsorted(begins, side="right"), len(bounds)).astype(np.int32)
    crowded = int(np.diff(table).max())
    if crowded > 2:
        return lambda keys: bounds.searchsorted(keys, side="right")
    barriers = np.append(bounds, np.iinfo(np.int64).max)

    def find(keys: np.ndarray) -> np.ndarray:
        inside = np.clip(keys, lower, upper)
        place = table[(inside - lower) >> shift]
        for _ in range(crowded):
            place += barriers[place] <= inside
        return np.where(keys < lower, 0, place)

    return find


def _instants(column: pd.Series) -> np.ndarray:
    """Microseconds since 1970 of a column of instants; its own memory where it has microseconds already."""
    if str(column.dtype) != UTC_INSTANT:
        column = pd.to_datetime(column, utc=True).dt.as_unit("us")
    return pd.DatetimeIndex(column.array).asi8


def _narrow(values: np.ndarray) -> np.ndarray:
    """The same integers in as little space as they fit."""
    least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return values.astype(kind)
    return values


def _flags(column: pd.Series) -> np.ndarray:
    return column.astype("boolean").to_numpy(dtype=np.int8, na_value=-1)
