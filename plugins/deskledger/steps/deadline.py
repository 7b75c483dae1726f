"""By when a draft is to be decided, and what happens then: as its contract says, and never silently."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from deskledger import ledger
from deskledger.business_time import BusinessCalendar
from deskledger.contract.terms import Contract, Review, Version


def review_terms(contract: Contract, version: Version, drafted_at: datetime) -> dict[str, Any]:
    """The contract's review terms as a draft freezes them, with `due_at`: by when this draft is to be decided."""
    due_at = due(contract.review, version, drafted_at)
    return {**ledger.plain(contract.review), "due_at": None if due_at is None else due_at.isoformat()}


def due(review: Review, version: Version, drafted_at: datetime) -> datetime | None:
    """The instant until which a draft made at `drafted_at` is to be decided; None where the contract sets no time.

    Open days are those of the named calendar of the version in force, and end at its draft's own local time.
    """
    if review.within is not None:
        return drafted_at + review.within
    if review.within_open_days is None:
        return None
    calendar = BusinessCalendar.from_terms(version.calendars[str(review.calendar)])
    start = np.datetime64(drafted_at.astimezone(UTC).replace(tzinfo=None), "us")
    (ends,) = calendar.open_day_deadline(np.array([start]), [review.within_open_days])
    return None if np.isnat(ends) else pd.Timestamp(ends, tz="UTC").to_pydatetime()
