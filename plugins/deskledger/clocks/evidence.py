"""The evidence of cycles: each stretch, who held the ticket, whether it counted and why (for explain and freezing)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from deskledger.clocks.arrange import blocks
from deskledger.clocks.block import Block
from deskledger.clocks.counting import counted_states
from deskledger.clocks.fields import SIDES, States, Vocabulary, check_holders
from deskledger.clocks.history import History
from deskledger.clocks.measure import expand, instant_us
from deskledger.clocks.verdicts import Judged
from deskledger.contract.terms import ClockTerms

COLUMNS = (
    "ticket_key",
    "clock",
    "cycle",
    "from_at",
    "to_at",
    "status",
    "holder",
    "holder_name",
    "priority",
    "team",
    "calendar",
    "is_counted",
    "reason",
    "counted_us",
    "running_total_us",
    "target_us",
)


def segments(
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    clocks: Sequence[ClockTerms],
    calendars: Mapping[str, Any],
    as_of: datetime | pd.Timestamp | np.datetime64,
) -> pd.DataFrame:
    """One row a stretch of every cycle of `tickets` (choose them before), in order of ticket, clock, cycle and time.

    A stretch ends where its status, holder, priority, team, calendar or target changes, where the calendar opens or
    closes, or a holiday begins or ends. `reason` is "counted", "paused: <status>", "held by <side>", "outside business
    hours", "holiday" or "before reset". Each cycle's counted_us sum to `measure`'s elapsed_us, and its stretches span
    the whole cycle. target_us is the target in force. Raises as `measure` does.
    """
    for clock in clocks:
        check_holders(clock.holders)
    expanded = expand(calendars)
    history = History.of(tickets, events, instant_us(as_of))
    vocabulary = Vocabulary(history)
    found: list[list[pd.DataFrame]] = [[] for _ in clocks]
    for block in blocks(history):
        states = States(block, vocabulary)
        for number, clock in enumerate(clocks):
            judged = Judged.of(states, clock, expanded)
            found[number].append(_evidence(block, states, clock, judged))
    parts = [part for of_clock in found for part in of_clock]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts).sort_values("ticket_key", kind="stable", ignore_index=True)


@dataclass(frozen=True)
class _Stretches:
    """One place a stretch between events of one cycle: the event that begins it, the cycle, its ends."""

    place: np.ndarray
    cycle: np.ndarray
    from_us: np.ndarray
    to_us: np.ndarray


def _evidence(block: Block, states: States, clock: ClockTerms, judged: Judged) -> pd.DataFrame:
    ticks = counted_states(states, clock)
    counts = np.ones(len(block), dtype=bool) if ticks is None else ticks
    side = states.side(clock)
    rule_of = states.holder_rule(clock)
    phases = judged.phases
    phase_of = phases.place.searchsorted(np.arange(len(block)), side="right") - 1
    told = [states.value(field) for field in ("status", "priority", "team")]
    choice = np.broadcast_to(np.asarray(judged.calendars.choice), len(block))
    stretches = _stretches(block, judged, [*told, side, rule_of, counts, choice, phase_of])

    base = judged.runs.ended_axis - judged.verdicts.elapsed_us
    dropped = judged.runs.axis_at(stretches.place) < base[stretches.cycle]
    ticking = counts[stretches.place] & ~dropped
    pieces, words = _cut_at_hours(stretches, ticking, choice, judged)
    place, cycle = pieces.place, pieces.cycle
    is_counted = words == "open"
    lasted = pieces.to_us - pieces.from_us
    counted = np.where(is_counted, lasted, 0)
    total = np.cumsum(counted)
    first = np.flatnonzero(np.diff(cycle, prepend=-1))
    before = (total - counted)[first]
    running = total - np.repeat(before, np.diff(first, append=len(cycle)))

    phase = phase_of[place]
    statuses = np.array([*states.vocabulary.words("status"), None], dtype=object)[told[0]]
    holders = np.array(SIDES, dtype=object)[side[place]]
    holder_names = np.array([*(rule.name for rule in clock.held_by), None], dtype=object)[rule_of[place]]
    reason = words.astype(object)
    reason[is_counted] = "counted"
    idle = np.flatnonzero(words == "")
    in_pause = states.in_status(clock.pause)[place[idle]] if clock.pause else np.zeros(len(idle), dtype=bool)
    reason[idle] = np.where(in_pause, "paused: " + statuses[place[idle]].astype(str), "held by " + holders[idle])
    reason[idle[counts[place[idle]]]] = "before reset"
    key = block.history.ticket_keys[block.ticket[place] + block.tickets.start]
    names = np.array([each.calendar for each in clock.calendars], dtype=object)

    def told_words(field: str, codes: np.ndarray) -> pd.Series:
        words = np.array([*states.vocabulary.words(field), None], dtype=object)
        return pd.Series(words[codes[place]], dtype="str")

    columns = {
        "ticket_key": key,
        "clock": pd.Series([clock.name] * len(place), dtype="str"),
        "cycle": judged.cycles.number[cycle],
        "from_at": _instants(pieces.from_us),
        "to_at": _instants(pieces.to_us),
        "status": pd.Series(statuses[place], dtype="str"),
        "holder": pd.Series(holders, dtype="str"),
        "holder_name": pd.Series(holder_names, dtype="str"),
        "priority": told_words("priority", told[1]),
        "team": told_words("team", told[2]),
        "calendar": pd.Series(names[choice[place]], dtype="str"),
        "is_counted": is_counted,
        "reason": pd.Series(reason, dtype="str"),
        "counted_us": counted,
        "running_total_us": running,
        "target_us": pd.arrays.IntegerArray(phases.amount_us[phase], ~phases.has_target[phase]),
    }
    return pd.DataFrame(columns)


def _stretches(block: Block, judged: Judged, cuts: list[np.ndarray]) -> _Stretches:
    """The stretches of all cycles, in order: cut at events after which one of `cuts` differs; none without length."""
    cycles = judged.cycles
    ends = block.at_us + block.lasted_us
    lasting = np.flatnonzero(judged.runs.in_cycle & (block.lasted_us > 0))
    cycle = cycles.opened.searchsorted(lasting, side="right") - 1
    is_cut = np.ones(len(lasting), dtype=bool)
    is_cut[1:] = cycle[1:] != cycle[:-1]
    for values in cuts:
        is_cut[1:] |= values[lasting[1:]] != values[lasting[:-1]]
    begins = np.flatnonzero(is_cut)
    finals = np.append(begins, len(lasting))[1:] - 1
    return _Stretches(lasting[begins], cycle[begins], block.at_us[lasting[begins]], ends[lasting[finals]])


def _cut_at_hours(
    stretches: _Stretches, ticking: np.ndarray, choice: np.ndarray, judged: Judged
) -> tuple[_Stretches, np.ndarray]:
    """The stretches, those that tick cut where their calendar's nature changes; and its word, "" for the idle ones."""
    numbers, begins, ends, words = [np.flatnonzero(~ticking)], [], [], []
    begins.append(stretches.from_us[numbers[0]])
    ends.append(stretches.to_us[numbers[0]])
    words.append(np.full(len(numbers[0]), "", dtype=object))
    mine = np.flatnonzero(ticking)
    for calendar, part in judged.calendars.calendar_parts(choice[stretches.place[mine]], len(mine)):
        chosen = mine[part]
        lower, upper = stretches.from_us[chosen], stretches.to_us[chosen]
        edges, natures = calendar.pieces(int(lower.min()), int(upper.max()))
        first, last = edges.searchsorted(lower, side="right"), edges.searchsorted(upper, side="left")
        count = last - first + 1
        number = np.repeat(np.arange(len(chosen)), count)
        piece = np.arange(len(number)) - np.repeat(np.cumsum(count) - count, count) + first[number]
        bounded = np.concatenate([[np.iinfo(np.int64).min], edges, [np.iinfo(np.int64).max]])
        numbers.append(chosen[number])
        begins.append(np.maximum(bounded[piece], lower[number]))
        ends.append(np.minimum(bounded[piece + 1], upper[number]))
        words.append(natures[piece].astype(object))
    of_stretch, from_us = np.concatenate(numbers), np.concatenate(begins)
    order = np.lexsort((from_us, of_stretch))
    of_stretch = of_stretch[order]
    pieces = _Stretches(
        stretches.place[of_stretch], stretches.cycle[of_stretch], from_us[order], np.concatenate(ends)[order]
    )
    return pieces, np.concatenate(words)[order]


def _instants(values_us: np.ndarray) -> pd.Series:
    return pd.Series(values_us.view("datetime64[us]")).dt.tz_localize("UTC")
