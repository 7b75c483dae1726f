"""Where the warehouse is found: the environment, Airflow's connection, or neither."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DataError, DBAPIError

from deskledger.cli.summary import print_months
from deskledger.errors import WarehouseError
from deskledger.warehouse import embedded, open_warehouse, read_frame

VARIABLE = "AIRFLOW_CONN_DESKLEDGER_WAREHOUSE"


@pytest.fixture
def elsewhere(postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Another database of the server, as the address that only Airflow's connection names."""
    monkeypatch.delenv("DESKLEDGER_WAREHOUSE", raising=False)
    yield postgres.url_for("elsewhere").replace("postgresql+psycopg2", "postgresql")


def _database(engine: Engine) -> str | None:
    return engine.url.database


def test_airflows_connection_names_the_warehouse(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, elsewhere)
    assert _database(open_warehouse()) == "elsewhere"


def test_the_environment_goes_before_airflows_connection(
    warehouse: Engine, elsewhere: str, postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, elsewhere)
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for("migrated"))
    assert _database(open_warehouse()) == "migrated"


def test_an_address_given_goes_before_both(
    elsewhere: str, postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, elsewhere)
    assert _database(open_warehouse(postgres.url_for("migrated"))) == "migrated"


def test_a_warehouse_that_does_not_answer_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESKLEDGER_WAREHOUSE", raising=False)
    url = make_url("postgresql://someone@127.0.0.1:1/nowhere").set(password="hunter-2")
    monkeypatch.setenv(VARIABLE, url.render_as_string(hide_password=False))
    with pytest.raises(WarehouseError, match="does not answer") as caught:
        open_warehouse()
    assert "hunter-2" not in str(caught.value)


def test_another_kind_of_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", "sqlite:///somewhere.db")
    with pytest.raises(WarehouseError, match="PostgreSQL, not sqlite"):
        open_warehouse()


@pytest.fixture
def bare(postgres: embedded.EmbeddedServer) -> Engine:
    """A database that nobody migrated."""
    return open_warehouse(postgres.url_for("postgres"))


def test_a_warehouse_without_this_versions_schema_says_what_to_do(bare: Engine) -> None:
    with pytest.raises(WarehouseError, match=r"does not have this version's schema[\s\S]*deskledger migrate"):
        print_months(bare)
    with bare.begin() as connection, pytest.raises(WarehouseError, match="deskledger migrate"):
        read_frame(connection, "select ticket_id from core.ticket")


def test_other_faults_of_a_statement_are_left_as_they_are(bare: Engine) -> None:
    with bare.connect() as connection, pytest.raises(DataError):
        connection.execute(text("select 1 / :none"), {"none": 0})


def test_an_error_names_no_value_that_was_bound(bare: Engine) -> None:
    with bare.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("select :words ~ '('"), {"words": "my card is 4000 1234"})
    assert "4000 1234" not in str(caught.value)


def test_a_load_may_compute_for_long_between_its_statements(bare: Engine) -> None:
    with bare.connect() as connection:
        limit = connection.execute(text("show idle_in_transaction_session_timeout")).scalar()
    assert limit == "0"
