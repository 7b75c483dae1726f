"""The desk's own SLA figures beside our clocks: how many agree, and why the others differ."""

import argparse
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHOWN = 3  # examples of each cause on the terminal


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    crosscheck = commands.add_parser("crosscheck", help="the desk's own SLA figures beside ours, differences by cause")
    crosscheck.add_argument("source", nargs="?", help="default: each whose mapping names clocks for them")
    crosscheck.add_argument("--csv", type=Path, metavar="FOLDER", help="write every differing cycle to crosscheck.csv")
    crosscheck.add_argument("--json", action="store_true", help="as data")
    crosscheck.set_defaults(run=_crosscheck)


def _crosscheck(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import as_json, records, write_csv
    from deskledger.steps import crosscheck

    sources = [arguments.source] if arguments.source else crosscheck.sources()
    if arguments.csv:
        rows = (
            row
            for source in sources
            for part in crosscheck.compared(source)
            for row in records(part[part["cause"] != "agrees"])
        )
        print(write_csv(arguments.csv, "crosscheck.csv", crosscheck.COLUMNS, rows))
        return 0
    found = {source: crosscheck.run(source, datetime.now(UTC)) for source in sources}
    print(as_json(found) if arguments.json else as_text(found))
    return 0


def as_text(found: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """Each source's clocks: a line a cause with its number, and some tickets."""
    from deskledger.cli.explain_words import harmless
    from deskledger.quality.crosscheck import CAUSES

    lines = []
    for source, rows in found.items():
        lines.append(source)
        for row in rows:
            where = f"{row['contract']}, {row['clock']} beside {row['metric']}"
            lines.append(f"  {where}: {row['cycles']:>9,} {row['cause']}: {CAUSES[row['cause']]}")
            tickets = ", ".join(str(each["ticket_id"]) for each in row["examples"][:SHOWN])
            if tickets:
                lines.append(f"    such as {tickets}")
    return "\n".join(harmless(line) for line in lines or ["No mapping names clocks to hold a desk's figures against."])
