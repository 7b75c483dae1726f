"""Pages read again: the tickets in a column, and of each page the rows of some tickets."""

import numpy as np
import pandas as pd

from deskledger.model import ticket_keys
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.words import words_of


def keys_of(mapping: Mapping, ids: pd.Series) -> np.ndarray:
    """The distinct ticket keys in a column of ticket ids."""
    return np.unique(ticket_keys(mapping.source, words_of(ids, mapping.missing).distinct))


def keep_tickets(mapping: Mapping, frame: pd.DataFrame, ids: str, keys: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """The page's rows whose ticket, named in the column `ids`, is one of `keys`; and where they stood (bool a row)."""
    words = words_of(frame[ids], mapping.missing)
    is_kept = np.append(np.isin(ticket_keys(mapping.source, words.distinct), keys), [False])[words.codes]
    return frame[is_kept], is_kept
