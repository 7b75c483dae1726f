"""Tickets that came into sight: what happened to them in a queue that the account may not see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deskledger.sources.desk import Answer, Cursor, Request, Step
from deskledger.sources.request_tracker.history import ASKS, FIELDS, TOLD, History
from deskledger.sources.request_tracker.paging import API, EMPTY_PAGES, PER_PAGE, id_of, items_of, listed


@dataclass
class Moved(History):
    """The history before a move out of a queue that is hidden: its ids lie behind the walk of the history.

    Whether the account sees a queue that tickets came from is asked once a pull. The move itself is the last row of the
    ticket's that is asked for, and is seen: there its earlier history ends. A ticket that is hidden again meanwhile is
    left, after twenty empty pages: so is one with 2,000 hidden rows in a row (docs/adr/0097-proven-ends.md).
    """

    def request(self, cursor: Cursor) -> Request:
        if not cursor.get("moves"):
            return super().request(cursor)
        ticket, move, queue = cursor["moves"][0]
        if queue not in cursor["queues"]:
            query = listed(id=("=", queue))
            return Request(f"{API}/queues", (("query", query), ("find_disabled_rows", "1"), ("per_page", "1")))
        after, page = cursor["at"]
        query = f"id > {after} AND id <= {move} AND ObjectId = {ticket} AND {self.whole()} AND ({TOLD})"
        paged = (("orderby", "id"), ("order", "ASC"), ("per_page", str(PER_PAGE)), ("page", str(page)))
        return Request(f"{API}{self.path}", (("query", query), *paged, *self.asks))

    def step(self, cursor: Cursor, answer: Answer) -> Step:
        if not cursor.get("moves"):
            found = self.walked(cursor, answer)
            moves = [
                [id_of(self.name, each, "ObjectId"), id_of(self.name, each), str(each.get("OldValue"))]
                for each in found.records
            ]
            ended = found.complete_until and found.complete_until.isoformat()
            told = {"moves": moves, "queues": cursor.get("queues", {}), "at": [0, 1], "ended": ended}
            return self._on([], {**found.cursor, **told})
        items, _ = items_of(self.name, answer)
        _, move, queue = cursor["moves"][0]
        if queue not in cursor["queues"]:
            return self._on([], {**cursor, "queues": {**cursor["queues"], queue: bool(items)}})
        after, page = cursor["at"]
        ids = [id_of(self.name, each) for each in items]
        records = [self.kept(each) for each in items]
        if move in ids or (not ids and page == EMPTY_PAGES):
            return self._on(records, {**cursor, "moves": cursor["moves"][1:], "at": [0, 1]})
        return self._on(records, {**cursor, "at": [max(ids), 1] if ids else [after, page + 1]})

    def _on(self, records: Sequence[Any], cursor: Cursor) -> Step:
        """To the next ticket that came from a hidden queue; where there is none, to the walk again, or its end."""
        moves = [each for each in cursor["moves"] if not cursor["queues"].get(each[2])]
        if moves:
            return Step(records, {**cursor, "moves": moves}, False)
        rest = {name: value for name, value in cursor.items() if name not in {"moves", "at", "ended"}}
        if not cursor["ended"]:
            return Step(records, rest, False)
        del rest["queues"]  # the account's rights may change until the next pull
        return Step(records, rest, True, datetime.fromisoformat(cursor["ended"]))


def moved() -> Moved:
    """The earlier history of tickets that moved out of a hidden queue."""
    return Moved("moved", "events", FIELDS, "/transactions", ASKS, "Type = 'Set' AND Field = 'Queue'")
