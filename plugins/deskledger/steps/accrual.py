"""Accrual: what the months that are not posted will probably cost, by contract and currency. Writes nothing.

Credits are variable consideration (IFRS 15.51): revenue is recognised less the best estimate of what will be given
back, before anybody has agreed to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger, penalties
from deskledger.contract.terms import Contract
from deskledger.errors import DeskledgerError
from deskledger.ledger.books import Books, read_books
from deskledger.settings import settings
from deskledger.steps.close_content import snapshot
from deskledger.steps.forecast import of_running
from deskledger.steps.open_months import OpenMonth, may_be_claimed_until, open_months
from deskledger.warehouse import open_warehouse

Method = Literal["draft", "stated", "forecast"]


@dataclass(frozen=True)
class Estimate:
    """A month that is not posted. Credits in `currency`, above zero to the contract's customer.

    `state` is that of the newest draft (in_review, approved, disputed), `not drafted` where the month is over without
    one, or `running`. `best` is the draft's credit, the month as it would be drafted now, or the mean of the running
    month's forecast, each as if claimed while the customer may still claim it; `low` to `high` is a forecast's
    interval, a draft's amounts without and with the claim, elsewhere the same amount. `side` says who pays: `owed`
    to a customer, or `due` from the supplier of a contract that backs another. `standing` says what a reader needs
    (who disputed and why; what is assumed).
    """

    contract: str
    period: str
    side: Literal["owed", "due"]
    currency: str
    state: str
    method: Method
    low: Decimal
    best: Decimal
    high: Decimal
    as_of: datetime
    draft_id: str | None
    standing: tuple[str, ...]


@dataclass(frozen=True)
class Accrual:
    """Every open month, and each contract of which nothing can be said, with the reason."""

    months: tuple[Estimate, ...]
    unknown: tuple[tuple[str, str], ...]
    books: Books | None

    def totals(self) -> dict[tuple[str, str], Decimal]:
        """The best estimates by currency and side; currencies and sides are never added to each other."""
        found: dict[tuple[str, str], Decimal] = {}
        for month in self.months:
            key = (month.currency, month.side)
            found[key] = found.get(key, Decimal(0)) + month.best
        return dict(sorted(found.items()))

    def is_material(self, month: Estimate) -> bool:
        """Whether the month's best estimate reaches the amount that the books declare for its currency."""
        least = self.books.materiality.get(month.currency) if self.books else None
        return least is None or abs(month.best) >= Decimal(least)


def accrual(*, now: datetime) -> Accrual:
    """The open months of every contract, each as of its own watermark (not after `now`).

    A contract that cannot be read, or stated from some month on, is named with its reason and keeps no other back.
    """
    loaded, refused = contracts.load_all(settings().contracts)
    unknown = [(str(error.where or "contracts"), error.what) for error in refused]
    months: list[Estimate] = []
    with snapshot(open_warehouse()) as connection:
        for contract in loaded:
            found, reason = estimates(connection, contract, now)
            months += found
            unknown += [(contract.name, reason)] if reason else []
    return Accrual(tuple(months), tuple(unknown), _books())


def estimates(connection: Connection, contract: Contract, now: datetime) -> tuple[list[Estimate], str | None]:
    """The contract's open months, oldest first, and why they end early where one cannot be stated.

    A month or settlement that is drafted is always among them, with its draft's credit.
    """
    found: list[Estimate] = []
    reason = None
    try:
        for month in open_months(connection, contract, now):
            found.append(_estimate(connection, contract, month, now))
    except DeskledgerError as error:
        reason = f"after {found[-1].period}: {error.what}" if found else error.what
    told = {each.period for each in found}
    for period in ledger.drafted_periods(connection, contract.name):
        if period not in told:
            newest = ledger.newest_draft(connection, contract.name, period)
            assert newest is not None
            found.append(_drafted(connection, contract, newest, now))
    return sorted(found, key=lambda each: each.period), reason


def _books() -> Books | None:
    """The books, where there are any: an accrual says what it can without accounts."""
    return read_books(settings().books) if settings().books.is_file() else None


def _estimate(connection: Connection, contract: Contract, month: OpenMonth, now: datetime) -> Estimate:
    newest = ledger.newest_draft(connection, contract.name, month.period)
    if month.is_running:
        money = of_running(connection, contract, month).outlook.money
        amounts = (money.low, money.expected, money.high)
        return _told(contract, month.period, month.as_of, "running", "forecast", amounts, month.assumed)
    if newest is None:
        credit = month.made.credit
        amounts = (credit, credit, credit)
        return _told(contract, month.period, month.as_of, "not drafted", "stated", amounts, month.assumed)
    return _drafted(connection, contract, newest, now)


def _drafted(connection: Connection, contract: Contract, newest: Mapping[str, Any], now: datetime) -> Estimate:
    """What the newest draft says, on its own charges and terms. Only a claim that may still come is assumed."""
    draft = ledger.read(connection, newest["draft_id"]).draft
    credit = best = newest["credit_amount"]
    standing = []
    last = may_be_claimed_until(contract, newest["period"], now)
    if last is not None:
        terms = {**draft["assessment"]["contract"], "until_claimed": "credited"}
        best = penalties.assess(terms, draft["assessment"]["measurements"]).credit
    if best != credit:
        standing.append(f"the draft's {credit} would be {best} if claimed by {last}; nobody has claimed it yet")
    if newest["state"] == "disputed":
        standing.append(f"disputed by {newest['decided_by']} on {newest['decided_at']:%Y-%m-%d}: {newest['comment']}")
    if newest["incomplete_tickets"]:
        standing.append(f"{newest['incomplete_tickets']} incomplete tickets or rows hold it up")
    amounts = (min(credit, best), best, max(credit, best))
    as_of = draft["as_of"]
    return _told(contract, newest["period"], as_of, newest["state"], "draft", amounts, standing, newest["draft_id"])


def _told(
    contract: Contract,
    period: str,
    as_of: datetime,
    state: str,
    method: Method,
    amounts: Sequence[Decimal],
    standing: Iterable[str] = (),
    draft_id: str | None = None,
) -> Estimate:
    low, best, high = amounts
    return Estimate(
        contract=contract.name,
        period=period,
        side="owed" if contract.backs is None else "due",
        currency=contract.currency,
        state=state,
        method=method,
        low=low,
        best=best,
        high=high,
        as_of=as_of,
        draft_id=draft_id,
        standing=tuple(standing),
    )
