"""What would be corrected now: a look that writes nothing, and the adjustments that are posted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskledger import ledger
from deskledger.errors import StatementError
from deskledger.steps import measure
from deskledger.steps.close import contract_named
from deskledger.steps.close_content import snapshot
from deskledger.steps.due_months import earliest_open
from deskledger.steps.restate import restatements
from deskledger.warehouse import open_warehouse


@dataclass(frozen=True)
class Corrections:
    """A contract's posted months held against what is known now.

    `found` are the adjustments that a draft of the month `booked_in` would propose, `not_restated` the months that are
    left as they stand though something changed (period, reason). A month in review keeps what its draft was made with;
    then `is_in_review`, and what is new among these goes into the month after it. `posted` are rows of
    ledger.adjustment.
    """

    contract: str
    currency: str
    booked_in: str
    is_in_review: bool
    found: Sequence[ledger.Adjustment]
    not_restated: Sequence[Mapping[str, str]]
    posted: Sequence[Mapping[str, Any]]


def corrections(name: str, now: datetime) -> Corrections:
    """What the contract's posted months come to now; nothing is written.

    Raises ContractError for a contract that is not valid, StatementError before there are tickets, or when a version
    begins in a posted month and does not name it.
    """
    contract = contract_named(name)
    with snapshot(open_warehouse()) as connection:
        period = earliest_open(connection, contract)
        if period is None:
            raise StatementError(
                "none of its sources has a ticket yet", where=f"contract {name}", remedy="ingest the sources first"
            )
        newest = ledger.newest_draft(connection, name, period)
        made = restatements(connection, contract, period, now, measure.watermark(connection, contract) or now)
        return Corrections(
            contract=name,
            currency=contract.currency,
            booked_in=period,
            is_in_review=newest is not None and newest["state"] in {"in_review", "approved"},
            found=made.adjustments,
            not_restated=made.not_restated,
            posted=ledger.posted_adjustments(connection, name),
        )
