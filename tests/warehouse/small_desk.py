"""The desk behind tests/desk_server.py as a room of sources would have it: two streams, and how its records read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from deskledger.sources.desk import Account, Answer, Cursor, Field, Request, Step

TEXT = frozenset({"text"})
OVERLAP = 1  # records that a pull begins before the last one's end


@dataclass(frozen=True)
class Stream:
    name: str
    section: str
    fields: tuple[Field, ...]

    def begin(self, since: datetime, until: datetime | None) -> Cursor:
        return {"after": 0, "since": since.isoformat()}

    def request(self, cursor: Cursor) -> Request:
        return Request(f"/records/{self.name}", (("after", str(cursor["after"])),))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        body = answer.body
        following = body["next"] - OVERLAP if body["end"] else body["next"]
        return Step(
            records=body["records"],
            cursor={**cursor, "after": max(following, 0)},
            is_end=body["end"],
            complete_until=answer.answered_at - timedelta(minutes=1) if body["end"] else None,
            total=body["total"],
        )


def _plain(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, TEXT) for name in names)


TICKETS = Stream(
    "tickets",
    "events",
    (
        Field("id", TEXT, required=True),
        Field("n", frozenset({"integer"}), required=True),
        Field("at", TEXT, required=True),
        *_plain("opened", "state", "prio", "team", "channel", "resolved_at", "closed_at", "what"),
        Field("agent", TEXT, "person"),
        Field("by", TEXT, "person"),
        Field("detail", TEXT, "text"),
    ),
)
ANSWERS = Stream(
    "answers",
    "survey_answers",
    (
        *_plain("s", "a", "t", "sent", "back"),
        Field("stars", frozenset({"integer", "null"})),
        Field("words", frozenset({"text", "null"}), "text"),
    ),
)


class SmallDesk:
    name = "small"

    def streams(self, account: Account, columns: frozenset[str]) -> tuple[Stream, ...]:
        return (TICKETS, ANSWERS)

    def headers(self, account: Account) -> dict[str, str]:
        return {"Authorization": f"Bearer {account.secret}"}

    def rows(self, stream: str, records: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
        return pd.DataFrame(
            [["" if record.get(column) is None else str(record[column]) for column in columns] for record in records],
            columns=list(columns),
            dtype="str",
        )


DESK = SmallDesk()
