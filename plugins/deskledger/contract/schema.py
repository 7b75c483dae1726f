"""The shape of a contract file: which words it may hold and what each may say. Cross-checks are in `checks`.

Every model refuses words that it does not know; a fault names the line, and the nearest known word.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, model_validator

from deskledger.contract import quantities
from deskledger.contract.document import Block
from deskledger.contract.problems import fault, one_of, suggestion
from deskledger.model import ACTOR_ROLES, EVENT_KINDS, PRIORITIES, STATUSES, timezones

SIDES = ("provider", "customer", "third_party")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Terms(BaseModel):
    """A block of terms. Unknown words are noted in the context's `unknown` list; the rest is still judged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _note_unknown_words(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Block):
            raise fault("a block of `name: value` lines belongs here", "indent the terms under this word")
        unknown = [key for key in value if key not in cls.model_fields]
        noted: list[Any] = (info.context or {})["unknown"]
        for key in unknown:
            noted.append(((*value.path, key), key, tuple(cls.model_fields)))
        return {key: item for key, item in value.items() if key not in unknown}


def _name(value: Any) -> str:
    text = quantities.text_of(value)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", text):
        raise fault(f"`{text}` is not a name", "use small letters, digits, `_` and `-`, beginning with a letter")
    return text


def _timezone(value: Any) -> str:
    text = quantities.text_of(value)
    if text not in timezones():
        remedy = f"{suggestion(text, timezones())}write an IANA zone such as Europe/Madrid"
        raise fault(f"`{text}` is not a time zone", remedy)
    return text


def _start_day(value: Any) -> int:
    number = quantities.whole(value)
    if not 1 <= number <= 28:
        raise fault(f"`{number}` cannot begin every month", "choose a day from 1 to 28")
    return number


def _flag(value: Any) -> bool:
    text = quantities.text_of(value)
    if text not in {"true", "false"}:
        raise fault(f"`{text}` is neither true nor false", "write `true` or `false`")
    return text == "true"


def _words(value: Any) -> frozenset[str]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise fault("the list is empty, so nothing can match", "name at least one value, or remove the line")
    return frozenset(quantities.text_of(item) for item in items)


def _known_words(value: Any, known: tuple[str, ...], noun: str) -> frozenset[str]:
    words = _words(value)
    for word in sorted(words - set(known)):
        raise fault(f"unknown {noun} `{word}`", f"{suggestion(word, known)}use {one_of(known)}")
    return words


def _ratings(value: Any) -> frozenset[int]:
    if isinstance(value, list) and not value:
        return frozenset()
    ratings = frozenset(quantities.whole(item) for item in (value if isinstance(value, list) else [value]))
    if not ratings <= {1, 2, 3, 4, 5}:
        raise fault("a rating is 1, 2, 3, 4 or 5", "list whole stars, such as [4, 5]")
    return ratings


def _statistic(value: Any) -> str:
    text = quantities.text_of(value)
    if text not in {"share_met", "mean", "median", "count", "share"} and not re.fullmatch(r"p\d{1,2}(\.\d+)?", text):
        raise fault(
            f"unknown statistic `{text}`", "use `share_met`, `mean`, `median`, a percentile such as `p90`, or `count`"
        )
    return text


Text = Annotated[str, PlainValidator(quantities.text_of)]
Name = Annotated[str, PlainValidator(_name)]
Day = Annotated[date, PlainValidator(quantities.day)]
Whole = Annotated[int, PlainValidator(quantities.whole)]
Flag = Annotated[bool, PlainValidator(_flag)]
Words = Annotated[frozenset[str], PlainValidator(_words)]
Timezone = Annotated[str, PlainValidator(_timezone)]
Roles = Annotated[frozenset[str], PlainValidator(lambda value: _known_words(value, ACTOR_ROLES, "actor role"))]
Priorities = Annotated[frozenset[str], PlainValidator(lambda value: _known_words(value, PRIORITIES, "priority"))]
Ratings = Annotated[frozenset[int], PlainValidator(_ratings)]
Side = Literal["provider", "customer", "third_party"]


class Population(Terms):
    """Which tickets: every field that is given must match."""

    account: Words | None = None
    team: Words | None = None
    agent: Words | None = None
    product: Words | None = None
    region: Words | None = None
    issue_type: Words | None = None
    severity: Words | None = None
    priority: Priorities | None = None
    urgency: Words | None = None
    support_level: Words | None = None
    channel: Words | None = None
    environment: Words | None = None
    resolution_code: Words | None = None
    target_release: Words | None = None

    def filter(self) -> Mapping[str, frozenset[str]]:
        """The conditions as the engine takes them."""
        return {field: words for field in Population.model_fields if (words := getattr(self, field)) is not None}


class Period(Terms):
    timezone: Timezone
    start_day: Annotated[int, PlainValidator(_start_day)] = 1
    close_after: Annotated[timedelta, PlainValidator(quantities.span)] = timedelta(0)
    survey_wait: Annotated[timedelta, PlainValidator(quantities.span)] = timedelta(0)


def _interval(value: Any) -> list[str]:
    parts = re.split(r"\s*-\s*", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 2:
        raise fault("opening hours need a beginning and an end", 'write ["09:00", "17:00"]')
    begins, ends = (quantities.text_of(part) for part in parts)
    for text in (begins, ends):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00", text):
            raise fault(f"`{text}` is not a time of day", "write it as 09:00; 24:00 ends a day")
    if begins == ends or begins == "24:00":
        raise fault(f"opening hours from {begins} to {ends} hold no time", "write a beginning before the end")
    return [begins, ends]


def _intervals(value: Any) -> list[list[str]]:
    if not isinstance(value, list):
        raise fault("opening hours are a list of pairs", 'write [["09:00", "17:00"]], or [] for a closed day')
    intervals = sorted(_interval(item) for item in value)
    for (first_begins, first_ends), (begins, ends) in pairwise(intervals):
        if first_ends > begins or first_ends < first_begins:
            raise fault(f"opening hours {first_begins}-{first_ends} and {begins}-{ends} overlap", "join the two")
    return intervals


def _weekdays(value: Any) -> tuple[str, ...]:
    """The days that "mon" or "mon-fri" names."""
    first, _, last = value.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        raise fault(f"`{value}` is not a day", f"{suggestion(value, WEEKDAYS)}use mon to sun, or mon-fri")
    days = WEEKDAYS[WEEKDAYS.index(first) : WEEKDAYS.index(last or first) + 1]
    if not days:
        raise fault(f"`{value}` runs backwards", "name the days from mon to sun")
    return days


Weekdays = Annotated[tuple[str, ...], PlainValidator(_weekdays)]
Intervals = Annotated[list[list[str]], PlainValidator(_intervals)]


class Calendar(Terms):
    """When time counts: weekly hours less holidays, or always."""

    timezone: Timezone
    always: Flag = False
    weekly: dict[Weekdays, Intervals] = Field(default={})
    country: Text | None = None
    region: Text | None = None
    holidays: list[Day] = Field(default=[])
    special_days: dict[Day, Intervals] = Field(default={})


class EventMatch(Terms):
    """An event of a ticket: its kind, and what else must hold of it."""

    kind: Literal[EVENT_KINDS]  # type: ignore[valid-type]
    value: Words | None = None
    previous_value: Words | None = None
    actor_role: Roles | None = None
    is_public: Flag | None = None
    is_change: Flag | None = None


class Target(Population):
    """The time allowed for the tickets that match."""

    within: Annotated[quantities.Allowance, PlainValidator(quantities.allowance)] | None = None
    until: Literal["eta"] | None = None
    day_end: Literal["same_time", "close"] = "same_time"


class CalendarChoice(Population):
    """The calendar of the tickets that match."""

    calendar: Name


def _statuses(value: Any) -> frozenset[str]:
    if value == []:
        return frozenset()  # "never pauses", said on purpose
    return _known_words(value, STATUSES, "status")


def _status(value: Any) -> str:
    (status,) = _known_words([value], STATUSES, "status")
    return status


def _sides(value: Any) -> frozenset[str]:
    return _known_words(value, SIDES, "side")


class HolderRule(Population):
    """Who holds the tickets that match: by any field, by status, or by their latest escalation."""

    status: Annotated[frozenset[str], PlainValidator(_statuses)] | None = None
    escalation: Words | None = None
    side: Side
    name: Text | None = None

    def filter(self) -> Mapping[str, frozenset[str]]:
        """The conditions as the engine takes them."""
        own = {field: words for field in ("status", "escalation") if (words := getattr(self, field)) is not None}
        return {**super().filter(), **own}


class Clock(Terms):
    """One clock: a ready-made one (`use`), with what the parties agreed differently, or one declared in full."""

    clause: Text
    use: Name | None = None
    calendar: Name | None = None
    calendars: list[CalendarChoice] | None = None
    targets: list[Target] | None = None
    start: list[EventMatch] | None = None
    stop: list[EventMatch] | None = None
    resume: list[EventMatch] | None = None
    resume_within: Annotated[timedelta, PlainValidator(quantities.span)] | None = None
    reset: list[EventMatch] | None = None
    cancel: list[EventMatch] | None = None
    pause: Annotated[frozenset[str], PlainValidator(_statuses)] | None = None
    holders: dict[Annotated[str, PlainValidator(_status)], Side] | None = None
    held_by: list[HolderRule] | None = None
    counts: Annotated[frozenset[Side], PlainValidator(_sides)] | None = None
    cycles: Literal["first", "last", "worst", "all"] | None = None
    retarget: Literal["at_change", "initial", "final"] | None = None
    at_close: Literal["closing", "next_opening"] | None = None
    attribution: Literal["due", "started", "stopped"] | None = None


class Csat(Terms):
    """How ratings become shares: every choice is the contract's, none has a default (domain: CSAT)."""

    clause: Text
    good: Ratings
    neutral: Ratings
    poor: Ratings
    denominator: Literal["exclude_neutral", "include_neutral"]
    answers: Literal["first", "last", "all"]
    attribution: Literal["created", "solved", "sent", "responded"]
    acknowledged: Flag = False


class Window(Terms):
    """Rolling months that are judged together."""

    months: Whole
    mode: Literal["pooled", "mean"]


class MinimumSample(Terms):
    """What happens in a month of few answers."""

    answers: Whole
    otherwise: Literal["no_consequence", "pool", "fall_back"]
    months: Whole | None = None
    to: Name | None = None


class ServiceLevel(Terms):
    """What is measured, over which tickets, and the objective."""

    clause: Text
    title: Text
    clock: Name | None = None
    csat: Literal["good", "poor"] | None = None
    kpi: Name | None = None
    statistic: Annotated[str, PlainValidator(_statistic)] | None = None
    side: Side = "provider"
    objective: Annotated[quantities.Objective, PlainValidator(quantities.objective)]
    population: Population | None = None
    window: Window | None = None
    minimum_sample: MinimumSample | None = None
