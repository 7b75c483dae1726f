"""Where the warehouse is: a PostgreSQL of one's own, or the embedded one."""

import os
import sys
from typing import Any

from psycopg2 import errors
from sqlalchemy import Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from deskledger.errors import WarehouseError
from deskledger.settings import settings
from deskledger.warehouse import embedded

DATABASE = "deskledger"
CONNECTION = "deskledger_warehouse"  # Airflow's


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
