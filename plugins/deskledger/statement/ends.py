"""Each service level at the end of a running month, drawn many times, in the form in which a month is priced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd

from deskledger.contract.terms import ServiceLevel
from deskledger.statement.compose import Statement
from deskledger.statement.exclusions import is_set_aside
from deskledger.statement.levels import LevelResult, measured_form, verdict, window_value
from deskledger.statement.month_figures import MonthFigures
from deskledger.statement.outlook import (
    DRAWS,
    History,
    cut,
    draw_counts,
    draw_means,
    draw_percentiles,
    seeded,
    stretch,
)

# Statistics that are made of counted tickets; the others are times.
BY_COUNT = frozenset({"share_met", "share", "count"})


@dataclass(frozen=True)
class PastEvidence:
    """A month before, with its evidence (model.EVIDENCE) as drafted or posted."""

    period: str
    start_at: datetime
    end_at: datetime
    evidence: pd.DataFrame


@dataclass(frozen=True)
class Ends:
    """The draws of one level: figures and value of the whole month, one a draw, and the measured form of each."""

    level: ServiceLevel
    before: tuple[MonthFigures, ...]
    months: Sequence[MonthFigures]
    values: Sequence[Fraction | None]
    is_drawn: bool

    def form(self, draw: int, misses: int = 0) -> dict[str, Any]:
        """What `penalties.assess` takes of one draw, with so many met tickets of it missed after all."""
        month, value = self.months[draw], self.values[draw]
        if misses:
            sign = 1 if self.level.measure.statistic == "count" else -1
            moved = min(max(month.numerator + sign * misses, Fraction(0)), Fraction(month.denominator))
            month = MonthFigures(month.period, moved, month.denominator)
            value = window_value(self.level, (*self.before, month))
        return _form(self.level, (*self.before, month), value)


def part_passed(made: Statement, as_of: datetime) -> Fraction:
    """How much of the month has passed, between 0 and 1."""
    length, passed = (each - made.start_at for each in (made.end_at, as_of))
    return min(max(Fraction(_us(passed), _us(length)), Fraction(0)), Fraction(1))


def _us(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * 1_000_000 + int(span.microseconds)


def month_ends(
    made: Statement, level: ServiceLevel, row: Mapping[str, Any], past: Sequence[PastEvidence], part: Fraction
) -> Ends:
    """The month's end of one level, DRAWS times."""
    before = tuple(_figures(month) for month in row["months"][:-1])
    now = _figures(row["months"][-1])
    statistic = level.measure.statistic
    if part == 1 or level.measure.subject == "kpi" or (statistic == "percentile" and before):
        value = None if row["value"] is None else Fraction(row["value"])
        return Ends(level, before, [now] * DRAWS, [value] * DRAWS, False)
    column = "elapsed_us" if level.measure.side == "provider" else f"{level.measure.side}_us"
    own = of_level(made.evidence, level)
    so_far = stretch(own, column)
    least = int((is_running(made, own) & (own["due_at"] < pd.Timestamp(made.end_at))).sum())
    cuts = [cut(of_level(each.evidence, level), each.start_at, each.end_at, part, column) for each in past]
    history = History(tuple(each[0] for each in cuts), tuple(each[1] for each in cuts))
    random = seeded(made.contract.name, made.period, level.name)
    if statistic == "percentile":
        drawn = draw_percentiles(history, so_far, least, level.measure.percentile or Fraction(50), random)
        values = [None if us is None else Fraction(us, 1_000_000) for us, _ in drawn]
        return Ends(level, before, [MonthFigures(made.period, Fraction(0), n) for _, n in drawn], values, True)
    if statistic == "mean":
        months = [
            MonthFigures(made.period, Fraction(us, 1_000_000), n)
            for us, n in draw_means(history, so_far, least, random)
        ]
    else:
        months = [
            MonthFigures(made.period, Fraction(so_far.numerator + part_in), so_far.denominator + of)
            for part_in, of in draw_counts(history, so_far, least, random).tolist()
        ]
    return Ends(level, before, months, [window_value(level, (*before, month)) for month in months], True)


def _figures(month: Mapping[str, Any]) -> MonthFigures:
    return MonthFigures(str(month["period"]), Fraction(month["num"]), int(month["den"]))


def of_level(evidence: pd.DataFrame, level: ServiceLevel) -> pd.DataFrame:
    return evidence[(evidence["service_level"].astype("str") == level.name).to_numpy(dtype=bool)]


def is_running(made: Statement, rows: pd.DataFrame) -> pd.Series:
    """Cycles among rows of `made.evidence` that are neither met nor breached yet and will be judged.

    Incomplete ones, and those that an approved exclusion names, are set aside, whatever becomes of them.
    """
    fate = rows["fate"].astype("str")
    return (rows["state"].astype("str") == "running") & (fate != "incomplete") & ~is_set_aside(rows, made.exclusions)


def _form(level: ServiceLevel, months: Sequence[MonthFigures], value: Fraction | None) -> dict[str, Any]:
    """The form in which a finished month's result is priced."""
    month = months[-1]
    part = int(month.numerator) if level.measure.statistic in BY_COUNT else 0
    rest = month.denominator - part
    is_good = level.measure.name != "poor"
    return measured_form(
        LevelResult(
            level=level,
            numerator=month.numerator,
            denominator=month.denominator,
            value=value,
            status="no_data" if value is None else verdict(level, value),
            sample=month.denominator,
            met=part if is_good else rest,
            failed=rest if is_good else part,
            neutral=0,
            excluded=0,
            incomplete=0,
            months=tuple(months),
        )
    )
