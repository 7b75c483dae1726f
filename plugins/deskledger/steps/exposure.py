"""Net exposure: what a provider owes its customer, less what its suppliers owe it for the same months. Writes nothing.

Each contract settles gross (penalty structures, 11): the net is reported, and never booked.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger.contract.terms import Contract
from deskledger.errors import DeskledgerError
from deskledger.settings import settings
from deskledger.steps.accrual import estimates
from deskledger.steps.close_content import snapshot
from deskledger.warehouse import open_warehouse

# A statement also books corrections of earlier months: each month has what stands of it.
_POSTED = text("""
select
    period,
    issued_amount + adjusted_amount as credit_amount
from ledger.standing_month
where contract = :contract
order by period
""")


@dataclass(frozen=True)
class Side:
    """One contract's month: its credit, and its state (posted, or that of an open month); None where there is none."""

    contract: str
    currency: str
    credit: Decimal | None
    state: str


@dataclass(frozen=True)
class Exposure:
    """A month of an upstream contract beside those of the contracts that back it.

    `net` is the upstream credit less what the backing contracts recover, None where one of them is in another currency
    (nothing is converted) or has no figure.
    """

    period: str
    upstream: Side
    backing: tuple[Side, ...]

    @property
    def net(self) -> Decimal | None:
        sides = (self.upstream, *self.backing)
        if any(side.credit is None or side.currency != self.upstream.currency for side in sides):
            return None
        recovered = sum((side.credit for side in self.backing if side.credit is not None), Decimal(0))
        return None if self.upstream.credit is None else self.upstream.credit - recovered


def exposure(name: str | None = None, *, now: datetime) -> tuple[list[Exposure], list[tuple[str, str]]]:
    """Every month of every contract that others back (or of the one named), and the contracts without a figure.

    Posted months count as posted, open ones by the best estimate of `accrual`.
    """
    loaded, refused = contracts.load_all(settings().contracts)
    unknown = [(str(error.where or "contracts"), error.what) for error in refused]
    upstream = {each.name: each for each in loaded if any(other.backs == each.name for other in loaded)}
    chosen = [each for each in upstream.values() if name in {None, each.name}]
    if name is not None and not chosen:
        raise DeskledgerError(
            f"no contract backs {name!r}",
            where=str(settings().contracts),
            remedy=f"ask for one of: {', '.join(sorted(upstream)) or 'none; write `backs:` in the supplier contract'}",
        )
    found: list[Exposure] = []
    with snapshot(open_warehouse()) as connection:
        sides: dict[str, dict[str, Side]] = {}
        for contract in loaded:
            if contract in chosen or contract.backs in {each.name for each in chosen}:
                sides[contract.name], reason = _sides(connection, contract, now)
                unknown += [(contract.name, reason)] if reason else []
        for contract in chosen:
            backing = [each for each in loaded if each.backs == contract.name]
            periods = sorted({period for each in (contract, *backing) for period in sides[each.name]})
            found += [
                Exposure(
                    period,
                    _side(contract, sides, period),
                    tuple(_side(each, sides, period) for each in backing),
                )
                for period in periods
            ]
    return found, unknown


def _sides(connection: Connection, contract: Contract, now: datetime) -> tuple[dict[str, Side], str | None]:
    """The contract's months, posted and open, and why the open ones are missing where they are."""
    posted = connection.execute(_POSTED, {"contract": contract.name})
    sides = {row.period: Side(contract.name, contract.currency, row.credit_amount, "posted") for row in posted}
    open_ones, reason = estimates(connection, contract, now)
    sides |= {each.period: Side(contract.name, each.currency, each.best, each.state) for each in open_ones}
    return sides, reason


def _side(contract: Contract, sides: dict[str, dict[str, Side]], period: str) -> Side:
    return sides[contract.name].get(period, Side(contract.name, contract.currency, None, "no figure"))
