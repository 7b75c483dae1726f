"""Which months of the contracts are due to be drafted, and when one that was drafted is due again."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger import ledger
from deskledger.contract.terms import Contract
from deskledger.settings import settings
from deskledger.steps import measure, terms
from deskledger.steps.close_content import charge_mark, data_mark
from deskledger.steps.settle import SETTLED
from deskledger.warehouse import open_warehouse

_log = logging.getLogger(__name__)

_FIRST_TICKET = text("select min(created_at) from core.ticket where source = any(:sources)")
_FIRST_POSTED = text("select min(period) from ledger.posting where contract = :contract")

# A run posts what was approved within a quarter of an hour: so often its review looks at the ledger.
_POSTED_WITHIN = timedelta(hours=1)

CURRENT = "current"  # the outcome of an attempt after which the newest draft still holds

# What has to change before a month that could not be drafted is worth another attempt; else, any data.
MARKS = {"no_base": charge_mark, terms.NOT_APPROVED: terms.approval_mark, SETTLED: data_mark}


def due(now: datetime) -> list[str]:
    """Keys of the months to draft: each contract's earliest month that is not posted, if its data are complete.

    Complete is a watermark of all its sources at the period's end, plus `close_after`, plus `survey_wait` where the
    terms measure CSAT. A month in review is due again only when something changed since; a disputed one is, and so is
    one that was approved so long ago that the run which should have posted it is gone. What stopped the last attempt
    (`ledger.held_up`) must have changed for another one; incomplete tickets that block a posting too. A contract that
    is not valid is skipped with a log line: its own file's check and the measure step raise it.
    """
    loaded, refused = contracts.load_all(settings().contracts)
    for error in refused:
        _log.error("contract left out: %s", error)
    with open_warehouse().connect() as connection:
        keys = [key for each in loaded if (key := _due_of(connection, each, now)) is not None]
    return sorted(keys)


def following(key: str, now: datetime) -> list[str]:
    """The months of the key's own contract that are due: after a posting, the next one, if its data are complete."""
    contract = key.partition("|")[0]
    return [each for each in due(now) if each.partition("|")[0] == contract]


def _due_of(connection: Connection, contract: Contract, now: datetime) -> str | None:
    period = earliest_open(connection, contract)
    if period is None or not _is_complete(connection, contract, period, now):
        return None
    newest = ledger.newest_draft(connection, contract.name, period)
    key = f"{contract.name}|{period}"
    is_open = newest is not None and (newest["state"] == "disputed" or is_left(newest, now))
    if newest is not None and not is_open and not has_news(connection, contract, newest):
        return None
    stopped = ledger.last_attempt(connection, contract.name, period)
    if stopped is None or stopped["contract_sha256"] != contract.sha256:
        return key
    if newest is not None and stopped["attempted_at"] < newest["drafted_at"]:
        return key
    if is_open and stopped["outcome"] == CURRENT:
        return key
    mark = MARKS.get(stopped["outcome"], data_mark)
    return key if mark(connection, contract, period) != stopped["data_mark"] else None


def earliest_open(connection: Connection, contract: Contract) -> str | None:
    """The first period with tickets under a version that is not posted; None before there are tickets.

    Months until the opening balances were settled elsewhere.

    Never one before the first posted month: history that is imported later reopens nothing, as repeat runs and caps of
    the posted months would have had to follow from it.
    """
    first_ticket = connection.execute(_FIRST_TICKET, {"sources": list(contract.sources)}).scalar_one()
    if first_ticket is None:
        return None
    begins = contract.versions[0].effective_from
    first_posted = connection.execute(_FIRST_POSTED, {"contract": contract.name}).scalar_one()
    settled = contracts.next_period(contract.opening.until) if contract.opening else ""
    period = max(f"{begins:%Y-%m}", contracts.period_of(contract, first_ticket), first_posted or "", settled)
    while ledger.posted(connection, contract.name, period) is not None:
        period = contracts.next_period(period)
    return period


def closable_at(contract: Contract, period: str) -> datetime:
    """The watermark that the period's draft needs. After the contract's end, corrections are settled at once."""
    ended = contracts.ended_at(contract)
    if ended is not None and contracts.is_after_end(contract, period):
        return ended
    end = contracts.period_bounds(contract, period)[1]
    version = contracts.version_at(contract, contracts.first_day(contract, period))
    return end + contract.period.close_after + (contract.period.survey_wait if version.csat else end - end)


def _is_complete(connection: Connection, contract: Contract, period: str, now: datetime) -> bool:
    watermark = measure.watermark(connection, contract)
    return watermark is not None and closable_at(contract, period) <= min(watermark, now)


def is_left(draft: Mapping[str, Any], now: datetime) -> bool:
    """Was the draft approved, and not posted in the time that a run needs for it? Then its run is gone.

    Not where incomplete tickets block the posting: another run could not post it either.
    """
    is_late = draft["state"] == "approved" and now >= draft["decided_at"] + _POSTED_WITHIN
    return is_late and not draft["incomplete_tickets"]


def has_news(connection: Connection, contract: Contract, draft: dict[str, Any]) -> bool:
    """May a draft made now say something else? Cheap, and sometimes yes for nothing; never no for something."""
    if draft["contract_sha256"] != contract.sha256:
        return True
    return data_mark(connection, contract, draft["period"]) != draft["data_mark"]
