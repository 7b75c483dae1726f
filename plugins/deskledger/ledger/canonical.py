"""One way to write a thing down, so that the same thing always has the same hash."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from deskledger.model import EVIDENCE, Table

_MISSING_NUMBER = np.iinfo(np.int64).min
_MISSING_TEXT = "\x00"
_SEPARATOR = "\x1e"


def plain(value: Any) -> Any:
    """`value` in JSON's own types. Exact numbers become text, instants ISO 8601 in UTC, sets sorted lists.

    Raises TypeError for a float: what is written down here may be money.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)} us"
    if isinstance(value, Decimal | Fraction):
        return str(value)
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, Unicode as it is."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of the canonical JSON of `value`."""
    return sha256(canonical(value).encode()).hexdigest()


def frame_digest(frame: pd.DataFrame, table: Table = EVIDENCE) -> str:
    """SHA-256, in hexadecimal, over the columns of `table` in `frame`, row by row in the order given.

    Independent of dtypes and of the libraries' own formats: numbers and instants (microseconds) as little-endian
    64-bit integers, text as UTF-8 between separators, a missing value as a value that neither can have.
    """
    total = sha256()
    for column in table.columns:
        series = frame[column.name]
        total.update(f"{column.name}{_SEPARATOR}{len(series)}{_SEPARATOR}".encode())
        if column.kind == "instant":
            instants = series.astype("datetime64[us, UTC]")
            numbers = instants.astype("int64").where(instants.notna(), _MISSING_NUMBER)
            total.update(numbers.to_numpy(dtype="<i8").tobytes())
        elif column.kind in {"key", "integer", "flag", "month"}:
            total.update(series.astype("Int64").fillna(_MISSING_NUMBER).to_numpy(dtype="<i8").tobytes())
        else:
            texts = series.astype("object").where(series.notna(), _MISSING_TEXT)
            total.update(_SEPARATOR.join(texts.astype(str).tolist()).encode())
    return total.hexdigest()
