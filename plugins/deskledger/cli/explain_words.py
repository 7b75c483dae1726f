"""The words of an explanation: instants, durations, reasons and terms as a customer reads them."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from deskledger.steps.explain_cycle import Happening, Holiday, Stretch, TargetStep

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_KEYS = tuple(day.lower() for day in _DAYS)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, direction marks, line separators, unassigned
_BY = {"agent": " by an agent", "customer": " by the customer", "third_party": " by a third party"}


def harmless(text: str) -> str:
    """`text` with every character that could steer a terminal or hide something written out as its escape."""
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _HIDDEN else each for each in text
    )


def spoken(name: str) -> str:
    """A name of the contract or the model as words: "waiting_on_customer" is "waiting on customer"."""
    return name.replace("_", " ")


def instant(at: datetime, *, year: bool = True, is_column: bool = False) -> str:
    """ "Fri 27 Mar 2026 16:38:58 CET"; parts of a second only where there are some."""
    number = f"{at.day:>2}" if is_column else str(at.day)
    day = f"{_DAYS[at.weekday()]} {number} {_MONTHS[at.month - 1]}"
    return f"{day} {at.year} {time_of_day(at)}" if year else f"{day} {time_of_day(at)}"


def time_of_day(at: datetime) -> str:
    """ "16:38:58 CET"."""
    return f"{at.strftime('%H:%M:%S')}{_fraction(at.microsecond)} {at.tzname()}"


def duration(microseconds: int) -> str:
    """ "39:19:55": hours, minutes and seconds, exactly."""
    seconds, rest = divmod(abs(microseconds), 1_000_000)
    sign = "-" if microseconds < 0 else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(rest)}"


def month(period: str) -> str:
    """ "2026-03" as "Mar 2026"."""
    return f"{_MONTHS[int(period[5:]) - 1]} {period[:4]}"


def holder(stretch: Stretch) -> str:
    """Who held the ticket, by the name that the contract gives, or with the provider's team."""
    side = spoken(stretch.holder)
    if stretch.holder_name:
        return f"{side}, {stretch.holder_name}"
    return f"{side}, {stretch.team}" if stretch.holder == "provider" and stretch.team else side


def reason(stretch: Stretch, *, is_always: bool) -> str:
    """Why a stretch was counted or not, and whether the clocks on the wall changed in it."""
    status = spoken(stretch.status) if stretch.status else None
    hours = "around the clock" if is_always else "in service hours"
    days = ", ".join(_holiday(each) for each in stretch.holidays)
    words = {
        "counted": f"{status}, {hours}" if status else hours,
        "outside_hours": f"outside service hours; {days}" if days else "outside service hours",
        "holiday": f"closed: {days}",
        "paused": f"{status}: the clock stands still",
        "held": f"{status}: {spoken(stretch.holder)}'s time is not counted",
        "before_reset": "before the count began anew",
    }[stretch.reason]
    jump = (stretch.to_at.utcoffset() or timedelta()) - (stretch.from_at.utcoffset() or timedelta())
    if jump:
        way = "forward" if jump > timedelta() else "back"
        words += f"; clocks went {way} {duration(abs(jump) // timedelta(microseconds=1))}"
    return words


def happened(what: Happening | None) -> str:
    """What opened or ended a cycle: "set to resolved by an agent"; nothing where no event tells."""
    if what is None:
        return ""
    value = what.value or ""
    words = {
        "created": "ticket created",
        "status": f"{'reopened, ' if what.is_reopening else ''}set to {spoken(value)}",
        "reply": "reply",
        "note": "note",
        "assignment": "assigned to an agent",
        "eta": "date promised",
        "acknowledgement": "receipt acknowledged",
        "escalation": f"escalated {value}",
        "merged": "merged into another ticket",
        "deleted": "deleted",
    }.get(what.kind, f"{what.kind} became {value}")
    return words + _BY.get(what.actor_role or "", "")


def target(step: TargetStep) -> str:
    """The time allowed: "24:00:00 of service time (priority P3)"."""
    if step.target_us is None:
        return "none agreed" + _conditions(step)
    words = f"{duration(step.target_us)} of service time"
    if step.open_days is not None:
        words = f"{step.open_days} open {'day' if step.open_days == 1 else 'days'}, {words}"
    if step.until_at is not None:
        words = f"until the promised {instant(step.until_at)}, {words}"
    return words + _conditions(step)


def changes(step: TargetStep) -> str:
    """What moved a target: "priority changed from P4 to P3"."""
    told = [
        f"{spoken(name)} changed from {before or 'none'} to {after or 'none'}" for name, before, after in step.changed
    ]
    if told:
        return " and ".join(told)
    return "another date was promised" if step.until_at else "the count began anew"


def calendar(terms: Mapping[str, Any], first: date, last: date) -> str:
    """A calendar's hours: "Mon-Fri 08:00-18:00 Europe/Madrid, closed on public holidays (ES, MD)"."""
    zone = terms["timezone"]
    if terms.get("always"):
        return "every hour of every day"
    words = ", ".join(f"{days} {spans}" for days, spans in _weekly(terms.get("weekly") or {}))
    closed = []
    if terms.get("country"):
        place = ", ".join(each for each in (terms["country"], terms.get("region")) if each)
        closed.append(f"public holidays ({place})")
    listed = [each for each in map(_date, terms.get("holidays") or ()) if first <= each <= last]
    closed += [_day(each) for each in listed]
    words = f"{words} {zone}" + (f", closed on {', '.join(closed)}" if closed else "")
    for day, spans in (terms.get("special_days") or {}).items():
        if first <= _date(day) <= last:
            words += f"; {_day(_date(day))}: {_spans(spans) or 'closed'}"
    return words


def _conditions(step: TargetStep) -> str:
    told = ", ".join(f"{spoken(name)} {value}" if value else f"no {spoken(name)}" for name, value in step.conditions)
    return f" ({told})" if told else ""


def _weekly(weekly: Mapping[str, Sequence[Sequence[str]]]) -> list[tuple[str, str]]:
    """Days in a row with the same hours as one: ("Mon-Fri", "08:00-18:00")."""
    groups: list[tuple[list[int], str]] = []
    for number, key in enumerate(_KEYS):
        spans = _spans(weekly.get(key) or ())
        if groups and groups[-1][1] == spans:
            groups[-1][0].append(number)
        else:
            groups.append(([number], spans))
    return [
        (_DAYS[days[0]] if len(days) == 1 else f"{_DAYS[days[0]]}-{_DAYS[days[-1]]}", spans)
        for days, spans in groups
        if spans
    ]


def _spans(spans: Sequence[Sequence[str]]) -> str:
    return " and ".join(f"{begin}-{end}" for begin, end in spans)


def _holiday(each: Holiday) -> str:
    return f"{each.name or 'closed day'} {_day(each.day)}"


def _date(day: Any) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _fraction(microseconds: int) -> str:
    return f".{microseconds:06}".rstrip("0") if microseconds else ""
