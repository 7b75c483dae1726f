"""What is kept of a service level's month."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class MonthFigures:
    """One month's exact figures of a service level: what a rolling window pools."""

    period: str
    numerator: Fraction
    denominator: int
