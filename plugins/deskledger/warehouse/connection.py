"""Where the warehouse is: a PostgreSQL of one's own, or the embedded one."""

import os

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from deskledger.errors import WarehouseError
from deskledger.settings import settings
from deskledger.warehouse import embedded

DATABASE = "deskledger"


def open_warehouse(url: str | None = None) -> Engine:
    """An engine on the warehouse at `url`, else at DESKLEDGER_WAREHOUSE, else on the embedded PostgreSQL (started).

    Sessions speak UTC. The engine pools nothing, so that processes may fork. Raises WarehouseError when the server does
    not answer; the schema is not looked at (`migrate` does that).
    """
    given = url or os.environ.get("DESKLEDGER_WAREHOUSE") or embedded.start(settings().postgres).url_for(DATABASE)
    try:
        address = make_url(given)
    except ArgumentError as error:
        raise WarehouseError(
            "the address of the warehouse is not a URL",
            where="DESKLEDGER_WAREHOUSE",
            remedy="write it as postgresql://user@host:5432/database",
        ) from error
    if address.get_backend_name() not in {"postgresql", "postgres"}:
        raise WarehouseError(
            f"the warehouse is PostgreSQL, not {address.get_backend_name()}", where="DESKLEDGER_WAREHOUSE"
        )
    engine = create_engine(
        address.set(drivername="postgresql+psycopg2"),
        poolclass=NullPool,
        connect_args={
            "options": "-c timezone=UTC -c datestyle=ISO",
            "application_name": "deskledger",
            "client_encoding": "utf8",
        },
    )
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
