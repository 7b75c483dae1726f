"""Events and holders of a clock: what is refused, with line and remedy, and what the engine gets."""

from pathlib import Path

import pytest

from deskledger import contract
from deskledger.contract.terms import ClockTerms, EventMatch, HolderRule
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")
USE = "        use: first_response\n"

# What stands beside `use:`, on which line the fault is shown, what is said, and what to do.
REFUSED = {
    "a reply that changes": (
        "        start: [{kind: reply, is_change: true}]\n", "start:", "a `reply` has no value", "remove `is_change`",
    ),
    "what a reply followed": (
        "        cancel: [{kind: note, previous_value: x}]\n", "cancel:", "a `note` has no", "remove `previous_value`",
    ),
    "hidden holder": (
        "        held_by:\n"
        "          - {team: [carrier, cloud], side: third_party}\n"
        "          - {team: cloud, status: open, side: customer}\n",
        "- {team: cloud", "number 1 of the list matches first", "narrower one first",
    ),
    "holders that never say": (
        "        holders: {resolved: customer}\n        held_by: [{side: provider}]\n",
        "holders: {", "can never say who holds", "remove `holders`",
    ),
    "unknown status": (
        "        held_by: [{status: asleep, side: customer}]\n", "held_by", "unknown status `asleep`", "use `closed`",
    ),
    "unknown side": (
        "        held_by: [{team: carrier, side: vendor}]\n", "held_by", "`vendor` is not a choice", "`third_party`",
    ),
}  # fmt: skip


def _clock(beside: str) -> ClockTerms:
    assert USE in VALID
    return contract.parse(VALID.replace(USE, USE + beside).encode(), "contracts/acme.yaml").versions[0].clocks[0]


@pytest.mark.parametrize("name", REFUSED)
def test_a_clock_that_says_what_cannot_be_is_refused(name: str) -> None:
    beside, line, what, remedy = REFUSED[name]
    lines = VALID.replace(USE, USE + beside).splitlines()
    number = next(place for place, text in enumerate(lines, start=1) if line in text)
    with pytest.raises(ContractError) as refused:
        _clock(beside)
    told = str(refused.value)
    assert f"contracts/acme.yaml:{number}" in told and what in told and remedy in told


def test_holders_by_rule_reach_the_engine_in_their_order() -> None:
    found = _clock(
        "        held_by:\n"
        "          - {status: waiting_on_customer, side: customer}\n"
        "          - {team: [carrier], escalation: L2>L3, side: third_party, name: Carrier Ltd}\n"
        "          - {support_level: 3, agent: [ana, ben], side: third_party}\n"
    ).held_by
    assert found == (
        HolderRule({"status": frozenset({"waiting_on_customer"})}, "customer"),
        HolderRule({"team": frozenset({"carrier"}), "escalation": frozenset({"L2>L3"})}, "third_party", "Carrier Ltd"),
        HolderRule({"support_level": frozenset({"3"}), "agent": frozenset({"ana", "ben"})}, "third_party"),
    )


def test_an_event_can_be_asked_to_say_something_new() -> None:
    found = _clock("        start: [{kind: team, is_change: true}]\n").start
    assert found == (EventMatch("team", is_change=True),)


# A second clock; the fault is shown on the last line that names `office`.
PROMISES = {
    "of the ready-made clock": "use: eta_kept, calendar: office",
    "written out": "use: resolution, calendar: office, targets: [{until: eta}]",
    "one target of two": "use: resolution, calendar: office, targets: [{priority: P1, until: eta}, {within: 4h}]",
    "on hours for some": "use: eta_kept, calendars: [{priority: P1, calendar: always},\n        {calendar: office}]",
}


def _with_promise(terms: str) -> str:
    text = VALID.replace("    csat:\n", f'      kept: {{clause: "4.9", {terms}}}\n    csat:\n', 1)
    return text.replace(
        "    calendars:\n", "    calendars:\n      always: {timezone: Europe/Madrid, always: true}\n", 1
    )


@pytest.mark.parametrize("name", PROMISES)
def test_a_promised_instant_is_not_judged_on_service_hours(name: str) -> None:
    text = _with_promise(PROMISES[name])
    number = max(place for place, line in enumerate(text.splitlines(), start=1) if "calendar: office" in line)
    with pytest.raises(ContractError) as refused:
        contract.parse(text.encode(), "contracts/acme.yaml")
    told = str(refused.value)
    assert f"contracts/acme.yaml:{number}" in told and "outside the hours of `office` counts as kept" in told
    assert "the target of clause 4.9" in told
    assert told.endswith("use `always`, or give the promise a clock of its own on it")


@pytest.mark.parametrize(
    "terms",
    [
        "use: eta_kept, calendar: always",
        "use: eta_kept, calendar: office, targets: [{within: 4h}]",
        "use: resolution, calendars: [{priority: P1, calendar: always}, {calendar: office}], targets: [{within: 4h}]",
    ],
)
def test_a_promise_on_every_hour_and_hours_without_a_promise_are_accepted(terms: str) -> None:
    found = contract.parse(_with_promise(terms).encode(), "contracts/acme.yaml")
    assert [each.name for each in found.versions[0].clocks] == ["response", "kept"]


def test_a_version_without_a_calendar_of_every_hour_is_told_how_to_define_one() -> None:
    text = VALID.replace("    csat:\n", '      kept: {clause: "4.9", use: eta_kept, calendar: office}\n    csat:\n', 1)
    with pytest.raises(ContractError, match="use a calendar with `always: true`"):
        contract.parse(text.encode(), "contracts/acme.yaml")


@pytest.mark.parametrize(
    ("terms", "word", "what", "remedy"),
    [
        ("use: eta_kept, pause: [waiting_on_customer]", "pause:", "a pause would move it", "remove `pause`, or give"),
        (
            "use: resolution_total, targets: [{until: eta}]",
            "use:",
            "a pause would move it",
            "write `pause: []`, or give",
        ),
        (
            "use: eta_kept, counts: [provider]",
            "counts:",
            "a side not counted would move it",
            "remove `counts`, or give",
        ),
    ],
)
def test_nothing_moves_a_promised_instant(terms: str, word: str, what: str, remedy: str) -> None:
    text = _with_promise(f"calendar: always,\n        {terms}")
    number = next(place for place, line in enumerate(text.splitlines(), start=1) if terms in line)
    assert word in text.splitlines()[number - 1]
    with pytest.raises(ContractError) as refused:
        contract.parse(text.encode(), "contracts/acme.yaml")
    told = str(refused.value)
    assert f"contracts/acme.yaml:{number}" in told and "the target of clause 4.9" in told
    assert what in told and remedy in told


@pytest.mark.parametrize(
    "terms",
    [
        "use: resolution_total, resume_within: 5 days, pause: [], targets: [{until: eta}]",
        "use: eta_kept, counts: [provider, customer, third_party]",
        "use: resolution_without_waiting, targets: [{within: 4h}]",
    ],
)
def test_a_promise_whose_every_moment_counts_and_pauses_without_a_promise_are_accepted(terms: str) -> None:
    found = contract.parse(_with_promise(f"calendar: always, {terms}").encode(), "contracts/acme.yaml")
    assert [each.name for each in found.versions[0].clocks] == ["response", "kept"]
