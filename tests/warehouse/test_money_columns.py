"""No column that may hold money, or what money follows from, is of a floating type."""

from sqlalchemy import Engine, text

_FLOATING = text("""
select format('%I.%I.%I', table_schema, table_name, column_name)
from information_schema.columns
where
    table_schema in ('core', 'facts', 'ledger', 'mart', 'quality')
    and data_type in ('real', 'double precision', 'money')
order by 1
""")


def test_no_table_or_view_has_a_floating_column(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        assert list(connection.execute(_FLOATING).scalars()) == []
        connection.execute(text("create table ledger.careless (amount double precision)"))
        assert list(connection.execute(_FLOATING).scalars()) == ["ledger.careless.amount"]
        connection.rollback()
