"""Counted rows summed up: a numerator, a denominator and their share, one row a group."""

from collections.abc import Sequence

import pandas as pd


def share(rows: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Numerator, denominator and `share_pct` of counted rows, one row a group of `by`, or one row in all.

    `rows` has is_numerator and is_denominator beside the columns of `by`. `share_pct` is for display, and missing
    where nothing was counted.
    """
    flags = rows[["is_numerator", "is_denominator"]].set_axis(["numerator", "denominator"], axis=1)
    table = sums(flags, rows, by)
    volume = table["denominator"]
    return table.assign(share_pct=100 * table["numerator"] / volume.where(volume > 0))


def measurement(table: pd.DataFrame) -> dict[str, int]:
    """The one row of a share in the form that penalties take: {"num": 8, "den": 100}."""
    row = table.iloc[0]
    return {"num": int(row["numerator"]), "den": int(row["denominator"])}


def sums(numbers: pd.DataFrame, keys: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """The columns of `numbers` added up as int64 over the groups of `keys[by]`, rows without a value being a group."""
    whole = numbers.astype("int64")
    if not by:
        return whole.sum().to_frame().T
    return whole.groupby([keys[key].astype("str") for key in by], dropna=False).sum()
