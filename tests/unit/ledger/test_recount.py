"""Measurements counted again from frozen evidence: each form that is priced, and rows that contradict themselves."""

from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from deskledger import model
from deskledger.ledger.recount import counted_again

VERSION = {
    "csat": {"good": [4, 5], "neutral": [3], "poor": [1, 2]},
    "service_levels": [{"name": "level", "measure": {"percentile": "90"}}],
}
IN_TIME = {"state": "met", "fate": "met", "elapsed_us": 100, "target_us": 100}
LATE = {"state": "breached", "fate": "failed", "elapsed_us": 101, "target_us": 100, "is_numerator": False}
LATE_ITEM = {"id": "desk|T2#1@v1", "late_seconds": "1/1000000"}
ANSWER = {"clock": None, "cycle": None, "state": None}


def level(**changes: Any) -> dict[str, Any]:
    usual = {"service_level": "level", "subject": "clock", "statistic": "share_met", "side": "provider",
             "measure": "resolution", "months": []}  # fmt: skip
    return {**usual, **changes}


def rows(*given: dict[str, Any]) -> pd.DataFrame:
    usual = {"service_level": "level", "is_numerator": True, "is_denominator": True, "source": "desk",
             "version": 1, "clock": "resolution", "cycle": 1}  # fmt: skip
    made = [
        {**usual, "evidence_no": number, "ticket_key": number, "ticket_id": f"T{number}", **row}
        for number, row in enumerate(given, start=1)
    ]
    return model.conform(model.EVIDENCE, pd.DataFrame(made))


def again(
    told: dict[str, Any], which: dict[str, Any], evidence: pd.DataFrame, charged: dict[str, Fraction] | None = None
) -> tuple[dict[str, Any], list[str]]:
    found, differences = counted_again({"level": told}, [which], VERSION, evidence, {"level": charged or {}})
    return found["level"], differences


SECOND = 1_000_000
POOR_SHARE = level(subject="csat", measure="poor", statistic="share")
HELD = [{"fate": "counted", "state": "met", "elapsed_us": n * SECOND, "customer_us": SECOND} for n in range(1, 11)]
GOOD = {**ANSWER, "fate": "met", "rating": 5, "is_numerator": False}
POOR = {**ANSWER, "fate": "failed", "rating": 1}


def test_what_was_charged_of_a_ticket_is_of_its_own_desk() -> None:
    """Two desks number their tickets alike; only one of the two was charged before."""
    told = [
        {"id": "desk|T-1#1@v1", "late_seconds": "1/1000000", "accrued_seconds": "1/2000000"},
        {"id": "phone|T-1#1@v1", "late_seconds": "1/1000000"},
    ]
    evidence = rows(*({**LATE, "source": source, "ticket_id": "T-1"} for source in ("desk", "phone")))
    charged = {"desk|T-1#1@v1": Fraction(1, 2_000_000)}
    found, differences = again({"items": told, "den": 2}, level(), evidence, charged)
    assert (found["items"], differences) == (told, [])


@pytest.mark.parametrize(
    ("stated", "before", "told"),
    [
        ({}, "1/4", ["charged 1/4 s of lateness, the statement takes nothing off"]),
        ({"accrued_seconds": "0.25"}, None, ["charged nothing, the statement takes 0.25 s of lateness off"]),
        ({"accrued_seconds": "0.25"}, "1/5", ["charged 1/5 s of lateness, the statement takes 0.25 s of lateness off"]),
        ({"accrued_seconds": "0.25"}, "1/4", []),
        ({}, None, []),
    ],
)
def test_what_was_charged_before_is_for_the_months_before_to_say(
    stated: dict[str, str], before: str | None, told: list[str]
) -> None:
    item = {"id": "desk|T1#1@v1", "late_seconds": "1/1000000"}
    charged = {"T1#1@v1": Fraction(before)} if before else {}  # of the opening balances, which name no source
    found, differences = again({"items": [{**item, **stated}], "den": 1}, level(), rows(LATE), charged)
    assert found["items"] == [item | ({"accrued_seconds": before} if before else {})]
    assert differences == [f"level: of desk|T1#1@v1 the months before {words}" for words in told]


@pytest.mark.parametrize(
    ("told", "which", "given"),
    [
        ({"num": 2, "den": 3}, level(), [IN_TIME, IN_TIME, LATE]),
        ({"months": [{"num": 9, "den": 9}, {"num": 1, "den": 2}]}, level(), [IN_TIME, LATE]),
        ({"value": "11/2", "n": 10}, level(statistic="mean"), HELD),
        ({"value": "1", "n": 10}, level(statistic="mean", side="customer"), HELD),
        ({"value": None, "n": 0}, level(statistic="mean"), [{**IN_TIME, "fate": "excluded", "is_numerator": False,
                                                             "is_denominator": False}]),
        ({"value": "9", "n": 10}, level(statistic="percentile"), HELD),
        ({"value": "1", "n": 2}, level(statistic="count"), [{**IN_TIME, "is_numerator": False},
                                                           {**LATE, "is_numerator": True}]),
        ({"value": "4", "n": 6}, level(statistic="count", months=[{"num": "3", "den": 5}, {"num": "1", "den": 1}]),
         [{**LATE, "is_numerator": True}]),
        ({"items": [LATE_ITEM], "den": 2}, level(), [IN_TIME, LATE]),
        ({"num": 1, "den": 2, "items": [LATE_ITEM]}, level(), [IN_TIME, LATE]),
        ({"good": 2, "neutral": 1, "poor": 1}, level(subject="csat", measure="poor", statistic="share"),
         [GOOD, GOOD, POOR, {**GOOD, "fate": "neutral", "rating": 3, "is_denominator": False}]),
        ({"months": [{"poor": 1, "neutral": 0, "good": 2}]}, level(subject="csat", measure="poor", statistic="share"),
         [GOOD, GOOD, POOR]),
    ],
)  # fmt: skip
def test_every_priced_form_is_counted_again(
    told: dict[str, Any], which: dict[str, Any], given: list[dict[str, Any]]
) -> None:
    assert again(told, which, rows(*given)) == (told, [])


@pytest.mark.parametrize(
    ("told", "which", "given", "difference"),
    [
        ({"num": 2, "den": 2}, level(), [IN_TIME, LATE], "the tickets give num 1, den 2, the statement says num 2"),
        ({"value": "6", "n": 10}, level(statistic="mean"), HELD, "the tickets give value 11/2, n 10"),
        ({"value": "8", "n": 10}, level(statistic="percentile"), HELD, "the tickets give value 9, n 10, the statement"),
        ({"value": "0", "n": 1}, level(statistic="count"), [{**LATE, "is_numerator": True}], "give value 1, n 1"),
        ({"items": [], "den": 1}, level(), [LATE], "the tickets give 1 late, den 1, the statement says 0 late, den 1"),
        ({"good": 1, "neutral": 0, "poor": 1}, level(subject="csat", measure="poor", statistic="share"), [GOOD, GOOD],
         "the tickets give good 2, neutral 0, poor 0, the statement says good 1, neutral 0, poor 1"),
    ],
)  # fmt: skip
def test_what_the_tickets_do_not_add_up_to_is_told_and_replaced(
    told: dict[str, Any], which: dict[str, Any], given: list[dict[str, Any]], difference: str
) -> None:
    found, differences = again(told, which, rows(*given))
    assert found != told
    assert [each for each in differences if difference in each]


@pytest.mark.parametrize(
    ("which", "row", "fault"),
    [
        (level(), {**IN_TIME, "elapsed_us": 101}, "called met, but over its target"),
        (level(), {**LATE, "elapsed_us": 100}, "called breached, but within its target"),
        (level(), {**IN_TIME, "is_numerator": False}, "on the wrong side of the share"),
        (level(), {**LATE, "is_numerator": True}, "on the wrong side of the share"),
        (level(), {**LATE, "fate": "met", "is_numerator": True}, "counted otherwise than its clock says"),
        (level(), {**IN_TIME, "fate": "failed", "is_numerator": False}, "counted otherwise than its clock says"),
        (level(), {**IN_TIME, "fate": "excluded"}, "set aside, but counted"),
        (level(), {**LATE, "is_denominator": False}, "not set aside, but not counted"),
        (POOR_SHARE, {**POOR, "rating": 5}, "its rating is of another class"),
        (POOR_SHARE, {**GOOD, "rating": 2}, "its rating is of another class"),
        (level(subject="csat", measure="good", statistic="share"), GOOD, "on the wrong side of the share"),
    ],
)  # fmt: skip
def test_a_row_that_contradicts_itself_is_told(which: dict[str, Any], row: dict[str, Any], fault: str) -> None:
    _, differences = again({"num": 1, "den": 1}, which, rows(row))
    assert f"level: ticket T1: {fault}" in differences


def test_a_breach_under_an_earlier_shorter_target_is_no_fault() -> None:
    row = {**LATE, "elapsed_us": 90, "breached_at": pd.Timestamp("2026-03-01T08:00Z")}
    assert again({"num": 0, "den": 1}, level(), rows(row)) == ({"num": 0, "den": 1}, [])


def test_many_tickets_with_one_fault_are_named_in_part_and_counted() -> None:
    _, differences = again({"num": 25, "den": 25}, level(), rows(*[{**IN_TIME, "elapsed_us": 101}] * 25))
    assert len(differences) == 21
    assert differences[-1] == "level: 5 more tickets: called met, but over its target"


def test_a_measurement_that_names_no_level_is_told() -> None:
    found, differences = counted_again({"other": {"num": 1, "den": 1}}, [level()], VERSION, rows(IN_TIME), {})
    assert found == {"other": {"num": 1, "den": 1}}
    assert differences == ["other: no service level of the draft has this name, so it cannot be counted again"]
