"""The quality of what landed: a table for a terminal, a page, or data."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    quality = commands.add_parser("quality", help="what became of each source's records, and what its suites say")
    quality.add_argument("source", nargs="?", help="default: all of them")
    quality.add_argument("--html", type=Path, metavar="PATH", help="write the page to this file instead")
    quality.add_argument("--json", action="store_true", help="as data")
    quality.set_defaults(run=_quality)


def _quality(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import as_json
    from deskledger.steps import quality

    if arguments.html:
        print(quality.write(arguments.html, datetime.now(UTC), arguments.source))
        return 0
    found = quality.overview(arguments.source)
    print(as_json(found) if arguments.json else as_text(found))
    return 0


def as_text(found: Mapping[str, Any]) -> str:
    """Each source: how far it is complete, the fates of its records, its quarantine, the rules that are broken."""
    from deskledger.cli.explain_words import harmless

    lines = [line for source in found["sources"] for line in _source(source)]
    for verdict in found["cycles"]:
        lines += ["measured cycles", *_broken(verdict)]
    return "\n".join(harmless(line).rstrip() for line in lines or ["Nothing has landed yet."])


def _source(source: Mapping[str, Any]) -> list[str]:
    names = ("extracted", "loaded", "unchanged", "superseded", "quarantined")
    head = f"{source['source']}: complete until {_instant(source['complete_until'])}, {source['records']:,} records in"
    lines = [f"{head} {source['files']:,} files, newest landed {_instant(source['landed_at'])}"]
    for row in source["unread"]:
        lines.append(f"  landed under {row['partition']} and not loaded: {row['pages']:,} pages")
    lines += [f"  {'table':<16}" + "".join(f"{name:>13}" for name in names)]
    for row in source["fates"]:
        lines.append(f"  {row['table_name']:<16}" + "".join(f"{row[name]:>13,}" for name in names))
    for row in source["quarantine"]:
        lines.append(f"  in quarantine: {row['rule']} ({row['table_name']}): {row['rows']:,} rows")
    for verdict in source["suites"]:
        lines += _broken(verdict)
    for row in source["totals"]:
        held = f", {row['quarantined']:,} in quarantine" if row["quarantined"] else ""
        missing = f": {row['missing']:,} missing" if row["missing"] else ""
        lines.append(f"  {row['what']}: the desk counts {row['theirs']:,}, we have {row['ours']:,}{held}{missing}")
    for row in source["crosscheck"]:
        where = f"{row['contract']}: {row['clock']} beside the desk's {row['metric']}"
        lines.append(f"  {where}: {row['cycles']:,} {row['cause']}")
    return [*lines, ""]


def _broken(verdict: Mapping[str, Any]) -> list[str]:
    from deskledger.quality.suites import words

    rules = verdict["statistics"]["rules"]
    lines = [
        f"  {verdict['suite']}: {rule['severity']}: {rule['message']}"
        + (f" ({rule['unexpected']:,} of {verdict['statistics']['rows']:,} rows)" if "unexpected" in rule else "")
        + "".join(f"; {words(each)}" for each in rule.get("examples", ()) if rule["severity"] == "critical")
        for rule in rules
        if not rule["success"]
    ]
    return lines or [f"  {verdict['suite']}: all {len(rules)} rules hold"]


def _instant(at: datetime | None) -> str:
    return "nothing" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
