"""The shared vocabulary: frames take the form of their table."""

import pandas as pd
import pytest

from deskledger import model

TABLES = [*model.CANONICAL.values(), model.CYCLE]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_absent_nullable_columns_become_missing_values_of_their_dtype(table: model.Table) -> None:
    whole = model.empty(table).reindex(range(2))
    required = [column.name for column in table.columns if not column.nullable]
    optional = [column for column in table.columns if column.nullable]
    given = pd.DataFrame({name: pd.Series([1, 2]) for name in required})
    for column in table.columns:
        if not column.nullable and column.kind not in {"key", "month", "integer"}:
            given[column.name] = whole[column.name]
    filled = model.conform(table, given)
    assert filled.columns.tolist() == table.names
    assert {column.name: str(filled[column.name].dtype) for column in optional} == {
        column.name: column.dtype for column in optional
    }
    assert filled[[column.name for column in optional]].isna().all(axis=None)


def test_an_absent_required_column_is_named() -> None:
    with pytest.raises(KeyError, match="account lacks account"):
        model.conform(model.ACCOUNT, pd.DataFrame({"source": ["desk"]}))
