"""`deskledger assess`: money from two files, without a warehouse."""

import json
from pathlib import Path

import pytest

from deskledger.cli import main
from deskledger.errors import DeskledgerError
from deskledger.steps.assess import assess

ACME = Path(__file__).parents[1] / "contract" / "acme.yaml"
MEASURED = """
charges: {monthly_fee: 10000.00}
measures:
  in_time: {num: 94, den: 100}
  slow_tenth: {value: 5h 1m, n: 100}
  poor: {good: 80, neutral: 5, poor: 15}
"""


def written(folder: Path, text: str, name: str = "measured.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_contract_and_measurements_give_lines_and_credit(tmp_path: Path) -> None:
    found = assess(ACME, written(tmp_path, MEASURED))
    # 3 % of 10,000; 5 h 1 m is 31 m over 4.5 h, two started half hours of 250.00; 15 % poor: 1 % of 10,000; cap 10 %.
    assert [(line.term, str(line.credit)) for line in found.assessment.lines] == [
        ("late", "300.00"),
        ("slow", "500.00"),
        ("unhappy", "100.00"),
    ]
    assert str(found.assessment.credit) == "900.00"
    assert (found.title, found.version) == ("Acme, support", 1)


def test_nothing_measured_and_what_caps_had_used(tmp_path: Path) -> None:
    yearly = ACME.read_text("utf-8").replace("base: fee, pct: 10 %}", "amount: 1000, per: year}")
    terms = written(tmp_path, yearly, "acme.yaml")
    text = MEASURED.replace("{value: 5h 1m, n: 100}", "null") + "caps_used: {month: 850.00}\n"
    found = assess(terms, written(tmp_path, text))
    assert [(line.term, line.status, str(line.credit)) for line in found.assessment.lines] == [
        ("late", "breach", "300.00"),
        ("slow", "no_data", "0.00"),
        ("unhappy", "breach", "100.00"),
        ("month", "cap", "-250.00"),  # 150.00 of 1,000.00 are left
    ]


def test_of_penalties_that_stand_for_one_event_the_highest_is_paid(tmp_path: Path) -> None:
    events = "      overlap: max_per_event\n      events: {delay: [late, slow]}\n      bases:\n"
    terms = written(tmp_path, ACME.read_text("utf-8").replace("      bases:\n", events), "acme.yaml")
    found = assess(terms, written(tmp_path, MEASURED))
    assert [(line.term, line.status, str(line.credit)) for line in found.assessment.lines] == [
        ("late", "superseded", "0.00"),
        ("slow", "breach", "500.00"),
        ("unhappy", "breach", "100.00"),
    ]


def test_history_is_words(tmp_path: Path) -> None:
    text = ACME.read_text("utf-8").replace(
        "          measure: in_time\n",
        """          measure: in_time
          repeat: {by_run: {"1": 1, "2": 1.5, "3": 2}}
""",
    )
    terms = written(tmp_path, text, "acme.yaml")
    found = assess(terms, written(tmp_path, MEASURED + "history: {late: [met, failed, no_data]}\n"))
    assert str(found.assessment.lines[0].credit) == "450.00"  # the second failure in a row: 300.00 x 1.5


def test_what_rounds_to_its_objective_is_shown_with_its_fraction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = written(tmp_path, MEASURED.replace("{num: 94, den: 100}", "{num: 28499999, den: 30000000}"))
    assert main(["assess", str(ACME), str(measured)]) == 0
    assert "95.0000 (28499999/300000) %  >= 95 %" in capsys.readouterr().out


def test_terms_as_data_take_numbers_as_they_are_written(tmp_path: Path) -> None:
    term = {"id": "a", "measure": "a", "schedule": {
        "kind": "shortfall", "op": ">=", "target": 95.3, "step": 0.1, "step_rounding": "up",
        "per_step": {"amount": 10},
    }}  # fmt: skip
    terms = written(tmp_path, json.dumps({"currency": "EUR", "terms": [term]}), "terms.json")
    measured = written(tmp_path, '{"measures": {"a": {"value": 95}}}', "measured.json")
    assert str(assess(terms, measured).assessment.credit) == "30.00"  # 0.3 / 0.1 is 3 steps, never 4


def test_late_tickets_are_given_as_times_with_what_was_charged_before(tmp_path: Path) -> None:
    text = ACME.read_text("utf-8")
    threshold = text[text.index("            kind: threshold") : text.index("        - id: slow")]
    hours = ["kind: per_item", "unit: 1h", "unit_rounding: up", "ladder: [{amount: 10}]"]
    terms = written(tmp_path, text.replace(threshold, "".join(f"            {line}\n" for line in hours)), "acme.yaml")
    items = "{den: 9, items: [{id: T-1, late: 40h, accrued: 29h 30m}, {id: T-2, late: 10m}]}"
    found = assess(terms, written(tmp_path, MEASURED.replace("{num: 94, den: 100}", items)))
    assert str(found.assessment.lines[0].credit) == "110.00"  # 40 hours less 30, and a started one


def test_what_no_penalty_prices_is_reported_beside_its_objective(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = written(tmp_path, MEASURED + "  good: {good: 60, neutral: 20, poor: 20}\n")
    assert [(level.service_level, level.value, level.is_met) for level in assess(ACME, measured).reported] == [
        ("good", 60, True)  # exactly at the objective
    ]
    assert main(["assess", str(ACME), str(measured)]) == 0
    assert "reported, without a price\n" in capsys.readouterr().out
    nothing = written(tmp_path, MEASURED + "  good: null\n")
    assert [level.is_met for level in assess(ACME, nothing).reported] == [None]


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"),
    [
        ("charges: {monthly_fee: 10000.00}\n", "", "no_base: there is no charge of kind 'monthly_fee'", "charges:"),
        ("in_time", "in_tme", "there is no service level `in_tme`", "did you mean `in_time`"),
        ("  in_time: {num: 94, den: 100}\n", "", "nothing was measured for 'in_time'", "measure it"),
        ("{num: 94, den: 100}", "{num: 104, den: 100}", "a part cannot be larger", "check the counts"),
        ("{num: 94, den: 100}", "{met: 94, of: 100}", "none of num and den", "in the form"),
        ("{num: 94, den: 100}", "{num: ninety, den: 100}", "'ninety' is not a number", "write digits"),
        ("{num: 94, den: 100}", "{den: 100}", "not in the form", "docs/contracts.md"),
        ("measures:", "meassures:", "unknown word `meassures`", "did you mean `measures`"),
    ],
)
def test_measurements_that_do_not_fit_are_refused_with_a_remedy(
    tmp_path: Path, old: str, new: str, what: str, remedy: str
) -> None:
    assert old in MEASURED
    with pytest.raises(DeskledgerError) as caught:
        assess(ACME, written(tmp_path, MEASURED.replace(old, new)))
    assert what in caught.value.what
    assert caught.value.remedy is not None and remedy in caught.value.remedy


def test_the_command_prints_a_page_or_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = written(tmp_path, MEASURED)
    assert main(["assess", str(ACME), str(measured)]) == 0
    page = capsys.readouterr().out
    assert "credit to the customer: 900.00 EUR" in page
    assert "late breach 94 % >= 95 % 300.00" in " ".join(page.split())
    assert "slow breach 5h 1m <= 4h 30m 500.00" in " ".join(page.split())
    assert "  late (clause 7.1)\n    measure    94 of 100 -> 94\n" in page
    assert main(["assess", str(ACME), str(measured), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["credit"] == "900.00"
    assert main(["assess", str(ACME), str(tmp_path / "absent.yaml")]) == 1
    assert "cannot be read" in capsys.readouterr().err


GOLDEN = Path(__file__).parents[2] / "golden" / "penalties.jsonl"


@pytest.mark.parametrize("line", GOLDEN.read_text("utf-8").splitlines(), ids=lambda line: json.loads(line)["id"])
def test_the_worked_cases_are_files_that_can_be_assessed(tmp_path: Path, line: str) -> None:
    """One file in their form is both terms and measurements."""
    whole = written(tmp_path, line, "case.json")
    found = assess(whole, whole).assessment
    assert str(found.credit) == json.loads(line)["expected"]["credit"]
