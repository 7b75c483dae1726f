"""What a load writes, all in its transaction: rows merged block by block, totals that balance, quarantine settled."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.model import CANONICAL, TICKET_EVENT, Table
from deskledger.quality import balance, quarantine, suites
from deskledger.sources.event_log.fates import FATES
from deskledger.warehouse.load import Merging
from deskledger.warehouse.partitions import MergeCounts

_TELLS = ("occurred_at", "sent_at", "responded_at")


@dataclass
class Judged:
    """A canonical table of a block, after its suite: `sound` rows go on, the others are held."""

    name: str
    sound: pd.DataFrame
    made: int
    verdict: suites.Verdict

    @property
    def table(self) -> Table:
        """The one of the model: a block waits on disk, and a table that is read back is another one."""
        return CANONICAL[self.name]


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


class Run:
    """One load as it writes; `counts` are the records' fates, the rows' changes and the warnings."""

    def __init__(self, connection: Connection, source: str, partition: str, now: datetime) -> None:
        self.id = balance.load_id(source, partition, now)
        self.counts: Counter[str] = Counter(dict.fromkeys(("extracted", *FATES, "warnings"), 0))
        self._connection, self._source, self._partition, self._now = connection, source, partition, now

    def write(self, section: str, blocks: Iterable[Block], landed: int, tickets: np.ndarray) -> None:
        """Writes one section; `landed` of its records are the partition's own, and its rows are of `tickets` (keys).

        Raises QualityError where records or rows do not balance.
        """
        totals: list[_Total] = []
        fates = np.zeros(len(FATES), dtype=np.int64)
        for block in blocks:
            fates += block.fates
            for number, each in enumerate(block.tables):
                if number == len(totals):
                    merging = Merging(self._connection, each.table, self._now, tickets)
                    totals.append(_Total(each.table, merging))
                _merge(totals[number], each, block.touched)
            self._settle(section, block)
            del block, each
        for total in totals:
            total.merging.finish()
        self._record(totals, landed, fates.tolist())

    def _settle(self, section: str, block: Block) -> None:
        tables = [section, *(each.table.name for each in block.tables)]
        quarantine.settle(
            self._connection,
            self._source,
            self._partition,
            self.id,
            block.held,
            tables,
            block.touched,
            block.pages,
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


def _merge(total: _Total, judged: Judged, touched: np.ndarray) -> None:
    replaced = touched if judged.table is TICKET_EVENT else None
    total.merged += total.merging.add(judged.sound, replaced)
    total.made += judged.made
    total.held += judged.made - len(judged.sound)
    total.verdicts.append(judged.verdict)
