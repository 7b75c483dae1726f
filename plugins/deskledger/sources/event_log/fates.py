"""What becomes of each raw row: loaded, unchanged, superseded or quarantined, exactly one of them.

Rows are the same update when ticket, sequence and instant agree: the one that landed last holds, so that overlapping
exports and re-exports give the same tickets in whatever order they arrive in. A sequence number that comes twice with
different instants is two updates.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from deskledger.sources.event_log.rows import Rows
from deskledger.sources.event_log.words import NO_INSTANT, Words

LOADED, UNCHANGED, SUPERSEDED, QUARANTINED = range(4)
FATES = ("loaded", "unchanged", "superseded", "quarantined")


def settle(rows: Rows, occurred_at: Words) -> np.ndarray:
    """The fate of each row (int8 codes of FATES), from all landed rows of the tickets concerned.

    `occurred_at` is the column of instants as written. A faulty row is superseded when a later file has it again,
    mended or not: only the newest stays in quarantine.
    """
    landed = rows.origin["landed_order"].to_numpy(np.int64)
    key = [rows.ticket_id.codes, rows.seq, rows.occurred_us]
    fates = settle_by_key(key, landed, rows.raw, rows.is_faulty)
    fates[_mended(rows, occurred_at, landed)] = SUPERSEDED
    return fates


def settle_by_key(
    key: list[np.ndarray], landed: np.ndarray, raw: Mapping[str, Words], is_faulty: np.ndarray
) -> np.ndarray:
    """The fate of each row where rows of equal `key` are the same thing told again; faulty rows are quarantined.

    Of the rows of a key in landing order the last one holds. A row that says what the row before it said is unchanged,
    one that was said differently afterwards is superseded.
    """
    fates = np.full(len(landed), QUARANTINED, dtype=np.int8)
    sound = np.flatnonzero(~is_faulty)
    if not len(sound):
        return fates
    order = sound[np.lexsort((sound, landed[sound], *(column[sound] for column in reversed(key))))]
    starts = _begins(*(column[order] for column in key))
    begins_run = starts | _begins(*(words.codes[order] for words in raw.values()))
    # The last run of equal rows of a key holds; its first row is the one that is loaded.
    run = np.cumsum(begins_run)
    ends_group = np.append(starts[1:], True)
    is_last_run = run == run[ends_group][np.cumsum(starts) - 1]
    fates[order] = np.where(~begins_run, UNCHANGED, np.where(is_last_run, LOADED, SUPERSEDED))
    return fates


def _mended(rows: Rows, occurred_at: Words, landed: np.ndarray) -> np.ndarray:
    """Positions of faulty rows that a later file has again.

    Again means the same ticket and sequence, and the same text of the instant unless that was unreadable: a sequence
    number may come twice, and a faulty row must not vanish because of its namesake.
    """
    faulty = np.flatnonzero(rows.is_faulty & ~rows.ticket_id.is_missing & rows.has_seq)
    if not len(faulty):
        return faulty
    every = pd.DataFrame({"ticket": rows.ticket_id.codes, "seq": rows.seq, "at": occurred_at.codes, "landed": landed})[
        rows.has_seq
    ]
    unreadable = rows.occurred_us[faulty] == NO_INSTANT
    newer = np.zeros(len(faulty), dtype=bool)
    for asked, keys in ((~unreadable, ["ticket", "seq", "at"]), (unreadable, ["ticket", "seq"])):
        newest = every.groupby(keys, as_index=False)["landed"].max()
        mine = every.loc[faulty[asked], keys].merge(newest, on=keys, how="left")["landed"].to_numpy()
        newer[asked] = mine > landed[faulty[asked]]
    return faulty[newer]


def _begins(*sorted_columns: np.ndarray) -> np.ndarray:
    """Where a new combination of the columns begins."""
    begins = np.zeros(len(sorted_columns[0]), dtype=bool)
    begins[0] = True
    for column in sorted_columns:
        begins[1:] |= column[1:] != column[:-1]
    return begins
