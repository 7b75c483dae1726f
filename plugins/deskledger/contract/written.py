"""A version's terms as the file writes them, in one canonical form: what a second person approves, and what is hashed.

Of the words, not of what the engine makes of them: comments, spaces and the order of names change nothing, and a newer
Deskledger that reads more into the same words does not undo an approval.
"""

import json
from hashlib import sha256
from typing import Any

from deskledger.contract.terms import Contract
from deskledger.errors import ContractError


def written_form(value: Any) -> str:
    """Canonical JSON of a file's values: sorted keys, no spaces, Unicode as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def version_terms(contract: Contract, number: int) -> str:
    """The canonical terms of one version: `contract`, what holds for every version, and `version`, its own block.

    Raises ContractError for a version that the contract has not.
    """
    whole: dict[str, Any] = json.loads(contract.written)
    versions = whole.pop("versions")
    if not 1 <= number <= len(versions):
        raise ContractError(
            f"contract {contract.name} has no version {number}",
            where=contract.file,
            remedy=f"name one of its {len(versions)} version(s)",
        )
    return written_form({"contract": whole, "version": versions[number - 1]})


def terms_sha256(terms: str) -> str:
    """SHA-256, in hexadecimal, of canonical terms."""
    return sha256(terms.encode()).hexdigest()
