"""KPIs of small desks, counted by hand beside the frames; instants at both sides of the period."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from deskledger import kpis
from deskledger.model import CYCLE, TICKET, TICKET_EVENT, conform

_MARCH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def _tickets(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["ticket_key", "team", "created_at"])
    created = pd.to_datetime(frame["created_at"], utc=True, format="ISO8601")
    frame = frame.assign(created_at=created, updated_at=created, ticket_id=frame["ticket_key"].astype("str"))
    return conform(TICKET, frame.assign(created_month=202603, shard=0, source="desk"))


def _events(rows: list[tuple[int, str, str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["ticket_key", "occurred_at", "kind", "value"])
    at = pd.to_datetime(frame["occurred_at"], utc=True, format="ISO8601")
    ids = [f"e{number:03d}" for number in range(len(rows))]
    return conform(TICKET_EVENT, frame.assign(occurred_at=at, event_id=ids, seq=range(len(rows)), created_month=202603))


_DESK = _tickets(
    [
        (1, "red", "2026-01-10"),
        (2, "red", "2026-02-20"),
        (3, "red", "2026-03-01"),
        (4, "blue", "2026-03-24T00:00:00.000001"),
        (5, "blue", "2026-03-31T23:59:59.999999"),
        (6, "blue", "2026-04-01"),
    ]
)
_LIVES = _events(
    [
        (1, "2026-01-10", "status", "new"),
        (1, "2026-02-28T23:59:59.999999", "status", "resolved"),
        (1, "2026-03-05", "status", "open"),  # February's resolution, reopened in March
        (2, "2026-02-20", "status", "open"),
        (2, "2026-03-01", "status", "resolved"),
        (2, "2026-03-03", "status", "open"),
        (2, "2026-03-04", "status", "closed"),
        (3, "2026-03-01", "status", "new"),
        (3, "2026-03-31T23:59:59.999999", "status", "resolved"),
        (3, "2026-04-01", "status", "open"),  # after the month: not known to it
        (4, "2026-03-24", "status", "new"),
        (4, "2026-03-25", "eta", "2026-04-02"),
        (4, "2026-03-25", "acknowledgement", None),
        (5, "2026-03-31T23:59:59.999999", "status", "new"),
        (5, "2026-04-01", "acknowledgement", None),
        (2, "2026-03-02", "escalation", "L1>L2"),
        (2, "2026-03-02", "escalation", "L2>L3 undue"),
        (3, "2026-03-02", "escalation", "L2>L3"),
        (3, "2026-03-03", "escalation", "L2>L3 undue"),
        (3, "2026-04-01", "escalation", "L2>L3"),
    ]
)


def test_backlog() -> None:
    row = kpis.backlog(_DESK, _LIVES, *_MARCH).iloc[0]
    assert row[["open_at_begin", "in", "out", "open_at_end"]].tolist() == [1, 3, 1, 3]
    assert row[["age_0_7", "age_8_30", "age_31_90", "age_over_90"]].tolist() == [2, 0, 1, 0]


def test_backlog_by_team_sums_to_the_whole() -> None:
    whole = kpis.backlog(_DESK, _LIVES, *_MARCH).iloc[0]
    teams = kpis.backlog(_DESK, _LIVES, *_MARCH, by=["team"])
    assert teams.sum().to_dict() == whole.to_dict()
    assert teams.loc["blue", ["open_at_begin", "in", "out", "open_at_end"]].tolist() == [0, 2, 0, 2]


@pytest.mark.parametrize(
    ("created", "column"),
    [
        ("2026-03-24T00:00:00.000001", "age_0_7"),
        ("2026-03-24", "age_8_30"),
        ("2026-03-01T00:00:00.000001", "age_8_30"),
        ("2026-03-01", "age_31_90"),
        ("2025-12-31T00:00:00.000001", "age_31_90"),
        ("2025-12-31", "age_over_90"),
    ],
)
def test_ages(created: str, column: str) -> None:
    desk = _tickets([(1, "red", created)])
    row = kpis.backlog(desk, _events([(1, created, "status", "new")]), *_MARCH).iloc[0]
    assert [name for name, *_ in kpis.AGES if row[name]] == [column]


def test_reopened() -> None:
    table = kpis.reopened(_DESK, _LIVES, *_MARCH)
    assert kpis.measurement(table) == {"num": 1, "den": 2}  # 2 and 3 were resolved in March, 2 came back
    assert table["share_pct"].tolist() == [50]


def test_resolved_then_closed_is_one_resolution_and_no_reopening() -> None:
    events = _events([(1, "2026-03-02", "status", "resolved"), (1, "2026-03-07", "status", "closed")])
    assert kpis.measurement(kpis.reopened(_DESK, events, *_MARCH)) == {"num": 0, "den": 1}


def test_undue_escalations() -> None:
    assert kpis.measurement(kpis.escalations(_DESK, _LIVES, *_MARCH)) == {"num": 2, "den": 3}
    assert kpis.measurement(kpis.escalations(_DESK, _LIVES, *_MARCH, level=2)) == {"num": 0, "den": 1}
    by_team = kpis.escalations(_DESK, _LIVES, *_MARCH, by=["team"])
    assert by_team.loc["blue", "denominator"] == 0 and pd.isna(by_team.loc["blue", "share_pct"])


def test_without_eta() -> None:
    assert kpis.measurement(kpis.without_eta(_DESK, _LIVES, _MARCH[1])) == {"num": 2, "den": 3}


def test_acknowledged() -> None:
    assert kpis.measurement(kpis.acknowledged(_DESK, _LIVES, *_MARCH)) == {"num": 1, "den": 3}


def test_nothing_is_no_share() -> None:
    table = kpis.reopened(_DESK.iloc[:0], _LIVES.iloc[:0], *_MARCH)
    assert table["denominator"].iloc[0] == 0 and pd.isna(table["share_pct"].iloc[0])


def test_the_order_of_rows_changes_nothing() -> None:
    desk, lives = _DESK.sample(frac=1, random_state=3), _LIVES.sample(frac=1, random_state=5)
    for kpi in (kpis.backlog, kpis.reopened, kpis.escalations, kpis.acknowledged):
        pd.testing.assert_frame_equal(kpi(desk, lives, *_MARCH, by=["team"]), kpi(_DESK, _LIVES, *_MARCH, by=["team"]))


def _cycles(rows: list[tuple[str, str, int, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["clock", "team", "elapsed_us", "state"])
    at = pd.Timestamp("2026-03-02", tz="UTC")
    stopped = frame["state"].map(lambda state: pd.NaT if state == "running" else at)
    blank = dict.fromkeys(["provider_us", "customer_us", "third_party_us", "cycle", "ticket_key"], 0)
    return conform(
        CYCLE,
        frame.assign(
            stopped_at=pd.to_datetime(stopped, utc=True),
            contract="c",
            version=1,
            created_month=202603,
            started_at=at,
            attributed_at=at,
            as_of=at,
            is_incomplete=False,
            **blank,
        ),
    )


@pytest.mark.parametrize(
    ("elapsed", "p50", "p90"),
    [([7], 7, 7), ([1, 2], 1, 2), ([3, 1, 2], 2, 3), (list(range(1, 11)), 5, 9), (list(range(1, 12)), 6, 10)],
)
def test_times_by_nearest_rank(elapsed: list[int], p50: int, p90: int) -> None:
    table = kpis.times(_cycles([("resolution", "red", each, "met") for each in elapsed]))
    assert table.loc["resolution", ["n", "p50_us", "p90_us"]].tolist() == [len(elapsed), p50, p90]


def test_times_by_team_leave_out_what_has_not_stopped() -> None:
    rows = [
        ("resolution", "red", 5, "met"),
        ("resolution", "red", 9, "breached"),
        ("resolution", "red", 1, "running"),
        ("resolution", "red", 1, "cancelled"),
        ("resolution", "blue", 4, "met"),
        ("first_response", "blue", 2, "met"),
    ]
    table = kpis.times(_cycles(rows), by=["team"])
    assert table["n"].to_dict() == {
        ("first_response", "blue"): 1,
        ("resolution", "blue"): 1,
        ("resolution", "red"): 2,
    }
    assert table.loc[("resolution", "red"), ["p50_us", "p90_us"]].tolist() == [5, 9]


def test_times_of_cycles_without_a_team_are_in_no_group() -> None:
    cycles = _cycles(
        [("resolution", "red", 5, "met"), ("resolution", "blue", 9, "met"), ("resolution", "blue", 7, "met")]
    )
    cycles.loc[0, "team"] = None
    assert kpis.times(cycles, by=["team"])["p50_us"].to_dict() == {("resolution", "blue"): 7}
