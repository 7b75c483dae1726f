"""One load: the landed rows of a partition's tickets become canonical rows, are checked, and are merged, or nothing is.

Everything that can refuse the load comes before the first write; one transaction holds it all.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from deskledger.landing import json_lines, manifest
from deskledger.landing import pages as landed_pages
from deskledger.landing.manifest import PageRef
from deskledger.model import TICKET, TICKET_EVENT, Table
from deskledger.quality import balance, context, quarantine, suites
from deskledger.settings import settings
from deskledger.sources.canonical import pages as canonical_pages
from deskledger.sources.desk import Desk
from deskledger.sources.event_log import frames, pages
from deskledger.sources.event_log.fates import FATES, QUARANTINED
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import AgentRoles, Mapping, TableSection
from deskledger.sources.event_log.normalise import normalise
from deskledger.sources.event_log.tables import normalise_table
from deskledger.steps import ingest_arrival
from deskledger.steps.desks import desk_of
from deskledger.steps.ingest_known import KnownNames
from deskledger.warehouse.load import merge

# Who is named by others comes before them.
_ORDER = ("accounts", "teams", "agents", "events", "survey_answers", "charges")
_TELLS = ("occurred_at", "sent_at", "responded_at")
_NO_TICKETS = np.zeros(0, dtype=np.int64)

READER_SUITE = "event_log"  # the reader's own rules about raw rows, beside the suites of expectations/


@dataclass
class _Raw:
    """The rows that a load of one section looks at: its own pages', and its tickets' on other pages."""

    columns: pd.DataFrame
    origin: pd.DataFrame
    extracted: int
    pages: list[str]  # those of which every row is here


@dataclass
class _Table:
    """A canonical table of a load, after its suite: `sound` rows go on, the others are `held`."""

    table: Table
    sound: pd.DataFrame
    made: int
    verdict: suites.Verdict


@dataclass
class _Load:
    """What a load judges its tables by, beside their own rows."""

    connection: Connection
    mapping: Mapping
    now: datetime
    names: KnownNames


@dataclass
class _Section:
    """One section ready to be written."""

    name: str
    raw: _Raw
    fates: np.ndarray
    tables: list[_Table]
    held: pd.DataFrame
    touched: np.ndarray  # ticket keys
    replaces: bool

    @property
    def newest_at(self) -> datetime | None:
        """The newest instant that the section's last table tells; None where it tells none."""
        frame = self.tables[-1].sound
        instants = [frame[column].max() for column in _TELLS if column in frame]
        return max((at.to_pydatetime() for at in instants if pd.notna(at)), default=None)


@dataclass(frozen=True)
class Loaded:
    """What a load did: the records' fates and the rows' changes, and the tickets that it looked at."""

    counts: dict[str, int]
    tickets: np.ndarray  # keys


def load_partition(connection: Connection, mapping: Mapping, partition: str, now: datetime) -> Loaded:
    """Loads the pages of a partition in the caller's transaction.

    Raises QualityError before anything is written where a table fails its suite or records do not balance.
    """
    mine = manifest.pages_of(connection, mapping.source, partition=partition)
    load = _Load(connection, mapping, now, KnownNames.of(connection, mapping.source))
    prepared = []
    for section in sorted(mapping.sections, key=_ORDER.index):
        own = [page for page in mine if sections_of(mapping, page.file_name) == [section]]
        if own:
            prepare = _prepare_events if section == "events" else _prepare_table
            prepared.append(prepare(load, section, own))
            for each in prepared[-1].tables:
                load.names.add(each.table, each.sound)
    newest = {ready.name: ready.newest_at for ready in prepared}
    arrival = ingest_arrival.judge(connection, mapping, partition, newest)
    counts: Counter[str] = Counter(dict.fromkeys(("extracted", *FATES, "warnings"), 0))
    run_id = f"{mapping.source}/{partition}/{now.isoformat()}"
    for ready in prepared:
        _write(connection, mapping.source, partition, run_id, ready, now, counts)
    if arrival is not None:
        arrival.write(connection, run_id, now)
        counts["warnings"] += arrival.verdict.counted("warning")
    touched = [ready.touched for ready in prepared]
    return Loaded(dict(counts), np.unique(np.concatenate(touched)) if touched else np.zeros(0, dtype=np.int64))


def _prepare_events(load: _Load, section: str, own: list[PageRef]) -> _Section:
    connection, mapping = load.connection, load.mapping
    raw = _read(connection, mapping, section, own, by_ticket=mapping.events.ticket_id)
    made = normalise(mapping, raw.columns, raw.origin, _agents(connection, mapping))
    brought = made.tickets["ticket_key"].to_numpy()
    tickets = _judge(load, TICKET, made.tickets, brought)
    events = _judge(load, TICKET_EVENT, made.events, brought)
    lost = made.tickets.loc[tickets.verdict.failed_rows(), "ticket_key"].to_numpy()
    orphans = np.flatnonzero(made.events["ticket_key"].isin(lost))
    orphaned = pd.DataFrame({"row": orphans, "rule": "ticket_quarantined", "message": "its ticket is in quarantine"})
    events.verdict.failures = pd.concat(
        [events.verdict.failures, orphaned.assign(severity="critical")], ignore_index=True
    )
    events.sound = made.events[~events.verdict.failed_rows()]
    held = [
        _held_raw(made.faults, made.fates, section, made.ticket_key, raw),
        _held_rows(tickets, made.tickets),
        _held_rows(events, made.events),
    ]
    touched = np.unique(made.ticket_key[made.ticket_key != 0])
    return _Section(
        section, raw, made.fates, [tickets, events], pd.concat(held, ignore_index=True), touched, replaces=True
    )


def _prepare_table(load: _Load, section: str, own: list[PageRef]) -> _Section:
    connection, mapping = load.connection, load.mapping
    part = mapping.sections[section]
    assert isinstance(part, TableSection)
    by_ticket = part.columns.get("ticket_id")
    raw = _read(connection, mapping, section, own, by_ticket=by_ticket)
    made = normalise_table(mapping, section, raw.columns, raw.origin)
    judged = _judge(load, made.table, made.frame)
    # One record makes one row here: where the suite holds the row, the record is what is in quarantine.
    made.fates[made.told_by[judged.verdict.failed_rows()]] = QUARANTINED
    told_by = raw.origin.iloc[made.told_by]
    held = [_held_raw(made.faults, made.fates, section, made.ticket_key, raw), _held_rows(judged, made.frame, told_by)]
    touched = np.unique(made.ticket_key[made.ticket_key != 0])
    return _Section(section, raw, made.fates, [judged], pd.concat(held, ignore_index=True), touched, replaces=False)


def _read(connection: Connection, mapping: Mapping, section: str, own: list[PageRef], by_ticket: str | None) -> _Raw:
    """The rows of the section's own pages, and every landed row of the same tickets (or, without tickets, of all)."""
    read = [_read_page(mapping, section, page, is_extracted=True) for page in own]
    mine = {(page.sha256, page.landed_order) for page in own}
    keys = None
    if by_ticket:
        keys = np.unique(np.concatenate([frames.keys_of(mapping, frame[by_ticket]) for frame, _ in read]))
    others = [
        page
        for page in manifest.pages_of(connection, mapping.source, keys=keys)
        if (page.sha256, page.landed_order) not in mine and sections_of(mapping, page.file_name) == [section]
    ]
    for page in others:
        frame, origin = _read_page(mapping, section, page, is_extracted=False)
        if by_ticket and keys is not None:
            # Page by page: together they may hold many times what the load is about.
            frame, is_kept = frames.keep_tickets(mapping, frame, by_ticket, keys)
            origin = origin[is_kept]
        read.append((frame, origin))
    return _Raw(
        columns=frames.combine([frame for frame, _ in read]),
        origin=pd.concat([origin for _, origin in read], ignore_index=True),
        extracted=sum(page.records for page in own),
        pages=[page.sha256 for page in (own if by_ticket else [*own, *others])],
    )


def _agents(connection: Connection, mapping: Mapping) -> dict[str, str]:
    """What everybody of the section `agents` is, in the desk's own word, where roles are told by it; newest last."""
    role, part = mapping.events.actor.role, mapping.agents
    known: dict[str, str] = {}
    if not isinstance(role, AgentRoles) or part is None:
        return known
    landed = [
        p for p in manifest.pages_of(connection, mapping.source) if sections_of(mapping, p.file_name) == ["agents"]
    ]
    for page in sorted(landed, key=lambda page: page.landed_order):
        frame, _ = _read_page(mapping, "agents", page, is_extracted=False)
        known.update(zip(frame[part.columns["agent"]].astype(str), frame[role.agents].astype(str), strict=True))
    return known


def _read_page(
    mapping: Mapping, section: str, page: PageRef, *, is_extracted: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A page's columns, and the origin of each of its rows (rows.ORIGIN)."""
    content = landed_pages.read(landed_pages.folder(mapping.source), page.path, page.sha256)
    desk = desk_of(mapping) if "/" in page.file_name else None  # a stream's page; the inbox has no folders
    if desk is None:
        read_page = canonical_pages.read_page if mapping.reader == "canonical" else pages.read_page
        frame, lines = read_page(content, mapping, section)
    else:
        frame, lines = _read_records(desk, content, mapping.columns_of(section))
    origin = {
        "page_sha256": _same(page.sha256, len(frame)),
        "record_no": np.arange(1, len(frame) + 1),
        "partition": _same(page.partition, len(frame)),
        "file": _same(page.file_name, len(frame)),
        "line": lines,
        "landed_order": page.landed_order,
        "is_extracted": is_extracted,
    }
    return frame, pd.DataFrame(origin)


def _read_records(desk: Desk, content: bytes, columns: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    stream, records = json_lines.unpack(content)
    frame = desk.rows(stream, records, columns)[columns]
    return frame.astype("str").astype("category"), np.arange(2, len(frame) + 2)


def _same(word: str, length: int) -> "pd.Categorical[str]":
    return pd.Categorical.from_codes(np.zeros(length, dtype=np.int8), pd.Index([word]))


def _judge(load: _Load, table: Table, frame: pd.DataFrame, brought: np.ndarray = _NO_TICKETS) -> _Table:
    """A table by its suite; `brought` are the tickets that this load brings."""
    asked = frame["ticket_key"].unique() if "ticket_key" in frame else _NO_TICKETS
    known = load.names.known(load.connection, asked, brought)
    seen = context.with_context(table, frame, known, load.now)
    verdict = suites.check(settings().expectations, table.name, seen, table.key)
    return _Table(table, frame[~verdict.failed_rows()], len(frame), verdict)


def _held_raw(faults: pd.DataFrame, fates: np.ndarray, section: str, keys: np.ndarray, raw: _Raw) -> pd.DataFrame:
    open_faults = faults[fates[faults["row"].to_numpy(np.int64)] == QUARANTINED]
    return quarantine.entries(open_faults, section, READER_SUITE, keys, raw.columns, raw.origin)


def _held_rows(judged: _Table, frame: pd.DataFrame, told_by: pd.DataFrame | None = None) -> pd.DataFrame:
    """The held rows of a table; `told_by` has the origin of each row's record, where one record makes one row."""
    keys = frame["ticket_key"].to_numpy() if "ticket_key" in frame else np.zeros(len(frame), dtype=np.int64)
    return quarantine.entries(judged.verdict.failures, judged.table.name, judged.verdict.suite, keys, frame, told_by)


def _write(
    connection: Connection,
    source: str,
    partition: str,
    run_id: str,
    ready: _Section,
    now: datetime,
    counts: Counter[str],
) -> None:
    totals = []
    for each in ready.tables:
        replace = ready.touched if ready.replaces and each.table is TICKET_EVENT else None
        merged = merge(connection, each.table, each.sound, now, replace)
        totals.append(balance.Produced(each.made, each.made - len(each.sound), *_counts(merged)))
        balance.record_validation(
            connection, run_id, each.verdict.suite, each.verdict.success, each.verdict.statistics, now
        )
        counts["warnings"] += each.verdict.counted("warning")
    fates = np.bincount(ready.fates[ready.raw.origin["is_extracted"].to_numpy(bool)], minlength=len(FATES)).tolist()
    if not any(total.changes for total in totals):
        fates = [0, fates[0] + fates[1], *fates[2:]]  # the warehouse has all of it: a rerun
    records = balance.Records(ready.raw.extracted, *fates)
    # The records are those of the section's last table (ticket_event); the table beside it has no records of its own.
    for each, total in zip(ready.tables, totals, strict=True):
        own = records if each is ready.tables[-1] else balance.Records(0, 0, 0, 0, 0)
        balance.record_load(connection, run_id, source, partition, each.table.name, own, total, now)
        counts[f"{each.table.name}_changes"] += total.changes
    tables = [ready.name, *(each.table.name for each in ready.tables)]
    quarantine.settle(connection, source, partition, run_id, ready.held, tables, ready.touched, ready.raw.pages, now)
    counts.update(vars(records))


def _counts(merged: object) -> tuple[int, int, int, int, int]:
    return tuple(int(getattr(merged, name)) for name in ("inserted", "updated", "unchanged", "superseded", "deleted"))  # type: ignore[return-value]
