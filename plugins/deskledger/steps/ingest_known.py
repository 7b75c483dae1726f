"""What suites compare the rows of a load with: the names and tickets that the source is known to have."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sqlalchemy import Connection, text

from deskledger.model import ACCOUNT, AGENT, TEAM, Table
from deskledger.quality.context import Known
from deskledger.warehouse.load import stored_months

_NAMED = (ACCOUNT, TEAM, AGENT)  # each is named by the column of its own name
_NAMES = """
    select 'account' as named, account as name from core.account where source = :source
    union all select 'team', team from core.team where source = :source
    union all select 'agent', agent from core.agent where source = :source
"""


@dataclass
class KnownNames:
    """The source's accounts, teams and agents in core, and those that this load brings."""

    names: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, source: str) -> "KnownNames":
        known = cls()
        for named, name in connection.execute(text(_NAMES), {"source": source}):
            known.names.setdefault(named, set()).add(name)
        return known

    def add(self, table: Table, frame: pd.DataFrame) -> None:
        """Takes up what a load is about to write of accounts, teams or agents; other tables name nothing."""
        if table in _NAMED and len(frame):
            self.names.setdefault(table.name, set()).update(frame[table.name])

    def known(self, connection: Connection, tickets: np.ndarray, brought: np.ndarray) -> Known:
        """What is known now; `tickets` are the keys that are asked for, `brought` those that this load brings."""
        asked = np.setdiff1d(tickets, brought)
        stored = stored_months(connection, asked).index.to_numpy() if len(asked) else asked
        held = {table.name: frozenset(self.names[table.name]) for table in _NAMED if table.name in self.names}
        return Known(tickets=np.concatenate([brought, stored]), **held)
