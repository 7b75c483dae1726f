"""Rows on their way to the database while the caller computes: whoever uses the connection next waits for them."""

from collections.abc import Callable
from threading import Event, Timer
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, text

from deskledger.errors import WarehouseError
from deskledger.warehouse import connection as connections
from deskledger.warehouse import copy_in, open_warehouse, read_frame, transfer
from deskledger.warehouse.connection import at_rest
from deskledger.warehouse.transfer import Copy, copy_meanwhile

MANY = pd.DataFrame({"k": np.arange(200_000)})
REFUSED = pd.DataFrame({"k": pd.Series(["no number"], dtype="str")})


@pytest.fixture
def there(warehouse: Engine) -> Engine:
    with warehouse.begin() as connection:
        connection.execute(text("create table core.there (k bigint)"))
    return warehouse


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Until it is set, a COPY has begun and no row of it is sent."""
    go_on, blocks = Event(), transfer._csv_blocks

    def late(*arguments: Any) -> Any:
        go_on.wait(30)
        yield from blocks(*arguments)

    monkeypatch.setattr(transfer, "_csv_blocks", late)
    return go_on


def _counted(connection: Connection) -> int:
    return int(connection.scalar(text("select count(*) from core.there")) or 0)


def _read(connection: Connection) -> int:
    return int(read_frame(connection, "select count(*) as n from core.there", dtypes={"n": "int64"})["n"][0])


def _copied(connection: Connection) -> int:
    return copy_in(connection, "core.there", pd.DataFrame({"k": [1]})) + _read(connection) - 2


def test_the_caller_goes_on_before_a_row_is_sent(there: Engine, held_up: Event) -> None:
    with there.begin() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        assert not connection.info["deskledger_going_on"].done()
        held_up.set()
        assert _counted(connection) == 200_000


@pytest.mark.parametrize("use", [_counted, _read, _copied])
def test_every_use_of_the_connection_waits(there: Engine, use: Callable[[Connection], int]) -> None:
    with there.begin() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY), Copy("core.there", MANY, np.array([3, 1]))])
        assert use(connection) == 200_002
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        assert use(connection) >= 600_002


def test_a_commit_waits_and_keeps_the_rows(there: Engine) -> None:
    with there.begin() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY)])
    with there.connect() as connection:
        assert _counted(connection) == 200_000


def test_a_rollback_waits_and_undoes_them(there: Engine) -> None:
    with pytest.raises(ZeroDivisionError), there.begin() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        raise ZeroDivisionError
    with there.connect() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY)])
    with there.connect() as connection:
        assert _counted(connection) == 0


@pytest.mark.parametrize("use", [_counted, _read, _copied, at_rest])
def test_a_refused_value_is_told_at_the_next_use(there: Engine, use: Callable[[Connection], object]) -> None:
    with there.connect() as connection:
        copy_meanwhile(connection, [Copy("core.there", REFUSED)])
        with pytest.raises(WarehouseError, match="column k") as caught:
            use(connection)
        assert "no number" not in caught.value.where
        connection.rollback()
        assert _counted(connection) == 0


def test_a_refused_value_keeps_a_commit_from_going_through(there: Engine) -> None:
    with pytest.raises(WarehouseError, match="column k"), there.begin() as connection:
        connection.execute(text("insert into core.there values (1)"))
        copy_meanwhile(connection, [Copy("core.there", REFUSED)])
    with there.connect() as connection:
        assert _counted(connection) == 0


@pytest.mark.parametrize("frame", [REFUSED, pd.DataFrame({"k": pd.to_datetime(["2026-01-01"])})])
def test_what_a_refused_commit_leaves_is_not_stored_later(there: Engine, frame: pd.DataFrame) -> None:
    with there.connect() as connection:
        connection.execute(text("insert into core.there values (1)"))
        copy_meanwhile(connection, [Copy("core.there", frame)])
        with pytest.raises(WarehouseError):
            connection.commit()
        connection.rollback()
        assert _counted(connection) == 0
        connection.commit()
    with there.connect() as connection:
        assert _counted(connection) == 0


@pytest.mark.parametrize("use", [_counted, at_rest, Connection.commit, Connection.rollback, Connection.close])
def test_an_interrupted_wait_is_waited_out_before_the_connection_closes(
    there: Engine, held_up: Event, monkeypatch: pytest.MonkeyPatch, use: Callable[[Connection], object]
) -> None:
    def interrupted(going_on: object) -> None:
        monkeypatch.undo()
        Timer(0.3, held_up.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(connections, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), there.connect() as connection:
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        going_on = connection.info["deskledger_going_on"]
        use(connection)
    assert going_on.done()
    with there.connect() as connection:
        assert _counted(connection) == 0


def test_a_savepoint_is_rolled_back_with_what_is_on_its_way(there: Engine) -> None:
    with there.begin() as connection:
        connection.execute(text("insert into core.there values (1)"))
        with pytest.raises(ZeroDivisionError), connection.begin_nested():
            copy_meanwhile(connection, [Copy("core.there", REFUSED)])
            raise ZeroDivisionError
        copy_meanwhile(connection, [Copy("core.there", MANY)])
    with there.connect() as connection:
        assert _counted(connection) == 200_001


def test_the_callers_own_error_is_the_one_that_is_told(there: Engine) -> None:
    with pytest.raises(ZeroDivisionError), there.begin() as connection:
        copy_meanwhile(connection, [Copy("core.there", REFUSED)])
        raise ZeroDivisionError


def test_a_server_that_goes_away_meanwhile_is_told(there: Engine, held_up: Event) -> None:
    with pytest.raises(WarehouseError, match=r"core\.there: "), there.begin() as connection:
        process = connection.scalar(text("select pg_backend_pid()"))
        copy_meanwhile(connection, [Copy("core.there", MANY)])
        with open_warehouse().connect() as other:
            other.execute(text("select pg_terminate_backend(:process, 10000)"), {"process": process})
        held_up.set()
        _counted(connection)
    with there.connect() as connection:
        assert _counted(connection) == 0
