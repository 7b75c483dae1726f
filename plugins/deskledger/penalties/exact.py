"""Exact numbers: text to fractions, fractions to cents. A float is refused, for it has already lost something."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction
from typing import Any

from deskledger.errors import ContractError

ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}

# ISO 4217: the currencies whose minor unit is not a hundredth.
_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"


def exact(value: Any) -> Fraction:
    """The number that a text ("99.5", "1/30"), int, Decimal or Fraction says, exactly.

    Raises TypeError for floats and booleans, ContractError for text that is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | Fraction):
        raise TypeError(f"{value!r} is a {type(value).__name__}: give numbers as text, int, Decimal or Fraction")
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ContractError(f"{value!r} is not a number", remedy="write digits, such as 95 or 99.5") from None


def whole(value: Any) -> int:
    """The whole number that a value says. Raises as `exact` does, and ContractError for a broken one."""
    number = exact(value)
    if number.denominator != 1:
        raise ContractError(f"{value!r} is not a whole number", remedy="write digits only")
    return int(number)


def minor_units(currency: str) -> int:
    """How many decimals an amount of the currency has (ISO 4217)."""
    if currency in _WITHOUT_DECIMALS.split():
        return 0
    return 3 if currency in _WITH_THREE.split() else 2


def rounded(number: Fraction, places: int, mode: str) -> Decimal:
    """The number with so many decimals; `mode` is half_up, half_even, down (to zero) or up (from zero).

    The rounding is of the exact number: no digit is lost before it.
    """
    if mode not in ROUNDING:
        raise ContractError(f"there is no rounding {mode!r}", remedy=f"use one of {', '.join(ROUNDING)}")
    scaled = number * 10**places
    lower, rest = divmod(abs(scaled.numerator), scaled.denominator)
    over_half = 2 * rest - scaled.denominator
    goes_up = {
        "half_up": over_half >= 0,
        "half_even": over_half > 0 or (over_half == 0 and lower % 2 == 1),
        "down": False,
        "up": rest > 0,
    }[mode]
    digits = (lower + goes_up) * (1 if scaled >= 0 else -1)
    return Decimal(f"{digits}e-{places}")  # from text it is exact, whatever the context's precision


def shown(number: Fraction) -> str:
    """A number for a person and for evidence: its exact decimal where that is short, else the fraction itself."""
    for places in range(7):
        if (number * 10**places).denominator == 1:
            return str(rounded(number, places, "down"))
    return f"{rounded(number, 4, 'half_up')} ({number})"
