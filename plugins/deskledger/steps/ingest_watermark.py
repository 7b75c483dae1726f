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
        where page.source = file.source and page.file_sha256 = file.sha256 and not exists (
            select from quality.load as load
            where load.source = page.source and load.partition = page.partition and load.loaded_at >= file.landed_at))
"""
_LAST_EVENT = """
    select max(event.occurred_at) from core.ticket_event as event
    join core.ticket as ticket on ticket.ticket_key = event.ticket_key and ticket.created_month = event.created_month
    where ticket.source = :source and event.occurred_at <= :now
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


def advance(connection: Connection, mapping: Mapping, now: datetime) -> datetime | None:
    """Moves the watermark as far as the loaded files allow, and gives it.

    By `last_event` it is the newest event; by `file_day` and `file_month` the end of the days that the names of the
    loaded files cover without a gap. A file that waits in the inbox (refused, or not taken yet) holds it back.
    """
    known = current(connection, mapping.source)
    until = (
        _by_events(connection, mapping, now)
        if mapping.watermark == "last_event"
        else _by_names(connection, mapping, known)
    )
    if until is not None:
        connection.execute(text(_FORWARD), {"source": mapping.source, "until": until, "now": now})
    return current(connection, mapping.source)


def _by_events(connection: Connection, mapping: Mapping, now: datetime) -> datetime | None:
    return connection.execute(text(_LAST_EVENT), {"source": mapping.source, "now": now}).scalar_one_or_none()


def _by_names(connection: Connection, mapping: Mapping, known: datetime | None) -> datetime | None:
    loaded = set(connection.execute(text(_LOADED), {"source": mapping.source}).scalars())
    landed = manifest.files(connection, mapping.source)
    until = complete_until(mapping, [file.name for digest, file in landed.items() if digest in loaded], known)
    if until is None:
        return None
    waiting = (
        days_covered(name) for name in waiting_files(connection, mapping) if "events" in sections_of(mapping, name)
    )
    held_at = min((covered[0] for covered in waiting if covered), default=None)
    return until if held_at is None else min(until, datetime.combine(held_at, time(), mapping.zone))
