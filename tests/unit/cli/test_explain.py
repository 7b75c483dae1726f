"""The page of one ticket, word for word, and the same as data. `explained_ticket.txt` is what a customer would get."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from deskledger import contract
from deskledger.cli import explain as pages
from deskledger.cli import explain_words as words
from deskledger.cli import main
from deskledger.model import CYCLE, TICKET, TICKET_EVENT, conform, empty
from deskledger.statement.cycles import contract_cycles
from deskledger.steps.explain import Explanation
from deskledger.steps.explain_cycle import folded
from deskledger.steps.explain_page import ContractPage, contract_page
from deskledger.steps.explain_record import Record

CONTRACT = """\
contract: alder
title: Alder Bank, support of payments
currency: EUR
parties: {customer: Alder Bank S.A., provider: Meridian Support S.L.}
sources: [desk]
scope: {account: [alder]}
period: {timezone: Europe/Madrid, start_day: 1, close_after: 5 days, survey_wait: 0 days}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: carla
    calendars:
      madrid:
        timezone: Europe/Madrid
        weekly: {mon-fri: [["09:00", "18:00"]], sun: [["01:00", "04:00"]]}
        country: ES
        region: MD
        holidays: [2026-03-30]
        special_days: {2026-03-31: [["09:00", "14:00"]]}
    clocks:
      resolution:
        clause: "4.2"
        use: resolution_without_waiting
        calendar: madrid
        targets: [{priority: P2, within: 8h}, {within: 16h}]
    service_levels:
      urgent:
        {clause: "4.3", title: "Resolution, P2", clock: resolution, population: {priority: P2}, objective: ">= 85 %"}
"""
# The clocks go forward on 29 March; 30 March is the contract's own closed day; 2 and 3 April are public holidays.
HISTORY = [
    ("2026-03-27T16:00:00+01:00", "created", None, "customer"),
    ("2026-03-27T16:00:00+01:00", "status", "new", "customer"),
    ("2026-03-27T16:00:00+01:00", "account", "alder", "customer"),
    ("2026-03-27T16:00:00+01:00", "priority", "P3", "customer"),
    ("2026-03-27T16:00:00+01:00", "team", "team-01", "system"),
    ("2026-03-27T16:59:30.250+01:00", "status", "open", "agent"),
    ("2026-03-28T11:00:00+01:00", "priority", "P2", "agent"),
    ("2026-03-31T10:00:00+02:00", "status", "waiting_on_customer", "agent"),
    ("2026-03-31T12:00:01+02:00", "status", "open", "customer"),
    ("2026-03-31T13:00:00+02:00", "status", "resolved", "agent"),
    ("2026-04-01T17:30:00+02:00", "status", "open", "customer"),
    ("2026-04-06T09:15:00+02:00", "team", "team-02", "agent"),
]
AS_OF = datetime.fromisoformat("2026-04-06T10:00:00+02:00")


def _frames(history: list[tuple[str, str, str | None, str]], ticket_id: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    start = pd.Timestamp(history[0][0]).tz_convert("UTC")
    ticket = {"ticket_key": 3, "created_month": 202603, "shard": 3, "source": "desk", "ticket_id": ticket_id}
    rows = [
        {
            "ticket_key": 3,
            "created_month": 202603,
            "event_id": f"e{number:02}",
            "occurred_at": pd.Timestamp(at).tz_convert("UTC"),
            "seq": number,
            "kind": kind,
            "value": value,
            "actor_role": role,
        }
        for number, (at, kind, value, role) in enumerate(history)
    ]
    tickets = pd.DataFrame([{**ticket, "created_at": start, "updated_at": start}])
    return conform(TICKET, tickets), conform(TICKET_EVENT, pd.DataFrame(rows))


def _page(
    history: list[tuple[str, str, str | None, str]] = HISTORY,
    *,
    as_of: datetime = AS_OF,
    recorded: datetime | None = AS_OF,
    terms: str = CONTRACT,
    complete_until: datetime = AS_OF,
) -> ContractPage:
    alder = contract.parse(terms.encode(), "alder.yaml")
    tickets, events = _frames(history, "T-1")
    record = Record(empty(CYCLE), {})
    if recorded is not None:
        record = Record(contract_cycles(alder, tickets, events, recorded, ()), {1: recorded})
    return contract_page(
        alder, tickets, events, complete_until=complete_until, as_of=as_of, incomplete=(), record=record
    )


def _explanation(*found: ContractPage, ticket_id: str = "T-1") -> Explanation:
    return Explanation("desk", ticket_id, datetime(2026, 3, 27, 15, tzinfo=UTC), found, ())


def test_the_page_of_a_ticket_over_a_clock_change_holidays_a_priority_change_and_a_reopening() -> None:
    expected = Path(__file__).with_name("explained_ticket.txt").read_text(encoding="utf-8")
    assert pages.as_text(_explanation(_page())) + "\n" == expected


def test_the_page_as_data_keeps_every_stretch_and_exact_sums() -> None:
    told = json.loads(pages.as_json(_explanation(_page())))
    first, second = told["contracts"][0]["cycles"]
    assert [first["state"], second["state"]] == ["met", "running"]
    assert first["started_at"] == "2026-03-27T16:00:00+01:00"
    assert first["stopped_at"] == "2026-03-31T13:00:00+02:00"
    assert first["targets"][1]["changed"] == [["priority", "P3", "P2"]]
    for cycle in (first, second):
        stretches = cycle["stretches"]
        assert all(one["to_at"] == other["from_at"] for one, other in pairwise(stretches))
        assert sum(each["counted_us"] for each in stretches) == cycle["elapsed_us"] == stretches[-1]["total_us"]
        for side in ("provider", "customer", "third_party"):
            held = sum(each["lasted_us"] for each in stretches if each["holder"] == side)
            assert held == cycle[f"{side}_us"] == cycle["on_record"][f"{side}_us"]
        span = datetime.fromisoformat(stretches[-1]["to_at"]) - datetime.fromisoformat(stretches[0]["from_at"])
        assert cycle["end_to_end_us"] == span.total_seconds() * 1_000_000


def test_folding_joins_closed_time_only_and_loses_none() -> None:
    for cycle in _page().cycles:
        lines = folded(cycle.stretches)
        assert sum(each.lasted_us for each in lines) == sum(each.lasted_us for each in cycle.stretches)
        counted = [each for each in cycle.stretches if each.is_counted]
        assert [each for each in lines if each.is_counted] == counted
        closed = [each.reason in {"outside_hours", "holiday"} for each in lines]
        # Two closed lines meet only where the target moved in between.
        meeting = [n for n in range(1, len(lines)) if closed[n] and closed[n - 1]]
        assert all(lines[n].target_us != lines[n - 1].target_us for n in meeting)
    assert sum(len(folded(cycle.stretches)) for cycle in _page().cycles) < sum(
        len(cycle.stretches) for cycle in _page().cycles
    )


def test_a_breach_by_a_change_of_target_says_so_and_stays_after_a_downgrade() -> None:
    history = [
        *HISTORY[:5],
        ("2026-03-31T11:00:00+02:00", "priority", "P2", "agent"),
        ("2026-03-31T11:30:00+02:00", "priority", "P3", "agent"),
    ]
    terms = CONTRACT.replace("within: 8h", "within: 5h")
    text = pages.as_text(_explanation(_page(history, terms=terms)))
    used = "6:00:00 had been used when the target became 5:00:00"
    assert f"breached       Tue 31 Mar 2026 11:00:00 CEST  {used}" in text
    assert "are used up" not in text
    assert (
        "5:00:00 of service time (priority P2) from Tue 31 Mar 2026 11:00:00 CEST: priority changed from P3 to P2"
        in text
    )
    assert "too much and not ended yet" in text
    assert "Resolution (clause 4.2): Breached" in text


def test_a_target_fixed_at_the_start_is_explained_as_such() -> None:
    terms = CONTRACT.replace(
        "calendar: madrid\n        targets", "calendar: madrid\n        retarget: initial\n        targets"
    )
    text = pages.as_text(_explanation(_page(terms=terms)))
    assert "The target is that of the start; later changes of the ticket do not move it." in text
    assert "priority changed from P3 to P2; the target stays" in text
    assert "8:00:00 of service time (priority P2) from" not in text


@pytest.mark.parametrize(
    ("recorded", "words_there"),
    [
        (None, "nothing yet: the ticket has not been measured"),
        (datetime(2026, 4, 6, 7, 30, tzinfo=UTC), "Measured again as of that instant, the figures are the same."),
        (AS_OF, "the warehouse has the same figures, measured as of Mon 6 Apr 2026 10:00:00 CEST."),
    ],
)
def test_how_the_page_stands_to_the_warehouse(recorded: datetime | None, words_there: str) -> None:
    text = " ".join(pages.as_text(_explanation(_page(recorded=recorded))).split())
    assert words_there in text
    assert "NOT the same" not in text


def test_a_record_that_differs_is_not_called_the_same() -> None:
    alder = contract.parse(CONTRACT.encode(), "alder.yaml")
    tickets, events = _frames(HISTORY, "T-1")
    stored = contract_cycles(alder, tickets, events, AS_OF, ())
    stored.loc[0, "provider_us"] += 1
    page = contract_page(
        alder, tickets, events, complete_until=AS_OF, as_of=None, incomplete=(), record=Record(stored, {1: AS_OF})
    )
    assert [each.on_record.standing for each in page.cycles] == ["differs", "equal"]
    assert [name for name, *_ in page.cycles[0].on_record.differences] == ["provider_us"]
    assert "NOT the same as the warehouse, measured as of Mon 6 Apr 2026 10:00:00 CEST, in provider." in " ".join(
        pages.as_text(_explanation(page)).split()
    )


def test_an_instant_beyond_the_events_that_arrived_is_told() -> None:
    text = pages.as_text(_explanation(_page(complete_until=datetime(2026, 4, 6, 7, 59, tzinfo=UTC))))
    assert "Events have arrived until Mon 6 Apr 2026 09:59:00 CEST: later ones are missing." in text
    assert "later ones are missing" not in pages.as_text(_explanation(_page()))


def test_a_ticket_outside_the_scope_shows_nothing_of_itself() -> None:
    elsewhere = [(at, kind, "other" if kind == "account" else value, role) for at, kind, value, role in HISTORY]
    page = _page(elsewhere)
    assert page.cycles == () and page.ticket == {}
    assert "it is outside the contract's scope (account alder)" in pages.as_text(_explanation(page))


def test_before_its_creation_there_is_nothing_to_say() -> None:
    page = _page(as_of=datetime(2026, 3, 27, 14, 59, 59, tzinfo=UTC))
    assert page.why_empty == "it had not been created at this instant"
    assert _page(as_of=datetime(2026, 3, 27, 15, 0, 0, tzinfo=UTC)).why_empty is None


def test_a_cycle_that_took_no_time_has_a_page_too() -> None:
    history = [*HISTORY[:5], ("2026-03-27T16:00:00+01:00", "status", "resolved", "agent")]
    text = pages.as_text(_explanation(_page(history)))
    assert "It ended at the instant it started: no time passed." in text
    assert "verdict        met: 0:00:00 used of 16:00:00, 16:00:00 left" in text


def test_text_of_a_ticket_cannot_steer_the_terminal() -> None:
    evil = "team\x1b[2J\x07\r\n\u202e"
    history = [(at, kind, evil if kind == "team" else value, role) for at, kind, value, role in HISTORY]
    found = replace(_page(history), title="Alder\x1b]0;x\x07")
    text = pages.as_text(_explanation(found, ticket_id="T\x9b1"))
    assert "team\\x1b[2J\\x07\\r\\n\\u202e" in text
    assert not any(each in text.replace("\n", "") for each in "\x1b\x07\r\x9b\u202e")
    assert len(text.splitlines()) == text.count("\n") + 1
    assert json.loads(pages.as_json(_explanation(found)))["contracts"][0]["title"] == "Alder\x1b]0;x\x07"
    assert "\x1b" not in pages.as_json(_explanation(found))


@pytest.mark.parametrize(
    ("microseconds", "told"),
    [
        (0, "0:00:00"),
        (59_999_999, "0:00:59.999999"),
        (3_600_000_000, "1:00:00"),
        (360_000_500_000, "100:00:00.5"),
        (-61_000_000, "-0:01:01"),
    ],
)
def test_durations_are_exact(microseconds: int, told: str) -> None:
    assert words.duration(microseconds) == told


@pytest.mark.parametrize("written", ["2026-04-01", "2026-04-01T00:00", "yesterday"])
def test_an_instant_without_its_offset_is_refused(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["explain", "T-1", "--as-of", written])
    assert refused.value.code == 2
    assert "no instant with its offset" in capsys.readouterr().err


def test_promised_dates_open_days_and_a_change_of_service_hours_in_words() -> None:
    terms = CONTRACT.replace(
        '      resolution:\n        clause: "4.2"\n        use: resolution_without_waiting\n        calendar: madrid\n'
        "        targets: [{priority: P2, within: 8h}, {within: 16h}]\n",
        '      kept: {clause: "5", use: eta_kept, calendar: always, targets: [{until: eta}]}\n'
        '      resolution:\n        clause: "4.2"\n        use: resolution\n        counts: [provider]\n'
        "        calendars: [{priority: P2, calendar: always}, {calendar: madrid}]\n"
        "        targets: [{within: 2 business days}]\n",
    ).replace("    clocks:\n", "      always: {timezone: Europe/Madrid, always: true}\n    clocks:\n")
    history = [
        *HISTORY[:5],
        ("2026-03-27T16:30:00+01:00", "eta", "2026-04-01T12:00:00+02:00", "agent"),
        ("2026-03-27T17:00:00+01:00", "eta", "2026-04-06T12:00:00+02:00", "agent"),
        ("2026-03-27T17:15:00+01:00", "status", "waiting_on_third_party", "agent"),
        ("2026-03-27T17:30:00+01:00", "status", "open", "third_party"),
        ("2026-03-27T17:45:00+01:00", "priority", "P2", "agent"),
    ]
    page = _page(history, terms=terms, as_of=datetime(2026, 3, 27, 17, tzinfo=UTC))
    text = pages.as_text(_explanation(page))
    for told in (
        "date promised by an agent",
        "until the promised Wed 1 Apr 2026 12:00:00 CEST, ",
        "until the promised Mon 6 Apr 2026 12:00:00 CEST, ",
        "from Fri 27 Mar 2026 17:00:00 CET: another date was promised",
        "2 open days, ",
        "waiting on third party: third party's time is not counted",
        '* Fri 27 Mar 17:45:00 CET: the service hours are now "always"',
        "always: every hour of every day",
        "open, around the clock",
        "third parties                    0:15:00",
    ):
        assert told in " ".join(text.split()) or told in text, told
    assert [each.state for each in page.cycles] == ["running", "running"]


def test_a_second_question_is_not_called_a_reopening() -> None:
    terms = CONTRACT.replace("use: resolution_without_waiting", "use: customer_turn")
    history = [*HISTORY[:5]]
    for hour in (10, 12):
        history += [
            (f"2026-03-31T{hour}:00:00+02:00", "status", "waiting_on_customer", "agent"),
            (f"2026-03-31T{hour + 1}:00:00+02:00", "status", "open", "customer"),
        ]
    second = _page(history, terms=terms).cycles[1]
    assert second.started_by is not None and not second.started_by.is_reopening
    assert words.happened(second.started_by) == "set to waiting on customer by an agent"
    reopened = _page().cycles[1].started_by
    assert reopened is not None and reopened.is_reopening


def test_cycles_of_several_versions_are_told_apart() -> None:
    second = CONTRACT[CONTRACT.index("  - number: 1") :].replace("number: 1", "number: 2")
    page = _page(terms=CONTRACT + second.replace("2026-01-01", "2026-04-01"))
    text = pages.as_text(_explanation(page))
    assert "Resolution, 1 of version 1 (clause 4.2)" in text and "Resolution, 2 of version 2 (clause 4.2)" in text


def test_only_the_cycle_that_the_clock_takes_is_counted() -> None:
    terms = CONTRACT.replace(
        "calendar: madrid\n        targets", "calendar: madrid\n        cycles: last\n        targets"
    )
    first, last = _page(terms=terms).cycles
    assert (first.is_chosen, last.is_chosen) == (False, True)
    text = pages.as_text(_explanation(_page(terms=terms)))
    assert text.count("not counted in the statement, which takes the last of 2") == 1


@pytest.mark.parametrize(
    ("within", "told"),
    [
        # Within a stretch, which ends there with exactly the target as its total.
        (
            "4h 30m",
            [
                "breached       Tue 31 Mar 2026 09:30:00 CEST\n",
                "Tue 31 Mar 09:30:00 CEST       0:30:00     0:30:00     4:30:00  provider",
                "* Tue 31 Mar 09:30:00 CEST: the 4:30:00 of the target are used up; late from here on\n",
                "Tue 31 Mar 09:30:00 CEST    Tue 31 Mar 10:00:00 CEST       0:30:00     0:30:00     5:00:00  provider",
            ],
        ),
        # At closing time: in time until the doors open again, and there a stretch begins anyway.
        (
            "4h",
            [
                "due            Sun 29 Mar 2026 04:00:00 CEST\n",
                "breached       Tue 31 Mar 2026 09:00:00 CEST  when time counted again\n",
                "* Tue 31 Mar 09:00:00 CEST: the 4:00:00 of the target are used up; late from here on\n",
            ],
        ),
    ],
)
def test_the_instant_from_which_it_is_late_is_a_line_of_its_own(within: str, told: list[str]) -> None:
    page = _page(terms=CONTRACT.replace("within: 8h", f"within: {within}"))
    text = pages.as_text(_explanation(page))
    places = [text.index(each) for each in told]
    assert places == sorted(places)
    first = page.cycles[0]
    assert sum(each.counted_us for each in first.stretches) == first.elapsed_us
    assert all(one.to_at == other.from_at for one, other in pairwise(first.stretches))
    at_breach = [each.total_us for each in first.stretches if each.to_at == first.breached_at]
    assert at_breach == [first.target_us]


def test_the_holder_that_a_rule_names_is_on_the_page() -> None:
    rule = "        held_by: [{team: team-02, side: third_party, name: Carrier Ltd}]\n"
    terms = CONTRACT.replace("calendar: madrid\n        targets", f"calendar: madrid\n{rule}        targets")
    page = _page(terms=terms)
    text = pages.as_text(_explanation(page))
    assert "third party, Carrier Ltd" in text
    assert "third parties                      0:45:00" in text
    assert page.cycles[1].third_party_us == 45 * 60_000_000


@pytest.mark.parametrize(
    ("as_of", "is_told"),
    [
        ("2026-04-01T10:00:00+02:00", True),
        ("2026-04-01T13:00:00+02:00", True),
        ("2026-04-01T13:00:00.000001+02:00", False),
    ],
)
def test_a_stop_that_a_reopening_can_take_back_says_until_when(as_of: str, is_told: bool) -> None:
    terms = CONTRACT.replace("use: resolution_without_waiting", "use: resolution_total\n        resume_within: 24h")
    text = " ".join(pages.as_text(_explanation(_page(terms=terms, as_of=datetime.fromisoformat(as_of)))).split())
    assert ("reopened until Wed 1 Apr 2026 13:00:00 CEST, it goes on" in text) == is_told
    assert ("it goes on" in text) == is_told


@pytest.mark.parametrize(
    ("attribution", "told"),
    [
        ("due", "statement      Apr 2026: Resolution, P2 (clause 4.3)"),
        ("started", "statement      the month that decides it: Resolution, P2 (clause 4.3)"),
        ("stopped", "statement      the month in which it ends: Resolution, P2 (clause 4.3)"),
    ],
)
def test_a_running_cycle_names_no_month_that_nobody_knows(attribution: str, told: str) -> None:
    terms = CONTRACT.replace("calendar: madrid\n", f"calendar: madrid\n        attribution: {attribution}\n")
    assert told in pages.as_text(_explanation(_page(terms=terms))).split("2 of 2")[1]


def test_a_cancelled_cycle_stands_in_no_statement() -> None:
    terms = CONTRACT.replace("priority: P2}, objective", "priority: P3}, objective").replace(
        "calendar: madrid\n        targets", "calendar: madrid\n        cancel: [{kind: merged}]\n        targets"
    )
    history = [*HISTORY[:5], ("2026-03-27T17:00:00+01:00", "merged", "T-9", "agent")]
    lines = pages.as_text(_explanation(_page(history, terms=terms))).splitlines()
    assert any(line.endswith("cancelled after 1:00:00 used: it does not count") for line in lines)
    assert not [line for line in lines if line.startswith("  statement")]
    running = pages.as_text(_explanation(_page(HISTORY[:5], terms=terms))).splitlines()
    assert [line for line in running if line.startswith("  statement")], "the same cycle, had it not been cancelled"


def test_the_event_at_which_the_count_began_anew_is_a_line_of_its_own() -> None:
    terms = CONTRACT.replace(
        "calendar: madrid\n", "calendar: madrid\n        reset: [{kind: priority, is_change: true}]\n"
    )
    told = pages.as_text(_explanation(_page(terms=terms)))
    assert "  counted anew   Sat 28 Mar 2026 11:00:00 CET  priority became P2 by an agent\n" in told
    assert "the count began anew" in " ".join(told.split())
    assert "counted anew" not in pages.as_text(_explanation(_page()))
