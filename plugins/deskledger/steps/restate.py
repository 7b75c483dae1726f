"""Corrections of posted months: each is stated again from what is known now, in order, each over the corrected ones.

A posted month never changes. What it comes to now, less all that was booked for it, is an adjustment of the next draft.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import __version__, ledger, model, statement
from deskledger import contract as contracts
from deskledger.contract.terms import Contract
from deskledger.errors import StatementError
from deskledger.statement import restate
from deskledger.statement.compare import changed_figures
from deskledger.statement.past import statuses
from deskledger.steps.close_content import data_mark, draft_content, past_month
from deskledger.steps.frozen import restated_are_kept
from deskledger.steps.settle import settlement

_IN_REVIEW = frozenset({"in_review", "approved"})
_NAMED = 5

# Which tickets had something land after an instant, or a row kept out: a difference in others is the engine's.
_LANDED = text("""
select ticket_key from core.ticket where ticket_key = any(:keys) and landed_at > :cutoff
union
select ticket_key from core.ticket_event where ticket_key = any(:keys) and landed_at > :cutoff
union
select ticket_key from core.survey_answer where ticket_key = any(:keys) and landed_at > :cutoff
union
select ticket_key from quality.quarantine
where ticket_key = any(:keys) and greatest(quarantined_at, replayed_at) > :cutoff
""")


_NAMED_TICKETS = text("""
select
    subject ->> 'source' as source,
    subject ->> 'ticket_id' as ticket_id
from ledger.request
cross join jsonb_array_elements(subjects) as subject
where request_id = any(:requests) and subject ->> 'ticket_id' is not null
""")
_NAMED_SURVEYS = text("""
select answer.ticket_key
from ledger.request
cross join jsonb_array_elements(subjects) as subject
inner join core.survey_answer as answer
    on subject ->> 'source' = answer.source and subject ->> 'survey_id' = answer.survey_id
where request_id = any(:requests) and answer.ticket_key is not null
""")


@dataclass(frozen=True)
class Restated:
    """The months before a draft: as they are corrected, the adjustments that say so, and what could not be restated."""

    past: Sequence[statement.PastMonth]
    adjustments: Sequence[ledger.Adjustment]
    not_restated: Sequence[Mapping[str, str]]  # period, reason


class _NotRestatedError(Exception):
    """Why a month stays as it stands for now."""


def corrected_draft(
    connection: Connection, contract: Contract, period: str, now: datetime, watermark: datetime
) -> ledger.DraftContent:
    """All that a draft of the open month states now, with the corrections of posted months that belong into it.

    A month in review keeps the corrections that its draft was made with: what is found since is booked in the month
    after it, and does not make the draft stale. Where files of theirs are lost, they are worked out anew. After the
    contract's end there are only corrections: they are settled. Raises StatementError (`settled`) when there are none.
    """
    state = settlement if contracts.is_after_end(contract, period) else draft_content
    newest = ledger.newest_draft(connection, contract.name, period)
    is_kept = newest is not None and newest["state"] in _IN_REVIEW and restated_are_kept(connection, newest["draft_id"])
    if newest is not None and is_kept:
        kept = ledger.read_adjustments(connection, newest["draft_id"])
        instead = {each.corrected_period: str(each.restated_draft_id) for each in kept}
        rows = ledger.posted_months(connection, contract.name, period, instead)
        past = [past_month(row) for row in rows]
        content = state(connection, contract, period, now, watermark, past, kept)
        if ledger.inputs_sha256(content) == newest["inputs_sha256"]:
            return content
    found = restatements(connection, contract, period, now, watermark)
    return state(connection, contract, period, now, watermark, found.past, found.adjustments, found.not_restated)


def restatements(
    connection: Connection, contract: Contract, before: str, now: datetime, watermark: datetime
) -> Restated:
    """What the contract's posted months before a period come to now, and what that differs from what was booked.

    Months are stated again in their order: each with its own terms, and with the repeat runs, caps and rolling months
    of the corrected ones before it. Raises StatementError when a version begins in a posted month and does not name it.
    """
    past: list[statement.PastMonth] = []
    adjustments: list[ledger.Adjustment] = []
    not_restated: list[dict[str, str]] = []
    for row in ledger.posted_months(connection, contract.name, before):
        if contracts.is_after_end(contract, row["period"]):
            continue  # a settlement: it has no result of its own
        corrected = [each.corrected_period for each in adjustments]
        try:
            adjustment = _restated(connection, contract, row, past, corrected, now, watermark)
        except _NotRestatedError as reason:
            not_restated.append({"period": row["period"], "reason": str(reason)})
            adjustment = None
        if adjustment is None:
            past.append(past_month(row))
            continue
        assert adjustment.restated is not None
        past.append(_past_of(adjustment.restated))
        adjustments.append(adjustment)
    return Restated(past, adjustments, not_restated)


def _restated(
    connection: Connection,
    contract: Contract,
    row: Mapping[str, Any],
    past: Sequence[statement.PastMonth],
    corrected: Sequence[str],
    now: datetime,
    watermark: datetime,
) -> ledger.Adjustment | None:
    """The adjustment that one posted month needs, or None when it comes to what stands."""
    period = row["period"]
    basis = ledger.read(connection, row["draft_id"])
    is_restated = _is_restated_by_terms(contract, basis.draft)
    if not is_restated and not corrected and data_mark(connection, contract, period) == basis.draft["data_mark"]:
        return None
    try:
        content = draft_content(connection, contract, period, now, watermark, past)
    except StatementError as error:
        raise _NotRestatedError(error.what) from error
    if content.incomplete_tickets:
        raise _NotRestatedError("some of its tickets are incomplete: their rows in quarantine must be mended first")
    is_settlement = basis.draft["as_of"] <= basis.draft["period_start_at"]  # nothing was measured in it
    now_result, result = (
        restate.result_of(levels, lines, assessment.get("late") or {})
        for levels, lines, assessment in (
            (content.levels, content.lines, content.assessment),
            (basis.levels, basis.lines, basis.draft["assessment"]),
        )
    )
    if now_result == result:
        return None
    changed = changed_figures(ledger.read_evidence(connection, row["draft_id"]), content.evidence)
    now_told = ledger.plain({name: getattr(content, name) for name in ("version", "charges", "assessment")})
    causes = [restate.PROLONGED] if is_settlement else restate.causes(basis.draft, now_told, changed, corrected)
    if not causes:
        raise _NotRestatedError(
            f"version {__version__} of Deskledger prices it otherwise, and nothing that it rests on changed"
        )
    if not is_restated and not is_settlement and basis.draft["code_version"] != __version__:
        asked = [cause["request_id"] for cause in causes if cause["kind"] == "request"]
        _refuse_measured_otherwise(connection, changed, basis.draft["data_cutoff"], _named_by(connection, asked))
    return ledger.Adjustment(
        corrected_period=period,
        corrected_statement=row["statement_number"],
        replaced_draft_id=row["draft_id"],
        currency=contract.currency,
        issued_amount=row["issued_amount"],
        adjusted_amount=row["adjusted_amount"],
        restated_amount=content.credit_amount,
        restated_sha256=ledger.inputs_sha256(content),
        causes=causes,
        preparers=content.preparers,
        restated=content,
    )


def _is_restated_by_terms(contract: Contract, basis: Mapping[str, Any]) -> bool:
    """Whether another version than the one that the month was stated under is in force in it now, and names it."""
    period = basis["period"]
    version = contracts.version_at(contract, contracts.first_day(contract, period))
    if version.number != basis["version"] and period not in version.restates:
        raise StatementError(
            f"version {version.number} begins on {version.effective_from}, and {period} is posted under version"
            f" {basis['version']}",
            where=contract.file,
            remedy=f"name every posted month that it restates (`restates: [{period}, …]`), or let it begin later",
        )
    return version.number != basis["version"]


def _named_by(connection: Connection, requests: Sequence[str]) -> set[int]:
    """The keys of the tickets that requests name, themselves or by a survey about them."""
    bound = {"requests": list(requests)}
    named = connection.execute(_NAMED_TICKETS, bound).all()
    keys = {int(model.ticket_keys(row.source, [row.ticket_id])[0]) for row in named}
    return keys | {int(key) for key in connection.execute(_NAMED_SURVEYS, bound).scalars()}


def _refuse_measured_otherwise(
    connection: Connection, changed: pd.DataFrame, cutoff: datetime, asked: Set[int]
) -> None:
    """What a newer engine says differently is reported, never substituted: a ticket's data must have changed.

    Or a request must name it: `asked` are the keys of those tickets.
    """
    keys = changed["ticket_key_after"].fillna(changed["ticket_key_before"]).astype("int64")
    landed = connection.execute(_LANDED, {"keys": keys.unique().tolist(), "cutoff": cutoff}).scalars().all()
    others = changed.loc[~keys.isin([*landed, *asked]), "ticket_id"].drop_duplicates()
    if len(others):
        more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
        raise _NotRestatedError(
            f"version {__version__} of Deskledger measures tickets otherwise whose data did not change:"
            f" {', '.join(others.head(_NAMED))}{more}"
        )


def _past_of(content: ledger.DraftContent) -> statement.PastMonth:
    """A month stated just now, as the months after it take it."""
    return past_month(
        {
            "period": content.period,
            "statuses": statuses(content.lines),
            "verdicts": {level["service_level"]: level["status"] for level in content.levels},
            "figures": {level["service_level"]: level["months"][-1] for level in content.levels},
            "credit_amount": content.credit_amount,
            "points": content.assessment["points"],
            "paid": content.assessment["paid"],
            "late": content.assessment["late"],
        }
    )
