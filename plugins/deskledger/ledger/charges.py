"""Charges imported and approved by hand: two named persons before a charge is the base of any credit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from deskledger.errors import LedgerError
from deskledger.ledger.tables import every, insert_or_refuse, lock, one

_WORDS = ("contract", "period", "kind", "amount", "currency", "invoice_number")


def import_charge(connection: Connection, charge: Mapping[str, Any], *, by: str, at: datetime) -> bool:
    """Import a charge (contract, period, kind, amount, currency, invoice_number); whether it says something new.

    What it says already changes nothing, so an approval of it stands. Raises LedgerError when nobody is named.
    """
    lock(connection, charge["contract"], charge["period"])
    known = charge_of(connection, charge["contract"], charge["period"], charge["kind"])
    if known is not None and all(known[name] == charge[name] for name in _WORDS) and known["imported_by"]:
        return False
    row = {name: charge[name] for name in _WORDS} | {"imported_by": by.strip(), "imported_at": at}
    insert_or_refuse(connection, "charge_import", row, _where(charge), "say who imports it")
    return True


def approve_charge(
    connection: Connection, contract: str, period: str, kind: str, *, by: str, comment: str, at: datetime
) -> dict[str, Any]:
    """Approve a charge as it stands; its row of core.charge. An approved charge stays as it is.

    Raises LedgerError for a charge that is not there, and for whoever imported it.
    """
    lock(connection, contract, period)
    charge = charge_of(connection, contract, period, kind)
    where = f"{contract}|{period} {kind}"
    if charge is None:
        raise LedgerError(
            "there is no such charge", where=where, remedy="import it first, or see `deskledger charges list`"
        )
    imported, approved = ((charge[name] or "").strip().casefold() for name in ("imported_by", "approved_by"))
    if approved and approved != imported:
        return charge
    names = (*_WORDS, "imported_by")
    row = {name: charge[name] for name in names} | {
        "approved_by": by.strip(),
        "comment": comment.strip(),
        "approved_at": at,
    }
    is_named = bool(charge["imported_by"])
    remedy = "have somebody other than its importer approve it" if is_named else "import it by hand, then approve it"
    insert_or_refuse(connection, "charge_approval", row, where, remedy)
    made = charge_of(connection, contract, period, kind)
    assert made is not None
    return made


def charge_of(connection: Connection, contract: str, period: str, kind: str) -> dict[str, Any] | None:
    """The row of core.charge, or None."""
    return one(
        connection,
        "select * from core.charge where contract = :contract and period = :period and kind = :kind",
        contract=contract,
        period=period,
        kind=kind,
    )


def charges(connection: Connection, contract: str | None = None, period: str | None = None) -> list[dict[str, Any]]:
    """The rows of core.charge, of one contract and month only where they are named."""
    return every(
        connection,
        """
        select * from core.charge
        where
            (cast(:contract as text) is null or contract = :contract)
            and (cast(:period as text) is null or period = :period)
        order by contract, period, kind
        """,
        contract=contract,
        period=period,
    )


def _where(charge: Mapping[str, Any]) -> str:
    return f"{charge['contract']}|{charge['period']} {charge['kind']}"
