"""How canonical files are paged: CSV as it was written, Parquet a batch of rows at a time, as CSV text.

A file need not have every column of its table, only those that a row cannot be without.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from deskledger.errors import SourceError
from deskledger.model import CANONICAL, TICKET, TICKET_EVENT, ticket_keys
from deskledger.sources.canonical import rows
from deskledger.sources.event_log import pages
from deskledger.sources.event_log.mapping import TABLE_NAMES, Mapping, table_columns
from deskledger.sources.event_log.pages import BYTES, RECORDS, RawPage
from deskledger.sources.event_log.personal import Tokens, no_tokens, pseudonymise
from deskledger.sources.event_log.words import NO_INSTANT, instants, words_of

BATCHES = 16  # of a history: tickets apart by their key, as events do not say when their ticket was created
_OURS = {"source", "ticket_key", "created_month", "shard", "event_id", "source_value"}  # of the warehouse; not read
_TICKET_NEEDS = ["ticket_id", "created_at", "updated_at"]
_EVENT_NEEDS = ["ticket_id", "occurred_at", "seq", "kind"]


def cut(mapping: Mapping, section: str, path: Path, *, by_month: bool, tokens: Tokens = no_tokens) -> Iterator[RawPage]:
    """The pages of one file; `by_month` keeps the tickets of each of a history's batches apart.

    `tokens` gives what stands for the values of personal columns.

    Raises SourceError, with file and remedy, where the file has not the columns of its table.
    """
    part = mapping.sections[section]
    blocks = _parquet(path, section, part.delimiter) if path.suffix == ".parquet" else _csv(mapping, section, path)
    header = next(blocks)[0]
    (names,) = pages.header_names(header, part)
    _check(section, names, path.name)
    part = part.model_copy(update={"personal": {each: part.personal[each] for each in part.personal if each in names}})
    dated = next((each for each in ("occurred_at", "updated_at") if section == "events" and each in names), None)
    readable, example = 0, ""
    for _, texts, lines in blocks:
        frame = pages.parse(header, texts, part, names, path.name, lines)
        kept = pseudonymise(header, texts, part, mapping.missing, tokens) if part.personal else texts
        if dated:
            told_at = instants(words_of(frame[dated], mapping.missing), part.instant_format, mapping.zone)
            readable += int((told_at != NO_INSTANT).sum())
            example = example or str(frame[dated].iloc[0])
        keys = np.zeros(len(frame), dtype=np.int64)
        if "ticket_id" in frame:
            ids = words_of(frame["ticket_id"], mapping.missing)
            keys = np.append(ticket_keys(mapping.source, ids.distinct), 0)[ids.codes]
        batch = keys % BATCHES if by_month else np.zeros(len(frame), dtype=np.int64)
        for each in np.unique(batch).tolist():
            chosen = np.flatnonzero(batch == each)
            named = np.unique(keys[chosen])
            content = _content(header, [kept[at] for at in chosen], [lines[at] for at in chosen], section, path.name)
            yield RawPage(content, len(chosen), named[named != 0], f"part-{each:02d}")
    if dated and example and not readable:
        raise SourceError(
            f"none of the records has an instant of the form {part.instant_format} in column {dated}; the first has"
            f" {example!r}",
            where=f"{path.name}:2",
            remedy="write instants as 2026-03-02T09:00:00Z, or name their form in the mapping, for the files of events"
            ' and tickets alike: events: {instant_format: "%d.%m.%Y %H:%M"}',
        )


def read_page(content: bytes, mapping: Mapping, section: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A landed page's columns that the mapping reads, as text, and each record's line in its file."""
    preamble, _, text = content.partition(b"\n")
    (names,) = pages.header_names(text.partition(b"\n")[0].decode(), mapping.sections[section])
    record = pages.parse_text(text, mapping.sections[section], names)
    told: dict[str, object] = {name: record[name] for name in names}
    if section == "events":
        told = dict(rows.from_events(record) if "kind" in names else rows.from_tickets(record))
    nothing = np.full(len(record), "", dtype=object)
    frame = pd.DataFrame({name: told.get(name, nothing) for name in mapping.columns_of(section)})
    return frame.astype("str"), np.array(json.loads(preamble)["lines"], dtype=np.int64)


def _content(header: str, texts: list[str], lines: list[int], section: str, name: str) -> bytes:
    preamble = json.dumps({"file": name, "section": section, "lines": lines}, separators=(",", ":"))
    return "".join([preamble, "\n", header, *texts]).encode()


_Block = tuple[str, list[str], list[int]]


def _csv(mapping: Mapping, section: str, path: Path) -> Iterator[_Block]:
    """First the header alone, then blocks of records as they were written, with their lines."""
    header, texts, lines, size = "", [], [], 0
    for line, text in pages.records_of(path, mapping.sections[section]):
        if not header:
            header = text
            yield header, [], []
            continue
        texts.append(text)
        lines.append(line)
        size += len(text)
        if len(texts) == RECORDS or size >= BYTES:
            yield header, texts, lines
            texts, lines, size = [], [], 0
    if not header:
        raise SourceError("the file is empty", where=path.name, remedy="export it again, with its header line")
    if texts:
        yield header, texts, lines


def _parquet(path: Path, section: str, delimiter: str) -> Iterator[_Block]:
    """The same of a Parquet file; a line is the number of the row, the first one 2, as if a header stood before it."""
    try:
        file = parquet.ParquetFile(path)
        _refuse_floats(file.schema_arrow, section, path.name)
        yield _lines(file.schema_arrow.empty_table(), delimiter)[0], [], []
        number = 2
        for batch in file.iter_batches(batch_size=RECORDS):
            header, *texts = _lines(pa.Table.from_batches([batch]), delimiter)
            binary = next((at for at, text in enumerate(texts) if "\0" in text), None)
            if binary is not None:
                raise SourceError(
                    "a NUL character, which no text has", where=f"{path.name}:{number + binary}", remedy="take it out"
                )
            yield header, texts, list(range(number, number + len(texts)))
            number += len(texts)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"not a sound Parquet file: {error}", where=path.name, remedy="export it again, with plain columns"
        ) from None


def _refuse_floats(schema: pa.Schema, section: str, name: str) -> None:
    """Money that was a floating-point number is not what was invoiced any more."""
    known = CANONICAL[TABLE_NAMES[section]].columns if section in TABLE_NAMES else ()
    money = {each.name for each in known if each.kind == "money"}
    wrong = [each.name for each in schema if each.name in money and pa.types.is_floating(each.type)]
    if wrong:
        raise SourceError(
            f"column {', '.join(wrong)} is a floating-point number, and money is exact",
            where=name,
            remedy="write it as decimal(18, 2), or as text such as 1234.50",
        )


def _lines(table: pa.Table, delimiter: str) -> list[str]:
    """The header and each row as one text of CSV."""
    written = io.BytesIO()
    texts = [pc.fill_null(pc.cast(column, pa.string()), "") for column in table.columns]
    csv.write_csv(
        pa.table(texts, names=table.column_names),
        written,
        csv.WriteOptions(quoting_style="needed", delimiter=delimiter),
    )
    header, _, body = written.getvalue().decode().partition("\n")
    found, open_text = [header.replace('"', "") + "\n"], ""
    for line in io.StringIO(body, newline=""):
        open_text += line
        if open_text.count('"') % 2 == 0:
            found.append(open_text)
            open_text = ""
    return found


def _check(section: str, names: list[str], name: str) -> None:
    if section == "events":
        is_event = "kind" in names
        table, needed = ("ticket_event", _EVENT_NEEDS) if is_event else ("ticket", _TICKET_NEEDS)
        known = ["ticket_id", *(TICKET_EVENT if is_event else TICKET).names]
    else:
        table = TABLE_NAMES[section]
        needed, known = table_columns(section)
    if len(names) == 1 and names[0].startswith("sep="):
        raise SourceError(
            f"the first line is {names[0]}, a note to Excel, and no header", where=f"{name}:1", remedy="take it out"
        )
    other = next((each for each in (";", "\t", "|", ",") if len(names) == 1 and each in names[0]), None)
    if other:
        raise SourceError(
            f"the header of {table} is separated by {other!r}",
            where=f"{name}:1",
            remedy=f"write the delimiter in the section of the mapping: {section}: {{delimiter: {json.dumps(other)}}}",
        )
    absent = [each for each in needed if each not in names]
    strange = [each for each in names if each not in known and each not in _OURS]
    twice = sorted({each for each in names if names.count(each) > 1})
    faults = [
        f"{what} {', '.join(found)}"
        for what, found in (("lacks", absent), ("has the unknown", strange), ("has twice", twice))
        if found
    ]
    if faults:
        raise SourceError(
            f"the header of {table} {'; it '.join(faults)}",
            where=f"{name}:1",
            remedy="docs/desks/canonical.md names the columns; take others out, or name them so",
        )
