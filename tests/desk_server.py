"""A small desk over real loopback HTTP: streams of records in pages, and whatever can go wrong on the way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class SteppedClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: datetime) -> None:
        self.instant = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.instant

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.instant += timedelta(seconds=seconds)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Fault:
    """One answer that is not the sound one: a status, or a sound body that is cut short, or silence."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    is_cut: bool = False
    is_silent: bool = False
    drops_json: bool = False


@dataclass(frozen=True)
class Asked:
    at: datetime
    path: str
    params: dict[str, str]
    authorization: str | None


@dataclass
class DeskServer:
    """`records` by stream; answers /records/STREAM?after=N, `page` records at a time. `faults` are used up in order,
    one a request; None lets a sound answer through. A request with another authorization than `secret` gets 401."""

    records: dict[str, list[Any]]
    clock: Any = field(default_factory=WallClock)
    page: int = 3
    secret: str = "Bearer s3cret-of-the-desk"
    faults: list[Fault | None] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    answers: int = 10**9  # then it goes silent
    went_silent: Event = field(default_factory=Event)
    lock: Any = field(default_factory=Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        params = dict(parse_qsl(parts.query))
        with self.lock:
            self.asked.append(Asked(self.clock.now(), parts.path, params, handler.headers.get("Authorization")))
            fault = self.faults.pop(0) if self.faults else None
            self.answers -= 1
        if self.answers < 0 or (fault and fault.is_silent):
            self.went_silent.set()
            self.over.wait(30)
            return None
        if handler.headers.get("Authorization") != self.secret:
            return self._send(handler, 401, {}, b"no")
        body = self._page(parts.path.rsplit("/", 1)[-1], int(params.get("after", 0)))
        if fault is None:
            self._send(handler, 200, {}, body)
        elif fault.is_cut:
            self._send(handler, 200, {}, body[: len(body) // 2], length=len(body))
        elif fault.drops_json:
            self._send(handler, 200, {}, body[: len(body) // 2])
        else:
            self._send(handler, fault.status, fault.headers, fault.body if fault.status != 200 else body)
        return None

    def _page(self, stream: str, after: int) -> bytes:
        found = self.records[stream]
        page = found[after : after + self.page]
        following = after + len(page)
        body = {"records": page, "next": following, "end": following >= len(found), "total": len(found)}
        return json.dumps(body).encode()

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes,
        length: int | None = None,
    ) -> None:
        handler.send_response_only(status)
        for name, value in {"Date": format_datetime(self.clock.now(), usegmt=True), **headers}.items():
            if value or name != "Date":
                handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None

    @contextmanager
    def running(self) -> Iterator["DeskServer"]:
        desk = self
        self.over = Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                desk.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
            thread.join()
