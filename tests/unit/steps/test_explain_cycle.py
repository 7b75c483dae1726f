"""What the page says opened and ended a cycle, for every ready-made clock: the engine's events, and no others."""

from typing import Any

import pytest

from deskledger import contract
from deskledger.cli.explain_words import happened
from deskledger.contract.definitions import DEFINITIONS
from deskledger.model import CYCLE, empty
from deskledger.steps.explain_page import CyclePage, contract_page
from deskledger.steps.explain_record import Record

from tests.unit.clocks.small import ANSWERS, CREATED, frames, instant
from tests.unit.clocks.test_definitions import NEW, WORKED

CONTRACT = """\
contract: alder
title: Alder Bank, support of payments
currency: EUR
parties: {customer: Alder Bank S.A., provider: Meridian Support S.L.}
sources: [test]
scope: {account: [alder]}
period: {timezone: Europe/Madrid, start_day: 1, close_after: 5 days, survey_wait: 0 days}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: carla
    calendars: {always: {timezone: Europe/Madrid, always: true}}
    clocks:
      explained: {clause: "4.1", calendar: always, TERMS}
      measured: {clause: "4.2", use: resolution, calendar: always, targets: [{within: 4h}]}
    service_levels:
      measured: {clause: "4.3", title: Resolution, clock: measured, objective: ">= 85 %"}
"""
TICKETS = {
    **{use: happenings for use, (happenings, _) in WORKED.items()},
    "eta_kept": [CREATED, NEW, (1, "eta", "2026-03-03T12:00:00Z"), (5, "status", "resolved")],
}


def _cycles(terms: str, *happenings: tuple[Any, ...]) -> list[CyclePage]:
    alder = contract.parse(CONTRACT.replace("TERMS", terms).encode(), "alder.yaml")
    tickets, events = frames(*happenings, account="alder")
    until = instant(12).to_pydatetime()
    page = contract_page(
        alder, tickets, events, complete_until=until, as_of=until, incomplete=(), record=Record(empty(CYCLE), {})
    )
    return [each for each in page.cycles if each.clock == "explained"]


def _told(use: str, *happenings: tuple[Any, ...]) -> list[tuple[str, str]]:
    cycles = _cycles(f"use: {use}, targets: [{{within: 4h}}]", *happenings)
    return [(happened(each.started_by), happened(each.stopped_by)) for each in cycles]


@pytest.mark.parametrize("use", sorted(DEFINITIONS))
def test_no_ready_made_clock_starts_or_stops_for_a_reason_that_nobody_tells(use: str) -> None:
    targets = "" if use == "eta_kept" else ", targets: [{within: 4h}]"
    cycles = _cycles(f"use: {use}{targets}", *TICKETS[use])
    assert [each.stopped_at for each in cycles if each.stopped_at], "the small ticket stops the clock"
    for each in cycles:
        assert each.started_by is not None
        assert (each.stopped_by is None) == (each.stopped_at is None)


def test_a_status_is_public_unless_told_not_and_a_reply_only_where_told() -> None:
    # Two at one instant, so that only the match tells which of them stopped the clock.
    picked_up = [(4, "status", "waiting_on_customer", "agent", False), (4, "status", "open", "agent")]
    assert _told("picked_up", CREATED, NEW, *picked_up) == [
        ("ticket created by the customer", "set to open by an agent")
    ]
    (cycle,) = _cycles(
        "targets: [{within: 4h}], start: [{kind: created}], stop: [{kind: reply, is_public: true}]",
        CREATED, (3, "reply", None, "system", None), (3, *ANSWERS),
    )  # fmt: skip
    assert happened(cycle.stopped_by) == "reply by an agent"


@pytest.mark.parametrize("use", ["team_ownership", "periodic_update", "pausable_update"])
def test_a_reopening_is_told_where_the_source_names_no_previous_status(use: str) -> None:
    begun = [(0, "team", "team-01"), (1, *ANSWERS)]
    told = _told(use, CREATED, NEW, *begun, (2, "status", "resolved"), (5, "status", "open", "customer"))
    assert told[-1] == ("reopened, set to open by the customer", "")


def test_an_event_that_repeats_what_was_known_neither_starts_nor_stops() -> None:
    # The log repeats team-01 at the very instant of the handover.
    handed_on = [(3, "team", "team-01"), (3, "team", "team-02")]
    assert _told("team_ownership", CREATED, NEW, (0, "team", "team-01"), *handed_on) == [
        ("team became team-01 by an agent", "team became team-02 by an agent"),
        ("team became team-02 by an agent", ""),
    ]


def test_a_reopening_too_late_to_take_the_stop_back_opens_the_next_cycle() -> None:
    cycles = _cycles(
        "use: resolution_total, resume_within: 2h, targets: [{within: 4h}]",
        CREATED, NEW, (1, "status", "resolved"), (5, "status", "open", "customer"),
    )  # fmt: skip
    assert [happened(each.started_by) for each in cycles] == [
        "ticket created by the customer",
        "reopened, set to open by the customer",
    ]


@pytest.mark.parametrize(
    ("reset", "event", "told"),
    [
        ("{kind: status, value: [open], previous_value: [waiting_on_customer]}", (5, "status", "open", "customer"),
         "set to open by the customer"),
        ("{kind: priority, is_change: true}", (5, "priority", "P1", "agent"), "priority became P1 by an agent"),
    ],
)  # fmt: skip
def test_the_event_that_made_the_count_begin_anew_is_named(reset: str, event: tuple[Any, ...], told: str) -> None:
    terms = f"use: resolution_first, targets: [{{within: 8h}}], reset: [{reset}]"
    waits = [(0, "priority", "P3"), (2, "status", "waiting_on_customer"), (3, "priority", "P3")]
    (cycle,) = _cycles(terms, CREATED, NEW, *waits, event, (9, "status", "resolved"))
    assert [(at, happened(what)) for at, what in cycle.resets] == [(instant(5), told)]
    assert cycle.elapsed_us == 4 * 3_600_000_000
    (late,) = _cycles(terms.replace("8h", "4h"), CREATED, NEW, *waits, event, (9, "status", "resolved"))
    assert late.resets == (), "it was late before: nothing began anew"
    (ended,) = _cycles(terms, CREATED, NEW, *waits, (5, "status", "resolved"), event)
    assert ended.resets == ()
