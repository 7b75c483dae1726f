"""The rows of an event log as typed columns, and what is wrong with each."""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from deskledger.model import ACTOR_ROLES, PRIORITIES, ticket_keys
from deskledger.sources.event_log.faults import Faults
from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.sections import Activity, ActivityWord, AgentRoles, DatedColumn, RoleColumn
from deskledger.sources.event_log.words import NO_INSTANT, Words, as_utc, constant, instants, integers, words_of

# What the caller says about each row besides its text: which page and record it is, how new its file is (landed later
# is higher), and whether this load must account for it (rows of touched tickets on other pages are context only).
ORIGIN = ("page_sha256", "record_no", "partition", "file", "line", "landed_order", "is_extracted")


@dataclass
class Dated:
    """A dated column of the mapping with its instants, row by row."""

    column: DatedColumn
    at_us: np.ndarray


@dataclass
class Told:
    """A column of activities, row by row: the desk's own word, what it means, and the value given with it."""

    word: Words
    meaning: Words  # of ActivityWord
    value: Words | None


@dataclass
class Earlier:
    """What rows say was so before them, canonical and in the desk's words; `is_told` where a row says it at all."""

    words: Words
    desk_words: Words
    is_told: np.ndarray


@dataclass
class Rows:
    """The typed rows, in the order given. Instants are int64 microseconds UTC, NO_INSTANT where unreadable."""

    origin: pd.DataFrame
    ticket_id: Words
    ticket_key: np.ndarray
    seq: np.ndarray
    has_seq: np.ndarray
    occurred_us: np.ndarray
    created_us: np.ndarray
    status: Words
    status_word: Words  # the desk's own
    fields: dict[str, Words]
    field_words: dict[str, Words]
    cleared: dict[str, np.ndarray]  # where the row says that the field has no value any more
    earlier: dict[str, Earlier]  # of the status and the fields whose `before` is mapped
    attributes: dict[str, Words]
    dated: list[Dated]
    actor_id: Words
    actor_role: Words
    activities: list[Told]
    raw: dict[str, Words]
    faults: Faults

    def __len__(self) -> int:
        return len(self.seq)

    @cached_property
    def is_faulty(self) -> np.ndarray:
        return self.faults.rows(len(self))


def read_rows(
    mapping: Mapping, columns: pd.DataFrame, origin: pd.DataFrame, agents: Dictionary[str, str] | None = None
) -> Rows:
    """Types every column that the mapping names and finds each row's own faults. Nothing is dropped.

    `columns` has the export's columns as text, `origin` the columns of ORIGIN, same order;
    `agents` says what everybody of the section `agents` is, in the desk's word, where roles are told by it.
    """
    events, zone, faults = mapping.events, mapping.zone, Faults()
    raw = {name: words_of(columns[name], mapping.missing) for name in events.columns}

    ticket_id = raw[events.ticket_id]
    faults.add(ticket_id.is_missing, "ticket_id_missing", f"column {events.ticket_id} is empty")
    distinct_keys = np.append(ticket_keys(mapping.source, ticket_id.distinct), 0)

    sequence = raw[events.sequence]
    seq, no_number = integers(sequence)
    faults.add(no_number, "sequence_not_a_number", f"column {events.sequence} has no whole number: {{!r}}", sequence)

    def instant(name: str, required: bool) -> np.ndarray:
        words = raw[name]
        at_us = instants(words, events.instant_format, zone)
        unreadable = (at_us == NO_INSTANT) & (required | ~words.is_missing)
        what = f"column {_shown(mapping, name)} has no instant of the form {events.instant_format}: {{!r}}"
        faults.add(unreadable, f"{name}_not_an_instant", what, words)
        return at_us

    occurred_us = instant(events.occurred_at, required=True)
    created_word = raw[events.created_at]
    landed = origin["landed_order"].to_numpy(np.int64)
    created_us = _creations(
        ticket_id.codes, landed, created_word.is_missing, instant(events.created_at, required=False)
    )
    what = f"column {events.created_at} is empty, and no other row of the ticket says when it was created"
    faults.add(
        (created_us == NO_INSTANT) & created_word.is_missing, f"{events.created_at}_not_an_instant", what, created_word
    )
    before = (occurred_us != NO_INSTANT) & (created_us != NO_INSTANT) & (occurred_us < created_us)
    what = f"the row is of {{}} ({events.occurred_at}), before its ticket was created, {{}} ({events.created_at})"
    faults.add(before, "event_before_ticket", what, raw[events.occurred_at], raw[events.created_at])

    status_word = raw[events.status.column]
    what = f"column {events.status.column} has the unknown status {{!r}}; {_asked(mapping, events.status.words)}"
    faults.add(status_word.unnamed(events.status.words), "status_unknown", what, status_word)
    status = status_word.translate(events.status.words.get)
    earlier = {}
    if events.status.before:
        earlier["status"] = _earlier("status", raw, events.status.before, frozenset(), events.status.words, faults)

    fields, field_words, cleared = {}, {}, {}
    for name, column in events.fields.items():
        words = raw[column.column].translate(partial(_unless, frozenset(column.cleared)))
        # Else a column that tells changes only could never say that a value is gone.
        is_gone = words.is_missing & (~raw[column.column].is_missing if column.when_missing == "keep" else True)
        cleared[name] = is_gone
        vocabulary = column.words or ({each: each for each in PRIORITIES} if name == "priority" else None)
        if vocabulary is not None:
            what = f"column {column.column} has the unknown {name} {{!r}}; {_asked(mapping, vocabulary)}"
            faults.add(words.unnamed(vocabulary), f"{name}_unknown", what, words)
        if column.before:
            earlier[name] = _earlier(name, raw, column.before, frozenset(column.cleared), vocabulary, faults)
        fields[name] = words.translate(vocabulary.get) if vocabulary is not None else words
        field_words[name] = words

    dated = [Dated(each, instant(each.column, required=False)) for each in events.dated]
    activities = []
    for each in events.told:
        word = raw[each.column]
        what = f"column {each.column} has the unknown activity {{!r}}; {_asked(mapping, each.words)}"
        faults.add(word.unnamed(each.words), "activity_unknown", what, word)
        meaning = word.translate(each.words.get)
        activities.append(Told(word, meaning, _activity_values(mapping, each, raw, meaning, faults)))

    return Rows(
        origin=origin.reset_index(drop=True),
        ticket_id=ticket_id,
        ticket_key=distinct_keys[ticket_id.codes],
        seq=seq,
        has_seq=~no_number,
        occurred_us=occurred_us,
        created_us=created_us,
        status=status,
        status_word=status_word,
        fields=fields,
        field_words=field_words,
        cleared=cleared,
        earlier=earlier,
        attributes=_attributes(mapping, raw, faults),
        dated=dated,
        actor_id=raw[events.actor.id] if events.actor.id else constant(None, len(seq)),
        actor_role=_roles(mapping, raw, len(seq), agents or {}, faults),
        activities=activities,
        raw=raw,
        faults=faults,
    )


def _shown(mapping: Mapping, name: str) -> str:
    """A column as whoever wrote the file knows it: of a canonical ticket, updated_at is read as occurred_at."""
    is_either = mapping.reader == "canonical" and name == mapping.events.occurred_at
    return f"{name} (of a ticket: updated_at)" if is_either else name


def _asked(mapping: Mapping, words: Dictionary[str, Any]) -> str:
    """What to do about a word that is none of these, as a part of a fault's sentence."""
    if mapping.reader != "canonical":
        return "add it to the mapping's words, or write null for `says nothing`"
    return "docs/desks/canonical.md has the words: " + ", ".join(dict.fromkeys(each.split(",")[0] for each in words))


def _unless(cleared: frozenset[str], word: str) -> str | None:
    return None if word in cleared else word


def _earlier(
    name: str, raw: dict[str, Words], column: str, cleared: frozenset[str], vocabulary: Any, faults: Faults
) -> Earlier:
    desk_words = raw[column]
    words = desk_words.translate(partial(_unless, cleared))
    if vocabulary is not None:
        what = f"column {column} has the unknown {name} {{!r}}; add it to the words of {name} in the mapping"
        faults.add(words.unnamed(vocabulary), f"{name}_unknown", what, words)
        words = words.translate(vocabulary.get)
    return Earlier(words, desk_words, ~desk_words.is_missing)


def _creations(ticket: np.ndarray, landed: np.ndarray, is_silent: np.ndarray, created_us: np.ndarray) -> np.ndarray:
    """Each row's creation instant; a row that is silent of it has what the ticket's newest landed row says."""
    told = np.flatnonzero((created_us != NO_INSTANT) & (ticket >= 0))
    asked = np.flatnonzero(is_silent & (ticket >= 0))
    if not len(asked) or not len(told):
        return created_us
    newest = np.full(int(ticket.max()) + 1, NO_INSTANT, dtype=np.int64)
    told = told[np.argsort(landed[told], kind="stable")]
    newest[ticket[told]] = created_us[told]  # of equal indices the last one stays
    filled = created_us.copy()
    filled[asked] = newest[ticket[asked]]
    return filled


def _roles(mapping: Mapping, raw: dict[str, Words], length: int, agents: Dictionary[str, str], faults: Faults) -> Words:
    role = mapping.events.actor.role
    if isinstance(role, AgentRoles):
        assert mapping.events.actor.id is not None
        return raw[mapping.events.actor.id].translate(partial(_role_of, role, agents))
    if not isinstance(role, RoleColumn):
        return constant(role, length)
    words = raw[role.column]
    what = f"column {role.column} has the unknown role {{!r}}; roles are {', '.join(ACTOR_ROLES)}"
    faults.add(words.unnamed(role.words), "actor_role_unknown", what, words)
    return words.translate(role.words.get)


def _role_of(role: AgentRoles, agents: Dictionary[str, str], actor: str) -> str:
    return role.ids.get(actor) or role.words.get(agents.get(actor, ""), role.others)


def _attributes(mapping: Mapping, raw: dict[str, Words], faults: Faults) -> dict[str, Words]:
    attributes = {}
    for name, column in mapping.events.attributes.items():
        read, named = _READINGS.get(name, str), column.words or {}
        words = raw[column.column]
        said = words.translate(partial(_named, named))
        attributes[name] = said.translate(read)
        what = f"column {column.column} gives no {name}: {{!r}}; translate it in the mapping's words"
        faults.add(attributes[name].is_missing & ~said.is_missing, f"{name}_unreadable", what, words)
    return attributes


def _named(named: dict[str, Any], word: str) -> Any:
    return named.get(word, word)


def _level(word: object) -> int | None:
    return int(str(word)) if re.fullmatch("[0-9]{1,2}", str(word)) else None


def _flag(word: object) -> bool | None:
    return {"true": True, "false": False}.get(str(word).lower())


_READINGS: dict[str, Callable[[Any], Any]] = {"support_level": _level, "has_workaround": _flag}


def _activity_values(
    mapping: Mapping, told: Activity, raw: dict[str, Words], activity: Words, faults: Faults
) -> Words | None:
    """The activity's value as canonical text: an ETA is the promised instant in ISO 8601 UTC."""
    name = told.value
    if name is None:
        return None
    words = raw[name]
    is_eta = np.append([_kind(each) == "eta" for each in activity.distinct], [False]).astype(bool)[activity.codes]
    if not is_eta.any():
        return words
    promised = instants(words, mapping.events.instant_format, mapping.zone)
    what = f"column {name} has no promised instant of the form {mapping.events.instant_format}: {{!r}}"
    faults.add(is_eta & (promised == NO_INSTANT), "eta_not_an_instant", what, words)
    # Only the distinct words that some ETA row uses are rewritten; they get codes of their own.
    told_at = np.flatnonzero(is_eta & (promised != NO_INSTANT))
    used, first = np.unique(words.codes[told_at], return_index=True)
    rewritten = np.array([each.isoformat() for each in as_utc(promised[told_at[first]])], dtype=object)
    eta_codes = np.full(len(words.distinct) + 1, -1)
    eta_codes[used] = len(words.distinct) + np.arange(len(used))
    merged = Words(np.where(is_eta, eta_codes[words.codes], words.codes), np.concatenate([words.distinct, rewritten]))
    return merged.translate(lambda word: word)


def _kind(word: ActivityWord | None) -> str | None:
    return word.kind if word else None
