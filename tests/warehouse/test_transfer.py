"""Frames go in and come out the same: every kind, every awkward value, to the microsecond."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from deskledger.errors import WarehouseError
from deskledger.model import UTC_INSTANT
from deskledger.warehouse import copy_in, read_frame, stage_keys, transfer

KINDS = {
    "k": "int64",
    "m": "int32",
    "s": "str",
    "c": "category",
    "i": "Int64",
    "b": "boolean",
    "t": UTC_INSTANT,
    "d": "object",
}
TYPES = {
    "k": "bigint",
    "m": "integer",
    "s": "text",
    "c": "text",
    "i": "bigint",
    "b": "boolean",
    "t": "timestamptz",
    "d": "numeric",
}
AWKWARD = ["", " ", '"', '""', "'", ",", "\\", "\\N", "\\.", "\n", "\r\n", "\r", "\n\\.\n", "NULL", "null", "é😀"]
INT64 = st.integers(-(2**63), 2**63 - 1)
# PostgreSQL has no NUL in text, and UTF-8 no lone surrogates.
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXTS = st.sampled_from(AWKWARD) | st.text(CHARACTERS, max_size=9)
INSTANTS = st.datetimes(datetime.min, datetime.max, timezones=st.just(UTC))  # noqa: DTZ901 (the strategy's own form)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "k": INT64,
            "m": st.integers(190_001, 299_912),
            "s": st.none() | TEXTS,
            "c": st.none() | TEXTS,
            "i": st.none() | INT64,
            "b": st.none() | st.booleans(),
            "t": st.none() | INSTANTS,
            "d": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4),
        }
    ),
    max_size=8,
)


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: _column([row[name] for row in rows], dtype) for name, dtype in KINDS.items()},
    )


def _column(values: list[object], dtype: str) -> pd.Series:
    return pd.Series(values, dtype="str").astype(dtype) if dtype == "category" else pd.Series(values, dtype=dtype)


def _round_trip(engine: Engine, frame: pd.DataFrame) -> pd.DataFrame:
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    with engine.begin() as connection:
        connection.execute(text(f"create temporary table there (n bigserial, {columns}) on commit drop"))
        assert copy_in(connection, "there", frame) == len(frame)
        return read_frame(connection, "select k, m, s, c, i, b, t, d from there order by n", dtypes=KINDS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_goes_in_comes_out(warehouse: Engine, rows: list[dict[str, object]]) -> None:
    sent = _frame(rows)
    pd.testing.assert_frame_equal(_round_trip(warehouse, sent), sent, check_exact=True)


def test_every_awkward_text_keeps_its_place_over_many_blocks(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "BLOCK_ROWS", 7)
    texts = [*AWKWARD, None] * 5
    instants = pd.Series(pd.date_range("2026-03-29T00:59:59.999999Z", periods=len(texts), freq="us")).dt.as_unit("us")
    sent = pd.DataFrame(
        {
            "k": np.arange(len(texts)),
            "m": np.full(len(texts), 202601, dtype="int32"),
            "s": pd.Series(texts, dtype="str"),
            "c": _column(list(texts), "category"),
            "i": pd.Series([None] * len(texts), dtype="Int64"),
            "b": pd.Series([None, True, False] * 30, dtype="boolean").iloc[: len(texts)],
            "t": instants,
            "d": pd.Series([Decimal("1.10")] * len(texts), dtype="object"),
        }
    )
    pd.testing.assert_frame_equal(_round_trip(warehouse, sent), sent, check_exact=True)


def test_rows_are_sent_in_the_order_asked_for(warehouse: Engine) -> None:
    frame = pd.DataFrame({"k": [10, 20, 30, 40]})
    with warehouse.begin() as connection:
        connection.execute(text("create temporary table there (n serial, k bigint) on commit drop"))
        assert copy_in(connection, "there", frame, np.array([3, 0])) == 2
        received = read_frame(connection, "select k from there order by n", dtypes={"k": "int64"})
    assert received["k"].tolist() == [40, 10]


def test_parameters_are_bound_not_pasted(warehouse: Engine) -> None:
    hostile = "'); drop table core.ticket; --"
    with warehouse.connect() as connection:
        received = read_frame(
            connection,
            "select :words as words, k from unnest(:keys) as k where 'ab' like '%b' -- 100 %",
            {"words": hostile, "keys": np.array([1, 2**62])},
            {"words": "str", "k": "int64"},
        )
    assert received["words"].tolist() == [hostile, hostile]
    assert received["k"].tolist() == [1, 2**62]


def test_an_empty_result_keeps_its_dtypes(warehouse: Engine) -> None:
    columns = ", ".join(f"null::{kind} as {name}" for name, kind in TYPES.items())
    with warehouse.connect() as connection:
        received = read_frame(connection, f"select {columns} where false", dtypes=KINDS)
    assert received.dtypes.astype(str).to_dict() == KINDS
    assert len(received) == 0


def test_a_lone_missing_value_is_a_row(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        received = read_frame(connection, "select null::text as s from generate_series(1, 3)", dtypes={"s": "str"})
    assert received["s"].isna().tolist() == [True, True, True]


def test_what_was_copied_is_committed_by_the_connection(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("create table core.there (k bigint)"))
    with warehouse.connect() as connection:
        copy_in(connection, "core.there", pd.DataFrame({"k": [1, 2]}))
        connection.commit()
    with warehouse.connect() as connection:
        assert connection.scalar(text("select count(*) from core.there")) == 2


@pytest.mark.parametrize(
    ("statement", "dtypes", "message"),
    [
        ("select 1 as k, 2 as other", {"k": "int64"}, "no dtype given for other"),
        ("select null::bigint as k", {"k": "int64"}, "k has missing values"),
        ("select 'word' as k", {"k": "int64"}, "does not fit"),
        ("select 1 / 0 as k", {"k": "int64"}, "division by zero"),
        ("select k from core.nowhere", {"k": "int64"}, "does not exist"),
    ],
)
def test_a_query_that_cannot_be_read(warehouse: Engine, statement: str, dtypes: dict[str, str], message: str) -> None:
    with warehouse.connect() as connection, pytest.raises(WarehouseError, match=message):
        read_frame(connection, statement, dtypes=dtypes)


def test_a_refused_value_is_named_by_its_place_and_not_shown(warehouse: Engine) -> None:
    frame = pd.DataFrame({"contract": ["alder"], "amount": ["no money"]})
    with warehouse.connect() as connection, pytest.raises(WarehouseError, match="column amount") as caught:
        copy_in(connection, "core.charge", frame)
    assert "no money" not in caught.value.where


def test_instants_without_a_zone_are_refused(warehouse: Engine) -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2026-01-01"])})
    with warehouse.connect() as connection, pytest.raises(WarehouseError, match="without a zone: at"):
        copy_in(connection, "core.there", frame)


def test_a_session_in_another_zone_is_refused(warehouse: Engine) -> None:
    with warehouse.connect() as connection:
        connection.execute(text("set timezone = 'Europe/Madrid'"))
        with pytest.raises(WarehouseError, match="in the zone Europe/Madrid"):
            read_frame(connection, "select now() as at", dtypes={"at": UTC_INSTANT})


def test_staged_keys_are_distinct_and_replace_the_ones_before(warehouse: Engine) -> None:
    statement = "select ticket_key from pg_temp.staged_keys order by ticket_key"
    with warehouse.connect() as connection:
        stage_keys(connection, np.array([9]))
        stage_keys(connection, np.array([3, 2**62, 3]))
        assert read_frame(connection, statement, dtypes={"ticket_key": "int64"})["ticket_key"].tolist() == [3, 2**62]
