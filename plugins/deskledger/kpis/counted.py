"""The KPIs that a contract may price, as the rows that are counted: one row a ticket, or an escalation.

Each function takes a desk's period, and gives rows of ticket_key, attributed_at, is_numerator, is_denominator, by
ticket and instant. `attributed_at` is the instant whose team, account, product and priority the row belongs to; what
stands at a period's end is told at its last microsecond.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import numpy as np
import pandas as pd

from deskledger.kpis.flow import DeskPeriod

_LAST = pd.Timedelta(microseconds=1)
_TO_L3 = r"L\d+>L3\b"


def undue_l3_escalations(desk: DeskPeriod) -> pd.DataFrame:
    """Of the escalations to the third level in the period, those judged undue (penalty structures, 8).

    A share of events: what was escalated twice counts twice. Each is of the instant it was escalated at.
    """
    found = _escalations(desk)
    found = found[found["is_to_l3"]]
    return _rows(found["ticket_key"], found["occurred_at"], found["is_undue"])


def l3_escalations(desk: DeskPeriod) -> pd.DataFrame:
    """Escalations to the third level in the period: a count (DESIGN, "escalations per interval").

    Each escalation is a row; each ticket without one that was open or came in during the period is a row that counts
    nothing, so that a quiet desk has 0 and an empty one has no data.
    """
    found = _escalations(desk)
    return _with_quiet(found[found["is_to_l3"]], desk)


def management_escalations(desk: DeskPeriod) -> pd.DataFrame:
    """Escalations to management in the period: a count, with rows as of third-level escalations (service report, 9)."""
    found = _escalations(desk)
    return _with_quiet(found[found["is_management"]], desk)


def reopened(desk: DeskPeriod) -> pd.DataFrame:
    """Of the tickets finished in the period, those taken up again before its end; each of its first finish there.

    A reopening of what an earlier month finished is not this month's. Closing a resolved ticket is not another finish.
    """
    within = desk.changes[desk.changes["occurred_at"] >= desk.begin]
    # Changes alternate, so a ticket came back where a change to open follows one to finished in the period.
    finished = within[within["is_done"]].drop_duplicates("ticket_key")
    has_finished = within.groupby("ticket_key")["is_done"].cummax()
    back = within.loc[has_finished & ~within["is_done"], "ticket_key"]
    return _rows(finished["ticket_key"], finished["occurred_at"], finished["ticket_key"].isin(back))


def without_eta(desk: DeskPeriod) -> pd.DataFrame:
    """Of the tickets open at the period's end, those for which nobody ever promised a date (service report, 7)."""
    keys = desk.tickets.loc[desk.flow["open_at_end"] == 1, "ticket_key"]
    return _rows(keys, _last_instant(keys, desk.end), ~keys.isin(_told("eta", desk)))


def acknowledged(desk: DeskPeriod) -> pd.DataFrame:
    """Of the tickets created in the period, those acknowledged before its end; each of its creation."""
    made = desk.tickets[desk.flow["in"] == 1]
    has = made["ticket_key"].isin(_told("acknowledgement", desk))
    return _rows(made["ticket_key"], made["created_at"], has)


def open_tickets(desk: DeskPeriod) -> pd.DataFrame:
    """The backlog as a count: tickets open at the period's end, of those that were open or came in during it."""
    keys = desk.tickets.loc[_was_there(desk.flow), "ticket_key"]
    return _rows(keys, _last_instant(keys, desk.end), desk.flow.loc[keys.index, "open_at_end"] == 1)


Counting = Callable[[DeskPeriod], pd.DataFrame]

# By the names that contracts use (contract.terms.KPIS).
COUNTED: Mapping[str, Counting] = MappingProxyType(
    {
        "reopened": reopened,
        "undue_l3_escalations": undue_l3_escalations,
        "without_eta": without_eta,
        "acknowledged": acknowledged,
        "l3_escalations": l3_escalations,
        "management_escalations": management_escalations,
        "backlog": open_tickets,
    }
)


def _escalations(desk: DeskPeriod) -> pd.DataFrame:
    """The period's escalations with what their words say: `L2>L3`, then `undue` and `management` where it is so.

    One without words is to no level, and neither undue nor to management.
    """
    events = desk.events[desk.events["kind"] == "escalation"]
    is_one = events["ticket_key"].isin(desk.tickets["ticket_key"])
    within = (events["occurred_at"] >= desk.begin) & (events["occurred_at"] < desk.end)
    found = events.loc[is_one & within, ["ticket_key", "occurred_at", "seq", "event_id", "value"]]
    found = found.sort_values(["ticket_key", "occurred_at", "seq", "event_id"])
    words = found["value"].astype("str")
    return found.assign(
        is_to_l3=words.str.contains(_TO_L3),
        is_undue=words.str.contains(r"\bundue\b"),
        is_management=words.str.contains(r"\bmanagement\b"),
    )


def _with_quiet(found: pd.DataFrame, desk: DeskPeriod) -> pd.DataFrame:
    there = desk.tickets.loc[_was_there(desk.flow), "ticket_key"]
    quiet = there[~there.isin(found["ticket_key"])]
    loud = _rows(found["ticket_key"], found["occurred_at"], pd.Series(True, index=found.index))
    return _ordered(
        pd.concat([loud, _rows(quiet, _last_instant(quiet, desk.end), pd.Series(False, index=quiet.index))])
    )


def _was_there(parts: pd.DataFrame) -> pd.Series:
    """Whether the desk had a ticket in its hands at any time of the period."""
    return (parts["open_at_begin"] + parts["in"] + parts["reopened"]) > 0


def _told(kind: str, desk: DeskPeriod) -> pd.Series:
    is_told = (desk.events["kind"] == kind) & (desk.events["occurred_at"] < desk.end)
    return desk.events.loc[is_told, "ticket_key"]


def _last_instant(keys: pd.Series, end: datetime) -> pd.Series:
    return pd.Series(pd.Timestamp(end).as_unit("us") - _LAST, index=keys.index)


def _rows(keys: pd.Series, instants: pd.Series, is_numerator: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "ticket_key": keys.to_numpy(dtype=np.int64),
            "attributed_at": pd.DatetimeIndex(instants, tz="UTC").as_unit("us"),
            "is_numerator": is_numerator.to_numpy(dtype=bool),
        }
    )
    return _ordered(rows.assign(is_denominator=True))


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["ticket_key", "attributed_at"], ignore_index=True)
