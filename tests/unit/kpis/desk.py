"""Frames of small desks, written by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from deskledger import kpis
from deskledger.model import TICKET, TICKET_EVENT, conform

MARCH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def tickets(rows: list[tuple[int, str | None, str]]) -> pd.DataFrame:
    """Key, team and creation of each ticket."""
    frame = pd.DataFrame(rows, columns=["ticket_key", "team", "created_at"])
    created = pd.to_datetime(frame["created_at"], utc=True, format="ISO8601")
    frame = frame.assign(created_at=created, updated_at=created, ticket_id=frame["ticket_key"].astype("str"))
    return conform(TICKET, frame.assign(created_month=202603, shard=0, source="desk"))


def events(rows: list[tuple[int, str, str, str | None]]) -> pd.DataFrame:
    """Key, instant, kind and value of each event, in the source's own order."""
    frame = pd.DataFrame(rows, columns=["ticket_key", "occurred_at", "kind", "value"])
    at = pd.to_datetime(frame["occurred_at"], utc=True, format="ISO8601")
    ids = [f"e{number:03d}" for number in range(len(rows))]
    return conform(TICKET_EVENT, frame.assign(occurred_at=at, event_id=ids, seq=range(len(rows)), created_month=202603))


def in_march(desk: pd.DataFrame, lives: pd.DataFrame) -> kpis.DeskPeriod:
    """The tickets and what happened to them, looked at over March."""
    return kpis.DeskPeriod(desk, lives, *MARCH)


def backlog(
    desk: pd.DataFrame, lives: pd.DataFrame, begin: datetime, end: datetime, by: Sequence[str] = ()
) -> pd.DataFrame:
    """The parts of the tickets in the backlog, added up as the figures do it."""
    return kpis.sums(kpis.backlog_parts(kpis.DeskPeriod(desk, lives, begin, end)), desk, by)


DESK = tickets(
    [
        (1, "red", "2026-01-10"),
        (2, "red", "2026-02-20"),
        (3, "red", "2026-03-01"),
        (4, "blue", "2026-03-24T00:00:00.000001"),
        (5, "blue", "2026-03-31T23:59:59.999999"),
        (6, "blue", "2026-04-01"),
    ]
)
LIVES = events(
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
        (3, "2026-03-03", "escalation", "L2>L30 undue"),  # no third level
        (3, "2026-04-01", "escalation", "L2>L3"),
        (4, "2026-03-26", "escalation", "L1>L1 management"),
    ]
)
