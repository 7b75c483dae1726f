"""What a task may ask of its own run: the partition key and the instant it started."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from deskledger.errors import DeskledgerError


def day(context: Mapping[str, Any]) -> str:
    """The run's partition key as a day, `2026-04-01`. Raises DeskledgerError for anything else."""
    return _partition(context, "a day", "2026-04-01", lambda key: str(date.fromisoformat(key)))


def month(context: Mapping[str, Any]) -> str:
    """The run's partition key as a month, `2026-04`. Raises DeskledgerError for anything else."""
    return _partition(context, "a month", "2026-04", _month)


def contract_month(context: Mapping[str, Any]) -> str:
    """The run's partition key as contract and period, `alder|2026-04`. Raises DeskledgerError for anything else."""
    return _partition(context, "a contract and its month", "alder|2026-04", _contract_month)


def started_at(context: Mapping[str, Any]) -> datetime:
    """The "now" of a task: the instant its present try began, aware UTC."""
    start = context["ti"].start_date
    return start if start is not None else datetime.now(UTC)


def is_by_hand(context: Mapping[str, Any]) -> bool:
    """Whether a person started the run, and not what landed or came due."""
    return bool(context["dag_run"].run_type == "manual")


def _partition(context: Mapping[str, Any], kind: str, example: str, read: Callable[[str], str]) -> str:
    """Airflow accepts a run without a key, or with any text for one; what cannot be meant is refused here."""
    key = context["dag_run"].partition_key
    try:
        if key is not None and read(key) == key:
            return str(key)
    except ValueError:
        pass
    raise DeskledgerError(
        f"the run's partition key is {key!r}, not {kind}",
        where=f"DAG {context['dag_run'].dag_id}",
        remedy=f'trigger the DAG with {kind} as partition key, such as "{example}"',
    )


def _month(key: str) -> str:
    return f"{date.fromisoformat(f'{key}-01'):%Y-%m}"


def _contract_month(key: str) -> str:
    contract, _, period = key.partition("|")
    if not contract:
        raise ValueError("no contract")
    return f"{contract}|{_month(period)}"
