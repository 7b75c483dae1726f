"""Erasure and retention of pseudonyms: what stands for people and for what they wrote can be resolved no longer."""

from datetime import datetime

from deskledger.errors import DeskledgerError
from deskledger.landing import personal
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.steps.ingest import mapping_of
from deskledger.warehouse import open_warehouse


def erase(source: str, people: list[str], *, with_texts: bool, by: str, reason: str, now: datetime) -> int:
    """Destroys what leads from tokens to these people (names, addresses or ids as the desk writes them); how many rows.

    Raises DeskledgerError where none is known: a name that was mistyped must not look like an erasure.
    """
    mapping_of(source)
    with open_warehouse().begin() as connection:
        erased = personal.erase(connection, source, people, with_texts=with_texts, by=by, reason=reason, now=now)
        if not erased:
            raise DeskledgerError(
                f"none of {len(people)} name{'s' if len(people) > 1 else ''} is known",
                where=source,
                remedy="write each as the desk does (its id, address and name are three); it may be erased already",
            )
    return erased


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
