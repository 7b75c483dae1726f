"""Reviews whose time is over: what the contract says happens then, said to people and kept in the ledger."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger import ledger, notify
from deskledger.errors import DeskledgerError, LedgerError, WarehouseError
from deskledger.steps import close, due_months
from deskledger.warehouse import open_warehouse

_EVERY = timedelta(days=1)

_WAITING = text("""
with states as (
    select
        draft_id,
        contract,
        period,
        currency,
        credit_amount
    from ledger.draft_state
    where state = 'in_review'
),

told as (
    select
        draft_id,
        count(*) as reminders,
        max(reminded_at) as reminded_at
    from ledger.reminder
    group by draft_id
)

select
    states.*,
    draft.terms -> 'review' as review,
    ledger.asks_second(states.draft_id) as asks_second,
    coalesce(told.reminders, 0) as reminders,
    told.reminded_at
from states
inner join ledger.draft as draft on states.draft_id = draft.draft_id
left join told on states.draft_id = told.draft_id
where draft.terms #>> '{review,due_at}' is not null
order by states.contract, states.period
""")


def overdue(now: datetime) -> list[str]:
    """Do what their contracts say with every review whose time is over; the drafts that something was done with.

    A reminder or escalation goes out at the deadline and once a day after it; a clause that deems a draft approved does
    so once, and leaves a stale draft to the next one. Of an amount that takes two persons it deems nothing: a reminder
    goes out instead. `nothing` does nothing. What stops one review (a contract that is
    not valid, a stale draft that cannot be made anew) is told, stops no other, and is raised as one LedgerError at the
    end; WarehouseError is raised at once.
    """
    with open_warehouse().connect() as connection:
        waiting = [dict(row) for row in connection.execute(_WAITING).mappings()]
    done, stopped = [], []
    for row in waiting:
        try:
            if _act(row, now):
                done.append(row["draft_id"])
        except WarehouseError:
            raise
        except DeskledgerError as error:
            stopped.append(row["draft_id"])
            notify.send("review_stopped", f"Not carried out at its deadline: draft {row['draft_id']}", str(error), now)
    if stopped:
        raise LedgerError(
            f"what their contracts say at the deadline was not carried out for {', '.join(stopped)}",
            where="reviews",
            remedy="the log and the messages say why for each; correct that, and the next hour tries again",
        )
    return done


def changed_by_request(now: datetime) -> list[str]:
    """The due months whose newest draft follows other requests than those in force: a ruling leads to a new draft.

    Only requests that the month's own draft follows: a ruling about a posted month is booked with a draft that comes
    anyway. A settlement follows none.
    """
    keys = due_months.due(now)
    with open_warehouse().connect() as connection:
        return [key for key in keys if _follows_others(connection, key)]


def _follows_others(connection: Connection, key: str) -> bool:
    name, _, period = key.partition("|")
    newest = ledger.newest_draft(connection, name, period)
    if newest is None or contracts.is_after_end(close.contract_named(name), period):
        return False
    followed = ledger.read(connection, newest["draft_id"]).draft["assessment"].get("requests") or ()
    in_force = ledger.requests_in_force(connection, name, period)
    return {each["request_id"] for each in followed} != {each["request_id"] for each in in_force}


def _act(row: Mapping[str, Any], now: datetime) -> bool:
    review, due_at = row["review"], datetime.fromisoformat(row["review"]["due_at"])
    if now < due_at or review["then"] == "nothing":
        return False
    what = (
        f"{row['contract']} {row['period']}: draft {row['draft_id']}, credit {row['credit_amount']} {row['currency']}"
    )
    takes_two = review["then"] == "deemed_approved" and row["asks_second"]
    if review["then"] == "deemed_approved" and not takes_two:
        is_done = close.deem_approved(row["draft_id"], at=now)
        if is_done:
            words = f"Nobody decided on it by {due_at:%Y-%m-%d %H:%M} UTC. Clause {review['clause']} deems it approved."
            notify.send("review_deemed_approved", f"Deemed approved: {what}", words, now)
        return is_done
    if row["reminded_at"] is not None and now < row["reminded_at"] + _EVERY:
        return False
    number = row["reminders"] + 1
    action = "remind" if takes_two else review["then"]
    whom = f" Escalated to {review['to']}." if action == "escalate" else ""
    if takes_two:
        whom = f" Two persons approve such an amount: clause {review['clause']} does not deem it approved."
    words = f"It was to be decided by {due_at:%Y-%m-%d %H:%M} UTC, and still waits for a decision.{whom}"
    with open_warehouse().begin() as connection:
        ledger.remind(connection, row["draft_id"], number, action, message=words, at=now)
    notify.send(f"review_{action}", f"Not decided in time: {what}", words, now)
    return True
