"""Amounts as lawyers write them: "4h", "2 business days", "95 %", "at most 10 %". Exact, and never a float."""

import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from deskledger.contract.problems import fault

Unit = Literal["pct", "seconds", "count"]

_DIGITS = r"\d{1,15}(?:\.\d{1,12})?"
_NUMBER = re.compile(rf"-?{_DIGITS}")
_PART = re.compile(rf"({_DIGITS})\s*([A-Za-z]+)")
_DURATION = re.compile(rf"(?:{_DIGITS}\s*[A-Za-z]+\s*)+")
_BUSINESS_DAYS = re.compile(r"(\d{1,4})\s+business\s+days?")
_OBJECTIVE = re.compile(r"(>=|<=|at least|at most|≥|≤|>|<|=)\s*(.+)")

_SECONDS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
}  # fmt: skip
_DAYS = {"d", "day", "days"}
_OPERATORS: dict[str, Literal[">=", "<="]] = {
    ">=": ">=",
    "at least": ">=",
    "≥": ">=",
    "<=": "<=",
    "at most": "<=",
    "≤": "<=",
}


class Allowance(NamedTuple):
    """The time a target allows: open microseconds, or whole open days."""

    open_us: int | None
    open_days: int | None


class Quantity(NamedTuple):
    """A number with its unit; `text` is the exact decimal, of seconds where the unit is time."""

    text: str
    unit: Unit


class Objective(NamedTuple):
    """Which side of which number is met; exactly at the number is met."""

    operator: Literal[">=", "<="]
    quantity: Quantity


def text_of(value: Any) -> str:
    """One line of text, stripped and not empty; a block or list is refused."""
    if not isinstance(value, str):
        raise fault("a block or list stands where one value belongs", "write one value on the line")
    if not value.strip():
        raise fault("there is no value", "write one, or remove the line")
    return value.strip()


def decimal_text(value: Any) -> str:
    """A plain decimal number as its own characters ("0.5", "-300"), or a fault."""
    text = text_of(value)
    if not _NUMBER.fullmatch(text):
        raise fault(f"`{text}` is not a plain number", "write digits with a point, such as 1234.50, without separators")
    return text


def positive_text(value: Any) -> str:
    """A plain decimal number above zero."""
    text = decimal_text(value)
    if Decimal(text) <= 0:
        raise fault(f"`{text}` must be above zero", "write a positive number")
    return text


def not_negative_text(value: Any) -> str:
    """A plain decimal number of zero or more."""
    text = decimal_text(value)
    if Decimal(text) < 0:
        raise fault(f"`{text}` is below zero", "write zero or a positive number")
    return text


def percent_text(value: Any) -> str:
    """A percentage, "95 %" or "95", as the number of per cent ("95")."""
    text = text_of(value)
    number = text.removesuffix("%").strip()
    if not _NUMBER.fullmatch(number):
        raise fault(f"`{text}` is not a percentage", "write it as in `95 %` or `99.5 %`")
    return number


def share_text(value: Any) -> str:
    """A percentage between 0 and 100."""
    number = percent_text(value)
    if not 0 <= Decimal(number) <= 100:
        raise fault(f"`{number} %` is not between 0 % and 100 %", "write a share of the whole")
    return number


def whole(value: Any) -> int:
    """A whole number of zero or more."""
    text = text_of(value)
    if not re.fullmatch(r"\d{1,9}", text):
        raise fault(f"`{text}` is not a whole number", "write digits only, such as 3")
    return int(text)


def day(value: Any) -> date:
    """A date written 2026-01-31."""
    text = text_of(value)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise fault(f"`{text}` is not a date", "write it as year-month-day, such as 2026-01-31")


def seconds_of(text: str) -> Fraction:
    """The exact seconds of "4h", "1h 30m", "0.5 h" or "90 minutes"."""
    if not _DURATION.fullmatch(text):
        raise fault(f"`{text}` is not a duration", "write it as in `4h`, `30m`, `1h 30m` or `4.5 h`")
    total = Fraction(0)
    for amount, word in _PART.findall(text):
        unit = _SECONDS.get(word.lower())
        if unit is None and word.lower() in _DAYS:
            raise fault(
                f"`{text}` leaves open whether a day is 24 hours or a working day",
                "write `2 business days` for open days of the calendar, or hours such as `48h`",
            )
        if unit is None:
            raise fault(f"`{word}` is not a unit of time", "use h, m or s: `4h`, `30m`, `1h 30m`")
        total += Fraction(amount) * unit
    return total


def allowance(value: Any) -> Allowance:
    """The time that a target allows: "4h", "1h 30m", "6.5h" of open time, or "2 business days"."""
    text = text_of(value)
    days = _BUSINESS_DAYS.fullmatch(text)
    if days:
        if int(days[1]) == 0:
            raise fault("a target of no time can never be met", "write how long is allowed")
        return Allowance(None, int(days[1]))
    microseconds = seconds_of(text) * 1_000_000
    if microseconds.denominator != 1:
        raise fault(f"`{text}` is finer than a microsecond", "round it to what the contract can mean")
    if microseconds == 0:
        raise fault("a target of no time can never be met", "write how long is allowed")
    return Allowance(int(microseconds), None)


def span(value: Any) -> timedelta:
    """A stretch of calendar time: "5 days", "36h"; a day is 24 hours."""
    text = text_of(value)
    days = re.fullmatch(r"(\d{1,3})\s*(?:d|days?)", text)
    if days:
        return timedelta(days=int(days[1]))
    seconds = seconds_of(text)
    return timedelta(microseconds=int(seconds * 1_000_000))


def quantity(value: Any) -> Quantity:
    """A percentage, a duration or a plain number, by how it is written."""
    text = text_of(value)
    if text.endswith("%"):
        return Quantity(percent_text(text), "pct")
    if _NUMBER.fullmatch(text):
        return Quantity(text, "count")
    if _BUSINESS_DAYS.fullmatch(text):
        raise fault(f"`{text}` is no fixed length: open days differ", "write open hours of the calendar, such as `8h`")
    if not _DURATION.fullmatch(text):
        raise fault(f"`{text}` is no percentage, duration or number", "write it as in `95 %`, `4h` or `5`")
    return Quantity(exact_text(seconds_of(text)), "seconds")


def objective(value: Any) -> Objective:
    """ ">= 95 %", "at most 10 %", "<= 4h", "<= 5"."""
    text = text_of(value)
    match = _OBJECTIVE.fullmatch(text)
    operator = _OPERATORS.get(match[1]) if match else None
    if match is None or operator is None:
        raise fault(f"`{text}` is not an objective", 'write `">= 95 %"` (at least) or `"<= 10 %"` (at most), in quotes')
    return Objective(operator, quantity(match[2]))


def exact_text(number: Fraction) -> str:
    """The shortest exact decimal of a number that has one."""
    digits = Decimal(number.numerator) / Decimal(number.denominator)
    if Fraction(digits) != number:
        return str(number)
    return format(digits.normalize(), "f")
