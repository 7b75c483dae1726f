"""Pseudonyms: what stands for people and for what they wrote (schema personal). Destroying a row is the erasure."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

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
    found = connection.execute(
        text(
            "update personal.token set last_seen_at = greatest(last_seen_at, :now)"
            " where source = :source and digest = any(cast(:digests as bytea[])) returning digest, token"
        ),
        {"source": source, "digests": digests, "now": now},
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
