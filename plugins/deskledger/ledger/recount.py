"""A posted month's measurements counted again from its frozen tickets and answers, in the forms that were priced.

Written apart from what measures drafts, so that one can prove the other.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd

from deskledger.ledger.recount_late import Charged, charged_of, names

_TOLD = 20  # tickets named for one fault; the rest are counted


def counted_again(
    measures: Mapping[str, Any],
    levels: Sequence[Mapping[str, Any]],
    version: Mapping[str, Any],
    evidence: pd.DataFrame,
    charged: Charged,
) -> tuple[dict[str, Any], list[str]]:
    """`measures` as the frozen evidence gives them, and each difference from what was priced, in words.

    `levels` are the draft's rows of ledger.draft_level, `version` the frozen contract version, `evidence`
    model.EVIDENCE, `charged` what the months before charged of late cycles. Earlier months of a rolling window stay:
    their own statements prove them.
    """
    by_name = {str(level["service_level"]): level for level in levels}
    of_level = evidence["service_level"].astype("str")
    again: dict[str, Any] = {}
    differences: list[str] = []
    for name, told in measures.items():
        level = by_name.get(name)
        if level is None:
            again[name] = told
            differences.append(f"{name}: no service level of the draft has this name, so it cannot be counted again")
            continue
        own = evidence[(of_level == name).to_numpy(dtype=bool)]
        if "months" in told:
            given, counted = told["months"][-1], _month(level, own)
            again[name] = {**told, "months": [*told["months"][:-1], {**given, **counted}]}
        else:
            is_by_item, is_share = "items" in told, "items" not in told or "num" in told
            counted = {
                **(_whole(level, version, own) if is_share else {}),
                **(_by_item(own, charged.get(name, {})) if is_by_item else {}),
            }
            if is_by_item:
                differences += _charged_otherwise(name, counted["items"], told["items"])
            given = told
            again[name] = {**given, **counted}
        stated = {key: given.get(key) for key in counted}
        if _numbers(counted) != _numbers(stated):
            differences.append(f"{name}: the tickets give {_words(counted)}, the statement says {_words(stated)}")
    for name, level in by_name.items():
        differences += _faults(level, version, evidence[(of_level == name).to_numpy(dtype=bool)])
    return again, differences


def _size(rows: pd.DataFrame) -> int:
    return int(rows["is_denominator"].fillna(False).sum())


def _part(rows: pd.DataFrame) -> int:
    return int(rows["is_numerator"].fillna(False).sum())


def _whole(level: Mapping[str, Any], version: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """The form of a window of one month, and of a count or percentile over any window."""
    statistic = level["statistic"]
    if statistic == "percentile":
        return {"value": _percentile(level, version, rows), "n": _size(rows)}
    if statistic == "count":
        before = level["months"][:-1]
        sample = _size(rows) + sum(int(month["den"]) for month in before)
        value = _part(rows) + sum((Fraction(month["num"]) for month in before), Fraction(0))
        return {"value": str(value) if sample else None, "n": sample}
    if level["subject"] == "csat":
        fates = rows["fate"].astype("str").value_counts()
        return {name: int(fates.get(fate, 0)) for fate, name in _CLASS_OF.items()}
    return _month(level, rows)


def _month(level: Mapping[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    size = _size(rows)
    if level["statistic"] == "mean":
        total = Fraction(int(_held(level, rows).sum()), 1_000_000)
        return {"value": str(total / size) if size else None, "n": size}
    part = _part(rows)
    if level["subject"] == "csat":
        return {level["measure"]: part, "neutral": 0, "poor" if level["measure"] == "good" else "good": size - part}
    return {"num": part, "den": size}


def _held(level: Mapping[str, Any], rows: pd.DataFrame) -> pd.Series:
    """Microseconds that the level's side held each counted cycle: open time of the provider, else physical time."""
    column = "elapsed_us" if level["side"] == "provider" else f"{level['side']}_us"
    return rows.loc[rows["is_denominator"].fillna(False).to_numpy(dtype=bool), column].astype("Int64")


def _percentile(level: Mapping[str, Any], version: Mapping[str, Any], rows: pd.DataFrame) -> str | None:
    """Nearest rank: the smallest time that at least p per cent of the cycles do not exceed; in seconds."""
    held = sorted(int(each) for each in _held(level, rows).dropna())
    agreed = [each for each in version.get("service_levels", []) if each["name"] == level["service_level"]]
    if not held or not agreed:
        return None
    rank = Fraction(str(agreed[0]["measure"]["percentile"])) * len(held) / 100
    return str(Fraction(held[max(1, -(-rank.numerator // rank.denominator)) - 1], 1_000_000))


def _by_item(rows: pd.DataFrame, charged: Mapping[str, Fraction]) -> dict[str, Any]:
    """The late cycles of a price by the ticket: each one's name, how late in seconds, and how late when last charged.

    And of how many cycles.
    """
    late = rows[rows["fate"].astype("str").isin(["failed", "carried"]).to_numpy(dtype=bool)]
    over_us = (late["elapsed_us"] - late["target_us"]).astype("int64")
    items = []
    for name, us in zip(names(late), over_us, strict=True):
        item = {"id": name, "late_seconds": str(Fraction(int(us), 1_000_000))}
        before = charged_of(charged, name)
        items.append(item if before is None else {**item, "accrued_seconds": str(before)})
    return {"items": items, "den": _size(rows)}


def _charged_otherwise(
    level: str, counted: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The late cycles of which the statement takes something else off than the months before charged, in words."""
    stated = {item["id"]: item.get("accrued_seconds") for item in told}
    faults = [
        f"{level}: of {item['id']} the months before charged {_seconds(item.get('accrued_seconds'))}, the statement "
        f"takes {_seconds(stated[item['id']])} off"
        for item in counted
        if item["id"] in stated and _exact(item.get("accrued_seconds")) != _exact(stated[item["id"]])
    ]
    return faults if len(faults) <= _TOLD else [*faults[:_TOLD], f"{level}: {len(faults) - _TOLD:,} more of the kind"]


def _seconds(value: Any) -> str:
    return "nothing" if value is None else f"{value} s of lateness"


_CLASS_OF = {"met": "good", "neutral": "neutral", "failed": "poor"}
_STATE_OF = {"met": "met", "breached": "failed"}


def _faults(level: Mapping[str, Any], version: Mapping[str, Any], rows: pd.DataFrame) -> list[str]:
    """Rows whose counting does not follow from their own facts, in both directions."""
    fate, state = rows["fate"].astype("str"), rows["state"].astype("str")
    counted = rows["is_denominator"].fillna(False).astype(bool)
    in_part = rows["is_numerator"].fillna(False).astype(bool)
    faults = _said(
        rows, counted & fate.isin(["excluded", "incomplete", "unanswered", "carried"]), "set aside, but counted"
    )
    faults += _said(
        rows, ~counted & fate.isin(["met", "failed", "counted", "excused"]), "not set aside, but not counted"
    )
    if level["subject"] == "clock":
        late = (rows["elapsed_us"] > rows["target_us"]).fillna(False).astype(bool)
        agreed = rows["target_us"].notna()
        faults += _said(rows, (state == "met") & agreed & late, "called met, but over its target")
        # A priority that changed later may have given it more time: then it still has its instant of breach.
        in_time = (state == "breached") & agreed & ~late & rows["breached_at"].isna()
        faults += _said(rows, in_time, "called breached, but within its target")
        if level["statistic"] not in {"mean", "percentile"}:
            otherwise = counted & (fate != "excused") & (fate != state.map(_STATE_OF))
            faults += _said(rows, otherwise, "counted otherwise than its clock says")
            in_share = ["failed"] if level["statistic"] == "count" else ["met", "excused"]
            faults += _said(rows, counted & (in_part != fate.isin(in_share)), "on the wrong side of the share")
    elif level["subject"] == "csat":
        classes = version.get("csat") or {}
        class_of = {int(rating): fated for fated, name in _CLASS_OF.items() for rating in classes.get(name, ())}
        kept = fate.isin(list(_CLASS_OF))
        if class_of:
            own = rows["rating"].map(lambda rating: class_of.get(rating), na_action="ignore")
            faults += _said(rows, kept & (own.astype("str") != fate), "its rating is of another class")
        wanted = "met" if level["measure"] == "good" else "failed"
        faults += _said(rows, counted & (in_part != (fate == wanted)), "on the wrong side of the share")
    elif level["statistic"] == "share":  # of a KPI
        wanted = "met" if level["operator"] == ">=" else "failed"
        faults += _said(rows, counted & (in_part != (fate == wanted)), "on the wrong side of the share")
    return [f"{level['service_level']}: {fault}" for fault in faults]


def _said(rows: pd.DataFrame, wrong: pd.Series, words: str) -> list[str]:
    chosen = rows.loc[wrong.to_numpy(dtype=bool), "ticket_id"]
    told = [f"ticket {ticket_id}: {words}" for ticket_id in chosen.head(_TOLD)]
    return told if len(chosen) <= _TOLD else [*told, f"{len(chosen) - _TOLD:,} more tickets: {words}"]


def _numbers(form: Mapping[str, Any]) -> dict[str, Any]:
    """A measured form with its numbers exact, however they were written."""
    return {key: _exact(value) for key, value in form.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, list):
        return [(item["id"], Fraction(str(item["late_seconds"]))) for item in value]
    return None if value is None else Fraction(str(value))


def _words(form: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{len(value or [])} late" if key == "items" else f"{key} {'nothing' if value is None else value}"
        for key, value in form.items()
    )
