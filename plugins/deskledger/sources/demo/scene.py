"""The scene: who takes part, what they deal with, and how often things happen. Names and likelihoods, nothing else.

These are the habits of an invented desk, not terms of a contract: targets, objectives and money live in contracts/.
Shares are probabilities between 0 and 1; `*_hours` are medians in hours; `*_spread` is the sigma of a lognormal.
"""

from dataclasses import dataclass

PROVIDER = "Meridian Support"
DESK_ZONE = "Europe/Madrid"  # the months and days of the export files

STATES = ("New", "In Progress", "Awaiting Customer", "Awaiting Vendor", "Resolved", "Reopened", "Closed")
NEW, IN_PROGRESS, AWAITING_CUSTOMER, AWAITING_VENDOR, RESOLVED, REOPENED, CLOSED = range(7)

ACTIVITIES = ("", "acknowledged", "public reply", "internal note", "eta", "escalated", "merged", "deleted")
NOTHING, ACKNOWLEDGED, PUBLIC_REPLY, INTERNAL_NOTE, ETA, ESCALATED, MERGED, DELETED = range(8)

ROLES = ("agent", "customer", "third_party", "system")
AGENT, CUSTOMER, THIRD_PARTY, SYSTEM = range(4)

ESCALATIONS = ("L1>L2", "L1>L2 undue", "L2>L3", "L2>L3 undue")

PRODUCTS = ("ledger-core", "payments", "storefront", "mobile")
ISSUE_TYPES = ("bug", "query", "degradation", "outage", "access", "change")
CHANNELS = ("portal", "mail", "phone", "chat", "monitoring")
ENVIRONMENTS = ("production", "staging", "test")
PRIORITIES = ("P1", "P2", "P3", "P4")
SEVERITIES = ("S1", "S2", "S3", "S4")

MONDAY_TO_FRIDAY = ("mon", "tue", "wed", "thu", "fri")
EVERY_DAY = (*MONDAY_TO_FRIDAY, "sat", "sun")


@dataclass(frozen=True)
class Shift:
    """The hours that a group of teams works, in its own zone, closed on its own region's holidays."""

    name: str
    country: str
    region: str
    timezone: str
    opens: str
    closes: str


SHIFTS = (
    Shift("es-day", "ES", "MD", "Europe/Madrid", "08:00", "18:00"),
    Shift("es-late", "ES", "MD", "Europe/Madrid", "14:00", "24:00"),
    Shift("in-day", "IN", "MH", "Asia/Kolkata", "10:30", "20:00"),
    Shift("in-late", "IN", "MH", "Asia/Kolkata", "14:30", "24:00"),
)


@dataclass(frozen=True)
class Team:
    """A team: its support level, its shift (index into SHIFTS) and its usual pace (1.0 is usual, more is slower)."""

    name: str
    level: int
    shift: int
    pace: float


def _teams() -> tuple[Team, ...]:
    levels = (1, 1, 1, 2, 2, 3, 1, 1, 1, 2, 2, 3, 1, 1, 2, 3, 1, 1, 2, 3)
    shifts = (0,) * 6 + (1,) * 6 + (2,) * 4 + (3,) * 4
    paces = (
        0.94,
        1.0,
        1.1,
        0.98,
        1.02,
        1.0,
        0.95,
        1.02,
        1.08,
        1.0,
        1.0,
        1.0,
        0.96,
        1.04,
        1.0,
        1.0,
        0.97,
        1.06,
        1.0,
        1.0,
    )
    return tuple(
        Team(f"team-{number:02d}", level, shift, pace)
        for number, (level, shift, pace) in enumerate(zip(levels, shifts, paces, strict=True), start=1)
    )


TEAMS = _teams()
AGENTS = 300


@dataclass(frozen=True)
class Account:
    """A customer's account: its share of all tickets, where its people are, and the shifts that usually serve it."""

    name: str
    title: str
    tier: str
    share: float
    country: str
    subdivision: str | None
    timezone: str
    regions: tuple[str, ...]
    shifts: tuple[tuple[int, float], ...]  # (shift, likelihood)
    products: tuple[float, ...]  # likelihood of each of PRODUCTS
    pace: float  # of the work for this customer, as a team's


_BANK = ((0, 0.62), (2, 0.38))
_STORES = ((1, 0.72), (3, 0.28))
_SPAIN = ("ES", "MD", "Europe/Madrid", ("ES-MD", "ES-CT", "ES-AN"))
_US_EAST = ("US", None, "America/New_York", ("US-NY", "US-NJ", "US-MA"))

ACCOUNTS = (
    Account("alder-retail", "Alder Bank, retail", "standard", 0.28, *_SPAIN, _BANK, (0.35, 0.3, 0.0, 0.35), 1.0),
    Account("alder-markets", "Alder Bank, markets", "standard", 0.12, *_SPAIN, _BANK, (0.7, 0.3, 0.0, 0.0), 1.0),
    Account("alder-cards", "Alder Bank, cards", "standard", 0.15, *_SPAIN, _BANK, (0.15, 0.6, 0.0, 0.25), 1.0),
    Account("brisa-stores", "Brisa Stores, shops", "standard", 0.25, *_US_EAST, _STORES, (0, 0.45, 0.3, 0.25), 0.68),
    Account("brisa-online", "Brisa Stores, online", "sensitive", 0.18, *_US_EAST, _STORES, (0, 0.3, 0.6, 0.1), 0.68),
    Account("meridian-internal", "Meridian, own desk", "internal", 0.02, *_SPAIN, _BANK, (0.4, 0.2, 0.2, 0.2), 1.0),
)
INTERNAL = len(ACCOUNTS) - 1

# The monthly fee of each contract, as text: money is never a float.
FEES = {"alder": ("182500.00", "EUR"), "brisa": ("146800.00", "USD")}


@dataclass(frozen=True)
class Habits:
    """How the desk behaves. Change these to change the scene; the same values and seed give the same bytes."""

    # Demand
    weekday_weights: tuple[float, ...] = (1.15, 1.1, 1.0, 1.0, 0.95, 0.22, 0.15)
    hour_weights: tuple[float, ...] = (
        *(0.06, 0.04, 0.03, 0.03, 0.04, 0.08, 0.18, 0.45, 0.95, 1.45, 1.6, 1.5),
        *(1.25, 1.05, 1.15, 1.35, 1.3, 0.9, 0.5, 0.32, 0.24, 0.18, 0.14, 0.1),
    )
    holiday_demand: float = 0.3
    priority_shares: tuple[float, ...] = (0.03, 0.17, 0.5, 0.3)

    # Pace: a month's pace multiplies times to respond and to resolve (the list repeats when months are more).
    month_response_pace: tuple[float, ...] = (0.93, 1.06, 1.0)
    month_work_pace: tuple[float, ...] = (0.93, 1.06, 0.995)
    response_hours: tuple[float, ...] = (0.2, 0.84, 1.15, 2.1)
    response_spread: float = 0.68
    work_hours: tuple[float, ...] = (1.6, 2.75, 9.6, 19.5)
    work_spread: float = 0.62
    stuck_share: float = 0.004  # work takes many times as long: what is still open at the end

    # The trouble of the second month: a payment network's outage, and the teams that drown in it
    outage_month: int = 1
    outage_days: tuple[int, int] = (9, 14)  # first day, first day after
    outage_product: int = 1
    outage_wait_share: float = 0.55
    troubled_teams: tuple[int, ...] = (2, 8, 17)  # indices into TEAMS
    trouble_pace: float = 1.35

    # What happens in a life
    acknowledged: float = 0.85
    chased: float = 0.15
    eta_given: float = 0.45
    eta_spread: float = 0.25
    eta_slack: float = 1.3
    noted: float = 0.6
    updated: float = 0.75
    waits_on_customer: float = 0.4
    waits_again: float = 0.12
    customer_hours: float = 3.0
    customer_spread: float = 1.2
    waits_on_third_party: float = 0.07
    third_party_hours: float = 9.0
    third_party_spread: float = 0.8
    reassigned: float = 0.1
    escalated_to_2: float = 0.28
    undue_to_2: float = 0.07
    escalated_to_3: float = 0.3  # of those at the second level
    undue_to_3: float = 0.14
    raised: float = 0.04
    lowered: float = 0.03
    reopened: float = 0.055
    merged: float = 0.014
    deleted: float = 0.005
    close_after_hours: int = 120

    # Surveys
    surveyed: float = 0.6
    survey_after_hours: int = 24
    answered_by_rating: tuple[float, ...] = (0.3, 0.24, 0.15, 0.13, 0.15)
    answer_hours: float = 11.0
    answer_spread: float = 1.1
    answered_twice: float = 0.04
    rating_cuts: tuple[float, ...] = (-2.35, -1.86, -0.72, 0.33)
    rating_by_lateness: float = 0.7
    rating_by_reopening: float = 0.6
