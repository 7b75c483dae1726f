"""Landed pages read for a load: whole where they are few, else in blocks of tickets, so that memory stays bounded.

Any split gives the same tables: a ticket's rows are all in one block. (But which of two stands, where a desk tells one
answer of a survey for several tickets.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from deskledger.landing import json_lines, manifest
from deskledger.landing import pages as landed_pages
from deskledger.landing.manifest import PageRef
from deskledger.model import ticket_keys
from deskledger.sources.canonical import pages as canonical_pages
from deskledger.sources.desk import Desk
from deskledger.sources.event_log import frames, pages
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.words import words_of
from deskledger.steps.desks import desk_of

BLOCK_RECORDS = 45_000  # of a demo desk: 420 MB at most, 300 of them before the first row; 10,000 more take 40 MB more
WAITING_BYTES = 16 << 20  # of rows that wait to be split: a page by itself makes too many small pieces
_OF_ROW = ("record_no", "line")  # of the columns of origin; the others are the same for a whole page


@dataclass
class Raw:
    """The rows that a load of one section looks at: its own pages', and its tickets' on other pages."""

    columns: pd.DataFrame
    origin: pd.DataFrame
    pages: list[str]  # those of which every row without a ticket is here


def read(
    connection: Connection,
    mapping: Mapping,
    section: str,
    own: list[PageRef],
    others: list[PageRef],
    by_ticket: str | None,
) -> Iterator[Raw]:
    """The rows of the section's `own` pages, and those of the same tickets (or, without tickets, all) on its `others`.

    `by_ticket` is the column of ticket ids. More than BLOCK_RECORDS rows, whosever pages they are on, come as several
    blocks, each with all rows of its tickets; the rows without a ticket are in the first.
    """
    digests = [page.sha256 for page in own]
    if by_ticket and others:
        # A file that landed twice has the same pages twice.
        sharing = {*digests, *manifest.beside(connection, mapping.source, digests)}
        others = [page for page in others if page.sha256 in sharing]
    names = [page.sha256 for page in (own if by_ticket else [*own, *others])]
    keys = manifest.tickets_on(connection, mapping.source, digests) if by_ticket and others else None
    parts = _parts(mapping, section, own, others, by_ticket, keys)
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part[0])
        if by_ticket and size > BLOCK_RECORDS:
            break
    else:
        columns, origin = _together(held)
        held.clear()
        yield Raw(columns, origin, names)
        return
    assert by_ticket is not None
    # How many rows of other pages are those tickets' is only known when they are read: as if all were.
    buckets = -(-sum(page.records for page in (*own, *others)) // BLOCK_RECORDS)
    rows = np.zeros(buckets, dtype=np.int64)
    with TemporaryDirectory(prefix="deskledger-load-") as folder:
        split = _Split(Path(folder), buckets)
        for frame, origin in chain(_given_up(held), parts):
            words = words_of(frame[by_ticket], mapping.missing)
            key_of = np.append(ticket_keys(mapping.source, words.distinct), 0)
            bucket = key_of[words.codes] % buckets
            split.add(frame, origin, bucket)
            rows += np.bincount(bucket, minlength=buckets)
        split.close()
        for number, together in enumerate(_blocks(rows)):
            yield Raw(*_together([block for each in together if (block := split.block(each))]), names * (number == 0))


def _together(parts: list[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, origins = zip(*parts, strict=True)
    return pd.concat(rows, ignore_index=True), pd.concat(origins, ignore_index=True)


def _given_up(parts: list[tuple[pd.DataFrame, pd.DataFrame]]) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The parts in order; none is kept in memory once the next is asked for."""
    parts.reverse()
    while parts:
        yield parts.pop()


def _blocks(rows: np.ndarray) -> Iterator[list[int]]:
    """The buckets that have rows, as many together as BLOCK_RECORDS allows, in order."""
    together: list[int] = []
    for bucket in np.flatnonzero(rows).tolist():
        if together and rows[[*together, bucket]].sum() > BLOCK_RECORDS:
            yield together
            together = []
        together.append(bucket)
    if together:
        yield together


def read_page(
    mapping: Mapping, section: str, page: PageRef, *, is_extracted: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A page's columns, and the origin of each of its rows (rows.ORIGIN)."""
    content = landed_pages.read(landed_pages.folder(mapping.source), page.path, page.sha256)
    desk = desk_of(mapping) if "/" in page.file_name else None  # a stream's page; the inbox has no folders
    if desk is None:
        reader = canonical_pages if mapping.reader == "canonical" else pages
        frame, lines = reader.read_page(content, mapping, section)
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


def _parts(
    mapping: Mapping,
    section: str,
    own: list[PageRef],
    others: list[PageRef],
    by_ticket: str | None,
    keys: np.ndarray | None,
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for page in own:
        yield read_page(mapping, section, page, is_extracted=True)
    for page in others:
        frame, origin = read_page(mapping, section, page, is_extracted=False)
        if by_ticket and keys is not None:
            # Page by page: together they may hold many times what the load is about.
            frame, is_kept = frames.keep_tickets(mapping, frame, by_ticket, keys)
            origin = origin[is_kept]
        yield frame, origin


def _read_records(desk: Desk, content: bytes, columns: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    stream, records = json_lines.unpack(content)
    frame = desk.rows(stream, records, columns)[columns]
    return frame.astype("str"), np.arange(2, len(frame) + 2)


def _same(word: str, length: int) -> "pd.Categorical[str]":
    return pd.Categorical.from_codes(np.zeros(length, dtype=np.int8), pd.Index([word]))


class _Split:
    """Rows on disk, a file a block: written some pages at a time, read a block at a time."""

    def __init__(self, folder: Path, blocks: int) -> None:
        self._files = [folder / f"{number}.arrow" for number in range(blocks)]
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}
        self._pages: list[dict[str, Any]] = []  # the origin that all rows of a page share
        self._origins = pd.DataFrame()  # the same together, once all are there
        self._waiting: list[tuple[pa.Table, np.ndarray]] = []

    def add(self, frame: pd.DataFrame, origin: pd.DataFrame, block: np.ndarray) -> None:
        if frame.empty:
            return
        columns = {
            **{f"row:{name}": frame[name] for name in frame.columns},
            **{name: origin[name] for name in _OF_ROW},
            "page": np.full(len(frame), len(self._pages)),
        }
        # As values: a slice of a frame keeps all of it.
        self._pages.append({name: origin[name].iloc[0] for name in origin.columns if name not in _OF_ROW})
        in_order = pa.table(columns).take(pa.array(np.argsort(block, kind="stable")))
        self._waiting.append((in_order, np.bincount(block, minlength=len(self._files))))
        if sum(table.nbytes for table, _ in self._waiting) >= WAITING_BYTES:
            self._write()

    def close(self) -> None:
        if self._waiting:
            self._write()
        for writer in self._writers.values():
            writer.close()
        if self._pages:
            self._origins = pd.DataFrame(self._pages)
            self._pages.clear()

    def block(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        """A block's rows and their origins, in the order in which they came; None where nothing came."""
        if number not in self._writers:
            return None
        with pa.ipc.open_stream(self._files[number]) as stream:
            table = stream.read_all()
        names = [name for name in table.column_names if name.startswith("row:")]
        rows = pd.DataFrame({name.removeprefix("row:"): table[name].to_pandas() for name in names})
        pages = self._origins.iloc[table["page"].to_numpy()].reset_index(drop=True)
        return rows, pages.assign(**{name: table[name].to_numpy() for name in _OF_ROW})

    def _write(self) -> None:
        ends = [np.cumsum(rows) for _, rows in self._waiting]
        for number in range(len(self._files)):
            pieces = [
                table.slice(end[number] - rows[number], rows[number])
                for (table, rows), end in zip(self._waiting, ends, strict=True)
            ]
            together = pa.concat_tables(pieces).combine_chunks()
            if len(together):
                self._writer(number, together.schema).write_table(together)
        self._waiting.clear()

    def _writer(self, number: int, schema: pa.Schema) -> pa.RecordBatchStreamWriter:
        if number not in self._writers:
            self._writers[number] = pa.ipc.new_stream(self._files[number], schema)
        return self._writers[number]
