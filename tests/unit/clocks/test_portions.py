"""Portions hold every ticket once with all of its events, in order of keys, whatever the keys and their order."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskledger.clocks import portions as portions_module
from deskledger.clocks.portions import portions

KEY = st.integers(-(2**63), 2**63 - 1)


def _frame(keys: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"ticket_key": np.array(keys, dtype=np.int64), "row": np.arange(len(keys))})


@given(st.lists(KEY | st.integers(0, 9), max_size=40, unique=True), st.data(), st.integers(1, 12))
def test_each_ticket_is_in_one_portion_with_its_events(keys: list[int], data: st.DataObject, most: int) -> None:
    of_events = data.draw(st.lists(st.sampled_from(keys or [0]) | KEY, max_size=60))
    tickets, events = _frame(keys), _frame(of_events)
    parts = list(portions(tickets, events, most))
    held = [set(each["ticket_key"]) for each, _ in parts]
    assert sorted(row for each, _ in parts for row in each["row"]) == list(range(len(keys)))
    assert sorted(row for _, each in parts for row in each["row"]) == list(range(len(of_events)))
    assert all(max(one) < min(other) for one, other in pairwise(held) if one and other)
    for mine, (_, own) in zip(held, parts, strict=True):
        assert set(own["ticket_key"]) & set(keys) <= mine


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(9, 10, [9]), (10, 10, [10]), (11, 10, [5, 6]), (20, 5, 4 * [5])]
)
def test_portions_are_even(count: int, most: int, expected: list[int]) -> None:
    keys = [1_000 * number for number in np.random.default_rng(1).permutation(count)]
    assert [len(each) for each, _ in portions(_frame(keys), _frame([]), most)] == expected


def test_a_frame_that_fits_is_not_copied() -> None:
    tickets, events = _frame([1, 2]), _frame([2, 1])
    (one, other) = next(portions(tickets, events, 2))
    assert one is tickets and other is events


@pytest.mark.parametrize("rows_at_a_time", [7, 20, 100])
def test_neighbouring_keys_are_each_in_one_portion(rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions_module, "_ROWS", rows_at_a_time)
    keys = [int(each) for each in np.random.default_rng(2).permutation(20)]
    parts = list(portions(_frame(keys), _frame(keys * 2), 5))
    held = [list(range(first, first + 5)) for first in (0, 5, 10, 15)]
    assert [sorted(each["ticket_key"]) for each, _ in parts] == held
    assert [sorted(each["ticket_key"]) for _, each in parts] == [sorted(each * 2) for each in held]
