"""Pseudonyms: what stands for people and for what they wrote (schema personal). Destroying a row is the erasure."""

import hmac
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text


def tokens_of(
    engine: Engine, source: str, values: Sequence[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], str]:
    """The token of each (kind, value); new ones are made and committed, so that a rerun meets the same.

    kind is "person" or "text". A token is random: nothing of the value is in it.
    """
    if not values:
        return {}
    with engine.begin() as connection:
        key = _key(connection, source)
        digests = {_digest(key, kind, value): (kind, value) for kind, value in values}
        known = _known(connection, source, list(digests), now)
        new = [(digest, *pair) for digest, pair in digests.items() if digest not in known]
        if new:
            connection.execute(
                text(
                    "insert into personal.token (token, source, kind, digest, value, first_seen_at, last_seen_at)"
                    " select new.token, :source, new.kind, new.digest, new.value, :now, :now"
                    " from unnest(cast(:tokens as text[]), cast(:kinds as text[]), cast(:digests as bytea[]),"
                    " cast(:values as text[])) as new (token, kind, digest, value)"
                    " on conflict (source, digest) do nothing"
                ),
                {
                    "source": source,
                    "now": now,
                    "tokens": [f"{kind}:{secrets.token_hex(12)}" for _, kind, _ in new],
                    "kinds": [kind for _, kind, _ in new],
                    "digests": [digest for digest, _, _ in new],
                    "values": [value for _, _, value in new],
                },
            )
            known |= _known(connection, source, [digest for digest, _, _ in new], now)
    return {pair: known[digest] for digest, pair in digests.items()}


def _known(connection: Connection, source: str, digests: list[bytes], now: datetime) -> dict[bytes, str]:
    bound = {"source": source, "digests": digests, "now": now, "day_before": now - timedelta(days=1)}
    found = connection.execute(
        text(
            "select digest, token from personal.token where source = :source"
            " and digest = any(cast(:digests as bytea[]))"
        ),
        bound,
    )
    # To the day is enough for retention, and most pages name the people of the page before.
    connection.execute(
        text(
            "update personal.token set last_seen_at = :now where source = :source"
            " and digest = any(cast(:digests as bytea[])) and last_seen_at < :day_before"
        ),
        bound,
    )
    return {bytes(row.digest): row.token for row in found}


def _key(connection: Connection, source: str) -> bytes:
    connection.execute(
        text("insert into personal.digest_key (source, key) values (:source, :key) on conflict do nothing"),
        {"source": source, "key": secrets.token_bytes(32)},
    )
    found = connection.execute(
        text("select key from personal.digest_key where source = :source"), {"source": source}
    ).scalar_one()
    return bytes(found)


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{value}".encode(), "sha256")


def erase(connection: Connection, source: str, tokens: Collection[str], *, by: str, reason: str, now: datetime) -> int:
    """Destroys what these tokens of a source stand for; the number of destroyed rows.

    That it was done stays on record (personal.erasure), not who it was.
    """
    erased = connection.execute(
        text("delete from personal.token where source = :source and token = any(cast(:tokens as text[]))"),
        {"source": source, "tokens": list(tokens)},
    ).rowcount
    _note_erasure(connection, source, erased, by, reason, now)
    return erased


def expire(connection: Connection, source: str, kind: str, before: datetime, now: datetime) -> int:
    """Destroys what has outlived its time: people not seen since `before`, texts first seen before it; how many."""
    # A desk tells a person again with every ticket of theirs; a text it may tell again for ever.
    query = (
        "delete from personal.token where source = :source and kind = :kind"
        " and case kind when 'person' then last_seen_at else first_seen_at end < :before"
    )
    expired = connection.execute(text(query), {"source": source, "kind": kind, "before": before}).rowcount
    if expired:
        _note_erasure(connection, source, expired, "retention", f"{kind}: older than the mapping allows", now)
    return expired


def _note_erasure(connection: Connection, source: str, tokens: int, by: str, reason: str, now: datetime) -> None:
    connection.execute(
        text(
            "insert into personal.erasure (source, tokens, erased_by, reason, erased_at)"
            " values (:source, :tokens, :by, :reason, :now)"
        ),
        {"source": source, "tokens": tokens, "by": by, "reason": reason, "now": now},
    )
