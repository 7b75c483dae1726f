"""The partition key of a run: what each DAG takes, and what it refuses with a remedy."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from deskledger.errors import DeskledgerError
from deskledger.steps import runs


def _context(key: str | None) -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(dag_id="some", partition_key=key)}


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (runs.day, "2026-02-28"),
        (runs.day, "2024-02-29"),
        (runs.month, "2026-12"),
        (runs.contract_month, "alder|2026-01"),
    ],
)
def test_a_fitting_key_is_given_as_it_is(read: Callable[..., str], key: str) -> None:
    assert read(_context(key)) == key


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (runs.day, None),
        (runs.day, ""),
        (runs.day, "2026-04"),
        (runs.day, "2026-02-30"),
        (runs.day, "20260401"),
        (runs.day, "2026-04-01 "),
        (runs.day, "alder|2026-04"),
        (runs.month, None),
        (runs.month, "2026-13"),
        (runs.month, "2026-4"),
        (runs.month, "2026-04-01"),
        (runs.contract_month, None),
        (runs.contract_month, "2026-04"),
        (runs.contract_month, "|2026-04"),
        (runs.contract_month, "alder|2026-00"),
        (runs.contract_month, "alder|2026-04-01"),
    ],
)
def test_any_other_key_is_refused_with_an_example(read: Callable[..., str], key: str | None) -> None:
    with pytest.raises(DeskledgerError, match=r"trigger the DAG with .* such as") as refused:
        read(_context(key))
    assert refused.value.where == "DAG some"


def test_now_is_the_start_of_the_try() -> None:
    start = datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert runs.started_at({"ti": SimpleNamespace(start_date=start)}) == start


@pytest.mark.parametrize(
    ("run_type", "is_by_hand"),
    [("manual", True), ("asset_triggered", False), ("asset_materialization", False), ("backfill", False)],
)
def test_only_a_person_starts_a_run_by_hand(run_type: str, is_by_hand: bool) -> None:
    assert runs.is_by_hand({"dag_run": SimpleNamespace(run_type=run_type)}) is is_by_hand
