"""What is on record in facts about a ticket's cycles, and whether it equals what was just measured."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection

from deskledger.model import CYCLE
from deskledger.warehouse import read_frame

# What a cycle comes to. The fields that it is filtered by, and as_of itself, are not part of its evidence.
COMPARED = (
    "state",
    "started_at",
    "stopped_at",
    "due_at",
    "breached_at",
    "target_us",
    "elapsed_us",
    "provider_us",
    "customer_us",
    "third_party_us",
    "is_incomplete",
)
_KEY = ["version", "clock", "cycle"]
_CYCLES = """
select {columns}
from facts.cycle as cycle
where cycle.ticket_key = :ticket_key and cycle.contract = :contract
"""
_MEASURED = """
select
    measured.version,
    measured.as_of
from facts.measured as measured
where measured.ticket_key = :ticket_key and measured.contract = :contract
"""

Standing = Literal["equal", "equal_then", "differs", "absent", "never_measured"]


@dataclass(frozen=True)
class Stored:
    """A cycle on record, and how it stands to the page.

    `equal`: the same values. `equal_then`: the record is of another instant, and measured as of that one the values are
    the same. `differs`: they are not (`differences`: column, measured now, on record). `absent`: the ticket was
    measured without this cycle. `never_measured`: nothing is on record. `as_of` is the newest instant that the ticket
    was measured as of.
    """

    standing: Standing
    as_of: datetime | None
    elapsed_us: int | None = None
    provider_us: int | None = None
    customer_us: int | None = None
    third_party_us: int | None = None
    differences: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True)
class Record:
    """All that facts hold about one ticket under one contract; `measured` maps each version to its newest as_of."""

    cycles: pd.DataFrame
    measured: dict[int, datetime]

    @classmethod
    def read(cls, connection: Connection, contract: str, ticket_key: int) -> "Record":
        """The ticket's rows of facts.cycle and facts.measured."""
        bound = {"ticket_key": ticket_key, "contract": contract}
        columns = ", ".join(f"cycle.{name}" for name in CYCLE.names)
        cycles = read_frame(connection, _CYCLES.format(columns=columns), bound, CYCLE)
        measured = read_frame(connection, _MEASURED, bound, {"version": "Int64", "as_of": "datetime64[us, UTC]"})
        return cls(
            cycles,
            {
                int(version): as_of.to_pydatetime()
                for version, as_of in zip(measured["version"], measured["as_of"], strict=True)
            },
        )

    def compare(self, row: pd.Series, then: pd.DataFrame) -> Stored:
        """How the measured cycle `row` stands to the record; `then` are the cycles as of the record's own instant."""
        as_of = self.measured.get(int(row["version"]))
        if as_of is None:
            return Stored("never_measured", None)
        stored = _same_cycle(self.cycles, row)
        if stored is None:
            return Stored("absent", as_of)
        sums: dict[str, Any] = {
            name: int(stored[name]) for name in ("elapsed_us", "provider_us", "customer_us", "third_party_us")
        }
        differences = _differences(row, stored)
        if not differences:
            return Stored("equal", as_of, **sums)
        earlier = _same_cycle(then, row)
        if earlier is not None and not _differences(earlier, stored):
            return Stored("equal_then", as_of, **sums, differences=differences)
        return Stored("differs", as_of, **sums, differences=differences)

    def beyond(self, cycles: pd.DataFrame) -> int:
        """How many cycles on record are not among `cycles`."""
        known = set(cycles[_KEY].astype("str").itertuples(index=False, name=None))
        return sum(each not in known for each in self.cycles[_KEY].astype("str").itertuples(index=False, name=None))


def _same_cycle(cycles: pd.DataFrame, row: pd.Series) -> pd.Series | None:
    same = (
        (cycles["version"] == row["version"])
        & (cycles["clock"].astype("str") == str(row["clock"]))
        & (cycles["cycle"] == row["cycle"])
    )
    return cycles[same].iloc[0] if same.any() else None


def _differences(row: pd.Series, stored: pd.Series) -> tuple[tuple[str, Any, Any], ...]:
    pairs = ((name, _plain(row[name]), _plain(stored[name])) for name in COMPARED)
    return tuple((name, now, then) for name, now, then in pairs if now != then)


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value
