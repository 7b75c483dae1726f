"""The `warehouse` fixture: a real PostgreSQL, one server a session, one fresh migrated database a test."""

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import disk_usage

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from deskledger.warehouse import embedded, migrate, open_warehouse

_TEMPLATE = "migrated"
_MEMORY = Path("/dev/shm")  # what Linux holds in memory
_ROOM_BYTES = 2 << 30
_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedServer]:
    """An embedded server of this session, with the template of every test's database."""
    # Not in pytest's own folder: each session that begins closes it to the user whom root runs the server as. In memory
    # where there is room: a database for every test is hundreds of files made and removed.
    is_roomy = os.access(_MEMORY, os.W_OK) and disk_usage(_MEMORY).free > _ROOM_BYTES
    with tempfile.TemporaryDirectory(prefix="deskledger-test-", dir=_MEMORY if is_roomy else None) as room:
        folder = Path(room) / "postgres"
        try:
            server = embedded.start(folder, durable=False)
            migrate(open_warehouse(server.url_for(_TEMPLATE)))
            yield server
        finally:
            embedded.stop(folder)


@pytest.fixture
def warehouse(postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on a fresh, migrated database; `open_warehouse()` without an address finds the same one."""
    name = f"test_{next(_numbers)}"
    admin = create_engine(postgres.url_for("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template {_TEMPLATE}"))
    url = make_url(postgres.url_for(_TEMPLATE)).set(database=name).render_as_string(hide_password=False)
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", url)
    yield open_warehouse()
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()
