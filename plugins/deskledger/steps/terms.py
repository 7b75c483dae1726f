"""Approval of contract versions: submitted by the person who edited them, approved by a second one, then priced.

The folder `contracts/` is where terms are written; what was approved is in the ledger, by its words and their hash.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from deskledger import contract as contracts
from deskledger import ledger
from deskledger.contract import Contract
from deskledger.contract.difference import as_lines, differences
from deskledger.contract.written import terms_sha256, version_terms
from deskledger.errors import LedgerError, StatementError
from deskledger.ledger import approvals
from deskledger.warehouse import open_warehouse

NOT_APPROVED = "not_approved"
_SHOWN_LINES = 24


@dataclass(frozen=True)
class Standing:
    """Where one version stands: approved, submitted, edited since its approval, or not submitted yet."""

    contract: str
    version: int
    state: Literal["approved", "submitted", "edited", "not submitted"]
    submitted_by: str | None
    approved_by: str | None
    approved_at: datetime | None
    statements: tuple[str, ...]


def submit(path: Path, version: int | None, *, by: str, comment: str, now: datetime) -> dict[str, Any]:
    """Put the terms of a file's version forward (None: the newest); the row of ledger.contract_submission.

    Raises ContractError for a file that is not valid, LedgerError as `ledger.approvals.submit` does, with what differs
    from the terms that a statement used.
    """
    contract, number = _version(path, version)
    own = next(each for each in contract.versions if each.number == number)
    terms = version_terms(contract, number)
    row = {
        "contract": contract.name,
        "version": number,
        "effective_from": own.effective_from,
        "author": own.author,
        "terms": terms,
        "terms_sha256": terms_sha256(terms),
    }
    with open_warehouse().begin() as connection:
        standing = approvals.approved(connection, contract.name).get(number)
        try:
            return approvals.submit(connection, row, by=by, comment=comment, at=now)
        except LedgerError as error:
            if standing is None:
                raise
            what = f"{error.what}\n{changes_in_words(standing['terms'], terms)}"
            raise LedgerError(what, where=error.where, remedy=error.remedy) from None


def approve(path: Path, version: int | None, *, by: str, comment: str, now: datetime) -> dict[str, Any]:
    """Approve the terms of a file's version (None: the newest) as they stand there; the row of ledger.approved_version.

    Raises ContractError for a file that is not valid, LedgerError when it is not what was put forward last, or when its
    author or submitter would approve it.
    """
    contract, number = _version(path, version)
    sha256 = terms_sha256(version_terms(contract, number))
    with open_warehouse().begin() as connection:
        return approvals.approve(connection, contract.name, number, sha256, by=by, comment=comment, at=now)


def standings(contract: Contract) -> list[Standing]:
    """Where each version of a contract stands, oldest first."""
    with open_warehouse().connect() as connection:
        approved = approvals.approved(connection, contract.name)
        found = []
        for version in contract.versions:
            sha256 = terms_sha256(version_terms(contract, version.number))
            newest = approvals.newest_submission(connection, contract.name, version.number)
            own = approved.get(version.number)
            state: Literal["approved", "submitted", "edited", "not submitted"] = "not submitted"
            if own is not None:
                state = "approved" if own["terms_sha256"] == sha256 else "edited"
            if state != "approved" and newest is not None and newest["terms_sha256"] == sha256:
                state = "submitted"
            found.append(
                Standing(
                    contract.name,
                    version.number,
                    state,
                    newest["submitted_by"] if newest else None,
                    own["approved_by"] if own else None,
                    own["approved_at"] if own else None,
                    tuple(approvals.statements_of(connection, contract.name, version.number)),
                )
            )
    return found


def since_approval(path: Path, version: int | None) -> list[str]:
    """What a file's version (None: the newest) says otherwise than what was approved of it, in lines; none if nothing.

    Raises LedgerError for a version that nobody has approved.
    """
    contract, number = _version(path, version)
    with open_warehouse().connect() as connection:
        standing = approvals.approved(connection, contract.name).get(number)
    if standing is None:
        raise LedgerError(
            "nobody has approved it, so there is nothing to compare it with",
            where=f"contract {contract.name}, version {number}",
            remedy="compare it with the version before: `deskledger contracts diff FILE 1 2`",
        )
    return as_lines(differences(standing["terms"], version_terms(contract, number)))


def approved_versions(connection: Connection, contract: Contract, period: str) -> list[dict[str, Any]]:
    """The approvals that a draft of the period rests on: of each version that began by its first day.

    Clocks follow the version in force when a cycle began, so that earlier versions count too. Raises StatementError
    (`not_approved`) for a version that nobody has approved, or that was edited since.
    """
    begins = contracts.first_day(contract, period)
    approved = approvals.approved(connection, contract.name)
    found = []
    for version in contract.versions:
        if version.effective_from > begins:
            continue
        terms = version_terms(contract, version.number)
        standing = approved.get(version.number)
        file = f"contracts/{Path(contract.file).name} --version {version.number}"
        where = f"contract {contract.name}, version {version.number}, period {period}"
        if standing is None:
            raise StatementError(
                f"{NOT_APPROVED}: nobody has approved version {version.number}, and only approved terms are priced",
                where=where,
                remedy=f"`deskledger contracts submit {file} --by NAME` by its editor, then `deskledger contracts "
                f"approve {file} --by NAME` by a second person",
            )
        if standing["terms_sha256"] != terms_sha256(terms):
            used = approvals.statements_of(connection, contract.name, version.number)
            told = changes_in_words(standing["terms"], terms)
            remedy = (
                f"{used[0]} used this version, so take the edit back and write it as a new version"
                if used
                else f"take the edit back, or have it approved: `deskledger contracts submit {file} --by NAME`, then "
                "`approve` by a second person"
            )
            approved_by = f"{standing['approved_by']} approved it on {standing['approved_at']:%Y-%m-%d}"
            what = f"{NOT_APPROVED}: version {version.number} was edited after {approved_by}\n{told}"
            raise StatementError(what, where=where, remedy=remedy)
        found.append(standing)
    return found


def approval_mark(connection: Connection, contract: Contract, _period: str) -> str:
    """A text that changes when a version of the contract is approved, whatever the period."""
    approved = approvals.approved(connection, contract.name)
    return ledger.digest({str(number): row["terms_sha256"] for number, row in approved.items()})


def changes_in_words(old: str, new: str) -> str:
    """What differs between two canonical terms, in lines; of very many, the first."""
    lines = as_lines(differences(old, new))
    left = len(lines) - _SHOWN_LINES
    return "\n".join(lines if left <= 0 else [*lines[:_SHOWN_LINES], f"… and {left} lines more"])


def _version(path: Path, version: int | None) -> tuple[Contract, int]:
    contract = contracts.load(path)
    return contract, contract.versions[-1].number if version is None else version
