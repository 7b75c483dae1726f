"""Versions that begin in the past name the months they restate, and a contract ends with one of its months."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from deskledger import contract
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")
VERSION = VALID[VALID.index("  - number: 1") :]


def with_version(effective_from: str, restates: str = "", ends_on: str = "") -> bytes:
    """Acme's contract with a second version, the same terms from another day, and an end."""
    second = VERSION.replace("number: 1", "number: 2").replace("2026-01-01", effective_from)
    if restates:
        second = second.replace("    author:", f"    restates: {restates}\n    author:")
    ends = f"ends_on: {ends_on}\n" if ends_on else ""
    return (VALID.replace("versions:", f"{ends}versions:") + second).encode()


@pytest.mark.parametrize(
    ("effective_from", "restates", "read"),
    [
        ("2026-03-01", "", ()),
        ("2026-03-01", "[2026-03, 2026-04]", ("2026-03", "2026-04")),
        ("2026-11-01", "[2026-11, 2026-12, 2027-01]", ("2026-11", "2026-12", "2027-01")),
        ("2026-01-01", "[2026-01]", ("2026-01",)),  # nothing is left of version 1
    ],
)
def test_a_backdated_version_names_its_months(effective_from: str, restates: str, read: tuple[str, ...]) -> None:
    found = contract.parse(with_version(effective_from, restates), "acme.yaml")
    assert found.versions[1].restates == read
    assert contract.version_at(found, found.versions[1].effective_from).number == 2


@pytest.mark.parametrize(
    ("effective_from", "restates", "ends_on", "line", "message"),
    [
        ("2026-01-01", "", "", "effective_from: 2026-01-01", "version 2 does not begin after version 1"),
        ("2025-12-01", "[2025-12]", "", "effective_from: 2025-12-01", "version 2 does not begin after version 1"),
        ("2026-03-01", "[2026-02]", "", "restates:", "restates 2026-02, where 2026-03 comes next"),
        ("2026-03-01", "[2026-03, 2026-05]", "", "restates:", "restates 2026-05, where 2026-04 comes next"),
        ("2026-03-01", "[2026-13]", "", "restates:", "`2026-13` is not a month"),
        ("2026-03-01", "", "2026-06-15", "ends_on:", "cannot end on 2026-06-15, in the middle of a period"),
        ("2026-03-01", "", "2026-02-28", "effective_from: 2026-03-01", "after the contract ended on 2026-02-28"),
    ],
)
def test_months_that_do_not_follow_are_refused_with_their_line(
    effective_from: str, restates: str, ends_on: str, line: str, message: str
) -> None:
    content = with_version(effective_from, restates, ends_on)
    numbers = [n for n, row in enumerate(content.decode().splitlines(), start=1) if line in row]
    with pytest.raises(ContractError) as caught:
        contract.parse(content, "acme.yaml")
    assert message in str(caught.value)
    assert f"acme.yaml:{numbers[-1]}" in str(caught.value)
    assert "What to do: " in str(caught.value)


@pytest.mark.parametrize(("period", "is_after"), [("2026-06", False), ("2026-07", True)])
def test_a_contract_ends_with_the_last_instant_of_its_last_day(period: str, is_after: bool) -> None:
    found = contract.parse(with_version("2026-03-01", ends_on="2026-06-30"), "acme.yaml")
    assert found.ends_on == date(2026, 6, 30)
    assert contract.is_after_end(found, period) is is_after
    assert contract.ended_at(found) == datetime(2026, 6, 30, 22, tzinfo=UTC)  # midnight in Madrid


def test_a_contract_without_an_end_never_ends() -> None:
    found = contract.parse(VALID.encode(), "acme.yaml")
    assert (contract.ended_at(found), contract.is_after_end(found, "2999-01")) == (None, False)
