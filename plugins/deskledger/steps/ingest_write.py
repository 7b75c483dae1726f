"""What a load writes, all in its transaction: rows staged block by block and merged, quarantine settled, totals that
balance.
"""

import pickle
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.model import TICKET_EVENT, Table
from deskledger.quality import balance, quarantine, suites
from deskledger.sources.event_log.fates import FATES
from deskledger.warehouse.load import Merging, StoredMonths
from deskledger.warehouse.relation import MergeCounts

_TELLS = ("occurred_at", "sent_at", "responded_at")


@dataclass
class Judged:
    """A canonical table of a block, after its suite: `sound` rows go on, the others are held."""

    table: Table
    sound: pd.DataFrame
    made: int
    verdict: suites.Verdict


@dataclass
class Block:
    """A section's rows ready to be written, or those of some of its tickets."""

    tables: list[Judged]
    fates: np.ndarray  # how many of the partition's own records had each of FATES
    held: pd.DataFrame
    touched: np.ndarray  # ticket keys
    pages: list[str]  # those of which it has every row without a ticket

    @property
    def newest_at(self) -> datetime | None:
        """The newest instant that the last table tells; None where it tells none."""
        frame = self.tables[-1].sound
        instants = [frame[column].max() for column in _TELLS if column in frame]
        return max((at.to_pydatetime() for at in instants if pd.notna(at)), default=None)


@dataclass
class _Total:
    """One table of a section over all blocks."""

    table: Table
    merging: Merging
    verdicts: list[suites.Verdict] = field(default_factory=list)
    made: int = 0
    held: int = 0
    merged: MergeCounts = field(default_factory=MergeCounts)

    @property
    def produced(self) -> balance.Produced:
        return balance.Produced(self.made, self.held, **vars(self.merged))


@dataclass
class _Settlement:
    """What quarantine is told of a block."""

    held: pd.DataFrame
    touched: np.ndarray
    pages: list[str]


@dataclass
class _Section:
    """One section over all blocks; what quarantine is told of each waits on disk, since all its rows may be held."""

    totals: list[_Total] = field(default_factory=list)
    fates: np.ndarray = field(default_factory=lambda: np.zeros(len(FATES), dtype=np.int64))
    waiting: list[Path] = field(default_factory=list)

    def settlements(self) -> Iterator[_Settlement]:
        for path in self.waiting:
            with path.open("rb") as file:
                yield pickle.load(file)


class Run:
    """One load as it writes; `counts` are the records' fates, the rows' changes and the warnings.

    `stage` takes blocks while the next ones are made, and nobody else sees or waits for what it does. `finish` writes.
    """

    def __init__(
        self, connection: Connection, source: str, partition: str, now: datetime, stored: StoredMonths, folder: Path
    ) -> None:
        """`folder` is empty, and the run's until it is finished."""
        self.id = balance.load_id(source, partition, now)
        self.counts: Counter[str] = Counter(dict.fromkeys(("extracted", *FATES, "warnings"), 0))
        self._connection, self._source, self._partition, self._now = connection, source, partition, now
        self._stored, self._folder = stored, folder
        self._sections: dict[str, _Section] = {}

    def stage(self, name: str, block: Block) -> None:
        """Takes a block of a section: its rows are on their way to the database, and must not change any more."""
        section = self._sections.setdefault(name, _Section())
        section.fates += block.fates
        for number, each in enumerate(block.tables):
            if number == len(section.totals):
                merging = Merging(self._connection, each.table, self._now, self._stored)
                section.totals.append(_Total(each.table, merging))
            _stage(section.totals[number], each, block.touched)
        section.waiting.append(self._folder / f"{name}.{len(section.waiting)}")
        with section.waiting[-1].open("wb") as file:
            pickle.dump(_Settlement(block.held, block.touched, block.pages), file)

    def finish(self, landed: Mapping[str, int]) -> None:
        """Writes what is staged; of each section `landed` says how many records are the partition's own.

        Raises QualityError where records or rows do not balance.
        """
        for name, section in self._sections.items():
            for total in section.totals:
                total.merged = total.merging.finish()
            tables = [name, *(total.table.name for total in section.totals)]
            for settlement in section.settlements():
                self._settle(settlement, tables)
            self._record(section.totals, landed[name], section.fates.tolist())

    def _settle(self, settlement: _Settlement, tables: list[str]) -> None:
        quarantine.settle(
            self._connection,
            self._source,
            self._partition,
            self.id,
            settlement.held,
            tables,
            settlement.touched,
            settlement.pages,
            self._now,
        )

    def _record(self, totals: list[_Total], landed: int, fates: list[int]) -> None:
        if not any(total.produced.changes for total in totals):
            fates = [0, fates[0] + fates[1], *fates[2:]]  # the warehouse has all of it: a rerun
        records = balance.Records(landed, *fates)
        # The records are those of the section's last table (ticket_event); the one beside it has none of its own.
        for total in totals:
            own = records if total is totals[-1] else balance.Records(0, 0, 0, 0, 0)
            balance.record_load(
                self._connection,
                self.id,
                self._source,
                self._partition,
                total.table.name,
                own,
                total.produced,
                self._now,
            )
            verdict = suites.together(total.verdicts)
            balance.record_validation(
                self._connection, self.id, verdict.suite, verdict.success, verdict.statistics, self._now
            )
            self.counts["warnings"] += verdict.counted("warning")
            self.counts[f"{total.table.name}_changes"] += total.produced.changes
        self.counts.update(vars(records))


def _stage(total: _Total, judged: Judged, touched: np.ndarray) -> None:
    total.merging.stage(judged.sound, touched if judged.table is TICKET_EVENT else None)
    total.made += judged.made
    total.held += judged.made - len(judged.sound)
    total.verdicts.append(judged.verdict)
