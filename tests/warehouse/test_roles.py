"""A PostgreSQL of one's own: nobody is a superuser, and each role can do its work and no more."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

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


def test_the_ledger_notes_who_had_signed_in_beside_the_name_that_was_given(
    connect_as: Callable[[str], Engine],
) -> None:
    statement = """
    insert into ledger.charge_import (
        contract, period, kind, amount, currency, imported_by, imported_at, signed_in_as
    )
    values ('alder', :period, 'monthly_fee', 1, 'EUR', 'iris', now(), 'iris')
    """
    for user, period in (("finance_user", "2026-01"), ("owner_user", "2026-02")):
        with connect_as(user).begin() as connection:
            connection.execute(text("set local role finance"))
            connection.execute(text(statement), {"period": period})
    with connect_as("finance_user").connect() as connection:
        told = connection.execute(text("select imported_by, signed_in_as from ledger.charge_import order by period"))
        assert [tuple(row) for row in told] == [("iris", "finance_user"), ("iris", "owner_user")]


@pytest.mark.parametrize(
    "table",
    [
        "contract_submission", "contract_approval", "charge_import", "charge_approval", "request", "ruling",
        "first_approval", "decision",
    ],
)  # fmt: skip
def test_every_act_with_a_name_is_noted(warehouse: Engine, table: str) -> None:
    with warehouse.connect() as connection:
        found = connection.execute(
            text("select tgenabled from pg_trigger where tgname = 'note_login' and tgrelid = to_regclass(:name)"),
            {"name": f"ledger.{table}"},
        )
        assert found.scalars().all() == ["A"]  # always: session_replication_role does not switch it off


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
        ("reader_user", "select count(*) from mart.reader_grant"),
        ("reader_user", "insert into mart.reader_grant (reader, account) values ('reader_user', '*')"),
        ("reader_user", "insert into mart.contract_account values ('alder', 'retail')"),
        ("reader_user", "delete from mart.statement_month"),
        ("loader_user", "insert into mart.reader_grant (reader, account) values ('reader_user', '*')"),
        ("loader_user", "select mart.may_read('alder')"),
        ("finance_user", "update ledger.contract_approval set approved_by = 'felix'"),
    ],
)
def test_what_a_role_may_not(connect_as: Callable[[str], Engine], user: str, statement: str) -> None:
    with connect_as(user).connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))


MONTHS = """
    insert into mart.statement_month (contract, period, state, levels, levels_missed)
    values ('alder', '2026-03', 'no_base', 0, 0), ('brisa', '2026-03', 'no_base', 0, 0),
        ('all', '2026-03', 'no_base', 0, 0), ('unknown', '2026-03', 'no_base', 0, 0)
"""
LEVELS = """
    insert into mart.service_level_month (contract, period, service_level, title, draft_id, is_posted, statistic,
        operator, target, status, sample, met_tickets, failed_tickets)
    select contract, period, 'first', 'First', 'D1', false, 'share', '>=', '90', 'met', 1, 1, 0
    from mart.statement_month
"""
ACCOUNTS = """
    insert into mart.contract_account values ('alder', 'cards'), ('alder', 'retail'), ('brisa', 'stores'), ('all', '*')
"""
EVERY = ["all", "alder", "brisa", "unknown"]


@pytest.mark.parametrize("table", ["statement_month", "service_level_month"])
@pytest.mark.parametrize(
    ("user", "granted", "seen"),
    [
        ("reader_user", [], []),
        ("reader_user", [("reader_user", "stores")], ["brisa"]),
        # Sums over two accounts are not for who may see one of them.
        ("reader_user", [("reader_user", "cards")], []),
        ("reader_user", [("reader_user", "cards"), ("reader_user", "retail")], ["alder"]),
        ("reader_user", [("finance_user", "stores"), ("nobody_here", "stores")], []),
        ("reader_user", [("reader_user", "cards"), ("reader", "retail")], ["alder"]),
        # Nobody knows yet whose months those of an unknown contract are.
        ("reader_user", [("reader_user", "*")], ["all", "alder", "brisa"]),
        ("finance_user", [], EVERY),
        ("loader_user", [], EVERY),
        ("owner_user", [], EVERY),
    ],
)
def test_a_reader_sees_the_contracts_whose_accounts_were_all_granted(
    connect_as: Callable[[str], Engine], table: str, user: str, granted: list[tuple[str, str]], seen: list[str]
) -> None:
    with connect_as("loader_user").begin() as connection:
        for statement in (MONTHS, LEVELS, ACCOUNTS):
            connection.execute(text(statement))
    with connect_as("finance_user").begin() as connection:
        for reader, account in granted:
            values = {"reader": reader, "account": account}
            connection.execute(
                text("insert into mart.reader_grant (reader, account) values (:reader, :account)"), values
            )
    with connect_as(user).connect() as connection:
        found = connection.execute(text(f"select contract from mart.{table}")).scalars().all()  # noqa: S608
    assert sorted(found) == sorted(seen)


def test_a_reader_cannot_pass_for_another_and_a_grant_that_is_taken_back_is_gone(
    connect_as: Callable[[str], Engine],
) -> None:
    with connect_as("loader_user").begin() as connection:
        for statement in (MONTHS, ACCOUNTS):
            connection.execute(text(statement))
    with connect_as("finance_user").begin() as connection:
        connection.execute(text("insert into mart.reader_grant (reader, account) values ('finance_user', '*')"))
        connection.execute(text("insert into mart.reader_grant (reader, account) values ('reader_user', 'stores')"))
    months = text("select contract from mart.statement_month")
    with connect_as("reader_user").connect() as connection:
        connection.execute(text("set role reader"))
        assert connection.execute(months).scalars().all() == ["brisa"]
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text("set role finance_user"))
    with connect_as("finance_user").begin() as connection:
        connection.execute(text("delete from mart.reader_grant where reader = 'reader_user'"))
    with connect_as("reader_user").connect() as connection:
        assert connection.execute(months).scalars().all() == []


@pytest.mark.parametrize(
    "change",
    ["levels_missed = 1", "period = '2026-13'", "credit_amount = 1", "incomplete_tickets = -1"],
)
def test_a_mart_refuses_what_cannot_be(warehouse: Engine, change: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(text(MONTHS))
    with warehouse.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(f"update mart.statement_month set {change} where contract = 'alder'"))  # noqa: S608
