"""`deskledger personal`: erase people, and what has outlived its time."""

import argparse
from datetime import UTC, datetime
from typing import Any


def add(commands: Any) -> None:
    """The command's own arguments."""
    personal = commands.add_parser("personal", help="erase people and texts behind their pseudonyms").add_subparsers(
        title="commands", required=True
    )
    erase = personal.add_parser("erase", help="nothing leads from the tokens to these people any more")
    erase.add_argument("source")
    erase.add_argument(
        "--person", action="append", required=True, help="an id, a name or an address as the desk writes it; repeatable"
    )
    erase.add_argument("--texts", action="store_true", help="also what anybody wrote that names one of them")
    erase.add_argument("--by", required=True, metavar="NAME", help="who erases; kept on record")
    erase.add_argument("--reason", required=True, help="kept on record; not the name")
    erase.set_defaults(run=_erase)
    expire = personal.add_parser("expire", help="erase what each mapping's `retention` no longer allows")
    expire.set_defaults(run=_expire)


def _erase(arguments: argparse.Namespace) -> int:
    from deskledger.steps import privacy

    erased = privacy.erase(
        arguments.source,
        arguments.person,
        with_texts=arguments.texts,
        by=arguments.by,
        reason=arguments.reason,
        now=datetime.now(UTC),
    )
    print(
        f"{erased} erased. The desk itself still has them until they are erased there: else the next pull knows them."
    )
    return 0


def _expire(_: argparse.Namespace) -> int:
    from deskledger.steps import privacy

    for name, rows in privacy.expire(now=datetime.now(UTC)).items():
        print(f"{name}: {rows} erased")
    return 0
