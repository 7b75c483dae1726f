"""Events collected kind by kind, as codes and Arrow texts, and put together as one canonical table at the end."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from deskledger.model import TICKET_EVENT, conform
from deskledger.sources.event_log.timeline import Timeline, months
from deskledger.sources.event_log.words import Words, as_utc, constant, stacked

_WORDS = ("kind", "value", "previous_value", "source_value", "actor_id", "actor_role", "is_public")


class Collected:
    """Events of a timeline's rows; `frame` gives them as model.TICKET_EVENT."""

    def __init__(self, line: Timeline) -> None:
        self.line = line
        self._position: list[np.ndarray] = []
        self._at_us: list[np.ndarray] = []
        self._seq: list[np.ndarray] = []
        self._event_id: list[pa.Array] = []
        self._words: dict[str, list[Words]] = {name: [] for name in _WORDS}

    def add(
        self,
        at: np.ndarray,
        kind: Words | str,
        event_id: pa.Array | str,
        *,
        at_us: np.ndarray,
        seq: np.ndarray,
        value: Words | None = None,
        previous: Words | None = None,
        word: Words | None = None,
        is_public: Words | None = None,
        role: Words | None = None,
        with_actor: bool = True,
    ) -> None:
        """One event for each timeline position in `at`."""
        line, nothing = self.line, constant(None, len(at))
        rows = line.order[at]
        if role is None:
            role = line.rows.actor_role.take(rows) if with_actor else nothing
        words = {
            "kind": constant(kind, len(at)) if isinstance(kind, str) else kind,
            "value": value or nothing,
            "previous_value": previous or nothing,
            "source_value": word or nothing,
            "actor_id": line.rows.actor_id.take(rows) if with_actor else nothing,
            "actor_role": role,
            "is_public": is_public or nothing,
        }
        for name, each in words.items():
            self._words[name].append(each)
        self._position.append(at)
        self._at_us.append(at_us)
        self._seq.append(seq)
        texts = pa.repeat(pa.scalar(event_id, pa.large_string()), len(at)) if isinstance(event_id, str) else event_id
        self._event_id.append(texts)

    def frame(self) -> pd.DataFrame:
        """All events in canonical order: (ticket, occurred_at, seq), and by event_id where these are the same."""
        line = self.line
        position, at_us, seq = (np.concatenate(each) for each in (self._position, self._at_us, self._seq))
        key, event_id = line.rows.ticket_key[line.order[position]], pa.concat_arrays(self._event_id)
        order = _in_order(key, at_us, seq, event_id)
        columns: dict[str, object] = {
            "ticket_key": key[order],
            "created_month": months(line.created_us[position])[order],
            "event_id": event_id.take(pa.array(order)).to_pandas(),
            "occurred_at": as_utc(at_us[order]),
            "seq": seq[order],
        }
        for name, parts in self._words.items():
            words = stacked(parts).take(order)
            columns[name] = words.flags() if name == "is_public" else words.categorical()
        return conform(TICKET_EVENT, pd.DataFrame(columns))


def _in_order(key: np.ndarray, at_us: np.ndarray, seq: np.ndarray, event_id: pa.Array) -> np.ndarray:
    order = np.lexsort((seq, at_us, key))
    same = np.logical_and.reduce([column[order][1:] == column[order][:-1] for column in (key, at_us, seq)])
    if not same.any():
        return order
    # Few share all three: only among them the ids are compared.
    tied = np.append(same, False) | np.append(False, same)
    rank = np.zeros(len(order), dtype=np.int64)
    rank[order[tied]] = pc.rank(event_id.take(pa.array(order[tied])), tiebreaker="dense").to_numpy()
    return np.lexsort((rank, seq, at_us, key))
