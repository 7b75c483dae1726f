"""The report's KPI sections from a draft's frozen figures: demand, its sudden moves, the backlog's trend, groups."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from deskledger import csat, kpis
from deskledger.reports import figures

WIDTH, HEIGHT, INSET = 720, 96, 6
ROWS_SHOWN = 40
MONTHS_SHOWN = 12
_TITLES = {"team": "By team", "account": "By customer", "product": "By product", "priority": "By priority"}


def demand(
    told: Mapping[str, Any] | None,
    earlier: Sequence[Mapping[str, Any]],
    limits: kpis.Limits | None,
    causes: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """The month's new tickets against what was expected of each day, and the days that moved too far.

    `told` are the draft's figures, `earlier` the rows of earlier_figures.sql, `causes` say what is known of which days
    (`first`, `last`, `cause`). Nothing without limits or days.
    """
    if limits is None or told is None or "daily" not in told:
        return None
    before = [_days(month["daily"], "created") for month in earlier]
    past = pd.concat(before) if before else pd.Series(dtype="int64", index=pd.DatetimeIndex([]))
    found = kpis.against_forecast(past, _days(told["daily"], "created"), limits)
    judged = found["move"].notna()
    moves = [_move(day, row, causes) for day, row in found[found["move"].isin(["up", "down"])].iterrows()]
    expected = found.loc[judged, "expected"].sum()
    return {
        "created": int(found["count"].sum()),
        "judged": int(judged.sum()),
        "days": len(found),
        "of_judged": int(found.loc[judged, "count"].sum()),
        "expected": f"{expected:,.0f}",
        "share": f"{100 * found.loc[judged, 'count'].sum() / expected:.0f} %" if expected else "–",
        "limits": limits,
        "moves": moves,
        "chart": _chart(found),
    }


def _days(daily: Mapping[str, Any], name: str) -> pd.Series:
    counts = daily[name]
    return pd.Series(counts, index=pd.date_range(daily["first_day"], periods=len(counts)), dtype="int64")


def _move(day: Any, row: pd.Series, causes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Up is trouble; down with no known cause means that the data deserve a doubt."""
    known = [str(each["cause"]) for each in causes if str(each["first"]) <= f"{day:%Y-%m-%d}" <= str(each["last"])]
    unknown = "more than usual: find the trouble" if row["move"] == "up" else "less than usual: doubt the data first"
    return {
        "day": f"{day:%a} {day.day} {day:%b}",
        "count": int(row["count"]),
        "expected": f"{row['expected']:,.0f}",
        "between": f"{row['low']:,.0f} to {row['high']:,.0f}",
        "move": row["move"],
        "words": "; ".join(known) or unknown,
        "is_known": bool(known),
    }


def _chart(found: pd.DataFrame) -> dict[str, Any]:
    top = max(1.0, float(np.nanmax(found[["count", "high"]].to_numpy(dtype=float))))
    step = (WIDTH - 2 * INSET) / max(1, len(found) - 1)

    def line(column: str) -> str:
        return " ".join(
            f"{round(INSET + step * place, 1)},{round(HEIGHT - INSET - value / top * (HEIGHT - 2 * INSET), 1)}"
            for place, value in enumerate(found[column])
            if not pd.isna(value)
        )

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "count": line("count"),
        "expected": line("expected"),
        "low": line("low"),
        "high": line("high"),
    }


def backlog_months(
    told: Mapping[str, Any] | None, period: str, earlier: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The backlog's trend: in, out and open at the end of each of the last months, this one last."""
    if told is None or not earlier:
        return []
    months = [*((month["period"], month["backlog"]) for month in earlier), (period, told["backlog"])]
    return [
        {
            "month": figures.short_month(name),
            **{part: f"{flow[part]:,}" for part in ("in", "out", "open_at_end")},
            "change": f"{flow['open_at_end'] - flow['open_at_begin']:+,}".replace("-", "−"),
        }
        for name, flow in months[-MONTHS_SHOWN:]
    ]


def groups(told: Mapping[str, Any] | None, denominator: str | None) -> list[dict[str, Any]]:
    """The tables by team, customer, product and priority (service report, line 8); one of a single row says nothing."""
    found = {title: (told or {}).get("by", {}).get(field, []) for field, title in _TITLES.items()}
    return [
        {**table(rows[:ROWS_SHOWN], denominator), "title": title, "left_out": max(0, len(rows) - ROWS_SHOWN)}
        for title, rows in found.items()
        if len(rows) > 1
    ]


def table(rows: Sequence[Mapping[str, Any]], denominator: str | None) -> dict[str, Any]:
    """Figures by group as text: the clocks, whether there is satisfaction to show, and a row a group."""
    clocks = sorted({clock for row in rows for clock in row["times"]})
    return {
        "clocks": [clock.replace("_", " ") for clock in clocks],
        "has_csat": denominator is not None,
        "rows": [_group(row, clocks, denominator) for row in rows],
    }


def _group(row: Mapping[str, Any], clocks: Sequence[str], denominator: str | None) -> dict[str, Any]:
    flow, given = row["flow"], row["csat"] or {"good": 0, "neutral": 0, "poor": 0}
    answers = given["good"] + given["poor"] + (given["neutral"] if denominator == "include_neutral" else 0)
    return {
        "name": row["name"] or "none",
        "created": f"{flow.get('in', 0):,}",
        "open": f"{flow.get('open_at_end', 0):,}",
        "times": [_times(row["times"].get(clock)) for clock in clocks],
        "reopened": _share(row.get("reopened")),
        "undue": _share(row.get("undue_escalations")),
        "answers": f"{answers:,}",
        "good": figures.figure(csat.share(given, "good", denominator or ""), "share"),
        "poor": figures.figure(csat.share(given, "poor", denominator or ""), "share", "<="),
    }


def _times(taken: Mapping[str, int] | None) -> tuple[str, str]:
    if taken is None:
        return "–", "–"
    return figures.open_time_us(taken["p50_us"]), figures.open_time_us(taken["p90_us"])


def _share(counted: Mapping[str, int] | None) -> str:
    if not counted or not counted["den"]:
        return "–"
    return figures.figure(Fraction(100 * counted["num"], counted["den"]), "share", "<=")
