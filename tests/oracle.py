"""A slow, obvious oracle: it walks time in minutes and asks the wall clock, and replays events one by one.

It shares no code with the engine. Calendars must have hours, and zones offsets, in whole minutes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from deskledger.contract.terms import ClockTerms, EventMatch, Filter, Target

MINUTE = timedelta(minutes=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIELDS = {"account": "account", "team": "team", "agent": "assignment", "product": "product", "priority": "priority"}


class SlowCalendar:
    """Open or not, minute by minute, by looking at the wall clock."""

    def __init__(self, terms: Mapping[str, Any]) -> None:
        self._always = bool(terms.get("always"))
        self._zone = ZoneInfo(terms.get("timezone", "Etc/UTC"))
        self._weekly = terms.get("weekly", {})
        self._holidays = {str(each) for each in terms.get("holidays", ())}
        self._special = {str(key): spans for key, spans in terms.get("special_days", {}).items()}
        self._minutes: dict[datetime, bool] = {}

    def hours_of(self, day: date) -> list[tuple[int, int]]:
        """The spans that begin on a local day, in minutes after its midnight."""
        if self._always:
            return [(0, 1440)]
        if str(day) in self._special:
            spans = self._special[str(day)]
        elif str(day) in self._holidays:
            spans = []
        else:
            spans = self._weekly.get(WEEKDAYS[day.weekday()], [])
        hours = []
        for begin, end in spans:
            first, last = (int(text[:2]) * 60 + int(text[3:5]) for text in (begin, end))
            hours.append((first, last if last >= first else last + 1440))
        return hours

    def is_open(self, minute: datetime) -> bool:
        """Whether the minute that begins at this instant is open."""
        if minute not in self._minutes:
            local = minute.astimezone(self._zone)
            today = local.hour * 60 + local.minute
            yesterday = local.date() - timedelta(days=1)
            self._minutes[minute] = any(
                first <= moment < last
                for day, moment in ((local.date(), today), (yesterday, today + 1440))
                for first, last in self.hours_of(day)
            )
        return self._minutes[minute]

    def open_stretches(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open parts of [start, end), cut at every full minute."""
        at = start
        while at < end:
            following = min(at.replace(second=0, microsecond=0) + MINUTE, end)
            if self.is_open(at.replace(second=0, microsecond=0)):
                yield at, following
            at = following

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        return sum((last - first for first, last in self.open_stretches(start, end)), timedelta(0))

    def deadline(self, start: datetime, target: timedelta, at_close: str, patience: timedelta) -> datetime | None:
        """Where the target ends, or None if that is not within `patience`."""
        if at_close == "closing" and not target:
            return start
        left = target
        for first, last in self.open_stretches(start, start + patience):
            if left < last - first or (at_close == "closing" and left == last - first):
                return first + left
            left -= last - first
        return None

    def open_day_deadline(self, start: datetime, days: int, day_end: str) -> datetime:
        """The end of the so-many-th open day after the day of the start."""
        local = start.astimezone(self._zone)
        day = local.date()
        while days:
            day += timedelta(days=1)
            days -= bool(self.hours_of(day))
        if day_end == "close":
            minutes = max(last for _, last in self.hours_of(day))
            wanted = datetime.combine(day, datetime.min.time()) + minutes * MINUTE
        else:
            wanted = datetime.combine(day, local.time().replace(tzinfo=None))
        return wanted.replace(tzinfo=self._zone).astimezone(UTC)


@dataclass
class Cycle:
    """One cycle as the oracle sees it."""

    number: int
    opened: int
    ended: int | None = None
    cancelled: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class Replay:
    """One ticket under one clock as of one instant, event by event."""

    def __init__(
        self,
        ticket: Mapping[str, Any],
        events: Sequence[Mapping[str, Any]],
        clock: ClockTerms,
        calendars: Mapping[str, SlowCalendar],
        as_of: datetime,
        patience: timedelta,
    ) -> None:
        self._ticket, self._clock, self._calendars, self._as_of = ticket, clock, calendars, as_of
        self._patience = patience
        self._events = sorted(
            (each for each in events if each["occurred_at"] <= as_of),
            key=lambda each: (each["occurred_at"], each["seq"], each["event_id"]),
        )

    def cycles(self) -> list[dict[str, Any]]:
        """The facts of every cycle, with the names of the cycle table."""
        found: list[Cycle] = []
        current: Cycle | None = None
        resumable: Cycle | None = None
        for place in range(len(self._events)):
            halted = False
            if current is not None and self._is(place, self._clock.cancel):
                current.ended, current.cancelled = place, True
                current, resumable, halted = None, None, True
            elif current is not None and self._is(place, self._clock.stop):
                current.ended = place
                current, resumable, halted = None, current, True
            if self._is(place, self._clock.cancel):
                resumable = None
                halted = True
            halted = halted or self._is(place, self._clock.stop)
            resumes = not halted and self._is(place, self._clock.resume)
            if current is None and resumable is not None and resumes and self._in_time(place, resumable):
                current, resumable = resumable, None
                current.ended = None
            elif current is None and (self._is(place, self._clock.start) or (resumes and resumable is not None)):
                current = Cycle(len(found) + 1, place)
                found.append(current)
        numbered = [cycle for cycle in found if not self._is_restated(cycle)]
        return [self._facts(replace(cycle, number=number)) for number, cycle in enumerate(numbered, start=1)]

    def _in_time(self, place: int, stopped: Cycle) -> bool:
        """Whether an event can still take back the stop of a cycle."""
        assert stopped.ended is not None
        within = self._clock.resume_within_us
        waited = self._at(place) - self._at(stopped.ended)
        return within is None or waited <= timedelta(microseconds=within)

    def _is_restated(self, cycle: Cycle) -> bool:
        """Ended, at the instant that it opened, by an event that stops and starts at once."""
        if cycle.ended is None or cycle.cancelled:
            return False
        chains = self._is(cycle.ended, self._clock.start) and self._is(cycle.ended, self._clock.stop)
        return chains and self._at(cycle.ended) == self._at(cycle.opened)

    def _facts(self, cycle: Cycle) -> dict[str, Any]:
        start = self._at(cycle.opened)
        end = self._as_of if cycle.ended is None else self._at(cycle.ended)
        last = len(self._events) - 1 if cycle.ended is None else cycle.ended - 1
        settled = max(place for place in range(cycle.opened, last + 1) if self._at(place) == start)
        sides = {"provider": timedelta(0), "customer": timedelta(0), "third_party": timedelta(0)}
        breached: datetime | None = None
        spent = timedelta(0)
        since, since_place = start, settled
        in_force, in_force_key, in_force_since = self._target(settled, start, settled), None, start
        in_force_key = self._target_key(settled)
        kept = None
        if self._clock.retarget == "final":
            in_force_key = self._target_key(last)
            in_force = self._target(last, start, settled)
            for place in range(settled + 1, last + 1):
                if self._target_key(place) != self._target_key(place - 1):
                    in_force_since = self._at(place)
        final_since = in_force_since
        pending_reset = False
        for place in range(cycle.opened, last + 1):
            begin = self._at(place)
            finish = end if place == last else self._at(place + 1)
            side = self._side(place)
            sides[side] += finish - begin
            if place > settled:
                pending_reset = pending_reset or self._is(place, self._clock.reset)
                if place == last or finish > begin:
                    if pending_reset and breached is None:
                        spent, since, since_place = timedelta(0), begin, place
                        in_force_since = max(begin, final_since) if self._clock.retarget == "final" else begin
                        key = self._target_key(place) if self._clock.retarget == "at_change" else in_force_key
                        in_force_key = key
                        in_force = self._amount(key, since, since_place)
                    elif (
                        breached is None
                        and self._clock.retarget == "at_change"
                        and self._target_key(place) != in_force_key
                    ):
                        in_force_key = self._target_key(place)
                        in_force, in_force_since = self._amount(in_force_key, since, since_place), begin
                    pending_reset = False
                    if breached is None and in_force is not None and spent > in_force and begin >= in_force_since:
                        breached, kept = begin, in_force
            if place < settled:
                continue
            if self._ticks(place):
                for first, until in self._calendar(place).open_stretches(begin, finish):
                    spent += until - first
                    if breached is None and in_force is not None and spent > in_force:
                        late_from = max(until - (spent - in_force), in_force_since)
                        if late_from < finish:  # a target that comes into force later makes nothing late now
                            breached, kept = late_from, in_force
        target = in_force if kept is None else kept
        due = in_time_until = None
        if target is not None:
            in_time_until = self._due(cycle, since, target, last, end, closing=False)
            in_time_until = None if in_time_until is None else max(in_time_until, in_force_since)
            due = self._due(cycle, since, target, last, end, closing=self._clock.at_close == "closing")
            stated = self._stated(in_force_key, since, since_place)
            if due is not None and stated is not None and self._same_calendar(since_place, last):
                calendar = self._calendar(since_place)
                first, until = min(due, stated), max(due, stated)
                if not calendar.elapsed(first, until):
                    due = stated
            due = None if due is None else max(due, in_force_since)
        final = end  # a stop is final when nothing can take it back
        if cycle.ended is not None and self._clock.resume and self._clock.resume_within_us is not None:
            final += timedelta(microseconds=self._clock.resume_within_us)
        if self._clock.attribution == "stopped":
            attributed = final
        elif self._clock.attribution == "started":
            attributed = breached or (start if cycle.ended is None else final)
        elif in_time_until is None or breached is not None or cycle.ended is None:
            attributed = in_time_until or final
        else:
            attributed = max(in_time_until, final)
        if self._clock.attribution == "started":
            place = settled
        elif self._clock.attribution == "stopped":
            place = last
        else:
            place = max(p for p in range(len(self._events)) if p <= settled or self._at(p) <= attributed)
        state = "running" if cycle.ended is None else "met"
        state = "breached" if breached is not None else state
        return {
            "cycle": cycle.number,
            "state": "cancelled" if cycle.cancelled else state,
            "started_at": start,
            "stopped_at": None if cycle.ended is None else end,
            "due_at": due,
            "breached_at": breached,
            "target_us": None if target is None else target // timedelta(microseconds=1),
            "elapsed_us": spent // timedelta(microseconds=1),
            **{f"{side}_us": held // timedelta(microseconds=1) for side, held in sides.items()},
            "attributed_at": attributed,
            **{name: self._value(name, place) for name in FIELDS if name != "agent"},
            "agent": self._value("agent", place if cycle.ended is None else last),
        }

    def _due(
        self, cycle: Cycle, since: datetime, target: timedelta, last: int, end: datetime, *, closing: bool
    ) -> datetime | None:
        if closing and not target:
            return since
        left = target
        for place in range(cycle.opened, last + 1):
            begin = max(self._at(place), since)
            finish = end if place == last else self._at(place + 1)
            if begin < finish and self._ticks(place):
                for first, until in self._calendar(place).open_stretches(begin, finish):
                    if left < until - first or (closing and left == until - first):
                        return first + left
                    left -= until - first
        projected = self._calendar(last)
        for first, until in projected.open_stretches(max(end, since), end + self._patience):
            if left < until - first or (closing and left == until - first):
                return first + left
            left -= until - first
        raise AssertionError("the oracle ran out of patience")

    def _target_key(self, place: int) -> tuple[int, datetime | None] | None:
        for number, target in enumerate(self._clock.targets):
            if self._meets(target.when, place):
                if target.until is None:
                    return number, None
                promises = [e["value"] for e in self._events[: place + 1] if e["kind"] == "eta"]
                return (number, pd.Timestamp(promises[-1]).to_pydatetime()) if promises else None
        return None

    def _target(self, place: int, since: datetime, since_place: int) -> timedelta | None:
        return self._amount(self._target_key(place), since, since_place)

    def _amount(self, key: Any, since: datetime, since_place: int) -> timedelta | None:
        if key is None:
            return None
        target: Target = self._clock.targets[key[0]]
        if target.open_us is not None:
            return timedelta(microseconds=target.open_us)
        return self._calendar(since_place).elapsed(since, self._end_of(target, key[1], since, since_place))

    def _end_of(self, target: Target, promise: datetime | None, since: datetime, since_place: int) -> datetime:
        if target.until is not None:
            assert promise is not None
            return max(promise, since)
        assert target.open_days is not None
        return self._calendar(since_place).open_day_deadline(since, target.open_days, target.day_end)

    def _stated(self, key: Any, since: datetime, since_place: int) -> datetime | None:
        if key is None:
            return None
        target = self._clock.targets[key[0]]
        if target.until is not None or (target.open_days is not None and target.day_end == "same_time"):
            return self._end_of(target, key[1], since, since_place)
        return None

    def _same_calendar(self, one: int, other: int) -> bool:
        return self._calendar(one) is self._calendar(other)

    def _calendar(self, place: int) -> SlowCalendar:
        choice = next(each for each in self._clock.calendars if self._meets(each.when, place))
        return self._calendars[choice.calendar]

    def _ticks(self, place: int) -> bool:
        if self._value("status", place) in self._clock.pause:
            return False
        return self._clock.counts is None or self._side(place) in self._clock.counts

    def _side(self, place: int) -> str:
        status = self._value("status", place)
        for rule in self._clock.held_by:
            if self._meets(rule.when, place):
                return rule.side
        default = {"waiting_on_customer": "customer", "waiting_on_third_party": "third_party"}.get(status, "provider")
        return self._clock.holders.get(status, default)

    def _meets(self, wanted: Filter, place: int) -> bool:
        return all(str(self._value(name, place)) in values for name, values in wanted.items())

    def _value(self, name: str, place: int) -> Any:
        kind = name if name in {"status", "escalation"} else FIELDS.get(name)
        said = [each["value"] for each in self._events[: place + 1] if each["kind"] == kind]
        return said[-1] if said else self._ticket.get(name)

    def _at(self, place: int) -> datetime:
        return self._events[place]["occurred_at"]

    def _is(self, place: int, wanted: tuple[EventMatch, ...]) -> bool:
        event = self._events[place]
        said = [each["value"] for each in self._events[:place] if each["kind"] == event["kind"]]
        before = said[-1] if said else None
        previous = before if event["previous_value"] is None else event["previous_value"]
        visible = event["is_public"]
        if visible is None and event["kind"] not in {"reply", "note"}:
            visible = True  # what happens to a ticket its customer sees, unless the source says otherwise
        return any(
            event["kind"] == each.kind
            and (each.values is None or event["value"] in each.values)
            and (each.previous_values is None or previous in each.previous_values)
            and (each.actor_roles is None or event["actor_role"] in each.actor_roles)
            and (each.is_public is None or visible is each.is_public)
            and (each.is_change is None or (event["value"] != before) is each.is_change)
            for each in wanted
        )


@cache
def slow_calendar(name: str, terms: str) -> SlowCalendar:
    """One calendar a text form of its terms, so that its minutes are looked up once."""
    import json

    return SlowCalendar(json.loads(terms))
