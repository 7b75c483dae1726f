"""A PostgreSQL of one's own: nobody is a superuser, and each role can do its work and no more."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from deskledger import model
from deskledger.warehouse import MergeCounts, embedded, merge, migrate, open_warehouse, replace_cycles

AT = datetime(2026, 4, 1, tzinfo=UTC)
KEYS = model.ticket_keys("desk", ["1"])


@pytest.fixture
def connect_as(postgres: embedded.EmbeddedServer, warehouse: Engine) -> Iterator[Callable[[str], Engine]]:
    """Engines on a database that the plain user `owner_user` owns and migrated, by user."""
    admin = create_engine(postgres.url_for("postgres"), isolation_level="AUTOCOMMIT")
    users = {"owner_user": "loader, finance, reader", "loader_user": "loader", "finance_user": "finance"}
    with admin.connect() as connection:
        for user, roles in users.items():
            connection.execute(text(f"create role {user} login"))
            connection.execute(text(f"grant {roles} to {user}"))
        connection.execute(text("create role reader_user login in role reader"))
        connection.execute(text("create database owned owner owner_user"))
    address = make_url(postgres.url_for("owned"))

    def engine(user: str) -> Engine:
        return open_warehouse(address.set(username=user).render_as_string(hide_password=False))

    migrate(engine("owner_user"))
    yield engine
    with admin.connect() as connection:
        connection.execute(text("drop database owned with (force)"))
        for user in [*users, "reader_user"]:
            connection.execute(text(f"drop role {user}"))
    admin.dispose()


def _ticket() -> pd.DataFrame:
    instant = pd.Timestamp("2026-01-05T00:00Z")
    return pd.DataFrame(
        {
            "ticket_key": KEYS,
            "created_month": 202601,
            "shard": model.shards(KEYS),
            "source": "desk",
            "ticket_id": "1",
            "created_at": instant,
            "updated_at": instant,
        }
    )


def test_a_loader_makes_partitions_that_other_loaders_go_on_with(connect_as: Callable[[str], Engine]) -> None:
    with connect_as("loader_user").begin() as connection:
        assert merge(connection, model.TICKET, _ticket(), AT) == MergeCounts(inserted=1)
        replace_cycles(connection, model.empty(model.CYCLE), "alder", 1, KEYS, AT)
    with connect_as("owner_user").begin() as connection:
        assert merge(connection, model.TICKET, _ticket(), AT) == MergeCounts(unchanged=1)


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("finance_user", "select count(*) from core.ticket"),
        ("finance_user", "select count(*) from facts.cycle"),
        ("finance_user", "select count(*) from quality.quarantine"),
        ("loader_user", "insert into quality.watermark values ('desk', now(), now())"),
        ("finance_user", "select count(*) from ledger.approved_version"),
    ],
)
def test_what_a_role_may(connect_as: Callable[[str], Engine], user: str, statement: str) -> None:
    with connect_as(user).begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("finance_user", "delete from core.ticket"),
        ("finance_user", "update facts.cycle set state = 'met'"),
        ("finance_user", "create table core.mine (n integer)"),
        ("reader_user", "select count(*) from core.ticket"),
        ("reader_user", "select count(*) from core.survey_answer"),
        ("reader_user", "select count(*) from quality.quarantine"),
        ("loader_user", "create table ledger.mine (n integer)"),
        ("loader_user", "select count(*) from ledger.approved_version"),
        ("reader_user", "select count(*) from ledger.contract_submission"),
        ("finance_user", "update ledger.contract_approval set approved_by = 'felix'"),
    ],
)
def test_what_a_role_may_not(connect_as: Callable[[str], Engine], user: str, statement: str) -> None:
    with connect_as(user).connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))
