"""Commands about money: what was posted and what it rests on, what would have been, what is to come."""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
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

    restate = commands.add_parser("restate", help="what posted months come to now, and what would be adjusted")
    restate.add_argument("contract", help="its name, such as alder")
    restate.add_argument("--json", action="store_true", help="as data")
    restate.set_defaults(run=_restate)

    other = commands.add_parser("whatif", help="past months under other terms, beside what was posted")
    other.add_argument("contract", help="its name, such as alder")
    other.add_argument("--months", type=_months, required=True, metavar="2026-01..2026-03", help="first and last month")
    other.add_argument(
        "--terms", type=Path, required=True, metavar="FILE", help="a contract file; its newest version holds throughout"
    )
    _outputs(other)
    other.set_defaults(run=_whatif)

    ahead = commands.add_parser("forecast", help="where the running month is heading, and which tickets can be saved")
    ahead.add_argument("contract", help="its name, such as alder")
    ahead.add_argument("--month", type=_month, metavar="2026-04", help="default: the running one")
    _outputs(ahead)
    ahead.set_defaults(run=_forecast)

    accrual = commands.add_parser("accrual", help="what the months that are not posted will probably cost")
    _outputs(accrual)
    accrual.set_defaults(run=_accrual)

    exposure = commands.add_parser("exposure", help="what customers get, less what suppliers give for the same months")
    exposure.add_argument("contract", nargs="?", help="the upstream contract; default: all that others back")
    _outputs(exposure)
    exposure.set_defaults(run=_exposure)

    export = commands.add_parser("export", help="files for the books").add_subparsers(required=True)
    journal = export.add_parser("journal", help="journal lines of posted statements, with their credit notes, as CSV")
    journal.add_argument("--contract", help="default: all")
    journal.add_argument("--months", type=_months, metavar="2026-01..2026-03", help="default: all")
    journal.add_argument("--out", type=Path, metavar="FILE", help="default: the terminal")
    journal.set_defaults(run=_journal)
    posted = export.add_parser("statement", help="a posted statement's lines, tickets and formula trace as CSV files")
    posted.add_argument("statement", metavar="STATEMENT", help="its number, such as ALDER-2026-01")
    posted.add_argument("--out", type=Path, metavar="FOLDER", default=Path(), help="default: this folder")
    posted.set_defaults(run=_statement)


def _recompute(arguments: argparse.Namespace) -> int:
    from deskledger.cli import recompute as pages
    from deskledger.cli.output import as_json, say
    from deskledger.errors import LandingError
    from deskledger.steps import recompute as step

    numbers = step.posted_statements() if arguments.all else arguments.statements
    if not numbers:
        print("deskledger: nothing is posted yet" if arguments.all else "deskledger: name a statement, or --all")
        return 0 if arguments.all else 2
    now = datetime.now(UTC)
    found, refused = [], []
    for number in numbers:
        try:
            found.append(step.recompute(number, now=now, with_today=not arguments.frozen_only))
        except LandingError as error:  # of this statement alone
            refused.append(f"{number} could not be recomputed: {error}")
    if arguments.json:
        print(as_json([pages.as_data(each) for each in found]))
    elif found:
        print("\n\n".join(pages.as_text(each) for each in found))
    for message in refused:
        say(message)
    return 1 if refused else 0 if all(each.holds for each in found) else DIFFERS


def _restate(arguments: argparse.Namespace) -> int:
    from deskledger.cli import corrections as pages
    from deskledger.cli.output import as_json
    from deskledger.steps.corrections import corrections

    found = corrections(arguments.contract, now=datetime.now(UTC))
    print(as_json(pages.as_data(found)) if arguments.json else pages.as_text(found))
    return 0


def _whatif(arguments: argparse.Namespace) -> int:
    from deskledger.cli import whatif as pages
    from deskledger.steps.whatif import whatif

    first, last = arguments.months
    _give(arguments, pages, whatif(arguments.contract, first, last, arguments.terms, now=datetime.now(UTC)))
    return 0


def _forecast(arguments: argparse.Namespace) -> int:
    from deskledger.cli import forecast as pages
    from deskledger.steps.forecast import forecast

    _give(arguments, pages, forecast(arguments.contract, arguments.month, now=datetime.now(UTC)))
    return 0


def _accrual(arguments: argparse.Namespace) -> int:
    from deskledger.cli import books as pages
    from deskledger.cli.output import as_json, say
    from deskledger.steps.accrual import accrual

    found = accrual(now=datetime.now(UTC))
    print(as_json(pages.accrual_data(found)) if arguments.json else pages.accrual_text(found))
    for path in pages.accrual_csv(found, arguments.csv) if arguments.csv else ():
        say(f"wrote {path}")
    return 0


def _exposure(arguments: argparse.Namespace) -> int:
    from deskledger.cli import books as pages
    from deskledger.cli.output import as_json, say
    from deskledger.steps.exposure import exposure

    months, unknown = exposure(arguments.contract, now=datetime.now(UTC))
    print(as_json(pages.exposure_data(months)) if arguments.json else pages.exposure_text(months, unknown))
    for path in pages.exposure_csv(months, arguments.csv) if arguments.csv else ():
        say(f"wrote {path}")
    return 0


def _journal(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import say
    from deskledger.contract import next_period
    from deskledger.steps import export

    periods = None
    if arguments.months:
        first, last = arguments.months
        periods = [first]
        while periods[-1] < last:
            periods.append(next_period(periods[-1]))
    content = export.journal_csv(arguments.contract, periods, now=datetime.now(UTC))
    if arguments.out is None:
        sys.stdout.write(content)
    else:
        arguments.out.write_text(content, encoding="utf-8", newline="")
        say(f"wrote {arguments.out}")
    waiting = export.unbooked()
    if waiting:
        say(f"not in it, because books.yaml does not say how they are booked: {', '.join(waiting)}")
    return 0


def _statement(arguments: argparse.Namespace) -> int:
    from deskledger.steps.export import statement_files

    for path in statement_files(arguments.statement, arguments.out):
        print(path)
    return 0


def _outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", type=Path, metavar="FOLDER", help="also write CSV files into this folder")
    parser.add_argument("--json", action="store_true", help="as data")


def _give(arguments: argparse.Namespace, pages: Any, found: Any) -> None:
    """Print what was found, as text or data, and write its CSV files where they are asked for."""
    from deskledger.cli.output import as_json, say

    print(as_json(pages.as_data(found)) if arguments.json else pages.as_text(found))
    if arguments.csv:
        for path in pages.write(found, arguments.csv):
            say(f"wrote {path}")


def _months(written: str) -> tuple[str, str]:
    first, _, last = written.partition("..")
    return _month(first), _month(last or first)


def _month(written: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", written):
        raise argparse.ArgumentTypeError(f"{written!r} is no month, such as 2026-01")
    return written
