"""Small tickets written by hand, and what a clock makes of them: hours after Monday 2 March 2026, 09:00 UTC."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from deskledger import clocks
from deskledger.contract.terms import ClockTerms, Target
from deskledger.model import TICKET, TICKET_EVENT, conform

HOUR = pd.Timedelta(hours=1)
HOUR_US = 3_600_000_000
US = pd.Timedelta(microseconds=1)
MONDAY = pd.Timestamp("2026-03-02T09:00Z")
LATER = MONDAY + pd.Timedelta(days=60)
_WEEK = ("mon", "tue", "wed", "thu", "fri")
CALENDARS: dict[str, dict[str, Any]] = {
    "always": {"always": True},
    "office": {"timezone": "Etc/UTC", "weekly": {day: [["09:00", "17:00"]] for day in _WEEK}},
    # 03:30 to 11:30 UTC
    "kolkata": {"timezone": "Asia/Kolkata", "weekly": {day: [["09:00", "17:00"]] for day in _WEEK}},
    "madrid": {
        "timezone": "Europe/Madrid",
        "weekly": {day: [["09:00", "17:00"]] for day in _WEEK},
        "holidays": ["2026-04-02", "2026-04-03"],
    },
}
CREATED = (0, "created", None, "customer")
ASKS = ("reply", None, "customer", True)
ANSWERS = ("reply", None, "agent", True)


def instant(hours: float) -> pd.Timestamp:
    """The instant so many hours after Monday 09:00 UTC, exact to the microsecond."""
    return MONDAY + pd.Timedelta(microseconds=round(hours * HOUR_US))


def frames(*happenings: tuple[Any, ...], **standing: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One ticket with events (hours or an instant, kind, value, role, is_public) in this order; `standing` fields."""
    rows = [
        {
            "ticket_key": 5,
            "created_month": 202603,
            "event_id": f"e{number:02}",
            "occurred_at": at if isinstance(at, pd.Timestamp) else instant(at),
            "seq": number,
            "kind": kind,
            "value": rest[0] if rest else None,
            "actor_role": rest[1] if len(rest) > 1 else "agent",
            "is_public": rest[2] if len(rest) > 2 else None,
        }
        for number, (at, kind, *rest) in enumerate(happenings)
    ]
    ticket = {"ticket_key": 5, "created_month": 202603, "shard": 5, "source": "test", "ticket_id": "5"}
    tickets = pd.DataFrame([{**ticket, "created_at": MONDAY, "updated_at": MONDAY, **standing}])
    return conform(TICKET, tickets), conform(TICKET_EVENT, pd.DataFrame(rows))


def measured(
    clock: ClockTerms, *happenings: tuple[Any, ...], as_of: pd.Timestamp = LATER, **standing: Any
) -> list[dict[str, Any]]:
    """The cycles of one ticket under one clock."""
    return clocks.measure(*frames(*happenings, **standing), [clock], CALENDARS, as_of).to_dict("records")


def within(hours: float) -> tuple[Target, ...]:
    """One target for every ticket."""
    return (Target({}, open_us=round(hours * HOUR_US)),)


def by(field: str, **hours: float) -> tuple[Target, ...]:
    """A target for each of a field's values."""
    return tuple(Target({field: frozenset({value})}, open_us=round(each * HOUR_US)) for value, each in hours.items())


def hours(value_us: Any) -> float:
    """Microseconds as hours."""
    return float(value_us) / HOUR_US


def given(value: Any) -> Any:
    """The value, or None for a missing one."""
    return None if pd.isna(value) else value


def desk(*histories: Sequence[tuple[Any, ...]], **standing: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tickets 5, 6, ... with these events, all with the same `standing` fields."""
    apart = [frames(*happenings, **standing) for happenings in histories]
    both = (
        pd.concat([pair[side].assign(ticket_key=key) for key, pair in enumerate(apart, start=5)], ignore_index=True)
        for side in (0, 1)
    )
    tickets, events = both
    return conform(TICKET, tickets), conform(TICKET_EVENT, events)


def plain(value: Any) -> Any:
    """The value as Python has it: None where it is missing, a datetime for an instant."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
