"""What differs between two wordings: by clause, in the file's own words, money first."""

from pathlib import Path

import pytest

from deskledger import contract
from deskledger.cli import main
from deskledger.contract.difference import Change, as_lines, differences
from deskledger.contract.written import terms_sha256, version_terms
from deskledger.errors import ContractError

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")


def terms(*changes: tuple[str, str]) -> str:
    text = VALID
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return version_terms(contract.parse(text.encode(), "contracts/acme.yaml"), 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "pct_of_base: 3 %",
            "pct_of_base: 5 %",
            Change("money", "7.1", "penalty late, schedule, consequence, pct of base", "3 %", "5 %"),
        ),
        (
            "{priority: P1, within: 30m}",
            "{priority: P1, within: 1h}",
            Change("how it is measured", "4.1", "clock response, target priority P1, within", "30m", "1h"),
        ),
        (
            "{within: 2 business days, day_end: close}",
            "{within: 3 business days, day_end: close}",
            Change(
                "how it is measured",
                "4.1",
                "clock response, target all others, within",
                "2 business days",
                "3 business days",
            ),
        ),
        ('objective: ">= 60 %"', 'objective: ">= 65 %"',
         Change("what is promised", "5.2", "service level good, objective", ">= 60 %", ">= 65 %")),
        ("neutral: [3]\n      poor: [1, 2]", "neutral: [2, 3]\n      poor: [1]",
         Change("what is promised", "5.1", "csat, neutral", "3", "2, 3")),
        ("currency: EUR", "currency: USD", Change("money", None, "currency", "EUR", "USD")),
        ("author: ana", "author: eva", Change("names and dates", None, "author", "ana", "eva")),
        ("base: fee, pct: 10 %}", "base: fee, pct: 10 %, clause: '7.9'}",
         Change("money", "7.9", "cap month, clause", None, "7.9")),
        ("- {le: 10 %}", "- {le: 10 %, consequence: {amount: -5}}",
         Change("money", "7.3", "penalty unhappy, schedule, band <= 10 %, consequence, amount", None, "-5")),
    ],
)  # fmt: skip
def test_a_difference_is_told_with_its_clause_and_both_wordings(old: str, new: str, expected: Change) -> None:
    found = differences(terms(), terms((old, new)))
    assert expected in found


def test_money_comes_first_and_only_what_differs_is_told() -> None:
    found = differences(
        terms(),
        terms(("author: ana", "author: eva"), ("within: 30m", "within: 20m"), ("amount: 250.00", "amount: 300.00")),
    )
    assert [(change.subject, change.old, change.new) for change in found] == [
        ("money", "250.00", "300.00"),
        ("how it is measured", "30m", "20m"),
        ("names and dates", "ana", "eva"),
    ]


def test_a_penalty_that_is_new_or_gone_is_one_difference() -> None:
    slow = VALID[VALID.index("        - id: slow") : VALID.index("        - id: unhappy")]
    (gone,) = differences(terms(), terms((slow, "")))
    assert (gone.about, gone.clause, gone.new) == ("penalty slow", "7.2", None)
    assert gone.old is not None and "schedule, per step, amount 250.00" in gone.old
    (new,) = differences(terms((slow, "")), terms())
    assert (new.about, new.old) == ("penalty slow", None)
    assert as_lines([new])[2:] == ["    was:  (not there)", f"    is:   {new.new}"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("currency: EUR\n", "currency:    EUR   # the euro\n"),
        ("contract: acme\ntitle: Acme, support\n", "title: 'Acme, support'\ncontract: acme\n"),
        ("parties: {customer: Acme, provider: Us}", "parties:\n  provider: Us\n  customer: Acme"),
    ],
    ids=["spaces and comments", "order and quotes", "style"],
)
def test_how_a_file_is_laid_out_is_no_difference(old: str, new: str) -> None:
    assert differences(terms(), terms((old, new))) == []
    assert terms_sha256(terms()) == terms_sha256(terms((old, new)))


def test_the_command_compares_the_newest_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = VALID[VALID.index("  - number: 1") :].replace("number: 1", "number: 2").replace("3 %", "4 %")
    path = tmp_path / "acme.yaml"
    path.write_text(VALID + second.replace("2026-01-01", "2026-04-01"), "utf-8")
    assert main(["contracts", "diff", str(path)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("acme: version 1 (from 2026-01-01) and version 2 (from 2026-04-01)\nMoney\n  clause 7.1, ")
    assert main(["contracts", "diff", str(path), "1", "1"]) == 0
    assert "They say the same." in capsys.readouterr().out
    assert main(["contracts", "diff", str(path), "1", "3"]) == 1
    assert "has no version 3" in capsys.readouterr().err


def test_a_version_that_is_not_there_is_told() -> None:
    with pytest.raises(ContractError, match="acme has no version 2"):
        version_terms(contract.parse(VALID.encode(), "contracts/acme.yaml"), 2)
