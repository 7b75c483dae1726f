"""The canonical vocabulary: words, tables and columns that every floor above shares (DESIGN, "Canonical tables").

A frame of a canonical table has exactly the columns that its `Table` names, in that order, with the dtype of each
column's `kind`. Instants are UTC with microseconds; enumerations are categories; a ticket is an int64 surrogate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Literal
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

UTC_INSTANT = "datetime64[us, UTC]"
SHARDS = 256

STATUSES = ("new", "open", "waiting_on_customer", "waiting_on_third_party", "resolved", "closed")
PRIORITIES = ("P1", "P2", "P3", "P4")
# Ticket fields that stand on the ticket only; the others change by events.
STANDING_FIELDS = (
    "region",
    "issue_type",
    "severity",
    "urgency",
    "support_level",
    "channel",
    "has_workaround",
    "environment",
    "resolution_code",
    "target_release",
)
ACTOR_ROLES = ("agent", "customer", "third_party", "system")
EVENT_KINDS = (
    "created",
    "status",
    "reply",
    "note",
    "assignment",
    "team",
    "account",
    "product",
    "priority",
    "escalation",
    "eta",
    "acknowledgement",
    "merged",
    "deleted",
)

Kind = Literal["key", "month", "text", "word", "instant", "integer", "flag", "money"]

_DTYPES: dict[Kind, Any] = {
    "key": "int64",
    "month": "int32",  # yyyymm, UTC
    "text": "str",
    "word": "category",
    "instant": UTC_INSTANT,
    "integer": "Int64",
    "flag": "boolean",
    "money": "object",  # Decimal, never a float
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind (which fixes the dtype), whether it may be missing, and its closed vocabulary."""

    name: str
    kind: Kind
    nullable: bool = True
    words: tuple[str, ...] | None = None

    @property
    def dtype(self) -> Any:
        return _DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """A canonical table: its name, its columns in order, and the columns that identify a row."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def _required(name: str, kind: Kind, words: tuple[str, ...] | None = None) -> Column:
    return Column(name, kind, nullable=False, words=words)


_TICKET_REF = (_required("ticket_key", "key"), _required("created_month", "month"))

TICKET = Table(
    "ticket",
    (
        *_TICKET_REF,
        _required("shard", "integer"),
        _required("source", "word"),
        _required("ticket_id", "text"),
        Column("account", "word"),
        Column("team", "word"),
        Column("agent", "word"),
        Column("product", "word"),
        Column("region", "word"),
        Column("issue_type", "word"),
        Column("severity", "word"),
        Column("priority", "word", words=PRIORITIES),
        Column("urgency", "word"),
        Column("support_level", "integer"),
        Column("channel", "word"),
        Column("has_workaround", "flag"),
        Column("environment", "word"),
        Column("resolution_code", "word"),
        Column("target_release", "word"),
        _required("created_at", "instant"),
        _required("updated_at", "instant"),
    ),
    key=("created_month", "ticket_key"),
)

TICKET_EVENT = Table(
    "ticket_event",
    (
        *_TICKET_REF,
        _required("event_id", "text"),
        _required("occurred_at", "instant"),
        _required("seq", "key"),  # the source's own order among simultaneous events
        _required("kind", "word", words=EVENT_KINDS),
        Column("value", "word"),
        Column("previous_value", "word"),
        Column("source_value", "word"),  # the source's own word, kept beside the canonical one
        Column("actor_id", "word"),
        Column("actor_role", "word", words=ACTOR_ROLES),
        Column("is_public", "flag"),
    ),
    key=("created_month", "ticket_key", "event_id"),
)

# A survey that was sent and not yet answered is a row too (answer_id "sent", no rating): the response rate needs it.
SURVEY_ANSWER = Table(
    "survey_answer",
    (
        _required("source", "word"),
        _required("survey_id", "text"),
        _required("answer_id", "text"),
        _required("ticket_key", "key"),
        Column("team", "word"),
        Column("agent", "word"),
        _required("sent_at", "instant"),
        Column("responded_at", "instant"),
        Column("rating", "integer"),
        Column("comment", "text"),
    ),
    key=("source", "survey_id", "answer_id"),
)

ACCOUNT = Table(
    "account",
    (_required("source", "word"), _required("account", "word"), Column("name", "text"), Column("tier", "word")),
    key=("source", "account"),
)
TEAM = Table(
    "team",
    (_required("source", "word"), _required("team", "word"), Column("name", "text"), Column("region", "word")),
    key=("source", "team"),
)
AGENT = Table(
    "agent",
    (_required("source", "word"), _required("agent", "word"), Column("team", "word"), Column("country", "word")),
    key=("source", "agent"),
)
CHARGE = Table(
    "charge",
    (
        _required("contract", "word"),
        _required("period", "text"),  # "2026-01"
        _required("kind", "word"),
        _required("amount", "money"),
        _required("currency", "word"),
        Column("invoice_number", "text"),
        Column("imported_by", "word"),
        Column("approved_by", "word"),
    ),
    key=("contract", "period", "kind"),
)

# What the desk itself counts: its tickets that were created in [created_from, created_before), or up to a number, as it
# counted them at `counted_at`. Without a bound all of them are meant; deleted ones never are.
DESK_COUNT = Table(
    "desk_count",
    (
        _required("source", "word"),
        _required("what", "text"),
        _required("counted_at", "instant"),
        Column("created_from", "instant"),
        Column("created_before", "instant"),
        Column("last_ticket", "integer"),
        _required("tickets", "integer"),
    ),
    key=("source", "what", "counted_at"),
)

# What the desk's own SLA clocks say, event by event: a measurement of one metric of one ticket is one `instance`. Its
# numbers are the desk's, in the desk's whole minutes; `target_seconds` and `hours` come with `target`, the minutes with
# `measured`, `due_at` with `due`. `deleted` takes an event back.
FIGURE_KINDS = ("started", "target", "paused", "breached", "stopped", "measured", "due", "other", "deleted")
DESK_FIGURE = Table(
    "desk_figure",
    (
        _required("source", "word"),
        _required("figure_id", "text"),
        _required("ticket_key", "key"),
        _required("metric", "word"),
        _required("instance", "integer"),
        _required("kind", "word", words=FIGURE_KINDS),
        _required("occurred_at", "instant"),
        Column("target_seconds", "integer"),
        Column("hours", "word", words=("business", "calendar")),
        Column("business_minutes", "integer"),
        Column("calendar_minutes", "integer"),
        Column("due_at", "instant"),
        Column("policy", "word"),
    ),
    key=("source", "figure_id"),
)

CANONICAL = {
    table.name: table
    for table in (TICKET, TICKET_EVENT, SURVEY_ANSWER, ACCOUNT, TEAM, AGENT, CHARGE, DESK_COUNT, DESK_FIGURE)
}

# One row a contract, ticket, clock and cycle. Durations are microseconds: integers, exact.
CYCLE = Table(
    "cycle",
    (
        _required("contract", "word"),
        _required("version", "integer"),
        *_TICKET_REF,
        _required("clock", "word"),
        _required("cycle", "key"),
        _required("state", "word", words=("met", "breached", "running", "cancelled")),
        _required("started_at", "instant"),
        Column("stopped_at", "instant"),
        Column("due_at", "instant"),  # where the target ends; open paused cycles: projected as if resumed at as_of
        Column("breached_at", "instant"),
        Column("target_us", "integer"),
        _required("elapsed_us", "key"),
        _required("provider_us", "key"),  # end to end = provider + customer + third party, in physical time
        _required("customer_us", "key"),
        _required("third_party_us", "key"),
        _required("attributed_at", "instant"),
        Column("account", "word"),
        Column("team", "word"),
        Column("agent", "word"),
        Column("product", "word"),
        Column("priority", "word"),
        _required("is_incomplete", "flag"),
        _required("as_of", "instant"),
    ),
    key=("created_month", "contract", "version", "ticket_key", "clock", "cycle"),
)

# What stands behind cycles: the stretches of `clocks.segments`, and the version that they were measured under.
SEGMENT = Table(
    "segment",
    (
        _required("version", "integer"),
        _required("ticket_key", "key"),
        _required("clock", "word"),
        _required("cycle", "key"),
        _required("from_at", "instant"),
        _required("to_at", "instant"),
        Column("status", "word"),
        _required("holder", "word"),
        Column("holder_name", "word"),
        Column("priority", "word"),
        Column("team", "word"),
        Column("calendar", "word"),
        _required("is_counted", "flag"),
        _required("reason", "word"),
        _required("counted_us", "key"),
        _required("running_total_us", "key"),
        Column("target_us", "integer"),
    ),
    key=("version", "ticket_key", "clock", "cycle", "from_at"),
)

# What stands behind a statement's figures: one row a service level and cycle or answer, in or out of the counts. A
# cycle has the version that it was measured under: two versions may each have a cycle 1 of a ticket.
EVIDENCE = Table(
    "draft_ticket",
    (
        _required("evidence_no", "key"),
        _required("service_level", "text"),
        _required(
            "fate",
            "word",
            words=("met", "failed", "counted", "neutral", "excused", "excluded", "incomplete", "unanswered", "carried"),
        ),
        _required("is_numerator", "flag"),
        _required("is_denominator", "flag"),
        Column("reason", "text"),
        Column("source", "word"),
        _required("ticket_key", "key"),
        Column("created_month", "integer"),
        Column("ticket_id", "text"),
        Column("version", "integer"),
        Column("clock", "word"),
        Column("cycle", "integer"),
        Column("state", "word"),
        Column("started_at", "instant"),
        Column("stopped_at", "instant"),
        Column("due_at", "instant"),
        Column("breached_at", "instant"),
        Column("target_us", "integer"),
        Column("elapsed_us", "integer"),
        Column("provider_us", "integer"),
        Column("customer_us", "integer"),
        Column("third_party_us", "integer"),
        Column("attributed_at", "instant"),
        Column("account", "word"),
        Column("team", "word"),
        Column("agent", "word"),
        Column("product", "word"),
        Column("priority", "word"),
        Column("survey_id", "text"),
        Column("answer_id", "text"),
        Column("sent_at", "instant"),
        Column("responded_at", "instant"),
        Column("rating", "integer"),
    ),
    key=("evidence_no",),
)


@cache
def timezones() -> frozenset[str]:
    """The names of the tz database; looked up once, for each look reads its whole folder."""
    return frozenset(available_timezones())


def ticket_keys(source: str, ticket_ids: Iterable[str]) -> np.ndarray:
    """The int64 surrogates of one source's tickets, in the order given.

    The first eight bytes, big endian, of BLAKE2b-64 over `source`, U+001F and the id in UTF-8, without the top bit.
    The rule is fixed for ever: keys are stored, and `ticket_key % 256` is the ticket's virtual shard.
    """
    prefix = f"{source}\x1f"
    digests = b"".join(blake2b(f"{prefix}{each}".encode(), digest_size=8).digest() for each in ticket_ids)
    return (np.frombuffer(digests, dtype=">u8") & np.uint64(0x7FFF_FFFF_FFFF_FFFF)).astype(np.int64)


def shards(keys: np.ndarray) -> np.ndarray:
    """The virtual shard (0..255) of each ticket key."""
    return np.asarray(keys % SHARDS, dtype=np.int64)


def created_months(instants: pd.Series) -> pd.Series:
    """The warehouse partition (yyyymm, UTC) of each creation instant."""
    return (instants.dt.year * 100 + instants.dt.month).astype("int32")


def conform(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with exactly the table's columns and dtypes; absent nullable columns become missing values.

    Raises KeyError for an absent required column. Values are not judged here: that is the suites' work.
    """
    absent = [column.name for column in table.columns if not column.nullable and column.name not in frame]
    if absent:
        raise KeyError(f"{table.name} lacks {', '.join(absent)}")
    columns = {}
    for column in table.columns:
        if column.name in frame:
            columns[column.name] = frame[column.name].astype(column.dtype)
        else:
            columns[column.name] = pd.Series(None, index=frame.index, dtype=column.dtype)
    return pd.DataFrame(columns, index=frame.index)


def empty(table: Table) -> pd.DataFrame:
    """A frame of the table without rows."""
    return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in table.columns})
