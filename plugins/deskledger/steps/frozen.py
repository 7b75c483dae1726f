"""What a draft freezes beside its evidence, as files; and a month's clocks measured again from these files alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from deskledger import ledger
from deskledger.contract.terms import Contract
from deskledger.errors import ContractError, LandingError, LedgerError
from deskledger.landing import evidence as files
from deskledger.model import SEGMENT, TICKET, TICKET_EVENT
from deskledger.statement import Inputs
from deskledger.statement.frozen import MeasuredAgain, measured_again, rows_behind, segments_behind


def freeze(
    contract: Contract, inputs: Inputs, evidence: pd.DataFrame, as_of: datetime
) -> tuple[files.EvidenceFile, ...]:
    """Write the tickets and events behind the evidence, and the segments of its cycles, as files; their names."""
    tickets, events = rows_behind(inputs.tickets, inputs.events, evidence)
    folder = files.folder()
    return (
        files.write(folder, TICKET, [tickets]),
        files.write(folder, TICKET_EVENT, [events]),
        files.write(folder, SEGMENT, segments_behind(contract, tickets, events, evidence, as_of)),
    )


def is_kept(file: files.EvidenceFile) -> bool:
    """Whether a frozen file is in the evidence folder as it was written."""
    return files.is_whole(files.folder(), file)


def restated_are_kept(connection: Connection, draft_id: str) -> bool:
    """Whether all files of the months that a draft restates are in the evidence folder as they were written."""
    _, *restated = _with_restated(connection, draft_id)
    return all(is_kept(file) for each in restated for file in ledger.frozen_files(connection, each).values())


def check_files(connection: Connection, draft_id: str) -> None:
    """Raise LandingError where a file of an open draft, or of a month that it restates, is missing or was changed."""
    try:
        for each in _with_restated(connection, draft_id):
            for file in ledger.frozen_files(connection, each).values():
                files.check(files.folder(), file)
    except LandingError as error:
        state = ledger.draft_state(connection, draft_id)
        raise LandingError(
            f"draft {draft_id}: {error.what}",
            where=error.where,
            remedy="restore the evidence folder from its backup, or trigger the close of"
            f" {state['contract']}|{state['period']}: it freezes again what the warehouse still holds, and makes a new"
            " draft where that is no longer the same",
        ) from error


def clocks_again(connection: Connection, posting: Mapping[str, Any]) -> MeasuredAgain:
    """The clocks of a posted month, and of the months that it restates, measured again from what was frozen.

    Raises LandingError for a file that is missing or was changed. A difference may be of a newer version of
    Deskledger: the caller knows which one drafted.
    """
    tickets = events = cycles = 0
    differences: list[str] = []
    for draft_id in _with_restated(connection, posting["draft_id"]):
        draft = ledger.read(connection, draft_id).draft
        found = _draft_again(connection, draft, posting["period"])
        where = "" if draft_id == posting["draft_id"] else f"restated {draft['period']}: "
        tickets, events, cycles = tickets + found.tickets, events + found.events, cycles + found.cycles
        differences += [f"{where}{each}" for each in found.differences]
    return MeasuredAgain(tickets, events, cycles, tuple(differences))


def _with_restated(connection: Connection, draft_id: str) -> list[str]:
    adjustments = ledger.read(connection, draft_id).adjustments
    return [draft_id, *(str(each["restated_draft_id"]) for each in adjustments)]


def _draft_again(connection: Connection, draft: Mapping[str, Any], booked_period: str) -> MeasuredAgain:
    draft_id = draft["draft_id"]
    evidence = ledger.read_evidence(connection, draft_id)
    named = ledger.frozen_files(connection, draft_id)
    if not named:
        is_measured = bool(evidence["clock"].notna().any())
        told = ("its tickets and events were not frozen, so its clocks cannot be measured again",)
        return MeasuredAgain(0, 0, 0, told if is_measured else ())
    tables = {table.name: table for table in (TICKET, TICKET_EVENT, SEGMENT)}
    rows = {kind: files.read(files.folder(), file, tables[kind]) for kind, file in named.items()}
    try:
        contract = ledger.approvals.contract_of(connection, draft["contract"], draft["terms"]["approvals"])
    except (ContractError, LedgerError) as error:
        told = (f"its approved terms cannot be read, so its clocks cannot be measured again: {error.what}",)
        return MeasuredAgain(0, 0, 0, told)
    return measured_again(
        contract,
        next(version for version in contract.versions if version.number == draft["version"]),
        draft["terms"],
        [request["request_id"] for request in draft["assessment"].get("requests") or ()],
        rows["ticket"],
        rows["ticket_event"],
        rows["segment"],
        evidence,
        ledger.charged_before(connection, contract, draft["period"], booked_period),
        draft["assessment"].get("late_before") or {},
        draft["period_start_at"],
        draft["period_end_at"],
    )
