"""What a contract's period is counted from: its cycles, answers and the rows of its KPIs, in the contract's scope."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pandas as pd

from deskledger.contract.periods import period_bounds
from deskledger.contract.terms import Contract, Filter, Version
from deskledger.statement import answers as surveys
from deskledger.statement.cycles import contract_cycles, with_choice
from deskledger.statement.inputs import Inputs
from deskledger.statement.kpi_rows import counted_rows
from deskledger.statement.population import with_ticket_fields, within


@dataclass(frozen=True)
class Material:
    """The period's rows: model.CYCLE with `is_chosen`, and the answers of `prepare`; of these inputs, in this scope."""

    start_at: pd.Timestamp
    end_at: pd.Timestamp
    cycles: pd.DataFrame
    answers: pd.DataFrame
    inputs: Inputs
    scope: Filter

    @cached_property
    def counted(self) -> pd.DataFrame:
        """What every KPI counts: the rows of `counted_rows`."""
        tickets, events, incomplete = self.inputs.tickets, self.inputs.events, self.inputs.incomplete
        return counted_rows(tickets, events, self.scope, self.start_at, self.end_at, incomplete)


def material(
    contract: Contract, version: Version, period: str, inputs: Inputs, as_of: datetime | None = None
) -> Material:
    """All that the period's service levels and figures are counted from; a running period's as of an instant."""
    start, end = period_bounds(contract, period)
    start_at, end_at = (pd.Timestamp(instant).as_unit("us") for instant in (start, end))
    cycles = contract_cycles(contract, inputs.tickets, inputs.events, as_of or end, inputs.incomplete)
    cycles = with_ticket_fields(cycles, inputs.tickets)
    return Material(
        start_at=start_at,
        end_at=end_at,
        cycles=with_choice(contract, cycles[within(cycles, contract.scope)]),
        answers=_answers(contract, version, inputs, start_at, end_at),
        inputs=inputs,
        scope=contract.scope,
    )


def _answers(
    contract: Contract, version: Version, inputs: Inputs, start_at: pd.Timestamp, end_at: pd.Timestamp
) -> pd.DataFrame:
    if version.csat is None:
        return inputs.answers
    ready = surveys.prepare(
        inputs.answers, inputs.tickets, inputs.events, version.csat, start_at, end_at, contract.period.survey_wait
    )
    return ready[within(ready, contract.scope)]
