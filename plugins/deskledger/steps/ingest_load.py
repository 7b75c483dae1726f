"""One load: the landed rows of a partition's tickets become canonical rows, are checked, and are merged, or nothing is.

Rows are staged while the next ones are prepared. Whatever suites refuse is refused before the first row that others
could wait for; one transaction holds it all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from deskledger.landing import manifest
from deskledger.landing.manifest import PageRef
from deskledger.model import TICKET, TICKET_EVENT, Table
from deskledger.quality import context, quarantine, suites
from deskledger.settings import settings
from deskledger.sources.event_log.fates import FATES, LOADED, QUARANTINED
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.normalise import normalise
from deskledger.sources.event_log.sections import AgentRoles, TableSection
from deskledger.sources.event_log.tables import normalise_table
from deskledger.steps import ingest_arrival
from deskledger.steps.ingest_known import KnownNames
from deskledger.steps.ingest_read import Raw, read, read_page
from deskledger.steps.ingest_write import Block, Judged, Run
from deskledger.warehouse.load import StoredMonths

# Who is named by others comes before them.
_ORDER = ("accounts", "teams", "agents", "events", "survey_answers", "charges", "desk_counts", "desk_figures")
_NO_TICKETS = np.zeros(0, dtype=np.int64)

READER_SUITE = "event_log"  # the reader's own rules about raw rows, beside the suites of expectations/


@dataclass
class _Load:
    """What a load judges its tables by, beside their own rows."""

    connection: Connection
    mapping: Mapping
    now: datetime
    names: KnownNames
    pages: dict[str, list[PageRef]]  # all that landed, by section, in landing order
    brought: list[np.ndarray] = field(default_factory=list)  # tickets that this load brings, by block
    tickets: list[np.ndarray] = field(default_factory=list)  # those that it looks at

    @cached_property
    def agents(self) -> dict[str, str]:
        return _agents(self.mapping, self.pages)


@dataclass(frozen=True)
class Loaded:
    """What a load did: the records' fates and the rows' changes, and the tickets that it looked at."""

    counts: dict[str, int]
    tickets: np.ndarray  # keys


def load_partition(connection: Connection, mapping: Mapping, partition: str, now: datetime) -> Loaded:
    """Loads the pages of a partition in the caller's transaction, in blocks of tickets where they are many.

    Raises QualityError where a table fails its suite or records do not balance; then the caller rolls back.
    """
    _share_memory()
    every = manifest.pages_of(connection, mapping.source)
    mine = [page for page in every if page.partition == partition]
    stored = StoredMonths(connection, manifest.tickets_on(connection, mapping.source, [page.sha256 for page in mine]))
    names = KnownNames.of(connection, mapping.source)
    load = _Load(connection, mapping, now, names, _by_section(mapping, every))
    with TemporaryDirectory(prefix="deskledger-load-") as folder:
        run = Run(connection, mapping.source, partition, now, stored, Path(folder))
        landed: dict[str, int] = {}
        newest: dict[str, datetime | None] = {}
        for section in sorted(mapping.sections, key=_ORDER.index):
            own = [page for page in load.pages[section] if page.partition == partition]
            landed[section] = sum(page.records for page in own)
            others = [page for page in load.pages[section] if page.partition != partition]
            for block in _prepared(load, section, own, others) if own else ():
                newest[section] = max(filter(None, (newest.get(section), block.newest_at)), default=None)
                run.stage(section, block)
                del block  # its rows go as soon as they are sent
        arrival = ingest_arrival.judge(connection, mapping, partition, newest)
        run.finish(landed)
    # Those that no section takes, too: there is nothing in them to wait for.
    manifest.mark_loaded(connection, mapping.source, partition, mine, now)
    if arrival is not None:
        arrival.write(connection, run.id, now)
        run.counts["warnings"] += arrival.verdict.counted("warning")
    return Loaded(dict(run.counts), np.unique(np.concatenate([_NO_TICKETS, *load.tickets])))


def _share_memory() -> None:
    """Makes Arrow allocate with jemalloc in this process, which lets a thread use what another one has freed.

    A load reads, computes and sends in several. With Arrow's default allocator its peak is a seventh higher.
    """
    if "jemalloc" in pa.supported_memory_backends():  # in all wheels but those for Windows
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _by_section(mapping: Mapping, every: list[PageRef]) -> dict[str, list[PageRef]]:
    pages: dict[str, list[PageRef]] = {section: [] for section in mapping.sections}
    for page in every:
        sections = sections_of(mapping, page.file_name)
        if len(sections) == 1:
            pages[sections[0]].append(page)
    return pages


def _prepared(load: _Load, section: str, own: list[PageRef], others: list[PageRef]) -> Iterator[Block]:
    part = load.mapping.sections[section]
    by_ticket = part.columns.get("ticket_id") if isinstance(part, TableSection) else part.ticket_id
    prepare = _prepare_table if isinstance(part, TableSection) else _prepare_events
    for raw in read(load.connection, load.mapping, section, own, others, by_ticket):
        block = prepare(load, section, raw)
        for each in block.tables:
            load.names.add(each.table, each.sound)
        load.tickets.append(block.touched)
        yield block
        del raw, block, each


def _prepare_events(load: _Load, section: str, raw: Raw) -> Block:
    made = normalise(load.mapping, raw.columns, raw.origin, load.agents)
    own = made.tickets["ticket_key"].to_numpy()
    load.brought.append(own)
    tickets = _judge(load, TICKET, made.tickets, own)
    events = _judge(load, TICKET_EVENT, made.events, own)
    lost = made.tickets.loc[tickets.verdict.failed_rows(), "ticket_key"].to_numpy()
    # Of a ticket that the suite holds nothing is loaded: its records are in quarantine with it.
    made.fates[np.isin(made.ticket_key, lost) & (made.fates == LOADED)] = QUARANTINED
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
    return _block([tickets, events], made.fates, held, made.ticket_key, raw)


def _prepare_table(load: _Load, section: str, raw: Raw) -> Block:
    made = normalise_table(load.mapping, section, raw.columns, raw.origin)
    judged = _judge(load, made.table, made.frame, np.concatenate([_NO_TICKETS, *load.brought]))
    # One record makes one row here: where the suite holds the row, the record is what is in quarantine.
    made.fates[made.told_by[judged.verdict.failed_rows()]] = QUARANTINED
    told_by = raw.origin.iloc[made.told_by]
    held = [_held_raw(made.faults, made.fates, section, made.ticket_key, raw), _held_rows(judged, made.frame, told_by)]
    return _block([judged], made.fates, held, made.ticket_key, raw)


def _block(tables: list[Judged], fates: np.ndarray, held: list[pd.DataFrame], keys: np.ndarray, raw: Raw) -> Block:
    own = np.bincount(fates[raw.origin["is_extracted"].to_numpy(bool)], minlength=len(FATES))
    return Block(tables, own, pd.concat(held, ignore_index=True), np.unique(keys[keys != 0]), raw.pages)


def _agents(mapping: Mapping, pages: dict[str, list[PageRef]]) -> dict[str, str]:
    """What everybody of the section `agents` is, in the desk's own word, where roles are told by it; newest last."""
    role, part = mapping.events.actor.role, mapping.agents
    known: dict[str, str] = {}
    if not isinstance(role, AgentRoles) or part is None:
        return known
    for page in pages["agents"]:
        frame, _ = read_page(mapping, "agents", page, is_extracted=False)
        known.update(zip(frame[part.columns["agent"]].astype(str), frame[role.agents].astype(str), strict=True))
    return known


def _judge(load: _Load, table: Table, frame: pd.DataFrame, brought: np.ndarray) -> Judged:
    asked = frame["ticket_key"].unique() if "ticket_key" in frame else _NO_TICKETS
    known = load.names.known(load.connection, asked, brought)
    seen = context.with_context(table, frame, known, load.now)
    verdict = suites.check(settings().expectations, table.name, seen, table.key)
    return Judged(table, frame[~verdict.failed_rows()], len(frame), verdict)


def _held_raw(faults: pd.DataFrame, fates: np.ndarray, section: str, keys: np.ndarray, raw: Raw) -> pd.DataFrame:
    open_faults = faults[fates[faults["row"].to_numpy(np.int64)] == QUARANTINED]
    return quarantine.entries(open_faults, section, READER_SUITE, keys, raw.columns, raw.origin)


def _held_rows(judged: Judged, frame: pd.DataFrame, told_by: pd.DataFrame | None = None) -> pd.DataFrame:
    """The held rows of a table; `told_by` has the origin of each row's record, where one record makes one row."""
    keys = frame["ticket_key"].to_numpy() if "ticket_key" in frame else np.zeros(len(frame), dtype=np.int64)
    return quarantine.entries(judged.verdict.failures, judged.table.name, judged.verdict.suite, keys, frame, told_by)
