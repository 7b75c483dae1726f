"""A month's KPIs over all that has landed, by any field that the values of a ticket change in. Writes nothing."""

from datetime import datetime
from typing import Any

from deskledger import contract as contracts
from deskledger.errors import DeskledgerError
from deskledger.statement.figures import figures
from deskledger.statement.material import material
from deskledger.steps import measure
from deskledger.steps.close import contract_named
from deskledger.steps.close_content import inputs_of, snapshot
from deskledger.warehouse import open_warehouse


def month_kpis(name: str, period: str, by: str, now: datetime) -> dict[str, Any]:
    """The figures of a contract's period: contract, period, as_of, `denominator` of CSAT shares (or None), figures.

    A running period is told as of its sources' watermark. Needs no charge and no approval: nothing is priced. Raises
    ContractError before the contract's first version, DeskledgerError while a source has not been loaded.
    """
    contract = contract_named(name)
    version = contracts.version_at(contract, contracts.first_day(contract, period))
    end = contracts.period_bounds(contract, period)[1]
    with snapshot(open_warehouse()) as connection:
        watermark = measure.watermark(connection, contract)
        if watermark is None:
            raise DeskledgerError(
                "none of its figures is known before all its sources are loaded",
                where=f"contract {name}",
                remedy="ingest the sources first",
            )
        as_of = min(end, watermark, now)
        inputs = inputs_of(connection, contract, period, now)
    month = material(contract, version, period, inputs, as_of)
    told = figures(month, contract.period.timezone, groups=(by,))
    return {
        "contract": contract.name,
        "period": period,
        "as_of": as_of,
        "denominator": None if version.csat is None else version.csat.denominator,
        "figures": told,
    }
