"""Where the warehouse is: a PostgreSQL of one's own, or the embedded one."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from psycopg2 import errors
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from deskledger.errors import WarehouseError
from deskledger.settings import settings
from deskledger.warehouse import embedded

DATABASE = "deskledger"
CONNECTION = "deskledger_warehouse"  # Airflow's
_GOING_ON = "deskledger_going_on"  # of a driver's connection: what it is busy with


def open_warehouse(url: str | None = None) -> Engine:
    """An engine on the warehouse: at `url`, at DESKLEDGER_WAREHOUSE, of Airflow's connection, or embedded (started).

    Sessions speak UTC. The engine pools nothing, so that processes may fork. Raises WarehouseError when the server does
    not answer; the schema is not looked at (`migrate` does that).
    """
    given = url or os.environ.get("DESKLEDGER_WAREHOUSE") or _address_in_airflow()
    try:
        address = make_url(given or embedded.start(settings().postgres).url_for(DATABASE))
    except ArgumentError as error:
        raise WarehouseError(
            "the address of the warehouse is not a URL",
            where=f"DESKLEDGER_WAREHOUSE or the connection {CONNECTION}",
            remedy="write it as postgresql://user@host:5432/database",
        ) from error
    if address.get_backend_name() not in {"postgresql", "postgres"}:
        raise WarehouseError(
            f"the warehouse is PostgreSQL, not {address.get_backend_name()}", where="DESKLEDGER_WAREHOUSE"
        )
    engine = create_engine(
        address.set(drivername="postgresql+psycopg2"),
        poolclass=NullPool,
        hide_parameters=True,  # an error names the statement, never the customer's words bound to it
        connect_args={
            # A load computes between its statements, for as long as it takes.
            "options": "-c timezone=UTC -c datestyle=ISO -c idle_in_transaction_session_timeout=0",
            "application_name": "deskledger",
            "client_encoding": "utf8",
        },
    )
    event.listen(engine, "handle_error", _say_schema)
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "commit", _before_commit)
    event.listen(engine, "rollback", _before_rollback)
    event.listen(engine, "rollback_savepoint", _before_rollback)
    event.listen(engine, "close", _before_close)
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except OperationalError as error:
        raise WarehouseError(
            f"the warehouse does not answer: {str(error.orig).strip()}",
            where=engine.url.render_as_string(hide_password=True),
            remedy="check the address, the network and the password in the connection",
        ) from None  # the chained error would repeat the connection's arguments
    return engine


def go_on(connection: Connection, work: Callable[[], object]) -> None:
    """Let `work` use the driver's connection in a thread while the caller computes.

    The connection's next statement, by SQLAlchemy or by a new `driver_cursor`, its commit, its rollback and its end
    wait for it, and the first two raise what it raised: the driver lets two threads talk at once, and the server would
    hear both.
    """
    at_rest(connection)
    pool = ThreadPoolExecutor(max_workers=1)
    connection.info[_GOING_ON] = pool.submit(work)
    pool.shutdown(wait=False)


def at_rest(connection: Connection) -> None:
    """Wait for what goes on in the connection, and raise what it raised."""
    going_on = _wait(connection.info)
    if going_on is not None:
        going_on.result()


def _wait(info: dict[Any, Any]) -> Future[object] | None:
    """Wait for what goes on, whatever it raises; `info` is the driver connection's."""
    going_on: Future[object] | None = info.get(_GOING_ON)
    if going_on is not None:
        wait([going_on])
        del info[_GOING_ON]  # not before: who comes after an interrupted wait must find it again
    return going_on


def _before_statement(connection: Connection, *_: Any) -> None:
    at_rest(connection)


def _before_commit(connection: Connection) -> None:
    try:
        at_rest(connection)
    except BaseException:
        # SQLAlchemy takes the transaction for ended, and would send no rollback.
        _wait(connection.info)
        if not _driver_of(connection).closed:
            _driver_of(connection).rollback()
        raise


def _before_rollback(connection: Connection, *_: Any) -> None:
    if connection.invalidated:
        return
    _wait(connection.info)  # whatever it says, what it did is undone
    if _driver_of(connection).closed:
        connection.invalidate()  # else what is told is that there is nothing to roll back, and not what went wrong


def _before_close(_: Any, record: ConnectionPoolEntry) -> None:
    _wait(record.info)  # an interrupt makes SQLAlchemy close the connection at once


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def lacks_schema(error: BaseException | None) -> WarehouseError | None:
    """What to say where the database refused a statement because it does not have the tables of this version."""
    if not isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName | errors.UndefinedColumn):
        return None
    return WarehouseError(
        f"the warehouse does not have this version's schema: {error.diag.message_primary}",
        where="core.schema_version",
        remedy="run `deskledger migrate`",
    )


def _say_schema(context: ExceptionContext) -> None:
    said = lacks_schema(context.original_exception)
    if said is not None:
        raise said


def from_airflow(name: str) -> Any:
    """Airflow's connection of that name; None where there is none, or no Airflow to ask.

    Airflow is asked only inside one of its tasks, or where the environment defines the connection: importing it
    takes longer than most commands.
    """
    is_task = "airflow.sdk.execution_time.task_runner" in sys.modules
    if not is_task and f"AIRFLOW_CONN_{name.upper()}" not in os.environ:
        return None
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None


def _address_in_airflow() -> str | None:
    found = from_airflow(CONNECTION)
    return None if found is None else str(found.get_uri())
