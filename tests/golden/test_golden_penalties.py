"""The worked penalty cases: each contract and month gives exactly the credit, lines and flags of its source."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from deskledger import penalties

_FOLDER = Path(os.environ.get("DESKLEDGER_GOLDEN") or Path(__file__).parent)
_FILE = _FOLDER / "penalties.jsonl"
_CASES = (
    [json.loads(row, parse_float=Decimal) for row in _FILE.read_text("utf-8-sig").split("\n") if row.strip()]
    if _FILE.exists()
    else []
)


@pytest.mark.parametrize("case", _CASES, ids=[case["id"] for case in _CASES])
def test_golden_penalties(case: dict) -> None:
    found = penalties.assess(case["contract"], case["measurements"]).as_dict()
    expected = dict(case["expected"])
    lines = expected.pop("lines", None)
    flags = expected.pop("flags", None) or []
    assert {name: found.get(name) for name in expected} == expected
    assert sorted(found["flags"]) == sorted(flags)
    if lines is not None:
        assert _shown(found["lines"], lines) == lines
    assert sum(Decimal(line["credit"]) for line in found["lines"]) == Decimal(found["credit"])


def _shown(found: list[dict], expected: list[dict]) -> list[dict]:
    """The found lines, in order, with the fields that the case speaks of, and whatever else costs or gives money.

    Lines of no money may stand between them, and the line of a rounding difference at the end.
    """
    rest = list(found)
    shown = []
    for line in expected:
        while len(rest) > 1 and rest[0]["term"] != line["term"] and Decimal(rest[0]["credit"]) == 0:
            rest.pop(0)
        if rest:
            head = rest.pop(0)
            shown.append({name: head.get(name) for name in line})
    return shown + [line for line in rest if Decimal(line["credit"]) != 0 and line["status"] != "rounding"]
