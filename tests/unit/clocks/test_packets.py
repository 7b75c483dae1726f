"""Packets against the obvious way: looking at every event for every packet."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import model
from deskledger.clocks import packets as packets_module
from deskledger.clocks.history import History
from deskledger.clocks.packets import packets

AS_OF_US = 50
_far = st.integers(0, 2**63 - 1)
_keys = st.lists(st.one_of(_far, st.integers(0, 40)), unique=True, max_size=60)


def _history(ticket_keys: Sequence[int], events: Sequence[tuple[int, int]]) -> History:
    """Tickets with these keys, and events as (ticket_key, occurred at, in microseconds)."""
    columns = {
        "ticket_key": [key for key, _ in events],
        "created_month": 202603,
        "event_id": [str(number) for number in range(len(events))],
        "occurred_at": pd.to_datetime([at for _, at in events], unit="us", utc=True),
        "seq": np.arange(len(events)),
        "kind": "created",
    }
    tickets = pd.DataFrame({"ticket_key": np.array(ticket_keys, dtype=np.int64), "created_month": 202603})
    return History.of(tickets, model.conform(model.TICKET_EVENT, pd.DataFrame(columns)), AS_OF_US)


@settings(deadline=None, max_examples=200)
@given(_keys, st.data(), st.integers(1, 9))
def test_each_event_until_as_of_is_in_the_packet_of_its_ticket(keys: list[int], data: st.DataObject, most: int) -> None:
    known = st.sampled_from(keys) if keys else _far
    events = data.draw(
        st.lists(st.tuples(st.one_of(known, _far), st.integers(AS_OF_US - 2, AS_OF_US + 2)), max_size=80)
    )
    found = list(packets(_history(keys, events), most))
    ordered = sorted(keys)
    assert [chosen.start for chosen, _ in found] == list(range(0, max(len(keys), 1), most))
    for chosen, columns in found:
        mine = set(ordered[chosen])
        rows = [row for row in columns["row"] if events[row][0] in mine]
        assert rows == [row for row, (key, at) in enumerate(events) if key in mine and at <= AS_OF_US]
        assert list(columns["key"]) == [events[row][0] for row in columns["row"]]
        assert list(columns["at"]) == [events[row][1] for row in columns["row"]]
    dealt = sorted(row for _, columns in found for row in columns["row"])
    assert dealt == [row for row, (_, at) in enumerate(events) if at <= AS_OF_US]


@pytest.mark.parametrize(("tickets", "width"), [(256, 1), (257, 1), (300, 1), (256, 2)])
def test_packets_beyond_what_one_byte_can_number(tickets: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets_module, "_ROWS", 100)  # several pieces
    keys = [int(each) for each in model.ticket_keys("test", map(str, range(tickets)))]
    events = [(key, number % 3) for number in range(2) for key in keys]
    ordered = sorted(keys)
    for chosen, columns in packets(_history(keys, events), width):
        assert sorted(columns["key"]) == sorted(ordered[chosen] * 2)
        assert list(columns["row"]) == sorted(columns["row"])


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize(
    "keys",
    [[*range(12), 2**62], [-(2**62), *range(-6, 6)], [2**40 * number for number in range(-20, 20)], [7, 2**63 - 1]],
    ids=["crowded below", "crowded above", "even", "two"],
)
def test_a_ticket_at_the_edge_of_a_packet_has_its_events_there(keys: list[int], width: int) -> None:
    events = [(key, number % 3) for number, key in enumerate(keys * 2)]
    for chosen, columns in packets(_history(keys[::-1], events), width):
        assert sorted(columns["key"]) == sorted(keys[chosen] * 2)
