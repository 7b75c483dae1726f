"""Packets: the events of some tickets at a time, so that only theirs are ever copied.

Events come in no order. One pass lists the row numbers of each packet (four bytes an event, and one or two while it is
made); each packet's columns are then gathered by its list. So what is held at once is that list and one packet.
"""

from collections.abc import Callable, Iterator

import numpy as np

from deskledger.clocks.history import Columns, History

_ROWS = 2**17  # listed at a time, so that what is computed for each row stays within the processor's cache


def packets(history: History, most_tickets: int) -> Iterator[tuple[slice, Columns]]:
    """Tickets in key order, so many at a time, with their events up to the as-of instant in any order.

    Events of tickets that are not there go to any packet.
    """
    bounds = history.ticket_keys[most_tickets::most_tickets]
    if not len(bounds):
        yield slice(0, most_tickets), history.columns(slice(0, len(history.event_keys)))
        return
    rows, ends = _rows_by_packet(history.event_keys, bounds)
    begin = 0
    for number, end in enumerate(ends):
        yield slice(number * most_tickets, (number + 1) * most_tickets), history.columns(rows[begin:end])
        begin = end


def _rows_by_packet(keys: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row numbers of `keys` by packet, ascending within each, and where each packet's list ends."""
    packet = np.empty(len(keys), dtype=np.min_scalar_type(len(bounds)))
    pieces = [slice(begin, begin + _ROWS) for begin in range(0, len(keys), _ROWS)]
    find = _finder(bounds)
    for piece in pieces:
        packet[piece] = find(keys[piece])
    counts = [np.bincount(packet[piece], minlength=len(bounds) + 1) for piece in pieces]
    ends = np.cumsum(np.sum(counts, axis=0)) if counts else np.zeros(len(bounds) + 1, dtype=np.int64)
    rows = np.empty(len(keys), dtype=np.min_scalar_type(len(keys)))
    filled = np.append(0, ends[:-1])
    for piece, count in zip(pieces, counts, strict=True):
        order = np.argsort(packet[piece], kind="stable")  # a radix sort at these widths
        order += piece.start
        stops = np.cumsum(count)
        for begin, stop, here in zip(filled, stops, count, strict=True):
            rows[begin : begin + here] = order[stop - here : stop]
        filled += count
    return rows, ends


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
