"""Tickets whose figures the desk takes otherwise than its policies say, so that a cross-check has something to find."""

import numpy as np

from deskledger.sources.demo import scene
from deskledger.sources.demo.zendesk_server.store import Store

EACH = 2  # tickets of each kind
# What is odd about the desk's figures, and thus the cause that a cross-check should name.
KINDS = (
    "other_start",  # work is counted from ten minutes after the creation
    "other_stop",  # work is counted until two hours after the solution
    "pause_rule",  # work goes on while the customer has the turn
    "other_calendar",  # around the clock
    "other_target",  # half of what the policy says
    "rounding",  # up to a whole minute, not down
    "desk_has_none",  # no reply time
    "we_have_none",  # a second reply time, which nobody asked for
)


def odd_tickets(store: Store, is_of_policy: np.ndarray) -> dict[str, np.ndarray]:
    """Of each kind some tickets (positions), none twice: plain ones, which were solved once and at leisure.

    `is_of_policy` says of each account whether the desk has a policy for it.
    """
    rows, desk = store.acted.rows, store.acted.desk
    ticket, at, state = rows["ticket"], rows["at"], rows["state"]

    def has(which: np.ndarray) -> np.ndarray:
        return np.bincount(ticket[which], minlength=desk.size) > 0

    def last(which: np.ndarray) -> np.ndarray:
        found = np.full(desk.size, -1, dtype=np.int64)
        np.maximum.at(found, ticket[which], at[which])
        return found

    lowest, highest = np.full(desk.size, 9), np.zeros(desk.size, dtype=np.int64)
    np.minimum.at(lowest, ticket, rows["priority"])
    np.maximum.at(highest, ticket, rows["priority"])
    ended = np.isin(state, (scene.RESOLVED, scene.CLOSED))
    solved_at, replied = last(state == scene.RESOLVED), (rows["activity"] == scene.PUBLIC_REPLY)
    is_plain = (
        is_of_policy[desk.account]
        & (lowest == highest)
        & (solved_at - desk.created > 30 * 3600)  # over a night: calendars differ
        & has(replied & (rows["role"] == scene.AGENT) & ~ended)
        & ~has(state == scene.REOPENED)
        & ~has(np.isin(rows["activity"], (scene.MERGED, scene.DELETED)))
    )
    waited = last(state == scene.AWAITING_CUSTOMER) >= 0
    numbers, waiting = np.flatnonzero(is_plain & ~waited), np.flatnonzero(is_plain & waited)
    found: dict[str, np.ndarray] = {}
    for place, kind in enumerate(KINDS):
        of = waiting if kind == "pause_rule" else numbers
        found[kind] = of[len(of) // 4 :][place * EACH : (place + 1) * EACH]
    return found
