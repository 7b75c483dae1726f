"""Erasure and retention of pseudonyms: what stands for people and for what they wrote can be resolved no longer."""

from dataclasses import dataclass
from datetime import datetime

from deskledger.errors import DeskledgerError
from deskledger.landing import naming, personal
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.steps.ingest import mapping_of
from deskledger.warehouse import open_warehouse


@dataclass(frozen=True)
class Erasure:
    """What names mean: by name how many people and how many texts; how many rows in all; whether they are destroyed."""

    found: dict[str, tuple[int, int]]
    rows: int
    is_done: bool


def erase(
    source: str, people: list[str], *, with_texts: bool, confirmed: int | None, by: str, reason: str, now: datetime
) -> Erasure:
    """Destroys what leads from tokens to these people (names, addresses or ids as the desk writes them).

    It cannot be undone: with `confirmed` None nothing is destroyed, and what would be is told; else exactly so many
    rows are. Raises DeskledgerError where there is another number of them, where a name is blank, and where none is
    known: a name that was mistyped must not look like an erasure.
    """
    mapping_of(source)
    if not all(naming.says_somebody(name) for name in people):
        raise DeskledgerError(
            "a name has neither a letter nor a digit: it would be in every text",
            where=source,
            remedy="write it as the desk does; in a script, look whether the variable is set",
        )
    with open_warehouse().begin() as connection:
        found = naming.named(connection, source, people, with_texts=with_texts)
        tokens = {token for each in found.values() for token in each.people | each.texts}
        if not tokens:
            raise DeskledgerError(
                f"none of {len(people)} name{'s' if len(people) > 1 else ''} is known",
                where=source,
                remedy="write each as the desk does (its id, address and name are three); it may be erased already",
            )
        if confirmed is not None and confirmed != len(tokens):
            raise DeskledgerError(
                f"{len(tokens)} rows would be destroyed, and {confirmed} are confirmed; nothing is destroyed",
                where=source,
                remedy="look again at what the names mean, without --confirm",
            )
        if confirmed is not None:
            personal.erase(connection, source, tokens, by=by, reason=reason, now=now)
    counts = {name: (len(each.people), len(each.texts)) for name, each in found.items()}
    return Erasure(counts, len(tokens), confirmed is not None)


def expire(now: datetime) -> dict[str, int]:
    """Destroys, source by source, what its mapping's `retention` no longer allows; how many rows.

    Sources whose mapping is not valid are raised at the end, as one DeskledgerError; the others are done.
    """
    good, bad = mappings.load_all(settings().mappings)
    expired = {}
    for mapping in good:
        with open_warehouse().begin() as connection:
            for kind, age in (("person", mapping.retention.person), ("text", mapping.retention.text)):
                if age is not None and (rows := personal.expire(connection, mapping.source, kind, now - age, now)):
                    expired[f"{mapping.source}/{kind}"] = rows
    if bad:
        raise DeskledgerError("\n".join(str(error) for error in bad))
    return expired
