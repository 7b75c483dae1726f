"""One fate a row, and the same tickets whatever the order and the batches in which rows land."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger.sources.event_log.fates import FATES
from deskledger.sources.event_log.normalise import Normalised, normalise

from tests.unit.sources.event_log.desk import mapping, normalised, origin, table


def fates(made: Normalised) -> list[str]:
    return [FATES[code] for code in made.fates]


REMEDY = "add it to the mapping's words, or write null for `says nothing`"
FORM = "has no instant of the form %Y-%m-%d %H:%M"
ROW = {"n": "1", "at": "2026-03-02 10:00"}


@pytest.mark.parametrize(
    ("rows", "landed", "expected"),
    [
        ([ROW], [1], ["loaded"]),
        ([ROW, ROW], [1, 1], ["loaded", "unchanged"]),
        ([ROW, ROW], [1, 2], ["loaded", "unchanged"]),
        ([ROW, ROW], [2, 1], ["unchanged", "loaded"]),
        ([ROW, {**ROW, "state": "Done"}], [1, 2], ["superseded", "loaded"]),
        ([ROW, {**ROW, "state": "Done"}], [2, 1], ["loaded", "superseded"]),
        ([ROW, {**ROW, "state": "Done"}, ROW], [1, 2, 3], ["superseded", "superseded", "loaded"]),
        ([ROW, {**ROW, "at": "2026-03-02 10:01"}], [1, 1], ["loaded", "loaded"]),
        ([ROW, {**ROW, "state": "Parked"}], [1, 1], ["loaded", "quarantined"]),
        # The desk mends a faulty row, or exports it again as it is: the newest is the one that counts.
        ([{**ROW, "state": "Parked"}, ROW], [1, 2], ["superseded", "loaded"]),
        ([{**ROW, "state": "Parked"}, {**ROW, "state": "Parked"}], [1, 2], ["superseded", "quarantined"]),
        ([{**ROW, "at": "soon"}, ROW], [1, 2], ["superseded", "loaded"]),
        # A namesake does not mend it: a sequence number may come twice.
        ([{**ROW, "state": "Parked"}, {**ROW, "at": "2026-03-03 10:00"}], [1, 2], ["quarantined", "loaded"]),
        ([{**ROW, "n": "one"}, {**ROW, "n": "0"}], [1, 2], ["quarantined", "loaded"]),
    ],
)
def test_fate(rows: list[dict[str, str]], landed: list[int], expected: list[str]) -> None:
    assert fates(normalised(*rows, landed=landed)) == expected


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        ({"id": "?"}, "ticket_id_missing", "column id is empty"),
        ({"n": "1.5"}, "sequence_not_a_number", "column n has no whole number: '1.5'"),
        ({"at": "2026-02-30 10:00"}, "at_not_an_instant", f"column at {FORM}: '2026-02-30 10:00'"),
        ({"at": ""}, "at_not_an_instant", f"column at {FORM}: ''"),
        ({"opened": "soon"}, "opened_not_an_instant", f"column opened {FORM}: 'soon'"),
        ({"id": "T2", "opened": "?"}, "opened_not_an_instant",
         "column opened is empty, and no other row of the ticket says when it was created"),
        ({"closed_at": "never"}, "closed_at_not_an_instant", f"column closed_at {FORM}: 'never'"),
        ({"at": "2026-03-02 08:59"}, "event_before_ticket",
         "the row is of 2026-03-02 08:59 (at), before its ticket was created, 2026-03-02 09:00 (opened)"),
        ({"state": "Parked"}, "status_unknown",
         f"column state has the unknown status 'Parked'; {REMEDY}"),
        ({"prio": "urgent"}, "priority_unknown",
         f"column prio has the unknown priority 'urgent'; {REMEDY}"),
        ({"what": "sang"}, "activity_unknown",
         f"column what has the unknown activity 'sang'; {REMEDY}"),
        ({"what": "promise", "detail": "soon"}, "eta_not_an_instant",
         "column detail has no promised instant of the form %Y-%m-%d %H:%M: 'soon'"),
    ],
)  # fmt: skip
def test_a_faulty_row_names_its_rule_and_its_reason(change: dict[str, str], rule: str, message: str) -> None:
    made = normalised({**ROW, **change}, {**ROW, "n": "2", "at": "2026-03-02 11:00"})
    assert made.faults.to_dict("records") == [{"row": 0, "rule": rule, "message": message}]
    assert fates(made) == ["quarantined", "loaded"]


def test_a_row_at_the_instant_of_creation_is_not_before_it() -> None:
    assert fates(normalised({**ROW, "at": "2026-03-02 09:00"})) == ["loaded"]


def test_a_ticket_of_faulty_rows_alone_makes_no_ticket() -> None:
    made = normalised({**ROW, "state": "Parked"})
    assert made.tickets.empty and made.events.empty


MINUTES = st.integers(0, 6)
HISTORY = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["T1", "T2"]),
            "n": st.integers(0, 4).map(str),
            "at": MINUTES.map(lambda minute: f"2026-03-02 09:0{minute}"),
            "state": st.sampled_from(["New", "Open", "Asked", "Done", "Shut", "Unclear", "Parked"]),
            "team": st.sampled_from(["red", "blue", "?"]),
            "resolved_at": st.one_of(st.just(""), MINUTES.map(lambda minute: f"2026-03-02 09:0{minute}")),
        }
    ),
    min_size=1,
    max_size=12,
)


def _unequal_keys(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({(row["id"], row["n"], row["at"]): row for row in rows}.values())


@settings(max_examples=20, deadline=None)
@given(HISTORY, st.randoms(use_true_random=False))
def test_the_order_and_grouping_of_landing_change_no_ticket(rows: list[dict[str, str]], random: object) -> None:
    rows = _unequal_keys(rows)
    made = normalised(*rows)
    shuffled = rows.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = normalised(*shuffled, *rows, landed=list(np.arange(len(rows)) // 2 + 1) + [99] * len(rows))
    pd.testing.assert_frame_equal(made.events, again.events, check_categorical=False)
    pd.testing.assert_frame_equal(made.tickets, again.tickets, check_categorical=False)
    alone = [normalise(mapping(), part, origin([1] * len(part))) for _, part in table(*rows).groupby("id")]
    apart = pd.concat([each.events.astype(object) for each in alone])
    assert sorted(apart["event_id"]) == sorted(made.events["event_id"])


@settings(max_examples=30, deadline=None)
@given(HISTORY)
def test_events_are_in_canonical_order_with_keys_of_their_own(rows: list[dict[str, str]]) -> None:
    events = normalised(*rows).events
    assert not events.duplicated(["ticket_key", "event_id"]).any()
    resorted = events.sort_values(["ticket_key", "occurred_at", "seq", "event_id"], ignore_index=True)
    pd.testing.assert_frame_equal(events, resorted)
    for _, ticket in events[events["kind"] == "status"].groupby("ticket_key"):
        values = ticket["value"].tolist()
        assert all(a != b for a, b in pairwise(values))
        previous = ticket["previous_value"].astype(object).where(ticket["previous_value"].notna(), None).tolist()
        assert previous == [None, *values[:-1]]
