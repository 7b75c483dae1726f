"""Which days a load leads on to: those on which what it changed happened, not only the one on which it was fetched."""

from datetime import datetime

import numpy as np
from sqlalchemy import Connection, text

from deskledger.landing import manifest
from deskledger.sources.event_log.mapping import Mapping
from deskledger.steps import ingest_watermark
from deskledger.warehouse.transfer import stage_keys

# `since` is when the partition's first file landed, not when this load began: a try that was killed after its commit
# has told nobody, and the next one finds nothing left to change. A ticket whose change is no event of its own (another
# channel, an event that is gone, a row in or out of quarantine) stands with the day of its last row: the month of any
# day from its creation to that one measures it from its full history. A month begins on a quarter of an hour, whatever
# the zone: what happened within one is asked for its day once.
_CHANGED = """
    with touched as (
        select ticket.ticket_key, ticket.created_month, ticket.updated_at, ticket.landed_at
        from core.ticket as ticket
        join pg_temp.staged_keys as given on given.ticket_key = ticket.ticket_key
    ),
    changed (at) as (
        select event.occurred_at
        from touched
        join core.ticket_event as event
            on event.ticket_key = touched.ticket_key and event.created_month = touched.created_month
        where
            event.landed_at >= :since
            and (
                cast(:known as timestamp) is null
                or event.occurred_at < cast(:known as timestamp) at time zone :zone
                or event.occurred_at >= (cast(:known as timestamp) + interval '1 month') at time zone :zone
            )
        union all
        select updated_at from touched
        where
            landed_at >= :since
            or :has_deleted
            or exists (
                select from quality.quarantine as held
                where
                    held.ticket_key = touched.ticket_key
                    and (held.quarantined_at >= :since or held.replayed_at >= :since)
            )
    ),
    quarter_hours (at) as (select min(at) from changed group by date_bin('15 minutes', at, timestamptz 'epoch'))
    select min((at at time zone :zone)::date) as day
    from quarter_hours
    group by date_trunc('month', at at time zone :zone)
    order by day
"""
_DELETED = """
    select exists (
        select from quality.load
        where source = :source and partition = :partition and loaded_at >= :since and produced_deleted > 0
    )
"""


def to_measure(connection: Connection, mapping: Mapping, partition: str, tickets: np.ndarray) -> list[str]:
    """The days, in the mapping's zone, whose months have to be measured after a load of these tickets (keys).

    One day a month: the first on which something changed; and the partition's own day.
    """
    days = {partition}
    since = manifest.landed_since(connection, mapping.source, partition)
    if since is not None:
        found = changed_since(connection, mapping, partition, tickets, since, known=f"{partition[:7]}-01")
        days.update(day for day in found if day[:7] != partition[:7])
    return sorted(days)


def of_taken_up(connection: Connection, mapping: Mapping, day: str, now: datetime) -> set[str]:
    """The same of earlier days that this load, begun at `now`, took up, or one since the day's own first file landed.

    A try that took them up and then ended, killed or refused, has told nobody; the next one finds nothing to take up.
    """
    since = manifest.landed_since(connection, mapping.source, day) or now
    days: set[str] = set()
    for earlier in ingest_watermark.loaded_since(connection, mapping.source, day, since):
        tickets = manifest.tickets_under(connection, mapping.source, earlier)
        days.update(to_measure(connection, mapping, earlier, tickets))
    return days


def changed_since(
    connection: Connection,
    mapping: Mapping,
    partition: str,
    tickets: np.ndarray,
    since: datetime,
    known: str | None = None,
) -> list[str]:
    """The first day of each month, in the mapping's zone, that loads of the partition since then changed tickets in.

    Of the month that begins on the day `known` ("2026-03-01") events are not asked: it may be found or not.
    """
    if not len(tickets):
        return []
    asked = {"source": mapping.source, "partition": partition, "since": since}
    has_deleted = connection.execute(text(_DELETED), asked).scalar_one()
    stage_keys(connection, tickets)
    found = connection.execute(
        text(_CHANGED), {"since": since, "has_deleted": has_deleted, "zone": mapping.timezone, "known": known}
    )
    return [day.isoformat() for day in found.scalars()]
