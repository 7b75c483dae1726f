"""Opening balances and the engagement ladder: what they give, and each contradiction refused with line and remedy."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from deskledger import contract
from deskledger.contract.engagement import LADDER
from deskledger.contract.terms import Contract
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")
YEARLY = VALID.replace("base: fee, pct: 10 %}", "base: fee, pct: 10 %, per: year}").replace(
    '        objective: ">= 95 %"', '        window: {months: 3, mode: pooled}\n        objective: ">= 95 %"'
)
OPENING = """opening:
  until: 2025-12
  history: {late: [met, no_data, failed]}
  caps_used: {month: 1250.50}
  rolling: {in_time: [{num: 90, den: 100}, {num: 47, den: 50}]}
versions:
"""
OPENED = YEARLY.replace("versions:\n", OPENING)
ENGAGED = VALID.replace(
    "    penalties:\n",
    "    engagement:\n      level: team_extension\n      shared: 50 %\n      answers: {ANSWERS}\n    penalties:\n",
)
# At team_extension a response answers with money, satisfaction is only reported.
ANSWERS = "slow_tenth: shared, poor: money"


def load(text: str) -> Contract:
    return contract.parse(text.encode(), "contracts/acme.yaml")


def engaged(answers: str = ANSWERS, *changes: tuple[str, str]) -> str:
    text = ENGAGED.replace("ANSWERS", answers)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_opening_balances_are_exact() -> None:
    opening = load(OPENED).opening
    assert opening is not None
    assert (opening.until, opening.history, opening.caps_used) == (
        "2025-12",
        {"late": (0, None, 1)},
        {"month": "1250.50"},
    )
    assert opening.rolling == {"in_time": ((Fraction(90), 100), (Fraction(47), 50))}


LATE = (
    OPENED.replace("until: 2025-12", "until: 2026-01")
    .replace("  caps_used", "  late: {in_time: {T-1: 1h 30m, 'T-1#2@v1': 0.5 h}}\n  caps_used")
    .replace(
        VALID[VALID.index("            kind: threshold") : VALID.index("        - id: slow")],
        "            kind: per_item\n            unit: 1h\n            unit_rounding: up\n"
        "            ladder: [{amount: 10}]\n",
    )
)


def test_opening_balances_name_late_tickets_and_their_cycles() -> None:
    opening = load(LATE).opening
    assert opening is not None
    assert opening.late == {"in_time": {"T-1#1@v1": Fraction(5400), "T-1#2@v1": Fraction(1800)}}


def test_a_first_version_that_begins_after_the_late_tickets_is_refused() -> None:
    """A cycle is measured by the version that it started under: one from before the first would be lost."""
    refused(LATE, "until: 2026-01", "until: 2025-12", "  late: {", "begins in 2026-01", "the oldest named ticket")
    assert load(LATE).opening is not None
    assert load(OPENED).opening is not None  # balances without late tickets need no month before


def test_late_cycles_of_a_version_that_was_not_in_force_are_refused() -> None:
    late = LATE.replace("@v1", "@v2")
    refused(
        late, "", "", "  late: {", "version 2 was not in force by 2026-01", "the version that the cycle began under"
    )


def test_a_lateness_without_a_unit_is_refused() -> None:
    with pytest.raises(ContractError, match="`12` is not a duration"):
        load(LATE.replace("1h 30m", "12"))


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "remedy"),
    [
        ("until: 2025-12", "until: 2025-11", "until:", "lie months that nobody settles", "before 2026-01"),
        ("until: 2025-12", "until: 12/2025", "until:", "not a month", "2025-12"),
        ("{late: [met", "{lat: [met", "history:", "no penalty `lat`", "did you mean `late`"),
        ("no_data, failed]", "no_data, missed]", "history:", "`missed` is not a choice", "`failed`"),
        ("{month: 1250.50}", "{moth: 1250.50}", "caps_used:", "no cap `moth`", "did you mean `month`"),
        ("{month: 1250.50}", "{month: -1}", "caps_used:", "below zero", "zero or a positive"),
        (", per: year}", "}", "caps_used:", "no cap `month` of a quarter or year", "none are defined"),
        ("rolling: {in_time", "rolling: {in_tme", "rolling:", "no service level `in_tme`", "did you mean `in_time`"),
        ("rolling: {in_time", "rolling: {good", "rolling:", "no service level `good` with a window", "`in_time`"),
        ("[{num: 90, den: 100}, ", "[{num: 1, den: 1}, {num: 90, den: 100}, ", "rolling:", "3 months", "the last 2"),
        ("num: 90", "num: 101", "rolling:", "101 of 100 is no share", "as `num`"),
        ("  caps_used", "  late: {good: {T: 12h}}\n  caps_used", "  late: {g", "no late ticket of `good`", "none are"),
        ("  caps_used", "  points: [3]\n  caps_used", "points:", "no critical failure", "`critical`"),
        ("  caps_used", "  cap_used: {}\n  caps_used", "cap_used:", "unknown word `cap_used`", "did you mean `caps"),
    ],
)  # fmt: skip
def test_opening_balances_that_belong_to_nothing_are_refused(
    old: str, new: str, where: str, what: str, remedy: str
) -> None:
    refused(OPENED, old, new, where, what, remedy)


def refused(valid: str, old: str, new: str, where: str, what: str, remedy: str) -> None:
    assert old in valid, "the case no longer breaks anything"
    text = valid.replace(old, new, 1)
    line = text[: text.index(where)].count("\n") + 1
    with pytest.raises(ContractError) as caught:
        load(text)
    told = str(caught.value).splitlines()
    rows = [n for n, row in enumerate(told) if row.startswith(f"contracts/acme.yaml:{line}:") and what in row]
    assert rows, told
    assert remedy in told[rows[0] + 1]


def test_the_ladder_climbs() -> None:
    """Each step answers for at least as much as the one before it, and the ends answer for nothing and for all."""
    worth = {"reported": 0, "shared": 1, "money": 2}
    steps = [[worth[answer] for answer in answers.values()] for answers in LADDER.values()]
    assert all(a <= b for lower, higher in pairwise(steps) for a, b in zip(lower, higher, strict=True))
    assert (set(steps[0]), set(steps[-1])) == ({0}, {2})
    assert len(LADDER) == len({tuple(step) for step in steps}) == 6


def test_a_shared_service_level_costs_the_providers_part() -> None:
    late, slow, unhappy = load(engaged()).versions[0].penalties["terms"]
    assert [term.get("multiplier") for term in (late, slow, unhappy)] == [None, "0.5", None]
    doubled = engaged(ANSWERS, ("measure: slow_tenth\n", "measure: slow_tenth\n          multiplier: 1.25\n"))
    assert load(doubled).versions[0].penalties["terms"][1]["multiplier"] == "0.625"
    assert load(engaged()).versions[0].engagement == {
        "level": "team_extension",
        "shared_pct": "50",
        "answers": {"in_time": "money", "slow_tenth": "shared", "good": "reported", "poor": "money"},
    }


@pytest.mark.parametrize(
    ("answers", "old", "new", "where", "what", "remedy"),
    [
        ("slow_tenth: shared", "x", "x", "measure: poor", "`poor` is only reported at `team_exten", "{poor: money}"),
        (f"{ANSWERS}, good: money", "x", "x", "answers: {", "no penalty prices it", "{good: reported}"),
        (ANSWERS, "team_extension", "independent_ownership", "      good:\n", "for `good` at", "{good: reported}"),
        (ANSWERS, "      shared: 50 %\n", "", "engagement:", "is not said", "`shared: 50 %`"),
        ("poor: money", "x", "x", "shared:", "no service level is shared", "remove `shared`"),
        ("slow_tenth: shared, poor: money, pour: money", "x", "x", "answers: {", "no service level `pour`", "`poor`"),
        (ANSWERS, "team_extension", "team_extention", "level:", "not a choice", "did you mean `team_extension`"),
        ("slow_tenth: half, poor: money", "x", "x", "answers: {", "`half` is not a choice", "`shared`"),
    ],
)  # fmt: skip
def test_money_and_engagement_say_the_same(
    answers: str, old: str, new: str, where: str, what: str, remedy: str
) -> None:
    refused(engaged(answers), old, new, where, what, remedy)
