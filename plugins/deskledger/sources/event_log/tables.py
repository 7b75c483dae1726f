"""The other exports: survey answers, accounts, teams, agents and charges, one canonical table each."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from deskledger.model import CANONICAL, Column, Table, conform, ticket_keys
from deskledger.sources.event_log.fates import LOADED, SUPERSEDED, settle_by_key, told_again
from deskledger.sources.event_log.faults import Faults
from deskledger.sources.event_log.mapping import TABLE_NAMES, Mapping
from deskledger.sources.event_log.sections import TableSection
from deskledger.sources.event_log.words import NO_INSTANT, Words, as_utc, constant, instants, integers, words_of

SENT = "sent"  # the answer_id of a survey that nobody has answered yet
_MONEY = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")  # more digits are no money, and too many no number either


@dataclass(frozen=True)
class NormalisedTable:
    """The rows of one canonical table, and what became of each raw row (as normalise.Normalised).

    `told_by` is the raw row (position) that each canonical row comes from.
    """

    table: Table
    frame: pd.DataFrame
    fates: np.ndarray
    faults: pd.DataFrame
    ticket_key: np.ndarray
    told_by: np.ndarray


def normalise_table(mapping: Mapping, section: str, columns: pd.DataFrame, origin: pd.DataFrame) -> NormalisedTable:
    """The canonical rows of a section. `columns` must hold every landed row of the keys concerned."""
    part, table, faults = mapping.sections[section], CANONICAL[TABLE_NAMES[section]], Faults()
    assert isinstance(part, TableSection)
    length = len(columns)
    named = {ours: words_of(columns[theirs], mapping.missing) for ours, theirs in part.columns.items()}
    raw = dict(named)
    if section == "survey_answers":
        named["answer_id"] = named["answer_id"].translate(str).filled(SENT)
    keys = np.zeros(length, dtype=np.int64)
    typed: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "source":
            typed[column.name] = constant(mapping.source, length).categorical()
        elif column.name == "ticket_key":
            ids = named["ticket_id"]
            keys = np.append(ticket_keys(mapping.source, ids.distinct), 0)[ids.codes]
            typed[column.name] = keys
            _require(faults, ids, "ticket_id", part.columns["ticket_id"])
        elif column.name in named:
            typed[column.name] = _typed(column, named[column.name], part, mapping, faults)
            if not column.nullable:
                _require(faults, named[column.name], column.name, part.columns[column.name])
    identity = [named[name].codes for name in table.key if name in named]
    landed = origin["landed_order"].to_numpy(np.int64)
    fates = settle_by_key(identity, landed, raw, faults.rows(length))
    fates[told_again(identity, landed, faults.rows(length))] = SUPERSEDED
    held = np.flatnonzero(fates == LOADED)
    frame = conform(table, pd.DataFrame(typed).iloc[held].reset_index(drop=True))
    return NormalisedTable(table, frame, fates, faults.frame, keys, held)


def _require(faults: Faults, words: Words, name: str, theirs: str) -> None:
    faults.add(words.is_missing, f"{name}_missing", f"column {theirs} is empty")


def _typed(column: Column, words: Words, part: TableSection, mapping: Mapping, faults: Faults) -> Any:
    theirs = part.columns[column.name]
    if column.kind == "instant":
        at_us = instants(words, part.instant_format, mapping.zone)
        what = f"column {theirs} has no instant of the form {part.instant_format}: {{!r}}"
        faults.add((at_us == NO_INSTANT) & ~words.is_missing, f"{column.name}_not_an_instant", what, words)
        return as_utc(at_us)
    if column.kind in {"integer", "key"}:
        values, none = integers(words)
        what = f"column {theirs} has no whole number: {{!r}}"
        faults.add(none & ~words.is_missing, f"{column.name}_not_a_number", what, words)
        return pd.Series(values, dtype="Int64").mask(none)
    if column.kind == "money":
        amounts = words.translate(_amount)
        what = f"column {theirs} has no amount such as 1234.50: {{!r}}"
        faults.add(amounts.is_missing & ~words.is_missing, f"{column.name}_not_an_amount", what, words)
        return amounts.values()
    return words.values()


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if _MONEY.fullmatch(text) else None
