"""Open spans as two arrays, where each opens and where it closes: joined, and carried from wall-clock time to UTC."""

import numpy as np

from deskledger.business_time.zones import OffsetTable


def to_utc(opens: np.ndarray, closes: np.ndarray, zone: OffsetTable) -> tuple[np.ndarray, np.ndarray]:
    """The instants whose wall-clock time lies in sorted, disjoint spans, as spans in UTC."""
    all_opens, all_closes = [], []
    for begin, end, offset in zip(zone.begins_us, zone.ends_us, zone.offsets_us, strict=True):
        inside = slice(closes.searchsorted(begin + offset, side="right"), opens.searchsorted(end + offset, side="left"))
        all_opens.append(np.maximum(opens[inside] - offset, begin))
        all_closes.append(np.minimum(closes[inside] - offset, end))
    return np.concatenate(all_opens), np.concatenate(all_closes)


def merged(opens: np.ndarray, closes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spans sorted, overlapping and touching ones joined."""
    if not len(opens):
        return opens, closes
    order = np.argsort(opens, kind="stable")
    opens, reached = opens[order], np.maximum.accumulate(closes[order])
    first = np.flatnonzero(np.concatenate([[True], opens[1:] > reached[:-1]]))
    return opens[first], reached[np.append(first[1:], len(opens)) - 1]
