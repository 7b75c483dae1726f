"""Claims and choices that are on record, as the month's measurements take them."""

from datetime import date

import pytest

from deskledger.statement.claims import Choice, Claim, Said, said

TERMS = [{"id": "late"}, {"id": "unhappy"}]
FEBRUARY = date(2026, 2, 1)


@pytest.mark.parametrize(
    ("claimed_on", "day"), [("2026-01-31", 0), ("2026-02-01", 1), ("2026-03-02", 30), ("2026-03-03", 31)]
)
def test_the_first_day_after_the_month_is_day_one(claimed_on: str, day: int) -> None:
    found = Said((Claim("R1", date.fromisoformat(claimed_on), None),)).form(TERMS, FEBRUARY)
    assert found == {"claims": {"late": {"day": day}, "unhappy": {"day": day}}}


def test_the_first_claim_of_a_line_counts_and_the_last_choice() -> None:
    claims = (
        Claim("R1", date(2026, 3, 9), "late"),
        Claim("R2", date(2026, 2, 9), None),
        Claim("R3", date(2026, 2, 20), "unhappy"),
    )
    known = Said(claims, (Choice("R4", "outage", "late"), Choice("R5", "outage", "unhappy")))
    assert known.form(TERMS, FEBRUARY) == {
        "claims": {"late": {"day": 9}, "unhappy": {"day": 9}},
        "picked": {"outage": "unhappy"},
    }
    assert known.without("R2").form(TERMS, FEBRUARY)["claims"] == {"late": {"day": 37}, "unhappy": {"day": 20}}
    assert known.without("R5").form(TERMS, FEBRUARY)["picked"] == {"outage": "late"}
    assert known.without(None).form(TERMS, FEBRUARY) == {}


def test_requests_of_other_kinds_say_nothing() -> None:
    claim = {"request_id": "R1", "kind": "claim", "subjects": [{"claimed_on": "2026-02-09", "line": None}]}
    choice = {"request_id": "R2", "kind": "choice", "subjects": [{"event": "outage", "line": "late"}]}
    waiver = {"request_id": "R3", "kind": "incomplete_waiver", "subjects": [{"quarantine_id": "q"}]}
    assert said([claim, choice, waiver]) == Said(
        (Claim("R1", date(2026, 2, 9), None),), (Choice("R2", "outage", "late"),)
    )
