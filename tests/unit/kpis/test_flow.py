"""Backlog and flow: a small desk by hand, ages at both sides of each edge, days of 23 and 25 hours."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from deskledger import kpis

from tests.unit.kpis.desk import DESK, LIVES, MARCH, backlog, events, in_march, tickets

FLOW = ["open_at_begin", "in", "out", "finished", "reopened", "open_at_end"]


def test_backlog() -> None:
    row = backlog(DESK, LIVES, *MARCH).iloc[0]
    assert row[FLOW].tolist() == [1, 3, 1, 3, 2, 3]  # 2 finished twice and 3 once; 1 and 2 came back
    assert row[["age_0_7", "age_8_30", "age_31_90", "age_over_90"]].tolist() == [2, 0, 1, 0]


def test_a_team_s_backlog_and_that_of_tickets_without_a_team() -> None:
    desk = DESK.assign(team=DESK["team"].astype("str").where(DESK["ticket_key"] != 5))
    table = backlog(desk, LIVES, *MARCH, by=["team"])
    assert table.loc["blue", FLOW].tolist() == [0, 1, 0, 0, 0, 1]
    assert table[table.index.isna()][FLOW].to_numpy().tolist() == [[0, 1, 0, 0, 0, 1]]


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
    row = backlog(tickets([(1, "red", created)]), events([(1, created, "status", "new")]), *MARCH).iloc[0]
    assert [name for name, *_ in kpis.AGES if row[name]] == [column]


@pytest.mark.parametrize(
    ("lives", "is_open"),
    [
        ([], 1),  # created, and nothing was ever said of it
        ([("2026-03-02", "merged", "2")], 0),
        ([("2026-03-02", "deleted", None)], 0),
        ([("2026-03-02", "status", "resolved")], 0),
        ([("2026-03-02", "status", "waiting_on_customer")], 1),
        ([("2026-03-02", "status", "closed"), ("2026-03-02", "status", "open")], 1),  # the source's own order decides
        ([("2026-03-02", "status", "open"), ("2026-03-02", "status", "closed")], 0),
        ([("2026-04-01", "status", "closed")], 1),
    ],
)
def test_what_is_open_at_the_end(lives: list[tuple[str, str, str | None]], is_open: int) -> None:
    desk = tickets([(1, "red", "2026-03-01")])
    assert backlog(desk, events([(1, *each) for each in lives]), *MARCH)["open_at_end"].tolist() == [is_open]


def test_the_trend_tells_what_the_backlogs_of_each_day_tell() -> None:
    days = kpis.day_edges(*MARCH, "UTC")
    told = [backlog(DESK, LIVES, MARCH[0], day.to_pydatetime())["open_at_end"].iloc[0] for day in days]
    assert kpis.open_at(in_march(DESK, LIVES), days).tolist() == told
    assert kpis.open_at(in_march(DESK, LIVES), days[:0]).tolist() == []


@pytest.mark.parametrize(
    ("begin", "end", "zone", "hours"),
    [
        ("2026-03-28T23:00", "2026-03-30T22:00", "Europe/Madrid", [23, 24]),
        ("2026-10-24T22:00", "2026-10-26T23:00", "Europe/Madrid", [25, 24]),
        ("2018-11-03T03:00", "2018-11-06T02:00", "America/Sao_Paulo", [24, 23, 24]),  # no midnight on 4 November
    ],
)
def test_local_days_have_as_many_hours_as_they_have(begin: str, end: str, zone: str, hours: list[int]) -> None:
    bounds = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (begin, end)]
    edges = kpis.day_edges(*bounds, zone)
    assert [edges[0].to_pydatetime(), edges[-1].to_pydatetime()] == bounds
    assert (edges[1:] - edges[:-1]).total_seconds().tolist() == [3600 * each for each in hours]


def test_an_instant_on_an_edge_belongs_to_the_interval_that_it_begins() -> None:
    edges = kpis.day_edges(*MARCH, "UTC")
    assert kpis.arrivals(DESK, edges).tolist() == [1] + [0] * 22 + [1] + [0] * 6 + [1]
    at = pd.Series(
        pd.to_datetime(["2026-02-28T23:59:59.999999Z", "2026-03-01T00:00Z", None], utc=True, format="ISO8601")
    )
    assert kpis.per_interval(at, edges[:2]).tolist() == [1]
