"""From a statement to the draft that the ledger keeps: the two speak of the same month in their own words."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger, statement
from deskledger.contract.terms import Contract


def draft_content(
    connection: Connection, contract: Contract, period: str, data_cutoff: datetime, watermark: datetime
) -> ledger.DraftContent:
    """All that a draft of the contract's period states, measured at its end over what had landed by `data_cutoff`."""
    start, end = contracts.period_bounds(contract, period)
    inputs = statement.read_inputs(connection, contract, period, start, end, data_cutoff)
    past = [_past(row) for row in ledger.posted_months(connection, contract.name, period)]
    made = statement.compose(contract, period, inputs, past)
    return ledger.DraftContent(
        contract=contract.name,
        contract_title=contract.title,
        parties=contract.parties,
        period=period,
        version=made.version.number,
        effective_from=made.version.effective_from,
        currency=contract.currency,
        credit_amount=made.credit,
        timezone=contract.period.timezone,
        period_start_at=start,
        period_end_at=end,
        as_of=end,
        data_cutoff=data_cutoff,
        watermark_at=watermark,
        contract_sha256=contract.sha256,
        preparers=made.preparers,
        terms=ledger.plain(made.version),
        assessment=made.assessment,
        charges=made.charges,
        control=made.control,
        csat=made.csat,
        incomplete_tickets=made.incomplete_tickets,
        levels=made.levels,
        lines=made.lines,
        trace=made.trace,
        evidence=made.evidence,
    )


def _past(row: dict[str, Any]) -> statement.PastMonth:
    return statement.PastMonth(
        period=row["period"],
        statuses=row["statuses"],
        figures={
            level: statement.MonthFigures(month["period"], Fraction(month["num"]), int(month["den"]))
            for level, month in row["figures"].items()
        },
        credit=Decimal(row["credit_amount"]),
        points=row["points"],
    )
