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
    number = np.where(rows.has_seq, rows.seq, -1)
    ticket = rows.ticket_id.codes
    is_readable = rows.occurred_us != NO_INSTANT
    comparable = rows.is_faulty & rows.has_seq
    exact = told_again([ticket, number, occurred_at.codes], landed, comparable & is_readable)
    loose = told_again([ticket, number], landed, comparable & ~is_readable)
    return np.concatenate([exact, loose])


def told_again(key: list[np.ndarray], landed: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Positions of the rows where `asked` whose key a later landed file has again; a key in part is no key."""
    is_key = np.logical_and.reduce([column >= 0 for column in key])
    rows = np.flatnonzero(asked & is_key)
    if not len(rows):
        return rows
    names = [f"key{number}" for number in range(len(key))]
    every = pd.DataFrame({**dict(zip(names, key, strict=True)), "landed": landed})
    newest = every[is_key].groupby(names, as_index=False)["landed"].max()
    return rows[every.iloc[rows][names].merge(newest, on=names, how="left")["landed"].to_numpy() > landed[rows]]


def _begins(*sorted_columns: np.ndarray) -> np.ndarray:
    """Where a new combination of the columns begins."""
    begins = np.zeros(len(sorted_columns[0]), dtype=bool)
    begins[0] = True
    for column in sorted_columns:
        begins[1:] |= column[1:] != column[:-1]
    return begins
