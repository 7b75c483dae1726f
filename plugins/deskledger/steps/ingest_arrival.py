"""What a day brought, against the same weekdays before it: judged before a load writes anything, written with it."""

from collections import Counter
from collections.abc import Mapping as Words
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from deskledger.landing import manifest
from deskledger.quality import balance, control
from deskledger.quality.suites import Verdict
from deskledger.settings import settings
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import TABLE_NAMES, Mapping


@dataclass(frozen=True)
class Arrival:
    """What a day brought, with its verdict."""

    source: str
    partition: str
    arrived: list[control.Arrived]
    verdict: Verdict

    def write(self, connection: Connection, run_id: str, now: datetime) -> None:
        """Keeps it: the verdict with the run, the records for the days to come."""
        control.record_arrival(connection, self.source, self.partition, self.arrived, now)
        balance.record_validation(
            connection, run_id, self.verdict.suite, self.verdict.success, self.verdict.statistics, now
        )


def judge(
    connection: Connection, mapping: Mapping, partition: str, newest: Words[str, datetime | None]
) -> Arrival | None:
    """What landed under the partition, by section; None where nothing did, or the partition is not a day.

    `newest` is the newest instant of each section that this load read. Raises QualityError where a critical rule of
    expectations/arrival.json fails.
    """
    try:
        day = date.fromisoformat(partition)
    except ValueError:
        return None  # a batch of a history
    records: Counter[str] = Counter()
    for name, count in manifest.files_under(connection, mapping.source, partition):
        for section in sections_of(mapping, name):
            records[section] += count
    arrived = [
        control.Arrived("ticket_event" if section == "events" else TABLE_NAMES[section], count, newest.get(section))
        for section, count in sorted(records.items())
    ]
    if not arrived:
        return None
    verdict = control.judge_arrival(
        connection,
        settings().expectations,
        mapping.source,
        day,
        datetime.combine(day + timedelta(days=1), time(), mapping.zone),
        arrived,
        mapping.unusual_days,
    )
    return Arrival(mapping.source, partition, arrived, verdict)
