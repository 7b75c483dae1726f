"""Closing a contract's month: the draft, the decision, the posting. Keys are "alder|2026-01"."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from deskledger import contract as contracts
from deskledger import ledger, notify
from deskledger.contract.terms import Contract
from deskledger.errors import ContractError, DeskledgerError, LedgerError, StatementError
from deskledger.settings import settings
from deskledger.steps import due_months, measure, report
from deskledger.steps.close_content import data_mark, snapshot
from deskledger.steps.frozen import check_files
from deskledger.steps.restate import corrected_draft
from deskledger.steps.settle import SETTLED
from deskledger.warehouse import open_warehouse


def draft(key: str, now: datetime, run_id: str | None = None, *, is_by_hand: bool = False) -> dict[str, Any]:
    """Draft the month of `key` over all that has landed, unless the newest draft still holds.

    Returns draft_id, status (`drafted`, `current` for a draft that still holds, `posted`, or `settled` when a contract
    that has ended has nothing left to correct), state, credit and currency.
    Until the newest draft is posted, a retry of the run that made it (`run_id`), and a run that somebody started by
    hand (`is_by_hand`), are told `drafted` again, so that its review goes on, or its posting where it is approved: the
    run that made it may have died before. Another run is told `current`: it comes with every load, and must not ask
    every day. A draft that `due` takes for left, approved and not posted, is told `drafted` to any run.
    Raises ContractError, and StatementError: too early, an earlier month open, or what makes the month itself
    impossible (`no_base`, `not_approved`), which ledger.attempt keeps on record.
    """
    name, _, period = key.partition("|")
    contract = contract_named(name)
    engine = open_warehouse()
    with engine.connect() as connection:
        done = ledger.posted(connection, name, period)
        if done is not None:
            return _told_draft(ledger.draft_state(connection, done["draft_id"]), "posted")
        watermark = _allowed_watermark(connection, contract, period, now)
    try:
        with snapshot(engine) as connection:
            content = corrected_draft(connection, contract, period, now, watermark)
        with engine.begin() as connection:
            ref = ledger.write(connection, content, at=now, run_id=run_id)
            state = ledger.draft_state(connection, ref.draft_id)
            _note_holding(connection, contract, state, now)
    except StatementError as error:
        outcome = next((each for each in due_months.MARKS if error.what.startswith(each)), "refused")
        mark = due_months.MARKS.get(outcome, data_mark)
        with engine.begin() as connection:
            ledger.note_attempt(
                connection,
                name,
                period,
                outcome=outcome,
                message=str(error),
                contract_sha256=contract.sha256,
                data_mark=mark(connection, contract, period),
                at=now,
            )
        if outcome == SETTLED:
            nothing = {"draft_id": None, "status": SETTLED, "state": SETTLED}
            return {**nothing, "credit": "0", "currency": contract.currency}
        raise
    is_retry = run_id is not None and state["run_id"] == run_id
    is_open = state["state"] in {"in_review", "approved"}
    is_asked = is_open and (is_retry or is_by_hand or due_months.is_left(state, now))
    return _told_draft(state, "drafted" if is_asked else ref.outcome)


def _note_holding(connection: Connection, contract: Contract, draft: Mapping[str, Any], now: datetime) -> None:
    """Keep on record that a draft holds again after an attempt to replace it failed: nothing holds its month up now."""
    stopped = ledger.last_attempt(connection, contract.name, draft["period"])
    if stopped is None or stopped["outcome"] == due_months.CURRENT or stopped["attempted_at"] < draft["drafted_at"]:
        return
    ledger.note_attempt(
        connection,
        contract.name,
        draft["period"],
        outcome=due_months.CURRENT,
        message=f"draft {draft['draft_id']} holds again",
        contract_sha256=contract.sha256,
        data_mark=data_mark(connection, contract, draft["period"]),
        at=now,
    )


def _told_draft(state: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "draft_id": state["draft_id"],
        "status": status,
        "state": state["state"],
        "credit": str(state["credit_amount"]),
        "currency": state["currency"],
    }


def _allowed_watermark(connection: Connection, contract: Contract, period: str, now: datetime) -> datetime:
    where = f"contract {contract.name}, period {period}"
    first = due_months.earliest_open(connection, contract)
    if first is None:
        raise StatementError("none of its sources has a ticket yet", where=where, remedy="ingest the sources first")
    if period < first:
        raise StatementError(
            "the month lies before the contract or its data", where=where, remedy=f"begin with {first}"
        )
    if period > first:
        raise StatementError(
            f"{first} is not posted yet, and this month's repeat runs and caps follow from it",
            where=where,
            remedy=f"close {contract.name}|{first} first",
        )
    watermark = measure.watermark(connection, contract)
    needed = due_months.closable_at(contract, period)
    if watermark is None or min(watermark, now) < needed:
        raise StatementError(
            f"too early: its sources are complete to {watermark or 'nowhere'}, the close needs {needed}",
            where=where,
            remedy="wait for the sources, or ingest what is missing",
        )
    return watermark


def decide(draft_id: str, decision: str, comment: str, user: str, at: datetime) -> dict[str, Any]:
    """Record a person's decision (`approve` or `dispute`) on the newest draft of a month.

    Where the first of two approvals no longer stands, the second becomes the first, and people are told why. Raises
    LedgerError when the rules refuse it: a preparer approves, a dispute has no comment, the draft is superseded,
    or stale, because the data, charges or terms of now would make another draft; LandingError for an approval of one
    whose frozen files are not there as they were written.
    """
    engine = open_warehouse()
    inputs = _inputs_now(engine, draft_id, at)
    with engine.begin() as connection:
        if decision == "approve":
            check_files(connection, draft_id)
        row = ledger.decide(
            connection,
            draft_id,
            decision,
            comment=comment,
            user=user,
            at=at,
            inputs_sha256=inputs,
        )
    if row.get("fallen"):
        words = f"{row['fallen']}. The approval of {user.strip()} is the first now, and another person's is asked for."
        notify.send("review_first_approval", f"The first approval of {draft_id} no longer stands", words, at)
    return {
        "draft_id": draft_id,
        "decision": row["decision"],
        "comment": row["comment"],
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"].isoformat(),
    }


def deem_approved(draft_id: str, at: datetime) -> bool:
    """Let the contract's clause approve what nobody decided in time; whether it did: a stale draft it leaves alone.

    Raises LandingError for one whose frozen files are not there as they were written.
    """
    engine = open_warehouse()
    inputs = _inputs_now(engine, draft_id, at)
    with engine.begin() as connection:
        state = ledger.draft_state(connection, draft_id)
        if state["state"] != "in_review" or inputs not in {None, state["inputs_sha256"]}:
            return False
        check_files(connection, draft_id)
        ledger.deem_approved(connection, draft_id, at=at)
    return True


def post(draft_id: str, at: datetime) -> dict[str, Any]:
    """Post an approved draft; a month that is posted stays as it is, and the same is returned.

    Raises LedgerError for a draft that is not approved, superseded, stale, or rests on incomplete tickets; LandingError
    for one whose frozen tickets or events are not there as they were written.
    """
    engine = open_warehouse()
    inputs = _inputs_now(engine, draft_id, at)
    with engine.begin() as connection:
        state = ledger.draft_state(connection, draft_id)
        already = ledger.posted(connection, state["contract"], state["period"])
        if already is None:
            check_files(connection, draft_id)
        row = ledger.post(connection, draft_id, at=at, inputs_sha256=inputs)
    return {
        "statement_number": row["statement_number"],
        "draft_id": row["draft_id"],
        "credit": str(row["credit_amount"]),
        "currency": row["currency"],
        "posted_at": row["posted_at"].isoformat(),
        "is_new": already is None,
    }


def _inputs_now(engine: Engine, draft_id: str, at: datetime) -> str | None:
    """The hash that a draft made `at` would have; None when nothing changed since this one, which then still holds.

    None too for a month that is posted: what changed since changes nothing there.
    """
    with snapshot(engine) as connection:
        state = ledger.draft_state(connection, draft_id)
        if ledger.posted(connection, state["contract"], state["period"]) is not None:
            return None
        contract = contract_named(state["contract"])
        if not due_months.has_news(connection, contract, state):
            return None
        try:
            return ledger.inputs_sha256(
                corrected_draft(
                    connection, contract, state["period"], at, measure.watermark(connection, contract) or at
                )
            )
        except StatementError as error:
            raise LedgerError(
                f"it is stale, and no new draft can be made: {error.what}",
                where=f"draft {draft_id}",
                remedy=error.remedy,
            ) from error


def contract_named(name: str) -> Contract:
    """The contract of this name. Raises ContractError for a file that is not valid, DeskledgerError for no file."""
    loaded, refused = contracts.load_all(settings().contracts)
    found = next((each for each in loaded if each.name == name), None)
    if found is not None:
        return found
    if refused:
        raise refused[0] if len(refused) == 1 else ContractError("\n".join(str(error) for error in refused))
    raise DeskledgerError(
        f"there is no contract {name!r}",
        where=str(settings().contracts),
        remedy="use a contract's name and a period as the key, such as alder|2026-03",
    )


def review_text(draft_id: str) -> dict[str, str]:
    """Subject and body (Markdown) of the human task: verdict, money, service levels, and where the report lies."""
    with open_warehouse().connect() as connection:
        drafted_at = ledger.draft_state(connection, draft_id)["drafted_at"]
    return report.review_text(draft_id, drafted_at)
