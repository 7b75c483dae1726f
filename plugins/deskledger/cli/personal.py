"""`deskledger personal`: erase people, and what has outlived its time."""

import argparse
from datetime import UTC, datetime
from typing import Any


def add(commands: Any) -> None:
    """The command's own arguments."""
    personal = commands.add_parser("personal", help="erase people and texts behind their pseudonyms").add_subparsers(
        title="commands", required=True
    )
    erase = personal.add_parser(
        "erase",
        help="nothing leads from the tokens to these people any more; without --confirm only tells what would go",
    )
    erase.add_argument("source")
    erase.add_argument(
        "--person", action="append", required=True, help="an id, a name or an address as the desk writes it; repeatable"
    )
    erase.add_argument("--texts", action="store_true", help="also what anybody wrote that names one of them")
    erase.add_argument(
        "--confirm", type=int, metavar="N", help="destroy, for good, if it is exactly N: the number told without this"
    )
    erase.add_argument("--by", required=True, metavar="NAME", help="who erases; kept on record")
    erase.add_argument("--reason", required=True, help="kept on record; not the name")
    erase.set_defaults(run=_erase)
    expire = personal.add_parser("expire", help="erase what each mapping's `retention` no longer allows")
    expire.set_defaults(run=_expire)


def _erase(arguments: argparse.Namespace) -> int:
    from deskledger.cli.explain_words import harmless
    from deskledger.steps import privacy

    done = privacy.erase(
        arguments.source,
        arguments.person,
        with_texts=arguments.texts,
        confirmed=arguments.confirm,
        by=arguments.by,
        reason=arguments.reason,
        now=datetime.now(UTC),
    )
    for name, (people, texts) in done.found.items():
        told = [f"{people:,} {'person' if people == 1 else 'people'}", f"{texts:,} text{'' if texts == 1 else 's'}"]
        print(harmless(f"{name}: {', '.join(told[: 1 + arguments.texts])}"))
    if not done.is_done:
        print(f"Nothing is erased yet. It cannot be undone: the same again with --confirm {done.rows} does it.")
        return 0
    print(f"{done.rows} erased. The desk itself has them until they are erased there: else the next pull knows them.")
    return 0


def _expire(_: argparse.Namespace) -> int:
    from deskledger.steps import privacy

    for name, rows in privacy.expire(now=datetime.now(UTC)).items():
        print(f"{name}: {rows} erased")
    return 0
