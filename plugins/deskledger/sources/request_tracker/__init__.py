"""Request Tracker 5, asked over REST 2.0: what to ask, how to page, and what its records say.

docs/desks/request-tracker.md has the columns that a mapping may name, and the rights that the account needs;
docs/adr/0077-request-tracker.md why it is asked as it is.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from deskledger.sources.desk import Account, Stream
from deskledger.sources.request_tracker.choice import streams_of
from deskledger.sources.request_tracker.rows import rows_of


class RequestTracker:
    """Request Tracker 5 (sources.desk.Desk)."""

    name = "request_tracker"

    def streams(self, account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
        """The streams to pull, in order. Raises MappingError for a column that no stream tells."""
        return streams_of(columns)

    def headers(self, account: Account) -> dict[str, str]:
        """An authentication token of the account's user."""
        return {"Authorization": f"token {account.secret}", "Accept": "application/json"}

    def rows(self, stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
        """One row a landed record, in order."""
        return rows_of(stream, records, columns)


DESK = RequestTracker()
