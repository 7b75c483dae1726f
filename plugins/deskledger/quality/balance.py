"""Control totals: every landed record has one fate, every produced row one place, or nothing loads."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from deskledger.errors import QualityError


@dataclass(frozen=True)
class Records:
    """Raw records of one load of one table. `extracted` is what landing wrote down, the rest what the load did."""

    extracted: int
    loaded: int
    unchanged: int
    superseded: int
    quarantined: int

    def check(self, where: str) -> None:
        """Raises QualityError where the fates do not add up to what landed."""
        fates = self.loaded + self.unchanged + self.superseded + self.quarantined
        if fates != self.extracted:
            raise QualityError(
                f"{self.extracted} records landed, but {self.loaded} loaded + {self.unchanged} unchanged"
                f" + {self.superseded} superseded + {self.quarantined} quarantined = {fates}",
                where=where,
                remedy="nothing was written; the landed pages are untouched. Report it with the run's log",
            )


@dataclass(frozen=True)
class Produced:
    """Canonical rows of one load of one table: what normalise made, what quality held back, what the merge did."""

    made: int
    held: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    deleted: int = 0

    def check(self, where: str) -> None:
        """Raises QualityError where the merged and held rows are not the rows that were made."""
        placed = self.inserted + self.updated + self.unchanged + self.superseded
        if placed + self.held != self.made:
            raise QualityError(
                f"{self.made} rows were made, but {placed} merged + {self.held} quarantined = {placed + self.held}",
                where=where,
                remedy="nothing was written; the landed pages are untouched. Report it with the run's log",
            )

    @property
    def changes(self) -> int:
        return self.inserted + self.updated + self.deleted


def record_load(
    connection: Connection,
    run_id: str,
    source: str,
    partition: str,
    table_name: str,
    records: Records,
    produced: Produced,
    now: datetime,
) -> None:
    """Writes the load's totals into quality.load, after checking them."""
    where = f"{source} {partition} {table_name}"
    records.check(where)
    produced.check(where)
    connection.execute(
        text(
            "insert into quality.load (run_id, source, partition, table_name, extracted, loaded, unchanged, superseded,"
            " quarantined, produced_inserted, produced_updated, produced_unchanged, produced_superseded,"
            " produced_deleted, loaded_at) values (:run_id, :source, :partition, :table_name, :extracted, :loaded,"
            " :unchanged, :superseded, :quarantined, :p_inserted, :p_updated, :p_unchanged, :p_superseded, :p_deleted,"
            " :now) on conflict do nothing"
        ),
        {
            "run_id": run_id,
            "source": source,
            "partition": partition,
            "table_name": table_name,
            **vars(records),
            **{f"p_{name}": value for name, value in vars(produced).items() if name not in {"made", "held"}},
            "now": now,
        },
    )


def load_id(source: str, partition: str, now: datetime) -> str:
    """What a load's fates and verdicts are kept under: `now` is the start of its task's try."""
    return f"{source}/{partition}/{now.isoformat()}"


def record_validation(
    connection: Connection, run_id: str, suite: str, success: bool, statistics: dict[str, Any], now: datetime
) -> None:
    """Writes a suite's result into quality.validation."""
    connection.execute(
        text(
            "insert into quality.validation (run_id, suite, success, statistics, at)"
            " values (:run_id, :suite, :success, cast(:statistics as jsonb), :now) on conflict do nothing"
        ),
        {"run_id": run_id, "suite": suite, "success": success, "statistics": json.dumps(statistics), "now": now},
    )
