"""Commands about money: what was posted and what it rests on, what would have been, what is to come."""

import argparse
from datetime import UTC, datetime
from typing import Any

DIFFERS = 3  # the exit status of a statement that does not hold: 1 is a command that could not be carried out


def add(commands: Any) -> None:
    """Add the commands to the parser's."""
    again = commands.add_parser("recompute", help="a posted statement again, from its frozen evidence, to the cent")
    again.add_argument("statements", nargs="*", metavar="STATEMENT", help="its number, such as ALDER-2026-01")
    again.add_argument("--all", action="store_true", help="every posted statement")
    again.add_argument(
        "--frozen-only", action="store_true", help="do not also measure the month over the data and version of today"
    )
    again.add_argument("--json", action="store_true", help="as data")
    again.set_defaults(run=_recompute)


def _recompute(arguments: argparse.Namespace) -> int:
    from deskledger.cli import recompute as pages
    from deskledger.cli.output import as_json
    from deskledger.steps import recompute as step

    numbers = step.posted_statements() if arguments.all else arguments.statements
    if not numbers:
        print("deskledger: nothing is posted yet" if arguments.all else "deskledger: name a statement, or --all")
        return 0 if arguments.all else 2
    now = datetime.now(UTC)
    found = [step.recompute(number, now=now, with_today=not arguments.frozen_only) for number in numbers]
    if arguments.json:
        print(as_json([pages.as_data(each) for each in found]))
    else:
        print("\n\n".join(pages.as_text(each) for each in found))
    return 0 if all(each.holds for each in found) else DIFFERS
