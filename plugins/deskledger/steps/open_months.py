"""A contract's months that are not posted, each stated as far as the sources know it; the last one may be running."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import statement
from deskledger.contract.terms import Contract
from deskledger.errors import StatementError, WarehouseError
from deskledger.model import CHARGE
from deskledger.statement.assessment import is_approved
from deskledger.statement.claims import claimable_until
from deskledger.statement.past import as_past
from deskledger.steps.close_content import inputs_of, past_of, stated
from deskledger.steps.due_months import earliest_open
from deskledger.steps.measure import watermark
from deskledger.steps.terms import approved_versions
from deskledger.warehouse import read_frame

_EARLIER_CHARGES = """
select {columns}
from core.charge as charge
where
    charge.contract = :contract
    and charge.period = (
        select max(latest.period)
        from core.charge as latest
        where
            latest.contract = :contract and latest.period < :period and latest.kind = any(:kinds)
            and latest.approved_by is not null
    )
"""


@dataclass(frozen=True)
class OpenMonth:
    """One month, stated over `inputs` at its end or, while it runs, as of the watermark.

    `assumed` says what was taken for granted, for a reader.
    """

    period: str
    as_of: datetime
    is_running: bool
    inputs: statement.Inputs
    made: statement.Statement
    assumed: tuple[str, ...]


def known_until(connection: Connection, contract: Contract, now: datetime) -> datetime:
    """The contract's watermark, not after `now`. Raises WarehouseError while one of its sources has none."""
    instant = watermark(connection, contract)
    if instant is None:
        raise WarehouseError(
            f"no source of {contract.name} has a watermark",
            where="quality.watermark",
            remedy="load the sources first: DAG ingest or ingest_history",
        )
    return min(instant, now)


def open_months(connection: Connection, contract: Contract, now: datetime) -> Iterator[OpenMonth]:
    """The contract's months from the earliest that is not posted to the one that the watermark lies in, in order.

    Each month's repeat runs, windows and caps follow from the ones before it as stated here. Credits that wait for the
    customer's claim count as claimed while there is time for one. `connection` is that of a
    snapshot. Raises WarehouseError without a watermark, and StatementError for a month that cannot be stated.
    """
    until = known_until(connection, contract, now)
    period = earliest_open(connection, contract)
    last = contracts.period_of(contract, until)
    past = [] if period is None else past_of(connection, contract.name, period)
    while period is not None and period <= last and not contracts.is_after_end(contract, period):
        month = _open_month(connection, contract, period, past, until, now)
        yield month
        past = [*past, as_past(month.made)]
        period = contracts.next_period(period)


def _open_month(
    connection: Connection,
    contract: Contract,
    period: str,
    past: Sequence[statement.PastMonth],
    until: datetime,
    now: datetime,
) -> OpenMonth:
    end = contracts.period_bounds(contract, period)[1]
    as_of = min(until, end)
    inputs = inputs_of(connection, contract, period, now, past)
    charges, assumed = _charges(connection, contract, period, inputs.charges)
    inputs = replace(inputs, charges=charges)
    if as_of < end:
        inputs = _known_at(inputs, as_of)
    last = may_be_claimed_until(contract, period, until)
    made = stated(connection, contract if last is None else _claimed(contract), period, inputs, past, as_of=as_of)
    unclaimed = () if last is None else _unclaimed(made, last)
    told = (*_unapproved(connection, contract, period), *assumed, *unclaimed)
    return OpenMonth(period, as_of, as_of < end, inputs, made, told)


def may_be_claimed_until(contract: Contract, period: str, at: datetime) -> date | None:
    """The last day for a claim of a month whose credits wait for one; None where none is needed, or it is over."""
    next_first = contracts.first_day(contract, contracts.next_period(period))
    version = contracts.version_at(contract, contracts.first_day(contract, period))
    last = claimable_until(version.penalties, version.calendars, next_first)
    today = at.astimezone(ZoneInfo(contract.period.timezone)).date()
    return last if last is not None and today <= last else None


def _claimed(contract: Contract) -> Contract:
    """The contract as if every credit were claimed in time."""
    versions = [replace(each, penalties={**each.penalties, "until_claimed": "credited"}) for each in contract.versions]
    return replace(contract, versions=tuple(versions))


def _unclaimed(made: statement.Statement, last: date) -> tuple[str, ...]:
    """That credits are taken as claimed which nobody has claimed yet; nothing where all are."""
    claimed = made.assessment["measurements"].get("claims") or {}
    if all(term["id"] in claimed for term in made.assessment["contract"].get("terms", ())):
        return ()
    return (f"credits count as if claimed by {last}; without a claim they are withheld",)


def _unapproved(connection: Connection, contract: Contract, period: str) -> tuple[str, ...]:
    """That terms were taken which nobody approved as they stand; nothing where all are approved."""
    try:
        approved_versions(connection, contract, period)
    except StatementError as error:
        return (error.what.splitlines()[0],)
    return ()


def _known_at(inputs: statement.Inputs, as_of: datetime) -> statement.Inputs:
    """The inputs without what happened from `as_of` on: a source may be further on than the contract's others."""
    instant = pd.Timestamp(as_of)
    answers = inputs.answers[(inputs.answers["sent_at"] < instant).to_numpy(dtype=bool)].copy()
    later = (answers["responded_at"] >= instant).to_numpy(dtype=bool)
    for name in ("rating", "responded_at"):
        answers[name] = answers[name].mask(later)
    return replace(
        inputs,
        tickets=inputs.tickets[(inputs.tickets["created_at"] < instant).to_numpy(dtype=bool)],
        events=inputs.events[(inputs.events["occurred_at"] < instant).to_numpy(dtype=bool)],
        answers=answers,
    )


def _charges(
    connection: Connection, contract: Contract, period: str, charges: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The month's charges; missing and unapproved ones are those of the last month that has approved ones, named."""
    version = contracts.version_at(contract, contracts.first_day(contract, period))
    sources = dict(version.penalties.get("bases", {})).values()
    needed = {each["charge"] if isinstance(each, dict) else str(each) for each in sources}
    approved = {str(row["kind"]) for row in charges.to_dict("records") if is_approved(row)}
    missing = sorted(needed - approved)
    if not missing:
        return charges, ()
    columns = ", ".join(f"charge.{name}" for name in CHARGE.names)
    bound = {"contract": contract.name, "period": period, "kinds": missing}
    earlier = read_frame(connection, _EARLIER_CHARGES.format(columns=columns), bound, CHARGE)
    usable = [str(row["kind"]) for row in earlier.to_dict("records") if row["kind"] in missing and is_approved(row)]
    earlier = earlier[earlier["kind"].astype("str").isin(usable).to_numpy(dtype=bool)]
    if earlier.empty:
        return charges, ()
    waiting = charges["kind"].astype("str").isin(usable).to_numpy(dtype=bool)
    imported = set(charges.loc[waiting, "kind"].astype("str"))
    lacks = {kind: "approved" if kind in imported else "imported" for kind in usable}
    assumed = tuple(
        f"{row['kind']} of {period} is not {lacks[row['kind']]} yet: {row['amount']:,} {row['currency']},"
        f" as in {row['period']}"
        for row in earlier.to_dict("records")
    )
    return pd.concat([charges[~waiting], earlier.assign(period=period)], ignore_index=True), assumed
