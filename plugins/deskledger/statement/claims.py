"""What the customer said of a month's credits: claims, which some contracts ask for, and choices between credits.

Both are requests that two persons put on record (ledger.request); here they become what `penalties.assess` takes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from deskledger.business_time import BusinessCalendar
from deskledger.errors import StatementError


@dataclass(frozen=True)
class Claim:
    """A claim of the day `claimed_on`, of one line or (None) of all."""

    request_id: str
    claimed_on: date
    line: str | None


@dataclass(frozen=True)
class Choice:
    """The line that the customer picked of those that stand for one event."""

    request_id: str
    event: str
    line: str


@dataclass(frozen=True)
class Said:
    """The claims and choices of a month, oldest first."""

    claims: tuple[Claim, ...] = ()
    choices: tuple[Choice, ...] = ()

    def without(self, request_id: str | None) -> "Said":
        """The same without one request; empty when none is named."""
        kept = Said(
            tuple(each for each in self.claims if each.request_id != request_id),
            tuple(each for each in self.choices if each.request_id != request_id),
        )
        return Said() if request_id is None else kept

    def form(self, terms: Iterable[Mapping[str, Any]], next_first: date) -> dict[str, Any]:
        """`claims` and `picked` of the measurements. `next_first` is the first day after the month: its day 1.

        The first claim of a line counts, and the last choice.
        """
        named = [str(term["id"]) for term in terms]
        days: dict[str, int] = {}
        for claim in self.claims:
            day = (claim.claimed_on - next_first + timedelta(days=1)).days
            for line in named if claim.line is None else [claim.line]:
                days[line] = min(day, days.get(line, day))
        return {
            **({"claims": {line: {"day": day} for line, day in days.items()}} if days else {}),
            **({"picked": {each.event: each.line for each in self.choices}} if self.choices else {}),
        }


def claimable_until(
    penalties: Mapping[str, Any], calendars: Mapping[str, Mapping[str, Any]], next_first: date
) -> date | None:
    """The last day on which a month's credits may still be claimed, where they are withheld until then; else None.

    `penalties` and `calendars` are those of its version, `next_first` the first day after the month.
    """
    if penalties.get("until_claimed") != "withheld":
        return None
    return next_first + timedelta(days=window_days(penalties, calendars, next_first) - 1)


def window_days(penalties: Mapping[str, Any], calendars: Mapping[str, Mapping[str, Any]], next_first: date) -> int:
    """How many days a claim may take that is due within `claim_window_days`: the first one is `next_first`.

    Open days of a `claim_calendar` reach as far as that calendar says: until the last of them. Raises StatementError
    where the calendar has not so many.
    """
    window = int(penalties["claim_window_days"])
    if "claim_calendar" not in penalties:
        return window
    terms = calendars[penalties["claim_calendar"]]
    zone = ZoneInfo(str(terms["timezone"]))
    month_end = datetime.combine(next_first - timedelta(days=1), time(12), zone)
    start = np.datetime64(month_end.astimezone(UTC).replace(tzinfo=None), "us")
    (ends,) = BusinessCalendar.from_terms(terms).open_day_deadline(start, window)
    if np.isnat(ends):
        raise StatementError(
            f"the calendar {penalties['claim_calendar']!r} has no {window} open days after the month to claim in",
            where=f"`claim_window_days: {window}`, days from {next_first} on",
            remedy="give that calendar weekly hours in a new version, or ask for fewer days",
        )
    return (pd.Timestamp(ends, tz="UTC").astimezone(zone).date() - next_first).days + 1


def said(requests: Sequence[Mapping[str, Any]]) -> Said:
    """From approved rows of ledger.request_state (oldest first) to what the customer said."""
    claims = [
        Claim(row["request_id"], date.fromisoformat(subject["claimed_on"]), subject.get("line"))
        for row in requests
        if row["kind"] == "claim"
        for subject in row["subjects"]
    ]
    choices = [
        Choice(row["request_id"], subject["event"], subject["line"])
        for row in requests
        if row["kind"] == "choice"
        for subject in row["subjects"]
    ]
    return Said(tuple(claims), tuple(choices))
