"""The desk's own SLA figures: its policies, and a plain calculation of its own that shares nothing with the engine.

Two metrics a ticket: reply_time, from creation to the first public reply of an agent; and agent_work_time, which runs
while the ticket is new or open and stands while it is pending or on hold, until it is solved. Minutes are whole. Some
tickets are measured otherwise (odd_figures).
"""

from dataclasses import dataclass, replace

import numpy as np

from deskledger.sources.demo import scene
from deskledger.sources.demo.arrivals import Span
from deskledger.sources.demo.hours import OpenHours, public_holidays
from deskledger.sources.demo.zendesk_server.odd_figures import odd_tickets
from deskledger.sources.demo.zendesk_server.store import Store
from deskledger.sources.demo.zendesk_server.wire import iso, ticket_id

KINDS = ("activate", "apply_sla", "breach", "fulfill", "update_status")  # in the order of one instant
METRICS = ("reply_time", "agent_work_time")
_RUNS = (scene.NEW, scene.IN_PROGRESS, scene.REOPENED)
_ENDS = (scene.RESOLVED, scene.CLOSED)
_METRIC_BASE = 9_000_000_000


@dataclass(frozen=True)
class Policy:
    """What the desk's owner has set up: the hours of a schedule, and targets in minutes by priority, P1 first."""

    title: str
    country: str
    subdivision: str | None
    timezone: str
    opens: str
    closes: str
    reply_minutes: tuple[int, int, int, int]
    work_minutes: tuple[int, int, int, int]
    accounts: tuple[str, ...]


POLICIES = (
    Policy("Alder, Madrid hours", "ES", "MD", "Europe/Madrid", "08:00", "18:00",
           (30, 120, 240, 480), (240, 480, 1440, 2880), ("alder-retail", "alder-markets", "alder-cards")),
    Policy("Brisa, New York hours", "US", None, "America/New_York", "08:00", "20:00",
           (30, 120, 240, 480), (240, 480, 1440, 2880), ("brisa-stores", "brisa-online")),
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """Metric events in the order of their export, as columns: `kind` of KINDS, `metric` of METRICS; in minutes."""

    at: np.ndarray
    ticket: np.ndarray
    metric: np.ndarray
    kind: np.ndarray
    policy: np.ndarray
    target: np.ndarray
    business: np.ndarray
    calendar: np.ndarray
    instance: np.ndarray
    is_business: np.ndarray

    def record(self, index: int) -> dict[str, object]:
        kind, ticket = KINDS[self.kind[index]], int(self.ticket[index])
        record: dict[str, object] = {
            "id": _METRIC_BASE + index,
            "ticket_id": ticket_id(ticket),
            "metric": METRICS[int(self.metric[index])],
            "instance_id": int(self.instance[index]),
            "type": kind,
            "time": iso(int(self.at[index])),
        }
        if kind == "apply_sla":
            policy, target = int(self.policy[index]), int(self.target[index])
            record["sla"] = {
                "target": target,
                "target_in_seconds": target * 60,
                "business_hours": bool(self.is_business[index]),
                "policy": {"id": 700 + policy, "title": POLICIES[policy].title},
            }
        elif kind == "update_status":
            record["status"] = {"business": int(self.business[index]), "calendar": int(self.calendar[index])}
        return record


@dataclass(frozen=True)
class _Rule:
    """How a metric is taken: the hours that count, what else differs from the policy, and by how much (seconds)."""

    hours: OpenHours
    is_business: bool = True
    never_pauses: bool = False
    begins_later: int = 0
    ends_later: int = 0
    target_share: int = 1  # the target is that part of the policy's
    rounds_up: bool = False
    instance: int = 1


def figures(store: Store) -> Figures:
    """Every metric event of both metrics, over the whole scene."""
    desk, rows = store.acted.desk, store.acted.rows
    hours = [_hours(policy, store.acted.span) for policy in POLICIES]
    policy = np.full(len(scene.ACCOUNTS), -1)
    for index, each in enumerate(POLICIES):
        policy[[number for number, account in enumerate(scene.ACCOUNTS) if account.name in each.accounts]] = index
    order = np.lexsort((rows["seq"], rows["ticket"]))
    by_ticket = {name: rows[name][order] for name in ("ticket", "at", "state", "priority", "role", "activity", "seq")}
    first = np.flatnonzero(by_ticket["seq"] == 1)
    of_policy = policy[desk.account[by_ticket["ticket"][first]]]
    odd = odd_tickets(store, policy >= 0)
    chunks: list[dict[str, np.ndarray]] = []
    for metric, stops in ((0, _replies(by_ticket)), (1, _solutions(by_ticket))):
        for index in range(len(POLICIES)):
            mine = first[of_policy == index]
            for rule, rows_of in _rules(_Rule(hours[index]), metric, odd, by_ticket["ticket"][mine], store.acted.span):
                chunks += _instances(by_ticket, mine[rows_of], stops, metric, index, rule, store.acted.span.end)
    columns = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    order = np.lexsort((columns["metric"], columns["kind"], columns["ticket"], columns["at"]))
    return Figures(**{name: each[order] for name, each in columns.items()})


def _rules(
    usual: _Rule, metric: int, odd: dict[str, np.ndarray], tickets: np.ndarray, span: Span
) -> list[tuple[_Rule, np.ndarray]]:
    """The rules of a metric, each with the tickets (a flag each) that it is for."""
    which = {kind: np.isin(tickets, numbers) for kind, numbers in odd.items()}
    if metric == 0:
        return [(usual, ~which["desk_has_none"]), (replace(usual, instance=2), which["we_have_none"])]
    always = OpenHours("UTC", "00:00", "24:00", *span.margin(60), weekdays=7)
    rules = {
        "other_start": replace(usual, begins_later=600),
        "other_stop": replace(usual, ends_later=7200),
        "pause_rule": replace(usual, never_pauses=True),
        "other_calendar": replace(usual, hours=always, is_business=False),
        "other_target": replace(usual, target_share=2),
        "rounding": replace(usual, rounds_up=True),
    }
    every = np.logical_or.reduce([which[kind] for kind in rules])
    return [(usual, ~every), *((rule, which[kind]) for kind, rule in rules.items())]


def _hours(policy: Policy, span: Span) -> OpenHours:
    first, last = span.margin(60)
    closed = public_holidays(policy.country, policy.subdivision, first, last)
    return OpenHours(policy.timezone, policy.opens, policy.closes, first, last, closed=closed)


def _replies(rows: dict[str, np.ndarray]) -> np.ndarray:
    return (rows["activity"] == scene.PUBLIC_REPLY) & (rows["role"] == scene.AGENT)


def _solutions(rows: dict[str, np.ndarray]) -> np.ndarray:
    return np.isin(rows["state"], _ENDS)


def _instances(
    rows: dict[str, np.ndarray],
    first: np.ndarray,
    stops: np.ndarray,
    metric: int,
    policy: int,
    rule: _Rule,
    end: int,
) -> list[dict[str, np.ndarray]]:
    """The events of one metric for the tickets whose first rows are `first`; the target is the first priority's."""
    where = np.flatnonzero(stops)
    place = np.searchsorted(where, first)
    stop = np.where(place < len(where), where[np.minimum(place, len(where) - 1)], -1)
    is_over = (stop >= 0) & (rows["ticket"][stop] == rows["ticket"][first])
    started = rows["at"][first] + rule.begins_later
    stopped = np.where(is_over, rows["at"][stop] + rule.ends_later, end)
    limits = POLICIES[policy].reply_minutes if metric == 0 else POLICIES[policy].work_minutes
    target = np.array(limits)[rows["priority"][first]] // rule.target_share
    business, calendar, breached = _spent(rows, first, started, stopped, target * 60, metric, rule)
    up = 59 if rule.rounds_up else 0

    def chunk(which: np.ndarray, at: np.ndarray, kind: str) -> dict[str, np.ndarray]:
        size = int(which.sum())
        return {
            "at": at[which],
            "ticket": rows["ticket"][first][which],
            "metric": np.full(size, metric, dtype=np.int8),
            "kind": np.full(size, KINDS.index(kind), dtype=np.int8),
            "policy": np.full(size, policy, dtype=np.int8),
            "target": target[which].astype(np.int32),
            "business": ((business[which] + up) // 60).astype(np.int32),
            "calendar": ((calendar[which] + up) // 60).astype(np.int32),
            "instance": np.full(size, rule.instance, dtype=np.int8),
            "is_business": np.full(size, rule.is_business),
        }

    every = np.ones(len(first), dtype=bool)
    return [
        chunk(every, started, "activate"),
        chunk(every, started, "apply_sla"),
        chunk((breached >= 0) & (breached <= stopped), breached, "breach"),
        chunk(is_over, stopped, "fulfill"),
        chunk(is_over, stopped, "update_status"),
    ]


def _spent(
    rows: dict[str, np.ndarray],
    first: np.ndarray,
    started: np.ndarray,
    stopped: np.ndarray,
    target: np.ndarray,
    metric: int,
    rule: _Rule,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds used in the schedule and by the clock until `stopped`, and when the target was used up (-1: never)."""
    business, calendar = np.zeros(len(first), dtype=np.int64), np.zeros(len(first), dtype=np.int64)
    breached = np.full(len(first), -1, dtype=np.int64)
    at, is_alive = first.copy(), np.ones(len(first), dtype=bool)
    size = len(rows["ticket"])
    # Step by step along each ticket's rows, all tickets at once: no life has more than a few dozen.
    while is_alive.any():
        following = np.minimum(at + 1, size - 1)
        is_next = (at + 1 < size) & (rows["ticket"][following] == rows["ticket"][first])
        begins = np.minimum(np.maximum(rows["at"][at], started), stopped)
        ends = np.where(is_next, np.minimum(rows["at"][following], stopped), stopped)
        counts = np.isin(rows["state"][at], _RUNS) | (metric == 0) | rule.never_pauses
        runs = is_alive & (ends > begins) & counts
        used = np.where(runs, rule.hours.so_far(ends) - rule.hours.so_far(begins), 0)
        late = runs & (breached < 0) & (business + used > target)
        if late.any():
            breached[late] = rule.hours.after(begins[late], (target - business)[late])
        business += used
        calendar += np.where(runs, ends - begins, 0)
        is_alive &= is_next & (rows["at"][following] < stopped)
        at = np.where(is_alive, following, at)
    return business, calendar, breached
