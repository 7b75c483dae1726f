"""The schema: every step runs once, and its tables are the model's."""

import pytest
from sqlalchemy import Engine, text

from deskledger import model
from deskledger.errors import WarehouseError
from deskledger.warehouse import migrate, pending

SQL_TYPES = {
    "key": "bigint",
    "month": "integer",
    "text": "text",
    "word": "text",
    "instant": "timestamp with time zone",
    "integer": "bigint",
    "flag": "boolean",
    "money": "numeric",
}
TABLES = [*(("core", table) for table in model.CANONICAL.values()), ("facts", model.CYCLE)]


def _columns(engine: Engine, schema: str, table: str) -> list[tuple[str, str, bool]]:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "select column_name, data_type, is_nullable = 'YES' from information_schema.columns"
                " where table_schema = :schema and table_name = :table order by ordinal_position"
            ),
            {"schema": schema, "table": table},
        )
        return [tuple(row) for row in found]


@pytest.mark.parametrize(("schema", "table"), TABLES, ids=lambda each: getattr(each, "name", each))
def test_columns_are_the_models(warehouse: Engine, schema: str, table: model.Table) -> None:
    expected = [(column.name, SQL_TYPES[column.kind], column.nullable) for column in table.columns]
    if schema == "core":
        expected.append(("landed_at", "timestamp with time zone", False))
    assert _columns(warehouse, schema, table.name) == expected


@pytest.mark.parametrize(("schema", "table"), TABLES, ids=lambda each: getattr(each, "name", each))
def test_primary_key_is_the_models(warehouse: Engine, schema: str, table: model.Table) -> None:
    with warehouse.connect() as connection:
        found = connection.scalars(
            text(
                "select a.attname from pg_index as i join pg_attribute as a"
                " on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
                " where i.indisprimary and i.indrelid = to_regclass(:name)"
            ),
            {"name": f"{schema}.{table.name}"},
        )
        assert sorted(found) == sorted(table.key)


def test_a_second_migration_runs_nothing(warehouse: Engine) -> None:
    assert pending(warehouse) == []
    assert migrate(warehouse) == []


def test_an_empty_database_is_migrated_with_alembics_log_on(
    warehouse: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """As under Airflow, whose logging writes what Alembic says."""
    with warehouse.begin() as connection:
        for schema in ("personal", "mart", "ledger", "facts", "quality", "core"):
            connection.execute(text(f"drop schema {schema} cascade"))
    caplog.set_level("INFO", logger="alembic")
    assert "0005_mart" in migrate(warehouse)
    assert "0004_ledger" in caplog.text


def test_a_database_newer_than_the_files_is_refused(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("update core.schema_version set version_num = '9999_later'"))
    with pytest.raises(WarehouseError, match="9999_later"):
        migrate(warehouse)


@pytest.mark.parametrize(
    ("role", "table", "right", "expected"),
    [
        ("loader", "core.ticket", "insert", True),
        ("loader", "quality.load", "insert", True),
        ("loader", "facts.cycle", "delete", True),
        ("finance", "core.ticket", "select", True),
        ("finance", "core.ticket", "update", False),
        ("finance", "quality.quarantine", "select", True),
        ("finance", "facts.cycle", "insert", False),
        ("reader", "core.survey_answer", "select", False),
        ("reader", "facts.cycle", "select", False),
        ("loader", "personal.token", "delete", True),
        ("finance", "personal.token", "select", False),
        ("reader", "personal.token", "select", False),
    ],
)
def test_rights_of_the_roles(warehouse: Engine, role: str, table: str, right: str, expected: bool) -> None:
    with warehouse.connect() as connection:
        found = connection.scalar(
            text("select has_table_privilege(:role, :table, :right)"), {"role": role, "table": table, "right": right}
        )
    assert found is expected


def test_records_that_do_not_balance_are_refused(warehouse: Engine) -> None:
    statement = text(
        "insert into quality.load (run_id, source, partition, table_name, extracted, loaded, unchanged, superseded,"
        " quarantined, loaded_at) values ('r', 's', 'p', 't', :extracted, 1, 2, 3, 4, now())"
    )
    with warehouse.begin() as connection:
        connection.execute(statement, {"extracted": 10})
    with warehouse.connect() as connection, pytest.raises(Exception, match="load_balance"):
        connection.execute(statement, {"extracted": 11})
