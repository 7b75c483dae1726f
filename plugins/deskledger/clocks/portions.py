"""Portions: some tickets of the frames at a time, so that nothing that is held grows with the number of tickets.

A packet finds its events by a list of all events; that list is what grows. A portion has no list: the keys of the
frames are read again for each, a piece at a time, and only the rows of its tickets are copied.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

PORTION_TICKETS = 65_536
_ROWS = 2**17  # read at a time, so that what lies between stays within the processor's cache
_SAMPLE = 65_536


def portions(
    tickets: pd.DataFrame, events: pd.DataFrame, most_tickets: int = PORTION_TICKETS
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The tickets by ranges of their keys, ascending, about so many at a time, with all of their events.

    Bounds are those of an even sample of the keys. A ticket that is there twice is twice in its portion. Events of no
    ticket go to any portion.
    """
    if len(tickets) <= most_tickets:
        yield tickets, events
        return
    keys = tickets["ticket_key"].to_numpy(dtype=np.int64)
    sample = np.sort(keys[:: -(-len(keys) // _SAMPLE)])
    count = -(-len(keys) // most_tickets)
    lowest, highest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    bounds = np.setdiff1d(sample[np.arange(1, count) * len(sample) // count], [lowest])
    event_keys = events["ticket_key"].to_numpy(dtype=np.int64)
    for first, last in zip([lowest, *bounds], [*(bounds - 1), highest], strict=True):
        yield tickets.take(_rows_between(keys, first, last)), events.take(_rows_between(event_keys, first, last))


def _rows_between(keys: np.ndarray, first: int, last: int) -> np.ndarray:
    """The numbers of the rows whose key lies in [first, last]."""
    pieces = (slice(begin, begin + _ROWS) for begin in range(0, len(keys), _ROWS))
    found = [np.flatnonzero((keys[piece] >= first) & (keys[piece] <= last)) + piece.start for piece in pieces]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.intp)
