"""Commands to import charges and to approve them. A name given here is as good as who may run them."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add `charges` and what it does to the parser's commands."""
    charges = commands.add_parser("charges", help="the amounts that credits are a share of: import, approve, list")
    acts = charges.add_subparsers(title="acts", required=True)

    imported = acts.add_parser("import", help="import every charge of a CSV file, or none")
    imported.add_argument("file", type=Path, help="contract,period,kind,amount,currency,invoice_number")
    imported.add_argument("--as", dest="by", required=True, metavar="NAME", help="who imports them")
    imported.set_defaults(run=_import)

    approve = acts.add_parser("approve", help="approve a charge that somebody else imported")
    approve.add_argument("month", help="the contract's month, such as alder|2026-03")
    approve.add_argument("kind", help="the kind of charge, such as monthly_fee")
    approve.add_argument("--as", dest="by", required=True, metavar="NAME", help="who approves it")
    approve.add_argument("--comment", default="", help="what it was held against; kept with the approval")
    approve.set_defaults(run=_approve)

    listing = acts.add_parser("list", help="the charges as they stand")
    listing.add_argument("month", nargs="?", help="only of a contract (alder), or of one of its months (alder|2026-03)")
    listing.set_defaults(run=_list)


def _import(arguments: argparse.Namespace) -> int:
    from deskledger.cli.explain_words import harmless
    from deskledger.steps import charges

    for row in charges.import_file(arguments.file, by=arguments.by, now=datetime.now(UTC)):
        told = "imported, to be approved by somebody else" if row["is_new"] else "says nothing new"
        print(harmless(f"{row['contract']}|{row['period']} {row['kind']}: {row['amount']} {row['currency']}, {told}"))
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    from deskledger.steps import charges

    now = datetime.now(UTC)
    _tell(charges.approve(arguments.month, arguments.kind, by=arguments.by, comment=arguments.comment, now=now))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from deskledger.steps import charges

    found = charges.listed(arguments.month)
    for row in found:
        _tell(row)
    if not found:
        print("There is no charge.")
    return 0


def _tell(row: dict[str, Any]) -> None:
    from deskledger.cli.explain_words import harmless

    invoice = f", invoice {row['invoice_number']}" if row["invoice_number"] else ""
    approved = f"approved by {row['approved_by']}" if row["approved_by"] else "not approved"
    words = f"{row['contract']}|{row['period']} {row['kind']}: {row['amount']} {row['currency']}{invoice}, "
    print(harmless(f"{words}imported by {row['imported_by'] or 'nobody named'}, {approved}"))
