"""Extraction: everything that a desk has to say since last time, asked over HTTP and landed a page at a time.

Each answer is one transaction: its page in the manifest, and the cursor that goes on from it. A run that is killed
anywhere goes on where it stood; at most the answer on its way is asked for again (docs/extraction.md).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from deskledger.errors import DeadEndError, DeskAwayError, DeskRefusesError, MappingError
from deskledger.landing import cursors, json_lines, manifest, personal
from deskledger.landing import pages as landed_pages
from deskledger.landing.cursors import Moved, Standing
from deskledger.sources import kept as keeping
from deskledger.sources.desk import Answer, Cursor, Desk, Request, Resumes, Step, Stream
from deskledger.sources.event_log.frames import keys_of
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.sections import Events
from deskledger.sources.http import PATIENCE_SECONDS, Client, Clock, HoldError, MachineClock
from deskledger.steps import hold
from deskledger.steps.desks import desk_of, file_name, gone_of, require_account, streams_of
from deskledger.steps.extract_window import Window
from deskledger.steps.ingest import mapping_of
from deskledger.steps.ingest_land import HISTORY, SWEEP_AFTER
from deskledger.warehouse import open_warehouse

DAILY, FULL = "daily", "full"
_NO_CURSOR = {400, 410, 422}  # what a desk may answer to a cursor that it does not know any more
BATCH_PAGES = 500  # of each stream of a history: what one load takes at once


@dataclass
class _Counts:
    pages: int = 0
    records: int = 0
    known: int = 0
    new_fields: int = 0


@dataclass
class _Run:
    """One run of one pull. `noted` is which fields this run has written down, with the kinds that it saw."""

    engine: Engine
    mapping: Mapping
    desk: Desk
    client: Client
    pull: str
    partition: str
    now: datetime
    report: Callable[[str], None]
    gone: dict[str, set[str]]
    counts: _Counts = field(default_factory=_Counts)
    noted: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    resumed: set[str] = field(default_factory=set)  # streams that were begun anew


def extract(
    source: str,
    day: str,
    now: datetime,
    *,
    window: Window | None = None,
    is_full: bool = False,
    clock: Clock | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Lands what a desk has new under the partition `day` (or "history"), up to what it has now.

    A stream that was pulled to the end of `day` before is left alone: a rerun of a day asks nothing. `window` pulls a
    stretch of time again, `is_full` everything since the mapping's `extract.since`; both leave the daily cursors where
    they are. Gives counts, and `wait_until`: the instant (ISO) to call again at, where the desk wants to be left alone
    for longer than `patience_seconds`; None where all is done. A line a page goes to `report`.

    Raises SourceError where the desk refuses, or its records have changed their form; DeskAwayError where it does not
    answer; MappingError, LandingError. Whatever was landed before stays landed.
    """
    mapping, clock = mapping_of(source), clock or MachineClock()
    desk = desk_of(mapping)
    if desk is None:
        raise MappingError(
            f"the reader {mapping.reader} takes files from the inbox: nothing is asked over HTTP",
            where=f"mappings/{source}.yaml",
        )
    account = require_account(source)
    streams = streams_of(mapping, desk, account)
    gone = gone_of(mapping, streams)
    engine, pull = open_warehouse(), FULL if is_full else window.name if window else DAILY
    _prepare(engine, mapping, pull, streams, day, now)

    def held() -> datetime | None:
        with engine.connect() as connection:
            return cursors.not_before(connection, account.base_url)

    def keep(not_before: datetime, reason: str) -> None:
        with engine.begin() as connection:
            cursors.hold(connection, account.base_url, not_before, reason, clock.now())
        hold.alert(source, not_before, reason, clock.now())
        report(hold.told(source, not_before, reason, clock.now()))

    client = Client(
        account,
        desk.headers(account),
        clock=clock,
        held=held,
        hold=keep,
        patience_seconds=patience_seconds,
    )
    run = _Run(engine, mapping, desk, client, pull, day, now, report, gone)
    wait_until = None
    try:
        for stream in streams:
            _pull(run, stream, window)
        if pull != DAILY:
            with engine.begin() as connection:
                cursors.finish(connection, source, pull)
    except HoldError as held_back:
        wait_until = held_back.not_before.isoformat()
        report(hold.told(source, held_back.not_before, held_back.reason, clock.now()))
    finally:
        client.close()
    return {"source": source, "partition": day, **vars(run.counts), "wait_until": wait_until}


def _prepare(engine: Engine, mapping: Mapping, pull: str, streams: list[Stream], partition: str, now: datetime) -> None:
    """Makes landing and cursors ready."""
    with engine.begin() as connection:
        manifest.lock(connection, mapping.source)
        landed_pages.claim(landed_pages.folder(), manifest.warehouse_id(connection))
        folder, known = landed_pages.folder(mapping.source), manifest.page_paths(connection, mapping.source)
        landed_pages.sweep(folder, known, before=now - SWEEP_AFTER)
        cursors.begin(connection, mapping.source, pull, {each.name: each.section for each in streams}, now)
        if partition == HISTORY and pull == DAILY:
            cursors.begin_again(connection, mapping.source, pull)


def _pull(run: _Run, stream: Stream, window: Window | None) -> None:
    """One stream, up to the end of what the desk has now."""
    with run.engine.connect() as connection:
        standing = cursors.standings(connection, run.mapping.source, run.pull)[stream.name]
    if _is_over(run, standing):
        return
    cursor = standing.cursor
    if cursor is None:
        since, until = (window.since, window.until) if window else (_beginning(run.mapping), None)
        cursor = stream.begin(since, until)
    while True:
        cursor, request, answer = _ask(run, stream, cursor)
        try:
            step = stream.step(cursor, answer)
        except DeadEndError as dead_end:
            with run.engine.begin() as connection:
                moved = Moved(dead_end.cursor, False, answer.answered_at, None, 0)
                cursors.move(connection, run.mapping.source, run.pull, standing, moved, run.now)
            raise
        standing = _land(run, stream, standing, request, answer, step)
        if step.is_end:
            return
        if step.cursor == cursor:
            # Often the answer before once more, from some cache on the way.
            raise DeskAwayError(
                "the desk says that there is more, and its cursor stands still",
                where=f"{stream.name}, GET {request.path}",
                remedy="nothing is lost: the next try asks the same again; if it lasts, ask the desk's vendor",
            )
        cursor = step.cursor


def _ask(run: _Run, stream: Stream, cursor: Cursor) -> tuple[Cursor, Request, Answer]:
    """The cursor's question and its answer; where the desk takes the cursor no more, from where the stream resumes."""
    request = stream.request(cursor)
    try:
        return cursor, request, run.client.ask(request)
    except DeskRefusesError as refused:
        again = stream.resume(cursor) if refused.status in _NO_CURSOR and isinstance(stream, Resumes) else None
        # Once: a desk that takes no cursor at all would be asked the same for ever.
        if again is None or stream.name in run.resumed:
            raise
        run.resumed.add(stream.name)
        run.report(f"{run.mapping.source}/{stream.name}: the cursor is taken no more ({refused.status}); going on anew")
    request = stream.request(again)
    return again, request, run.client.ask(request)


def _is_over(run: _Run, standing: Standing) -> bool:
    """Whether this pull has the stream already: a window or a history to its end, a day to the day's end."""
    if not standing.is_end or standing.ended_at is None:
        return False
    if run.pull != DAILY or run.partition == HISTORY:
        return True
    return standing.ended_at >= datetime.combine(date.fromisoformat(run.partition) + timedelta(days=1), time(), UTC)


def _beginning(mapping: Mapping) -> datetime:
    assert mapping.extract is not None
    return datetime.combine(mapping.extract.since, time(), mapping.zone)


def _land(run: _Run, stream: Stream, standing: Standing, request: Request, answer: Answer, step: Step) -> Standing:
    """One answer: its kept part as a page, its manifest rows and the cursor in one transaction."""
    kept = keeping.keep(stream.fields, step.records)
    with run.engine.connect() as connection:
        always = cursors.always_told(connection, run.mapping.source, stream.name, keeping.ALWAYS)
    for path in keeping.check(stream.name, kept, always, run.gone[stream.name]):
        run.report(f"{run.mapping.source}/{stream.name}: warning: no record has {path}, which all had before")
    kept.replace(personal.tokens_of(run.engine, run.mapping.source, kept.values(), run.now))
    asked = json.dumps([request.path, request.params], separators=(",", ":"))
    source = run.mapping.source
    with run.engine.begin() as connection:
        manifest.lock(connection, source)
        number = cursors.next_number(connection, source, stream.name)
        content, records_sha256 = json_lines.pack(stream.name, number, asked, kept.records)
        last = cursors.last_answer(connection, source, stream.name, asked)
        is_known = last is not None and last.records_sha256 == records_sha256
        if kept.records and not is_known:
            _record_page(connection, run, stream, number, content, kept.records, answer.answered_at)
        cursors.record_answer(
            connection,
            source,
            stream.name,
            asked,
            number=last.number if is_known and last else number,
            records=len(kept.records),
            records_sha256=records_sha256,
            total=step.total,
            answered_at=answer.answered_at,
        )
        new = _note_fields(connection, run, stream, kept)
        cursors.count_told(connection, source, stream.name, kept.told, keeping.ALWAYS)
        moved = Moved(step.cursor, step.is_end, answer.answered_at, step.complete_until, len(kept.records))
        standing = cursors.move(connection, source, run.pull, standing, moved, run.now)
    run.counts.pages += 1
    run.counts.records += len(kept.records)
    run.counts.known += is_known
    run.counts.new_fields += len(new)
    if new:
        run.report(f"{source}/{stream.name}: warning: fields that are not kept and were never seen: {', '.join(new)}")
    _report(run, standing, len(kept.records), is_known)
    return standing


def _record_page(
    connection: Connection,
    run: _Run,
    stream: Stream,
    number: int,
    content: bytes,
    records: list[Any],
    answered_at: datetime,
) -> None:
    mapping = run.mapping
    part = mapping.sections[stream.section]
    column = part.ticket_id if isinstance(part, Events) else part.columns.get("ticket_id")
    digest, path = landed_pages.write(landed_pages.folder(mapping.source), content)
    # The streams tell of the same tickets: loaded together, each ticket is made from all its pages once.
    batch = f"batch-{(number - 1) // BATCH_PAGES + 1:05d}" if run.partition == HISTORY else run.partition
    keys = np.zeros(0, dtype=np.int64)
    if column:
        keys = keys_of(mapping, run.desk.rows(stream.name, records, [column])[column])
    page = manifest.LandedPage(digest, path, batch, len(records), keys)
    name = file_name(stream.name, number)
    manifest.record(connection, mapping.source, name, digest, answered_at, run.partition, [page], run.now)


def _note_fields(connection: Connection, run: _Run, stream: Stream, kept: keeping.Kept) -> list[str]:
    """Writes down which fields the records had, once a run and again where a kind is new; those never seen before."""
    news = []
    for found, is_kept in ((kept.noted, False), (kept.kinds, True)):
        for path, kinds in found.items():
            if kinds - run.noted.get((stream.name, path), set()):
                run.noted.setdefault((stream.name, path), set()).update(kinds)
                news.append((path, kinds, is_kept))
    new = cursors.note_fields(connection, run.mapping.source, stream.name, news, run.now)
    return [f"{path} ({', '.join(sorted(kept.noted[path]))})" for path in new if path in kept.noted]


def _report(run: _Run, standing: Standing, rows: int, is_known: bool) -> None:
    until = standing.complete_until.isoformat() if standing.complete_until else "not known yet"
    said = f"{run.mapping.source}/{standing.stream}: page {standing.pages}, {rows} rows{' (known)' if is_known else ''}"
    end = ", the end for now" if standing.is_end else ""
    run.report(f"{said}, {standing.records} in all{end}; complete until {until}")
