"""A CSAT month below its minimum sample: whose answers count instead, and how the statement says so (domain: CSAT 6).

`no_consequence` needs nothing here: the penalty's gate asks for the minimum.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from deskledger.contract.terms import ServiceLevel, Version
from deskledger.statement.month_figures import MonthFigures
from deskledger.statement.population import describe


def falls_back(level: ServiceLevel, rows: pd.DataFrame) -> bool:
    """Whether these answers are too few, and those of a wider service level count instead."""
    rule = level.minimum_sample
    return rule is not None and rule.otherwise == "fall_back" and int(rows["is_denominator"].sum()) < rule.answers


def wider(level: ServiceLevel, version: Version) -> ServiceLevel:
    """The level over the tickets of the one that it falls back to; its own measure and objective stay."""
    return replace(level, population=_fallback(level, version).population)


def fell_back(level: ServiceLevel, version: Version) -> str:
    """In words: "fewer than 30 answers: all tickets instead"."""
    return f"{_too_few(level)}: {describe(_fallback(level, version).population)} instead"


def months_before(level: ServiceLevel, answers: int, before: Sequence[int]) -> int:
    """How many months before this one are pooled with its `answers`: as few as make the minimum, newest first.

    `before` are the answers of the earlier months, oldest first. 0 where the level does not pool.
    """
    rule = level.minimum_sample
    if rule is None or rule.otherwise != "pool":
        return 0
    taken = 0
    for more in list(reversed(before))[: rule.months - 1]:
        if answers >= rule.answers:
            break
        answers, taken = answers + more, taken + 1
    return taken


def pooled(level: ServiceLevel, months: Sequence[MonthFigures]) -> str:
    """In words: "fewer than 30 answers: with 2026-02"; nothing where the month stood alone."""
    if level.minimum_sample is None or level.minimum_sample.otherwise != "pool" or len(months) == 1:
        return ""
    return f"{_too_few(level)}: with {', '.join(month.period for month in months[:-1])}"


def _too_few(level: ServiceLevel) -> str:
    assert level.minimum_sample is not None
    return f"fewer than {level.minimum_sample.answers} answers"


def _fallback(level: ServiceLevel, version: Version) -> ServiceLevel:
    assert level.minimum_sample is not None
    return next(each for each in version.service_levels if each.name == level.minimum_sample.to)
