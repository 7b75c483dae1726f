"""A month at the desk, played through the API with the server's clock; each move is written down beside what it does.

The rules of Request Tracker that the moves meet: an agent's public reply opens a new or resolved ticket, the
requestor's a resolved one; a stalled ticket stays stalled. Moves of one ticket are at least a minute apart.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.desks.request_tracker.server import RequestTracker

TICKETS = 32
START = datetime(2026, 1, 5, 6, tzinfo=UTC)
STATUSES = {"new": "new", "open": "open", "stalled": "waiting_on_customer", "resolved": "resolved"}
PRIORITIES = {"0": "P4", "50": "P3", "80": "P2", "100": "P1"}


@dataclass
class Ticket:
    """A ticket as this month has it; `told` are its canonical events: (instant, kind, value, role, is public)."""

    number: int
    sla: str
    queue: str
    customer: str
    created_at: datetime
    channel: str
    status: str = "new"
    owner: str = ""
    priority: str = "0"
    account: str = ""
    last_word: str = "customer"
    was_merged: bool = False
    stalls: int = 0
    told: list[tuple[datetime, str, str | None, str | None, bool | None]] = field(default_factory=list)
    ratings: list[tuple[datetime, int]] = field(default_factory=list)


Move = tuple[datetime, int, Callable[[datetime], None]]


class Month:
    """The moves of all tickets in the order of time. `play` makes them; `tickets` is what has become of them."""

    def __init__(self, server: RequestTracker, seed: int = 11) -> None:
        self._server, self._random = server, random.Random(seed)
        self._moves: list[Move] = []
        self.tickets: dict[int, Ticket] = {}  # by place in the script
        self.by_number: dict[int, Ticket] = {}  # by the desk's own number
        for place in range(TICKETS):
            self._life(place)

    def play(self) -> datetime:
        """Makes every move that is planned; gives the instant of the last one."""
        self._moves.sort(key=lambda move: (move[0], move[1]))
        moves, self._moves = self._moves, []
        for at, _, make in moves:
            self._server.set_clock(at)
            make(at)
        return moves[-1][0]

    def _life(self, place: int) -> None:
        choose = self._random
        at = START + timedelta(minutes=choose.randrange(60 * 24 * 17))
        agent = f"agent{choose.randint(1, 3)}"
        self.plan(at, place, self._created(place))
        at = self._later(at, 5, 240)
        self.plan(at, place, self.owned(place, agent))
        at = self._later(at, 1, 400)
        self.plan(at, place, self.replied(place, agent))
        if choose.random() < 0.5:
            at = self._later(at, 1, 60)
            self.plan(at, place, self.noted(place, agent))
        if choose.random() < 0.4:
            at = self._later(at, 5, 300)
            self.plan(at, place, self.stood(place, agent, "stalled"))
            at = self._later(at, 60, 3000)
            by_customer = choose.random() < 0.5
            self.plan(at, place, self.wrote(place) if by_customer else self.stood(place, agent, "open"))
        if choose.random() < 0.3:
            at = self._later(at, 5, 300)
            self.plan(at, place, self.changed(place, agent, choose.choice(["queue", "priority", "account", "owner"])))
        if choose.random() < 0.9:
            at = self._later(at, 10, 2500)
            self.plan(at, place, self.stood(place, agent, "resolved"))
            if choose.random() < 0.6:
                at = self._later(at, 10, 2500)
                self.plan(at, place, self.rated(place, choose.randint(1, 5)))

    def _later(self, at: datetime, least: int, most: int) -> datetime:
        return at + timedelta(minutes=self._random.randint(least, most))

    def plan(self, at: datetime, place: int, make: Callable[[datetime], None]) -> None:
        """Keeps a move for its instant."""
        self._moves.append((at, place, make))

    def _created(self, place: int) -> Callable[[datetime], None]:
        choose = self._random
        ticket = Ticket(0, choose.choice(["standard", "standard", "gold"]), choose.choice(["Support", "Network"]),
                        f"cust{choose.randint(1, 3)}", START, choose.choice(["web", "phone", ""]))  # fmt: skip
        ticket.priority, ticket.account = choose.choice(["0", "50"]), choose.choice(["nut", "bolt", ""])
        self.tickets[place] = ticket

        def make(at: datetime) -> None:
            fields = {"Customer": ticket.account, "Channel": ticket.channel, "Notes": "call me on 555-0101"}
            body = {"Content": "It says: secret words", "ContentType": "text/plain", "Subject": "Ida's printer"}
            body |= {"Queue": ticket.queue, "SLA": ticket.sla, "Priority": ticket.priority}
            body |= {"Requestor": f"{ticket.customer}@example.org"}
            body |= {"CustomFields": {name: value for name, value in fields.items() if value}}
            ticket.number = int(self._call(ticket.customer, "POST", "/ticket", body)["id"])
            ticket.created_at = at
            self.by_number[ticket.number] = ticket
            first = {"created": None, "status": "new", "team": ticket.queue, "priority": PRIORITIES[ticket.priority]}
            ticket.told += [(at, kind, value, None, None) for kind, value in first.items()]
            if ticket.account:
                ticket.told.append((at, "account", ticket.account, None, None))

        return make

    def owned(self, place: int, agent: str, by: str | None = None) -> Callable[[datetime], None]:
        """The ticket given to an agent, by himself or by another one; "" is nobody."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            if ticket.owner != agent:
                self._put(by or agent, ticket, {"Owner": agent or "Nobody"})
                ticket.owner = agent
                ticket.told.append((at, "assignment", agent or None, None, None))

        return make

    def replied(self, place: int, agent: str) -> Callable[[datetime], None]:
        """An agent's public reply."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._write(agent, ticket, "correspond")
            ticket.told.append((at, "reply", None, "agent", True))
            self._opened(ticket, at, {"new", "resolved"})
            ticket.last_word = "agent"

        return make

    def wrote(self, place: int) -> Callable[[datetime], None]:
        """The customer's public reply."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._write(ticket.customer, ticket, "correspond")
            ticket.told.append((at, "reply", None, "customer", True))
            self._opened(ticket, at, {"resolved"})
            ticket.last_word = "customer"

        return make

    def noted(self, place: int, agent: str) -> Callable[[datetime], None]:
        """An agent's internal note."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._write(agent, ticket, "comment")
            ticket.told.append((at, "note", None, "agent", False))

        return make

    def stood(self, place: int, agent: str, status: str) -> Callable[[datetime], None]:
        """Another status."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            if ticket.status != status:
                self._put(agent, ticket, {"Status": status})
                self._now(ticket, at, status)

        return make

    def changed(self, place: int, agent: str, what: str) -> Callable[[datetime], None]:
        """Another queue, priority, customer or owner."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            if what == "queue":
                ticket.queue = {"Support": "Network", "Network": "Support"}[ticket.queue]
                self._put(agent, ticket, {"Queue": ticket.queue})
                ticket.told.append((at, "team", ticket.queue, None, None))
            elif what == "priority":
                ticket.priority = "100"
                self._put(agent, ticket, {"Priority": "100"})
                ticket.told.append((at, "priority", "P1", None, None))
            elif what == "account":
                ticket.account = "" if ticket.account else "screw"
                self._put(agent, ticket, {"CustomFields": {"Customer": ticket.account}})
                ticket.told.append((at, "account", ticket.account or None, None, None))
            else:
                self.owned(place, "", agent)(at)

        return make

    def rated(self, place: int, rating: int) -> Callable[[datetime], None]:
        """The customer's rating."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._put(ticket.customer, ticket, {"CustomFields": {"CSAT": str(rating)}})
            ticket.ratings.append((at, rating))

        return make

    def deleted(self, place: int) -> Callable[[datetime], None]:
        """The ticket is gone from every list."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._put("root", ticket, {"Status": "deleted"})
            ticket.told += [(at, "status", "closed", None, None), (at, "deleted", None, None, None)]

        return make

    def restored(self, place: int) -> Callable[[datetime], None]:
        """A deleted ticket is there again."""
        ticket = self.tickets[place]

        def make(at: datetime) -> None:
            self._put("root", ticket, {"Status": "open"})
            self._now(ticket, at, "open")

        return make

    def merged(self, place: int, into: int) -> Callable[[datetime], None]:
        """The ticket goes into another one, under whose number it answers from then on."""
        ticket, other = self.tickets[place], self.tickets[into]

        def make(at: datetime) -> None:
            self._put("root", ticket, {"MergeInto": other.number})
            ticket.told.append((at, "merged", str(other.number), None, None))
            ticket.was_merged = other.was_merged = True

        return make

    def _opened(self, ticket: Ticket, at: datetime, of: set[str]) -> None:
        if ticket.status in of:
            self._now(ticket, at, "open")

    def _now(self, ticket: Ticket, at: datetime, status: str) -> None:
        ticket.status = status
        ticket.stalls += status == "stalled"
        ticket.told.append((at, "status", STATUSES[status], None, None))

    def _put(self, user: str, ticket: Ticket, body: dict[str, Any]) -> None:
        said = self._call(user, "PUT", f"/ticket/{ticket.number}", body)
        assert said and not any("denied" in str(each).lower() for each in said), (body, said)

    def _write(self, user: str, ticket: Ticket, how: str) -> None:
        body = {"Content": "Ida says: secret words", "ContentType": "text/plain"}
        self._call(user, "POST", f"/ticket/{ticket.number}/{how}", body)

    def _call(self, user: str, method: str, path: str, body: dict[str, Any]) -> Any:
        return self._server.call(user, method, path, body)
