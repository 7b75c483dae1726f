"""From all landed rows of some tickets to canonical tickets and events: pure, and the same whatever the batches."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

import numpy as np
import pandas as pd

from deskledger.model import TICKET, conform, shards
from deskledger.sources.event_log.evidence import events_of
from deskledger.sources.event_log.fates import LOADED, QUARANTINED, settle
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.rows import read_rows
from deskledger.sources.event_log.timeline import Timeline, months, timeline
from deskledger.sources.event_log.words import Words, as_utc


@dataclass(frozen=True)
class Normalised:
    """Canonical tickets and events, and what became of each raw row.

    `fates` are codes of fates.FATES in the order of the rows given; `faults` has row (position), rule, message;
    `ticket_key` is the ticket of each row, 0 where it has no id.
    """

    tickets: pd.DataFrame
    events: pd.DataFrame
    fates: np.ndarray
    faults: pd.DataFrame
    ticket_key: np.ndarray


def normalise(
    mapping: Mapping, columns: pd.DataFrame, origin: pd.DataFrame, agents: Dictionary[str, str] | None = None
) -> Normalised:
    """The canonical tickets and events of an event log.

    `columns` are the export's columns as text, `origin` says where each row landed (rows.ORIGIN). Both must hold every
    landed row of the tickets concerned: then late rows, overlaps and re-exports give the same tickets in any order.
    `agents` is as for rows.read_rows.
    """
    rows = read_rows(mapping, columns, origin, agents)
    fates = settle(rows, rows.raw[mapping.events.occurred_at])
    line = timeline(rows, np.flatnonzero(fates == LOADED))
    # The newest row may put the creation after rows that their own creation still allowed.
    before = line.order[line.occurred_us < line.created_us]
    if len(before):
        broken = np.zeros(len(rows), dtype=bool)
        broken[before] = True
        what = "the row is of {}, before its ticket was created, as a newer row has it"
        rows.faults.add(broken, "event_before_ticket", what, rows.raw[mapping.events.occurred_at])
        fates[before] = QUARANTINED
        line = timeline(rows, np.flatnonzero(fates == LOADED))
    return Normalised(
        tickets=_tickets(mapping, line),
        events=events_of(line, mapping.events.status.initial),
        fates=fates,
        faults=rows.faults.frame,
        ticket_key=rows.ticket_key,
    )


def _tickets(mapping: Mapping, line: Timeline) -> pd.DataFrame:
    """One row a ticket: the last known value of everything, as of its last row."""
    rows, lasts = line.rows, np.flatnonzero(np.append(line.begins[1:], True)) if len(line.order) else line.order
    last_rows = line.order[lasts]
    keys = rows.ticket_key[last_rows]
    created_us = line.created_us[lasts]
    columns: dict[str, object] = {
        "ticket_key": keys,
        "created_month": months(created_us),
        "shard": shards(keys),
        "source": pd.Categorical.from_codes(np.zeros(len(keys), dtype=np.int64), pd.Index([mapping.source])),
        "ticket_id": rows.ticket_id.take(last_rows).values(),
        "created_at": as_utc(created_us),
        "updated_at": as_utc(line.occurred_us[lasts]),
    }
    for name, words in rows.fields.items():
        columns[name] = _standing(line, words, rows.cleared[name], lasts)
    for name, words in rows.attributes.items():
        columns[name] = _standing(line, words, np.zeros(len(rows), dtype=bool), lasts)
    frame = pd.DataFrame(columns).sort_values("ticket_key", ignore_index=True)
    return conform(TICKET, frame)


def _standing(line: Timeline, words: Words, cleared: np.ndarray, lasts: np.ndarray) -> np.ndarray:
    codes = words.codes[line.order]
    marks = np.where((codes >= 0) | cleared[line.order] | line.begins, np.arange(len(codes)), 0)
    codes = codes[np.maximum.accumulate(marks)] if len(codes) else codes
    return Words(codes[lasts], words.distinct).values()
