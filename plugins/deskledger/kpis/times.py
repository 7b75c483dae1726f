"""How long things took: median, percentiles, and whether customers who waited longer rated worse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def times(cycles: pd.DataFrame, by: Sequence[str] = (), percentiles: Sequence[int] = (50, 90)) -> pd.DataFrame:
    """How long the stopped cycles took, one row a clock and group: n, total_us, then p50_us, p90_us, ….

    `cycles` has model.CYCLE's columns; `by` names some of them (an agent's are those assigned to them at the stop).
    Percentiles are by nearest rank, exact: the smallest time that at least so many per cent of the cycles do not
    exceed, always a time that was measured (Hyndman and Fan, Sample Quantiles, 1996, definition 1). Cycles cancelled,
    open or incomplete are left out; `total_us / n` is the mean.
    """
    stopped = cycles["stopped_at"].notna() & (cycles["state"] != "cancelled") & ~cycles["is_incomplete"]
    keys = ["clock", *by]
    taken = cycles.loc[stopped.astype(bool), [*keys, "elapsed_us"]]
    taken = taken.assign(**{key: taken[key].astype("str") for key in keys})
    taken = taken.sort_values([*keys, "elapsed_us"])
    groups = taken.groupby(keys, dropna=False)["elapsed_us"]
    table = pd.DataFrame({"n": groups.size(), "total_us": groups.sum()})
    sizes = table["n"].to_numpy(dtype="int64")
    firsts = np.cumsum(sizes) - sizes
    elapsed = taken["elapsed_us"].to_numpy(dtype="int64")
    for percentile in percentiles:
        ranks = np.maximum(-(-percentile * sizes // 100), 1)
        table[f"p{percentile}_us"] = elapsed[firsts + ranks - 1]
    return table


def rank_correlation(rows: pd.DataFrame, one: str, other: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """Spearman's rank correlation of two columns, with its number of pairs: `n` and `rho` (-1 to 1), one row a group.

    Ties take the mean of their ranks. `rho` is missing where either column does not vary or there are fewer than two
    pairs; rows without both values are left out. It says whether, not why: long tickets are also the hard ones.
    """
    pairs = rows.dropna(subset=[one, other])
    keys: list[Any] = [pairs[key].astype("str") for key in by] or [np.zeros(len(pairs))]
    ranks = pd.DataFrame({name: pairs[name].groupby(keys, dropna=False).rank() for name in (one, other)})
    # A group's ranks add up to n (n + 1) / 2, so its mean rank is exact.
    centred = ranks - ranks.groupby(keys, dropna=False).transform("mean")
    products = pd.DataFrame(
        {
            "n": 1,
            "xy": centred[one] * centred[other],
            "xx": centred[one] ** 2,
            "yy": centred[other] ** 2,
        }
    )
    added = products.groupby(keys, dropna=False).sum()
    spread = (added["xx"] * added["yy"]) ** 0.5
    table = pd.DataFrame({"n": added["n"].astype("int64"), "rho": added["xy"] / spread})
    if by:
        return table.rename_axis(list(by))
    return table.reset_index(drop=True) if len(table) else pd.DataFrame({"n": [0], "rho": [np.nan]})
