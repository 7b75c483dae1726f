"""Amounts as they may be written, at both sides of every limit, and what is refused with which words."""

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from deskledger.contract import quantities
from deskledger.contract.quantities import Allowance, Objective, Quantity


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, ("s", "sec", "second", "seconds")),
        (60, ("m", "min", "mins", "minute", "minutes")),
        (3600, ("h", "hour", "hours", "Hours")),
    ],
)
def test_every_word_for_a_unit_of_time(seconds: int, words: tuple[str, ...]) -> None:
    assert {word: quantities.seconds_of(f"2 {word}") for word in words} == dict.fromkeys(words, 2 * seconds)


@pytest.mark.parametrize("word", ["d", "day", "days", "DAYS"])
def test_a_day_is_no_unit_of_open_time(word: str) -> None:
    with pytest.raises(PydanticCustomError, match="leaves open whether a day is 24 hours or a working day"):
        quantities.allowance(f"2 {word}")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("4h", Allowance(14_400_000_000, None)),
        ("1h 30m", Allowance(5_400_000_000, None)),
        ("0.000001 s", Allowance(1, None)),
        ("1 business day", Allowance(None, 1)),
        ("10 business days", Allowance(None, 10)),
    ],
)
def test_what_a_target_allows(text: str, allowed: Allowance) -> None:
    assert quantities.allowance(text) == allowed


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("5 days", timedelta(days=5)),
        ("1d", timedelta(days=1)),
        ("36h", timedelta(hours=36)),
        ("0.5 s", timedelta(milliseconds=500)),
    ],
)
def test_a_stretch_of_calendar_time_knows_days(text: str, span: timedelta) -> None:
    assert quantities.span(text) == span


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        (">= 95 %", Objective(">=", Quantity("95", "pct"))),
        ("at least 95 %", Objective(">=", Quantity("95", "pct"))),
        ("≥ 99.5%", Objective(">=", Quantity("99.5", "pct"))),
        ("<= 4h", Objective("<=", Quantity("14400", "seconds"))),
        ("at most 10 %", Objective("<=", Quantity("10", "pct"))),
        ("≤ 0.5 s", Objective("<=", Quantity("0.5", "seconds"))),
        ("<= 5", Objective("<=", Quantity("5", "count"))),
    ],
)
def test_objectives(text: str, objective: Objective) -> None:
    assert quantities.objective(text) == objective


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**15 - 1), st.integers(0, 10**12 - 1), st.sampled_from(["s", "m", "h"]))
def test_the_text_of_a_duration_is_exact_however_long(whole: int, part: int, unit: str) -> None:
    written = f"{whole}.{part:012d} {unit}"
    expected = (whole + Fraction(part, 10**12)) * {"s": 1, "m": 60, "h": 3600}[unit]
    assert Fraction(quantities.quantity(written).text) == expected


def test_a_number_longer_than_a_decimal_is_kept_as_a_fraction() -> None:
    assert quantities.exact_text(Fraction(1, 3)) == "1/3"
    assert quantities.exact_text(Fraction(72_000, 20)) == "3600"


@pytest.mark.parametrize(
    ("read", "accepted", "refused"),
    [
        (quantities.decimal_text, ["-300", "0.5", " 7 "], {"1e5": "plain number", "1,5": "plain number"}),
        (quantities.positive_text, ["0.000001", "1"], {"0": "above zero", "0.0": "above zero", "-1": "above zero"}),
        (quantities.not_negative_text, ["0", "0.5"], {"-0.1": "below zero"}),
        (quantities.share_text, ["0 %", "0.5 %", "100 %"], {"-0.1 %": "not between", "100.1 %": "not between"}),
        (quantities.percent_text, ["-5 %", "120"], {"x %": "not a percentage"}),
        (quantities.whole, ["0", "999999999"], {"1.5": "whole number", "-1": "whole number"}),
        (quantities.day, ["2026-02-28"], {"2026-02-29": "not a date", "20260228": "not a date"}),
        (quantities.allowance, ["1s"], {"0h": "no time", "0 business days": "no time", "0.0000001 s": "microsecond"}),
        (quantities.seconds_of, ["1h30m"], {"soon": "not a duration", "3 weeks": "not a unit of time"}),
        (
            quantities.quantity,
            ["5", "5 %", "5h"],
            {"soon": "no percentage, duration or number", "2 business days": "no fixed length"},
        ),
        (quantities.objective, [">= 5"], {"= 5": "not an objective", "> 5": "not an objective", "5": "not an obj"}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_accepted_and_what_refused(
    read: Callable[[Any], Any], accepted: list[str], refused: dict[str, str]
) -> None:
    for text in accepted:
        read(text)
    for text, reason in refused.items():
        with pytest.raises(PydanticCustomError, match=reason):
            read(text)


@pytest.mark.parametrize(("value", "reason"), [([], "a block or list stands"), ("  ", "there is no value")])
def test_one_value_is_text_and_not_empty(value: Any, reason: str) -> None:
    with pytest.raises(PydanticCustomError, match=reason):
        quantities.text_of(value)


def test_values_are_read_without_the_space_around_them() -> None:
    assert quantities.decimal_text(" 7 ") == "7"
    assert quantities.share_text(" 5 % ") == "5"
    assert (quantities.whole(" 3 "), quantities.day(" 2026-01-31 ")) == (3, date(2026, 1, 31))
