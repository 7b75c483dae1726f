"""The command line: wiring only. Imports of what a command needs come with the command, so that `--help` is instant."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from deskledger import __version__
from deskledger.cli import charges, contracts, crosscheck, extract, kpis, money, personal, quality, quarantine, requests
from deskledger.errors import DeskledgerError

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. An expected failure is told in its own words, without a traceback."""
    parsed = _parser().parse_args(arguments)
    try:
        run: Command = parsed.run
        return run(parsed)
    except DeskledgerError as error:
        from deskledger.cli.explain_words import harmless

        print("\n".join(harmless(line) for line in f"deskledger: {error}".split("\n")), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deskledger", description=__doc__.split(":")[0] + " of Deskledger.")
    parser.add_argument("--version", action="version", version=f"deskledger {__version__}")
    commands = parser.add_subparsers(title="commands", required=True)

    demo = commands.add_parser("demo", help="three months of demo tickets, to posted statements and reports")
    demo.add_argument("--tickets-per-month", type=int, default=10_000, metavar="N", help="default: %(default)s")
    demo.set_defaults(run=_demo)
    commands.add_parser("up", help="leave Airflow's UI on loopback, with the data that is there").set_defaults(run=_up)
    commands.add_parser("down", help="stop what up or demo started, and only that").set_defaults(run=_down)
    commands.add_parser("migrate", help="bring the warehouse to this version's schema").set_defaults(run=_migrate)
    commands.add_parser("status", help="each contract's months, their drafts, decisions and money").set_defaults(
        run=_status
    )

    airflow = commands.add_parser("airflow", help="Airflow's own command line, on the local installation")
    airflow.add_argument("arguments", nargs=argparse.REMAINDER, help="as Airflow takes them: dags list, backfill …")
    airflow.set_defaults(run=_airflow)

    explain = commands.add_parser("explain", help="the evidence of one ticket: every stretch, counted or not, and why")
    explain.add_argument("ticket", help="the helpdesk's own id")
    explain.add_argument("--source", help="where several sources have a ticket of this id")
    explain.add_argument("--contract", help="default: every contract that measures the ticket")
    explain.add_argument(
        "--as-of", type=_instant, metavar="INSTANT", help="2026-04-01T00:00+02:00; default: as far as events arrived"
    )
    explain.add_argument("--json", action="store_true", help="as data")
    explain.set_defaults(run=_explain)

    kpis.add(commands)
    money.add(commands)
    contracts.add(commands)
    requests.add(commands)
    charges.add(commands)
    extract.add(commands)
    personal.add(commands)
    quarantine.add(commands)
    quality.add(commands)
    crosscheck.add(commands)
    return parser


def _demo(arguments: argparse.Namespace) -> int:
    from deskledger.cli.demo import run_demo

    return run_demo(arguments.tickets_per_month)


def _up(_: argparse.Namespace) -> int:
    from deskledger.cli.demo import bring_up

    return bring_up()


def _down(_: argparse.Namespace) -> int:
    from deskledger.cli.demo import take_down

    return take_down()


def _airflow(arguments: argparse.Namespace) -> int:
    from deskledger.cli.local_airflow import LocalAirflow
    from deskledger.settings import settings

    return LocalAirflow(settings()).command(arguments.arguments)


def _migrate(_: argparse.Namespace) -> int:
    from deskledger.warehouse import migrate, open_warehouse

    engine = open_warehouse()
    migrate(engine)
    print(f"{engine.url.render_as_string(hide_password=True)} has this version's schema.")
    return 0


def _status(_: argparse.Namespace) -> int:
    from deskledger.cli.summary import print_months
    from deskledger.warehouse import open_warehouse

    print_months(open_warehouse())
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from deskledger.cli import explain as pages
    from deskledger.steps.explain import explain

    found = explain(
        arguments.ticket,
        now=datetime.now(UTC),
        source=arguments.source,
        contract=arguments.contract,
        as_of=arguments.as_of,
    )
    print(pages.as_json(found) if arguments.json else pages.as_text(found))
    for message in found.unreadable:
        print(f"deskledger: this contract was left out:\n{message}", file=sys.stderr)
    return 0


def _instant(written: str) -> datetime:
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{written!r} is no instant with its offset, such as 2026-04-01T00:00+02:00")
    return instant
