"""Settled rows become events: what each row is evidence of, and of which instant (docs/adr/0010-event-log-evidence.md).

A row is evidence of its own instant. A column that names an instant (resolved_at) is evidence of that instant, and
only in rows that are not older than it: final values repeated on every row say nothing about the time before them.
"""

import numpy as np
import pandas as pd

from deskledger.model import TICKET_EVENT, conform, empty
from deskledger.sources.event_log.rows import Dated, Earlier
from deskledger.sources.event_log.timeline import SLOTS, Timeline, months
from deskledger.sources.event_log.words import NO_INSTANT, Words, as_utc, constant, joined

_FIRST_DATED_SLOT = 9
KINDS = {"agent": "assignment"}


class _Events:
    """Events collected column by column; `value` and its like share one vocabulary at the end."""

    def __init__(self, line: Timeline) -> None:
        self.line = line
        self.parts: list[dict[str, np.ndarray | pd.Categorical]] = []

    def add(
        self,
        at: np.ndarray,
        kind: np.ndarray | str,
        event_id: np.ndarray,
        *,
        at_us: np.ndarray,
        seq: np.ndarray,
        value: np.ndarray | None = None,
        previous: np.ndarray | None = None,
        word: np.ndarray | None = None,
        is_public: np.ndarray | None = None,
        role: np.ndarray | None = None,
        with_actor: bool = True,
    ) -> None:
        """One event for each timeline position in `at`."""
        rows, nothing = self.line.order[at], np.full(len(at), None, dtype=object)
        if role is None:
            role = self.line.rows.actor_role.take(rows).values() if with_actor else nothing
        self.parts.append(
            {
                "position": at,
                "event_id": event_id,
                "at_us": at_us,
                "seq": seq,
                "kind": np.full(len(at), kind, dtype=object) if isinstance(kind, str) else kind,
                "value": nothing if value is None else value,
                "previous_value": nothing if previous is None else previous,
                "source_value": nothing if word is None else word,
                "actor_id": self.line.rows.actor_id.take(rows).values() if with_actor else nothing,
                "actor_role": role,
                "is_public": nothing if is_public is None else is_public,
            }
        )

    def frame(self) -> pd.DataFrame:
        whole = pd.concat([pd.DataFrame(part) for part in self.parts], ignore_index=True)
        position = whole["position"].to_numpy()
        rows = self.line.order[position]
        created_us = self.line.created_us[position]
        whole["ticket_key"] = self.line.rows.ticket_key[rows]
        whole["created_month"] = months(created_us)
        whole["occurred_at"] = as_utc(whole["at_us"].to_numpy(np.int64))
        whole = whole.sort_values(["ticket_key", "at_us", "seq", "event_id"], ignore_index=True)
        return conform(TICKET_EVENT, whole)


def events_of(line: Timeline, initial_status: str) -> pd.DataFrame:
    """The canonical events of the timeline's tickets (model.TICKET_EVENT), in canonical order."""
    collected = _Events(line)
    if not len(line.order):
        return empty(TICKET_EVENT)
    firsts = np.flatnonzero(line.begins)
    created = np.full(len(firsts), "created", dtype=object)
    collected.add(firsts, "created", created, at_us=line.created_us[firsts], seq=line.seq[firsts])
    _status_events(collected, initial_status)
    for name in line.rows.fields:
        _field_events(collected, name)
    _activity_events(collected)
    for number, dated in enumerate(line.rows.dated):
        if dated.column.kind != "status":
            _dated_events(collected, dated, _FIRST_DATED_SLOT + number)
    return collected.frame()


def _field_events(collected: _Events, name: str) -> None:
    """The initial value at creation (the first row's, or as _with_initial has it), then an event for each change."""
    line, slot, kind = collected.line, SLOTS[name], KINDS.get(name, name)
    words, desk_words = line.rows.fields[name].take(line.order), line.rows.field_words[name].take(line.order)
    known = ~words.is_missing | line.rows.cleared[name][line.order]
    initial, initial_words = words, desk_words
    if name in line.rows.earlier:
        words, initial, initial_words = _with_initial(line, words, desk_words, known, line.rows.earlier[name])
    created = np.where(line.begins, initial.codes, -1)
    codes = _carried(np.where(line.begins & ~known, created, words.codes), known, line.begins)
    before = np.append([-1], codes[:-1])
    before[line.begins] = created[line.begins]

    firsts = np.flatnonzero(created >= 0)
    values, desk_values = words.values(), desk_words.values()
    collected.add(
        firsts,
        kind,
        np.full(len(firsts), f"initial.{kind}", dtype=object),
        at_us=line.created_us[firsts],
        seq=line.seq[firsts] + slot,
        value=initial.values()[firsts],
        word=initial_words.values()[firsts],
    )
    changes = np.flatnonzero(known & (codes != before))
    collected.add(
        changes,
        kind,
        line.event_prefix[changes] + f".{kind}",
        at_us=line.occurred_us[changes],
        seq=line.seq[changes] + slot,
        value=values[changes],
        previous=Words(before[changes], words.distinct).values(),
        word=desk_values[changes],
    )


def _with_initial(
    line: Timeline, words: Words, desk_words: Words, known: np.ndarray, earlier: Earlier
) -> tuple[Words, Words, Words]:
    """The field's words, and for each row of a ticket what it was created with, canonical and in the desk's words.

    That is what the first row that speaks of the field says was so before it. A row that says nothing of that tells
    the ticket's present state: where no change comes before it, it has been so from the start. A change in the first
    row, at the very instant of creation, is the creation's.
    """
    at = _first_known(line, known)
    says_before = earlier.is_told[line.order] & ~(line.begins & (line.occurred_us == line.created_us))

    def created_with(now: Words, then: Words) -> Words:
        return Words(np.where(at < 0, -1, np.where(says_before[at], then.codes[at], now.codes[at])), now.distinct)

    now, then = joined(words, earlier.words.take(line.order))
    return now, created_with(now, then), created_with(*joined(desk_words, earlier.desk_words.take(line.order)))


def _first_known(line: Timeline, known: np.ndarray) -> np.ndarray:
    """The position of the ticket's first row that is known, row by row; -1 where it has none."""
    ticket, positions = np.cumsum(line.begins) - 1, np.flatnonzero(known)[::-1]
    first = np.full(int(line.begins.sum()), -1)
    first[ticket[positions]] = positions  # of several the earliest stays
    return first[ticket]


def _carried(codes: np.ndarray, known: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The last known code within the ticket, -1 before the first."""
    marks = np.where(known | begins, np.arange(len(codes)), 0)
    return codes[np.maximum.accumulate(marks)]


def _status_events(collected: _Events, initial_status: str) -> None:
    """Statuses by the rows, joined by dated evidence, joined by the status at creation; changes only.

    At one instant the rows speak before a dated column: `resolved_at` says nothing that a row of the same instant
    does not say better, and a row that already stands at the dated status makes the column superfluous.
    """
    line = collected.line
    status, word = line.rows.status.take(line.order), line.rows.status_word.take(line.order)
    firsts = np.flatnonzero(line.begins & ((line.occurred_us > line.created_us) | status.is_missing))
    told = np.flatnonzero(~status.is_missing)
    parts = [
        _evidence(firsts, line.created_us[firsts], 0, _initial_statuses(line, initial_status)[firsts], firsts * 0 + -1),
        _evidence(told, line.occurred_us[told], 1, status.values()[told], told),
    ]
    for number, dated in enumerate(line.rows.dated):
        if dated.column.kind == "status":
            at = _witnesses(line, dated)
            value = np.full(len(at), dated.column.value, dtype=object)
            parts.append(_evidence(at, dated.at_us[line.order][at], 2, value, np.full(len(at), -2 - number)))
    whole = pd.concat(parts, ignore_index=True)
    ticket = line.ticket[whole["position"]]
    order = np.lexsort((whole["position"], whole["rank"], whole["at_us"], ticket))
    whole, ticket = whole.iloc[order].reset_index(drop=True), ticket[order]
    starts = np.append([True], ticket[1:] != ticket[:-1])
    value = whole["value"].to_numpy()
    before = np.append([None], value[:-1])
    before[starts] = None
    changed = value != before

    # A dated event comes after the rows of its instant in (occurred_at, seq) too, whatever its witness's sequence.
    position, row = whole["position"].to_numpy(), whole["row"].to_numpy()
    seq = line.seq[position] + SLOTS["status"]
    is_dated = row < -1
    after = np.append([0], seq[:-1]) + 1
    seq = np.where(
        is_dated & ~starts & (whole["at_us"].to_numpy() == _shifted(whole["at_us"])), np.maximum(seq, after), seq
    )

    at = np.flatnonzero(changed)
    names = np.array([each.column.column for each in line.rows.dated] + [""], dtype=object)
    first_word = row[at] >= 0
    desk = np.where(first_word, word.values()[np.maximum(row[at], 0)], names[np.where(is_dated[at], -2 - row[at], -1)])
    desk[~first_word & ~is_dated[at]] = None
    at_us = whole["at_us"].to_numpy()[at]
    ids = line.event_prefix[position[at]] + ".status"
    ids[starts[at]] = "initial.status"
    dated_at = is_dated[at]
    ids[dated_at] = desk[dated_at] + "@" + _compact(at_us[dated_at])
    for mask, with_actor in ((first_word, True), (~first_word, False)):
        collected.add(
            position[at][mask],
            "status",
            ids[mask],
            at_us=at_us[mask],
            seq=seq[at][mask],
            value=value[at][mask],
            previous=before[at][mask],
            word=desk[mask],
            with_actor=with_actor,
        )


def _initial_statuses(line: Timeline, initial_status: str) -> np.ndarray:
    """What each row's ticket was created with, as _with_initial; `initial_status` where the desk does not tell."""
    if "status" not in line.rows.earlier:
        return np.full(len(line.order), initial_status, dtype=object)
    now, then = line.rows.status.take(line.order).values(), line.rows.earlier["status"].words.take(line.order).values()
    at = _first_known(line, ~pd.isna(now))
    return np.where(at < 0, initial_status, np.where(pd.isna(then[at]), now[at], then[at]))


def _evidence(position: np.ndarray, at_us: np.ndarray, rank: int, value: np.ndarray, row: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"position": position, "at_us": at_us, "rank": rank, "value": value, "row": row})


def _shifted(column: pd.Series) -> np.ndarray:
    values = column.to_numpy()
    return np.append(values[:1], values[:-1])


def _compact(at_us: np.ndarray) -> np.ndarray:
    return as_utc(at_us).dt.strftime("%Y%m%dT%H%M%S.%fZ").to_numpy(object)


def _witnesses(line: Timeline, dated: Dated) -> np.ndarray:
    """Positions of the rows that are the first to witness a dated instant (trap 4: never a row older than it).

    A status needs a row later than the instant: one of the same instant has the status in its own column. An instant
    before the ticket's creation is no evidence.
    """
    at_us = dated.at_us[line.order]
    later = line.occurred_us > at_us if dated.column.kind == "status" else line.occurred_us >= at_us
    told = np.flatnonzero((at_us != NO_INSTANT) & later & (at_us >= line.created_us))
    first = ~pd.DataFrame({"ticket": line.ticket[told], "at": at_us[told]}).duplicated().to_numpy()
    return told[first]


def _dated_events(collected: _Events, dated: Dated, slot: int) -> None:
    line, column = collected.line, dated.column
    at = _witnesses(line, dated)
    at_us = dated.at_us[line.order][at]
    collected.add(
        at,
        column.kind,
        column.column + "@" + _compact(at_us),
        at_us=at_us,
        seq=line.seq[at] + slot,
        value=constant(column.value, len(at)).values(),
        word=constant(column.column, len(at)).values(),
        is_public=constant(column.is_public, len(at)).values(),
        role=constant(column.actor_role, len(at)).values(),
        with_actor=False,
    )


def _activity_events(collected: _Events) -> None:
    line = collected.line
    for number, told in enumerate(line.rows.activities):
        meaning = told.meaning.take(line.order)
        at = np.flatnonzero(~meaning.is_missing)
        at = at[~_deleted_again(line, at, meaning.take(at).translate(lambda each: each.kind).values())]
        done = meaning.take(at)
        kind = done.translate(lambda each: each.kind).values()
        given = told.value.take(line.order[at]).values() if told.value else constant(None, len(at)).values()
        fixed = done.translate(lambda each: each.value).values()
        collected.add(
            at,
            kind,
            line.event_prefix[at] + "." + kind,
            at_us=line.occurred_us[at],
            seq=line.seq[at] + (SLOTS["activity"] if number == 0 else SLOTS["activities"] + number - 1),
            value=np.where(pd.isna(fixed), given, fixed),
            word=told.word.take(line.order[at]).values(),
            is_public=done.translate(lambda each: each.is_public).values(),
        )


def _deleted_again(line: Timeline, at: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Which of the activities in `at` tell once more that a ticket is deleted which nobody has brought back since.

    Desks tell a deletion in several places: in the history, in the list of deleted tickets, in every later snapshot.
    """
    status = line.rows.status.take(line.order)
    codes = _carried(status.codes, ~status.is_missing, line.begins)
    stretch = np.cumsum(line.begins | np.append([True], codes[1:] != codes[:-1]))[at]
    again = np.zeros(len(at), dtype=bool)
    deleted = np.flatnonzero(kind == "deleted")
    again[deleted] = pd.Series(stretch[deleted]).duplicated().to_numpy()
    return again
