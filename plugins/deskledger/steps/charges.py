"""Charges by hand: a file imported by one person, each charge approved by another."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from deskledger.errors import LedgerError
from deskledger.ledger import charges as ledger_charges
from deskledger.steps.close import contract_named
from deskledger.warehouse import open_warehouse

_COLUMNS = ("contract", "period", "kind", "amount", "currency", "invoice_number")


def import_file(path: Path, *, by: str, now: datetime) -> list[dict[str, Any]]:
    """Import every charge of a CSV file, or none; the charges with `is_new`: whether each says something new.

    Columns: contract, period, kind, amount, currency, invoice_number. Raises LedgerError for a file that is not so,
    for one that has a charge twice, and for a currency other than the contract's.
    """
    found = list(_read(path))
    with open_warehouse().begin() as connection:
        return [{**row, "is_new": ledger_charges.import_charge(connection, row, by=by, at=now)} for row in found]


def approve(key: str, kind: str, *, by: str, comment: str, now: datetime) -> dict[str, Any]:
    """Approve a charge of a contract's month ("alder|2026-03") as it stands; its row of core.charge."""
    contract, _, period = key.partition("|")
    with open_warehouse().begin() as connection:
        return ledger_charges.approve_charge(connection, contract, period, kind, by=by, comment=comment, at=now)


def listed(key: str | None) -> list[dict[str, Any]]:
    """The charges, of one contract ("alder") or one of its months only where a key is given."""
    contract, _, period = (key or "").partition("|")
    with open_warehouse().connect() as connection:
        return ledger_charges.charges(connection, contract or None, period or None)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LedgerError(f"it cannot be read: {error}", where=str(path), remedy="give a CSV file in UTF-8") from None
    if missing or not rows:
        raise LedgerError(
            f"it lacks {', '.join(missing) or 'any charge'}",
            where=str(path),
            remedy=f"write a header with {', '.join(_COLUMNS)}, and one line a charge",
        )
    currency: dict[str, str] = {}
    lines: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(rows, start=2):
        told = {name: (row[name] or "").strip() for name in _COLUMNS}
        name, period, kind = told["contract"], told["period"], told["kind"]
        first = lines.setdefault((name, period, kind), number)
        if first != number:
            raise LedgerError(
                f"line {first} has the {kind} of {name} in {period} already",
                where=f"{path.name}:{number}",
                remedy="keep one of the two lines: a month has one charge of a kind",
            )
        currency[name] = currency.get(name) or contract_named(name).currency
        yield _charge(told, currency[name], f"{path.name}:{number}")


def _charge(row: Mapping[str, str], currency: str, where: str) -> dict[str, Any]:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", row["period"]):
        raise LedgerError(f"{row['period']!r} is no month", where=where, remedy="write it as 2026-03")
    if not row["kind"]:
        raise LedgerError("the charge has no kind", where=where, remedy="name what the contract's bases name")
    if row["currency"] != currency:
        raise LedgerError(
            f"it is in {row['currency'] or 'no currency'}, the contract in {currency}",
            where=where,
            remedy="give the amount in the contract's currency; amounts are never converted",
        )
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", row["amount"]):  # Decimal would read 1_200 and 1e5 too
        raise LedgerError(f"{row['amount']!r} is no amount", where=where, remedy="write it as 12000.00")
    return {**row, "amount": Decimal(row["amount"]), "invoice_number": row["invoice_number"] or None}
