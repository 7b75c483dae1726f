"""Where each stream of a desk stands, what it answered, and when its account may be asked again (quality.cursor …)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from deskledger.errors import LandingError

_STANDINGS = """
    select stream, section, cursor, version, is_end, ended_at, complete_until, pages, records
    from quality.cursor
    where source = :source and pull = :pull
"""
_MOVE = """
    update quality.cursor
    set
        cursor = cast(:cursor as jsonb),
        version = version + 1,
        is_end = :is_end,
        ended_at = case when :is_end then :answered_at else ended_at end,
        complete_until = case when :is_end then greatest(complete_until, :complete_until) else complete_until end,
        pages = pages + 1,
        records = records + :records,
        updated_at = :now
    where source = :source and pull = :pull and stream = :stream and version = :version
    returning stream, section, cursor, version, is_end, ended_at, complete_until, pages, records
"""


@dataclass(frozen=True)
class Standing:
    """One stream of one pull. `cursor` is None before its first answer; `pages` and `records` count its answers."""

    stream: str
    section: str
    cursor: dict[str, Any] | None
    version: int
    is_end: bool
    ended_at: datetime | None
    complete_until: datetime | None
    pages: int
    records: int


@dataclass(frozen=True)
class Moved:
    """Where an answer leads a stream."""

    cursor: dict[str, Any]
    is_end: bool
    answered_at: datetime
    complete_until: datetime | None
    records: int


@dataclass(frozen=True)
class Answered:
    """The newest answer to a request, as `record_answer` wrote it down."""

    number: int
    records_sha256: str


def begin(connection: Connection, source: str, pull: str, sections: Mapping[str, str], now: datetime) -> None:
    """Makes a place for each stream (name -> section) of a pull; streams that are not pulled any more lose theirs."""
    bound = {"source": source, "pull": pull, "now": now}
    connection.execute(
        text(
            "delete from quality.cursor where source = :source and pull = :pull"
            " and stream <> all(cast(:streams as text[]))"
        ),
        {**bound, "streams": list(sections)},
    )
    for stream, section in sections.items():
        connection.execute(
            text(
                "insert into quality.cursor (source, pull, stream, section, updated_at)"
                " values (:source, :pull, :stream, :section, :now)"
                " on conflict (source, pull, stream) do update set section = excluded.section"
            ),
            {**bound, "stream": stream, "section": section},
        )


def begin_again(connection: Connection, source: str, pull: str) -> None:
    """Lets every stream of a pull go on from where it stands, once all have ended; before that, only those left."""
    connection.execute(
        text(
            "update quality.cursor set is_end = false where source = :source and pull = :pull and not exists ("
            " select from quality.cursor where source = :source and pull = :pull and not is_end)"
        ),
        {"source": source, "pull": pull},
    )


def standings(connection: Connection, source: str, pull: str) -> dict[str, Standing]:
    """Where each stream of a pull stands, by name."""
    found = connection.execute(text(_STANDINGS), {"source": source, "pull": pull})
    return {row.stream: Standing(*row) for row in found}


def move(connection: Connection, source: str, pull: str, standing: Standing, moved: Moved, now: datetime) -> Standing:
    """Takes one step in the caller's transaction; where the stream stands then.

    Raises LandingError where somebody else took a step since: two runs pull the same.
    """
    row = connection.execute(
        text(_MOVE),
        {
            "source": source,
            "pull": pull,
            "stream": standing.stream,
            "version": standing.version,
            "cursor": json.dumps(moved.cursor),
            "is_end": moved.is_end,
            "answered_at": moved.answered_at,
            "complete_until": moved.complete_until,
            "records": moved.records,
            "now": now,
        },
    ).one_or_none()
    if row is None:
        raise LandingError(
            "another run is extracting the same stream and has gone on",
            where=f"{source}, {standing.stream}",
            remedy="let that run end; a pool of one slot an account keeps runs apart (docs/extraction.md)",
        )
    return Standing(*row)


def finish(connection: Connection, source: str, pull: str) -> None:
    """Forgets where a pull stood: the same again begins anew."""
    connection.execute(
        text("delete from quality.cursor where source = :source and pull = :pull"), {"source": source, "pull": pull}
    )


def last_answer(connection: Connection, source: str, stream: str, request: str) -> Answered | None:
    """The newest answer to a request; None where it has not been asked."""
    row = connection.execute(
        text(
            "select number, records_sha256 from quality.answered"
            " where source = :source and stream = :stream and request_sha256 = :request"
        ),
        {"source": source, "stream": stream, "request": _digest(request)},
    ).one_or_none()
    return None if row is None else Answered(*row)


def next_number(connection: Connection, source: str, stream: str) -> int:
    """The number of the stream's next answer, from 1."""
    last = connection.execute(
        text("select max(number) from quality.answered where source = :source and stream = :stream"),
        {"source": source, "stream": stream},
    ).scalar_one()
    return (last or 0) + 1


def record_answer(
    connection: Connection,
    source: str,
    stream: str,
    request: str,
    *,
    number: int,
    records: int,
    records_sha256: str,
    total: int | None,
    answered_at: datetime,
) -> None:
    """Writes down the newest answer to a request in the caller's transaction."""
    connection.execute(
        text(
            "insert into quality.answered (source, stream, request_sha256, request, number, records, records_sha256,"
            " total, answered_at) values (:source, :stream, :request_sha256, :request, :number, :records,"
            " :records_sha256, :total, :answered_at)"
            " on conflict (source, stream, request_sha256) do update set number = excluded.number,"
            " records = excluded.records, records_sha256 = excluded.records_sha256, total = excluded.total,"
            " answered_at = excluded.answered_at"
        ),
        {
            "source": source,
            "stream": stream,
            "request_sha256": _digest(request),
            "request": request,
            "number": number,
            "records": records,
            "records_sha256": records_sha256,
            "total": total,
            "answered_at": answered_at,
        },
    )


def not_before(connection: Connection, account: str) -> datetime | None:
    """The instant before which nothing may be asked of an account; None where nothing is known."""
    query = text("select not_before from quality.account_hold where account = :account")
    return connection.execute(query, {"account": account}).scalar_one_or_none()


def hold(connection: Connection, account: str, until: datetime, reason: str, now: datetime) -> None:
    """Notes that nothing may be asked of an account before an instant; an earlier one never replaces a later one."""
    connection.execute(
        text(
            "insert into quality.account_hold as kept (account, not_before, reason, noted_at)"
            " values (:account, :until, :reason, :now) on conflict (account) do update set"
            " not_before = excluded.not_before, reason = excluded.reason, noted_at = excluded.noted_at"
            " where kept.not_before < excluded.not_before"
        ),
        {"account": account, "until": until, "reason": reason, "now": now},
    )


def lift(connection: Connection, account: str) -> tuple[datetime, str] | None:
    """Forgets that nothing may be asked of an account: before which instant, and why; None where nothing is known."""
    query = text("delete from quality.account_hold where account = :account returning not_before, reason")
    held = connection.execute(query, {"account": account}).one_or_none()
    return held and (held.not_before, held.reason)


def note_fields(
    connection: Connection,
    source: str,
    stream: str,
    fields: Iterable[tuple[str, set[str], bool]],
    now: datetime,
) -> list[str]:
    """Notes fields (path, kinds, whether it is kept) that were seen; the paths that were never seen before."""
    new = []
    for path, kinds, is_kept in fields:
        is_new = connection.execute(
            text(
                "insert into quality.schema_field as known (source, stream, path, kinds, is_kept, first_seen_at,"
                " last_seen_at) values (:source, :stream, :path, :kinds, :is_kept, :now, :now)"
                " on conflict (source, stream, path) do update set is_kept = excluded.is_kept, kinds ="
                " array(select distinct unnest(known.kinds || excluded.kinds) order by 1),"
                " last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)"
                " returning xmax = 0"  # a row that was there before is updated, and has an xmax
            ),
            {
                "source": source,
                "stream": stream,
                "path": path,
                "kinds": sorted(kinds),
                "is_kept": is_kept,
                "now": now,
            },
        ).scalar_one()
        if is_new:
            new.append(path)
    return new


def always_told(connection: Connection, source: str, stream: str, enough: int) -> frozenset[str]:
    """The fields (paths) that enough of the stream's records had, and none of them had not."""
    found = connection.execute(
        text("select path from quality.schema_field where source = :source and stream = :stream and always >= :enough"),
        {"source": source, "stream": stream, "enough": enough},
    )
    return frozenset(found.scalars())


def count_told(
    connection: Connection, source: str, stream: str, told: Mapping[str, tuple[int, int]], enough: int
) -> None:
    """Counts on for `always_told`: of each field how many records could tell it, and how many did."""
    connection.execute(
        text(
            "update quality.schema_field as known"
            " set always ="
            " case when page.told = 0 and page.places < :enough and known.always = :enough then known.always"
            " when page.told < page.places then -1 else least(known.always + page.places, :enough) end"
            " from unnest(cast(:paths as text[]), cast(:places as integer[]), cast(:told as integer[]))"
            " as page (path, places, told)"
            " where known.source = :source and known.stream = :stream and known.path = page.path"
            " and (page.told < page.places and known.always >= 0 or known.always between 0 and :enough - 1)"
        ),
        {
            "source": source,
            "stream": stream,
            "enough": enough,
            "paths": list(told),
            "places": [places for places, _ in told.values()],
            "told": [times for _, times in told.values()],
        },
    )


def _digest(request: str) -> str:
    return sha256(request.encode()).hexdigest()
