"""Survey answers, accounts and charges from their exports."""

from decimal import Decimal

import pandas as pd
import pytest

from deskledger.model import ticket_keys
from deskledger.sources.event_log.fates import FATES
from deskledger.sources.event_log.tables import NormalisedTable, normalise_table

from tests.unit.sources.event_log.desk import mapping, origin

SURVEYS = {
    "survey_id": "s",
    "answer_id": "a",
    "ticket_id": "t",
    "sent_at": "sent",
    "responded_at": "back",
    "rating": "stars",
}
CHARGES = {"contract": "c", "period": "p", "kind": "k", "amount": "eur", "currency": "cur"}


def made(section: str, columns: dict[str, str], *rows: list[str], landed: list[int] | None = None) -> NormalisedTable:
    whole = mapping(**{section: {"files": ["x.csv"], "columns": columns}})
    frame = pd.DataFrame(rows, columns=list(columns.values()), dtype="str")
    return normalise_table(whole, section, frame, origin(landed or [1] * len(rows)))


def test_a_survey_without_an_answer_is_a_row_of_its_own() -> None:
    table = made(
        "survey_answers",
        SURVEYS,
        ["S1", "", "T1", "2026-03-02T10:00Z", "", ""],
        ["S1", "A1", "T1", "2026-03-02T10:00Z", "2026-03-02T11:00Z", "5"],
    )
    assert table.frame[["survey_id", "answer_id"]].to_numpy().tolist() == [["S1", "sent"], ["S1", "A1"]]
    assert table.frame["rating"].tolist() == [pd.NA, 5]
    assert table.frame["ticket_key"].tolist() == ticket_keys("desk", ["T1", "T1"]).tolist()


def test_a_corrected_answer_supersedes_the_older_one() -> None:
    rows = [["S1", "A1", "T1", "2026-03-02T10:00Z", "", stars] for stars in ("1", "5")]
    table = made("survey_answers", SURVEYS, *rows, landed=[1, 2])
    assert table.frame["rating"].tolist() == [5]
    assert [FATES[fate] for fate in table.fates] == ["superseded", "loaded"]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (["", "A1", "T1", "2026-03-02T10:00Z", "", "5"], "survey_id_missing"),
        (["S1", "A1", "", "2026-03-02T10:00Z", "", "5"], "ticket_id_missing"),
        (["S1", "A1", "T1", "", "", "5"], "sent_at_missing"),
        (["S1", "A1", "T1", "then", "", "5"], "sent_at_not_an_instant"),
        (["S1", "A1", "T1", "2026-03-02T10:00Z", "", "good"], "rating_not_a_number"),
        (["S1", "A1", "T1", "2026-03-02T10:00Z", "", "4.5"], "rating_not_a_number"),
    ],
)
def test_a_faulty_answer_names_its_rule(row: list[str], rule: str) -> None:
    table = made("survey_answers", SURVEYS, row)
    assert table.faults["rule"].tolist() == [rule]
    assert table.frame.empty


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1234.50", Decimal("1234.50")), ("-3", Decimal(-3)), ("0.1", Decimal("0.1")), ("1,234.50", None), ("1e3", None),
     ("NaN", None), ("", None), ("\N{ARABIC-INDIC DIGIT THREE}", None), ("9" * 18, Decimal("9" * 18)), ("1" * 19, None),
     ("1" * 200_000, None), ("0." + "1" * 18, Decimal("0." + "1" * 18)), ("0." + "1" * 19, None)],
)  # fmt: skip
def test_money_is_exact_or_refused(text: str, amount: Decimal | None) -> None:
    table = made("charges", CHARGES, ["alder", "2026-01", "monthly_fee", text, "EUR"])
    assert table.frame["amount"].tolist() == ([] if amount is None else [amount])
    assert all(isinstance(each, Decimal) for each in table.frame["amount"])


@pytest.mark.parametrize(("key", "fate"), [("alder", "superseded"), ("brisa", "quarantined")])
def test_a_faulty_row_that_a_later_file_mends_is_superseded(key: str, fate: str) -> None:
    rows = [["alder", "2026-01", "monthly_fee", "ten", "EUR"], [key, "2026-01", "monthly_fee", "10", "EUR"]]
    table = made("charges", CHARGES, *rows, landed=[1, 2])
    assert [FATES[each] for each in table.fates] == [fate, "loaded"]
