"""The page of one ticket under one contract, as plain data: terms, verdicts, stretches, sums, and what is on record."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from deskledger import clocks
from deskledger import contract as contracts
from deskledger.contract import Contract
from deskledger.contract.terms import ClockTerms, EventMatch, Version
from deskledger.statement.cycles import contract_cycles, with_choice
from deskledger.statement.population import describe, values_at, with_ticket_fields, within
from deskledger.steps.explain_cycle import (
    Happening,
    Stretch,
    TargetStep,
    cut_at,
    happenings,
    read_stretches,
    target_steps,
)
from deskledger.steps.explain_record import Record, Stored

_SIDES = ("provider", "customer", "third_party")
_TICKET_FIELDS = ("account", "product", "team", "priority", "status")


@dataclass(frozen=True)
class Level:
    """A service level that a cycle is measured for."""

    title: str
    clause: str


@dataclass(frozen=True)
class CyclePage:
    """One cycle of one clock: terms, verdict, stretches and sums. Instants are in the contract's zone.

    `provider_us`, `customer_us` and `third_party_us` are physical time, summed from the stretches; together they are
    `end_to_end_us`. `elapsed_us` is the counted time, judged against `target_us`. `is_chosen`: it counts under the
    clock's rule for tickets with several cycles. A stretch also ends at the breach. `resets` are the events at which
    the count began anew; once it is late none is. `resumable_until` is there while a reopening could still take the
    stop back.
    """

    clock: str
    clause: str
    cycle: int
    cycles: int
    version: int
    rule: str
    retarget: str
    attribution: str
    calendars: tuple[str, ...]
    state: str
    is_chosen: bool
    is_incomplete: bool
    period: str
    service_levels: tuple[Level, ...]
    started_at: datetime
    started_by: Happening | None
    stopped_at: datetime | None
    stopped_by: Happening | None
    resets: tuple[tuple[datetime, Happening], ...]
    resumable_until: datetime | None
    due_at: datetime | None
    breached_at: datetime | None
    targets: tuple[TargetStep, ...]
    target_us: int | None
    elapsed_us: int
    provider_us: int
    customer_us: int
    third_party_us: int
    end_to_end_us: int
    stretches: tuple[Stretch, ...]
    on_record: Stored


@dataclass(frozen=True)
class ContractPage:
    """One ticket under one contract as of one instant; `calendars` are the terms of those in use, by version and name.

    `ticket` are its fields at that instant; a contract that has no cycle of it learns none of them, only `why_empty`.
    `outside_scope` cycles belong to other contracts; `only_on_record` ones are in the warehouse and not here.
    """

    contract: str
    title: str
    timezone: str
    parties: dict[str, str]
    as_of: datetime
    complete_until: datetime
    ticket: dict[str, str | None]
    calendars: dict[int, dict[str, dict[str, Any]]]
    cycles: tuple[CyclePage, ...]
    outside_scope: int
    only_on_record: int
    why_empty: str | None


def contract_page(
    contract: Contract,
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    *,
    complete_until: datetime,
    as_of: datetime | None,
    incomplete: Collection[int],
    record: Record,
) -> ContractPage:
    """The page of the one ticket in `tickets`, with all its `events`, as of `as_of` (None: `complete_until`)."""
    at = as_of or complete_until
    measured = with_ticket_fields(contract_cycles(contract, tickets, events, at, incomplete), tickets)
    cycles = with_choice(contract, measured[within(measured, contract.scope)]).reset_index(drop=True)
    then = {
        instant: contract_cycles(contract, tickets, events, instant, incomplete)
        for instant in set(record.measured.values())
    }
    pages: list[CyclePage] = []
    for version in contract.versions:
        own = cycles[cycles["version"] == version.number]
        if own.empty:
            continue
        segments = clocks.segments(tickets, events, version.clocks, version.calendars, at)
        history = _History(contract, version, tickets, events, segments, own)
        earlier = then.get(record.measured.get(version.number, at), measured)
        pages += [history.page(row, record, earlier) for _, row in own.iterrows()]
    local = ZoneInfo(contract.period.timezone)
    used = {(page.version, name) for page in pages for name in page.calendars}
    return ContractPage(
        contract=contract.name,
        title=contract.title,
        timezone=contract.period.timezone,
        parties=dict(contract.parties),
        as_of=at.astimezone(local),
        complete_until=complete_until.astimezone(local),
        ticket=_fields(tickets, events, at) if pages else {},
        calendars={
            version.number: {
                name: dict(terms) for name, terms in version.calendars.items() if (version.number, name) in used
            }
            for version in contract.versions
        },
        cycles=tuple(pages),
        outside_scope=len(measured) - len(cycles),
        only_on_record=record.beyond(cycles),
        why_empty=None if pages else _why_empty(contract, tickets, len(measured), at),
    )


@dataclass(frozen=True)
class _History:
    """One ticket under one version: what all of its cycles' pages are made from."""

    contract: Contract
    version: Version
    tickets: pd.DataFrame
    events: pd.DataFrame
    segments: pd.DataFrame
    cycles: pd.DataFrame

    def page(self, row: pd.Series, record: Record, then: pd.DataFrame) -> CyclePage:
        """The page of one of the version's cycles; `then` are the cycles as of the record's own instant."""
        zone, events = self.contract.period.timezone, self.events
        clock = next(each for each in self.version.clocks if each.name == str(row["clock"]))
        mine = (self.segments["clock"] == clock.name) & (self.segments["cycle"] == row["cycle"])
        segments = self.segments[mine].reset_index(drop=True)
        breached_at = _local(row["breached_at"], zone)
        stretches = cut_at(read_stretches(segments, self.version.calendars, zone), breached_at)
        held = {side: sum(each.lasted_us for each in stretches if each.holder == side) for side in _SIDES}
        elapsed_us = sum(each.counted_us for each in stretches)
        # The sums that a reader can add up from the stretches are what is held against the record.
        shown = row.copy()
        shown["elapsed_us"] = elapsed_us
        for side, held_us in held.items():
            shown[f"{side}_us"] = held_us
        return CyclePage(
            clock=clock.name,
            clause=clock.clause,
            cycle=int(row["cycle"]),
            cycles=int((self.cycles["clock"].astype("str") == clock.name).sum()),
            version=self.version.number,
            rule=clock.cycles,
            retarget=clock.retarget,
            attribution=clock.attribution,
            calendars=tuple(dict.fromkeys(each.calendar for each in stretches if each.calendar is not None)),
            state=str(row["state"]),
            is_chosen=bool(row["is_chosen"]),
            is_incomplete=bool(row["is_incomplete"]),
            period=contracts.period_of(self.contract, row["attributed_at"].to_pydatetime()),
            service_levels=_levels(self.version, clock, row),
            started_at=row["started_at"].to_pydatetime().astimezone(ZoneInfo(zone)),
            # A reopening too late to take the stop back (`resume_within`) opens a cycle too.
            started_by=self._event(row["started_at"], clock.start) or self._event(row["started_at"], clock.resume),
            stopped_at=_local(row["stopped_at"], zone),
            stopped_by=self._event(row["stopped_at"], (*clock.cancel, *clock.stop)),
            resets=self._resets(clock, row),
            resumable_until=_resumable_until(clock, row, zone),
            due_at=_local(row["due_at"], zone),
            breached_at=breached_at,
            targets=tuple(target_steps(clock, segments, self.tickets, events, zone)),
            target_us=None if pd.isna(row["target_us"]) else int(row["target_us"]),
            elapsed_us=elapsed_us,
            provider_us=held["provider"],
            customer_us=held["customer"],
            third_party_us=held["third_party"],
            end_to_end_us=sum(held.values()),
            stretches=tuple(stretches),
            on_record=record.compare(shown, then),
        )

    def _event(self, at: pd.Timestamp, wanted: Sequence[EventMatch]) -> Happening | None:
        return happenings(self.tickets, self.events, wanted).get(at)

    def _resets(self, clock: ClockTerms, row: pd.Series) -> tuple[tuple[datetime, Happening], ...]:
        """The events after the cycle's start and before its end, not later than its breach, that reset its clock."""
        ends = row["as_of"] if pd.isna(row["stopped_at"]) else row["stopped_at"]
        return tuple(
            (at.astimezone(ZoneInfo(self.contract.period.timezone)), what)
            for at, what in happenings(self.tickets, self.events, clock.reset).items()
            if row["started_at"] < at < ends and not at > row["breached_at"]
        )


def _levels(version: Version, clock: ClockTerms, row: pd.Series) -> tuple[Level, ...]:
    frame = row.to_frame().T
    return tuple(
        Level(level.title or level.name, level.clause)
        for level in version.service_levels
        if level.measure.subject == "clock"
        and level.measure.name == clock.name
        and within(frame, level.population).all()
    )


def _fields(tickets: pd.DataFrame, events: pd.DataFrame, at: datetime) -> dict[str, str | None]:
    """The ticket's fields as they stood at an instant."""
    keys, instants = tickets["ticket_key"], pd.Series(pd.DatetimeIndex([at]).tz_convert("UTC"))
    values = values_at(events, _TICKET_FIELDS, keys, instants).iloc[0]
    return {str(name): None if pd.isna(value) else str(value) for name, value in values.items()}


def _why_empty(contract: Contract, tickets: pd.DataFrame, measured: int, at: datetime) -> str:
    if measured:
        return f"it is outside the contract's scope ({describe(contract.scope)})"
    if tickets["created_at"].iloc[0] > at:
        return "it had not been created at this instant"
    return "none of the contract's clocks had started at this instant while a version of the contract was in force"


def _resumable_until(clock: ClockTerms, row: pd.Series, zone: str) -> datetime | None:
    """The last instant, not over yet, at which a reopening takes the stop back."""
    if not clock.resume or clock.resume_within_us is None or row["state"] == "cancelled" or pd.isna(row["stopped_at"]):
        return None
    until = row["stopped_at"] + pd.Timedelta(microseconds=clock.resume_within_us)
    return None if until < row["as_of"] else _local(until, zone)


def _local(instant: pd.Timestamp, zone: str) -> datetime | None:
    return None if pd.isna(instant) else instant.to_pydatetime().astimezone(ZoneInfo(zone))
