"""What earlier months charged of late cycles, by their own statements; and whether a month hands on what it charged.

Written apart from what measures drafts, so that one can prove the other.
"""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from deskledger.contract.terms import Contract
from deskledger.ledger.tables import every

# By service level, then by late cycle ("desk|T-17#1@v1", measured under version 1): the seconds of lateness that were
# charged.
Charged = Mapping[str, Mapping[str, Fraction]]


def charged_before(
    connection: Connection,
    contract: Contract,
    period: str,
    booked_period: str,
    late_before: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Charged:
    """What the months before `period` charged of each late cycle, as they stood when `booked_period` was posted.

    A month that was corrected by then counts as corrected; its later corrections are left out. The opening balances of
    `contract` name no source: their cycles are those of the ticket alone ("T-17#1@v1"). `late_before` counts too: how
    late the cycles were when `period` began, of the levels whose price began with it.
    """
    months = every(
        connection,
        """
        select result.assessment -> 'late' as late
        from ledger.posting as posting
        inner join ledger.draft as result on result.draft_id = coalesce(
            (
                select adjustment.restated_draft_id from ledger.adjustment as adjustment
                where
                    adjustment.contract = posting.contract
                    and adjustment.corrected_period = posting.period
                    and adjustment.booked_period <= :booked_period
                order by adjustment.booked_period desc
                limit 1
            ),
            posting.draft_id
        )
        where posting.contract = :contract and posting.period < :period
        order by posting.period
        """,
        contract=contract.name,
        period=period,
        booked_period=booked_period,
    )
    opening = {} if contract.opening is None else contract.opening.late
    charged = {level: dict(late) for level, late in opening.items()}
    for month in [{"late": late_before}, *months]:
        for level, late in (month["late"] or {}).items():
            known = charged.setdefault(level, {})
            for name, seconds in late.items():
                before = known.pop(name, known.pop(_without_source(name), Fraction(0)))
                if seconds is not None:  # None: set aside, and charged no further
                    known[name] = max(before, Fraction(seconds))
    return charged


def charged_of(charged: Mapping[str, Fraction], name: str) -> Fraction | None:
    """What was charged of a late cycle ("desk|T-17#1@v1"); None where nothing was."""
    return charged.get(name, charged.get(_without_source(name)))


def handed_on_faults(
    contract: Contract,
    terms: Mapping[str, Any],
    late: Mapping[str, Mapping[str, str | None]],
    evidence: pd.DataFrame,
) -> list[str]:
    """Where `late`, which the next months go on from, is not what the month's own rows say, in words.

    `contract` holds the versions that the rows were measured under; `terms` are the frozen terms of the one that
    prices the month, `evidence` is model.EVIDENCE.
    """
    resumed = [f"{clock.name}@v{each.number}" for each in contract.versions for clock in each.clocks if clock.resume]
    faults = []
    for level in priced_by_item(terms):
        rows = evidence[(evidence["service_level"].astype("str") == level).to_numpy(dtype=bool)]
        fate = rows["fate"].astype("str")
        goes_on = (rows["state"].astype("str") == "breached") & (fate != "incomplete")
        measured_by = rows["clock"].astype("str") + "@v" + rows["version"].astype("str")
        goes_on &= rows["stopped_at"].isna() | measured_by.isin(resumed)
        rows = rows[goes_on.to_numpy(dtype=bool)]
        seconds = [Fraction(int(us), 1_000_000) for us in rows["elapsed_us"] - rows["target_us"]]
        is_charged = rows["fate"].astype("str").isin(["failed", "carried"])
        given = {
            name: over if charged else None
            for name, over, charged in zip(names(rows), seconds, is_charged, strict=True)
        }
        told = {
            name: None if seconds is None else Fraction(seconds) for name, seconds in (late.get(level) or {}).items()
        }
        faults += [
            f"{level}: the next months go on from other lateness of {name} than its row says"
            for name in sorted({*given, *told})
            if (name in given, given.get(name)) != (name in told, told.get(name))
        ]
    return faults


def priced_by_item(terms: Mapping[str, Any]) -> list[str]:
    """The service levels with a price by the late ticket, by the frozen terms of a version."""
    return sorted(
        {
            term["measure"]
            for term in terms.get("penalties", {}).get("terms") or ()
            if term["schedule"]["kind"] == "per_item"
        }
    )


def names(rows: pd.DataFrame) -> pd.Series:
    """The rows' cycles as `Charged` names them."""
    cycles = "#" + rows["cycle"].astype("str") + "@v" + rows["version"].astype("str")
    return rows["source"].astype("str") + "|" + rows["ticket_id"].astype("str") + cycles


def _without_source(name: str) -> str:
    return name.partition("|")[2] or name
