"""Service levels measured: one result a level, exact, with the rows behind it.

A share is a Fraction of per cent, a time a Fraction of seconds, a count a whole number. Nothing is rounded here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd

from deskledger.contract.terms import ServiceLevel, Version
from deskledger.errors import StatementError
from deskledger.statement import few_answers
from deskledger.statement.exclusions import Exclusion, exclude
from deskledger.statement.late import carried_rows
from deskledger.statement.level_rows import clock_rows, csat_rows, kpi_rows
from deskledger.statement.month_figures import MonthFigures

Status = Literal["met", "breached", "no_data"]

_HUNDRED = Fraction(100)
_SECOND_US = 1_000_000


@dataclass(frozen=True)
class LevelResult:
    """A service level's month: the figures of this month, the value of its window, and the verdict.

    `numerator` over `denominator` are this month's: tickets or answers for shares, seconds over cycles for means.
    `value` is the window's, None without data. `sample` is the number of tickets or answers in the denominator.
    """

    level: ServiceLevel
    numerator: Fraction
    denominator: int
    value: Fraction | None
    status: Status
    sample: int
    met: int
    failed: int
    neutral: int
    excluded: int
    incomplete: int
    months: tuple[MonthFigures, ...]
    few_answers: str = ""  # what was done about a sample below the minimum


def measurements(
    version: Version,
    cycles: pd.DataFrame,
    answers: pd.DataFrame,
    start_at: pd.Timestamp,
    end_at: pd.Timestamp,
    period: str,
    past: Mapping[str, Sequence[MonthFigures]],
    counted: pd.DataFrame | None = None,
    exclusions: Sequence[Exclusion] = (),
    charged: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[list[LevelResult], pd.DataFrame]:
    """Every service level of `version` over the period [start_at, end_at), and the rows behind each of them.

    `cycles` has model.CYCLE's columns and its tickets' fields, `answers` model.SURVEY_ANSWER's, the tickets' fields
    and `attributed_at`; both hold only what is in the contract's scope. A row belongs to the period that its
    attribution instant lies in. `past` gives each level's earlier months, oldest first, for rolling windows; `counted`
    the rows of `counted_rows`, which only levels of a KPI need; `exclusions` are set aside from what was judged;
    `charged` are the late cycles of earlier months by level (`late.charged_before`), listed beside the month's own.
    Returns the results in the contract's order and evidence (model.EVIDENCE without evidence_no).
    Raises StatementError for a measure that cannot be taken.
    """
    results: list[LevelResult] = []
    evidence: list[pd.DataFrame] = []
    for level in version.service_levels:
        note = ""
        if level.measure.subject == "clock":
            rows = clock_rows(level, cycles, start_at, end_at)
            if earlier := (charged or {}).get(level.name):
                rows = pd.concat([rows, carried_rows(level, cycles, start_at, earlier)], ignore_index=True)
        elif level.measure.subject == "csat":
            rows = exclude(level, csat_rows(level, version.csat, answers, start_at, end_at), exclusions)
            if few_answers.falls_back(level, rows):
                rows = csat_rows(few_answers.wider(level, version), version.csat, answers, start_at, end_at)
                note = few_answers.fell_back(level, version)
        else:
            rows = kpi_rows(level, counted)
        rows = exclude(level, rows, exclusions)
        evidence.append(rows.assign(service_level=level.name))
        result = _result(level, rows, period, past.get(level.name, ()))
        results.append(replace(result, few_answers=note or few_answers.pooled(level, result.months)))
    return results, pd.concat(evidence, ignore_index=True) if evidence else pd.DataFrame()


def _result(level: ServiceLevel, rows: pd.DataFrame, period: str, past: Sequence[MonthFigures]) -> LevelResult:
    denominator = int(rows["is_denominator"].sum())
    fates = rows["fate"].value_counts()
    month = MonthFigures(period, _numerator(level, rows), denominator)
    before = [each.denominator for each in past]
    earlier = level.window_months - 1 or few_answers.months_before(level, denominator, before)
    months = (*past[max(0, len(past) - earlier) :], month) if earlier else (month,)
    value = _value(level, rows, months)
    status: Status = "no_data" if value is None else verdict(level, value)
    return LevelResult(
        level=level,
        numerator=month.numerator,
        denominator=denominator,
        value=value,
        status=status,
        sample=denominator,
        met=int(fates.get("met", 0)),
        failed=int(fates.get("failed", 0)),
        neutral=int(fates.get("neutral", 0)),
        excluded=int(fates.get("excluded", 0)),
        incomplete=int(fates.get("incomplete", 0)),
        months=tuple(months),
    )


def _numerator(level: ServiceLevel, rows: pd.DataFrame) -> Fraction:
    if level.measure.statistic in {"mean", "percentile"}:
        return Fraction(int(_held_us(level, rows).sum()), _SECOND_US)
    return Fraction(int(rows["is_numerator"].sum()))


def _held_us(level: ServiceLevel, rows: pd.DataFrame) -> np.ndarray:
    """The counted cycles' time: open time for the provider, the physical time of another side."""
    column = "elapsed_us" if level.measure.side == "provider" else f"{level.measure.side}_us"
    return rows.loc[rows["is_denominator"].astype(bool), column].to_numpy(dtype="int64")


def _value(level: ServiceLevel, rows: pd.DataFrame, months: Sequence[MonthFigures]) -> Fraction | None:
    total = sum(month.denominator for month in months)
    if total == 0:
        return None
    if level.measure.statistic == "percentile":
        return _percentile(level, rows)
    return window_value(level, months)


def window_value(level: ServiceLevel, months: Sequence[MonthFigures]) -> Fraction | None:
    """The value of a window from its months' figures; None without data. Not of a percentile, which needs its rows."""
    total = sum(month.denominator for month in months)
    if total == 0:
        return None
    if level.measure.statistic == "count":
        return sum((month.numerator for month in months), Fraction(0))
    scale = Fraction(1) if level.measure.statistic == "mean" else _HUNDRED
    if level.window_mode == "mean":
        with_data = [month for month in months if month.denominator]
        return sum((month.numerator / month.denominator * scale for month in with_data), Fraction(0)) / len(with_data)
    return sum((month.numerator for month in months), Fraction(0)) / total * scale


def _percentile(level: ServiceLevel, rows: pd.DataFrame) -> Fraction | None:
    """Nearest rank: the smallest measured time that at least p per cent of the cycles do not exceed."""
    if level.measure.percentile is None or level.window_months > 1:
        raise StatementError(
            f"service level {level.name!r}: a percentile needs its rank and a window of one month",
            where=f"clause {level.clause}",
            remedy="give the percentile, and use a share or a mean for a rolling window",
        )
    held = np.sort(_held_us(level, rows))
    if len(held) == 0:
        return None
    rank = -(-level.measure.percentile * len(held) // 100)
    return Fraction(int(held[max(1, int(rank)) - 1]), _SECOND_US)


def verdict(level: ServiceLevel, value: Fraction) -> Status:
    """Whether the value meets the level's objective; exactly at it is met."""
    is_met = value >= level.target if level.operator == ">=" else value <= level.target
    return "met" if is_met else "breached"


def measured_form(result: LevelResult) -> dict[str, Any]:
    """The result as `penalties.assess` takes it: counts of a share or of CSAT classes, or a value with its number.

    A window gives each of its months. Numbers stay exact: what no decimal can write is a fraction, "22/7".
    """
    level = result.level
    if level.measure.statistic in {"count", "percentile"}:
        value = None if result.value is None else str(result.value)
        return {"value": value, "n": sum(month.denominator for month in result.months)}
    is_window = level.window_months > 1 or len(result.months) > 1
    if level.measure.subject == "csat" and not is_window:
        return {"good": result.met, "neutral": result.neutral, "poor": result.failed}
    months = [_month_form(level, month) for month in result.months]
    return {"months": months} if is_window else months[0]


def _month_form(level: ServiceLevel, month: MonthFigures) -> dict[str, Any]:
    if level.measure.statistic == "mean":
        value = None if month.denominator == 0 else str(month.numerator / month.denominator)
        return {"value": value, "n": month.denominator}
    part, rest = int(month.numerator), month.denominator - int(month.numerator)
    if level.measure.subject == "csat":
        # Earlier months are known by their share alone; what is not in the part stands in the other class.
        other = "poor" if level.measure.name == "good" else "good"
        return {level.measure.name: part, "neutral": 0, other: rest}
    return {"num": part, "den": month.denominator}
