"""Exports whose mapping names personal columns: a token takes the place of each value before a page is made of them."""

import csv
from collections.abc import Callable, Mapping, Sequence
from io import StringIO

from deskledger.sources.event_log.sections import Section

Tokens = Callable[[Sequence[tuple[str, str]]], Mapping[tuple[str, str], str]]


def no_tokens(values: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """For a file that is only looked at: the values go nowhere, and nothing stands for them."""
    return dict.fromkeys(values, "")


def pseudonymise(header: str, texts: list[str], part: Section, missing: Sequence[str], tokens: Tokens) -> list[str]:
    """The records (CSV text, each ending in a newline) with tokens in the section's personal columns.

    What says nothing (empty, or the export's own marker) stays; surrounding blanks are no part of a value.
    """
    csv.field_size_limit(max(csv.field_size_limit(), *map(len, texts)))  # a text may be longer than csv expects
    names = next(csv.reader([header], delimiter=part.delimiter))
    columns = [(names.index(name), kind) for name, kind in part.personal.items()]
    # As files are read: only a line feed or a carriage return ends a line, not all that str.splitlines knows.
    records = [next(csv.reader(StringIO(text, newline=""), delimiter=part.delimiter)) for text in texts]
    places = [
        (record, index, (kind, value))
        for record in records
        for index, kind in columns
        if (value := record[index].strip()) and value not in missing
    ]
    known = tokens(list(dict.fromkeys(personal for _, _, personal in places)))
    for record, index, personal in places:
        record[index] = known[personal]
    written = []
    for record in records:
        line = StringIO()
        csv.writer(line, delimiter=part.delimiter, lineterminator="\n").writerow(record)
        written.append(line.getvalue())
    return written
