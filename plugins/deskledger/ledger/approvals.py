"""Contract versions put forward and approved: two named persons before any terms price a month."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from deskledger import contract as contracts
from deskledger.contract.terms import Contract
from deskledger.contract.written import written_form
from deskledger.errors import LedgerError
from deskledger.ledger.tables import every, insert, one

_RESTRICT_VIOLATION = "23001"


def submit(
    connection: Connection, version: Mapping[str, Any], *, by: str, comment: str, at: datetime
) -> dict[str, Any]:
    """Put a version's terms forward; the row of ledger.contract_submission.

    `version` gives contract, version, effective_from, author, terms (canonical) and terms_sha256. The same terms again
    are the same row, whoever puts them forward. Raises LedgerError when nobody is named, and for changed terms of a
    version that a statement has used.
    """
    where = f"contract {version['contract']}, version {version['version']}"
    if not by.strip():
        raise LedgerError("the submission names nobody", where=where, remedy="say who puts the terms forward")
    _lock(connection, version["contract"])
    newest = newest_submission(connection, version["contract"], version["version"])
    if newest is not None and newest["terms_sha256"] == version["terms_sha256"]:
        return newest
    row = {**version, "submitted_by": by.strip(), "comment": comment.strip(), "submitted_at": at}
    remedy = "take the edit back, and write it as a new version from the first of a month that is still open"
    _insert(connection, "contract_submission", row, where, remedy)
    made = newest_submission(connection, version["contract"], version["version"])
    assert made is not None
    return made


def approve(
    connection: Connection, contract: str, version: int, terms_sha256: str, *, by: str, comment: str, at: datetime
) -> dict[str, Any]:
    """Approve the terms that were put forward last; the row of ledger.approved_version.

    `terms_sha256` is of the terms that the approver has before them. Approved terms stay as they are when they are
    approved again. Raises LedgerError for terms that were not put forward, that somebody else has changed since, and
    for an approver who wrote or submitted them.
    """
    where = f"contract {contract}, version {version}"
    _lock(connection, contract)
    newest = newest_submission(connection, contract, version)
    if newest is None or newest["terms_sha256"] != terms_sha256:
        raise LedgerError(
            "these terms were not put forward" if newest is None else "these are not the terms put forward last",
            where=where,
            remedy="have their editor submit them first: deskledger contracts submit",
        )
    standing = approved(connection, contract).get(version)
    if standing is not None and standing["terms_sha256"] == terms_sha256:
        return standing
    row = {
        "submission_no": newest["submission_no"],
        "approved_by": by.strip(),
        "comment": comment.strip(),
        "approved_at": at,
    }
    _insert(connection, "contract_approval", row, where, "have a second person approve it")
    return approved(connection, contract)[version]


def approved(connection: Connection, contract: str) -> dict[int, dict[str, Any]]:
    """The contract's approved versions: by number, the row of ledger.approved_version."""
    rows = every(connection, "select * from ledger.approved_version where contract = :contract", contract=contract)
    return {row["version"]: row for row in rows}


def newest_submission(connection: Connection, contract: str, version: int) -> dict[str, Any] | None:
    """The terms of a version that were put forward last; None where none were."""
    return one(
        connection,
        """
        select * from ledger.contract_submission
        where contract = :contract and version = :version
        order by submission_no desc
        limit 1
        """,
        contract=contract,
        version=version,
    )


def statements_of(connection: Connection, contract: str, version: int) -> list[str]:
    """The posted statements that were priced or measured under a version, oldest first."""
    rows = every(
        connection,
        """
        select posting.statement_number
        from ledger.posting as posting
        cross join lateral jsonb_array_elements(posting.terms -> 'approvals') as approval (terms)
        where posting.contract = :contract and (approval.terms ->> 'version')::integer = :version
        order by posting.period
        """,
        contract=contract,
        version=version,
    )
    return [row["statement_number"] for row in rows]


def stated(approvals: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The approvals that a draft rests on, as its terms keep them."""
    names = ("version", "terms_sha256", "author", "submitted_by", "approved_by", "approved_at")
    return [{name: row[name] for name in names} for row in approvals]


def words_of(connection: Connection, contract: str, stated_approvals: Iterable[Mapping[str, Any]]) -> list[str]:
    """The canonical terms that a draft's `stated` approvals name, in their order.

    Raises LedgerError where the terms of one of them are not there, or not what their hash says.
    """
    found = []
    for approval in stated_approvals:
        row = one(
            connection,
            """
            select terms, terms_sha256 from ledger.contract_submission
            where contract = :contract and version = :version and terms_sha256 = :terms_sha256
            order by submission_no
            limit 1
            """,
            contract=contract,
            version=approval["version"],
            terms_sha256=approval["terms_sha256"],
        )
        if row is None or sha256(row["terms"].encode()).hexdigest() != row["terms_sha256"]:
            raise LedgerError(
                f"the terms with the hash {approval['terms_sha256']} are not in the ledger",
                where=f"contract {contract}, version {approval['version']}",
                remedy="restore ledger.contract_submission from a backup: its rows never change",
            )
        found.append(row["terms"])
    return found


def contract_of(connection: Connection, name: str, stated_approvals: Iterable[Mapping[str, Any]]) -> Contract:
    """The contract as its approved versions word it, those that a draft's `stated` approvals name.

    Raises LedgerError as `words_of`, ContractError where they can no longer be read as a contract.
    """
    terms = [json.loads(each) for each in words_of(connection, name, stated_approvals)]
    whole = {**terms[-1]["contract"], "versions": [each["version"] for each in terms]}
    return contracts.parse(written_form(whole).encode(), f"the approved terms of {name}")


def _lock(connection: Connection, contract: str) -> None:
    connection.execute(text("select ledger.lock_terms(:contract)"), {"contract": contract})


def _insert(connection: Connection, table: str, row: Mapping[str, Any], where: str, remedy: str) -> None:
    """Insert; what the table's own rules refuse is told in their words, and nothing was written."""
    try:
        with connection.begin_nested():
            insert(connection, table, [row])
    except DatabaseError as error:
        if getattr(error.orig, "pgcode", None) != _RESTRICT_VIOLATION:
            raise
        raise LedgerError(str(error.orig).splitlines()[0], where=where, remedy=remedy) from None
