"""Whether a posted month followed its frozen requests: what they name is set aside, and nothing else is by request.

Written apart from what applies them to drafts, so that one can prove the other.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from deskledger.business_time import BusinessCalendar
from deskledger.model import ticket_keys


def requests_faults(
    requests: Sequence[Mapping[str, Any]], waivers: Sequence[Mapping[str, Any]], evidence: pd.DataFrame
) -> list[str]:
    """Each contradiction between `requests` as frozen, the `waivers` that were priced, and model.EVIDENCE; in words."""
    exclusions = {row["request_id"]: row for row in requests if row["kind"] == "exclusion"}
    fate, reason = evidence["fate"].astype("str"), evidence["reason"].astype("str").fillna("")
    by_request = reason.str.split(": ", n=1).str[0]
    faults = [
        f"ticket {ticket_id} is excused, and no frozen request says so"
        for ticket_id in evidence.loc[(fate == "excused") & ~by_request.isin(list(exclusions)), "ticket_id"]
    ]
    for request_id, row in exclusions.items():
        named = _named(evidence, row)
        judged = fate.isin(["met", "failed", "counted", "neutral", "carried"])
        other = (by_request == request_id) & ~named
        faults += [f"{request_id} names ticket {each}, but it counts" for each in _tickets(evidence, named & judged)]
        faults += [
            f"ticket {each} is set aside by {request_id}, which does not name it" for each in _tickets(evidence, other)
        ]
    priced = {(each["id"], each["line"], Decimal(each["amount"])) for each in waivers}
    granted = {
        (row["request_id"], row["line"], Decimal(row["amount"])) for row in requests if row["kind"] == "credit_waiver"
    }
    faults += [f"{each[0]} waives {each[2]} of {each[1]}, but it was not priced" for each in sorted(granted - priced)]
    faults += [
        f"{each[2]} of {each[1]} were waived by {each[0]}, and no frozen request says so"
        for each in sorted(priced - granted)
    ]
    return faults


def said_faults(
    requests: Sequence[Mapping[str, Any]], lines: Sequence[str], measured: Mapping[str, Any], next_first: date
) -> list[str]:
    """Each contradiction between the frozen claims and choices and what was priced, in words.

    `lines` are the priced terms, `measured` the frozen measurements, `next_first` the first day after the month.
    """
    days: dict[str, list[int]] = {}
    chosen: dict[str, str] = {}
    for row in requests:
        for subject in row["subjects"]:
            if row["kind"] == "claim":
                day = date.fromisoformat(subject["claimed_on"]).toordinal() - next_first.toordinal() + 1
                for line in [subject["line"]] if subject.get("line") else lines:
                    days.setdefault(line, []).append(day)
            elif row["kind"] == "choice":
                chosen[subject["event"]] = subject["line"]
    given = {line: int(claim["day"]) for line, claim in (measured.get("claims") or {}).items()}
    wanted = {line: min(known) for line, known in days.items()}
    faults = [
        f"{line}: claimed on day {wanted.get(line, 'none')} by the frozen requests, {given.get(line, 'none')} as priced"
        for line in sorted({*wanted, *given})
        if wanted.get(line) != given.get(line)
    ]
    if chosen != (measured.get("picked") or {}):
        faults.append("the customer's choices are not those of the frozen requests")
    return faults


def window_faults(terms: Mapping[str, Any], priced: Mapping[str, Any], next_first: date) -> list[str]:
    """Why the days for a claim, as `priced`, are not those of the frozen `terms` and calendars; in words.

    Open days of a `claim_calendar` are counted from `next_first` on, the first day after the month. Where nothing is
    priced (a settlement) nothing can be claimed.
    """
    if not priced.get("terms"):
        return []
    agreed = terms.get("penalties") or {}
    wanted, given = agreed.get("claim_window_days"), priced.get("claim_window_days")
    if wanted is not None and "claim_calendar" in agreed:
        calendar = terms["expanded_calendars"][str(terms["number"])][agreed["claim_calendar"]]
        zone = ZoneInfo(calendar["timezone"])
        last_of_month = datetime.combine(next_first - timedelta(days=1), time(12), zone).astimezone(UTC)
        start = np.datetime64(last_of_month.replace(tzinfo=None), "us")
        (ends,) = BusinessCalendar.from_terms(calendar).open_day_deadline(start, wanted)
        wanted = (pd.Timestamp(ends, tz="UTC").astimezone(zone).date() - next_first).days + 1
    if wanted == given:
        return []
    return [f"a claim is in time until day {wanted} by the frozen terms, until day {given} as priced"]


def _tickets(evidence: pd.DataFrame, chosen: pd.Series) -> list[str]:
    return sorted(set(evidence.loc[chosen.to_numpy(dtype=bool), "ticket_id"].astype("str")))


def _named(evidence: pd.DataFrame, request: Mapping[str, Any]) -> pd.Series:
    level = evidence["service_level"].astype("str")
    concerned = level.isin(request["service_levels"]) if request["service_levels"] else level.notna()
    chosen = pd.Series(False, index=evidence.index)
    for subject in request["subjects"]:
        if "survey_id" in subject:
            own = (evidence["survey_id"].astype("str") == subject["survey_id"]) & (
                evidence["source"].astype("str") == subject["source"]
            )
        else:
            own = evidence["ticket_key"] == int(ticket_keys(subject["source"], [subject["ticket_id"]])[0])
            if subject.get("cycle") is not None:
                own &= (evidence["cycle"] == subject["cycle"]) & (evidence["version"] == subject["version"])
        chosen |= own.fillna(False).astype(bool)
    return concerned & chosen
