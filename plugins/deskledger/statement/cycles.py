"""The cycles of a contract as of an instant: each under the version that was in force when it started."""

from collections.abc import Collection
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from deskledger import clocks
from deskledger.contract.terms import Contract, Version
from deskledger.model import CYCLE, conform, empty


def contract_cycles(
    contract: Contract, tickets: pd.DataFrame, events: pd.DataFrame, as_of: datetime, incomplete: Collection[int]
) -> pd.DataFrame:
    """Every cycle (model.CYCLE) that started by `as_of` while a version was in force, measured under that version.

    `incomplete` are the keys of tickets with rows in quarantine. Cycles from before the first version are left out.
    """
    begins = [_begins(contract, version) for version in contract.versions]
    ends = [*begins[1:], None]
    frames = []
    for version, begin, end in zip(contract.versions, begins, ends, strict=True):
        if begin > as_of or not version.clocks:
            continue
        measured = clocks.measure(tickets, events, version.clocks, version.calendars, as_of)
        own = measured["started_at"] >= begin
        if end is not None:
            own &= measured["started_at"] < end
        frames.append(measured[own].assign(version=version.number))
    if not frames:
        return empty(CYCLE)
    joined = pd.concat(frames, ignore_index=True)
    is_incomplete = joined["ticket_key"].isin(list(incomplete))
    return conform(CYCLE, joined.assign(contract=contract.name, is_incomplete=is_incomplete))


def _begins(contract: Contract, version: Version) -> datetime:
    day = version.effective_from
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(contract.period.timezone)).astimezone(UTC)
