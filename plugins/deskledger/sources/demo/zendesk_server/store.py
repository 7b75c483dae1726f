"""What the desk knows, as arrays in the order in which its exports tell it; nothing here knows of HTTP.

Instants are int64 seconds UTC. An update of a ticket is an event; the ticket as it stood after it is a version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deskledger.sources.demo import MONTHS, Acted, act, dirt, files, scene
from deskledger.sources.demo.scene import Habits

NEVER = np.iinfo(np.int64).max
# The desk touches every so many closed tickets once more, a day later, without an event: generated_timestamp moves.
TOUCHED_EVERY, TOUCHED_AFTER = 9, 86_400


@dataclass(frozen=True)
class Events:
    """The stream of updates in the order of its export: `at` is each one's place, `row` its row of the scene.

    `is_corrected` marks the one that is told again with another severity (the demo's dirt).
    """

    at: np.ndarray
    row: np.ndarray
    is_corrected: np.ndarray


@dataclass(frozen=True)
class Versions:
    """Every state that any ticket was ever in, by the instant from which on the export tells it, and until when."""

    at: np.ndarray
    ticket: np.ndarray
    row: np.ndarray
    until: np.ndarray

    def visible(self, after: tuple[int, int], now: int, limit: int) -> np.ndarray:
        """At most `limit` versions that hold at `now`, in order, after a place (instant, ticket)."""
        begins = int(np.searchsorted(self.at, after[0], side="left"))
        ends = int(np.searchsorted(self.at, now, side="right"))
        found: list[np.ndarray] = []
        count = 0
        for begin in range(begins, ends, 65_536):
            block = np.arange(begin, min(begin + 65_536, ends))
            later = (self.at[block] > after[0]) | (self.ticket[block] > after[1])
            kept = block[later & (self.until[block] > now)]
            found.append(kept)
            count += len(kept)
            if count >= limit:
                break
        return np.concatenate(found)[:limit] if found else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Surveys:
    """Surveys by the instant of their sending; answers in the order in which they were given.

    `row` is the ticket's row of the scene that stood at the sending.
    """

    ticket: np.ndarray
    row: np.ndarray
    sent_at: np.ndarray
    answers: list[list[tuple[int, int, str]]]  # (instant, rating, comment)


@dataclass(frozen=True)
class Store:
    """The whole desk. `before` is each row's previous row of the same ticket, -1 at the first."""

    acted: Acted
    events: Events
    versions: Versions
    surveys: Surveys
    before: np.ndarray
    odd: dict[str, int]  # kind of dirt -> row of the scene

    @classmethod
    def make(
        cls,
        seed: int = 1,
        tickets_per_month: int = 10_000,
        months: Sequence[str] = MONTHS,
        extra_days: int = 10,
        habits: Habits | None = None,
    ) -> "Store":
        """The desk of the scene that `demo.generate` writes as files with the same arguments, its dirt included."""
        acted = act(seed, tickets_per_month, months, extra_days, habits)
        acted.desk.rows.chunks.clear()  # `acted.rows` has them whole
        odd, corrected_at = _odd(acted)
        return cls(
            acted, _events(acted, odd, corrected_at), _versions(acted), _surveys(acted), _before(acted.rows), odd
        )


def _odd(acted: Acted) -> tuple[dict[str, int], int]:
    """The rows that are spoilt, and the instant at which the corrected one is told again."""
    span = acted.span
    later = next((name for name in span.partitions if name not in span.months), None)
    internal = np.flatnonzero(acted.desk.account[acted.rows["ticket"]] == scene.INTERNAL)
    some = files.ticket_rows(acted.desk, {name: each[internal] for name, each in acted.rows.items()}, acted.ids)
    _, middle = dirt.chosen(some, span.months[-1], later)
    first_day_after = span.partitions.index(later) if later else len(span.partitions)
    return {kind: int(internal[row]) for kind, row in middle.items()}, int(span.midnights[first_day_after]) + 3600


def _events(acted: Acted, odd: dict[str, int], corrected_at: int) -> Events:
    at, row = acted.rows["at"], np.arange(len(acted.rows["at"]))
    corrected = np.zeros(len(row), dtype=bool)
    for kind, moment, is_corrected in (
        ("row written twice", None, False),
        ("row corrected later", corrected_at, True),
    ):
        if kind in odd:
            at = np.append(at, acted.rows["at"][odd[kind]] if moment is None else moment)
            row, corrected = np.append(row, odd[kind]), np.append(corrected, is_corrected)
    order = np.lexsort((row, at))
    return Events(at[order], row[order], corrected[order])


def _before(rows: dict[str, np.ndarray]) -> np.ndarray:
    order = np.lexsort((rows["seq"], rows["ticket"]))
    ticket = rows["ticket"][order]
    previous = np.append([-1], order[:-1])
    previous[np.append([True], ticket[1:] != ticket[:-1])] = -1
    before = np.empty(len(order), dtype=np.int64)
    before[order] = previous
    return before


def _versions(acted: Acted) -> Versions:
    rows = acted.rows
    at, ticket, row = rows["at"], rows["ticket"], np.arange(len(rows["at"]))
    closed = row[(rows["state"] == scene.CLOSED) & (rows["role"] == scene.SYSTEM) & (ticket % TOUCHED_EVERY == 0)]
    touched_at = at[closed] + TOUCHED_AFTER
    closed, touched_at = closed[touched_at < acted.span.end], touched_at[touched_at < acted.span.end]
    at, ticket, row = np.append(at, touched_at), np.append(ticket, ticket[closed]), np.append(row, closed)
    order = np.lexsort((rows["seq"][row], at, ticket))
    until = np.append(at[order][1:], NEVER)
    until[np.append(ticket[order][1:] != ticket[order][:-1], True)] = NEVER
    told = np.empty(len(order), dtype=np.int64)
    told[order] = until
    by_time = np.lexsort((row, ticket, at))
    return Versions(at[by_time], ticket[by_time], row[by_time], told[by_time])


def _surveys(acted: Acted) -> Surveys:
    rows = acted.surveys.sort_values(["sent_at", "ticket", "answer"], kind="stable")
    rows = rows[rows["at"] < acted.span.end]
    sent = rows[rows["answer"] == "sent"]
    number = {ticket: index for index, ticket in enumerate(sent["ticket"])}
    answers: list[list[tuple[int, int, str]]] = [[] for _ in number]
    given = rows[rows["answer"] != "sent"]
    columns = (given[name].tolist() for name in ("ticket", "responded_at", "rating", "comment"))
    for ticket, at, rating, comment in zip(*columns, strict=True):
        answers[number[ticket]].append((at, rating, comment))
    position = {name: index for index, name in enumerate(acted.ids)}
    tickets = np.array([position[name] for name in sent["ticket"]], dtype=np.int64)
    sent_at = sent["sent_at"].to_numpy(np.int64)
    return Surveys(tickets, _standing(acted.rows, tickets, sent_at), sent_at, answers)


def _standing(rows: dict[str, np.ndarray], tickets: np.ndarray, instants: np.ndarray) -> np.ndarray:
    """The last row of each ticket that is not after its instant."""
    order = np.lexsort((rows["seq"], rows["at"], rows["ticket"]))
    width = int(max(rows["at"].max(), instants.max(initial=0))) + 1
    places = np.searchsorted(rows["ticket"][order] * width + rows["at"][order], tickets * width + instants, "right")
    return order[places - 1]
