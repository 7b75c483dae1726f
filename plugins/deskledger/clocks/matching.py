"""Which events a clock's rules mean: for explain, which names the one behind a start, a stop or a reset."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from deskledger.clocks.arrange import blocks
from deskledger.clocks.fields import States, Vocabulary
from deskledger.clocks.history import History
from deskledger.clocks.measure import instant_us
from deskledger.contract.terms import EventMatch


def matching(tickets: pd.DataFrame, events: pd.DataFrame, wanted: Sequence[EventMatch]) -> np.ndarray:
    """Which rows of `events` match any of `wanted`, as `measure` takes them; never those of tickets not given."""
    found = np.zeros(len(events), dtype=bool)
    if not len(events):
        return found
    history = History.of(tickets, events, instant_us(events["occurred_at"].max()))
    vocabulary = Vocabulary(history)
    for block in blocks(history):
        found[block.rows] = States(block, vocabulary).matches(tuple(wanted))
    return found
