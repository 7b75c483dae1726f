"""The desk's own counts against what the warehouse has: judged at the end of a load, before the watermark moves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from deskledger.quality import balance, control
from deskledger.settings import settings
from deskledger.sources.event_log.mapping import Mapping
from deskledger.steps import ingest_watermark


@dataclass(frozen=True)
class Judged:
    """What came of it: how many warnings, and of which counts tickets are missing."""

    warnings: int = 0
    held_back: tuple[str, ...] = ()


def judge(connection: Connection, mapping: Mapping, partition: str, now: datetime) -> Judged:
    """Compares and records the newest of each of the desk's counts, in the load's transaction.

    While something has landed that is not loaded nothing can be said: the load of that judges. Raises QualityError
    where more is missing than expectations/control_total.json allows; the load is then rolled back.
    """
    if not ingest_watermark.is_all_loaded(connection, mapping.source):
        return Judged()
    totals = compare(connection, mapping)
    if not totals:
        return Judged()
    verdict = control.judge_totals(settings().expectations, mapping.source, totals)
    control.record_totals(connection, mapping.source, partition, totals)
    run_id = balance.load_id(mapping.source, partition, now)
    balance.record_validation(connection, run_id, verdict.suite, verdict.success, verdict.statistics, now)
    return Judged(verdict.counted("warning"), tuple(control.held_back(verdict)))


def compare(connection: Connection, mapping: Mapping) -> list[control.Total]:
    """The newest of each of the desk's counts beside ours."""
    return control.compare_totals(connection, mapping.source, mapping.events.created_at)
