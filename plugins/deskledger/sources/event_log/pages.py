"""How to page: an export is cut by CSV record into pages of original text, in bounded memory.

A page is a line of JSON (which file, which section, which lines), the export's header line, and the records exactly as
they were written, in UTF-8.
"""

import csv as plain
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from deskledger.errors import LandingError, SourceError
from deskledger.model import ticket_keys
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.personal import Tokens, no_tokens, pseudonymise
from deskledger.sources.event_log.sections import Events, Section
from deskledger.sources.event_log.timeline import months
from deskledger.sources.event_log.words import NO_INSTANT, instants, words_of

RECORDS = 10_000  # a page
BYTES = 16 << 20  # a page, before packing
BUFFERED_PAGES = 8  # while records are sorted by month
UNDATED = "undated"


@dataclass(frozen=True)
class RawPage:
    """A page ready to be written. `keys` are the tickets that it names, `batch` its month ("2016-03") if asked for."""

    content: bytes
    records: int
    keys: np.ndarray
    batch: str


@dataclass
class _Buffer:
    texts: list[np.ndarray] = field(default_factory=list)
    lines: list[np.ndarray] = field(default_factory=list)
    keys: list[np.ndarray] = field(default_factory=list)
    records: int = 0


def cut(mapping: Mapping, section: str, path: Path, *, by_month: bool, tokens: Tokens = no_tokens) -> Iterator[RawPage]:
    """The pages of one export file; `by_month` keeps the tickets created in each month (UTC) apart.

    `tokens` gives what stands for the values of personal columns.

    Raises SourceError, with file, line and remedy, where the file is not what the mapping says.
    """
    part = mapping.sections[section]
    blocks = _blocks(mapping, section, path)
    header = next(blocks).header
    buffers: dict[str, _Buffer] = {}
    readable, records, example = 0, 0, ""
    for block in blocks:
        frame = parse(block.header, block.texts, part, mapping.columns_of(section), path.name, block.lines)
        keys, batches = np.zeros(len(frame), dtype=np.int64), np.full(len(frame), UNDATED, dtype=object)
        if isinstance(part, Events):
            created = instants(words_of(frame[part.created_at], mapping.missing), part.instant_format, mapping.zone)
            occurred = words_of(frame[part.occurred_at], mapping.missing)
            readable += int((instants(occurred, part.instant_format, mapping.zone) != NO_INSTANT).sum())
            example = example or str(frame[part.occurred_at].iloc[0])
            if by_month:
                month = months(np.where(created == NO_INSTANT, 0, created))
                # A typing error of centuries would make a batch of its own; its rows fail their suite soon enough.
                is_plausible = (created != NO_INSTANT) & (month >= 1970_01) & (month <= 2099_12)
                batches = np.where(is_plausible, _batch_names(month), UNDATED)
        id_column = part.ticket_id if isinstance(part, Events) else part.columns.get("ticket_id")
        if id_column:
            ids = words_of(frame[id_column], mapping.missing)
            keys = np.append(ticket_keys(mapping.source, ids.distinct), 0)[ids.codes]
        records += len(frame)
        kept = pseudonymise(header, block.texts, part, mapping.missing, tokens) if part.personal else block.texts
        texts, lines = np.array(kept, dtype=object), np.array(block.lines, dtype=np.int64)
        for batch in sorted(set(batches.tolist())):
            chosen = batches == batch
            buffer = buffers.setdefault(batch, _Buffer())
            buffer.texts.append(texts[chosen])
            buffer.lines.append(lines[chosen])
            buffer.keys.append(keys[chosen])
            buffer.records += int(chosen.sum())
        while (held := sum(each.records for each in buffers.values())) > 0:
            fullest = max(buffers, key=lambda name: buffers[name].records)
            if by_month and buffers[fullest].records < RECORDS and held < BUFFERED_PAGES * RECORDS:
                break
            yield _page(header, buffers.pop(fullest), fullest, section, path.name)
    for batch in sorted(buffers):
        yield _page(header, buffers[batch], batch, section, path.name)
    if isinstance(part, Events) and records and not readable:
        raise SourceError(
            f"none of the {records} records has an instant of the form {part.instant_format}"
            f" in column {part.occurred_at}; the first has {example!r}",
            where=f"{path.name}:2",
            remedy=f"correct instant_format in mappings/{mapping.source}.yaml, or export the file again",
        )


def read_page(content: bytes, mapping: Mapping, section: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A landed page's columns that the mapping reads, as text, and each record's line in its file."""
    preamble, _, text = content.partition(b"\n")
    runs = json.loads(preamble)["lines"]
    lines = np.concatenate([np.arange(first, first + count) for first, count in runs])
    part, names = mapping.sections[section], mapping.columns_of(section)
    try:
        frame = parse_text(text, part, names)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise LandingError(
            f"a landed page does not fit the mapping any more: {error}",
            where=f"mappings/{mapping.source}.yaml",
            remedy=f"name columns that {json.loads(preamble)['file']} has",
        ) from None
    return frame, lines


def raw_record(content: bytes, part: Section, record_no: int) -> dict[str, str]:
    """One record of a landed page, whole: every column of the export, those that the mapping does not read too."""
    _, _, text = content.partition(b"\n")
    header, _, _ = text.partition(b"\n")
    names = next(iter(header_names(header.decode(), part)))
    record = parse_text(text, part, list(dict.fromkeys(names))).iloc[record_no - 1]
    return {str(name): str(value) for name, value in record.items()}


def _page(header: str, buffer: _Buffer, batch: str, section: str, name: str) -> RawPage:
    lines, texts = np.concatenate(buffer.lines), np.concatenate(buffer.texts)
    starts = np.flatnonzero(np.append([True], np.diff(lines) != 1))
    counts = np.diff(np.append(starts, len(lines)))
    runs = [[int(lines[start]), int(count)] for start, count in zip(starts, counts, strict=True)]
    preamble = json.dumps({"file": name, "section": section, "lines": runs}, separators=(",", ":"))
    content = "".join([preamble, "\n", header, *texts]).encode()
    keys = np.unique(np.concatenate(buffer.keys))
    return RawPage(content, len(lines), keys[keys != 0], batch)


def _batch_names(month: np.ndarray) -> np.ndarray:
    distinct, codes = np.unique(month, return_inverse=True)
    return np.array([f"{each // 100:04d}-{each % 100:02d}" for each in distinct], dtype=object)[codes]


@dataclass(frozen=True)
class _Block:
    header: str
    texts: list[str]
    lines: list[int]


def _blocks(mapping: Mapping, section: str, path: Path) -> Iterator[_Block]:
    """First the header alone, then blocks of records as written, each ending in a newline, with their line numbers."""
    part = mapping.sections[section]
    texts: list[str] = []
    lines: list[int] = []
    size, header = 0, ""
    for line, text in records_of(path, part):
        if not header:
            header = text
            _check_header(mapping, section, header, path.name)
            yield _Block(header, [], [])
            continue
        texts.append(text)
        lines.append(line)
        size += len(text)
        if len(texts) == RECORDS or size >= BYTES:
            yield _Block(header, texts, lines)
            texts, lines, size = [], [], 0
    if not header:
        raise SourceError("the file is empty", where=path.name, remedy="export it again, with its header line")
    if texts:
        yield _Block(header, texts, lines)


def records_of(path: Path, part: Section) -> Iterator[tuple[int, str]]:
    """Each CSV record's first line number and text; blank lines are left out."""
    opened, text = 0, ""
    for number, line in _lines(path, part.encoding):
        if number == 1 and "\r" in line.removesuffix("\n").removesuffix("\r"):
            raise SourceError(
                "the lines end in carriage returns alone",
                where=f"{path.name}:1",
                remedy="save the file with the line ends of Windows or Unix, and export again",
            )
        if text:
            text += line
        elif line.strip():
            opened, text = number, line
        else:
            continue
        if text.count('"') % 2 == 0 if '"' in text else True:
            yield opened, text if text.endswith("\n") else text + "\n"
            text = ""
        elif len(text) > BYTES:
            break
    if text:
        raise SourceError(
            "a quoted field begins in this record and does not end",
            where=f"{path.name}:{opened}",
            remedy='close the quote; a quote inside a quoted field is written twice ("")',
        )


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    number = 0
    again = "the file did not arrive whole: copy or export it again"
    try:
        with _opened(path) as stream:
            for number, line in enumerate(iter(partial(stream.readline, BYTES + 1), b""), 1):
                if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise SourceError("the file is UTF-16", where=path.name, remedy="save it as CSV UTF-8")
                if b"\0" in line:
                    raise SourceError("not a CSV: binary data", where=f"{path.name}:{number}", remedy="export as CSV")
                if len(line) > BYTES:
                    raise SourceError(
                        f"a line is longer than {BYTES >> 20} MB", where=f"{path.name}:{number}", remedy="export as CSV"
                    )
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                yield number, line.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"not {encoding} text: byte 0x{error.object[error.start]:02x} at position {error.start + 1} of the line",
            where=f"{path.name}:{number}",
            remedy=f"export as {encoding}, or name the file's `encoding:` in the mapping (cp1252 is usual on Windows)",
        ) from None
    except EOFError:
        raise SourceError("the gzip file ends too early", where=f"{path.name}:{number + 1}", remedy=again) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"the gzip file is damaged: {error}", where=path.name, remedy=again) from None


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"PK\x03\x04":
        raise SourceError("not a CSV: a zip archive or a workbook", where=path.name, remedy="unpack it, or save as CSV")
    if path.suffix == ".gz" and magic:
        raise SourceError("named .gz but not gzip", where=path.name, remedy="pack it with gzip, or drop the suffix")
    return path.open("rb")


def _check_header(mapping: Mapping, section: str, header: str, name: str) -> None:
    part = mapping.sections[section]
    wanted = list(dict.fromkeys([*mapping.columns_of(section), *part.personal]))
    names = next(iter(header_names(header, part)), [])
    absent = [each for each in wanted if each not in names]
    if absent:
        raise SourceError(
            f"column{'s' if len(absent) > 1 else ''} {', '.join(absent)} missing; the header has {', '.join(names)}",
            where=f"{name}:1",
            remedy=f"export the columns, or name the right ones (and the delimiter) in mappings/{mapping.source}.yaml",
        )
    twice = sorted({each for each in wanted if names.count(each) > 1})
    if twice:
        raise SourceError(f"column {', '.join(twice)} twice in the header", where=f"{name}:1", remedy="rename one")


def header_names(header: str, part: Section) -> list[list[str]]:
    return list(plain.reader([header], delimiter=part.delimiter))


def parse(header: str, texts: list[str], part: Section, names: list[str], name: str, lines: list[int]) -> pd.DataFrame:
    try:
        frame = parse_text("".join([header, *texts]).encode(), part, names)
    except pa.ArrowInvalid as error:
        raise _ragged(header, texts, part, name, lines, error) from None
    if len(frame) != len(texts):
        raise SourceError(
            f"{len(texts)} records were cut and {len(frame)} read between here and line {lines[-1]}",
            where=f"{name}:{lines[0]}",
            remedy="look for a quote that is not doubled, or a carriage return inside a field",
        )
    return frame


def parse_text(content: bytes, part: Section, names: list[str]) -> pd.DataFrame:
    """The columns `names` of a CSV, as text."""
    table = csv.read_csv(
        BytesIO(content),
        read_options=csv.ReadOptions(use_threads=False, block_size=len(content) + 1),
        parse_options=csv.ParseOptions(delimiter=part.delimiter, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.large_string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )
    return table.to_pandas()


def _ragged(header: str, texts: list[str], part: Section, name: str, lines: list[int], error: Exception) -> SourceError:
    width = len(header_names(header, part)[0])
    for line, text in zip(lines, texts, strict=True):
        fields = sum(len(row) for row in plain.reader(text.splitlines(keepends=True), delimiter=part.delimiter))
        if fields != width:
            what, where = f"the record has {fields} fields, the header {width}", f"{name}:{line}"
            break
    else:
        what, where = f"the records do not read as CSV: {error}", f"{name}:{lines[0]}"
    return SourceError(what, where=where, remedy="quote fields that contain the delimiter, and export again")
