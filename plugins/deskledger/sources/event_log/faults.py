"""What is wrong with raw rows: a fault is a row, a rule and a sentence."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from deskledger.sources.event_log.words import Words


@dataclass
class Faults:
    """Collected faults. A row may break several rules; it is one row in quarantine's eyes and one record in balance."""

    found: list[pd.DataFrame] = field(default_factory=list)

    def add(self, broken: np.ndarray, rule: str, sentence: str, *details: Words) -> None:
        """A fault for each row where `broken`; each `{}` in the sentence takes the row's word of one of `details`."""
        rows = np.flatnonzero(broken)
        if len(rows):
            texts = [each.take(rows).values("") for each in details]
            messages = [sentence.format(*words) for words in zip(*texts, strict=True)] if texts else sentence
            self.found.append(pd.DataFrame({"row": rows, "rule": rule, "message": messages}))

    @property
    def frame(self) -> pd.DataFrame:
        """Columns row (position), rule, message; in row order."""
        if not self.found:
            return pd.DataFrame({"row": pd.Series(dtype="int64"), "rule": pd.Series(dtype="str"), "message": ""})
        return pd.concat(self.found, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)

    def rows(self, length: int) -> np.ndarray:
        """Where at least one rule is broken."""
        broken = np.zeros(length, dtype=bool)
        for each in self.found:
            broken[each["row"].to_numpy()] = True
        return broken
