"""What a draft is made of before it is stored: its own month, and the posted months that it corrects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from deskledger.landing.evidence import EvidenceFile
from deskledger.ledger.canonical import digest, frame_digest


@dataclass(frozen=True)
class Adjustment:
    """One posted month that a draft corrects: what was issued and adjusted for it before, and what it comes to now.

    `replaced_draft_id` is the draft whose result stood until now. The restated month is either `restated`, made now, or
    the stored `restated_draft_id`; `restated_sha256` is its inputs' hash. `causes` say what changed, as plain rows.
    `preparers` wrote the restated month's terms or imported its charges: they cannot approve the draft that books it.
    """

    corrected_period: str
    corrected_statement: str
    replaced_draft_id: str
    currency: str
    issued_amount: Decimal
    adjusted_amount: Decimal
    restated_amount: Decimal
    restated_sha256: str
    causes: Sequence[Mapping[str, Any]]
    preparers: Sequence[str]
    restated: "DraftContent | None" = None
    restated_draft_id: str | None = None

    @property
    def amount(self) -> Decimal:
        """What is booked: above zero goes to the customer, below zero comes back."""
        return self.restated_amount - self.issued_amount - self.adjusted_amount


@dataclass(frozen=True)
class DraftContent:
    """All that a draft states: the contract's terms, the month's figures, and the rows behind them.

    `terms` are the version's, expanded; `assessment` holds what `penalties.assess` took (`contract`, `measurements`);
    `levels`, `lines` and `trace` have the columns of their tables; `evidence` is model.EVIDENCE; `control` the control
    totals; `data_mark` tells cheaply whether anything landed since; `preparers` are those who wrote the terms or
    imported the charges, and cannot approve; `adjustments` are the posted months that it corrects. Only a draft that is
    written has what these make, None where nothing was measured: `figures`, those beside the service levels, for
    `control`; and `freeze`, the files of what stands behind the evidence. That is called too when a file of the stored
    draft that says the same is not there any more (`is_kept`).
    """

    contract: str
    contract_title: str
    parties: Mapping[str, str]
    period: str
    version: int
    effective_from: date
    currency: str
    credit_amount: Decimal
    timezone: str
    period_start_at: datetime
    period_end_at: datetime
    as_of: datetime
    data_cutoff: datetime
    watermark_at: datetime
    data_mark: str
    contract_sha256: str
    preparers: Sequence[str]
    terms: Mapping[str, Any]
    assessment: Mapping[str, Any]
    charges: Mapping[str, Any]
    control: Mapping[str, Any]
    csat: Mapping[str, Any] | None
    incomplete_tickets: int
    levels: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    evidence: pd.DataFrame
    adjustments: Sequence[Adjustment] = ()
    figures: Callable[[], Mapping[str, Any]] | None = None
    freeze: Callable[[], Sequence[EvidenceFile]] | None = None
    is_kept: Callable[[EvidenceFile], bool] | None = None


def inputs_sha256(content: DraftContent) -> str:
    """The hash of what the draft rests on and says: terms, evidence, charges, history, figures, money.

    Not of when it was made: the same terms and data give the same hash at any later instant.
    """
    return digest(
        {
            "contract": content.contract,
            "period": content.period,
            "contract_sha256": content.contract_sha256,
            "version": content.version,
            "as_of": content.as_of,
            "assessment": content.assessment,
            "charges": content.charges,
            "levels": content.levels,
            "lines": content.lines,
            "credit_amount": content.credit_amount,
            "evidence_sha256": frame_digest(content.evidence),
            "incomplete_tickets": content.incomplete_tickets,
            "adjustments": [
                [each.corrected_period, each.replaced_draft_id, each.amount, each.restated_sha256]
                for each in content.adjustments
            ],
        }
    )
