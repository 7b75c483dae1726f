"""CSV for the books and for spreadsheets: a cell that a spreadsheet would run as a formula is neutralised."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from deskledger.model import EVIDENCE

# What spreadsheets take as the beginning of a formula, also after blanks (a tab, a carriage return, a space).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LINE_COLUMNS = (
    "statement_number", "contract", "period", "line_no", "term", "service_level", "status", "clause", "version",
    "effective_from", "operator", "target", "value", "band_edge", "credit_amount", "currency",
)  # fmt: skip
TRACE_COLUMNS = ("statement_number", "trace_no", "line", "step", "input", "output", "clause")


def neutral(text: str) -> str:
    """`text` as a spreadsheet shows it and never runs it: a leading apostrophe where it could be a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def lines_csv(draft: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """The draft's lines of money, one row each, amounts as plain numbers."""
    return rows_csv(LINE_COLUMNS, ({**draft, **line} for line in lines))


def trace_csv(draft: Mapping[str, Any], trace: Sequence[Mapping[str, Any]]) -> str:
    """The formula trace, one step a row."""
    return rows_csv(TRACE_COLUMNS, ({**draft, **step} for step in trace))


def tickets_csv(evidence: pd.DataFrame) -> str:
    """Every ticket and answer behind the figures; instants ISO 8601 in UTC, durations in microseconds."""
    told = {}
    for column in EVIDENCE.columns:
        series = evidence[column.name]
        if column.kind == "instant":
            words = series.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif column.kind in {"key", "integer", "flag", "month"}:
            words = series.astype("str")
        else:
            words = _neutral_series(series.astype("str"))
        told[column.name] = words.where(series.notna(), "")
    return str(pd.DataFrame(told).to_csv(index=False, lineterminator="\r\n"))


def _neutral_series(series: pd.Series) -> pd.Series:
    risky = series.str.lstrip(" ").str.startswith(_FORMULA_STARTS).fillna(False).astype(bool)
    return series.where(~risky, "'" + series)


def rows_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a heading; text that a spreadsheet would run is neutralised, numbers stay as they are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # Only text can be a formula: an amount may well begin with a minus.
    return neutral(value) if isinstance(value, str) else str(value)
