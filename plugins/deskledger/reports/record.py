"""What a report is rendered from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from deskledger.kpis import Limits


@dataclass(frozen=True)
class StatementRecord:
    """A stored draft with all that its report shows, as plain rows.

    `draft`, `state`, `levels`, `lines`, `trace` and `decisions` are rows of the ledger; `evidence` is model.EVIDENCE;
    `requests` are rows of ledger.request_state about the month;
    `trend` gives each level's earlier months, oldest first (`period`, `value`, `status`); `year_to_date` is the sum
    of the currency's posted credits of this contract and year; `poor_answers` carry the customers' own words;
    `earlier_figures` are the days and backlogs of the posted months before, oldest first; `limits` and `causes` say
    which days are too far from usual, and what is known of which; `adjustments` are the posted months that
    the draft corrects; `tax` is what the books add to the credit (treatment, rate, tax, note_number);
    `first_approval` is the first of two, where two are asked; its `fault` says why it no longer stands.
    """

    draft: Mapping[str, Any]
    state: Mapping[str, Any]
    levels: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    decisions: Sequence[Mapping[str, Any]]
    evidence: pd.DataFrame
    trend: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    year_to_date: Decimal = Decimal(0)
    poor_answers: Sequence[Mapping[str, Any]] = ()
    entry_sha256: str | None = None
    earlier_figures: Sequence[Mapping[str, Any]] = ()
    limits: Limits | None = None
    causes: Sequence[Mapping[str, Any]] = ()
    requests: Sequence[Mapping[str, Any]] = ()
    adjustments: Sequence[Mapping[str, Any]] = ()
    tax: Mapping[str, Any] | None = None
    first_approval: Mapping[str, Any] | None = None
