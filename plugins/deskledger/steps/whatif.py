"""What if: past months under other terms, beside what was posted. Reads, and writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger, statement
from deskledger.contract.terms import Contract
from deskledger.errors import ContractError, StatementError
from deskledger.statement.compare import changed_sides, level_changes, line_changes
from deskledger.statement.past import as_past
from deskledger.steps.close import contract_named
from deskledger.steps.close_content import inputs_of, past_of, snapshot, stated
from deskledger.steps.due_months import earliest_open
from deskledger.steps.measure import watermark
from deskledger.warehouse import open_warehouse

# The most months of one question: a year beside another is a question, ten years are a mistake in the months.
_MOST_MONTHS = 36


@dataclass(frozen=True)
class WhatIfMonth:
    """One month: credits as posted for it (None while it is not), under the same terms today, and under the others.

    `posted` and `before` differ only by data that arrived after posting; `before` and `after` only by the terms.
    `lines`, `levels` and `sides` compare `before` with `after` (statement.compare).
    """

    period: str
    statement_number: str | None
    data_cutoff: datetime
    posted: Decimal | None
    before: Decimal
    after: Decimal
    lines: Sequence[Mapping[str, Any]]
    levels: Sequence[Mapping[str, Any]]
    sides: pd.DataFrame

    @property
    def difference(self) -> Decimal:
        """What the other terms change, in the contract's currency; above zero is more credit to the customer."""
        return self.after - self.before


@dataclass(frozen=True)
class WhatIf:
    """A contract's months under other terms: `file` and `version` say which."""

    contract: str
    title: str
    currency: str
    file: str
    version: int
    months: tuple[WhatIfMonth, ...]


def whatif(name: str, first: str, last: str, terms: Path, *, now: datetime) -> WhatIf:
    """The contract's months `first` to `last` ("2026-01") under the newest version of the contract file `terms`.

    That version holds in all of them, as if it had been in force from the contract's start. Repeat runs, rolling
    windows and caps follow from the posted months before `first`, and from then on from these very results. Raises
    ContractError for a file that is not valid, of another contract, currency, zone or first day of the month, and
    StatementError for months that have not ended, that begin after an open one, or that cannot be stated (`no_base`).
    """
    contract = contract_named(name)
    other = _other_terms(contract, terms)
    periods = _periods(first, last)
    with snapshot(open_warehouse()) as connection:
        _refuse_months(connection, contract, periods, now)
        past_before = past_of(connection, name, first)
        number = other.versions[0].number
        past_after = [replace(month, late=statement.under_version(month.late, number)) for month in past_before]
        months = []
        for period in periods:
            before, _ = _stated(connection, contract, period, past_before, now)
            after, cutoff = _stated(connection, other, period, past_after, now)
            posting = ledger.posted(connection, name, period)
            months.append(
                WhatIfMonth(
                    period=period,
                    statement_number=None if posting is None else str(posting["statement_number"]),
                    data_cutoff=cutoff,
                    posted=None if posting is None else ledger.issued_amount(connection, posting["statement_number"]),
                    before=before.credit,
                    after=after.credit,
                    lines=line_changes(before.lines, after.lines),
                    levels=level_changes(before.levels, after.levels),
                    sides=changed_sides(before.evidence, after.evidence),
                )
            )
            past_before = [*past_before, as_past(before)]
            past_after = [*past_after, as_past(after)]
    return WhatIf(name, contract.title, contract.currency, other.file, number, tuple(months))


def _other_terms(contract: Contract, file: Path) -> Contract:
    """The contract of `file` with its newest version alone, in force since the first version of `contract`."""
    other = contracts.load(file)
    for word, mine, its in (
        ("contract", contract.name, other.name),
        ("currency", contract.currency, other.currency),
        ("zone", contract.period.timezone, other.period.timezone),
        ("first day of the month", str(contract.period.start_day), str(other.period.start_day)),
    ):
        if mine != its:
            raise ContractError(
                f"its {word} is {its}, that of the months in question is {mine}",
                where=other.file,
                remedy=f"begin with a copy of {contract.file} and change its terms",
            )
    newest = replace(other.versions[-1], effective_from=contract.versions[0].effective_from)
    opening = other.opening and replace(other.opening, late=statement.under_version(other.opening.late, newest.number))
    return replace(other, versions=(newest,), opening=opening)


def _periods(first: str, last: str) -> list[str]:
    periods = [first]
    while periods[-1] < last and len(periods) <= _MOST_MONTHS:
        periods.append(contracts.next_period(periods[-1]))
    if periods[-1] != last or len(periods) > _MOST_MONTHS:
        raise StatementError(
            f"{first} to {last} are not between one and {_MOST_MONTHS} months in their order",
            where="--months",
            remedy="write the first and the last month, as in 2026-01..2026-03",
        )
    return periods


def _refuse_months(connection: Connection, contract: Contract, periods: Sequence[str], now: datetime) -> None:
    known = watermark(connection, contract)
    end = contracts.period_bounds(contract, periods[-1])[1]
    if known is None or min(known, now) < end:
        raise StatementError(
            f"{periods[-1]} is not over: the sources of {contract.name} are complete to {known or 'nowhere'}",
            where="--months",
            remedy=f"ask about months that have ended, or see `deskledger forecast {contract.name}`",
        )
    missing = earliest_open(connection, contract)
    if missing is not None and missing < periods[0]:
        raise StatementError(
            f"{missing} is not posted, and repeat runs and caps of {periods[0]} follow from it",
            where="--months",
            remedy=f"begin with {missing}",
        )


def _stated(
    connection: Connection, contract: Contract, period: str, past: Sequence[statement.PastMonth], now: datetime
) -> tuple[statement.Statement, datetime]:
    inputs = inputs_of(connection, contract, period, now, past)
    return stated(connection, contract, period, inputs, past), inputs.data_cutoff
