"""Flow and counted KPIs against an oracle that walks each ticket's life, on random desks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskledger import kpis

from tests.unit.kpis.desk import MARCH, backlog, events, tickets

START = MARCH[0] - timedelta(days=2)
BEGIN, END = MARCH[0], MARCH[0] + timedelta(days=3)
TEAMS = ("red", "blue", None)

_hours = st.integers(0, 7 * 24).map(lambda hours: START + timedelta(hours=hours))
_happenings = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(["new", "open", "waiting_on_customer", "resolved", "closed"])),
    st.sampled_from([("merged", "9"), ("deleted", None), ("eta", "x"), ("acknowledgement", None), ("note", None)]),
    st.tuples(
        st.just("escalation"), st.sampled_from(["L1>L2", "L2>L3", "L2>L3 undue", "L2>L2 management", "L3>L3 undue"])
    ),
)
_life = st.tuples(st.sampled_from(TEAMS), _hours, st.lists(st.tuples(_hours, _happenings), max_size=6))
_desks = st.lists(_life, max_size=6)

Life = tuple[str | None, datetime, list[tuple[datetime, tuple[str, str | None]]]]


def _frames(desk: list[Life]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [
        (key, at.isoformat(), kind, value)
        for key, (_, _, happened) in enumerate(desk)
        for at, (kind, value) in happened
    ]
    made = [(key, team, created.isoformat()) for key, (team, created, _) in enumerate(desk)]
    return tickets(made), events(rows)


def _walk(life: Life) -> list[tuple[datetime, str, str | None]]:
    """What happened, in order; nothing changes a ticket before it is there."""
    _, created, happened = life
    told = sorted(enumerate(happened), key=lambda each: (each[1][0], each[0]))
    return [(max(at, created), kind, value) for _, (at, (kind, value)) in told]


def _turns(life: Life, until: datetime) -> list[tuple[datetime, bool]]:
    is_open, turns = True, []
    for at, kind, value in _walk(life):
        if at >= until or kind not in {"status", "merged", "deleted"}:
            continue
        stays = kind == "status" and value not in {"resolved", "closed"}
        if stays != is_open:
            is_open = stays
            turns.append((at, is_open))
    return turns


def _is_open(life: Life, at: datetime) -> bool:
    return life[1] < at and ([True] + [is_open for _, is_open in _turns(life, at)])[-1]


def _flow_of(life: Life) -> dict[str, int]:
    turns = [(at, is_open) for at, is_open in _turns(life, END) if at >= BEGIN]
    return {
        "open_at_begin": int(_is_open(life, BEGIN)),
        "in": int(BEGIN <= life[1] < END),
        "finished": sum(not is_open for _, is_open in turns),
        "reopened": sum(is_open for _, is_open in turns),
        "open_at_end": int(_is_open(life, END)),
    }


@settings(deadline=None)
@given(_desks)
def test_backlog_is_what_a_walk_through_every_life_counts(desk: list[Life]) -> None:
    row = backlog(*_frames(desk), BEGIN, END).iloc[0]
    walked = [_flow_of(life) for life in desk]
    assert {name: row[name] for name in _flow_of(("red", END, []))} == {
        name: sum(each[name] for each in walked) for name in _flow_of(("red", END, []))
    }
    assert row["open_at_begin"] + row["in"] - row["out"] == row["open_at_end"]
    assert sum(row[name] for name, *_ in kpis.AGES) == row["open_at_end"]


@settings(deadline=None)
@given(_desks)
def test_the_trend_is_what_a_walk_counts_at_each_instant(desk: list[Life]) -> None:
    instants = pd.DatetimeIndex([BEGIN + timedelta(hours=6 * step) for step in range(13)]).as_unit("us")
    found = kpis.open_at(kpis.DeskPeriod(*_frames(desk), BEGIN, END), instants).tolist()
    assert found == [sum(_is_open(life, at.to_pydatetime()) for life in desk) for at in instants]


@settings(deadline=None)
@given(_desks)
def test_groups_add_up_to_the_whole_and_balance_each_for_itself(desk: list[Life]) -> None:
    made, told = _frames(desk)
    groups = backlog(made, told, BEGIN, END, by=["team"])
    assert groups.sum().to_dict() == backlog(made, told, BEGIN, END).iloc[0].to_dict()
    assert (groups["open_at_begin"] + groups["in"] - groups["out"] == groups["open_at_end"]).all()


def _reopened(life: Life) -> list[bool]:
    turns = [is_open for at, is_open in _turns(life, END) if at >= BEGIN]
    return [True in turns[turns.index(False) :]] if False in turns else []


def _within(life: Life, kind: str) -> list[str | None]:
    return [value for at, each, value in _walk_as_told(life) if each == kind and BEGIN <= at < END]


def _walk_as_told(life: Life) -> list[tuple[datetime, str, str | None]]:
    return [(at, kind, value) for at, (kind, value) in life[2]]


def _has(life: Life, kind: str) -> bool:
    return any(each == kind and at < END for at, each, _ in _walk_as_told(life))


def _to_third(life: Life) -> list[bool]:
    return ["undue" in str(value) for value in _within(life, "escalation") if ">L3" in str(value)]


def _or_quiet(life: Life, found: list[bool]) -> list[bool]:
    there = _flow_of(life)
    return found or [False] * int(there["open_at_begin"] + there["in"] + there["reopened"] > 0)


ORACLES: dict[str, Callable[[Any], list[bool]]] = {
    "reopened": _reopened,
    "undue_l3_escalations": _to_third,
    "without_eta": lambda life: [not _has(life, "eta")] if _is_open(life, END) else [],
    "acknowledged": lambda life: [_has(life, "acknowledgement")] if BEGIN <= life[1] < END else [],
    "l3_escalations": lambda life: _or_quiet(life, [True for _ in _to_third(life)]),
    "management_escalations": lambda life: _or_quiet(
        life, [True for value in _within(life, "escalation") if "management" in str(value)]
    ),
    "backlog": lambda life: [_is_open(life, END)] if _or_quiet(life, []) else [],
}


@pytest.mark.parametrize("name", kpis.COUNTED)
@settings(deadline=None)
@given(desk=_desks, seed=st.integers(0, 9))
def test_counted_rows_are_what_a_walk_counts_in_any_order_of_rows(name: str, desk: list[Life], seed: int) -> None:
    made, told = _frames(desk)
    mixed = [frame.sample(frac=1, random_state=seed) for frame in (made, told)]
    rows = kpis.COUNTED[name](kpis.DeskPeriod(*mixed, BEGIN, END))
    walked = {key: sorted(ORACLES[name](life)) for key, life in enumerate(desk)}
    found = {key: sorted(own["is_numerator"].tolist()) for key, own in rows.groupby("ticket_key")}
    assert found == {key: counted for key, counted in walked.items() if counted}
    by_team = kpis.share(rows.merge(made[["ticket_key", "team"]], on="ticket_key"), by=["team"])
    whole = kpis.share(rows).iloc[0]
    assert by_team[["numerator", "denominator"]].sum().tolist() == whole[["numerator", "denominator"]].tolist()
