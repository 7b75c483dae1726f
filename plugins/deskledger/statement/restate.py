"""A posted month stated again: whether its result moved, and what moved it."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

_NAMED = 100

Rows = Sequence[Mapping[str, Any]]


def result_of(levels: Rows, lines: Rows, late: Mapping[str, Any]) -> dict[str, Any]:
    """What a month came to, comparable: each level's figures and verdict, each line's status and credit, who was late.

    `levels` and `lines` are rows of ledger.draft_level and ledger.draft_line, or a statement's; `late` is what the
    assessment keeps. Lines that correct other months are left out: they are no result of this one.
    """
    return {
        "levels": {
            row["service_level"]: (row["numerator"], row["denominator"], row["value"], row["status"]) for row in levels
        },
        "lines": {
            row["term"]: (
                row["status"],
                Decimal(row["credit_amount"]),
                row["detail"].get("points_total"),
                row["detail"].get("points"),
                row["detail"].get("steps"),  # units of lateness too, which the next month goes on from
            )
            for row in lines
            if row["status"] != "adjustment"
        },
        "late": late,  # equal counts may hide another ticket, and the next month charges what grew of this one
    }


# The only cause for a month that a settlement was named after, and that the contract now goes on into.
PROLONGED = {"kind": "prolonged"}


def causes(
    before: Mapping[str, Any], after: Mapping[str, Any], rows: pd.DataFrame, corrected: Sequence[str]
) -> list[dict[str, Any]]:
    """Why a month comes to something else: terms, charges, requests, earlier months, tickets; as plain rows.

    `before` and `after` have a draft's version, charges and assessment; `rows` are `compare.changed_figures`, of
    which a hundred are named and the rest counted; `corrected` the earlier months that are corrected with this one.
    """
    return [
        *_of_terms(before, after),
        *_of_charges(before["charges"], after["charges"]),
        *_of_requests(before["assessment"], after["assessment"]),
        *_of_history(before["assessment"], after["assessment"], corrected),
        *_of_tickets(rows),
    ]


def _of_terms(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if before["version"] != after["version"]:
        yield {"kind": "version", "before": str(before["version"]), "after": str(after["version"])}


def _of_charges(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for base in sorted({*before, *after}):
        old, new = ((side.get(base) or {}).get("amount") for side in (before, after))
        if old != new:
            yield {"kind": "charge", "base": base, "before": old, "after": new}


def _of_requests(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Exclusions and waivers that were granted, or revoked, since."""
    old, new = ({row["request_id"]: row for row in side.get("requests", ())} for side in (before, after))
    for request_id in sorted(old.keys() ^ new.keys()):
        row = new.get(request_id) or old[request_id]
        act = "granted" if request_id in new else "revoked"
        yield {"kind": "request", "request_id": request_id, "what": row["kind"], "act": act}


def _of_history(
    before: Mapping[str, Any], after: Mapping[str, Any], corrected: Sequence[str]
) -> Iterator[dict[str, Any]]:
    if _history(before) == _history(after):
        return
    for period in corrected:
        yield {"kind": "month", "period": period}
    if not corrected:
        yield {"kind": "history"}


def _history(assessment: Mapping[str, Any]) -> Any:
    """What the months before gave: runs, points, what caps had used, rolling windows, lateness that was charged."""
    measured, priced = assessment["measurements"], assessment["contract"]
    windows = {name: form["months"][:-1] for name, form in measured["measures"].items() if "months" in form}
    used = {str(cap["id"]): cap.get("used") for cap in priced.get("caps") or ()}
    charged = {
        name: {item["id"]: item["accrued_seconds"] for item in form["items"] if "accrued_seconds" in item}
        for name, form in measured["measures"].items()
        if "items" in form
    }
    return measured.get("history"), measured.get("points_history"), used, windows, charged


def _of_tickets(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    named = rows.head(_NAMED)
    told = {"service_level": named["service_level"], "ticket": named["ticket_id"]}
    for side in ("before", "after"):
        fate, rating = named[f"fate_{side}"], named[f"rating_{side}"]
        told[side] = fate.where(rating.isna(), fate + ", rated " + rating.astype("str"))
    for row in pd.DataFrame(told).to_dict("records"):
        yield {"kind": "ticket", **{str(name): value for name, value in row.items()}}
    if len(rows) > _NAMED:
        yield {"kind": "more_tickets", "count": len(rows) - _NAMED}
