"""The one shape of a helpdesk that is asked over HTTP: what to ask, how to page, how raw records become rows.

A desk is a room of its own under `sources` with an object that fits `Desk`. It makes requests and reads answers, and
does nothing else: sending, waiting, landing, pseudonymising and cursors are the same for every desk (steps.extract).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import pandas as pd

# Where a stream stands: the stream's own words, kept as JSON beside the pages that it led to.
Cursor = dict[str, Any]

JsonKind = Literal["integer", "number", "text", "flag", "object", "list", "null"]


@dataclass(frozen=True)
class Account:
    """One account at a desk, from the Airflow connection `deskledger_<source>`. The secret is never printed."""

    base_url: str
    login: str = ""
    secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Request:
    """One question: a path below the account's base URL, and its parameters. Nothing secret is in it."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the desk said: parsed JSON, and the desk's own clock (its Date header, UTC) when it said it."""

    body: Any
    answered_at: datetime


@dataclass(frozen=True)
class Step:
    """What an answer gives: its records, and where to go on.

    At the end of what the desk has now, `is_end` is true and `complete_until` is the instant before which every
    record of the stream has been seen (None where the stream says nothing of time); `cursor` is then where the next
    pull begins, overlap included. `total` is the desk's own count of what was asked, where it gives one.
    """

    records: Sequence[Any]
    cursor: Cursor
    is_end: bool
    complete_until: datetime | None = None
    total: int | None = None


@dataclass(frozen=True)
class Field:
    """A field of a raw record that is kept: where it is, what it may be, and how it is kept.

    `path` goes down objects by dots and through lists by `[]` ("via.source.from", "child_events[].comment_public").
    `keep`: "plain" as it is; "person" as a pseudonym of the person; "text" as a pseudonym of what somebody wrote.
    What no field names is noted by its name and kind, and its value does not land. A stream of which no record has a
    `required` field, or all have it in another kind, has changed, and is refused.
    """

    path: str
    kinds: frozenset[JsonKind]
    keep: Literal["plain", "person", "text"] = "plain"
    required: bool = False


class Stream(Protocol):
    """One kind of record of a desk. `section` is the block of the mapping that its rows belong to."""

    name: str
    section: str
    fields: tuple[Field, ...]

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        """Where a pull of everything since an instant begins; `until` ends a window that is pulled again."""
        ...

    def request(self, cursor: Cursor) -> Request:
        """The question that the cursor stands at."""
        ...

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        """Reads the answer to `request(cursor)`. Raises SourceError where it is not what the desk documents."""
        ...


@runtime_checkable
class Resumes(Protocol):
    """A stream whose desk may take a cursor no more, because it is too old or another one's."""

    def resume(self, cursor: Cursor) -> Cursor | None:
        """Where to go on instead, so that nothing is lost; None where the cursor has nothing that can grow old."""
        ...


class Desk(Protocol):
    """A helpdesk: its streams, how it wants to be greeted, and what its records say."""

    name: str

    def streams(self, account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
        """The streams to pull, in order; `columns` are those that the mapping reads (custom fields among them)."""
        ...

    def headers(self, account: Account) -> dict[str, str]:
        """The headers that authenticate. Never logged, never kept."""
        ...

    def rows(self, stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
        """One row a landed record, in order, with exactly `columns`, as text ("" where the record says nothing).

        Never raises for what a record holds: what cannot be read becomes text that the mapping's rules refuse.
        """
        ...
