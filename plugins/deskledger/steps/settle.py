"""The final settlement: a statement after the contract's end, of corrections alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger, penalties, statement
from deskledger.contract.terms import Contract
from deskledger.errors import StatementError
from deskledger.model import EVIDENCE, empty
from deskledger.statement.compose import line_row, step_row
from deskledger.steps import terms
from deskledger.steps.close_content import booked, data_mark
from deskledger.steps.deadline import review_terms

SETTLED = "settled"
# How the contract writes money; nothing else of its penalties applies to what other months were corrected by.
_MONEY = ("currency", "money_places", "money_rounding", "round_stage")
_NOTHING_READ: Mapping[str, Any] = {"tickets": 0, "events": 0, "cycles": 0, "answers": 0, "loads": []}


def settlement(
    connection: Connection,
    contract: Contract,
    period: str,
    now: datetime,
    watermark: datetime,
    past: Sequence[statement.PastMonth],
    adjustments: Sequence[ledger.Adjustment] = (),
    not_restated: Sequence[Mapping[str, str]] = (),
) -> ledger.DraftContent:
    """All that a settlement states: corrections of the contract's posted months, in the terms in force at its end.

    `period` is one after the end, and names the statement; nothing is measured in it. Raises StatementError (`settled`)
    when there is nothing to correct, `not_approved` as `draft_content` does.
    """
    ends_on, ended_at = contract.ends_on, contracts.ended_at(contract)
    assert ends_on is not None and ended_at is not None
    if not adjustments:
        left = "".join(f"; {each['period']} is left as it is: {each['reason']}" for each in not_restated)
        raise StatementError(
            f"{SETTLED}: the contract ended on {ends_on}, and its posted months come to what was booked{left}",
            where=f"contract {contract.name}, period {period}",
            remedy="nothing is to be done until something about these months changes",
        )
    version = contracts.version_at(contract, ends_on)
    approved = terms.approved_versions(connection, contract, contracts.period_of(contract, ended_at))
    start, end = contracts.period_bounds(contract, period)
    priced = {name: version.penalties[name] for name in _MONEY if version.penalties.get(name) is not None}
    measured = {"measures": {}, "history": {}, "adjustments": booked(adjustments)}
    assessed = penalties.assess(priced, measured)
    preparers = {row["submitted_by"] for row in approved} | {name for each in adjustments for name in each.preparers}
    return ledger.DraftContent(
        contract=contract.name,
        contract_title=contract.title,
        parties=contract.parties,
        period=period,
        version=version.number,
        effective_from=version.effective_from,
        currency=contract.currency,
        credit_amount=assessed.credit,
        timezone=contract.period.timezone,
        period_start_at=start,
        period_end_at=end,
        as_of=ended_at,
        data_cutoff=statement.data_cutoff(connection, contract, now),
        watermark_at=watermark,
        data_mark=data_mark(connection, contract, period),
        contract_sha256=contract.sha256,
        preparers=sorted({version.author, *preparers}),
        terms={
            **ledger.plain(version),
            "open_spans": {},
            "approvals": ledger.approvals.stated(approved),
            "review": review_terms(contract, version, now),
        },
        assessment={"contract": priced, "measurements": measured, "flags": [], "paid": {}, "requests": []},
        charges={},
        control={**_NOTHING_READ, **({"not_restated": list(not_restated)} if not_restated else {})},
        csat=None,
        incomplete_tickets=0,
        levels=[],
        lines=[line_row(number, line, version, ()) for number, line in enumerate(assessed.lines, start=1)],
        trace=[step_row(number, row) for number, row in enumerate(assessed.trace, start=1)],
        evidence=empty(EVIDENCE),
        adjustments=adjustments,
    )
