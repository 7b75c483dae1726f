"""The rows that a service level is counted from, each with its fate: met, failed, counted, or why it is out."""

import numpy as np
import pandas as pd

from deskledger.contract.terms import CsatTerms, ServiceLevel
from deskledger.errors import StatementError
from deskledger.statement.population import in_period, within


def clock_rows(level: ServiceLevel, cycles: pd.DataFrame, start_at: pd.Timestamp, end_at: pd.Timestamp) -> pd.DataFrame:
    """The clock's cycles that count in the period, and the incomplete ones that touch it."""
    by_time = level.measure.statistic in {"mean", "percentile"}
    of_clock = (cycles["clock"].astype("str") == level.measure.name).to_numpy(dtype=bool)
    counts_at = cycles["attributed_at"]
    if by_time:
        # A time is known at the stop: of what was late in one month and stopped in a later one, it counts in the later.
        counts_at = counts_at.where(~(cycles["stopped_at"] > counts_at), cycles["stopped_at"])
    member = in_period(counts_at, start_at, end_at)
    # An incomplete ticket's instants cannot be trusted: it is listed wherever it touches the period.
    incomplete = cycles["is_incomplete"].fillna(False).to_numpy(dtype=bool)
    touches = ((cycles["started_at"] < end_at) & ~(cycles["stopped_at"] < start_at)).to_numpy(dtype=bool)
    taken = of_clock & within(cycles, level.population) & (member | (incomplete & touches))
    rows = cycles[taken].copy()
    state = rows["state"].astype("str")
    decided = state.isin(["met", "breached"])
    complete = ~rows["is_incomplete"].fillna(False).astype(bool)
    stopped = rows["stopped_at"].notna()
    chosen = rows["is_chosen"].astype(bool) if "is_chosen" in rows else complete | True
    # A cycle for which no target was agreed can be late for nothing; its time may still be averaged.
    agreed = complete | True if by_time else rows["target_us"].notna()
    counted = complete & chosen & agreed & (stopped & decided if by_time else decided)
    fate = np.select(
        [~complete, counted & by_time, counted & (state == "met"), counted],
        ["incomplete", "counted", "met", "failed"],
        default="excluded",
    )
    why = np.select(
        [~complete, state == "cancelled", ~chosen, state == "running", ~agreed],
        [
            "a row of this ticket is in quarantine",
            "cancelled",
            "another cycle of this ticket counts",
            "still running",
            "no target was agreed for it",
        ],
        default="not stopped",
    )
    rows["fate"] = fate
    rows["is_denominator"] = counted
    in_numerator = counted if by_time else counted & (state == "met")
    if level.measure.statistic == "count":
        in_numerator = counted & (state == "breached")
    rows["is_numerator"] = in_numerator
    rows["reason"] = pd.Series(why, index=rows.index, dtype="str").mask(counted)
    return rows


def csat_rows(
    level: ServiceLevel,
    terms: CsatTerms | None,
    answers: pd.DataFrame,
    start_at: pd.Timestamp,
    end_at: pd.Timestamp,
) -> pd.DataFrame:
    """The surveys attributed to the period, by class. Raises StatementError for a version without csat terms."""
    if terms is None:
        raise StatementError(
            f"service level {level.name!r} measures CSAT, but the version has no csat terms",
            where=f"clause {level.clause}",
            remedy="add the csat block to the contract version",
        )
    rows = answers[in_period(answers["attributed_at"], start_at, end_at) & within(answers, level.population)].copy()
    counted = rows["is_counted"].astype(bool)
    of_class = rows["class"].astype("str")
    kept = counted & ((of_class != "neutral") | (terms.denominator == "include_neutral"))
    rows["fate"] = np.select(
        [rows["rating"].isna(), ~counted, of_class == "neutral", of_class == "good"],
        ["unanswered", "excluded", "neutral", "met"],
        default="failed",
    )
    rows["is_denominator"] = kept
    rows["is_numerator"] = counted & (of_class == level.measure.name)
    unsolved = rows["solved_at"].isna() if terms.attribution == "solved" else pd.Series(False, index=rows.index)
    why = np.select(
        [rows["rating"].isna(), unsolved, ~counted],
        [
            "no answer",
            "the ticket was never solved before its survey was sent",
            "another answer of this ticket counts",
        ],
        default="neutral answers are not considered",
    )
    rows["reason"] = pd.Series(why, index=rows.index, dtype="str").mask(kept)
    return rows


def kpi_rows(level: ServiceLevel, counted: pd.DataFrame | None) -> pd.DataFrame:
    """What a KPI counted. In a share, a row in the numerator failed where less is better, and is met where more is.

    Raises StatementError when nothing was counted.
    """
    if counted is None:
        raise StatementError(
            f"service level {level.name!r} measures the KPI {level.measure.name!r}, and nothing was counted",
            where=f"clause {level.clause}",
            remedy="give `measurements` what `counted_rows` found",
        )
    own = (counted["kpi"] == level.measure.name).to_numpy(dtype=bool)
    rows = counted[own & within(counted, level.population)].copy()
    complete = ~rows["is_incomplete"].astype(bool)
    is_good = rows["is_numerator"] == (level.operator == ">=")
    judged = np.where(is_good, "met", "failed") if level.measure.statistic == "share" else "counted"
    rows["fate"] = np.where(complete, judged, "incomplete")
    rows["is_denominator"] = complete
    rows["is_numerator"] = complete & rows["is_numerator"]
    rows["reason"] = pd.Series("a row of this ticket is in quarantine", index=rows.index, dtype="str").mask(complete)
    return rows
