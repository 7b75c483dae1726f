"""What each approved request does to a month: rows set aside, and the credit with and without it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from deskledger.penalties.result import Assessment
from deskledger.statement.exclusions import Granted, counts
from deskledger.statement.levels import LevelResult

# Of a request, as a statement freezes it: what was asked for, why, on what evidence, by whom, and who allowed it.
_FROZEN = (
    "request_id", "kind", "period", "reason", "terms", "subjects", "service_levels", "line", "amount", "explanation",
    "evidence", "evidence_sha256", "requested_by", "requested_at", "approved_by", "approved_at",
)  # fmt: skip


@dataclass(frozen=True)
class Priced:
    """A month measured and priced: the results, the rows behind them, what `penalties.assess` took and gave."""

    results: Sequence[LevelResult]
    evidence: pd.DataFrame
    priced: Mapping[str, Any]
    measured: Mapping[str, Any]
    assessed: Assessment


def effects(granted: Granted, found: Priced, priced_with: Callable[[Granted], Priced]) -> list[dict[str, Any]]:
    """Every request in `granted` as the statement lists it, with `rows` by service level and `credit_without` it.

    `found` is the month with all of them, `priced_with` the month with others.
    """
    changing = granted.changing()
    told = []
    for record in granted.records:
        request_id = record["request_id"]
        without = priced_with(granted.without(request_id)) if request_id in changing else found
        told.append(
            {
                **{name: record[name] for name in _FROZEN},
                "rows": counts(found.evidence, request_id),
                "credit_with": found.assessed.credit,
                "credit_without": without.assessed.credit,
            }
        )
    return told


def credit_without_requests(granted: Granted, found: Priced, priced_with: Callable[[Granted], Priced]) -> Decimal:
    """What the month would come to had nobody asked for anything: an approver's authority has to cover it."""
    return priced_with(granted.without()).assessed.credit if granted.changing() else found.assessed.credit
