"""docs/add-your-helpdesk.md to its end: what the printed room lands, the printed mapping loads, all of it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import Engine

from deskledger.settings import settings
from deskledger.sources.desk import Desk
from deskledger.steps import desks, ingest
from deskledger.steps.extract import extract

from tests.unit.sources.test_add_your_helpdesk import NOW, ROOM, desk, printed  # noqa: F401 - a fixture
from tests.warehouse.ingest_desk import STATUSES, ask, fates

DAY = "2026-04-01"
# Ticket, when it was created, and its updates: the first of ticket 2 comes an hour after the ticket.
TOLD = [
    (1, "2026-04-01T08:00:00Z", [("2026-04-01T08:00:00Z", "new"), ("2026-04-01T09:00:00Z", "open")]),
    (2, "2026-04-01T08:30:00Z", [("2026-04-01T09:30:00Z", "open"), ("2026-04-01T10:00:00Z", "done")]),
    (3, "2026-03-31T23:59:59Z", [("2026-03-31T23:59:59Z", "new")]),
]


class _Acme(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        after = int(dict(parse_qsl(urlsplit(self.path).query))["after"])
        later = [each for each in _updates() if each["id"] > after]
        body = json.dumps({"updates": later[:2], "last": len(later) <= 2}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _updates() -> list[dict[str, Any]]:
    rows = [(ticket, created, *each) for ticket, created, updates in TOLD for each in updates]
    names = ("ticket", "created", "at", "status")
    return [{"id": n, **dict(zip(names, row, strict=True)), "author": "Ann"} for n, row in enumerate(rows, start=1)]


@pytest.fixture
def account(
    warehouse: Engine,
    desk: Desk,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Acme's server, and step 3 done but for the reader's name: the readers are a list in the code."""
    (mapping,) = re.findall(r"```yaml\n# mappings/acme\.yaml\n(.*?)```", printed(), flags=re.DOTALL)
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(tmp_path / "mappings"))
    settings().mappings.mkdir()
    assert mapping.count("reader: acme ") == 1
    (settings().mappings / "acme.yaml").write_text(mapping.replace("reader: acme ", "reader: zendesk "), "utf-8")
    monkeypatch.setitem(desks.ROOMS, "zendesk", ROOM)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Acme)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    connection = {"conn_type": "http", "host": f"http://127.0.0.1:{server.server_address[1]}", "password": "s3cret"}
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_ACME", json.dumps(connection))
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("account")
def test_the_printed_mapping_loads_every_record_of_the_printed_room(warehouse: Engine) -> None:
    assert extract("acme", DAY, NOW)["records"] == 5
    assert fates(ingest.load("acme", DAY, NOW)) == [5, 5, 0, 0, 0]
    assert ask(warehouse, "select ticket_id, created_at from core.ticket order by 1") == [
        (str(ticket), datetime.fromisoformat(created).astimezone(UTC)) for ticket, created, _ in TOLD
    ]
    assert ask(warehouse, STATUSES) == [("1", "new open"), ("2", "new open resolved"), ("3", "new")]
