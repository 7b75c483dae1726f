"""Ingest, one function a task: land what the inbox has, load what has landed, a day or a whole history.

Each takes its engine from the warehouse's address, and gives back keys and counts only.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from deskledger.errors import LandingError, MappingError, QualityError, SourceError
from deskledger.landing import manifest
from deskledger.quality import balance, control
from deskledger.quality.suites import RefusedError
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.sources.event_log.files import is_due
from deskledger.sources.event_log.mapping import Mapping
from deskledger.steps import ingest_days, ingest_totals, ingest_watermark
from deskledger.steps.ingest_land import HISTORY, land_inbox, refused_files
from deskledger.steps.ingest_load import load_partition
from deskledger.warehouse import open_warehouse

_log = logging.getLogger(__name__)


def sources() -> list[str]:
    """The mappings of files that have an inbox, sound or not: a source with a bad one fails alone, at its turn.

    A mapping without an inbox is that of a desk which has not been set up here; `freshness` watches those that were.
    A desk that is asked over HTTP is none of them: what lies in its inbox lands with what it is asked.
    """
    return [name for name in _mapped() if (settings().inbox / name).is_dir() and not _is_asked(name)]


def land(source: str, day: str, now: datetime) -> dict[str, Any]:
    """Lands the new files of the source's inbox under the partition `day`; a rerun lands nothing again.

    Gives the names of landed and known files and the messages of refused ones (`check_inbox` raises those). Files
    whose names date them after `day`, or to a day that is not over at `now`, wait.
    """
    mapping = mapping_of(source)
    upto = date.fromisoformat(day)
    landed = land_inbox(open_warehouse(), mapping, day, now, takes=lambda name: is_due(mapping, name, upto, now))
    return {"source": source, "partition": day, **asdict(landed)}


def load(source: str, day: str, now: datetime) -> dict[str, Any]:
    """Loads what landed under the partition `day` and moves the watermark, unless the desk counts more tickets.

    What landed under earlier days and was never loaded, because their runs failed, is taken up first.
    Gives the counts of all: extracted = loaded + unchanged + superseded + quarantined, changed rows a table, the
    watermark; the earlier days taken up; and `days`, in order: the partitions' own, and the first day of each other
    month in which something changed.
    Raises QualityError before anything of the day is written where a table fails or records do not balance; earlier
    days that were taken up stay loaded.
    """
    mapping = mapping_of(source)
    counts, taken_up = _take_up(mapping, day, now)
    # Two days' loads may share tickets; the later one must see what the earlier one saw.
    with _loading(source, day, now, shared=False) as connection:
        loaded = load_partition(connection, mapping, day, now)
        days = {*ingest_days.to_measure(connection, mapping, day, loaded.tickets)}
        days |= ingest_days.of_taken_up(connection, mapping, day, now)
        warnings = _move_watermark(connection, mapping, day, now)
        watermark = ingest_watermark.current(connection, source)
    counts.update({**loaded.counts, "warnings": loaded.counts["warnings"] + warnings})
    more = {"taken_up": taken_up, "days": sorted(days), "watermark": watermark and watermark.isoformat()}
    return {"source": source, "partition": day, **counts, **more}


def _take_up(mapping: Mapping, day: str, now: datetime) -> tuple[Counter[str], list[str]]:
    """Loads what earlier days' runs left behind: the counts, the partitions.

    One that is refused again stays behind, and the watermark with it: the day itself goes on.
    """
    counts: Counter[str] = Counter()
    taken_up = []
    with open_warehouse().connect() as connection:
        left = ingest_watermark.left_behind(connection, mapping.source, day)
    for earlier in left:
        try:
            with _loading(mapping.source, earlier, now, shared=False) as connection:
                loaded = load_partition(connection, mapping, earlier, now)
        except (QualityError, LandingError) as refused:
            counts["warnings"] += 1
            _log.warning("%s: what landed under %s is still not loaded: %s", mapping.source, earlier, refused)
        else:
            taken_up.append(earlier)
            counts.update(loaded.counts)
    return counts, taken_up


def land_history(source: str, now: datetime) -> list[str]:
    """Lands the source's whole inbox and gives the batches to load: the months that tickets were created in (UTC).

    The batch `undated` holds records whose ticket has no readable creation, and the exports that are not tickets. Of a
    desk that is asked over HTTP, which has landed already, they are the batches that are not loaded yet; what comes as
    files beside the desk (charges, say) lands with them.
    Raises SourceError where nothing has landed, now or before: a first load of nothing is a mistake.
    """
    engine, mapping = open_warehouse(), mapping_of(source)
    landed = land_inbox(engine, mapping, HISTORY, now, takes=lambda name: True)
    with engine.connect() as connection:
        if mapping.extract:
            return ingest_watermark.unloaded(connection, source, HISTORY)
        batches = manifest.partitions(connection, source, HISTORY)
    if not (batches or landed.files or landed.known):
        patterns = ", ".join(pattern for part in mapping.sections.values() for pattern in part.files)
        ignored = [f"{name}: no pattern takes it" for name in landed.ignored]
        raise SourceError(
            "\n".join(["the inbox has nothing to land", *ignored, *landed.refused]),
            where=str(settings().inbox / source),
            remedy=f"put the exports there, named as mappings/{source}.yaml says (capitals count): {patterns}",
        )
    return batches


def load_batch(source: str, batch: str, now: datetime) -> dict[str, Any]:
    """Loads one batch of the history; the same counts as `load`. The watermark waits for `finish_history`."""
    mapping = mapping_of(source)
    with _loading(source, batch, now, shared=mapping.extract is None) as connection:
        loaded = load_partition(connection, mapping, batch, now)
    return {"source": source, "partition": batch, **loaded.counts}


def finish_history(source: str, now: datetime) -> list[str]:
    """Moves the watermark and gives the days, in the mapping's zone, on which something happened ("2016-03-01")."""
    mapping = mapping_of(source)
    with _loading(source, HISTORY, now, shared=False) as connection:
        _move_watermark(connection, mapping, HISTORY, now)
        days = connection.execute(
            text(
                "select distinct (event.occurred_at at time zone :zone)::date as day from core.ticket_event as event"
                " where event.ticket_key in (select ticket_key from core.ticket where source = :source) order by day"
            ),
            {"source": source, "zone": mapping.timezone},
        )
        return [day.isoformat() for day in days.scalars()]


def load_again(source: str, partition: str, now: datetime) -> dict[str, Any]:
    """Normalises a partition that has landed once more and loads it, after a mapping or a suite was mended.

    The same counts as `load`; `days` has the first day of each month in which this changed something.
    """
    mapping = mapping_of(source)
    with _loading(source, partition, now, shared=False) as connection:
        loaded = load_partition(connection, mapping, partition, now)
        days = ingest_days.changed_since(connection, mapping, partition, loaded.tickets, now)
        _move_watermark(connection, mapping, partition, now)
    return {"source": source, "partition": partition, **loaded.counts, "days": days}


def check_inbox(source: str) -> None:
    """Raises SourceError with the messages of all files that stay in the inbox: refused, or taken by no section."""
    messages = refused_files(open_warehouse(), mapping_of(source))
    if messages:
        raise SourceError(
            f"{len(messages)} file{'s' if len(messages) > 1 else ''} refused, all others landed:\n"
            + "\n".join(messages),
            where=str(settings().inbox / source),
            remedy="mend or remove them; the next run takes them up, and the watermark waits for them",
        )


def check_totals(source: str) -> None:
    """Raises QualityError while the desk counts tickets that we do not have: so a task fails, and somebody is told."""
    mapping = mapping_of(source)
    with open_warehouse().connect() as connection:
        totals = ingest_totals.compare(connection, mapping)
    missing = control.held_back(control.judge_totals(settings().expectations, source, totals)) if totals else []
    if missing:
        raise QualityError(
            f"the desk counts tickets that we do not have: {'; '.join(missing)}",
            where=source,
            remedy="the watermark waits, so no month is drafted that may lack them. Pull the window again:"
            " ingest_history with since and until. If the desk's count is wrong for good,"
            " expectations/control_total.json says how many may be missing",
        )


def _move_watermark(connection: Connection, mapping: Mapping, partition: str, now: datetime) -> int:
    """Judges the desk's own counts, and moves the watermark if nothing is missing; how many warnings there were."""
    judged = ingest_totals.judge(connection, mapping, partition, now)
    if not judged.held_back:
        ingest_watermark.advance(connection, mapping, now)
    return judged.warnings


def _mapped() -> list[str]:
    return sorted(path.stem for path in settings().mappings.glob("*.yaml"))


def _is_asked(name: str) -> bool:
    try:
        return mapping_of(name).extract is not None
    except MappingError:
        return False


def mapping_of(source: str) -> Mapping:
    """The mapping of a source. Raises MappingError where there is none, or it is not valid."""
    path = settings().mappings / f"{source}.yaml"
    if not path.is_file():
        known = ", ".join(_mapped()) or "none"
        raise MappingError(f"no mapping for the source {source!r} (known: {known})", where=str(path), remedy="write it")
    return mappings.load(path)


@contextmanager
def _loading(source: str, partition: str, now: datetime, *, shared: bool) -> Iterator[Connection]:
    """The transaction of a load, which has its source for itself; batches of exports have no ticket in common and go on
    together (`shared`). Of a load that a suite refuses the verdict alone is kept, for the quality page.
    """
    engine = open_warehouse()
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"select {function}(hashtextextended('load:' || :source, 0))"), {"source": source})
            yield connection
    except RefusedError as refused:
        if (verdict := refused.verdict) is not None:
            run_id = balance.load_id(source, partition, now)
            try:
                with engine.begin() as connection:
                    balance.record_validation(connection, run_id, verdict.suite, False, verdict.statistics, now)
            except Exception as error:  # whatever it is, people must hear that the load was refused
                _log.error("the verdict that refused %s is not kept: %s", run_id, error)
        raise
