"""What a report tells about the tickets behind it: breaches, teams, sides, exclusions. Vectorised over the evidence."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd

from deskledger.reports import figures

BREACHES_SHOWN = 100
TEAMS_SHOWN = 40


def breaches(evidence: pd.DataFrame, titles: Mapping[str, str], zone: str) -> tuple[list[dict[str, Any]], int]:
    """The failed cycles, furthest over their target first, at most BREACHES_SHOWN; and how many there are."""
    failed = evidence[(evidence["fate"].astype("str") == "failed") & evidence["clock"].notna()].copy()
    failed["over_us"] = failed["elapsed_us"] - failed["target_us"]
    failed = failed.sort_values(["over_us", "ticket_id"], ascending=[False, True], kind="stable")
    rows = [
        {
            "ticket_id": row["ticket_id"],
            "level": titles.get(str(row["service_level"]), str(row["service_level"])),
            "team": figures.text_or_dash(row["team"]),
            "priority": figures.text_or_dash(row["priority"]),
            "elapsed": _time(row["elapsed_us"]),
            "target": _time(row["target_us"]),
            "over": _time(row["over_us"]),
            "due": figures.local(_instant(row["due_at"]), zone),
            "state": "still running" if pd.isna(row["stopped_at"]) else "stopped late",
        }
        for row in failed.head(BREACHES_SHOWN).to_dict("records")
    ]
    return rows, len(failed)


def by_team(evidence: pd.DataFrame, levels: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Counted and met tickets of each team, one pair of columns a service level that counts clocks."""
    clocked = [level for level in levels if level["subject"] == "clock" and level["statistic"] == "share_met"]
    counted = evidence[evidence["is_denominator"].astype(bool) & evidence["team"].notna()]
    if not clocked or counted.empty:
        return None
    counted = counted[counted["service_level"].isin([level["service_level"] for level in clocked])]
    keys = [counted["team"].astype("str"), counted["service_level"].astype("str")]
    sums = counted.groupby(keys)[["is_denominator", "is_numerator"]].sum().astype("int64")
    rows = []
    for team in sorted(keys[0].unique())[:TEAMS_SHOWN]:
        cells = []
        for level in clocked:
            if (team, level["service_level"]) in sums.index:
                total, met = (int(number) for number in sums.loc[(team, level["service_level"])])
                cells.append(
                    {"n": total, "share": figures.figure(Fraction(100 * met, total), "share"), "missed": total - met}
                )
            else:
                cells.append({"n": 0, "share": "–", "missed": 0})
        rows.append({"team": team, "cells": cells})
    return {"levels": [level["title"] for level in clocked], "rows": rows}


def sides(evidence: pd.DataFrame, levels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the tickets' time went, one row a clock: provider, customer and third party, in physical time."""
    rows = []
    for clock in dict.fromkeys(str(level["measure"]) for level in levels if level["subject"] == "clock"):
        cycles = evidence[(evidence["clock"].astype("str") == clock) & evidence["is_denominator"].astype(bool)]
        cycles = cycles.drop_duplicates(["ticket_key", "version", "cycle"])
        if cycles.empty:
            continue
        held = {side: int(cycles[f"{side}_us"].sum()) for side in ("provider", "customer", "third_party")}
        rows.append({"clock": clock.replace("_", " "), "cycles": len(cycles), **held, "total": sum(held.values())})
    return rows


def set_aside(evidence: pd.DataFrame, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """What was left out of a denominator and why: one row a service level and reason."""
    aside = evidence[evidence["fate"].isin(["excluded", "incomplete", "carried"])]
    if aside.empty:
        return []
    keys = [aside["service_level"].astype("str"), aside["fate"].astype("str"), aside["reason"].fillna("not stated")]
    grouped = aside.groupby(keys)["ticket_id"]
    return [
        {
            "level": titles.get(str(level), str(level)),
            "fate": fate,
            "reason": reason,
            "count": len(tickets),
            "tickets": [figures.text_or_dash(ticket) for ticket in tickets.head(12)],
        }
        for (level, fate, reason), tickets in grouped
    ]


def _time(microseconds: Any) -> str:
    """Open time to the second, upwards: a late cycle is never shown to have taken its target."""
    return figures.figure(None if pd.isna(microseconds) else Fraction(int(microseconds), 1_000_000), "mean", "<=")


def _instant(value: Any) -> Any:
    return None if pd.isna(value) else value.to_pydatetime()
