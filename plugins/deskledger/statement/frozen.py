"""The tickets, events and segments behind a draft's cycles, and its clocks measured again from these alone."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from deskledger import clocks
from deskledger.clocks.portions import portions
from deskledger.contract.terms import Contract, Version
from deskledger.model import EVIDENCE, SEGMENT, conform
from deskledger.statement.cycles import contract_cycles, in_force, spans_of, with_choice
from deskledger.statement.late import carried_rows, priced_by_item
from deskledger.statement.late import late_before as measured_before
from deskledger.statement.level_rows import clock_rows
from deskledger.statement.population import with_ticket_fields, within

PORTION_TICKETS = 8_192  # their segments are held at once: about twenty rows a clock and ticket
_CYCLE = ["version", "ticket_key", "clock", "cycle"]
_NUMBERED = {"version": "int64", "clock": "str", "cycle": "int64"}
_MEASURED = (
    "fate", "state", "started_at", "stopped_at", "due_at", "breached_at", "target_us", "elapsed_us", "provider_us",
    "customer_us", "third_party_us", "attributed_at", "account", "team", "agent", "product", "priority",
)  # fmt: skip
_TOLD = 20  # differences named of one service level


@dataclass(frozen=True)
class MeasuredAgain:
    """How much was measured again, and each difference from what the statement froze, in words."""

    tickets: int
    events: int
    cycles: int
    differences: tuple[str, ...]


def rows_behind(
    tickets: pd.DataFrame, events: pd.DataFrame, evidence: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tickets that the evidence (model.EVIDENCE) names, and all of their events, each in one order."""
    keys = evidence["ticket_key"].unique()
    own = tickets[tickets["ticket_key"].isin(keys)].sort_values("ticket_key", kind="stable")
    theirs = events[events["ticket_key"].isin(keys)]
    return own, theirs.sort_values(["ticket_key", "occurred_at", "seq", "event_id"], kind="stable")


def segments_behind(
    contract: Contract, tickets: pd.DataFrame, events: pd.DataFrame, evidence: pd.DataFrame, as_of: datetime
) -> Iterator[pd.DataFrame]:
    """The segments (model.SEGMENT) of the evidence's cycles, some tickets at a time; of `rows_behind`, in one order."""
    is_cycle = evidence["clock"].notna()
    wanted = evidence.loc[is_cycle, _CYCLE].astype(_NUMBERED).drop_duplicates()
    named = set(wanted["clock"])
    for some, theirs in portions(tickets, events, PORTION_TICKETS):
        for version, _, _ in in_force(contract, as_of):
            own = [clock for clock in version.clocks if clock.name in named]
            found = clocks.segments(some, theirs, own, version.calendars, as_of).assign(version=version.number)
            yield conform(SEGMENT, found.merge(wanted, on=_CYCLE, how="inner"))


def measured_again(
    contract: Contract,
    version: Version,
    terms: Mapping[str, Any],
    requests: Collection[str],
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    segments: pd.DataFrame,
    evidence: pd.DataFrame,
    charged: Mapping[str, Collection[str]],
    late_before: Mapping[str, Mapping[str, str]],
    start_at: datetime,
    end_at: datetime,
) -> MeasuredAgain:
    """The clocks of a draft's period [start_at, end_at) measured again at its end, and held against its evidence.

    `contract` holds the versions that the draft was measured under, `version` is the one that it was priced by; `terms`
    are those that the draft froze: its calendars are used instead of the contract's. What `requests` (their ids) set
    aside or excused is held against its measurements, not its fate. `tickets`, `events` and `segments` are what was
    frozen beside the `evidence` (model.EVIDENCE), `charged` the late cycles that the months before charged, by service
    level: those that go on are carried. `late_before` is how late the cycles were when the period began, of the levels
    whose price by the late ticket began with it.
    """
    calendars = terms["expanded_calendars"]
    frozen = replace(
        contract,
        versions=tuple(
            replace(each, calendars=calendars.get(str(each.number), each.calendars)) for each in contract.versions
        ),
    )
    start, end = (pd.Timestamp(instant).as_unit("us") for instant in (start_at, end_at))
    incomplete = evidence.loc[evidence["fate"].astype("str") == "incomplete", "ticket_key"].tolist()
    cycles = with_ticket_fields(contract_cycles(frozen, tickets, events, end_at, incomplete), tickets)
    cycles = with_choice(frozen, cycles[within(cycles, contract.scope)])
    differences = _calendars_told(terms["open_spans"], calendars, end)
    differences += _segments_told(segments, evidence)
    level_of = evidence["service_level"].astype("str")
    begun = [level for level in version.service_levels if level.name in late_before]
    before = measured_before(frozen, begun, start_at, tickets, events, incomplete)
    for level in version.service_levels:
        if level.measure.subject != "clock":
            continue
        stated = evidence[(level_of == level.name).to_numpy(dtype=bool)]
        rows = clock_rows(level, cycles, start, end)
        if level.name in priced_by_item(version):
            late = before.get(level.name, {})
            carried = carried_rows(level, cycles, start, {*charged.get(level.name, ()), *late})
            differences += [
                f"{level.name}: {name} was {seconds} s late when the month began, {late.get(name, 'nothing')} now"
                for name, seconds in late_before.get(level.name, {}).items()
                if late.get(name) != seconds
            ]
            rows = pd.concat([rows, carried], ignore_index=True)
        again = conform(EVIDENCE, rows.assign(evidence_no=0, service_level=level.name))
        differences += [f"{level.name}: {each}" for each in _differing(stated, again, requests)]
    return MeasuredAgain(len(tickets), len(events), len(cycles), tuple(differences))


def _calendars_told(
    frozen: Mapping[str, Mapping[str, list[list[str]]]],
    calendars: Mapping[str, Mapping[str, Any]],
    end: pd.Timestamp,
) -> list[str]:
    """The calendars that no longer open when they did: time zones change with the tables that know them."""
    return [
        f"version {number}: its calendar {name!r} opens at other instants than were frozen"
        for number, spans in frozen.items()
        for name, opened in spans.items()
        if opened and spans_of(calendars[number][name], pd.Timestamp(opened[0][0]), end) != opened
    ]


def _segments_told(segments: pd.DataFrame, evidence: pd.DataFrame) -> list[str]:
    """Cycles whose frozen stretches do not add up to the time that they count."""
    counted = segments.astype(_NUMBERED).groupby(_CYCLE, sort=False)["counted_us"].sum().rename("counted_us")
    stated = evidence.loc[evidence["clock"].notna(), [*_CYCLE, "ticket_id", "elapsed_us"]]
    stated = stated.astype(_NUMBERED).drop_duplicates(_CYCLE)
    beside = stated.merge(counted, left_on=_CYCLE, right_index=True, how="left")
    wrong = beside[(beside["counted_us"].fillna(0).astype("int64") != beside["elapsed_us"].astype("int64")).to_numpy()]
    return _cut([f"{_named(row)}: its stretches do not add up to the time that it counts" for row in _rows(wrong)])


def _differing(stated: pd.DataFrame, again: pd.DataFrame, requests: Collection[str]) -> list[str]:
    """Each value of a level's cycles that was stated otherwise than it is measured now, in words."""
    sides = (_keyed(stated), _keyed(again))
    beside = sides[0].merge(sides[1], on=_CYCLE, how="outer", suffixes=("", "_now"), indicator=True)
    told = [
        f"{_named(row)}: frozen, but not measured in this month now"
        for row in _rows(beside[beside["_merge"] == "left_only"])
    ]
    told += [
        f"{_named({**row, 'ticket_id': row['ticket_id_now']})}: measured in this month now, but not frozen"
        for row in _rows(beside[beside["_merge"] == "right_only"])
    ]
    both = beside[beside["_merge"] == "both"]
    by_request = both["reason"].str.extract("^([^:]+): ", expand=False).isin(list(requests)).to_numpy(dtype=bool)
    for name in _MEASURED:
        was, now = both[name], both[f"{name}_now"]
        is_same = (was.eq(now).fillna(False) | (was.isna() & now.isna())).to_numpy(dtype=bool)
        if name == "fate":
            is_same = is_same | by_request
        told += [
            f"{_named(row)}: {name} {_word(row[name])} was frozen, {_word(row[f'{name}_now'])} is measured now"
            for row in _rows(both[~is_same])
        ]
    return _cut(told)


def _keyed(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows[[*_CYCLE, "ticket_id", "reason", *_MEASURED]].copy()
    words = [name for name in known if known[name].dtype == "category"]
    return known.astype({**dict.fromkeys(words, "str"), **_NUMBERED})


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows to tell, one more than are told: of a whole month that differs, not all are written out."""
    return [{str(name): value for name, value in row.items()} for row in frame.head(_TOLD + 1).to_dict("records")]


def _cut(told: list[str]) -> list[str]:
    return told if len(told) <= _TOLD else [*told[:_TOLD], "and more of the kind"]


def _named(row: Mapping[str, Any]) -> str:
    return f"ticket {row['ticket_id']}, {row['clock']} {row['cycle']}"


def _word(value: Any) -> str:
    if pd.isna(value):
        return "nothing"
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)
