"""`deskledger extract`: ask a desk over HTTP from the command line, and land what it has."""

import argparse
import time
from datetime import UTC, datetime
from typing import Any


def add(commands: Any) -> None:
    """The command's own arguments."""
    extract = commands.add_parser("extract", help="ask a desk over HTTP for what is new, and land it")
    extract.add_argument("source", help="a source whose mapping has a block `extract`")
    extract.add_argument("--since", default="", metavar="DAY", help="pull again since this day or instant")
    extract.add_argument("--until", default="", metavar="DAY", help="the first day that is not pulled again")
    extract.add_argument("--full", action="store_true", help="pull everything again")
    extract.add_argument("--day", metavar="DAY", help="the partition that it lands under; default: today, UTC")
    extract.add_argument(
        "--lift-hold", action="store_true", help="ask nothing, but end the pause that the account is held for"
    )
    extract.set_defaults(run=_extract)


def _extract(arguments: argparse.Namespace) -> int:
    from deskledger.steps.extract import extract
    from deskledger.steps.extract_window import window_of

    if arguments.lift_hold:
        return _lift_hold(arguments.source)
    window = window_of(arguments.since, arguments.until)
    day = arguments.day or datetime.now(UTC).date().isoformat()
    while True:
        counts = extract(arguments.source, day, datetime.now(UTC), window=window, is_full=arguments.full)
        if counts["wait_until"] is None:
            break
        left = datetime.fromisoformat(counts["wait_until"]) - datetime.now(UTC)
        time.sleep(max(left.total_seconds(), 0))
    print(
        f"{counts['records']} records landed under {day}; trigger the DAG `ingest` with the partition key {day} to load"
        " them."
    )
    return 0


def _lift_hold(source: str) -> int:
    from deskledger.steps.hold import lift

    held = lift(source)
    if held is None:
        print(f"{source} is not held.")
    else:
        print(f"{source} was held until {held[0]:%Y-%m-%d %H:%M:%S} UTC ({held[1]}); it is asked again from now on.")
    return 0
