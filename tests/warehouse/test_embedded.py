"""The embedded server: started where asked, found again, stopped alone, back after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from deskledger.errors import WarehouseError
from deskledger.warehouse import embedded, migrate, open_warehouse


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder outside pytest's own, which each session that begins closes to other users."""
    with tempfile.TemporaryDirectory(prefix="deskledger-test-") as name:
        yield Path(name)


@pytest.fixture
def folder(room: Path) -> Iterator[Path]:
    data = room / "state" / "postgres"
    yield data
    embedded.stop(data)


def _ask(url: str, question: str) -> object:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.scalar(text(question))


def _process(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def test_a_started_server_is_found_again_and_makes_databases(folder: Path) -> None:
    first = embedded.start(folder, durable=False)
    process = _process(folder)
    assert embedded.start(folder) == first
    assert _process(folder) == process
    assert _ask(first.url_for("deskledger"), "select current_database()") == "deskledger"
    assert _ask(first.url_for("air flow"), "select current_database()") == "air flow"
    assert _ask(first.url_for("deskledger"), "show server_encoding") == "UTF8"
    assert _ask(first.url_for("deskledger"), "show listen_addresses") == ""
    assert _ask(first.url_for("deskledger"), "show max_connections") == "300"


def test_stop_stops_only_the_server_of_its_folder(folder: Path, room: Path) -> None:
    other = room / "other"
    embedded.start(folder, durable=False)
    kept = embedded.start(other, durable=False)
    try:
        assert embedded.stop(folder) is True
        assert embedded.stop(folder) is False
        assert _ask(kept.url_for("postgres"), "select 1") == 1
    finally:
        embedded.stop(other)


def test_stop_of_a_folder_without_a_server(room: Path) -> None:
    assert embedded.stop(room / "nothing") is False


def test_a_stale_process_file_never_makes_stop_hit_a_stranger(folder: Path) -> None:
    embedded.start(folder, durable=False)
    stale = (folder / "postmaster.pid").read_text().splitlines()
    embedded.stop(folder)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (folder / "postmaster.pid").write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        assert embedded.stop(folder) is False
        assert stranger.poll() is None
        (folder / "postmaster.pid").unlink()
    finally:
        stranger.communicate(b"\n")


def test_a_killed_server_comes_back_with_what_was_committed(folder: Path) -> None:
    url = embedded.start(folder).url_for("deskledger")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("create table kept as select generate_series(1, 1000) as n"))
    os.kill(_process(folder), signal.SIGKILL)
    again = embedded.start(folder)
    assert _ask(again.url_for("deskledger"), "select count(*) from kept") == 1000


@pytest.mark.parametrize("name", ["with a space", "it's", "comma,comma", "x" * 120])
def test_any_path_will_do(room: Path, name: str) -> None:
    folder = room / name / "postgres"
    server = embedded.start(folder, durable=False)
    try:
        assert _ask(server.url_for("deskledger"), "select 1") == 1
        assert embedded.start(folder) == server
        assert server.socket_folder.stat().st_mode & 0o077 == 0
    finally:
        assert embedded.stop(folder) is True


def test_a_folder_that_holds_something_else_is_refused_and_kept(room: Path) -> None:
    (room / "letters").mkdir()
    (room / "letters" / "letter.txt").write_text("dear")
    with pytest.raises(WarehouseError, match="holds something else"):
        embedded.start(room / "letters")
    assert (room / "letters" / "letter.txt").read_text() == "dear"


def test_settings_of_another_server_in_the_environment_do_not_mislead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "nowhere", "PGDATABASE": "none"}.items():
        monkeypatch.setenv(name, value)
    assert _ask(embedded.start(folder, durable=False).url_for("deskledger"), "select 1") == 1


def test_processes_that_start_it_together_share_one_server(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from deskledger.warehouse import embedded;"
        "print(embedded.start(Path(sys.argv[1]), durable=False).url_for('deskledger'))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    urls = {each.communicate(timeout=120)[0].strip() for each in started}
    assert [each.returncode for each in started] == [0, 0, 0, 0]
    assert len(urls) == 1
    assert _ask(urls.pop(), "select 1") == 1


def test_without_an_address_the_warehouse_is_the_embedded_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESKLEDGER_WAREHOUSE", raising=False)
    monkeypatch.setenv("DESKLEDGER_POSTGRES", str(folder))
    engine = open_warehouse()
    assert engine.url.database == "deskledger"
    assert migrate(engine)[0] == "0001_core"
    assert migrate(engine) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://user:s3cret@127.0.0.1:1/none", "does not answer"),
        ("mysql://user:s3cret@127.0.0.1/none", "is PostgreSQL, not mysql"),
        ("s3cret", "not a URL"),
    ],
)
def test_a_warehouse_that_cannot_be_opened_says_so_without_the_password(url: str, message: str) -> None:
    with pytest.raises(WarehouseError, match=message) as caught:
        open_warehouse(url)
    assert "s3cret" not in str(caught.value)
