"""The cycles of a contract with several versions: which version measures what, where one follows the other."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from deskledger import model
from deskledger.contract.terms import CalendarChoice, ClockTerms, Contract, EventMatch, Period, Target, Version
from deskledger.statement.cycles import contract_cycles, with_choice

CREATED, ASSIGNED, RESOLVED = (
    EventMatch("created"),
    EventMatch("assignment"),
    EventMatch("status", frozenset({"resolved"})),
)
CLOCK = ClockTerms(
    "resolution", "4.2", (CREATED,), (RESOLVED,), (CalendarChoice({}, "always"),), (Target({}, open_us=1),)
)
FIRST = Version(1, date(2026, 1, 1), "ada", {"always": {"timezone": "Etc/UTC", "always": True}}, (CLOCK,), None, (), {})


def contract(*starts: tuple[date, EventMatch]) -> Contract:
    """Version 1 starts its clock at the ticket's creation, each later one from its day on at the event given."""
    later = [
        replace(FIRST, number=number, effective_from=day, clocks=(replace(CLOCK, start=(start,)),))
        for number, (day, start) in enumerate(starts, start=2)
    ]
    return Contract(
        "alder", "Alder", "EUR", {}, ("desk",), {}, Period("Etc/UTC"), (FIRST, *later), "alder.yaml", "0" * 64
    )


def found(terms: Contract, *told: tuple[str, str, str]) -> list[tuple[int, int, str]]:
    """Version, number and start of each cycle of a ticket with the events told: (kind, value, instant)."""
    ticket = {"ticket_key": 1, "created_month": 202601}
    rows = [
        {**ticket, "event_id": f"{n}", "occurred_at": pd.Timestamp(at), "seq": n, "kind": kind, "value": value}
        for n, (kind, value, at) in enumerate(told)
    ]
    tickets = pd.DataFrame([{**ticket, "source": "desk", "ticket_id": "T-1", "created_at": rows[0]["occurred_at"]}])
    cycles = contract_cycles(
        terms,
        model.conform(model.TICKET, tickets.assign(shard=1, updated_at=tickets["created_at"])),
        model.conform(model.TICKET_EVENT, pd.DataFrame(rows)),
        datetime(2026, 6, 1, tzinfo=UTC),
        (),
    )
    return [(row["version"], row["cycle"], f"{row['started_at']:%m-%d}") for row in cycles.to_dict("records")]


TOLD = ("created", "", "2026-01-30T08:00Z")
FEBRUARY = (date(2026, 2, 1), ASSIGNED)


@pytest.mark.parametrize(
    ("assigned_at", "cycles"),
    [
        ("2026-02-03T08:00:00.000001Z", [(1, 1, "01-30"), (2, 1, "02-03")]),
        ("2026-02-03T08:00:00Z", [(1, 1, "01-30"), (2, 1, "02-03")]),  # one ends where the other begins
        ("2026-02-03T07:59:59.999999Z", [(1, 1, "01-30")]),
    ],
)
def test_a_new_version_opens_no_cycle_while_one_of_an_earlier_version_is_open(
    assigned_at: str, cycles: list[tuple[int, int, str]]
) -> None:
    told = [("status", "resolved", "2026-02-03T08:00:00Z"), ("assignment", "bob", assigned_at)]
    assert found(contract(FEBRUARY), TOLD, *sorted(told, key=lambda row: pd.Timestamp(row[2]))) == cycles


def test_what_a_version_did_not_open_keeps_no_later_one_from_opening() -> None:
    """Version 1's cycle ends on 10 February; version 2 would have had one from the 3rd until May."""
    told = [("assignment", "bob", "2026-02-03T08:00Z"), ("reply", "", "2026-02-10T08:00Z"),
            ("note", "", "2026-03-05T08:00Z")]  # fmt: skip
    terms = contract(FEBRUARY, (date(2026, 3, 1), EventMatch("note")))
    first, second, third = terms.versions
    stops_at_reply = replace(first, clocks=(replace(CLOCK, stop=(EventMatch("reply"),)),))
    assert found(replace(terms, versions=(stops_at_reply, second, third)), TOLD, *told) == [
        (1, 1, "01-30"), (3, 1, "03-05")
    ]  # fmt: skip


def test_another_clock_of_a_new_version_opens_at_once() -> None:
    terms = contract(FEBRUARY)
    other = replace(terms.versions[1], clocks=(replace(CLOCK, name="repair", start=(ASSIGNED,)),))
    told = [TOLD, ("assignment", "bob", "2026-02-03T08:00Z")]
    assert found(replace(terms, versions=(FIRST, other)), *told) == [(1, 1, "01-30"), (2, 1, "02-03")]


@pytest.mark.parametrize(("rule", "chosen"), [("first", [1]), ("last", [2]), ("worst", [2]), ("all", [1, 2])])
def test_a_clock_that_counts_one_cycle_counts_one_over_its_versions(rule: Any, chosen: list[int]) -> None:
    """Version 1 measured an hour over the target, version 2 two: each calls its own number 1."""
    terms = contract(FEBRUARY)
    versions = tuple(replace(each, clocks=(replace(CLOCK, cycles=rule),)) for each in terms.versions)
    rows = [
        {"version": number, "ticket_key": 1, "clock": "resolution", "cycle": 1, "state": "breached", "target_us": 0,
         "elapsed_us": number, "started_at": pd.Timestamp(f"2026-0{number}-10", tz="UTC")}
        for number in (1, 2)
    ]  # fmt: skip
    found = with_choice(replace(terms, versions=versions), pd.DataFrame(rows))
    assert found.loc[found["is_chosen"], "version"].tolist() == chosen
