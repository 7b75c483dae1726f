"""`deskledger contracts`: check, diff, submit, approve, status, schema. Imports come with the command they serve."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FILE = "a contract's file, such as contracts/alder.yaml, or its name"


def add(commands: Any) -> None:
    """Add the commands `contracts`, with its sub-commands, and `assess` to `commands`, argparse's sub-parsers."""
    contracts = commands.add_parser("contracts", help="look at the contracts, and approve their versions")
    subcommands = contracts.add_subparsers(title="commands", required=True)
    check = subcommands.add_parser("check", help="read every contract and say what is wrong with it")
    check.add_argument("folder", nargs="?", help="default: contracts/")
    check.set_defaults(run=_check)
    diff = subcommands.add_parser("diff", help="what differs between two versions, by clause, money first")
    diff.add_argument("file", help=_FILE)
    diff.add_argument("versions", nargs="*", type=int, metavar="VERSION", help="default: the newest and the one before")
    diff.add_argument("--approved", action="store_true", help="instead: the newest, or VERSION, and what was approved")
    diff.set_defaults(run=_diff)
    for word, run, who in (("submit", _submit, "puts them forward"), ("approve", _approve, "approves them, a second")):
        person = subcommands.add_parser(word, help=f"{word} the terms of a version, as a named person")
        person.add_argument("file", help=_FILE)
        person.add_argument("--version", type=int, metavar="N", help="default: the newest")
        person.add_argument("--by", required=True, metavar="NAME", help=f"who {who}")
        person.add_argument("--comment", default="", help="kept with it")
        person.set_defaults(run=run)
    status = subcommands.add_parser("status", help="which versions are approved, and which statements used them")
    status.add_argument("folder", nargs="?", help="default: contracts/")
    status.set_defaults(run=_status)
    assess = commands.add_parser("assess", help="what measurements cost under a contract's terms, without a warehouse")
    assess.add_argument("terms", metavar="CONTRACT", help="a contract's file (YAML), or penalty terms as data (JSON)")
    assess.add_argument("measurements", metavar="MEASUREMENTS", help="what was measured (YAML or JSON)")
    assess.add_argument("--version", type=int, metavar="N", help="of the contract; default: the newest")
    assess.add_argument("--json", action="store_true", help="as data")
    assess.set_defaults(run=_assess)
    schema = subcommands.add_parser("schema", help="the JSON Schema of a contract file, for editors")
    schema.set_defaults(run=_schema)


def _check(arguments: argparse.Namespace) -> int:
    from deskledger import contract

    good, bad = contract.load_all(_folder(arguments.folder))
    for each in good:
        print(f"{each.file}: valid, {len(each.versions)} version(s)")
    for error in bad:
        print(error, file=sys.stderr)
    return 1 if bad else 0


def _diff(arguments: argparse.Namespace) -> int:
    from deskledger import contract
    from deskledger.contract.difference import as_lines, differences
    from deskledger.contract.written import version_terms
    from deskledger.errors import ContractError

    if arguments.approved:
        return _diff_approved(arguments)
    terms = contract.load(_path(arguments.file))
    old, new = arguments.versions if len(arguments.versions) == 2 else (None, None)
    if old is None and not arguments.versions and len(terms.versions) > 1:
        old, new = terms.versions[-2].number, terms.versions[-1].number
    if old is None or new is None:
        raise ContractError(
            "two versions are compared", where=terms.file, remedy="name them, oldest first: `contracts diff FILE 1 2`"
        )
    before, after = version_terms(terms, old), version_terms(terms, new)
    begins = {version.number: version.effective_from for version in terms.versions}
    print(f"{terms.name}: version {old} (from {begins[old]}) and version {new} (from {begins[new]})")
    print("\n".join(as_lines(differences(before, after))) or "They say the same.")
    return 0


def _diff_approved(arguments: argparse.Namespace) -> int:
    from deskledger.steps import terms

    lines = terms.since_approval(_path(arguments.file), next(iter(arguments.versions), None))
    print("\n".join(lines) or "It says what was approved.")
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    from deskledger.steps import terms

    row = terms.submit(
        _path(arguments.file), arguments.version, by=arguments.by, comment=arguments.comment, now=datetime.now(UTC)
    )
    print(
        f"{row['contract']} version {row['version']}: submitted by {row['submitted_by']}, terms "
        f"{row['terms_sha256'][:12]}. Somebody other than {row['author']} or {row['submitted_by']} approves them."
    )
    return 0


def _approve(arguments: argparse.Namespace) -> int:
    from deskledger.steps import terms

    row = terms.approve(
        _path(arguments.file), arguments.version, by=arguments.by, comment=arguments.comment, now=datetime.now(UTC)
    )
    print(
        f"{row['contract']} version {row['version']}: approved by {row['approved_by']}, terms "
        f"{row['terms_sha256'][:12]}. Months from {row['effective_from']} on are priced by it."
    )
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from deskledger import contract
    from deskledger.steps import terms

    good, bad = contract.load_all(_folder(arguments.folder))
    for each in good:
        for row in terms.standings(each):
            used = f", used by {len(row.statements)} statement(s) from {row.statements[0]}" if row.statements else ""
            print(f"{row.contract} version {row.version}: {_STATES[row.state](row)}{used}")
    for error in bad:
        print(error, file=sys.stderr)
    return 1 if bad else 0


_STATES: dict[str, Callable[[Any], str]] = {
    "approved": lambda row: f"approved by {row.approved_by} on {row.approved_at:%Y-%m-%d}",
    "submitted": lambda row: f"submitted by {row.submitted_by}, waits for a second person",
    "edited": lambda row: f"edited since {row.approved_by} approved it on {row.approved_at:%Y-%m-%d}: not priced",
    "not submitted": lambda row: "not submitted: measured, not priced",
}


def _assess(arguments: argparse.Namespace) -> int:
    from deskledger.cli import assess

    return assess.run(arguments)


def _schema(_: argparse.Namespace) -> int:
    from deskledger import contract

    print(json.dumps(contract.json_schema(), indent=2))
    return 0


def _folder(given: str | None) -> Path:
    from deskledger.settings import settings

    return Path(given) if given else settings().contracts


def _path(given: str) -> Path:
    """The file that is meant: a path, or a contract's name in the folder of contracts."""
    path = Path(given)
    named = _folder(None) / f"{given}.yaml"
    return named if not path.exists() and named.exists() else path
