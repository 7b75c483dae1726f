"""Sections of the report that stand beside the service levels: what moved, satisfaction, sides, backlog and flow."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from deskledger.reports import charts, figures

_AGES = {
    "age_0_7": "0 to 7 days old",
    "age_8_30": "8 to 30 days old",
    "age_31_90": "31 to 90 days old",
    "age_over_90": "Over 90 days old",
}
_SHARES = {
    "reopened": ("Reopened", "resolved"),
    "without_eta": ("Open without an ETA", "open"),
    "acknowledged": ("Acknowledged", "created"),
    "undue_escalations": ("Undue third-level escalations", "escalated"),
}
_COUNTS = {"l3_escalations": "Third-level escalations", "management_escalations": "Escalations to management"}


def moved(levels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The levels that changed most against their last month, in share of their old value, largest first."""
    rows = []
    for level in levels:
        if level["value"] is None or not level["earlier"]:
            continue
        before, mean = level["earlier"][-1], sum(level["earlier"], Fraction(0)) / len(level["earlier"])
        change = level["value"] - before
        is_better = change > 0 if level["operator"] == ">=" else change < 0
        rows.append(
            {
                "title": level["title"],
                "now": level["result"],
                "before": figures.figure(before, level["statistic"], level["operator"]),
                "mean": figures.figure(mean, level["statistic"], level["operator"]),
                "months": len(level["earlier"]),
                "change": _change(change, level["statistic"]),
                "words": "no change" if change == 0 else "better" if is_better else "worse",
                "sample": level["sample"],
                "weight": abs(change / before) if before else Fraction(0),
            }
        )
    return sorted(rows, key=lambda row: -row["weight"])[:4]


def _change(change: Fraction, statistic: str) -> str:
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    if statistic in {"mean", "percentile"}:
        return f"{sign}{figures.figure(abs(change), statistic)}"
    text = f"{float(abs(change)):.2f}".removesuffix(".00")
    return f"{sign}{text}{'' if statistic == 'count' else ' pp'}"


def csat(csat: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if csat is None:
        return None
    parts = [(name, tone, int(csat[name])) for name, tone in (("good", "good"), ("neutral", "none"), ("poor", "bad"))]
    return {**csat, "bar": charts.bar(parts)}


def side(row: Mapping[str, Any]) -> dict[str, Any]:
    sides = (("provider", "accent"), ("customer", "none"), ("third_party", "warm"))
    # Bars take seconds, so that a long month's microseconds stay small numbers.
    parts = [(side.replace("_", " "), tone, int(row[side]) // 1_000_000) for side, tone in sides]
    return {
        "clock": row["clock"],
        "cycles": row["cycles"],
        "bar": charts.bar(parts),
        "mean": figures.duration_us(row["total"] // row["cycles"]),
        **{side: figures.duration_us(int(row[side]) // int(row["cycles"])) for side, _ in sides},
    }


def beside(told: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Figures beside the service levels: name, number, and what it is of."""
    if told is None:
        return []
    open_tickets = told["backlog"]
    change = open_tickets["open_at_end"] - open_tickets["open_at_begin"]
    facts = [
        ("Open at the start", f"{open_tickets['open_at_begin']:,}", ""),
        ("In", f"{open_tickets['in']:,}", "created"),
        ("Out", f"{open_tickets['out']:,}", "resolved less reopened"),
        ("Open at the end", f"{open_tickets['open_at_end']:,}", f"{change:+,}".replace("-", "−")),
    ]
    facts += [(words, f"{open_tickets[name]:,}", "of the open ones") for name, words in _AGES.items()]
    facts += [
        (words, f"{told[name]['num']:,}", f"of {told[name]['den']:,} {of}") for name, (words, of) in _SHARES.items()
    ]
    facts += [(words, f"{told[name]['num']:,}", "") for name, words in _COUNTS.items() if name in told]
    return facts
