"""Where the warehouse is found: the environment, Airflow's connection, or neither."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url

from deskledger.errors import WarehouseError
from deskledger.warehouse import embedded, open_warehouse

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
