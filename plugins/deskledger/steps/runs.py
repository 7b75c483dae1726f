"""What a task may ask of its own run: the partition key and the instant it started."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deskledger.errors import DeskledgerError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{4}-\d{2}")
_CONTRACT_PERIOD = re.compile(r"[a-z0-9_-]+\|\d{4}-\d{2}")


def partition(context: Mapping[str, Any]) -> str:
    """The partition key of the run: a day, a month, or a contract and period.

    Airflow accepts a run without a key, or with any text for one; both are refused here with a remedy.
    """
    key = context["dag_run"].partition_key
    if key is None or not any(shape.fullmatch(key) for shape in (_DAY, _MONTH, _CONTRACT_PERIOD)):
        raise DeskledgerError(
            f"the run has no usable partition key ({key!r})",
            where=f"DAG {context['dag_run'].dag_id}",
            remedy='trigger it with one: a day "2026-04-01", a month "2026-04" or a contract month "alder|2026-04"',
        )
    return key


def started_at(context: Mapping[str, Any]) -> datetime:
    """The "now" of a task: the instant its present try began, aware UTC."""
    start = context["ti"].start_date
    return start if start is not None else datetime.now(UTC)
