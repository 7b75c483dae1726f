"""Channels: each told what happened, none told a secret, and none able to hide the failure by failing itself."""

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskledger import notify

NOW = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.delenv("DESKLEDGER_NOTIFY_TO", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "kept", "hidden"),
    [
        ("postgresql://finance:s3cr3t@db.example/ledger failed", "db.example/ledger failed", "s3cr3t"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ", "dXNlcjpwYXNz"),
        ("sent Bearer abcdef0123456789", "Bearer", "abcdef0123456789"),
        ("password=hunter2 host=db", "host=db", "hunter2"),
        ('{"api_key": "k-123", "page": 7}', '"page": 7', "k-123"),
        ("ZENDESK_API_TOKEN: abc-def", "ZENDESK_API_TOKEN", "abc-def"),
        ("client-secret='two words'", "client-secret", "two words"),
    ],
)
def test_a_secret_is_taken_out_and_the_rest_stays(text: str, kept: str, hidden: str) -> None:
    told = notify.redact(text)
    assert kept in told
    assert hidden not in told


@pytest.mark.parametrize(
    "text", ["contracts/alder.yaml:12: unknown word `tokn`", "https://desk.example/api?page=2", "12:30 by ada"]
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert notify.redact(text) == text


def test_the_outbox_keeps_one_line_an_event(state: Path) -> None:
    told = [notify.send("task_failed", f"load {n}\nfailed", f"two\nlines, token=abc{n}", NOW) for n in range(3)]
    assert told == [["log", "outbox"]] * 3
    lines = (state / "outbox" / "2026-04-01.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["load 0 failed", "load 1 failed", "load 2 failed"]
    assert json.loads(lines[2]) == {
        "at": "2026-04-01T00:30:00+00:00",
        "event": "task_failed",
        "subject": "load 2 failed",
        "body": "two\nlines, token=***",
    }


def test_lines_of_threads_do_not_mix(state: Path) -> None:
    threads = [threading.Thread(target=notify.send, args=("e", f"s{n}", "x" * 9000, NOW)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (state / "outbox" / "2026-04-01.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["subject"] for line in lines) == sorted(f"s{n}" for n in range(16))


def test_a_channel_that_fails_is_logged_and_hides_nothing(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    (state / "outbox").write_text("a file where the folder should be", encoding="utf-8")
    assert notify.send("task_failed", "load failed", "what failed", NOW) == ["log"]
    assert "what failed" in caplog.text
    assert "the outbox did not take task_failed" in caplog.text


class _Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as one message needs (RFC 5321)."""

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                taken: list[bytes] = []
                while (row := self.rfile.readline()) != b".\r\n":
                    taken.append(row)
                self.server.messages.append(b"".join(taken).decode())  # type: ignore[attr-defined]
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def mail_server() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox) as server:
        server.messages = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _connect(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("DESKLEDGER_NOTIFY_TO", "ops@desk.example, lead@desk.example")
    extra = {
        "disable_tls": True,
        "disable_ssl": True,
        "from_email": "ledger@desk.example",
        "retry_limit": 1,
        "timeout": 5,
    }
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_SMTP", json.dumps(connection))


def test_mail_goes_through_airflows_connection(
    mail_server: socketserver.ThreadingTCPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _connect(monkeypatch, mail_server.server_address[1])
    assert notify.send("source_stale", "demo has gone silent", "<b>who</b> knows", NOW) == ["log", "outbox", "mail"]
    (message,) = mail_server.messages  # type: ignore[attr-defined]
    assert "Subject: demo has gone silent" in message
    assert "From: ledger@desk.example" in message
    assert "X-Deskledger-Event: source_stale" in message


def test_mail_to_somebody_in_particular_goes_to_nobody_else(
    mail_server: socketserver.ThreadingTCPServer, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    _connect(monkeypatch, mail_server.server_address[1])
    told = notify.send("poor_answers", "one poor answer", "T1", NOW, to=["ana@desk.example"])
    assert told == ["log", "outbox", "mail"]
    (message,) = mail_server.messages  # type: ignore[attr-defined]
    assert "To: ana@desk.example" in message
    assert "ops@desk.example" not in message
    (line,) = (state / "outbox" / "2026-04-01.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["to"] == ["ana@desk.example"]


def test_a_dead_mail_server_leaves_the_other_channels(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Mailbox) as closed:
        port = closed.server_address[1]
    _connect(monkeypatch, port)
    assert notify.send("task_failed", "load failed", "body", NOW) == ["log", "outbox"]
    assert "the mail did not take task_failed" in caplog.text


def test_without_a_connection_there_is_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLEDGER_NOTIFY_TO", "ops@desk.example")
    monkeypatch.setenv("DESKLEDGER_SMTP_CONNECTION", "nobody_made_this")
    assert notify.send("task_failed", "load failed", "body", NOW) == ["log", "outbox"]
