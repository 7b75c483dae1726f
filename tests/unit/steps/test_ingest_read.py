"""Rows that wait on disk come back with their own origin, whatever the pages before them held."""

from pathlib import Path

import numpy as np
import pandas as pd

from deskledger.steps.ingest_read import _Split


def _page(name: str, tickets: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    count = len(tickets)
    origin = {
        "page_sha256": pd.Categorical([name] * count, categories=[name]),
        "record_no": np.arange(1, count + 1),
        "partition": pd.Categorical(["2026-03-31"] * count, categories=["2026-03-31"]),
        "file": pd.Categorical([f"{name}.csv"] * count, categories=[f"{name}.csv"]),
        "line": np.arange(2, count + 2),
        "landed_order": 7,
        "is_extracted": True,
    }
    return pd.DataFrame({"ticket": pd.Series(tickets, dtype="str")}), pd.DataFrame(origin)


def test_a_page_of_which_nothing_is_kept_shifts_no_other_pages_origin(tmp_path: Path) -> None:
    split = _Split(tmp_path, 1)
    for name, tickets in (("a", ["T1"]), ("b", []), ("c", ["T2", "T3"])):
        split.add(*_page(name, tickets), np.zeros(len(tickets), dtype=np.int64))
    split.close()
    block = split.block(0)
    assert block is not None
    rows, origin = block
    assert list(zip(rows["ticket"], origin["page_sha256"], origin["file"], origin["record_no"], strict=True)) == [
        ("T1", "a", "a.csv", 1),
        ("T2", "c", "c.csv", 1),
        ("T3", "c", "c.csv", 2),
    ]
