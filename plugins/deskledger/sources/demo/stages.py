"""The stages of a ticket's life in their order: what may happen, to whom, how long it takes."""

import numpy as np

from deskledger.sources.demo import people, scene
from deskledger.sources.demo.life import Desk

_HOUR = 3600


def live(desk: Desk) -> None:
    """Writes every row of every ticket, from creation to closing."""
    everyone = desk.is_live.copy()
    monitored = desk.channel == scene.CHANNELS.index("monitoring")
    desk.write(everyone & ~monitored, desk.created[~monitored], scene.CUSTOMER)
    desk.write(everyone & monitored, desk.created[monitored], scene.SYSTEM)
    _pick_up(desk)
    _leave_early(desk)
    _respond(desk)
    _work(desk)
    _resolve(desk)
    _reopen(desk)
    _close(desk)


def _pick_up(desk: Desk) -> None:
    agent = people.agent_of(desk.team, desk.rng.random(desk.size))
    share = desk.rng.uniform(0.2, 0.9, desk.size)
    picked = desk.chance(desk.habits.acknowledged)
    at = desk.do_work(picked, desk.respond * share)
    desk.agent[picked] = agent[picked]
    desk.state[picked] = scene.IN_PROGRESS
    desk.write(picked, at, scene.AGENT, scene.ACKNOWLEDGED)
    desk.agent = agent
    desk.respond = np.where(picked, desk.respond * (1 - share), desk.respond)
    chased = desk.chance(desk.habits.chased) & picked
    answer = desk.do_work(chased, desk.respond)
    patience = desk.rng.random(desk.size)[chased]
    before = desk.now.copy()
    desk.write(
        chased,
        before[chased] + (patience * (answer - before[chased])).astype(np.int64),
        scene.CUSTOMER,
        scene.PUBLIC_REPLY,
    )
    # The first reply comes when it would have come anyway.
    desk.respond[chased] = 0
    desk.answer_at[chased] = answer


def _leave_early(desk: Desk) -> None:
    """Duplicates are merged into the same customer's previous ticket; rubbish is deleted."""
    order = np.argsort(desk.account, kind="stable")
    previous = np.full(desk.size, -1)
    same = desk.account[order][1:] == desk.account[order][:-1]
    previous[order[1:][same]] = order[:-1][same]
    merged = desk.chance(desk.habits.merged) & (previous >= 0) & (desk.answer_at < 0)
    deleted = desk.chance(desk.habits.deleted) & ~merged & (desk.answer_at < 0)
    for leaving, activity, value in ((merged, scene.MERGED, previous), (deleted, scene.DELETED, -1)):
        at = desk.do_work(leaving, desk.respond)
        desk.state[leaving] = scene.CLOSED
        desk.write(leaving, at, scene.AGENT, activity, value)
        desk.is_live &= ~leaving


def _respond(desk: Desk) -> None:
    replied = desk.is_live.copy()
    at = desk.do_work(replied, desk.respond)
    planned = desk.answer_at[replied]
    at = np.where(planned >= 0, planned, at)
    desk.state[replied] = scene.IN_PROGRESS
    desk.write(replied, at, scene.AGENT, scene.PUBLIC_REPLY)


def _work(desk: Desk) -> None:
    """Everything between the first reply and the resolution, the work split at random over what happens."""
    habits = desk.habits
    steps = {
        "eta": desk.chance(habits.eta_given),
        "note": desk.chance(habits.noted),
        "customer": desk.chance(habits.waits_on_customer),
        "reassign": desk.chance(habits.reassigned),
        "second": desk.chance(habits.escalated_to_2),
        "update": desk.chance(habits.updated),
        "priority": desk.chance(habits.raised + habits.lowered),
        "vendor": desk.chance(np.where(desk.is_outage, habits.outage_wait_share, habits.waits_on_third_party)),
        "third": desk.chance(habits.escalated_to_3),
        "again": desk.chance(habits.waits_again),
    }
    steps["third"] &= steps["second"]
    steps["again"] &= steps["customer"]
    parts = {name: np.where(which, desk.rng.gamma(0.8, 1.0, desk.size), 0.0) for name, which in steps.items()}
    rest = 1.0 + desk.rng.gamma(1.5, 1.0, desk.size)
    whole = rest + np.sum(list(parts.values()), axis=0)
    parts["eta"] *= 0.3  # promises come early
    needed = {name: part / whole * desk.work for name, part in parts.items()}
    desk.work *= rest / whole

    _agent_row(desk, steps["eta"], needed["eta"], scene.ETA)
    _agent_row(desk, steps["note"], needed["note"], scene.INTERNAL_NOTE)
    _ask_customer(desk, steps["customer"], needed["customer"])
    _hand_over(desk, steps["reassign"], needed["reassign"])
    _escalate(desk, steps["second"], needed["second"], 2, habits.undue_to_2)
    _agent_row(desk, steps["update"], needed["update"], scene.PUBLIC_REPLY)
    _change_priority(desk, steps["priority"], needed["priority"])
    _ask_vendor(desk, steps["vendor"], needed["vendor"])
    _escalate(desk, steps["third"], needed["third"], 3, habits.undue_to_3)
    _ask_customer(desk, steps["again"], needed["again"])


def _agent_row(desk: Desk, which: np.ndarray, seconds: np.ndarray, activity: int) -> None:
    desk.write(which, desk.do_work(which, seconds), scene.AGENT, activity)


def _ask_customer(desk: Desk, which: np.ndarray, seconds: np.ndarray) -> None:
    at = desk.do_work(which, seconds)
    desk.state[which] = scene.AWAITING_CUSTOMER
    desk.write(which, at, scene.AGENT, scene.PUBLIC_REPLY)
    silence = desk.rng.lognormal(np.log(desk.habits.customer_hours * _HOUR), desk.habits.customer_spread, desk.size)
    at = desk.wait_for_customer(which, silence)
    desk.state[which] = scene.IN_PROGRESS
    desk.write(which, at, scene.CUSTOMER, scene.PUBLIC_REPLY)


def _ask_vendor(desk: Desk, which: np.ndarray, seconds: np.ndarray) -> None:
    """A third party holds the ticket; in the outage, until the outage is over."""
    habits = desk.habits
    at = desk.do_work(which, seconds)
    desk.state[which] = scene.AWAITING_VENDOR
    desk.write(which, at, scene.AGENT, scene.INTERNAL_NOTE)
    silence = desk.rng.lognormal(np.log(habits.third_party_hours * _HOUR), habits.third_party_spread, desk.size)
    at = desk.vendor.after(desk.now[which], silence[which].astype(np.int64))
    if desk.is_outage.any():
        is_during = (desk.span.month_of_day == habits.outage_month) & (desk.span.days.day < habits.outage_days[1])
        over = desk.span.midnights[np.flatnonzero(is_during)[-1] + 1] + 9 * _HOUR
        at = np.where(desk.is_outage[which], np.maximum(at, over + (silence[which] % (4 * _HOUR)).astype(np.int64)), at)
    desk.state[which] = scene.IN_PROGRESS
    desk.write(which, at, scene.THIRD_PARTY, scene.INTERNAL_NOTE)


def _hand_over(desk: Desk, which: np.ndarray, seconds: np.ndarray) -> None:
    at = desk.do_work(which, seconds)
    _move(desk, which, at, people.other_team(desk.team, desk.rng.random(desk.size)), scene.NOTHING, -1)


def _escalate(desk: Desk, which: np.ndarray, seconds: np.ndarray, level: int, undue: float) -> None:
    at = desk.do_work(which, seconds)
    value = np.where(desk.rng.random(desk.size) < undue, 1, 0) + (0 if level == 2 else 2)
    desk.level[which] = level
    _move(desk, which, at, people.team_at(level, desk.team, desk.rng.random(desk.size)), scene.ESCALATED, value)


def _move(
    desk: Desk, which: np.ndarray, at: np.ndarray, team: np.ndarray, activity: int, value: np.ndarray | int
) -> None:
    """The old agent writes the row that names the new team and agent."""
    giver = desk.agent[which]
    agent = people.agent_of(team, desk.rng.random(desk.size))
    desk.team[which], desk.agent[which] = team[which], agent[which]
    desk.write(which, at, scene.AGENT, activity, value, actor=giver)


def _change_priority(desk: Desk, which: np.ndarray, seconds: np.ndarray) -> None:
    """One step up or down. What is raised is worked faster from then on; nobody is called at night to lower one."""
    habits = desk.habits
    goes_up = desk.rng.random(desk.size) < habits.raised / (habits.raised + habits.lowered)
    changed = np.clip(desk.priority + np.where(goes_up, -1, 1), 0, 3)
    which = which & (changed != desk.priority)
    at = desk.do_work(which, seconds, is_planned=True)
    desk.work[which & goes_up] *= 0.35
    desk.priority[which] = changed[which]
    desk.write(which, at, scene.AGENT)


def _resolve(desk: Desk) -> None:
    resolved = desk.is_live.copy()
    at = desk.do_work(resolved, desk.work)
    desk.state[resolved] = scene.RESOLVED
    desk.write(resolved, at, scene.AGENT, scene.PUBLIC_REPLY)
    desk.first_resolved[resolved] = at
    desk.last_resolved[resolved] = at


def _reopen(desk: Desk) -> None:
    """The customer comes back before the ticket closes; the second resolution is quicker."""
    habits = desk.habits
    reopened = desk.chance(habits.reopened)
    thinking = desk.rng.gamma(1.5, 9 * _HOUR, desk.size)
    at = desk.wait_for_customer(reopened, thinking)
    soon = at < desk.now[reopened] + habits.close_after_hours * _HOUR
    reopened[np.flatnonzero(reopened)[~soon]] = False
    desk.state[reopened] = scene.REOPENED
    desk.write(reopened, at[soon], scene.CUSTOMER, scene.PUBLIC_REPLY)
    at = desk.do_work(reopened, desk.lateness * desk.rng.uniform(0.3, 1.2, desk.size) * 2 * _HOUR)
    desk.state[reopened] = scene.RESOLVED
    desk.write(reopened, at, scene.AGENT, scene.PUBLIC_REPLY)
    desk.is_reopened |= reopened
    desk.last_resolved[reopened] = at


def _close(desk: Desk) -> None:
    closed = desk.is_live.copy()
    at = desk.now[closed] + desk.habits.close_after_hours * _HOUR
    desk.state[closed] = scene.CLOSED
    desk.write(closed, at, scene.SYSTEM)
