"""Why a desk's figure and a cycle differ: one measurement, changed in one place at a time."""

from typing import Any

import pandas as pd
import pytest

from deskledger.model import CYCLE, DESK_FIGURE, UTC_INSTANT, conform
from deskledger.quality.crosscheck import CAUSES, compare

CLOCKS = {"work": ["resolution"]}
MINUTE = 60_000_000


def at(minutes: float) -> pd.Timestamp:
    return pd.Timestamp("2026-03-02T09:00:00Z") + pd.Timedelta(minutes=minutes)


def cycle(**changes: Any) -> pd.DataFrame:
    """Ours: 100 minutes from nine o'clock on, 40 of them counted, of 60."""
    row = {
        "contract": "alder", "version": 1, "ticket_key": 7, "created_month": 202603, "clock": "resolution", "cycle": 1,
        "state": "met", "started_at": at(0), "stopped_at": at(100), "elapsed_us": 40 * MINUTE + 30_000_000,
        "target_us": 60 * MINUTE, "provider_us": 0, "customer_us": 0, "third_party_us": 0, "attributed_at": at(0),
        "is_incomplete": False, "as_of": at(999),
    }  # fmt: skip
    return conform(CYCLE, pd.DataFrame([{**row, **changes}]))


def figures(
    started: float = 0,
    stopped: float | None = 100,
    breached: float | None = None,
    target: int = 60,
    business: int = 40,
    calendar: int = 80,
    hours: str = "business",
    **common: Any,
) -> pd.DataFrame:
    """The desk's: the same, in whole minutes, 80 of them by the clock."""
    rows: list[dict[str, Any]] = [
        {"kind": "started", "occurred_at": at(started)},
        {"kind": "target", "occurred_at": at(started), "target_seconds": 2 * target, "hours": "calendar"},  # replaced
        {"kind": "target", "occurred_at": at(started + 1), "target_seconds": 60 * target, "hours": hours},
    ]
    if breached is not None:
        rows.append({"kind": "breached", "occurred_at": at(breached)})
    if stopped is not None:
        rows.append({"kind": "stopped", "occurred_at": at(stopped)})
        told = {"business_minutes": business, "calendar_minutes": calendar}
        rows.append({"kind": "measured", "occurred_at": at(stopped), **told})
    whole = {"source": "desk", "ticket_key": 7, "metric": "work", "instance": 1, **common}
    return conform(DESK_FIGURE, pd.DataFrame([{**whole, "figure_id": f"{n}", **row} for n, row in enumerate(rows)]))


def touched(**instants: pd.Timestamp) -> pd.DataFrame:
    rows = [{"ticket_key": 7, name: each} for name, each in instants.items()]
    names = ["gone_at", "asked_at", "answered_at"]
    frame = pd.DataFrame(rows, columns=["ticket_key", *names])
    instant = {name: pd.to_datetime(frame[name], utc=True).astype(UTC_INSTANT) for name in names}
    return frame.assign(**instant).astype({"ticket_key": "int64"})


def causes(
    theirs: pd.DataFrame,
    ours: pd.DataFrame,
    around: pd.DataFrame | None = None,
    running: float = 80,
    clocks: dict[str, list[str]] = CLOCKS,
) -> list[str]:
    found = compare(
        theirs,
        ours,
        clocks,
        touched() if around is None else around,
        lambda rows: pd.Series(running * MINUTE, index=rows.index),
    )
    assert set(found["cause"]) <= set(CAUSES)
    return found["cause"].tolist()


@pytest.mark.parametrize(
    ("theirs", "ours", "running", "cause"),
    [
        ({}, {}, 80, "agrees"),
        ({"started": 0.9}, {}, 80, "agrees"),
        ({"started": 1}, {}, 80, "other_start"),
        ({"stopped": 99.1}, {}, 80, "agrees"),
        ({"stopped": 99}, {}, 80, "other_stop"),
        ({"stopped": None}, {}, 80, "other_stop"),
        ({}, {"stopped_at": None, "state": "running"}, 80, "other_stop"),
        ({"stopped": None}, {"stopped_at": None, "state": "running"}, 80, "agrees"),
        ({"business": 39}, {}, 80, "other_calendar"),  # 90 seconds apart
        ({"business": 41}, {}, 80, "rounding"),  # 30 seconds apart, and another whole minute
        ({"business": 42}, {}, 80, "other_calendar"),
        ({"business": 42}, {}, 80.9, "other_calendar"),
        ({"business": 42}, {}, 81, "pause_rule"),
        ({"business": 42}, {}, 79, "pause_rule"),
        ({"hours": "calendar"}, {}, 80, "other_calendar"),  # then its 80 minutes count
        ({"hours": "calendar", "calendar": 40}, {}, 40, "agrees"),
        ({"target": 61}, {}, 80, "other_target"),
        ({}, {"target_us": None}, 80, "other_target"),
        ({"breached": 90}, {}, 80, "other"),
        ({"breached": 90}, {"breached_at": at(91), "state": "breached"}, 80, "agrees"),
        ({"target": 40}, {"target_us": 40 * MINUTE, "breached_at": at(99), "state": "breached"}, 80, "rounding"),
    ],
)
def test_a_difference_has_its_cause(theirs: dict, ours: dict, running: float, cause: str) -> None:
    assert causes(figures(**theirs), cycle(**ours), running=running) == [cause]


def test_what_only_one_side_has() -> None:
    assert causes(figures(instance=2), cycle()) == ["desk_has_none", "we_have_none"]
    assert causes(figures(ticket_key=8), cycle()) == ["desk_has_none", "we_have_none"]
    taken_back = figures().assign(kind="deleted")
    assert causes(conform(DESK_FIGURE, taken_back), cycle()) == ["desk_has_none"]
    later = figures()
    assert causes(later[later["kind"] != "started"], cycle()) == ["desk_has_none"]  # it began before the first pull
    assert causes(figures(metric="another"), cycle()) == ["desk_has_none"]  # nothing is held against that metric


def test_cycles_are_numbered_as_they_began() -> None:
    later = cycle(cycle=4, started_at=at(200), stopped_at=at(300))
    again = figures(started=200, stopped=300, instance=2)
    assert causes(pd.concat([again, figures()]), pd.concat([later, cycle()])) == ["agrees", "agrees"]


@pytest.mark.parametrize(
    ("theirs", "ours", "cause"),
    [
        ({"stopped": None}, {}, "merged_or_deleted"),
        ({}, {"state": "cancelled"}, "merged_or_deleted"),
        ({}, {}, "agrees"),
        ({"business": 42}, {}, "other_calendar"),
    ],
)
def test_a_merge_or_deletion_explains_another_stop_only(theirs: dict, ours: dict, cause: str) -> None:
    assert causes(figures(**theirs), cycle(**ours), touched(gone_at=at(50))) == [cause]


def due(minutes: float | None, set_at: float = 0, number: int = 1) -> pd.DataFrame:
    row = {"source": "desk", "figure_id": f"{number}", "ticket_key": 7, "metric": "due", "instance": 1, "kind": "due",
           "occurred_at": at(set_at), "due_at": None if minutes is None else at(minutes)}  # fmt: skip
    return conform(DESK_FIGURE, pd.DataFrame([row]))


@pytest.mark.parametrize(
    ("minutes", "around", "cause"),
    [
        (60, touched(), "agrees"),
        (60.5, touched(), "rounding"),
        (61, touched(), "other"),
        (61, touched(asked_at=at(30)), "other_start"),  # the deadline of an answer that is owed
        (61, touched(asked_at=at(31)), "other"),
        (61, touched(asked_at=at(2), answered_at=at(1)), "other_start"),
        (61, touched(asked_at=at(2), answered_at=at(3)), "other"),
        (61, touched(asked_at=at(2), answered_at=at(31)), "other_start"),
        (61, touched(gone_at=at(5)), "merged_or_deleted"),
        (None, touched(), "pause_rule"),  # no deadline while it waits
    ],
)
def test_the_last_deadline_of_a_ticket(minutes: float | None, around: pd.DataFrame, cause: str) -> None:
    theirs = pd.concat([due(15, 0, 1), due(minutes, 30, 2)])
    ours = pd.concat([cycle(due_at=at(60)), cycle(cycle=2, started_at=at(500), due_at=at(999))])
    clocks = {"last_due": ["resolution"]}
    assert causes(theirs, ours, around, clocks=clocks) == [cause]
    assert causes(theirs, cycle(due_at=at(15)), clocks={"first_due": ["resolution"]}) == ["agrees"]
    # The first one is always set when somebody asks: that explains nothing.
    asked = touched(asked_at=at(0))
    assert causes(theirs, cycle(due_at=at(20)), asked, clocks={"first_due": ["resolution"]}) == ["other"]


def test_of_several_clocks_the_one_that_agrees_counts() -> None:
    ours = pd.concat([cycle(due_at=at(60)), cycle(clock="gold", due_at=at(30))])
    for minutes, clock, cause in ((30, "gold", "agrees"), (60, "resolution", "agrees"), (45, "resolution", "other")):
        found = compare(due(minutes), ours, {"last_due": ["resolution", "gold"]}, touched(), lambda rows: rows["cycle"])
        assert found[["clock", "cause"]].to_numpy().tolist() == [[clock, cause]]


def test_nothing_on_either_side_is_nothing() -> None:
    assert causes(figures().iloc[:0], cycle().iloc[:0]) == []
