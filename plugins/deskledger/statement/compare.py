"""Two statements of one month held against each other: lines of money, service levels, and tickets that change sides.

A side is what a ticket or answer counts as: met, failed, counted, neutral, excluded, incomplete, unanswered; or
ELSEWHERE, where it is not of this month under one of the two.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

ELSEWHERE = "elsewhere"
_KEY = ("service_level", "source", "ticket_id", "clock", "cycle", "survey_id", "answer_id")
_TOLD = ("fate", "elapsed_us", "target_us", "due_at", "rating", "reason", "team", "agent", "priority")
_FIGURES = ("elapsed_us", "target_us", "customer_us", "third_party_us", "rating")
_NUMBERS = (*_FIGURES, "ticket_key")


def changed_sides(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """One row a ticket or answer and service level whose side differs, with what it was before and after.

    Both frames are evidence (model.EVIDENCE). Columns: the key (text; `cycle` a number, 0 for answers), then each of
    fate, elapsed_us, target_us, due_at, rating, reason, team, agent and priority with `_before` and `_after`. Ordered
    by service level and ticket, whatever order the rows were read in.
    """
    merged = _merged(before, after, _TOLD)
    changed = merged[(merged["fate_before"] != merged["fate_after"]).to_numpy(dtype=bool)]
    return changed.sort_values(list(_KEY), kind="stable").reset_index(drop=True)


def changed_figures(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """As `changed_sides`, but a row also where a time or rating differs that means and percentiles are taken of.

    Columns: the key, then each of ticket_key, fate, elapsed_us, target_us, customer_us, third_party_us and rating with
    `_before` and `_after`.
    """
    merged = _merged(before, after, ("fate", "ticket_key", *_FIGURES))
    is_changed = (merged["fate_before"] != merged["fate_after"]).to_numpy(dtype=bool)
    for name in _FIGURES:
        old, new = merged[f"{name}_before"], merged[f"{name}_after"]
        is_same = old.eq(new).fillna(False) | (old.isna() & new.isna())
        is_changed = is_changed | ~is_same.to_numpy(dtype=bool)
    return merged[is_changed].sort_values(list(_KEY), kind="stable").reset_index(drop=True)


def _merged(before: pd.DataFrame, after: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    """The rows of both, beside each other by their key."""
    sides = (_keyed(before, told), _keyed(after, told))
    merged = sides[0].merge(sides[1], on=[*_KEY, "turn"], how="outer", suffixes=("_before", "_after"))
    merged = merged.drop(columns="turn")
    for side in ("fate_before", "fate_after"):
        merged[side] = merged[side].fillna(ELSEWHERE)
    return merged


def _keyed(evidence: pd.DataFrame, told: Sequence[str]) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for name in (*_KEY, *told):
        series = evidence[name]
        if name == "cycle":
            columns[name] = series.astype("Int64").fillna(0)
        elif name in _NUMBERS:
            columns[name] = series.astype("Int64")
        elif name == "due_at":
            columns[name] = series
        else:
            columns[name] = series.astype("str").fillna("") if name in _KEY else series.astype("str")
    # Under two versions a ticket may have one cycle of the same number each; these may differ, so their order tells.
    turn = evidence.assign(**columns).groupby(list(_KEY), sort=False)["started_at"].rank("first")
    return pd.DataFrame({**columns, "turn": turn.fillna(1)})  # an answer has no start, and comes once


def line_changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a line of money of either statement, in the order of `after`, then those that are gone.

    Both hold rows of ledger.draft_line. Each row gives `line`, `service_level`, and of either side `status`, `value`
    (an exact number as text) and `credit` (Decimal, 0 for a line that is not there), with their `difference`.
    """
    old, new = ({str(line["term"]): line for line in lines} for lines in (before, after))
    rows = []
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = old.get(name, {}), new.get(name, {})
        credit_before, credit_after = (Decimal(each.get("credit_amount", 0)) for each in (was, now))
        rows.append(
            {
                "line": name,
                "service_level": now.get("service_level") or was.get("service_level"),
                "status_before": was.get("status"),
                "status_after": now.get("status"),
                "value_before": was.get("value"),
                "value_after": now.get("value"),
                "credit_before": credit_before,
                "credit_after": credit_after,
                "difference": credit_after - credit_before,
            }
        )
    return rows


def level_changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a service level of either statement: status, value (for reading, text), counts and objective of both.

    Both hold rows of ledger.draft_level.
    """
    old, new = ({str(level["service_level"]): level for level in levels} for levels in (before, after))
    rows = []
    for name in [*new, *(name for name in old if name not in new)]:
        row: dict[str, Any] = {"service_level": name, "title": (new.get(name) or old[name])["title"]}
        for side, level in (("before", old.get(name)), ("after", new.get(name))):
            level = level or {}
            shown = level.get("shown_value")
            row |= {
                f"objective_{side}": f"{level['operator']} {level['target']}" if level else None,
                f"status_{side}": level.get("status"),
                f"value_{side}": None if shown is None else str(shown),
                f"numerator_{side}": level.get("numerator"),
                f"denominator_{side}": level.get("denominator"),
            }
        rows.append(row)
    return rows
