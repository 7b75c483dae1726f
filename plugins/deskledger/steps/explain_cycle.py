"""The evidence of one cycle as plain data: its stretches, its targets, what opened and ended it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from deskledger import clocks
from deskledger.contract.definitions import DONE
from deskledger.contract.terms import ClockTerms, EventMatch, Side
from deskledger.model import STATUSES
from deskledger.statement.population import CHANGING, values_at, with_ticket_fields, within

_REOPENED = EventMatch("status", values=frozenset(STATUSES) - DONE, previous_values=DONE)

Reason = Literal["counted", "outside_hours", "holiday", "paused", "held", "before_reset"]


@dataclass(frozen=True)
class Holiday:
    """A closed local day of a calendar; no name where the contract lists the date without one."""

    day: date
    name: str | None


@dataclass(frozen=True)
class Stretch:
    """A part of a cycle in which nothing changed that matters to its clock; instants in the contract's zone."""

    from_at: datetime
    to_at: datetime
    lasted_us: int  # physical time
    status: str | None
    holder: Side
    holder_name: str | None  # as the contract calls the holder, where a rule names one
    team: str | None
    priority: str | None
    calendar: str | None
    is_counted: bool
    reason: Reason
    holidays: tuple[Holiday, ...]
    counted_us: int
    total_us: int  # counted from the cycle's start, or its last reset, to the end of this stretch
    target_us: int | None


@dataclass(frozen=True)
class TargetStep:
    """The time allowed from an instant on, and the fields that moved it there: (field, before, after)."""

    from_at: datetime
    target_us: int | None
    open_days: int | None  # where the contract states whole open days
    until_at: datetime | None  # where the contract states a promised date
    conditions: tuple[tuple[str, str | None], ...]  # the fields that targets depend on, and their values
    changed: tuple[tuple[str, str | None, str | None], ...] = field(default=())


@dataclass(frozen=True)
class Happening:
    """The event that opened or ended a cycle, or made its count begin anew."""

    kind: str
    value: str | None
    actor_role: str | None
    is_reopening: bool  # a status that follows a resolution


def read_stretches(segments: pd.DataFrame, calendars: Mapping[str, Mapping[str, Any]], zone: str) -> list[Stretch]:
    """The stretches of one cycle's `clocks.segments`, in order, with the names of holidays."""
    local = ZoneInfo(zone)
    stretches = []
    for row in segments.to_dict("records"):
        begin, end = row["from_at"].to_pydatetime(), row["to_at"].to_pydatetime()
        reason = _reason(row["reason"])
        stretches.append(
            Stretch(
                from_at=begin.astimezone(local),
                to_at=end.astimezone(local),
                lasted_us=(end - begin) // timedelta(microseconds=1),
                status=_given(row["status"]),
                holder=row["holder"],
                holder_name=_given(row["holder_name"]),
                team=_given(row["team"]),
                priority=_given(row["priority"]),
                calendar=_given(row["calendar"]),
                is_counted=bool(row["is_counted"]),
                reason=reason,
                holidays=(_holiday(calendars[row["calendar"]], begin),) if reason == "holiday" else (),
                counted_us=int(row["counted_us"]),
                total_us=int(row["running_total_us"]),
                target_us=_whole(row["target_us"]),
            )
        )
    return stretches


def cut_at(stretches: Sequence[Stretch], at: datetime | None) -> list[Stretch]:
    """The stretches with the counted one that an instant lies within as two, so that its total is shown there."""
    parts: list[Stretch] = []
    for each in stretches:
        if at is None or not each.is_counted or not each.from_at < at < each.to_at:
            parts.append(each)
            continue
        after_us = (each.to_at.astimezone(UTC) - at.astimezone(UTC)) // timedelta(microseconds=1)
        before_us = each.lasted_us - after_us
        here = at.astimezone(each.from_at.tzinfo)
        total_us = each.total_us - after_us
        parts.append(replace(each, to_at=here, lasted_us=before_us, counted_us=before_us, total_us=total_us))
        parts.append(replace(each, from_at=here, lasted_us=after_us, counted_us=after_us))
    return parts


def folded(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The stretches with each run of closed time (nights, weekends, holidays) as one; everything counted is as it was.

    A run ends where holder, team, priority, calendar or target change.
    """
    lines: list[Stretch] = []
    for each in stretches:
        last = lines[-1] if lines else None
        if last is None or not (_is_closed(each) and _is_closed(last) and _who(each) == _who(last)):
            lines.append(each)
            continue
        lines[-1] = replace(
            last,
            to_at=each.to_at,
            lasted_us=last.lasted_us + each.lasted_us,
            status=each.status,
            reason=last.reason if last.reason == each.reason else "outside_hours",
            holidays=tuple(dict.fromkeys((*last.holidays, *each.holidays))),
            total_us=each.total_us,
        )
    return lines


def target_steps(
    clock: ClockTerms, segments: pd.DataFrame, tickets: pd.DataFrame, events: pd.DataFrame, zone: str
) -> list[TargetStep]:
    """The targets that one cycle had, oldest first: one more wherever its target changed."""
    if segments.empty:
        return []
    target = segments["target_us"]
    is_new = target.ne(target.shift()).fillna(True) & ~(target.isna() & target.shift().isna())
    is_new.iloc[0] = True
    rows = segments.loc[is_new, ["ticket_key", "from_at", "target_us"]].reset_index(drop=True)
    asked = rows["from_at"]
    if clock.retarget == "final":  # the values before the end choose the target of the whole cycle
        asked = pd.Series([segments["to_at"].iloc[-1] - pd.Timedelta(microseconds=1)] * len(rows))
    fields = sorted({name for each in clock.targets for name in each.when})
    known = _fields_at(rows["ticket_key"], asked, tickets, events)
    steps: list[TargetStep] = []
    previous: dict[str, str | None] = {}
    for number, row in rows.iterrows():
        here = known.loc[[number]]
        chosen = next((each for each in clock.targets if within(here, each.when)[0]), None)
        values = {name: _given(here[name].iloc[0]) for name in fields}
        is_promise = chosen is not None and chosen.until == "eta"
        steps.append(
            TargetStep(
                from_at=row["from_at"].to_pydatetime().astimezone(ZoneInfo(zone)),
                target_us=_whole(row["target_us"]),
                open_days=chosen.open_days if chosen else None,
                until_at=_promised(events, dict(asked.items())[number], zone) if is_promise else None,
                conditions=tuple(values.items()),
                changed=tuple(
                    (name, previous[name], values[name]) for name in fields if steps and previous[name] != values[name]
                ),
            )
        )
        previous = values
    return steps


def happenings(tickets: pd.DataFrame, events: pd.DataFrame, wanted: Sequence[EventMatch]) -> dict[datetime, Happening]:
    """The first event of each instant that one of `wanted` matches, in order of time."""
    reopened = clocks.matching(tickets, events, [_REOPENED])
    told = events.assign(is_reopening=reopened)[clocks.matching(tickets, events, wanted)]
    told = told.sort_values(["occurred_at", "seq", "event_id"]).drop_duplicates("occurred_at")
    return {
        row["occurred_at"].to_pydatetime(): Happening(
            row["kind"], _given(row["value"]), _given(row["actor_role"]), row["is_reopening"]
        )
        for row in told.to_dict("records")
    }


def _fields_at(keys: pd.Series, instants: pd.Series, tickets: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The values of all ticket fields at each instant, as the clocks' filters see them."""
    frame = pd.DataFrame({"ticket_key": keys.to_numpy()})
    told = values_at(events, CHANGING, frame["ticket_key"], instants)
    return with_ticket_fields(frame.assign(**{field: told[field] for field in CHANGING}), tickets)


def _promised(events: pd.DataFrame, at: pd.Timestamp, zone: str) -> datetime | None:
    said = events[(events["kind"].astype("str") == "eta") & (events["occurred_at"] <= at)]
    said = said.sort_values(["occurred_at", "seq", "event_id"])
    parsed = pd.to_datetime(said["value"].astype("str"), utc=True, format="ISO8601", errors="coerce")
    if parsed.empty or pd.isna(parsed.iloc[-1]):
        return None
    return parsed.iloc[-1].to_pydatetime().astimezone(ZoneInfo(zone))


def _reason(told: str) -> Reason:
    """The kind of a segment's reason; the status and the holder stand in columns of their own."""
    words: dict[str, Reason] = {
        "counted": "counted",
        "outside business hours": "outside_hours",
        "holiday": "holiday",
        "before reset": "before_reset",
    }
    return words.get(told) or ("paused" if told.startswith("paused") else "held")


def _is_closed(stretch: Stretch) -> bool:
    return stretch.reason in {"outside_hours", "holiday"}


def _who(stretch: Stretch) -> tuple[Any, ...]:
    return stretch.holder, stretch.holder_name, stretch.team, stretch.priority, stretch.calendar, stretch.target_us


def _holiday(calendar: Mapping[str, Any], at: datetime) -> Holiday:
    day = at.astimezone(ZoneInfo(calendar["timezone"])).date()
    country = calendar.get("country")
    names = _holiday_names(country, calendar.get("region"), day.year) if country else {}
    return Holiday(day, names.get(day))


@lru_cache(maxsize=64)
def _holiday_names(country: str, region: str | None, year: int) -> dict[date, str]:
    from holidays import country_holidays  # takes a second: only tickets that met a holiday pay for it

    known = country_holidays(country, subdiv=region, years=year)
    if "en_US" in known.supported_languages:
        known = country_holidays(country, subdiv=region, years=year, language="en_US")
    return dict(known.items())


def _given(value: Any) -> Any:
    return None if pd.isna(value) else value


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
