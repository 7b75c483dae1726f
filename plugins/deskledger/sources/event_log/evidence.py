"""Settled rows become events: what each row is evidence of, and of which instant (docs/adr/0010-event-log-evidence.md).

A row is evidence of its own instant. A column that names an instant (resolved_at) is evidence of that instant, and
only in rows that are not older than it: final values repeated on every row say nothing about the time before them.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from deskledger.model import TICKET_EVENT, empty
from deskledger.sources.event_log.collected import Collected
from deskledger.sources.event_log.rows import Dated, Earlier
from deskledger.sources.event_log.timeline import SLOTS, Timeline
from deskledger.sources.event_log.words import NO_INSTANT, Words, as_utc, constant, joined, stacked

_FIRST_DATED_SLOT = 9
KINDS = {"agent": "assignment"}


def events_of(line: Timeline, initial_status: str) -> pd.DataFrame:
    """The canonical events of the timeline's tickets (model.TICKET_EVENT), in canonical order."""
    collected = Collected(line)
    if not len(line.order):
        return empty(TICKET_EVENT)
    firsts = np.flatnonzero(line.begins)
    collected.add(firsts, "created", "created", at_us=line.created_us[firsts], seq=line.seq[firsts])
    _status_events(collected, initial_status)
    for name in line.rows.fields:
        _field_events(collected, name)
    _activity_events(collected)
    for number, dated in enumerate(line.rows.dated):
        if dated.column.kind != "status":
            _dated_events(collected, dated, _FIRST_DATED_SLOT + number)
    return collected.frame()


def _field_events(collected: Collected, name: str) -> None:
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
    collected.add(
        firsts,
        kind,
        f"initial.{kind}",
        at_us=line.created_us[firsts],
        seq=line.seq[firsts] + slot,
        value=initial.take(firsts),
        word=initial_words.take(firsts),
    )
    changes = np.flatnonzero(known & (codes != before))
    collected.add(
        changes,
        kind,
        _texts(line.event_prefix.take(changes), f".{kind}"),
        at_us=line.occurred_us[changes],
        seq=line.seq[changes] + slot,
        value=words.take(changes),
        previous=Words(before[changes], words.distinct),
        word=desk_words.take(changes),
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


def _status_events(collected: Collected, initial_status: str) -> None:
    """Statuses by the rows, joined by dated evidence, joined by the status at creation; changes only.

    At one instant the rows speak before a dated column: `resolved_at` says nothing that a row of the same instant
    does not say better, and a row that already stands at the dated status makes the column superfluous.
    """
    line = collected.line
    status, word = line.rows.status.take(line.order), line.rows.status_word.take(line.order)
    firsts = np.flatnonzero(line.begins & ((line.occurred_us > line.created_us) | status.is_missing))
    told = np.flatnonzero(~status.is_missing)
    dated = [each for each in line.rows.dated if each.column.kind == "status"]
    witnesses = [_witnesses(line, each) for each in dated]
    parts = [
        _evidence(firsts, line.created_us[firsts], 0, row=np.full(len(firsts), -1)),
        _evidence(told, line.occurred_us[told], 1, row=told),
        *(
            _evidence(at, each.at_us[line.order][at], 2, row=np.full(len(at), -2 - number))
            for number, (each, at) in enumerate(zip(dated, witnesses, strict=True))
        ),
    ]
    values = stacked(
        [
            _initial_statuses(line, initial_status).take(firsts),
            status.take(told),
            *(constant(each.column.value, len(at)) for each, at in zip(dated, witnesses, strict=True)),
        ]
    )
    whole = pd.concat(parts, ignore_index=True)
    ticket = line.ticket[whole["position"]]
    order = np.lexsort((whole["position"], whole["rank"], whole["at_us"], ticket))
    whole, ticket, values = whole.iloc[order].reset_index(drop=True), ticket[order], values.take(order)
    starts = np.append([True], ticket[1:] != ticket[:-1])
    before = np.append([-1], values.codes[:-1])
    before[starts] = -1

    # A dated event comes after the rows of its instant in (occurred_at, seq) too, whatever its witness's sequence.
    position, row = whole["position"].to_numpy(), whole["row"].to_numpy()
    seq = line.seq[position] + SLOTS["status"]
    is_dated = row < -1
    after = np.append([0], seq[:-1]) + 1
    seq = np.where(
        is_dated & ~starts & (whole["at_us"].to_numpy() == _shifted(whole["at_us"])), np.maximum(seq, after), seq
    )

    at = np.flatnonzero(values.codes != before)
    position, row, is_dated, at_us = position[at], row[at], is_dated[at], whole["at_us"].to_numpy()[at]
    is_told = row >= 0
    # The desk's own word: of the row, or the name of the dated column; the status at creation has none.
    named = stacked([word, *(constant(each.column.column, 1) for each in dated), constant(None, 1)])
    desk = named.take(np.where(is_told, row, np.where(is_dated, len(word) - 2 - row, len(named) - 1)))
    ids = _texts(line.event_prefix.take(position), ".status")
    ids = pc.if_else(pa.array(starts[at]), pa.scalar("initial.status", pa.large_string()), ids)
    by_column = _texts(pa.array(desk.values("")[is_dated], pa.large_string()), "@", _compact(at_us[is_dated]))
    ids = pc.replace_with_mask(ids, pa.array(is_dated), by_column)
    for mask, with_actor in ((is_told, True), (~is_told, False)):
        collected.add(
            position[mask],
            "status",
            ids.filter(pa.array(mask)),
            at_us=at_us[mask],
            seq=seq[at][mask],
            value=values.take(at[mask]),
            previous=Words(before[at][mask], values.distinct),
            word=desk.take(mask),
            with_actor=with_actor,
        )


def _initial_statuses(line: Timeline, initial_status: str) -> Words:
    """What each row's ticket was created with, as _with_initial; `initial_status` where the desk does not tell."""
    if "status" not in line.rows.earlier:
        return constant(initial_status, len(line.order))
    now, then = joined(line.rows.status.take(line.order), line.rows.earlier["status"].words.take(line.order))
    at = _first_known(line, ~now.is_missing)
    told = Words(np.where(at < 0, -1, np.where(then.is_missing[at], now.codes[at], then.codes[at])), now.distinct)
    return told.filled(initial_status)


def _evidence(position: np.ndarray, at_us: np.ndarray, rank: int, row: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"position": position, "at_us": at_us, "rank": rank, "row": row})


def _texts(*parts: pa.Array | str) -> pa.Array:
    """The parts of each row as one text; a plain word is the same for every row."""
    texts = [pa.scalar(each, pa.large_string()) if isinstance(each, str) else each for each in parts]
    return pc.binary_join_element_wise(*texts, pa.scalar("", pa.large_string()))


def _shifted(column: pd.Series) -> np.ndarray:
    values = column.to_numpy()
    return np.append(values[:1], values[:-1])


def _compact(at_us: np.ndarray) -> pa.Array:
    return pa.array(as_utc(at_us).dt.strftime("%Y%m%dT%H%M%S.%fZ"), pa.large_string())


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


def _dated_events(collected: Collected, dated: Dated, slot: int) -> None:
    line, column = collected.line, dated.column
    at = _witnesses(line, dated)
    at_us = dated.at_us[line.order][at]
    collected.add(
        at,
        column.kind,
        _texts(f"{column.column}@", _compact(at_us)),
        at_us=at_us,
        seq=line.seq[at] + slot,
        value=constant(column.value, len(at)),
        word=constant(column.column, len(at)),
        is_public=constant(column.is_public, len(at)),
        role=constant(column.actor_role, len(at)),
        with_actor=False,
    )


def _activity_events(collected: Collected) -> None:
    line = collected.line
    for number, told in enumerate(line.rows.activities):
        meaning = told.meaning.take(line.order)
        at = np.flatnonzero(~meaning.is_missing)
        at = at[~_deleted_again(line, at, meaning.take(at).translate(lambda each: each.kind).values())]
        done = meaning.take(at)
        kind = done.translate(lambda each: each.kind)
        given = told.value.take(line.order[at]) if told.value else constant(None, len(at))
        fixed = done.translate(lambda each: each.value)
        either = np.arange(len(at)) + np.where(fixed.is_missing, 0, len(at))
        collected.add(
            at,
            kind,
            _texts(line.event_prefix.take(at), ".", pa.array(kind.values(), pa.large_string())),
            at_us=line.occurred_us[at],
            seq=line.seq[at] + (SLOTS["activity"] if number == 0 else SLOTS["activities"] + number - 1),
            value=stacked([given, fixed]).take(either),
            word=told.word.take(line.order[at]),
            is_public=done.translate(lambda each: each.is_public),
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
