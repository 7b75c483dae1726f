"""The terms of one contract version as plain frozen data: what the loader gives and the engine takes.

Durations are integer microseconds, percentages and amounts exact (`Fraction` or `Decimal`), instants aware.
Every priced or measured term carries the `clause` of the signed contract that it stands for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

Side = Literal["provider", "customer", "third_party"]

# Ticket field -> accepted values; every field must match. Empty matches every ticket.
Filter = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class EventMatch:
    """An event that matches all of its given conditions; None asks nothing.

    `previous_values` are of the event's own previous value, or where the source gives none, of what the ticket's last
    event of the kind said. `is_change`: whether it says something else than that last event did (an audit log repeats
    itself). `is_public`: a reply or note is public only where the source says so, any other event unless the source
    calls it internal.
    """

    kind: str
    values: frozenset[str] | None = None
    previous_values: frozenset[str] | None = None
    actor_roles: frozenset[str] | None = None
    is_public: bool | None = None
    is_change: bool | None = None


@dataclass(frozen=True)
class Target:
    """The time allowed for tickets that match `when`: open time, whole open days, or until a promised instant.

    Exactly one of `open_us`, `open_days` and `until` is given; `until="eta"` is the instant that the latest `eta`
    event promised. The first target that matches holds.
    """

    when: Filter
    open_us: int | None = None
    open_days: int | None = None
    until: Literal["eta"] | None = None
    # Open days end at the start's local time of day, or at that day's close.
    day_end: Literal["same_time", "close"] = "same_time"


@dataclass(frozen=True)
class CalendarChoice:
    """The calendar, by name, of tickets that match `when`; the first match holds."""

    when: Filter
    calendar: str


@dataclass(frozen=True)
class HolderRule:
    """The side that holds the tickets that match `when`, and the holder's name if the contract gives one.

    `when` may also name `status` and `escalation` (the value of the latest escalation). The first match holds.
    """

    when: Filter
    side: Side
    name: str | None = None


@dataclass(frozen=True)
class ClockTerms:
    """One declared SLA clock (DESIGN, "SLA clocks").

    A cycle opens at the first `start` event while none is open and ends at the next `stop` (or `cancel`); a later
    `start` opens the next one, also when the same event has just stopped the last. `resume` takes the last stop back:
    the same cycle goes on; more than `resume_within_us` (None: ever) after the stop it opens the next one instead, and
    the stop is final. `reset` sets the count to zero unless the cycle is breached already. Time is counted while
    the ticket's status is not in `pause` and its holder is in `counts` (None: every holder), on the calendar that
    applies. The first rule of `held_by` that matches says who holds the ticket; where none does, `holders` names the
    side by status, over the default (waiting_on_customer: customer, waiting_on_third_party: third_party, any other:
    provider). A stop that is a start too, at the very instant at which its cycle opened, only repeats that beginning.
    """

    name: str
    clause: str
    start: tuple[EventMatch, ...]
    stop: tuple[EventMatch, ...]
    calendars: tuple[CalendarChoice, ...]
    targets: tuple[Target, ...]
    pause: frozenset[str] = frozenset()
    reset: tuple[EventMatch, ...] = ()
    cancel: tuple[EventMatch, ...] = ()
    resume: tuple[EventMatch, ...] = ()
    resume_within_us: int | None = None  # physical time; exactly so long after the stop is still in time
    cycles: Literal["first", "last", "worst", "all"] = "all"
    retarget: Literal["at_change", "initial", "final"] = "at_change"
    at_close: Literal["closing", "next_opening"] = "closing"
    attribution: Literal["due", "started", "stopped"] = "due"
    holders: Mapping[str, Side] = field(default_factory=dict)
    held_by: tuple[HolderRule, ...] = ()
    counts: frozenset[Side] | None = None


@dataclass(frozen=True)
class CsatTerms:
    """How ratings become shares (domain/csat.md): every choice is the contract's, none has a default."""

    clause: str
    good: frozenset[int]
    neutral: frozenset[int]
    poor: frozenset[int]
    denominator: Literal["exclude_neutral", "include_neutral"]
    answers: Literal["first", "last", "all"]
    attribution: Literal["created", "solved", "sent", "responded"]
    acknowledged: bool = False  # that one of two tests can never bind


# The KPIs that a service level may be agreed on, and the statistic that each of them is unless it says `count`.
KPIS: Mapping[str, Literal["share", "count"]] = MappingProxyType(
    {
        "reopened": "share",
        "undue_l3_escalations": "share",
        "without_eta": "share",
        "acknowledged": "share",
        "l3_escalations": "count",
        "management_escalations": "count",
        "backlog": "count",
    }
)

# Those that are about a month's last instant, not about what happened during it.
KPIS_AT_THE_END = frozenset({"backlog", "without_eta"})


@dataclass(frozen=True)
class Measure:
    """What a service level measures: a clock, CSAT or a KPI, and the statistic taken of it."""

    subject: Literal["clock", "csat", "kpi"]
    name: str  # of the clock; good or poor for CSAT; of the KPI
    statistic: Literal["share_met", "mean", "percentile", "share", "count"] = "share_met"
    percentile: Fraction | None = None
    side: Side = "provider"


@dataclass(frozen=True)
class MinimumSample:
    """What a CSAT service level does with a month of fewer than `answers` (domain: CSAT, 6).

    `pool` takes the months before it too, one by one, until there are enough or `months` are used; `fall_back` takes
    the answers of the service level `to`, which is about more tickets. Where there are still too few, and with
    `no_consequence` at once, a penalty is not judged.
    """

    answers: int
    otherwise: Literal["no_consequence", "pool", "fall_back"]
    months: int = 1
    to: str | None = None


@dataclass(frozen=True)
class ServiceLevel:
    """A measure with an objective over a population and a window (DESIGN, "Contract terms")."""

    name: str
    clause: str
    measure: Measure
    operator: Literal[">=", "<="]
    target: Fraction  # per cent for shares, seconds for times, a plain number for counts
    population: Filter = field(default_factory=dict)
    window_months: int = 1
    window_mode: Literal["pooled", "mean"] = "pooled"
    title: str = ""
    minimum_sample: MinimumSample | None = None


@dataclass(frozen=True)
class Reason:
    """A reason for which tickets may be excluded from a service level (penalty structures, 14).

    `removed` takes them out of numerator and denominator; `excused` adds them back to the numerator, as performance
    that the contract forgives.
    """

    name: str
    clause: str
    title: str
    effect: Literal["removed", "excused"]


@dataclass(frozen=True)
class Authority:
    """Who (None: everybody) may approve up to which amount (None: any)."""

    approvers: tuple[str, ...] | None = None
    up_to_amount: Decimal | None = None


@dataclass(frozen=True)
class Review:
    """How a draft is decided: by when, what happens then, and who may approve which amount (none named: everybody).

    The time is `within_open_days` of `calendar`, or `within` of calendar time; neither: no deadline. `then` is what
    happens at the deadline; `to` is whom it is escalated to. Above `second_above_amount` two persons approve.
    """

    within: timedelta | None = None
    within_open_days: int | None = None
    calendar: str | None = None
    then: Literal["nothing", "remind", "escalate", "deemed_approved"] = "nothing"
    to: str | None = None
    clause: str | None = None
    authority: tuple[Authority, ...] = ()
    second_above_amount: Decimal | None = None


@dataclass(frozen=True)
class Period:
    """The contract's month: its zone, first day, and how long after its end it may be closed."""

    timezone: str
    start_day: int = 1
    close_after: timedelta = timedelta(0)
    survey_wait: timedelta = timedelta(0)


@dataclass(frozen=True)
class OpeningBalances:
    """What stood when the contract's months were first settled here; `until` is the last month settled elsewhere.

    All lists are oldest first and end with `until`. `history`: of each penalty, failed 1, met 0, no data None.
    `caps_used` by cap of a quarter or year; `rolling`: numerator and denominator of each month of a service level;
    `late`: by service level and open cycle ("T-17#1@v1", measured under version 1), the seconds of lateness that were
    charged.
    """

    until: str
    history: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    points: tuple[str, ...] = ()
    caps_used: Mapping[str, str] = field(default_factory=dict)
    rolling: Mapping[str, tuple[tuple[Fraction, int], ...]] = field(default_factory=dict)
    late: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """The terms in force from `effective_from` until the next version begins."""

    number: int
    effective_from: date
    author: str
    calendars: Mapping[str, Mapping[str, Any]]  # as BusinessCalendar.from_terms takes them
    clocks: tuple[ClockTerms, ...]
    csat: CsatTerms | None
    service_levels: tuple[ServiceLevel, ...]
    # What `penalties.assess` takes as its contract, but `bases` maps each base to the charge kind that gives its amount
    # ({"fee": {"charge": "monthly_fee"}}). A term's `measure` is a service level's name.
    penalties: Mapping[str, Any]
    # The step of the engagement ladder, and what the provider answers with for each service level (ADR 0046).
    engagement: Mapping[str, Any] = field(default_factory=dict)
    restates: tuple[str, ...] = ()  # posted months that a backdated version states again
    exclusions: tuple[Reason, ...] = ()  # the reasons that the parties accept; without one nothing can be excluded


@dataclass(frozen=True)
class Contract:
    """One customer contract with all its versions, oldest first. `sha256` is of the file's bytes.

    `written` is the canonical form of the file's words. `backs` names the upstream contract that this one backs, on the
    line `backs_line` of the file.
    `ends_on` is its last day, where it has ended or will: the last of a period.
    """

    name: str
    title: str
    currency: str
    parties: Mapping[str, str]
    sources: tuple[str, ...]
    scope: Filter
    period: Period
    versions: tuple[Version, ...]
    file: str
    sha256: str
    written: str = ""
    backs: str | None = None
    backs_line: int = 1
    opening: OpeningBalances | None = None
    ends_on: date | None = None
    review: Review = field(default_factory=Review)


def money(text: str | int | Decimal) -> Decimal:
    """An amount as written, exactly; a float is refused because it has already lost cents."""
    if isinstance(text, float):
        raise TypeError("money is never a float")
    return Decimal(text)
