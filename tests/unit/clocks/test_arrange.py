"""Blocks: so many tickets at a time, each one's events by instant, then sequence, then id, whatever their order was."""

from collections.abc import Sequence
from itertools import product
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.clocks.arrange import blocks
from deskledger.clocks.history import History

Event = tuple[int, int, int, str]  # ticket, instant in microseconds since 1970, sequence, id
_us = st.one_of(st.integers(-3, 3), st.integers(-(2**50), 2**50))
_seq = st.one_of(st.integers(-2, 2), st.integers(-(2**62), 2**62))


def _history(tickets: int, events: Sequence[Event], as_of_us: int) -> History:
    at_us = np.array([at for _, at, _, _ in events], dtype="datetime64[us]")
    columns = {
        "ticket_key": np.array([ticket for ticket, *_ in events], dtype=np.int64),
        "occurred_at": pd.Series(at_us).dt.tz_localize("UTC"),
        "seq": np.array([seq for _, _, seq, _ in events], dtype=np.int64),
        "event_id": pd.Series([each for *_, each in events], dtype="str"),
        "kind": "note",
        **dict.fromkeys(("value", "previous_value", "actor_role"), "x"),
        "is_public": pd.NA,
    }
    keys = pd.DataFrame({"ticket_key": np.arange(tickets, dtype=np.int64), "created_month": 202603})
    return History.of(keys, pd.DataFrame(columns), as_of_us)


def _ordered(tickets: int, events: Sequence[Event], block_tickets: int) -> list[Event]:
    found = blocks(_history(tickets, events, as_of_us=2**51), block_tickets)
    return [events[row] for block in found for row in block.rows]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), _us, _seq), max_size=40), st.integers(1, 6), st.randoms())
def test_events_come_by_ticket_instant_sequence_and_id(
    happened: list[tuple[int, int, int]], block_tickets: int, random: Random
) -> None:
    ids = [f"e{number:02}" for number in range(len(happened))]
    random.shuffle(ids)
    events = [(*each, name) for each, name in zip(happened, ids, strict=True)]
    assert _ordered(5, events, block_tickets) == sorted(events)


# One bit says which of two tickets, 40 bits which instant: up to 22 bits of the sequence fit one number with them.
@pytest.mark.parametrize("sequences", [2**22 - 1, 2**22, 2**22 + 1, 2**23, 2**63 - 1])
@pytest.mark.parametrize("first", [0, -(2**39), -(2**40) + 1])
def test_the_order_holds_however_wide_instants_and_sequences_range(sequences: int, first: int) -> None:
    instants = (first, first + 1, first + 2**40 - 1)
    for lowest in (0, -(2**21), 5 - sequences):
        numbers = (lowest, lowest + 1, lowest + sequences)
        if numbers[-1] < 2**63:
            events = [(*each, "e") for each in product((0, 1), instants, numbers)]
            assert _ordered(2, events[::-1], block_tickets=2) == events


@pytest.mark.parametrize(
    ("tickets", "block_tickets", "expected"),
    [(0, 3, [0]), (1, 1, [1]), (5, 3, [3, 2]), (6, 3, [3, 3]), (7, 3, [3, 3, 1]), (65_537, 70_000, [65_536, 1])],
)
def test_blocks_have_so_many_tickets(tickets: int, block_tickets: int, expected: list[int]) -> None:
    event = (0, 0, 0, "e")
    assert _sizes(_history(tickets, [event], as_of_us=10), block_tickets) == expected


@pytest.mark.parametrize(
    ("span_us", "expected"),
    [
        (2**59, [7]),
        (2**60 - 1, [4, 3]),
        (2**60, [4, 3]),
        (2**60 + 1, [3, 3, 1]),
        (2**62, 7 * [1]),
        (2**62 + 9, 7 * [1]),
    ],
)
def test_what_a_block_counts_in_all_fits_an_integer(span_us: int, expected: list[int]) -> None:
    """Seven tickets that may each be open since the first event: together at most 2**62 microseconds a block."""
    as_of_us = span_us // 2
    events = [(0, as_of_us - span_us, 0, "first"), (1, as_of_us - 1, 0, "last"), (2, as_of_us + 1, 0, "to come")]
    assert _sizes(_history(7, events, as_of_us), 100) == expected


def _sizes(history: History, block_tickets: int) -> list[int]:
    tickets = range(len(history.ticket_keys))
    return [len(tickets[block.tickets]) for block in blocks(history, block_tickets)]
