"""How results leave the command line: JSON with exact numbers, and CSV that no spreadsheet runs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

from deskledger.reports.export import rows_csv


def as_json(value: Any) -> str:
    """Data as JSON: amounts and exact numbers as text, instants in ISO 8601, missing values null."""
    return json.dumps(value, default=_written, indent=2)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame for JSON and CSV, with None for what is missing."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype("object").to_dict("records")
    ]


def write_csv(folder: Path, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write one CSV file of the folder; cells that a spreadsheet would run are neutralised."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(rows_csv(columns, rows), encoding="utf-8", newline="")
    return path


def say(message: str) -> None:
    """A word beside the result, where it does not end up in a file that the result is written to."""
    print(f"deskledger: {message}", file=sys.stderr)


def _written(value: Any) -> Any:
    if isinstance(value, date):  # an instant is a date too
        return value.isoformat()
    if isinstance(value, Decimal | Fraction):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not plain data")
