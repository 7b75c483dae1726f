"""Pulls streams from a desk as plainly as can be: what the runner of steps.extract does, without keeping anything."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Server
from deskledger.sources.desk import Account, Answer, Cursor, Step, Stream
from deskledger.sources.zendesk import DESK

SINCE = datetime(2025, 12, 31, 23, tzinfo=UTC)


@dataclass
class Pulled:
    """What a stream gave: records, cursor of the next pull, complete_until, and how often it was asked."""

    records: list[Any] = field(default_factory=list)
    cursor: Cursor = field(default_factory=dict)
    complete_until: datetime | None = None
    pages: list[int] = field(default_factory=list)


def streams(columns: frozenset[str] = frozenset(), **options: Any) -> dict[str, Stream]:
    return {each.name: each for each in DESK.streams(account("https://acme.zendesk.com", **options), columns)}


def account(base_url: str, **options: Any) -> Account:
    return Account(base_url, LOGIN, SECRET, options)


def pull(server: Server, stream: Stream, cursor: Cursor | None = None, until: datetime | None = None) -> Pulled:
    """The stream from the cursor, or from the beginning, to its end for now. Bad answers are asked for again."""
    pulled = Pulled(cursor=stream.begin(SINCE, until) if cursor is None else cursor)
    with httpx.Client(base_url=server.base_url, headers=DESK.headers(account(server.base_url))) as client:
        for step in _steps(client, stream, pulled.cursor):
            pulled.records += step.records
            pulled.pages.append(len(step.records))
            pulled.cursor, pulled.complete_until = step.cursor, step.complete_until
    return pulled


def _steps(client: httpx.Client, stream: Stream, cursor: Cursor) -> Iterator[Step]:
    while True:
        step = stream.step(json.loads(json.dumps(cursor)), _ask(client, stream, cursor))
        yield step
        if step.is_end:
            return
        assert step.cursor != cursor
        cursor = step.cursor


def _ask(client: httpx.Client, stream: Stream, cursor: Cursor) -> Answer:
    request = stream.request(cursor)
    for _ in range(10):
        try:
            answer = client.get(request.path, params=list(request.params))
            if answer.status_code == 200:
                return Answer(answer.json(), parsedate_to_datetime(answer.headers["Date"]))
            assert answer.status_code in {429, 500, 502, 503}, answer.text
        except (httpx.RemoteProtocolError, ValueError):
            continue
    raise AssertionError(f"{request} was never answered")
