"""Golden cases of business time, one test a case; DESKLEDGER_GOLDEN names another folder of the same form."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deskledger.business_time import BusinessCalendar

_FOLDER = Path(os.environ.get("DESKLEDGER_GOLDEN") or Path(__file__).parent)


def _cases() -> list[dict[str, Any]]:
    file = _FOLDER / "business_time.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8-sig").split("\n") if line.strip()]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["id"])
def test_golden_business_time(case: dict[str, Any]) -> None:
    calendar = BusinessCalendar.from_terms(case["calendar"])
    start = pd.Timestamp(case["start"])
    if case["kind"] == "elapsed":
        spent = calendar.elapsed(start, pd.Timestamp(case["end"]))
        assert spent[0] == np.timedelta64(round(case["expected_seconds"] * 1_000_000), "us")
    else:
        target = np.timedelta64(round(case["target_seconds"] * 1_000_000), "us")
        due = calendar.deadline(start, target, case.get("deadline_convention", "closing"))
        expected = case["expected_deadline"]
        if expected is None:
            assert pd.isna(due[0])
        else:
            assert pd.Timestamp(due[0], tz="UTC") == pd.Timestamp(expected)
