"""The cycles of a contract as of an instant: each under the version that was in force when it started."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from deskledger import clocks
from deskledger.business_time import BusinessCalendar, listed_terms
from deskledger.contract.terms import Contract, Version
from deskledger.model import CYCLE, conform, empty
from deskledger.statement.claims import window_days

_LONGEST_DAYS = 4096
_YEARS_AHEAD = 5  # a promise may name any year, and needs no holidays; agreed times end sooner


def contract_cycles(
    contract: Contract, tickets: pd.DataFrame, events: pd.DataFrame, as_of: datetime, incomplete: Collection[int]
) -> pd.DataFrame:
    """Every cycle (model.CYCLE) that started by `as_of` while a version was in force, measured under that version.

    A cycle that is open when a new version begins goes on under its own, and until it ends the new version opens none
    of that clock and ticket. `incomplete` are the keys of tickets with rows in quarantine. Cycles from before the first
    version are left out.
    """
    frames: list[pd.DataFrame] = []
    for version, begin, end in in_force(contract, as_of):
        measured = clocks.measure(tickets, events, version.clocks, version.calendars, as_of)
        own = measured["started_at"] >= begin
        if end is not None:
            own &= measured["started_at"] < end
        own &= ~_while_open(measured, frames, begin)
        frames.append(measured[own].assign(version=version.number))
    if not frames:
        return empty(CYCLE)
    joined = pd.concat(frames, ignore_index=True)
    is_incomplete = joined["ticket_key"].isin(list(incomplete))
    return conform(CYCLE, joined.assign(contract=contract.name, is_incomplete=is_incomplete))


def _while_open(cycles: pd.DataFrame, earlier: list[pd.DataFrame], begin: datetime) -> np.ndarray:
    """Which of a version's cycles start while a cycle that opened before it began is still open (ADR 0066)."""
    opened = pd.concat([frame[~(frame["stopped_at"] <= begin)] for frame in earlier]) if earlier else cycles.head(0)
    if opened.empty:
        return np.zeros(len(cycles), dtype=bool)
    ends = opened["stopped_at"].fillna(pd.Timestamp.max.tz_localize("UTC"))
    until = ends.groupby([opened["ticket_key"], opened["clock"].astype("str")]).max()
    mine = pd.MultiIndex.from_arrays([cycles["ticket_key"], cycles["clock"].astype("str")])
    return np.asarray(cycles["started_at"].array < until.reindex(mine).array, dtype=bool)


def in_force(contract: Contract, as_of: datetime) -> Iterator[tuple[Version, datetime, datetime | None]]:
    """The versions with clocks that were in force by `as_of`, oldest first: from when, and until before when."""
    begins = [_begins(contract, version) for version in contract.versions]
    for version, begin, end in zip(contract.versions, begins, [*begins[1:], None], strict=True):
        if begin <= as_of and version.clocks:
            yield version, begin, end


def open_spans(
    contract: Contract, cycles: pd.DataFrame, start_at: pd.Timestamp, end_at: pd.Timestamp
) -> dict[str, dict[str, list[list[str]]]]:
    """The calendars of each version written out: open spans (ISO 8601, UTC) from the first counted cycle to the end.

    Holiday tables change with the library that knows them; what a statement was measured by must not.
    """
    started = cycles["started_at"].min()
    first = start_at if pd.isna(started) else min(start_at, started)
    return {
        str(version.number): {name: spans_of(terms, first, end_at) for name, terms in version.calendars.items()}
        for version in _measuring(contract, cycles)
    }


def spans_of(terms: Mapping[str, Any], first: pd.Timestamp, end_at: pd.Timestamp) -> list[list[str]]:
    """A calendar's open spans within [first, end_at), cut at both, as ISO 8601 in UTC."""
    return _written(BusinessCalendar.from_terms(terms).open_spans(first, end_at), first, end_at)


def expanded_calendars(
    contract: Contract, priced_by: Version, cycles: pd.DataFrame, end_at: pd.Timestamp
) -> dict[str, dict[str, dict[str, Any]]]:
    """The calendars of each version as `BusinessCalendar.from_terms` takes them, public holidays as dates.

    Of the versions that measured cycles and of the one that prices the month, and of the years from before the first
    counted cycle until after the last due date and the last day for a claim: what is measured by these again does not
    depend on the library that knows holidays.
    """
    started, due = cycles["started_at"].min(), cycles["due_at"].max()
    first = end_at if pd.isna(started) else min(end_at, started)
    last = end_at if pd.isna(due) else max(end_at, due)
    if "claim_calendar" in priced_by.penalties:
        next_first = end_at.tz_convert(contract.period.timezone).date()
        days = window_days(priced_by.penalties, priced_by.calendars, next_first)
        last = max(last, end_at + pd.Timedelta(days=days))
    years = first.year - 1, min(last.year, end_at.year + _YEARS_AHEAD) + 2
    return {
        str(version.number): {name: listed_terms(terms, *years) for name, terms in version.calendars.items()}
        for version in {each.number: each for each in (*_measuring(contract, cycles), priced_by)}.values()
    }


def _measuring(contract: Contract, cycles: pd.DataFrame) -> list[Version]:
    """The versions that cycles were measured under, in their order."""
    numbers = {int(number) for number in cycles["version"].dropna()}
    return [version for version in contract.versions if version.number in numbers]


def silent_since(contract: Contract, start_at: datetime) -> datetime:
    """The instant such that no ticket that was last touched before it can still come due from `start_at` on.

    A clock that no event touches any more comes due at the latest when the longest target, counted from the last event,
    is used up, and a stop counts when no reopening can take it back any more (`resume_within`). Promised dates
    (`until: eta`) are not bounded by it. Without a bound within ten years: the earliest
    instant there is.
    """
    start = np.datetime64(start_at.astimezone(UTC).replace(tzinfo=None), "us")
    calendars = {
        (version.number, name): BusinessCalendar.from_terms(terms)
        for version in contract.versions
        for name, terms in version.calendars.items()
    }
    used = {
        (version.number, choice.calendar, target.open_us, target.open_days)
        for version in contract.versions
        for clock in version.clocks
        for choice in clock.calendars
        for target in clock.targets
    }
    waits_us = max(
        (clock.resume_within_us or 0 for version in contract.versions for clock in version.clocks), default=0
    )
    days = 1
    while days <= _LONGEST_DAYS:
        last_event = start - np.timedelta64(days, "D")
        if timedelta(days=days) > timedelta(microseconds=waits_us) and all(
            _is_over(calendars[number, name], open_us, open_days, last_event, start)
            for number, name, open_us, open_days in used
        ):
            return start_at - timedelta(days=days)
        days *= 2
    return datetime.min.replace(tzinfo=UTC)


def _is_over(
    calendar: BusinessCalendar,
    open_us: int | None,
    open_days: int | None,
    last_event: np.datetime64,
    start: np.datetime64,
) -> bool:
    begun = np.array([last_event])
    if open_us is not None:
        due = calendar.deadline(begun, np.array([open_us], "timedelta64[us]"), at_close="next_opening")[0]
    elif open_days is not None:
        # Its last open day ends at the latest where the next one ends; a promise is looked for on its own.
        due = calendar.open_day_deadline(begun, [open_days + 1])[0]
    else:
        return True
    return bool(due < start)  # never due (NaT) is not over


def with_choice(contract: Contract, cycles: pd.DataFrame) -> pd.DataFrame:
    """`cycles` with `is_chosen`: whether each counts under its clock's `cycles` rule (all, first, last, worst).

    The rule is that of the cycle's own version, the choice among all of its ticket's cycles of the clock (ADR 0066).
    """
    known = cycles
    if len(contract.versions) > 1:  # each version counts its own: by their start they have one order
        started_at = cycles.groupby(["ticket_key", cycles["clock"].astype("str")])["started_at"]
        known = cycles.assign(cycle=started_at.rank("first"))
    chosen = []
    for version in contract.versions:
        kept = clocks.select_cycles(known, version.clocks)
        chosen.append(kept.index[kept["version"] == version.number])
    return cycles.assign(is_chosen=cycles.index.isin(pd.Index([]).append(chosen)))


def _written(spans: pd.DataFrame, first: pd.Timestamp, end_at: pd.Timestamp) -> list[list[str]]:
    opens = spans["opens_at"].where(spans["opens_at"] >= first, first)
    closes = spans["closes_at"].where(spans["closes_at"] <= end_at, end_at)
    return [[one.isoformat(), other.isoformat()] for one, other in zip(opens, closes, strict=True)]


def _begins(contract: Contract, version: Version) -> datetime:
    day = version.effective_from
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(contract.period.timezone)).astimezone(UTC)
