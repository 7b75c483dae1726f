"""Late tickets that are charged month by month: each month what has grown since the months before (structures, 6).

What earlier months charged is read from their statements, as they stand: nothing of it is measured again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from deskledger.contract.periods import first_day, version_at
from deskledger.contract.quantities import exact_text
from deskledger.contract.terms import Contract, ServiceLevel, Version
from deskledger.statement.cycles import contract_cycles
from deskledger.statement.population import with_ticket_fields, within

# By late cycle ("desk|T-17#1@v1", measured under version 1): the seconds of lateness that were charged; None where it
# was set aside, for good.
Lateness = Mapping[str, str | None]

_Time = TypeVar("_Time")

CARRIED = "carried"
_SECOND_US = 1_000_000


def priced_by_item(version: Version) -> list[str]:
    """The service levels with a price by the late ticket."""
    terms = version.penalties.get("terms", ())
    return list(dict.fromkeys(term["measure"] for term in terms if term["schedule"]["kind"] == "per_item"))


def newly_priced(contract: Contract, period: str, last: str, before: Mapping[str, Lateness]) -> list[ServiceLevel]:
    """The service levels whose price by the late ticket begins with `period`, for some tickets at least.

    `last` is the month before, `before` what that month charged: of another population, not all that this one may.
    """
    version = version_at(contract, first_day(contract, period))
    # A month that charged nothing of the kind may lie before the first version.
    former = version_at(contract, first_day(contract, last)).service_levels if before else ()
    charged = {level.name: level.population for level in former if level.name in before}
    priced = priced_by_item(version)
    return [
        level
        for level in version.service_levels
        if level.name in priced and charged.get(level.name) != level.population
    ]


def late_before(
    contract: Contract,
    levels: Sequence[ServiceLevel],
    start: datetime,
    tickets: pd.DataFrame,
    events: pd.DataFrame,
    incomplete: Collection[int],
) -> dict[str, dict[str, str]]:
    """By service level of `newly_priced`, how late each cycle was when the period began: that costs nothing."""
    if not levels:
        return {}
    cycles = with_ticket_fields(contract_cycles(contract, tickets, events, start, incomplete), tickets)
    return {level.name: late_already(level, cycles, pd.Timestamp(start)) for level in levels}


def late_already(level: ServiceLevel, cycles: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, str]:
    """How late the level's cycles are that were judged before `as_of`, the instant they were measured at."""
    is_late = (cycles["clock"].astype("str") == level.measure.name) & (cycles["state"].astype("str") == "breached")
    rows = cycles[(is_late & (cycles["attributed_at"] < as_of)).to_numpy(dtype=bool)]
    return {name: str(Fraction(int(us), _SECOND_US)) for name, us in zip(names(rows), _over_us(rows), strict=True)}


def charged_before(months: Sequence[Lateness], opening: Mapping[str, Fraction] | None = None) -> dict[str, str]:
    """The lateness of each cycle that the months before charged, oldest first; without what one of them set aside.

    `opening` names no source ("T-17#1@v1"): what was charged before the first of these months.
    """
    charged = {name: exact_text(seconds) for name, seconds in (opening or {}).items()}
    for month in months:
        for name, seconds in month.items():
            known = charged.pop(_plain(name), None)
            known = charged.pop(name, known)
            if seconds is not None:
                charged[name] = max(known or "0", seconds, key=Fraction)
    return charged


def charged_by_level(
    version: Version, months: Sequence[Mapping[str, Lateness]], opening: Mapping[str, Mapping[str, Fraction]]
) -> dict[str, dict[str, str]]:
    """`charged_before` of each service level that the version prices by the late ticket."""
    return {
        name: charged_before([month.get(name, {}) for month in months], opening.get(name))
        for name in priced_by_item(version)
    }


def tickets_charged(charged: Mapping[str, str], sources: Sequence[str]) -> dict[str, set[str]]:
    """By source, the tickets of `charged_before`; of opening balances, which name no source, in each of them."""
    found: dict[str, set[str]] = {source: set() for source in sources}
    for name in charged:
        source, bar, rest = name.partition("|")
        for own in [source] if bar else sources:
            found.setdefault(own, set()).add((rest if bar else name).rpartition("#")[0])
    return found


def carried_rows(
    level: ServiceLevel, cycles: pd.DataFrame, start_at: pd.Timestamp, charged: Collection[str]
) -> pd.DataFrame:
    """The level's cycles that an earlier month charged and that were still open when this one began.

    They count in no share any more: their month judged them. Columns as of the level's own rows.
    """
    taken = (
        (cycles["clock"].astype("str") == level.measure.name)
        & (cycles["attributed_at"] < start_at)
        & (cycles["state"].astype("str") == "breached")
        & ~(cycles["stopped_at"] <= start_at)
        & ~cycles["is_incomplete"].fillna(False).astype(bool)
    ).to_numpy(dtype=bool)
    if "is_chosen" in cycles:
        taken = taken & cycles["is_chosen"].to_numpy(dtype=bool)
    rows = cycles[taken & within(cycles, level.population)]
    rows = rows[(names(rows).isin(list(charged)) | ids(rows).isin(list(charged))).to_numpy(dtype=bool)]
    return rows.assign(
        fate=CARRIED,
        is_denominator=False,
        is_numerator=False,
        reason="late since an earlier month: what has grown since is charged",
    )


def late_items(rows: pd.DataFrame, charged: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The late cycles of one level as `penalties.assess` takes them: id, how late, and how late when last charged.

    The id names the source too: two desks may number their tickets alike. Both times are
    seconds, exactly. `rows` is the level's evidence.
    """
    late = rows[rows["fate"].astype("str").isin(["failed", CARRIED]).to_numpy(dtype=bool)]
    items = []
    for name, us in zip(names(late), _over_us(late), strict=True):
        item = {"id": name, "late_seconds": str(Fraction(int(us), _SECOND_US))}
        before = _charged(charged or {}, name)
        items.append(item if before is None else {**item, "accrued_seconds": before})
    return items


def taken_off(late: Mapping[str, Mapping[str, str]], measures: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Of `late_before`, what is of the month's own late items: frozen with it, and proved by its tickets."""
    return {
        level: {item["id"]: cycles[item["id"]] for item in measures[level]["items"] if item["id"] in cycles}
        for level, cycles in late.items()
    }


def lateness(contract: Contract, version: Version, evidence: pd.DataFrame) -> dict[str, dict[str, str | None]]:
    """What the month charges of each late cycle that may go on, by service level: what the next months go on from.

    `version` prices the month. Whether a stop can be taken back is for the version that measured the cycle to say.
    """
    found: dict[str, dict[str, str | None]] = {}
    for level in version.service_levels:
        if level.name not in priced_by_item(version):
            continue
        rows = evidence[(evidence["service_level"] == level.name).to_numpy(dtype=bool)]
        is_late = (rows["state"].astype("str") == "breached").to_numpy(dtype=bool)
        is_final = rows["version"].isin(_without_resume(contract, level.measure.name))  # its stop is
        is_late = is_late & (rows["stopped_at"].isna() | ~is_final).to_numpy(dtype=bool)
        rows = rows[is_late & (rows["fate"].astype("str") != "incomplete").to_numpy(dtype=bool)]
        is_charged = rows["fate"].astype("str").isin(["failed", CARRIED])
        found[level.name] = {
            name: str(Fraction(int(us), _SECOND_US)) if charged else None
            for name, us, charged in zip(names(rows), _over_us(rows), is_charged, strict=True)
        }
    return found


def under_version(late: Mapping[str, Mapping[str, _Time]], number: int) -> dict[str, dict[str, _Time]]:
    """Lateness by service level, its cycles named as if version `number` had measured them."""
    return {
        level: {f"{name.rpartition('@')[0]}@v{number}": seconds for name, seconds in cycles.items()}
        for level, cycles in late.items()
    }


def names(rows: pd.DataFrame) -> pd.Series:
    """The rows' cycles as `Lateness` names them."""
    return rows["source"].astype("str") + "|" + ids(rows)


def ids(rows: pd.DataFrame) -> pd.Series:
    """The rows' tickets, cycles and the versions that measured these, as opening balances name them."""
    version = rows["version"].astype("Int64").astype("str")
    return rows["ticket_id"].astype("str") + "#" + rows["cycle"].astype("Int64").astype("str") + "@v" + version


def _without_resume(contract: Contract, clock: str) -> list[int]:
    """The numbers of the versions in which no event takes a stop of the clock back."""
    return [
        version.number
        for version in contract.versions
        if any(each.name == clock and not each.resume for each in version.clocks)
    ]


def _plain(name: str) -> str:
    return name.partition("|")[2] or name


def _charged(charged: Mapping[str, str], name: str) -> str | None:
    return charged.get(name, charged.get(_plain(name)))


def _over_us(rows: pd.DataFrame) -> np.ndarray:
    over: np.ndarray = (rows["elapsed_us"].astype("int64") - rows["target_us"].astype("int64")).to_numpy()
    return over
