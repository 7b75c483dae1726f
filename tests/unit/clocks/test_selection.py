"""Which cycles of a ticket count."""

from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made

ROWS = pd.DataFrame(
    [
        (1, "resolution", 1, "cancelled", 10, 999),
        (1, "resolution", 2, "met", 10, 4),
        (1, "resolution", 3, "breached", 10, 11),
        (1, "resolution", 4, "breached", 10, 30),
        (1, "resolution", 5, "met", 50, 40),
        (2, "resolution", 1, "met", 10, 9),
        (2, "resolution", 2, "running", 10, 9),
        (2, "resolution", 3, "cancelled", 10, 9),
        (2, "other", 1, "met", 10, 1),
        (2, "other", 2, "met", 10, 1),
    ],
    columns=["ticket_key", "clock", "cycle", "state", "target_us", "elapsed_us"],
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all", {1: [1, 2, 3, 4, 5], 2: [1, 2, 3]}),
        ("first", {1: [2], 2: [1]}),
        ("last", {1: [5], 2: [2]}),
        ("worst", {1: [4], 2: [1]}),
    ],
)
def test_cycles_that_count(rule: Any, expected: dict[int, list[int]]) -> None:
    clock = ready_made("resolution", clause="4", calendar="office", cycles=rule)
    found = clocks.select_cycles(ROWS, [clock])
    mine = found[found["clock"] == "resolution"]
    assert mine.groupby("ticket_key")["cycle"].agg(list).to_dict() == expected
    assert found[found["clock"] == "other"]["cycle"].tolist() == [1, 2]
    assert found.index.is_monotonic_increasing


def test_selection_takes_the_frame_that_measure_gives() -> None:
    rows = ROWS.astype({"clock": "category", "state": "category", "target_us": "Int64"})
    clock = ready_made("resolution", clause="4", calendar="office", cycles="worst")
    assert len(clocks.select_cycles(rows, [clock])) == 4
    assert len(clocks.select_cycles(rows.head(0), [clock])) == 0


@pytest.mark.parametrize(
    ("cycles", "worst"),
    [
        # Breached by the least before the longest that no target judges.
        ([("met", None, 99), ("breached", 10, 11)], 2),
        ([("breached", 10, 11), ("met", None, 99)], 1),
        # What no target judges counts as if no time were allowed; of equals the earliest.
        ([("met", None, 0), ("met", 10, 10)], 1),
        ([("met", 10, 10), ("met", None, 0)], 1),
        ([("met", 10, 10), ("met", None, 1)], 2),
    ],
)
def test_the_worst_of_cycles_with_and_without_a_target(cycles: list[tuple[Any, ...]], worst: int) -> None:
    rows = [(1, "resolution", number, *each) for number, each in enumerate(cycles, start=1)]
    frame = pd.DataFrame(rows, columns=ROWS.columns).astype({"target_us": "Int64"})
    clock = ready_made("resolution", clause="4", calendar="office", cycles="worst")
    assert clocks.select_cycles(frame, [clock])["cycle"].tolist() == [worst]
