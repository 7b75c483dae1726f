"""Teams, agents and who takes a ticket: by the customer's usual shifts, the hour of day and the holidays."""

import numpy as np
import pandas as pd

from deskledger.sources.demo.arrivals import Span
from deskledger.sources.demo.hours import OpenHours, public_holidays
from deskledger.sources.demo.scene import ACCOUNTS, AGENTS, SHIFTS, TEAMS

LEVEL = np.array([team.level for team in TEAMS])
SHIFT = np.array([team.shift for team in TEAMS])
PACE = np.array([team.pace for team in TEAMS])
AGENTS_A_TEAM = AGENTS // len(TEAMS)

_TAIL_DAYS = 60  # hours are known this long before and after the files, so that no life runs off the calendar
_HOUR = 3600


def shift_hours(scene: Span) -> list[OpenHours]:
    """The open hours of each of SHIFTS."""
    first, last = scene.margin(_TAIL_DAYS)
    return [
        OpenHours(
            shift.timezone,
            shift.opens,
            shift.closes,
            first,
            last,
            closed=public_holidays(shift.country, shift.region, first, last),
        )
        for shift in SHIFTS
    ]


def customer_hours(scene: Span) -> list[OpenHours]:
    """When the people of each of ACCOUNTS read their mail: every day, not at night."""
    return [OpenHours(each.timezone, "08:00", "22:00", *scene.margin(_TAIL_DAYS), weekdays=7) for each in ACCOUNTS]


def vendor_hours(scene: Span) -> OpenHours:
    """When third parties work."""
    return OpenHours("Europe/Madrid", "08:00", "19:00", *scene.margin(_TAIL_DAYS))


def first_teams(rng: np.random.Generator, shifts: list[OpenHours], at: np.ndarray, account: np.ndarray) -> np.ndarray:
    """The first-level team (index) that each ticket reaches.

    The customer's usual shift takes it, unless that one is closed or about to close while another would start hours
    earlier: then the sun is followed.
    """
    cost = np.empty((len(shifts), at.size))
    wait = np.stack([hours.after(at, 0) - at for hours in shifts])
    excess = wait - wait.min(axis=0)
    liking = rng.random(at.size)
    for index, hours in enumerate(shifts):
        closing = (wait[index] == 0) & (hours.left(at) < 1.5 * _HOUR)
        cost[index] = np.floor(excess[index] / (3 * _HOUR)) * 1.5 + np.where(closing, 2.0, 0.0)
        cost[index] += _distance(liking, account, index)
    shift = cost.argmin(axis=0)
    choice = rng.random(at.size)
    team = np.empty(at.size, dtype=np.int64)
    for index in range(len(SHIFTS)):
        members = np.flatnonzero((LEVEL == 1) & (index == SHIFT))
        chosen = shift == index
        team[chosen] = members[(choice[chosen] * members.size).astype(np.int64)]
    return team


def team_at(level: int, near: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """A team of the given level on the same shift as team `near`; `choice` is uniform in [0, 1)."""
    team = np.empty(near.size, dtype=np.int64)
    for index in range(len(SHIFTS)):
        members = np.flatnonzero((level == LEVEL) & (index == SHIFT))
        chosen = SHIFT[near] == index
        team[chosen] = members[(choice[chosen] * members.size).astype(np.int64)]
    return team


def other_team(team: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Another team of the same level, in whatever country; `choice` is uniform in [0, 1)."""
    result = np.empty(team.size, dtype=np.int64)
    for level in np.unique(LEVEL):
        members = np.flatnonzero(level == LEVEL)
        chosen = LEVEL[team] == level
        place = np.searchsorted(members, team[chosen])
        step = 1 + (choice[chosen] * (members.size - 1)).astype(np.int64)
        result[chosen] = members[(place + step) % members.size]
    return result


def agent_of(team: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """An agent (index) of each team; the first ones of a team are the busier ones. `choice` is uniform in [0, 1)."""
    return team * AGENTS_A_TEAM + (choice**1.3 * AGENTS_A_TEAM).astype(np.int64)


def agent_names() -> np.ndarray:
    return np.array([f"agent-{number:03d}" for number in range(1, AGENTS + 1)])


def team_table() -> pd.DataFrame:
    """teams.csv: team, name, region, country, support_level, timezone, opens, closes."""
    shifts = [SHIFTS[team.shift] for team in TEAMS]
    return pd.DataFrame(
        {
            "team": [team.name for team in TEAMS],
            "name": [f"{_TITLES[shift.name]} {team.name[-2:]}" for team, shift in zip(TEAMS, shifts, strict=True)],
            "region": [f"{shift.country}-{shift.region}" for shift in shifts],
            "country": [shift.country for shift in shifts],
            "support_level": [team.level for team in TEAMS],
            "timezone": [shift.timezone for shift in shifts],
            "opens": [shift.opens for shift in shifts],
            "closes": [shift.closes for shift in shifts],
        }
    )


def agent_table() -> pd.DataFrame:
    """agents.csv: agent, team, country."""
    team = np.arange(AGENTS) // AGENTS_A_TEAM
    return pd.DataFrame(
        {
            "agent": agent_names(),
            "team": np.array([each.name for each in TEAMS])[team],
            "country": np.array([SHIFTS[each.shift].country for each in TEAMS])[team],
        }
    )


def account_table() -> pd.DataFrame:
    """accounts.csv: account, name, tier."""
    return pd.DataFrame(
        {
            "account": [each.name for each in ACCOUNTS],
            "name": [each.title for each in ACCOUNTS],
            "tier": [each.tier for each in ACCOUNTS],
        }
    )


_TITLES = {"es-day": "Madrid day", "es-late": "Madrid late", "in-day": "Pune day", "in-late": "Pune late"}


def _distance(liking: np.ndarray, account: np.ndarray, shift: int) -> np.ndarray:
    """How far a shift is from a ticket, in hours' worth: the liked one 0, the customer's other 1, a foreign one 2."""
    distance = np.full(account.size, 2.0)
    for index, customer in enumerate(ACCOUNTS):
        below = 0.0
        for usual, likelihood in customer.shifts:
            mine = (account == index) & (usual == shift)
            liked = (liking >= below) & (liking < below + likelihood)
            distance[mine] = np.where(liked[mine], 0.0, 1.0)
            below += likelihood
    return distance
