"""Pages read again: several as one frame, and of each the rows of some tickets."""

import numpy as np
import pandas as pd
import pyarrow as pa

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


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Several pages' columns of text as one frame of categories."""
    together = pa.concat_tables([pa.table({name: each[name] for name in each.columns}) for each in frames])
    # Only now: encoded page by page, most words would be looked up twice.
    return pd.DataFrame(
        {name: together[name].combine_chunks().dictionary_encode().to_pandas() for name in together.column_names}
    )
