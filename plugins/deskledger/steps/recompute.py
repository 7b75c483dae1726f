"""Recompute: a posted statement worked out again from what it froze, and what would be said of its month today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

from deskledger import __version__, ledger
from deskledger import contract as contracts
from deskledger.contract.terms import Contract
from deskledger.errors import DeskledgerError
from deskledger.statement.compare import changed_sides, line_changes
from deskledger.statement.frozen import MeasuredAgain
from deskledger.steps.close import contract_named
from deskledger.steps.close_content import inputs_of, snapshot, stated
from deskledger.steps.frozen import clocks_again
from deskledger.warehouse import open_warehouse

_POSTED = text("select statement_number from ledger.posting order by statement_number")


@dataclass(frozen=True)
class Today:
    """What the same terms would give now: this version of Deskledger over the data of today. Never booked.

    `lines` are the lines of money that differ (statement.compare.line_changes), `sides` the tickets and answers that
    count otherwise (statement.compare.changed_sides). `why_not` says why there is no such figure; then all else is
    empty.
    """

    credit: Decimal | None
    lines: Sequence[Mapping[str, Any]]
    sides: pd.DataFrame
    why_not: str | None = None


@dataclass(frozen=True)
class Recomputed:
    """A posted statement, worked out again. `posted` and `recomputed` are credits to the customer in `currency`.

    `differences` are where the frozen evidence does not give what was posted, `faults` where the ledger is not what was
    booked; both in words, and both empty when the statement holds. `again` is what its clocks give, measured from the
    frozen tickets and events; where another version of Deskledger drafted it, its differences are that version's, and
    are told only. `today` is None where it was not asked for.
    """

    statement_number: str
    contract: str
    period: str
    currency: str
    posted: Decimal
    recomputed: Decimal
    differences: tuple[str, ...]
    faults: tuple[str, ...]
    evidence_rows: int
    evidence_sha256: str
    contract_sha256: str
    entry_sha256: str | None
    code_version: str
    version_now: str
    again: MeasuredAgain
    today: Today | None

    @property
    def holds(self) -> bool:
        is_own = self.code_version == self.version_now
        return not self.differences and not self.faults and not (is_own and self.again.differences)


def recompute(statement_number: str, *, now: datetime, with_today: bool = True) -> Recomputed:
    """Work a posted statement out again from what it froze alone, and check every hash that proves it.

    Its clocks are measured again from the frozen tickets and events, its figures are counted and priced again from the
    frozen cycles. `with_today` measures the month again over what is in the warehouse at `now`: reported, never
    substituted. Nothing is written. Raises LedgerError for a statement that is not posted, LandingError for a frozen
    file that is missing or was changed.
    """
    with snapshot(open_warehouse()) as connection:
        posting = ledger.statement_of(connection, statement_number)
        found = ledger.recompute(connection, statement_number)
        proof = ledger.verify(connection, statement_number=statement_number)
        evidence = ledger.read_posted_evidence(connection, statement_number)
        return Recomputed(
            statement_number=statement_number,
            contract=posting["contract"],
            period=posting["period"],
            currency=posting["currency"],
            posted=found.posted_amount,
            recomputed=found.recomputed_amount,
            differences=found.differences,
            faults=proof.faults,
            evidence_rows=len(evidence),
            evidence_sha256=posting["evidence_sha256"],
            contract_sha256=posting["contract_sha256"],
            entry_sha256=ledger.statement_entry(connection, statement_number),
            code_version=posting["code_version"],
            version_now=__version__,
            again=clocks_again(connection, posting),
            today=_today(connection, posting, evidence, now) if with_today else None,
        )


def posted_statements() -> list[str]:
    """The numbers of all posted statements, in order."""
    with open_warehouse().connect() as connection:
        return list(connection.execute(_POSTED).scalars())


def _today(connection: Connection, posting: Mapping[str, Any], evidence: pd.DataFrame, now: datetime) -> Today:
    """The month as the same version of the contract gives it now."""
    try:
        contract = contract_named(posting["contract"])
        why_not = _other_terms(contract, posting)
        if why_not is None:
            period = posting["period"]
            made = stated(connection, contract, period, inputs_of(connection, contract, period, now))
    except DeskledgerError as error:
        why_not = error.what
    if why_not is not None:
        return Today(None, (), changed_sides(evidence.head(0), evidence.head(0)), why_not)
    stored = ledger.read(connection, posting["draft_id"])
    # What the statement booked for earlier months is not of this one: it stays as it was posted.
    booked = [line["credit_amount"] for line in stored.lines if line["status"] == "adjustment"]
    own = [line for line in stored.lines if line["status"] != "adjustment"]
    differing = [
        row for row in line_changes(own, made.lines) if row["difference"] or row["status_before"] != row["status_after"]
    ]
    return Today(made.credit + sum(booked, Decimal(0)), differing, changed_sides(evidence, made.evidence))


def _other_terms(contract: Contract, posting: Mapping[str, Any]) -> str | None:
    """Why today's file cannot speak for the posted month: it no longer holds the version as it was priced."""
    if contracts.is_after_end(contract, posting["period"]):
        return "it settles corrections, and nothing was measured for it"
    found = [version for version in contract.versions if version.number == posting["version"]]
    if not found:
        return f"{contract.file} has no version {posting['version']} any more"
    written = ledger.plain(found[0])
    if any(posting["terms"].get(name) != value for name, value in written.items()):
        return f"version {posting['version']} in {contract.file} is not what was priced"
    return None
