"""The watermark of a source: the instant before which everything has been extracted and loaded. It never goes back."""

from datetime import datetime, time

from sqlalchemy import Connection, text

from deskledger.landing import manifest
from deskledger.sources.event_log.files import complete_until, days_covered, sections_of
from deskledger.sources.event_log.mapping import Mapping
from deskledger.steps.ingest_land import waiting_files

_LOADED = """
    select file.sha256 from quality.landed_file as file
    where file.source = :source and not exists (
        select from quality.landed_page as page
        where page.source = file.source and page.file_sha256 = file.sha256 and page.loaded_at is null)
"""
_UNLOADED = """
    select distinct page.partition from quality.landed_page as page
    join quality.landed_file as file on file.source = page.source and file.sha256 = page.file_sha256
    where page.source = :source and file.partition = :partition and page.loaded_at is null
    order by page.partition
"""
_EARLIER_DAYS = """
    select distinct partition from quality.landed_page
    where
        source = :source and partition ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' and partition < :day
        and (case when cast(:since as timestamptz) is null then loaded_at is null else loaded_at >= :since end)
    order by partition
"""
_LAST_EVENT = """
    select max(event.occurred_at) from core.ticket_event as event
    join core.ticket as ticket on ticket.ticket_key = event.ticket_key and ticket.created_month = event.created_month
    where ticket.source = :source and event.occurred_at <= :now
"""
# Streams that say nothing of time hold it back only until they have been pulled once.
_EXTRACTED = """
    select min(complete_until) as until, bool_or(ended_at is null) as unfinished
    from quality.cursor
    where source = :source and pull = 'daily' and section = 'events'
"""
_FORWARD = """
    insert into quality.watermark as kept (source, complete_until, updated_at) values (:source, :until, :now)
    on conflict (source) do update set complete_until = excluded.complete_until, updated_at = excluded.updated_at
    where kept.complete_until < excluded.complete_until
"""


def current(connection: Connection, source: str) -> datetime | None:
    """The watermark; None before the first load."""
    query = text("select complete_until from quality.watermark where source = :source")
    return connection.execute(query, {"source": source}).scalar_one_or_none()


def unloaded(connection: Connection, source: str, partition: str) -> list[str]:
    """The partitions of pages that landed under `partition` and no load has read yet, in order."""
    found = connection.execute(text(_UNLOADED), {"source": source, "partition": partition})
    return list(found.scalars())


def left_behind(connection: Connection, source: str, day: str) -> list[str]:
    """The days before `day` under which something landed that no load has read yet, in order."""
    return list(connection.execute(text(_EARLIER_DAYS), {"source": source, "day": day, "since": None}).scalars())


def loaded_since(connection: Connection, source: str, day: str, since: datetime) -> list[str]:
    """The days before `day` of which a load that began then or later was the first to read a page, in order."""
    return list(connection.execute(text(_EARLIER_DAYS), {"source": source, "day": day, "since": since}).scalars())


def is_all_loaded(connection: Connection, source: str) -> bool:
    """Whether everything that has landed is loaded."""
    return _loaded(connection, source) == set(manifest.files(connection, source))


def advance(connection: Connection, mapping: Mapping, now: datetime) -> datetime | None:
    """Moves the watermark as far as the loaded files allow, and gives it.

    By `last_event` it is the newest event, once all that has landed is loaded and no event file waits; by `file_day`
    and `file_month` the end of the days that the names of the loaded files cover without a gap. A file that waits in
    the inbox (refused, or not taken yet) holds it back, and so does one that landed and no load has read. A file speaks
    of no day that was not over when it landed. By `extracted` it is the earliest end of the streams that tell events,
    once all that has landed is loaded.
    """
    known = current(connection, mapping.source)
    if mapping.watermark == "extracted":
        until = _by_extraction(connection, mapping)
    elif mapping.watermark == "last_event":
        until = _by_events(connection, mapping, now)
    else:
        until = _by_names(connection, mapping, known)
    if until is not None:
        connection.execute(text(_FORWARD), {"source": mapping.source, "until": until, "now": now})
    return current(connection, mapping.source)


def _by_events(connection: Connection, mapping: Mapping, now: datetime) -> datetime | None:
    # Names say nothing here: any file that is not in could hold events from before the newest one.
    if _waiting_events(connection, mapping) or not is_all_loaded(connection, mapping.source):
        return None
    return connection.execute(text(_LAST_EVENT), {"source": mapping.source, "now": now}).scalar_one_or_none()


def _by_extraction(connection: Connection, mapping: Mapping) -> datetime | None:
    # The cursors first: a page that lands in between is not loaded, and holds the watermark where it is.
    standing = connection.execute(text(_EXTRACTED), {"source": mapping.source}).one()
    if standing.unfinished or not is_all_loaded(connection, mapping.source):
        return None
    return standing.until


def _by_names(connection: Connection, mapping: Mapping, known: datetime | None) -> datetime | None:
    loaded, landed = _loaded(connection, mapping.source), manifest.files(connection, mapping.source)
    files = [(file.name, file.landed_at) for digest, file in landed.items() if digest in loaded]
    until = complete_until(mapping, files, known)
    if until is None:
        return None
    left = [file.name for digest, file in landed.items() if digest not in loaded and _tells_events(mapping, file.name)]
    waiting = (days_covered(name) for name in [*_waiting_events(connection, mapping), *left])
    held_at = min((covered[0] for covered in waiting if covered), default=None)
    return until if held_at is None else min(until, datetime.combine(held_at, time(), mapping.zone))


def _loaded(connection: Connection, source: str) -> set[str]:
    return set(connection.execute(text(_LOADED), {"source": source}).scalars())


def _waiting_events(connection: Connection, mapping: Mapping) -> list[str]:
    return [name for name in waiting_files(connection, mapping) if _tells_events(mapping, name)]


def _tells_events(mapping: Mapping, name: str) -> bool:
    return "events" in sections_of(mapping, name)
