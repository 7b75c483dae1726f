"""What becomes of each raw row: loaded, unchanged, superseded or quarantined, exactly one of them.

Rows are the same update when ticket, sequence and instant agree: the one that landed last holds, so that overlapping
exports and re-exports give the same tickets in whatever order they arrive in. A sequence number that comes twice with
different instants is two updates.
"""

import numpy as np
import pandas as pd

from deskledger.sources.event_log.rows import Rows
from deskledger.sources.event_log.words import NO_INSTANT, Words

LOADED, UNCHANGED, SUPERSEDED, QUARANTINED = range(4)
FATES = ("loaded", "unchanged", "superseded", "quarantined")


def settle(rows: Rows, occurred_at: Words) -> np.ndarray:
    """The fate of each row (int8 codes of FATES), from all landed rows of the tickets concerned.

    `occurred_at` is the column of instants as written.

    A faulty row is superseded when a later file has it again, mended or not: only the newest stays in quarantine.
    """
    fates = np.full(len(rows), QUARANTINED, dtype=np.int8)
    landed = rows.origin["landed_order"].to_numpy(np.int64)
    record = np.arange(len(rows))
    sound = np.flatnonzero(~rows.is_faulty)
    order = sound[
        np.lexsort(
            (record[sound], landed[sound], rows.occurred_us[sound], rows.seq[sound], rows.ticket_id.codes[sound])
        )
    ]
    if len(order):
        starts = _begins(rows.ticket_id.codes[order], rows.seq[order], rows.occurred_us[order])
        says_the_same = np.ones(len(order), dtype=bool)
        says_the_same[0] = False
        for words in rows.raw.values():
            codes = words.codes[order]
            says_the_same[1:] &= codes[1:] == codes[:-1]
        begins_run = starts | ~says_the_same
        ends_group = np.append(starts[1:], True)
        # The last run of equal rows in each group holds; its first row is the one that is loaded.
        run = np.cumsum(begins_run)
        last_run_of_group = run[ends_group][np.cumsum(starts) - 1]
        settled = np.where(run == last_run_of_group, np.where(begins_run, LOADED, UNCHANGED), SUPERSEDED)
        settled[(settled == SUPERSEDED) & ~begins_run] = UNCHANGED
        fates[order] = settled
    fates[_mended(rows, occurred_at, landed)] = SUPERSEDED
    return fates


def _mended(rows: Rows, occurred_at: Words, landed: np.ndarray) -> np.ndarray:
    """Positions of faulty rows that a later file has again.

    Again means the same ticket and sequence, and the same text of the instant unless that was unreadable: a sequence
    number may come twice, and a faulty row must not vanish because of its namesake.
    """
    faulty = np.flatnonzero(rows.is_faulty & ~rows.ticket_id.is_missing & rows.has_seq)
    if not len(faulty):
        return faulty
    every = pd.DataFrame(
        {"ticket": rows.ticket_id.codes, "seq": rows.seq, "at": occurred_at.codes, "landed": landed}
    )[rows.has_seq]
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
