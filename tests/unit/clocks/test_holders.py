"""Who holds a ticket: every second is one side's, by status or by rule, and each side can have a clock of its own."""

from typing import Any

import pytest

from deskledger import clocks
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import HolderRule

from tests.unit.clocks.small import CALENDARS, CREATED, frames, hours, instant, measured, within

SIDES = ("provider", "customer", "third_party")
ASKED = HolderRule({"status": frozenset({"waiting_on_customer"})}, "customer")
CARRIER = HolderRule({"team": frozenset({"carrier", "cloud"})}, "third_party", "Carrier Ltd")
VENDOR = HolderRule({"escalation": frozenset({"L2>L3", "L2>L3 undue"})}, "third_party", "Vendor Inc")
HISTORY: list[tuple[Any, ...]] = [
    CREATED,
    (0, "status", "new", "customer"),
    (0, "team", "team-01"),
    (1, "team", "carrier"),
    (3, "status", "waiting_on_customer"),
    (6, "status", "open"),
    (7, "team", "team-01"),
    (8, "escalation", "L1>L2"),
    (10, "escalation", "L2>L3"),
    (14, "status", "resolved"),
]


@pytest.mark.parametrize(
    ("rules", "standing", "expected"),
    [
        ((), {}, (11, 3, 0)),
        # The first line that fits holds: the customer's turn 3-6 is theirs only where it is said first.
        ((CARRIER,), {}, (8, 0, 6)),
        ((ASKED, CARRIER), {}, (8, 3, 3)),
        ((ASKED, CARRIER, VENDOR), {}, (4, 3, 7)),
        ((HolderRule({"support_level": frozenset({"3"})}, "third_party"),), {"support_level": 3}, (0, 0, 14)),
        ((HolderRule({"support_level": frozenset({"3"})}, "third_party"),), {"support_level": 2}, (11, 3, 0)),
        ((CARRIER, HolderRule({}, "customer")), {}, (0, 8, 6)),
    ],
)
def test_sides_by_rule(rules: tuple[HolderRule, ...], standing: dict[str, Any], expected: tuple[int, ...]) -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=within(8), held_by=rules)
    (cycle,) = measured(clock, *HISTORY, **standing)
    assert tuple(hours(cycle[f"{side}_us"]) for side in SIDES) == expected
    assert sum(expected) == 14  # end to end


@pytest.mark.parametrize(
    ("side", "counted", "state"), [("provider", 4, "met"), ("customer", 3, "met"), ("third_party", 7, "breached")]
)
def test_each_side_can_have_its_own_target(side: Any, counted: float, state: str) -> None:
    rules = (ASKED, CARRIER, VENDOR)
    parts = {"clause": "4", "calendar": "always", "targets": within(4), "held_by": rules}
    (cycle,) = measured(ready_made("resolution", counts=frozenset({side}), **parts), *HISTORY)
    assert (hours(cycle["elapsed_us"]), cycle["state"]) == (counted, state)


def test_the_holder_is_named_in_the_evidence() -> None:
    clock = ready_made("resolution", clause="4", calendar="always", targets=within(8), held_by=(ASKED, CARRIER, VENDOR))
    found = clocks.segments(*frames(*HISTORY), [clock], CALENDARS, instant(20))
    read = list(zip(found["from_at"], found["holder"], found["holder_name"].fillna("-"), strict=True))
    assert read == [
        (instant(0), "provider", "-"),
        (instant(1), "third_party", "Carrier Ltd"),
        (instant(3), "customer", "-"),
        (instant(6), "third_party", "Carrier Ltd"),
        (instant(7), "provider", "-"),
        (instant(10), "third_party", "Vendor Inc"),
    ]
