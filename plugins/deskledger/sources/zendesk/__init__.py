"""Zendesk Support, asked over its public API: what to ask, how to page, and what its records say.

Where the vendor's document and its service differ, the document's paths are asked and both forms of an answer are read
(docs/adr/0073-zendesk.md).
"""

import base64
from collections.abc import Sequence
from typing import Any

import pandas as pd

from deskledger.sources.desk import Account, Stream
from deskledger.sources.zendesk.choice import streams_of
from deskledger.sources.zendesk.rows import rows_of


class Zendesk:
    """Zendesk Support (sources.desk.Desk)."""

    name = "zendesk"

    def streams(self, account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
        """The streams to pull, in order. `options.surveys` chooses where answers are asked for (choice.SURVEYS)."""
        return streams_of(account, columns)

    def headers(self, account: Account) -> dict[str, str]:
        """An API token with its agent's address, or, without a login, an OAuth access token."""
        if not account.login:
            return {"Authorization": f"Bearer {account.secret}", "Accept": "application/json"}
        pair = f"{account.login.removesuffix('/token')}/token:{account.secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}", "Accept": "application/json"}

    def rows(self, stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
        """One row a landed record, in order; docs/desks/zendesk.md names the columns of each stream."""
        return rows_of(stream, records, columns)


DESK = Zendesk()
