"""Numbers, instants and durations as a reader expects them. Display only: nothing is decided on what these give."""

import re
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from deskledger.penalties.exact import minor_units, rounded

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def money(amount: Decimal | str | None, currency: str) -> str:
    """ "1,234.50 EUR", "1,234 JPY": the currency's decimals, and more only where the amount has more; "–" for none."""
    if amount is None:
        return "–"
    value = Decimal(amount)
    own = value.normalize().as_tuple().exponent
    places = max(minor_units(currency), -own if isinstance(own, int) else 0)
    return f"{value:,.{places}f} {currency}".replace("-", "−")


def exact(value: str | None) -> Fraction | None:
    """A stored exact number ("95", "94.5", "2371/25") as a Fraction."""
    return None if value is None else Fraction(value)


def figure(value: Fraction | None, statistic: str, operator: str = ">=", target: Fraction | None = None) -> str:
    """A service level's value or target: per cent, a duration to the second, or a number with two decimals.

    Cut towards the verdict, and with as many decimals as `target` has, so that what is shown never contradicts met or
    breached.
    """
    if value is None:
        return "–"
    if statistic in {"mean", "percentile"}:
        return _time(_cut(value, operator, _places(target, least=0)))
    text = f"{_cut(value, operator, _places(target, least=2)):,f}".removesuffix(".00")
    return text if statistic == "count" else f"{text} %"


def _cut(value: Fraction, operator: str, places: int) -> Decimal:
    """With so many decimals: down where more is better, up where less is better."""
    scaled = value * 10**places
    down = scaled.numerator // scaled.denominator
    return rounded(Fraction(down if operator == ">=" or down == scaled else down + 1, 10**places), places, "down")


def _places(target: Fraction | None, least: int) -> int:
    wanted = target or Fraction(0)
    return next((places for places in range(least, 9) if (wanted * 10**places).denominator == 1), least)


def _time(seconds: Decimal) -> str:
    """ "6 h 0 min 45 s", "30 min": every unit down to the last that is not zero."""
    hours, rest = divmod(abs(seconds), _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    parts = [(f"{hours:,f}", "h"), (f"{minutes:f}", "min"), (f"{left:f}", "s")]
    amounts = [hours, minutes, left]
    first = next((place for place, amount in enumerate(amounts) if amount), 2)
    last = max((place for place, amount in enumerate(amounts) if amount), default=2)
    words = " ".join(f"{number} {unit}" for number, unit in parts[first : last + 1])
    return f"−{words}" if seconds < 0 else words


def edge(written: str | None, statistic: str) -> str:
    """A band's edges as the contract writes them (">= 88, < 92"), each number with its unit."""
    if written is None:
        return "–"
    if statistic == "count":
        return written
    return _NUMBER.sub(lambda found: _with_unit(found[0], statistic), written)


def _with_unit(number: str, statistic: str) -> str:
    return _time(Decimal(number)) if statistic in {"mean", "percentile"} else f"{number} %"


def duration_us(microseconds: int | None) -> str:
    """Physical time: "3 d 4 h", "4 h 12 min", "12 min 5 s", the two largest units; a day is 24 hours."""
    if microseconds is None:
        return "–"
    seconds = abs(microseconds) // 1_000_000
    if seconds < _DAY:
        return open_time_us(microseconds)
    return _two(microseconds, (seconds // _DAY, "d"), (seconds % _DAY // _HOUR, "h"))


def open_time_us(microseconds: int | None) -> str:
    """Open time in short: "91 h 30 min", "12 min 5 s". Never in days, because a contract's day is not 24 hours long.

    Two units, cut: what stands beside a target is told by `figure`.
    """
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
