"""Columns of text as codes over their distinct words, so that every rule is asked once a word and not once a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

NO_INSTANT = np.iinfo(np.int64).min  # NaT, as numpy and pandas store it
_EARLIEST, _LATEST = (int(np.datetime64(day, "us").astype(np.int64)) for day in ("1900-01-01", "2200-01-01"))
_FIRST_LOCAL, _LAST_LOCAL = pd.Timestamp("1899-12-30"), pd.Timestamp("2200-01-02")  # in whatever zone
_ISO_OFFSET = r"[Tt ].*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"  # of a time: a day alone ends in digits after a dash too


@dataclass(frozen=True)
class Words:
    """One column: `codes` (int64, -1 where missing) into `distinct` (each word once, any type)."""

    codes: np.ndarray
    distinct: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_missing(self) -> np.ndarray:
        return self.codes < 0

    def take(self, rows: np.ndarray) -> "Words":
        return Words(self.codes[rows], self.distinct)

    def filled(self, word: str) -> "Words":
        """The same rows with `word` where one is missing."""
        return Words(np.where(self.codes < 0, len(self.distinct), self.codes), np.append(self.distinct, [word]))

    def values(self, missing: Any = None) -> np.ndarray:
        """The words row by row, as objects."""
        return np.append(self.distinct, [missing])[self.codes]

    def categorical(self) -> pd.Categorical:
        """The words row by row as categories: those that occur, sorted."""
        used = np.unique(self.codes[self.codes >= 0])
        used = used[np.argsort(self.distinct[used].astype(object), kind="stable")]
        places = np.full(len(self.distinct) + 1, -1, dtype=np.int64)
        places[used] = np.arange(len(used))
        return pd.Categorical.from_codes(places[self.codes], pd.Index(self.distinct[used], dtype="str"))

    def flags(self) -> pd.Series:
        """True, False or missing, row by row."""
        values = np.append([bool(each) for each in self.distinct], [False])[self.codes]
        return pd.Series(pd.arrays.BooleanArray(values, self.is_missing))

    def translate(self, function: Callable[[Any], Any]) -> "Words":
        """The same rows with `function` of each distinct word; None becomes missing, equal results become one word."""
        results = [function(word) for word in self.distinct]
        return _recoded(self.codes, results)

    def unnamed(self, words: Mapping[str, Any]) -> np.ndarray:
        """Where the row has a word that `words` does not name."""
        outside = np.array([word not in words for word in self.distinct] + [False], dtype=bool)
        return outside[self.codes]


def words_of(column: pd.Series, missing: Sequence[str]) -> Words:
    """A column of the export: surrounding blanks go, empty cells and the export's own markers are missing."""
    coded = pa.table({"text": column.astype("str")})["text"].combine_chunks().dictionary_encode()
    nothing = {"", *missing}
    codes, written = coded.indices.fill_null(-1).to_numpy().astype(np.int64), coded.dictionary.to_pylist()
    distinct = [each.strip() for each in written]
    if distinct == written and nothing.isdisjoint(distinct):
        return Words(codes, _objects(distinct))
    return _recoded(codes, [None if word in nothing else word for word in distinct])


def constant(value: Any, length: int) -> Words:
    """One word for every row; None for missing everywhere."""
    return Words(np.full(length, -1 if value is None else 0, dtype=np.int64), _objects([value]))


def joined(first: Words, second: Words) -> tuple[Words, Words]:
    """Both columns over one vocabulary: equal words have equal codes."""
    both = stacked([first, second])
    return both.take(np.arange(len(first))), both.take(np.arange(len(first), len(both)))


def stacked(parts: Sequence[Words]) -> Words:
    """The rows of several columns one after the other, over one vocabulary."""
    positions: dict[Any, int] = {}
    mapped = [np.array([*(positions.setdefault(word, len(positions)) for word in each.distinct), -1]) for each in parts]
    codes = [places[each.codes] for places, each in zip(mapped, parts, strict=True)]
    return Words(np.concatenate(codes).astype(np.int64), _objects(list(positions)))


def _recoded(codes: np.ndarray, results: list[Any]) -> Words:
    positions: dict[Any, int] = {}
    mapped = [-1 if each is None else positions.setdefault(each, len(positions)) for each in results]
    return Words(np.array([*mapped, -1], dtype=np.int64)[codes], _objects(list(positions)))


def _objects(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def instants(words: Words, text_format: str, zone: ZoneInfo) -> np.ndarray:
    """Microseconds since 1970 UTC (int64), row by row; NO_INSTANT where missing or not an instant.

    Local times without offset are taken in `zone`. A time that happens twice (clocks go back) is the first of the
    two; a time that never happens (clocks go forward) is read as a clock that nobody has put forward yet. Before 1900
    and from 2200 on there are no tickets: what reads as such an instant is none.
    """
    text = pd.Series(words.distinct, dtype="str")
    text = text.where(text.str.contains("[0-9]"), "")  # pandas reads "now" and "today" by the machine's clock
    if text_format == "iso8601":
        has_offset = text.str.contains(_ISO_OFFSET).to_numpy(bool)
        parsed = np.full(len(text), NO_INSTANT, dtype=np.int64)
        parsed[has_offset] = _micros(pd.to_datetime(text[has_offset], format="ISO8601", errors="coerce", utc=True))
        local = pd.to_datetime(text[~has_offset], format="ISO8601", errors="coerce")
        parsed[~has_offset] = _micros(_in_zone(local, zone))
    elif "%z" in text_format:
        parsed = _micros(pd.to_datetime(text, format=text_format, errors="coerce", utc=True))
    else:
        parsed = _micros(_in_zone(pd.to_datetime(text, format=text_format, errors="coerce"), zone))
    parsed = np.where((parsed >= _EARLIEST) & (parsed < _LATEST), parsed, NO_INSTANT)
    return np.append(parsed, NO_INSTANT)[words.codes]


def integers(words: Words) -> tuple[np.ndarray, np.ndarray]:
    """The whole numbers row by row (int64, 0 where there is none), and where there is none."""
    numbers = pd.to_numeric(pd.Series(words.distinct, dtype="str"), errors="coerce").to_numpy(
        np.float64, na_value=np.nan
    )
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    values = np.append(np.where(whole, numbers, 0).astype(np.int64), 0)
    return values[words.codes], ~np.append(whole, False)[words.codes]


def _in_zone(local: pd.Series, zone: ZoneInfo) -> pd.Series:
    local = local.astype("datetime64[us]")
    # "Never" is often written as 9999-12-31, and pandas places nothing in a zone that is beyond that year there.
    local = local.where((local > _FIRST_LOCAL) & (local < _LAST_LOCAL))
    twice_first = np.ones(len(local), dtype=bool)
    placed = local.dt.tz_localize(zone, ambiguous=twice_first, nonexistent="NaT")
    skipped = placed.isna() & local.notna()
    if skipped.any():
        # The offset in force shortly before the gap, as Python's own fold=0 has it. No gap is longer than a day.
        before = local[skipped] - timedelta(days=1)
        offset = before - before.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_backward").dt.tz_convert(
            "UTC"
        ).dt.tz_localize(None)
        placed = placed.dt.tz_convert("UTC")
        placed[skipped] = (local[skipped] - offset).dt.tz_localize("UTC")
    return placed.dt.tz_convert("UTC")


def _micros(instant: pd.Series) -> np.ndarray:
    if instant.dt.tz is not None:
        instant = instant.dt.tz_convert("UTC").dt.tz_localize(None)
    return instant.to_numpy("datetime64[us]").astype(np.int64)


def as_utc(micros: np.ndarray) -> pd.Series:
    """Microseconds since 1970 as the canonical instant column; NO_INSTANT becomes missing."""
    return pd.Series(micros.astype("datetime64[us]")).dt.tz_localize("UTC")
