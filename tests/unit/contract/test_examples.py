"""Every example contract loads without a fault, and its measurements give the cents that were worked out by hand."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deskledger import contract
from deskledger.contract.document import read_document
from deskledger.steps.assess import assess

EXAMPLES = Path(__file__).resolve().parents[3] / "contracts" / "examples"
CONTRACTS = sorted(EXAMPLES.glob("*.yaml"))
MEASURED = sorted((EXAMPLES / "measured").glob("*.yaml"))


def written(path: Path) -> dict[str, Any]:
    return read_document(path.read_bytes(), path.name).value


def cases() -> list[tuple[str, Path, int | None, Mapping[str, Any]]]:
    """Contract, measurements, version and what is expected, one for each version that the measurements name."""
    found: list[tuple[str, Path, int | None, Mapping[str, Any]]] = []
    for path in MEASURED:
        whole = written(path)
        name, expected = whole.get("contract", path.stem), whole["expected"]
        versions = expected.get("versions")
        found += (
            [(name, path, int(number), each) for number, each in versions.items()]
            if versions
            else [(name, path, None, expected)]
        )
    return found


def test_the_examples_load_together_and_are_no_live_contracts() -> None:
    good, bad = contract.load_all(EXAMPLES)
    assert bad == []
    assert [each.name for each in good] == [path.stem for path in CONTRACTS]
    live, _ = contract.load_all(EXAMPLES.parent)
    assert not {each.name for each in live} & {each.name for each in good}


def test_every_example_is_worked_out() -> None:
    assert {name for name, *_ in cases()} == {path.stem for path in CONTRACTS}


@pytest.mark.parametrize(
    ("name", "path", "version", "expected"), cases(), ids=lambda each: each.stem if isinstance(each, Path) else None
)
def test_an_example_gives_the_cents_worked_out_by_hand(
    name: str, path: Path, version: int | None, expected: Mapping[str, Any]
) -> None:
    made = assess(EXAMPLES / f"{name}.yaml", path, version)
    found = made.assessment
    if "lines" in expected:
        assert {line.term: line.credit for line in found.lines} == {
            term: Decimal(credit) for term, credit in expected["lines"].items()
        }
        told = {level.service_level: "met" if level.is_met else "missed" for level in made.reported}
        assert told == expected.get("reported", {})
    assert found.credit == Decimal(expected["credit"])
    assert list(found.flags) == [*expected.get("flags", []), *(flag for flag in found.flags if flag.startswith("cap:"))]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_the_schema_for_editors_knows_every_word_of_the_examples(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(contract.json_schema())
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text("utf-8")))] == []
