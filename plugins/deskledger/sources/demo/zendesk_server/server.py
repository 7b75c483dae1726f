"""The account over HTTP, on loopback: the documented endpoints, a clock that its owner sets, and faults as planned.

The clock is the answers' Date header: what has not happened by then is not told, nor what happened in the minute
before it where the vendor leaves that out. `PUT /clock` sets it, with an instant in ISO 8601 as the body;
`GET /tally` says what was asked so far. Both are for the account's owner, and need no token.
"""

import base64
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np

from deskledger.sources.demo import scene
from deskledger.sources.demo.zendesk_server import directory
from deskledger.sources.demo.zendesk_server.faults import Faults
from deskledger.sources.demo.zendesk_server.figures import figures
from deskledger.sources.demo.zendesk_server.paging import RefusedError, list_page, listed, place_of, slice_of
from deskledger.sources.demo.zendesk_server.records import Records
from deskledger.sources.demo.zendesk_server.search import tickets_found
from deskledger.sources.demo.zendesk_server.store import Store
from deskledger.sources.demo.zendesk_server.wire import Json, as_json

LOGIN, SECRET = "extraction@meridian.example", "loopback-only"  # the account is nobody's, and on loopback alone
EXPORT_PAGE = 1000
LAST_MINUTE = 60
DELETED_FOR = 30 * 86_400
_REPEATED = 10  # records that a repeated answer holds twice


class Server(ThreadingHTTPServer):
    """One account. `asked` is every question so far, `faulty` counts the bad answers to them by their kind, and
    `impatient` the questions inside a Retry-After.

    Its answers keep to the vendor's document. `tells_deleted` adds what the service does beside it: the export of
    tickets has deleted ones too, with a status that the document does not list.
    """

    daemon_threads = True

    def __init__(
        self, store: Store, *, now: datetime | None = None, faults: Faults | None = None, page: int = EXPORT_PAGE,
        port: int = 0, tells_deleted: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(("127.0.0.1", port), _Handler)
        self.store, self.faults, self.page, self.tells_deleted = store, faults or Faults(), page, tells_deleted
        self.base_url = f"http://127.0.0.1:{self.server_address[1]}"
        self.records = Records(store, self.base_url)
        self.figures = figures(store)
        start = int(store.acted.span.start)
        self.users, self.groups = directory.users(start), directory.groups(start)
        self.memberships, self.organizations = directory.memberships(start), directory.organizations(start)
        self.now = int(store.acted.span.end) if now is None else int(now.timestamp())
        self.asked: list[str] = []
        self.faulty: Counter[str] = Counter()
        self.impatient = 0
        self.lock = threading.Lock()
        self.not_before = 0.0
        self.in_a_row: dict[str, int] = {}

    @property
    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def set_clock(self, now: datetime) -> None:
        """What happened after `now` has not happened yet."""
        self.now = int(now.astimezone(UTC).timestamp())

    def tally(self) -> Json:
        """How many questions there were, the bad answers to them by kind, and how many came inside a Retry-After."""
        with self.lock:
            return {"asked": len(self.asked), "faulty": dict(self.faulty), "impatient": self.impatient}

    def answer(self, path: str, asked: dict[str, str]) -> Json:
        """The body of an answer. Raises RefusedError."""
        wanted = _ENDPOINTS.get(path.removesuffix(".json"))
        if wanted is None:
            raise RefusedError(404, "InvalidEndpoint")
        body: Json = wanted(self, asked)
        return body

    def _start(self, asked: dict[str, str]) -> int:
        text = asked.get("start_time", "")
        if not text.isdecimal():
            raise RefusedError(422, "Missing or invalid start_time")
        if int(text) > self.now - LAST_MINUTE:
            raise RefusedError(422, "Too recent start_time. Use a start_time older than 1 minute")
        return int(text)

    def tickets(self, asked: dict[str, str]) -> Json:
        after = place_of(asked["cursor"]) if "cursor" in asked else (self._start(asked), -1)
        versions = self.store.versions
        found = versions.visible(after, self.now - LAST_MINUTE, self.page + 1)
        shown = found[: self.page]
        is_told = self.tells_deleted | (self.store.acted.rows["activity"][versions.row[shown]] != scene.DELETED)
        told = [self.records.ticket(int(versions.row[each]), int(versions.at[each])) for each in shown[is_told]]
        if len(shown):
            after = (int(versions.at[shown[-1]]), int(versions.ticket[shown[-1]]))
        return self._cursor_page("tickets", told, after, len(found) <= self.page, "/api/v2/incremental/tickets/cursor")

    def everybody(self, asked: dict[str, str]) -> Json:
        after = place_of(asked["cursor"]) if "cursor" in asked else (self._start(asked), -1)
        made = int(datetime.fromisoformat(self.users[0]["updated_at"]).timestamp())
        later = [each for each in self.users if (made, each["id"]) > after]
        told = later[: self.page]
        if told:
            after = (made, told[-1]["id"])
        is_end = len(later) <= self.page
        return self._cursor_page("users", told, after, is_end, "/api/v2/incremental/users/cursor")

    def _cursor_page(self, key: str, told: list[Json], after: tuple[int, int], is_end: bool, path: str) -> Json:
        cursor = base64.urlsafe_b64encode(f"{after[0]}||{after[1]}".encode()).decode()
        return {
            key: told,
            "after_cursor": cursor,
            "after_url": f"{self.base_url}{path}?{urlencode({'cursor': cursor})}",
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": is_end,
        }

    def ticket_events(self, asked: dict[str, str]) -> Json:
        events, start = self.store.events, self._start(asked)
        begin, end = slice_of(events.at, start, self.now - LAST_MINUTE, self.page)
        told = [
            self.records.event(int(events.row[n]), int(events.at[n]), is_corrected=bool(events.is_corrected[n]))
            for n in range(begin, end)
        ]
        return self._time_page("ticket_events", told, events.at, begin, end, start)

    def metric_events(self, asked: dict[str, str]) -> Json:
        at, start = self.figures.at, self._start(asked)
        begin, end = slice_of(at, start, self.now - LAST_MINUTE, self.page)
        told = [self.figures.record(index) for index in range(begin, end)]
        page = self._time_page("ticket_metric_events", told, at, begin, end, start)
        del page["end_of_stream"]  # the vendor's example has none either
        return page

    def organisations(self, asked: dict[str, str]) -> Json:
        start = self._start(asked)
        made = int(datetime.fromisoformat(self.organizations[0]["updated_at"]).timestamp())
        at = np.full(len(self.organizations), made)
        begin, end = slice_of(at, start, self.now - LAST_MINUTE, self.page)
        return self._time_page("organizations", self.organizations[begin:end], at, begin, end, start)

    def _time_page(self, key: str, told: list[Json], at: np.ndarray, begin: int, end: int, start: int) -> Json:
        end_time = int(at[end - 1]) if end > begin else start
        is_end = end >= int(np.searchsorted(at, self.now - LAST_MINUTE, side="right"))
        path = f"/api/v2/incremental/{key}"
        return {
            key: told,
            "count": len(told),
            "end_of_stream": is_end,
            "end_time": end_time,
            "next_page": f"{self.base_url}{path}?{urlencode({'start_time': end_time})}",
        }

    def deleted_tickets(self, asked: dict[str, str]) -> Json:
        rows = self.store.acted.rows
        gone = (rows["activity"] == scene.DELETED) & (rows["at"] <= self.now)
        found = np.flatnonzero(gone & (rows["at"] > self.now - DELETED_FOR))
        return list_page("deleted_tickets", asked, len(found), lambda n: self.records.deleted(int(found[n])))

    def survey_responses(self, asked: dict[str, str]) -> Json:
        begin, end = self._sent(asked.get("filter[created_at_start]"), asked.get("filter[created_at_end]"), 1000)
        return list_page("survey_responses", asked, end - begin, lambda n: self.records.survey(begin + n, self.now))

    def satisfaction_ratings(self, asked: dict[str, str]) -> Json:
        begin, end = self._sent(asked.get("start_time"), asked.get("end_time"), 1)
        return list_page("satisfaction_ratings", asked, end - begin, lambda n: self.records.rating(begin + n, self.now))

    def count_tickets(self, asked: dict[str, str]) -> Json:
        try:
            return {"count": tickets_found(self.store, asked.get("query", ""), self.now)}
        except ValueError:
            raise RefusedError(422, "Invalid search") from None

    def _sent(self, since: str | None, until: str | None, unit: int) -> tuple[int, int]:
        """The surveys sent in a stretch of time, and not after the clock."""
        sent_at = self.store.surveys.sent_at
        last = self.now if until is None else min(self.now, int(until) // unit)
        begin = 0 if since is None else int(np.searchsorted(sent_at, int(since) // unit, side="left"))
        return begin, max(begin, int(np.searchsorted(sent_at, last, side="right")))


_ENDPOINTS: dict[str, Any] = {
    "/api/v2/incremental/tickets/cursor": Server.tickets,
    "/api/v2/incremental/users/cursor": Server.everybody,
    "/api/v2/incremental/ticket_events": Server.ticket_events,
    "/api/v2/incremental/ticket_metric_events": Server.metric_events,
    "/api/v2/incremental/organizations": Server.organisations,
    "/api/v2/groups": lambda server, asked: listed("groups", asked, server.groups),
    "/api/v2/group_memberships": lambda server, asked: listed("group_memberships", asked, server.memberships),
    "/api/v2/deleted_tickets": Server.deleted_tickets,
    "/api/v2/guide/survey_responses": Server.survey_responses,
    "/api/v2/satisfaction_ratings": Server.satisfaction_ratings,
    "/api/v2/search/count": Server.count_tickets,
}


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/tally":
            return self._send(200, self.server.tally())
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        fault = self._fault(parts.path)
        if not self._is_known():
            return self._send(401, {"error": "Couldn't authenticate you"})
        if fault == "limited":
            seconds = self.server.faults.retry_after
            return self._send(429, {"error": "TooManyRequests"}, retry_after=seconds)
        if fault == "broken":
            return self._send((500, 502, 503)[len(self.server.asked) % 3], {"error": "ServiceUnavailable"})
        if fault == "slow":
            time.sleep(self.server.faults.slowness)
        try:
            body = self.server.answer(parts.path, asked)
        except RefusedError as refused:
            return self._send(refused.status, {"error": refused.word, "description": refused.word})
        if fault == "repeated":
            _repeat(body)
        return self._send(200, body, is_cut=fault == "cut")

    def do_PUT(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path != "/clock":
            return self._send(404, {"error": "InvalidEndpoint"})
        try:
            now = datetime.fromisoformat(text.strip())
        except ValueError:
            return self._send(422, {"error": "the body is no instant"})
        self.server.set_clock(now)
        return self._send(200, {"now": now.isoformat()})

    def _fault(self, path: str) -> str | None:
        server, here = self.server, time.monotonic()
        with server.lock:
            server.asked.append(self.path)
            server.impatient += here < server.not_before
            fault = server.faults.of(len(server.asked), server.in_a_row.get(self.path, 0))
            server.in_a_row[self.path] = server.in_a_row.get(self.path, 0) + 1 if fault else 0
            if fault:
                server.faulty[fault] += 1
            if fault == "limited":
                server.not_before = here + server.faults.retry_after
        return fault

    def _is_known(self) -> bool:
        pair = base64.b64encode(f"{LOGIN}/token:{SECRET}".encode()).decode()
        return self.headers.get("Authorization") in {f"Basic {pair}", f"Bearer {SECRET}"}

    def _send(self, status: int, body: Json, *, retry_after: int | None = None, is_cut: bool = False) -> None:
        content = as_json(body)
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.fromtimestamp(self.server.now, UTC), usegmt=True))
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        if is_cut:
            self.send_header("Connection", "close")
            self.close_connection = True
            content = content[: len(content) // 2]
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed: what was asked is in Server.asked."""


def _repeat(body: Json) -> None:
    for key, value in body.items():
        if isinstance(value, list):
            body[key] = value + value[-_REPEATED:]


@contextmanager
def running(
    store: Store, *, now: datetime | None = None, faults: Faults | None = None, page: int = EXPORT_PAGE,
    tells_deleted: bool = False,
) -> Iterator[Server]:  # fmt: skip
    """A server in this process, on a free port of loopback, until the block ends."""
    server = Server(store, now=now, faults=faults, page=page, tells_deleted=tells_deleted)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
