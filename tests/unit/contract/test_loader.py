"""Contract files that hold: exact terms, inherited objectives, versions; and how errors are told."""

import pickle
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest
import yaml

from deskledger import contract
from deskledger.contract.terms import CalendarChoice, Contract, Target
from deskledger.errors import ContractError

_CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")


def _load(text: str) -> Contract:
    return contract.parse(text.encode(), "contracts/acme.yaml")


def test_terms_are_exact() -> None:
    version = _load(VALID).versions[0]
    (clock,) = version.clocks
    levels = {level.name: level for level in version.service_levels}
    assert clock.calendars == (CalendarChoice({}, "office"),)
    assert clock.targets == (
        Target({"priority": frozenset({"P1"})}, open_us=1_800_000_000),
        Target({"priority": frozenset({"P2", "P3"})}, open_us=5_400_000_000),
        Target({}, open_days=2, day_end="close"),
    )
    assert levels["in_time"].target == Fraction(95)
    assert (levels["slow_tenth"].operator, levels["slow_tenth"].target) == ("<=", Fraction(16_200))
    assert levels["slow_tenth"].measure.percentile == Fraction(90)
    assert version.calendars["office"]["weekly"]["fri"] == [["09:00", "17:00"]]
    assert version.calendars["office"]["weekly"]["sat"] == []


def test_a_penalty_without_target_takes_the_objective_it_measures() -> None:
    late, slow, unhappy = _load(VALID).versions[0].penalties["terms"]
    assert late["schedule"] == {
        "kind": "threshold",
        "op": ">=",
        "target": "95",
        "consequence": {"pct_of_base": "3"},
    }
    assert (slow["schedule"]["op"], slow["schedule"]["target"], slow["schedule"]["step"]) == ("<=", "16200", "1800")
    assert unhappy["csat"] == {"which": "poor", "denominator": "include_neutral"}


def test_without_penalties_nothing_is_priced() -> None:
    text = VALID[: VALID.index("    penalties:")]
    assert _load(text).versions[0].penalties == {"currency": "EUR", "bases": {}, "terms": []}


@pytest.mark.parametrize(
    ("written", "open_us"),
    [
        ("4h", 14_400_000_000),
        ("0.5h", 1_800_000_000),
        ("4.5 h", 16_200_000_000),
        ("1h 30m", 5_400_000_000),
        ("90 minutes", 5_400_000_000),
        ("6.1h", 21_960_000_000),
        ("0.0000000005h", None),
    ],
)
def test_durations(written: str, open_us: int | None) -> None:
    text = VALID.replace("within: 30m", f"within: {written}")
    if open_us is None:
        with pytest.raises(ContractError, match="finer than a microsecond"):
            _load(text)
    else:
        assert _load(text).versions[0].clocks[0].targets[0].open_us == open_us


def test_every_fault_is_told_in_the_order_of_lines() -> None:
    text = VALID.replace("EUR", "euro").replace("P1", "P9").replace("step: 30m", "step: soon")
    with pytest.raises(ContractError) as caught:
        _load(text)
    told = [row for row in str(caught.value).splitlines() if row.startswith("contracts/acme.yaml:")]
    assert [row.split(": ")[0] for row in told] == [
        "contracts/acme.yaml:4",
        "contracts/acme.yaml:28",
        f"contracts/acme.yaml:{text[: text.index('step: soon')].count(chr(10)) + 1}",
    ]
    assert "clause 4.1" in told[1]


def test_an_error_survives_the_way_between_processes() -> None:
    with pytest.raises(ContractError) as caught:
        _load(VALID.replace("EUR", "euro").replace("P1", "P9"))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_shares_that_leave_neutral_out_are_accepted_when_acknowledged() -> None:
    text = VALID.replace("include_neutral", "exclude_neutral\n      acknowledged: true")
    terms = _load(text).versions[0].csat
    assert terms is not None and terms.acknowledged


@pytest.mark.parametrize(("poor", "refused"), [("<= 39.9 %", False), ("<= 40 %", True)])
def test_a_poor_test_that_the_good_test_implies_is_refused(poor: str, refused: bool) -> None:
    text = VALID.replace('"<= 10 %"', f'"{poor}"')
    if refused:
        with pytest.raises(ContractError, match=r"clause 5\.3: this test can never bind"):
            _load(text)
    else:
        _load(text)


_POOL = "consequence: {at_risk: {base: fee, at_risk_pct: 10 %, category_pct: 80 %, alloc_pct: ALLOC}}"


@pytest.mark.parametrize(
    ("alloc", "pool", "refused"),
    [("100 %", "", False), ("100 %", "100", False), ("50 %", "39", True), ("50 %", "40", False)],
)
def test_a_pool_may_not_be_over_allocated(alloc: str, pool: str, refused: bool) -> None:
    text = VALID.replace("consequence: {pct_of_base: 3 %}", _POOL.replace("ALLOC", alloc))
    if pool:
        text = text.replace("      terms:\n", f"      pools: {{fee: {{available_pct: {pool} %}}}}\n      terms:\n")
    if refused:
        with pytest.raises(ContractError, match="over-allocated"):
            _load(text)
    else:
        _load(text)


def test_versions_follow_each_other() -> None:
    second = VALID[VALID.index("  - number: 1") :].replace("number: 1", "number: 2")
    text = VALID + second.replace("2026-01-01", "2026-03-01").replace("within: 30m", "within: 15m")
    both = _load(text)
    assert contract.version_at(both, date(2026, 2, 28)).number == 1
    assert contract.version_at(both, date(2026, 3, 1)).number == 2
    assert contract.version_at(both, datetime(2026, 2, 28, 23, 0, tzinfo=UTC)).number == 2  # midnight in Madrid
    assert contract.version_at(both, datetime(2026, 2, 28, 22, 59, tzinfo=UTC)).number == 1
    with pytest.raises(ContractError, match="no version in force on 2025-12-31"):
        contract.version_at(both, date(2025, 12, 31))
    with pytest.raises(ContractError, match="does not begin after version 1"):
        _load(VALID + second)


def test_one_bad_contract_never_stops_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(VALID, "utf-8")
    (tmp_path / "b.yaml").write_text(VALID.replace("EUR", "euro"), "utf-8")
    (tmp_path / "c.yaml").write_text(VALID, "utf-8")
    (tmp_path / "d.yaml").write_text(VALID.replace("contract: acme", "contract: other"), "utf-8")
    good, bad = contract.load_all(tmp_path)
    assert [each.name for each in good] == ["acme", "other"]
    assert "b.yaml:4" in str(bad[0])
    assert "already in" in str(bad[1])


def test_a_file_with_another_ending_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(VALID, "utf-8")
    good, bad = contract.load_all(tmp_path)
    assert good == []
    assert "a.yml: a contract in this file would be overlooked" in str(bad[0])


def test_the_shipped_contracts_hold() -> None:
    good, bad = contract.load_all(_CONTRACTS)
    assert bad == []
    assert {"alder", "brisa", "servicenow"} <= {each.name for each in good}
    assert all(each.period.close_after <= timedelta(days=7) for each in good)


@pytest.mark.parametrize("path", sorted(_CONTRACTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_for_editors_knows_every_word_of_the_shipped_contracts(path: Path) -> None:
    validator = jsonschema.Draft202012Validator(contract.json_schema())
    written = yaml.safe_load(path.read_text("utf-8"))
    assert [error.message for error in validator.iter_errors(written)] == []
    assert not validator.is_valid({**written, "curency": "EUR"})


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        contract.load(tmp_path / "absent.yaml")
