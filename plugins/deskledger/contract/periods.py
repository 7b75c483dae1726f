"""The contract's months: which one an instant belongs to, and where each begins and ends (DESIGN, "period").

A period is named after the month its first day lies in: with `start_day: 15`, "2026-01" runs from 15 January to the
end of 14 February, in the contract's own zone.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from deskledger.contract.terms import Contract, Version
from deskledger.errors import ContractError


def period_of(contract: Contract, instant: datetime) -> str:
    """The period ("2026-01") that an aware instant belongs to. Raises ValueError for a naive one."""
    today = local_day(contract, instant)
    year, month = today.year, today.month
    if today.day < contract.period.start_day:
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return f"{year:04d}-{month:02d}"


def period_bounds(contract: Contract, period: str) -> tuple[datetime, datetime]:
    """The UTC instants where a period begins (included) and ends (excluded)."""
    return _begin(contract, period), _begin(contract, next_period(period))


def first_day(contract: Contract, period: str) -> date:
    """The local date on which a period begins."""
    year, month = _parts(period)
    return date(year, month, contract.period.start_day)


def next_period(period: str) -> str:
    """The period after this one."""
    year, month = _parts(period)
    return f"{year + 1:04d}-01" if month == 12 else f"{year:04d}-{month + 1:02d}"


def previous_period(period: str) -> str:
    """The period before this one."""
    year, month = _parts(period)
    return f"{year - 1:04d}-12" if month == 1 else f"{year:04d}-{month - 1:02d}"


def is_after_end(contract: Contract, period: str) -> bool:
    """Whether the contract has ended before a period begins: nothing is measured in it, corrections are settled."""
    return contract.ends_on is not None and first_day(contract, period) > contract.ends_on


def ended_at(contract: Contract) -> datetime | None:
    """The instant from which on the contract is over (UTC); None where no end is agreed."""
    if contract.ends_on is None:
        return None
    after = contract.ends_on + timedelta(days=1)
    midnight = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(contract.period.timezone))
    return midnight.astimezone(UTC)


def local_day(contract: Contract, instant: datetime) -> date:
    """The contract's own date at an aware instant. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset from UTC")
    return instant.astimezone(ZoneInfo(contract.period.timezone)).date()


def version_at(contract: Contract, when: date | datetime) -> Version:
    """The version in force on a local date, or at an aware instant. Raises ContractError before the first one."""
    today = local_day(contract, when) if isinstance(when, datetime) else when
    found = [version for version in contract.versions if version.effective_from <= today]
    if not found:
        raise ContractError(
            f"contract {contract.name} has no version in force on {today}",
            where=contract.file,
            remedy=f"its first version begins on {contract.versions[0].effective_from}; ask for a later date",
        )
    return found[-1]


def _begin(contract: Contract, period: str) -> datetime:
    begins = first_day(contract, period)
    midnight = datetime(begins.year, begins.month, begins.day, tzinfo=ZoneInfo(contract.period.timezone))
    return midnight.astimezone(UTC)


def _parts(period: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", period)
    if not match:
        raise ValueError(f"{period!r} is not a period; one is written 2026-01")
    return int(match[1]), int(match[2])
