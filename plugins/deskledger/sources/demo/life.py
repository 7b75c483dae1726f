"""The life of a ticket, for all tickets at once: a stage moves the tickets that it concerns and writes their rows."""

from dataclasses import dataclass, field

import numpy as np

from deskledger.sources.demo import people, scene
from deskledger.sources.demo.arrivals import Span
from deskledger.sources.demo.scene import Habits

_HOUR = 3600
CONTACTS_AN_ACCOUNT = 120
VENDORS = 6


@dataclass
class Rows:
    """What happened, one chunk a stage; `joined` gives each column whole, in order of writing."""

    chunks: list[dict[str, np.ndarray]] = field(default_factory=list)

    def joined(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate([chunk[name] for chunk in self.chunks]) for name in self.chunks[0]}


class Desk:
    """The state of every ticket while the stages run. Instants are seconds UTC; entities are indices into the scene."""

    def __init__(self, rng: np.random.Generator, span: Span, habits: Habits, at: np.ndarray, account: np.ndarray):
        self.rng, self.span, self.habits = rng, span, habits
        self.size = at.size
        self.created, self.account = at, account
        self.shifts = people.shift_hours(span)
        self.readers = people.customer_hours(span)
        self.vendor = people.vendor_hours(span)
        self.now = at.copy()
        self.state = np.full(self.size, scene.NEW)
        self.agent = np.full(self.size, -1)
        self.is_live = np.ones(self.size, dtype=bool)
        self.first_resolved = np.full(self.size, -1)
        self.last_resolved = np.full(self.size, -1)
        self.is_reopened = np.zeros(self.size, dtype=bool)
        self.answer_at = np.full(self.size, -1)  # promised first replies of those who were chased
        self.rows = Rows()
        self._describe()

    def _describe(self) -> None:
        habits, rng = self.habits, self.rng
        self.product = self._by_account([each.products for each in scene.ACCOUNTS])
        self.region = self._by_account([(0.6, 0.3, 0.1)] * len(scene.ACCOUNTS))
        self.priority = np.searchsorted(np.cumsum(habits.priority_shares[:-1]), rng.random(self.size), side="right")
        slip = rng.random(self.size)
        self.severity = np.clip(self.priority + (slip > 0.85) - (slip < 0.1), 0, 3)
        self.issue_type = np.searchsorted((0.34, 0.6, 0.74, 0.79, 0.92), rng.random(self.size), side="right")
        self.issue_type[(self.priority == 0) & (self.issue_type < 2)] = 3  # the most urgent are outages
        self.channel = np.searchsorted((0.42, 0.72, 0.82, 0.93), rng.random(self.size), side="right")
        self.environment = np.searchsorted((0.86, 0.95), rng.random(self.size), side="right")
        self.contact = self.account * CONTACTS_AN_ACCOUNT + rng.integers(0, CONTACTS_AN_ACCOUNT, self.size)
        self.team = people.first_teams(rng, self.shifts, self.created, self.account)
        self.level = np.ones(self.size, dtype=np.int64)
        self._set_pace()

    def _set_pace(self) -> None:
        """Seconds to respond and to work that this ticket takes, before anything happens to it."""
        habits = self.habits
        day = self.span.day_of(self.created)
        month = self.span.month_of_day[day]
        pace = people.PACE[self.team] * np.array([each.pace for each in scene.ACCOUNTS])[self.account]
        is_trouble = month == habits.outage_month
        pace[is_trouble & np.isin(self.team, habits.troubled_teams)] *= habits.trouble_pace
        respond_pace = np.array(habits.month_response_pace)[month % len(habits.month_response_pace)]
        work_pace = np.array(habits.month_work_pace)[month % len(habits.month_work_pace)]
        self.respond = self._lognormal(habits.response_spread) * np.array(habits.response_hours)[self.priority]
        self.respond *= pace * respond_pace * _HOUR
        self.lateness = self._lognormal(habits.work_spread) * pace * work_pace  # 1.0 is usual for the priority
        self.lateness[self.rng.random(self.size) < habits.stuck_share] *= 12
        self.work = self.lateness * np.array(habits.work_hours)[self.priority] * _HOUR
        dates = self.span.days.day.to_numpy()[day]
        in_outage = (dates >= habits.outage_days[0]) & (dates < habits.outage_days[1])
        self.is_outage = is_trouble & in_outage & (self.product == habits.outage_product)

    def _by_account(self, likelihoods: list[tuple[float, ...]]) -> np.ndarray:
        edges = np.cumsum(np.array(likelihoods), axis=1)[self.account]
        return (self.rng.random(self.size)[:, None] >= edges[:, :-1]).sum(axis=1)

    def _lognormal(self, spread: float) -> np.ndarray:
        return np.exp(self.rng.normal(0.0, spread, self.size))

    def chance(self, likelihood: float | np.ndarray) -> np.ndarray:
        """Which live tickets a stage concerns. Every stage draws for all tickets, so that stages stay independent."""
        return (self.rng.random(self.size) < likelihood) & self.is_live

    def do_work(self, which: np.ndarray, seconds: np.ndarray, *, is_planned: bool = False) -> np.ndarray:
        """The instants at which each chosen ticket's team is done with `seconds` of work begun now.

        Urgent tickets are worked at any hour by those on call, except what `is_planned`.
        """
        chosen = np.flatnonzero(which)
        done = self.now[chosen] + seconds[chosen].astype(np.int64)
        on_call = (self.priority[chosen] == 0) & (not is_planned)
        for index, hours in enumerate(self.shifts):
            mine = (people.SHIFT[self.team[chosen]] == index) & ~on_call
            done[mine] = hours.after(self.now[chosen[mine]], seconds[chosen[mine]].astype(np.int64))
        return done

    def wait_for_customer(self, which: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        chosen = np.flatnonzero(which)
        done = self.now[chosen].copy()
        for index, hours in enumerate(self.readers):
            mine = self.account[chosen] == index
            done[mine] = hours.after(self.now[chosen[mine]], seconds[chosen[mine]].astype(np.int64))
        return done

    def write(
        self,
        which: np.ndarray,
        at: np.ndarray,
        role: int,
        activity: int = scene.NOTHING,
        value: np.ndarray | int = -1,
        actor: np.ndarray | None = None,
    ) -> None:
        """Rows of the chosen tickets as they stand now; their time moves on to `at`. Agents act unless told."""
        chosen = np.flatnonzero(which)
        self.now[chosen] = at
        if actor is None:
            actor = self.agent if role == scene.AGENT else self.contact
            actor = actor[chosen] if role in {scene.AGENT, scene.CUSTOMER} else chosen % VENDORS
        same = {name: getattr(self, name)[chosen] for name in _SNAPSHOT}
        constant = {"role": role, "activity": activity}
        self.rows.chunks.append(
            {"ticket": chosen, "at": self.now[chosen], "actor": actor}
            | same
            | {name: np.full(chosen.size, each) for name, each in constant.items()}
            | {"value": np.full(chosen.size, -1) if isinstance(value, int) else value[chosen]}
        )


_SNAPSHOT = ("state", "priority", "team", "agent", "level")
