"""Geometry of the report's small charts. Numbers only: the template draws them and escapes all text."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

WIDTH, HEIGHT, INSET = 116, 30, 4


def sparkline(months: Sequence[Mapping[str, Any]], target: Fraction) -> dict[str, Any] | None:
    """Points of a level's last months with the target's line, in a box of WIDTH by HEIGHT; None without a value.

    `months` are oldest first, each with `value` (a Fraction or None) and `status`. A month without data is a gap.
    """
    known = [month["value"] for month in months if month["value"] is not None]
    if not known:
        return None
    low, high = min(*known, target), max(*known, target)
    spread = high - low or Fraction(1)
    step = Fraction(WIDTH - 2 * INSET, max(1, len(months) - 1))
    offset = Fraction(WIDTH, 2) if len(months) == 1 else Fraction(INSET)

    def height(value: Fraction) -> float:
        return round(float(HEIGHT - INSET - (value - low) / spread * (HEIGHT - 2 * INSET)), 2)

    points = [
        None
        if month["value"] is None
        else {"x": round(float(offset + position * step), 2), "y": height(month["value"]), "status": month["status"]}
        for position, month in enumerate(months)
    ]
    return {"width": WIDTH, "height": HEIGHT, "target_y": height(target), "points": points, "paths": _paths(points)}


def _paths(points: Sequence[Mapping[str, Any] | None]) -> list[str]:
    """The line through the points, broken where a month has none."""
    paths: list[list[str]] = [[]]
    for point in points:
        if point is None:
            paths.append([])
        else:
            paths[-1].append(f"{point['x']},{point['y']}")
    return [" ".join(path) for path in paths if len(path) > 1]


def bar(parts: Sequence[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """A stacked bar of (name, tone, amount): each part with its share of the whole in per cent and where it begins."""
    total = sum(amount for _, _, amount in parts)
    drawn: list[dict[str, Any]] = []
    begins = 0.0
    for name, tone, amount in parts:
        share = 100 * amount / total if total else 0.0
        drawn.append({"name": name, "tone": tone, "amount": amount, "x": round(begins, 3), "width": round(share, 3)})
        begins += share
    return drawn
