"""No float touches money: not in the source of what makes it, not in what is handed in, and the check itself bites."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import deskledger
from deskledger.errors import DeskledgerError
from deskledger.penalties import assess

ROOT = Path(deskledger.__file__).parent
# Where amounts are made, kept, compared or written out. Frames of tickets pass through some of them; money is in none.
MONEY = (
    *sorted((ROOT / "penalties").glob("*.py")),
    *sorted((ROOT / "ledger").glob("*.py")),
    *(ROOT / "statement" / f"{name}.py" for name in ("assessment", "compare", "compose", "ends", "forecast", "past")),
    *sorted((ROOT / "steps").glob("close*.py")),
    *(ROOT / "steps" / f"{name}.py" for name in ("accrual", "export", "exposure", "forecast", "open_months")),
    *(ROOT / "steps" / f"{name}.py" for name in ("recompute", "restate", "whatif")),
    *(ROOT / "cli" / f"{name}.py" for name in ("books", "forecast", "money", "output", "recompute", "whatif")),
    ROOT / "reports" / "export.py",
)
# Those that have no frames at all: no library of floating numbers either.
WITHOUT_FRAMES = {
    *(path for path in MONEY if path.parent.name == "penalties"),
    *(ROOT / "ledger" / f"{name}.py" for name in ("books", "credit_notes", "journal", "tables")),
    *(ROOT / "steps" / f"{name}.py" for name in ("accrual", "exposure")),
    ROOT / "statement" / "past.py",
}
_LIBRARIES = {"math", "numpy", "pandas", "random", "scipy", "statistics"}


def faults(source: str, *, has_frames: bool) -> list[str]:
    """Every place of a module where a number could become a float, as "line: what"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        what = _fault(node, has_frames)
        if what is not None:
            found.append(f"{node.lineno}: {what}")  # type: ignore[attr-defined]
    return found


def _fault(node: ast.AST, has_frames: bool) -> str | None:
    match node:
        case ast.Constant(value=float() | complex()):
            return "a floating number is written"
        case ast.Name(id="float" | "round" | "complex"):
            return f"{node.id} is called"
        case ast.Attribute(attr="to_numeric" | "mean" | "round"):
            return f".{node.attr} gives floating numbers"
        case ast.Attribute(attr=name) | ast.Constant(value=str(name)) if name.lower().startswith(("float", "double")):
            return f"{name} is a floating type"
        case ast.Import(names=names) if not has_frames and {each.name.split(".")[0] for each in names} & _LIBRARIES:
            return "a library of floating numbers is imported"
        case ast.ImportFrom(module=str(module)) if not has_frames and module.split(".")[0] in _LIBRARIES:
            return "a library of floating numbers is imported"
    return None


@pytest.mark.parametrize("module", MONEY, ids=[f"{path.parent.name}.{path.stem}" for path in MONEY])
def test_no_float_is_written_where_money_is_made(module: Path) -> None:
    assert faults(module.read_text("utf-8"), has_frames=module not in WITHOUT_FRAMES) == []


@pytest.mark.parametrize(
    "line",
    [
        "rate = 0.5",
        "rate = 1e-2",
        "rate = float(amount)",
        "amount = round(amount, 2)",
        "amounts = frame['amount'].astype('float64')",
        "amounts = frame['amount'].mean()",
        "amounts = np.float64(amount)",
        "total = frame['amount'].round(2)",
        "amount = pd.to_numeric(frame['amount'])",
    ],
)
@pytest.mark.parametrize("module", MONEY, ids=[f"{path.parent.name}.{path.stem}" for path in MONEY])
def test_a_float_that_somebody_puts_in_is_found(module: Path, line: str) -> None:
    source = module.read_text("utf-8")
    number = source.count("\n") + 1
    (told,) = faults(f"{source}{line}\n", has_frames=module not in WITHOUT_FRAMES)
    assert told.startswith(f"{number}: ")


@pytest.mark.parametrize(
    "line", ["import numpy as np", "from math import floor", "import pandas", "from scipy import stats"]
)
@pytest.mark.parametrize("module", sorted(WITHOUT_FRAMES), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_library_of_floats_that_somebody_imports_is_found(module: Path, line: str) -> None:
    assert len(faults(f"{module.read_text('utf-8')}{line}\n", has_frames=False)) == 1


CONTRACT: dict[str, Any] = {
    "currency": "EUR",
    "money_places": "2",
    "bases": {"fee": "10000.00"},
    "prorate": [{"base": "fee", "active_days": "30", "days_in_period": "31"}],
    "terms": [
        {"id": "late", "measure": "late", "gate": {"min_den": "5"}, "repeat": {"by_run": {"1": "1", "2": "1.5"}},
         "multiplier": "1.25", "schedule": {"kind": "threshold", "op": ">=", "target": "95",
                                            "consequence": {"pct_of_base": "4"}}},
        {"id": "short", "measure": "short", "schedule": {"kind": "shortfall", "op": ">=", "target": "98", "step": "0.3",
                                                        "step_rounding": "up", "per_step": {"amount": "12.50"},
                                                        "max_steps": "9"}},
        {"id": "banded", "measure": "banded", "schedule": {"kind": "bands", "bands": [
            {"ge": "90"}, {"ge": "80", "lt": "90", "consequence": {"points": "3"}}, {"lt": "80"}]}},
        {"id": "slow", "measure": "slow", "schedule": {"kind": "expected_min", "op": "<=", "expected": "10",
                                                      "minimum": "20", "window": "12", "occurrences": "2",
                                                      "consequence": {"amount": "70"}}},
        {"id": "each", "measure": "each", "schedule": {"kind": "per_item", "unit_seconds": "3600",
                                                      "unit_rounding": "up", "max_units": "8", "item_cap": "500",
                                                      "cap": "900",
                                                      "ladder": [{"units": "1", "amount": "80"}, {"amount": "50"}]}},
    ],
    "points_to_money": {"base": "fee", "pct_per_point": "0.1"},
    "caps": [{"id": "month", "base": "fee", "pct": "9"}, {"id": "year", "amount": "3000.00", "used": "120.40"}],
    "de_minimis": {"issue_if_gt": "1.00"},
    "tax": {"treatment": "price_adjustment", "rate": "21"},
}  # fmt: skip
MEASURED: dict[str, Any] = {
    "measures": {
        "late": {"num": "90", "den": "100"},
        "short": {"value": "97.2", "n": "40"},
        "banded": {"num": "85", "den": "100"},
        "slow": {"value": "15", "n": "40"},
        "each": {"items": [{"id": "T1", "late": "2.5"}, {"id": "T2", "late_seconds": "5400"}], "den": "9"},
    },
    "history": {"late": [1], "slow": [1]},
    "invoice": "20000.00",
    "adjustments": [{"type": "restatement", "period": "2026-01", "recomputed": "10.00", "issued": "12.00"}],
}


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every number that is written as text."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, key))
    elif isinstance(value, str) and value.replace(".", "", 1).isdigit():
        yield path


def _with(whole: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = here = deepcopy(whole)
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return changed


CASE = {"contract": CONTRACT, "measured": MEASURED}
PATHS = list(_leaves(CASE))


def _is_read(path: tuple[Any, ...]) -> bool:
    """Whether the assessment looks at the number at all: then words in its place are refused."""
    try:
        assess(**_arguments(_with(CASE, path, "no number")))
    except DeskledgerError:
        return True
    return False


def _arguments(case: dict[str, Any]) -> dict[str, Any]:
    return {"contract": case["contract"], "measurements": case["measured"]}


READ = [path for path in PATHS if _is_read(path)]


@pytest.mark.parametrize("path", READ, ids=lambda path: ".".join(str(part) for part in path))
def test_a_float_is_refused_wherever_a_number_is_read(path: tuple[Any, ...]) -> None:
    here: Any = CASE
    for part in path:
        here = here[part]
    with pytest.raises(TypeError, match="is a float"):
        assess(**_arguments(_with(CASE, path, float(here))))


def test_most_numbers_of_the_case_are_read() -> None:
    """Else the test above would say little."""
    assert len(READ) >= len(PATHS) * 4 // 5
