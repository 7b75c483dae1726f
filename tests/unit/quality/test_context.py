"""What a suite may ask beside the row: whether each event goes on from where the one before it left off."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.model import TICKET_EVENT, conform
from deskledger.quality.context import follows_on

START = pd.Timestamp("2026-03-02", tz="UTC")
EVENTS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["status", "priority", "reply"]),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=12,
)


def frame(rows: list[tuple]) -> pd.DataFrame:
    columns = ["ticket_key", "minute", "seq", "kind", "value", "previous_value"]
    events = pd.DataFrame(rows, columns=columns)
    minutes = pd.to_timedelta(events["minute"].astype("int64"), unit="min")
    named = {"created_month": 202603, "event_id": [str(each) for each in range(len(events))]}
    return conform(TICKET_EVENT, events.assign(occurred_at=START + minutes, **named))


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_follows_on_is_what_reading_the_events_in_order_tells(rows: list[tuple]) -> None:
    expected: list[bool | None] = [None] * len(rows)
    left: dict[tuple[int, str], str | None] = {}
    for place in sorted(range(len(rows)), key=lambda each: (rows[each][1], rows[each][2], each)):
        ticket, _, _, kind, value, previous = rows[place]
        if kind == "reply":
            continue
        if previous is not None and (ticket, kind) in left:
            expected[place] = previous == left[ticket, kind]
        left[ticket, kind] = value
    found = follows_on(frame(rows))
    assert [None if pd.isna(each) else bool(each) for each in found] == expected
