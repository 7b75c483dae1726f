"""Pauses that a desk asks for: how they are told, and how a person ends one before its time."""

from datetime import datetime, timedelta

from deskledger import notify
from deskledger.landing import cursors
from deskledger.steps.desks import require_account
from deskledger.warehouse import open_warehouse

LONG = timedelta(hours=6)  # from here on a person is told: no day's pull waits so long unnoticed


def told(source: str, until: datetime, reason: str, now: datetime) -> str:
    """The line of the log for a pause: a warning, with what ends it, where it is a long one."""
    at = until.isoformat(timespec="seconds")
    if until - now <= LONG:
        return f"{source}: {reason}; nothing is asked before {at}"
    hours = (until - now) // timedelta(hours=1)
    return (
        f"{source}: warning: {reason}; nothing is asked before {at}, in more than {hours:,} hours."
        f" What to do: ask the desk's vendor whether that is meant; `deskledger extract {source} --lift-hold` ends it,"
        " then clear the task that waits (docs/extraction.md)"
    )


def alert(source: str, until: datetime, reason: str, now: datetime) -> None:
    """Tells the people who maintain the flow of a long pause; of others nothing."""
    if until - now > LONG:
        subject = f"Deskledger: {source} is not asked until {until:%Y-%m-%d %H:%M} UTC"
        notify.send(event="account_held", subject=subject, body=told(source, until, reason, now), now=now)


def lift(source: str) -> tuple[datetime, str] | None:
    """Ends the pause of a source's account, which other sources may share: until when it was, and why; None for none.

    Raises SourceError where the source has no account here.
    """
    account = require_account(source)
    with open_warehouse().begin() as connection:
        return cursors.lift(connection, account.base_url)
