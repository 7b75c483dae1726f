"""Numbers, instants and durations as a reader expects them. Display only: nothing is decided on what these give."""

import re
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def money(amount: Decimal | str | None, currency: str) -> str:
    """ "1,234.50 EUR"; a missing amount is a dash."""
    if amount is None:
        return "–"
    value = Decimal(amount)
    places = max(2, -int(value.as_tuple().exponent)) if value.as_tuple().exponent != "F" else 2
    return f"{value:,.{places}f} {currency}".replace("-", "−")


def exact(value: str | None) -> Fraction | None:
    """A stored exact number ("95", "94.5", "2371/25") as a Fraction."""
    return None if value is None else Fraction(value)


def figure(value: Fraction | None, statistic: str, operator: str = ">=") -> str:
    """A service level's value or target: per cent, a duration, or a number.

    Two decimals, cut towards the verdict, so that what is shown never contradicts met or breached.
    """
    if value is None:
        return "–"
    if statistic in {"mean", "percentile"}:
        return open_time_us(int(value * 1_000_000))
    if statistic == "count":
        return _decimals(value, operator)
    return f"{_decimals(value, operator)} %"


def _decimals(value: Fraction, operator: str) -> str:
    hundredths = value * 100
    whole = hundredths.numerator // hundredths.denominator
    if operator == "<=" and whole != hundredths:
        whole += 1
    text = f"{Decimal(whole) / 100:,.2f}"
    return text.removesuffix(".00")


def edge(written: str | None, statistic: str) -> str:
    """A band's edges as the contract writes them (">= 88, < 92"), each number with its unit."""
    if written is None:
        return "–"
    if statistic == "count":
        return written
    return _NUMBER.sub(lambda found: _with_unit(found[0], statistic), written)


def _with_unit(number: str, statistic: str) -> str:
    if statistic in {"mean", "percentile"}:
        return open_time_us(int(Fraction(number) * 1_000_000))
    return f"{number} %"


def duration_us(microseconds: int | None) -> str:
    """Physical time: "3 d 4 h", "4 h 12 min", "12 min 5 s", the two largest units; a day is 24 hours."""
    if microseconds is None:
        return "–"
    seconds = abs(microseconds) // 1_000_000
    if seconds < _DAY:
        return open_time_us(microseconds)
    return _two(microseconds, (seconds // _DAY, "d"), (seconds % _DAY // _HOUR, "h"))


def open_time_us(microseconds: int | None) -> str:
    """Open time: "91 h 30 min", "12 min 5 s". Never in days, because a contract's day is not 24 hours long."""
    if microseconds is None:
        return "–"
    seconds = abs(microseconds) // 1_000_000
    if seconds >= _HOUR:
        return _two(microseconds, (seconds // _HOUR, "h"), (seconds % _HOUR // _MINUTE, "min"))
    if seconds >= _MINUTE:
        return _two(microseconds, (seconds // _MINUTE, "min"), (seconds % _MINUTE, "s"))
    return _two(microseconds, (seconds, "s"), (0, ""))


def _two(microseconds: int, larger: tuple[int, str], smaller: tuple[int, str]) -> str:
    words = f"{larger[0]:,} {larger[1]}" + (f" {smaller[0]} {smaller[1]}" if smaller[0] else "")
    return f"−{words}" if microseconds < 0 else words


def local(instant: datetime | None, zone: str, *, seconds: bool = False) -> str:
    """An instant in the contract's zone: "31 Mar 2026, 23:30 CEST"."""
    if instant is None:
        return "–"
    here = instant.astimezone(ZoneInfo(zone))
    clock = here.strftime("%H:%M:%S" if seconds else "%H:%M")
    return f"{here.day} {_MONTHS[here.month - 1][:3]} {here.year}, {clock} {here.tzname()}"


def month_name(period: str) -> str:
    """ "2026-03" as "March 2026"."""
    return f"{_MONTHS[int(period[5:]) - 1]} {period[:4]}"


def short_month(period: str) -> str:
    """ "2026-03" as "Mar 2026"."""
    return f"{_MONTHS[int(period[5:]) - 1][:3]} {period[:4]}"


def count(number: int | None, noun: str, plural: str | None = None) -> str:
    """ "1 ticket", "1,204 tickets"."""
    number = number or 0
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def text_or_dash(value: Any) -> str:
    """Text as it is, a missing value as a dash. Escaping is the template's work."""
    return "–" if value is None or value != value or str(value) == "" else str(value)
