"""Frames in and out of PostgreSQL in bulk: COPY on the database's side, Arrow on ours.

Both ways go block by block, so that the text of a table never lies in memory as a whole. A missing value travels as
an unquoted nothing, an empty string as "": the two stay apart.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg2
import pyarrow as pa
import pyarrow.csv
from psycopg2 import sql
from psycopg2.extensions import AsIs
from sqlalchemy import Connection, text

from deskledger.errors import WarehouseError
from deskledger.model import UTC_INSTANT, Table
from deskledger.warehouse.connection import at_rest, go_on, lacks_schema

BLOCK_ROWS = 16_384  # the database takes one block while the next is made
_PIPE_BYTES = 1 << 20
_ASIDE = re.compile(r"(?<=_\d{6})_by_\d+")  # of a table that becomes a partition (partitions.build_aside)
_READ_BLOCK_BYTES = 16 << 20  # a row must fit in it

# How a column of each dtype of the model crosses; `object` is Decimal, read as text so that no digit is lost.
_ARROW_TYPES: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "Int64": pa.int64(),
    "boolean": pa.bool_(),
    "bool": pa.bool_(),
    "float64": pa.float64(),
    "str": pa.large_string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "object": pa.string(),
    UTC_INSTANT: pa.timestamp("us", "UTC"),
}
_NEVER_MISSING = {"int64", "int32", "bool"}
_EXTENSION_TYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


@dataclass(frozen=True)
class Copy:
    """Rows for a table ("schema.table", or a temporary table's bare name): columns are matched by name.

    `rows` are the positions of those to send, in the order to send them (None: all); the index is ignored.
    """

    table: str
    frame: pd.DataFrame
    rows: np.ndarray | None = None


def copy_in(connection: Connection, table: str, frame: pd.DataFrame, rows: np.ndarray | None = None) -> int:
    """Append `frame` to `table`; the number of rows. The arguments are those of `Copy`.

    Raises WarehouseError when the database refuses a value (never with the value itself).
    """
    return _copy(_driver(connection, table), Copy(table, frame, rows))


def copy_meanwhile(connection: Connection, copies: Sequence[Copy]) -> None:
    """Append rows to tables, one after the other, while the caller computes; the frames must not change.

    The connection's next use waits for it, and raises the WarehouseError of a value that the database refuses.
    """
    if copies:
        driver = _driver(connection, copies[0].table)

        def send() -> None:
            for each in copies:
                _copy(driver, each)

        go_on(connection, send)


def read_frame(
    connection: Connection,
    statement: str,
    parameters: Mapping[str, Any] | None = None,
    dtypes: Table | Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The rows of a query, with the dtypes of a model's table or of a mapping from column to dtype.

    `statement` binds `:name` parameters; arrays bind as PostgreSQL arrays (`= any(:keys)`). With a table, the query may
    leave columns out, and `landed_at` and `as_of` are known as instants. Rows come in the query's order; categories are
    sorted. Raises WarehouseError for a column without a dtype, a missing value in a plain integer, or a failed query.
    """
    wanted = _wanted_dtypes(dtypes)
    with driver_cursor(connection, "query") as cursor:
        bound = text(statement).bindparams(**{name: _plain(value) for name, value in (parameters or {}).items()})
        compiled = bound.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        query = cursor.mogrify(str(compiled), compiled.params).decode().rstrip().rstrip(";")
        received = _receive(cursor, f"copy (\n{query}\n) to stdout with (format csv, header)", wanted)
    return pd.DataFrame({name: _series(received, name, wanted[name]) for name in received.column_names})


def parameters_of(statement: str, bound: Mapping[str, Any]) -> dict[str, Any]:
    """Of what several queries are bound by, what this one names: `read_frame` takes no other."""
    return {name: value for name, value in bound.items() if f":{name}" in statement}


def stage_keys(connection: Connection, ticket_keys: np.ndarray) -> None:
    """Put the distinct keys into the temporary table `pg_temp.staged_keys` (ticket_key), for the query that joins it.

    For more than a few hundred keys: the planner knows the size of a table, and guesses that of an array. The table
    lives until the next call or the end of the transaction.
    """
    with driver_cursor(connection, "staged_keys") as cursor:
        cursor.execute(
            "drop table if exists pg_temp.staged_keys;"
            "create temporary table staged_keys (ticket_key bigint) on commit drop"
        )
        copy_in(connection, "staged_keys", pd.DataFrame({"ticket_key": pd.unique(np.asarray(ticket_keys, np.int64))}))
        cursor.execute("analyze pg_temp.staged_keys")


@contextmanager
def driver_cursor(connection: Connection, where: str) -> Iterator[Any]:
    """A cursor of the driver, inside the connection's transaction; its errors become WarehouseErrors of `where`."""
    with _cursor(_driver(connection, where), where) as cursor:
        yield cursor


def _driver(connection: Connection, where: str) -> Any:
    at_rest(connection)
    # What goes past SQLAlchemy must still belong to its transaction, or its commit would do nothing.
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.driver_connection
    zone = driver.get_parameter_status("TimeZone")
    if zone != "UTC":
        raise WarehouseError(
            f"the session is in the zone {zone}, and instants travel in UTC",
            where=where,
            remedy="connect with open_warehouse, and leave the session's zone alone",
        )
    return driver


@contextmanager
def _cursor(driver: Any, where: str) -> Iterator[Any]:
    try:
        with driver.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        raise _refusal(error, where) from None


def _copy(driver: Any, copy: Copy) -> int:
    frame = copy.frame
    naive = [str(name) for name, dtype in frame.dtypes.items() if isinstance(dtype, np.dtype) and dtype.kind == "M"]
    if naive:
        raise WarehouseError(f"instants without a zone: {', '.join(naive)}", where=copy.table)
    statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(
        sql.Identifier(*copy.table.split(".")),
        sql.SQL(", ").join(sql.Identifier(str(name)) for name in frame.columns),
    )
    with _cursor(driver, copy.table) as cursor, ThreadPoolExecutor(max_workers=1) as pool:
        outflow = _Outflow(_csv_blocks(frame, copy.rows), pool)
        cursor.copy_expert(statement.as_string(cursor), outflow, size=_PIPE_BYTES)
        return int(cursor.rowcount)


class _Outflow:
    """Blocks as the file that COPY reads: the next one is made while the database takes the last."""

    def __init__(self, blocks: Iterator[pa.Buffer], pool: ThreadPoolExecutor) -> None:
        self._blocks, self._pool = blocks, pool
        self._following = pool.submit(next, blocks, None)
        self._block = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._block:
            following = self._following.result()
            if following is None:
                return b""
            self._block = memoryview(following)
            self._following = self._pool.submit(next, self._blocks, None)
        piece, self._block = self._block[:size], self._block[size:]
        return bytes(piece)


def _csv_blocks(frame: pd.DataFrame, order: np.ndarray | None) -> Iterator[pa.Buffer]:
    options = pyarrow.csv.WriteOptions(include_header=False)  # quotes every text, so that "" is not a missing one
    total = len(frame) if order is None else len(order)
    for first in range(0, total, BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        block = frame.iloc[rows] if order is None else frame.take(order[rows])
        arrays = {str(name): _outgoing(block[name]) for name in block.columns}
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(pa.table(arrays), sink, options)
        yield sink.getvalue()


def _outgoing(series: pd.Series) -> pa.Array:
    if series.dtype == object:  # Decimal, in full digits; few rows ever
        return pa.array([None if pd.isna(value) else str(value) for value in series], pa.string())
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        # Written without the zone, which the session knows: Arrow spends ten times as long on writing it.
        return pa.array(series.dt.tz_convert("UTC").dt.as_unit("us").dt.tz_localize(None))
    return pa.array(series, from_pandas=True)


def _wanted_dtypes(dtypes: Table | Mapping[str, str] | None) -> Mapping[str, str]:
    if isinstance(dtypes, Table):
        return {"landed_at": UTC_INSTANT, "as_of": UTC_INSTANT} | {each.name: each.dtype for each in dtypes.columns}
    return dtypes or {}


def _receive(cursor: Any, statement: str, wanted: Mapping[str, str]) -> pa.Table:
    """What COPY writes, parsed while it writes: the database's side in a thread, a pipe between."""
    outlet, inlet = os.pipe()

    def send() -> None:
        with os.fdopen(inlet, "wb") as into:
            cursor.copy_expert(statement, into, size=_PIPE_BYTES)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with os.fdopen(outlet, "rb") as out:  # closed before the thread is waited for, so that it cannot hang
            sending = pool.submit(send)
            try:
                received = pyarrow.csv.open_csv(
                    out,
                    read_options=pyarrow.csv.ReadOptions(block_size=_READ_BLOCK_BYTES),
                    parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                    convert_options=_convert_options(wanted),
                ).read_all()
            except pa.ArrowInvalid as error:
                received, fault = None, error
        with suppress(BrokenPipeError):  # the reader gave up first and has its own error
            sending.result()
    if received is None:
        raise WarehouseError(f"the query's result does not fit the dtypes asked for: {fault}", where="query")
    unknown = [name for name in received.column_names if name not in wanted]
    if unknown:
        raise WarehouseError(f"no dtype given for {', '.join(unknown)}", where="query")
    return received


def _convert_options(wanted: Mapping[str, str]) -> pyarrow.csv.ConvertOptions:
    return pyarrow.csv.ConvertOptions(
        column_types={name: _ARROW_TYPES[dtype] for name, dtype in wanted.items()},
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _series(received: pa.Table, name: str, dtype: str) -> pd.Series:
    column = received[name]
    if dtype == "category":
        coded = column.unify_dictionaries().to_pandas()
        # Sorted: the same rows give the same categories, in whatever order they come.
        return coded.cat.set_categories(pd.Index(sorted(coded.cat.categories), dtype="str"), ordered=False)
    if dtype == "object":
        return pd.Series(_decimals(column), dtype=object)
    if dtype in _NEVER_MISSING and column.null_count:
        raise WarehouseError(f"{name} has missing values, and {dtype} has none", where="query")
    return column.to_pandas(types_mapper=_EXTENSION_TYPES.get).astype(dtype)


def _decimals(column: pa.ChunkedArray) -> list[Any]:
    return [None if value is None else Decimal(value) for value in column.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        # One literal: a million keys as an ARRAY[...] expression would be a million nodes for the parser.
        return AsIs("'{" + ",".join(map(str, value.tolist())) + "}'::bigint[]")
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _refusal(error: psycopg2.Error, where: str) -> WarehouseError:
    # The context ends in the refused value, which may be anybody's text: keep what comes before it.
    context = (error.diag.context or "").splitlines()
    place = context[0].split(': "')[0] if context else where
    what = error.diag.message_primary or str(error).strip()
    return lacks_schema(error) or WarehouseError(_ASIDE.sub("", what), where=_ASIDE.sub("", place))
