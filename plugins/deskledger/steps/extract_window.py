"""The stretch of time that is pulled again, as people write it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deskledger.errors import DeskledgerError


@dataclass(frozen=True)
class Window:
    """What is pulled again: everything since an instant, up to another one or to now."""

    since: datetime
    until: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.since.isoformat()}/{self.until.isoformat() if self.until else ''}"


def window_of(since: str, until: str) -> Window | None:
    """The window between two days ("2026-04-01", from midnight UTC) or instants; None without a beginning.

    Raises DeskledgerError where one is neither.
    """
    begins, ends = _instant(since), _instant(until)
    if begins is None and ends is not None:
        raise DeskledgerError("the window has an end and no beginning", remedy="give `since` too")
    if begins and ends and ends <= begins:
        raise DeskledgerError("the window ends before it begins", where=f"{since} to {until}")
    return Window(begins, ends) if begins else None


def _instant(written: str) -> datetime | None:
    if not written:
        return None
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is not None and instant.tzinfo is None and len(written) == len("2026-04-01"):
        instant = instant.replace(tzinfo=UTC)
    if instant is None or instant.tzinfo is None:
        raise DeskledgerError(f"{written!r} is neither a day such as 2026-04-01 nor an instant with its offset")
    return instant
