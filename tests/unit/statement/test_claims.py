"""Claims and choices that are on record, as the month's measurements take them."""

from datetime import date, timedelta

import pytest

from deskledger.errors import StatementError
from deskledger.statement.claims import Choice, Claim, Said, claimable_until, said, window_days

TERMS = [{"id": "late"}, {"id": "unhappy"}]
FEBRUARY = date(2026, 2, 1)


@pytest.mark.parametrize(
    ("claimed_on", "day"), [("2026-01-31", 0), ("2026-02-01", 1), ("2026-03-02", 30), ("2026-03-03", 31)]
)
def test_the_first_day_after_the_month_is_day_one(claimed_on: str, day: int) -> None:
    found = Said((Claim("R1", date.fromisoformat(claimed_on), None),)).form(TERMS, FEBRUARY)
    assert found == {"claims": {"late": {"day": day}, "unhappy": {"day": day}}}


WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
OFFICE = {"timezone": "America/New_York", "weekly": WEEK, "holidays": ["2026-02-03"]}


@pytest.mark.parametrize(
    ("window", "more", "days"),
    [
        (10, {}, 10),
        (10, {"claim_calendar": "office"}, 16),  # 1 February is a Sunday, the 3rd a holiday: until Monday the 16th
        (1, {"claim_calendar": "office"}, 2),
        (0, {"claim_calendar": "office"}, 0),
        (10, {"claim_calendar": "always"}, 10),
    ],
)
def test_business_days_of_a_claim_window_reach_to_the_last_of_them(
    window: int, more: dict[str, str], days: int
) -> None:
    calendars = {"office": OFFICE, "always": {"timezone": "Asia/Tokyo", "always": True}}
    terms = {"claim_window_days": window, **more}
    assert window_days(terms, calendars, FEBRUARY) == days
    last = claimable_until({**terms, "until_claimed": "withheld"}, calendars, FEBRUARY)
    assert last == FEBRUARY + timedelta(days=days - 1)


@pytest.mark.parametrize(("window", "days"), [(2, 5), (3, None)])
def test_a_claim_window_beyond_the_calendars_last_open_day_is_refused(window: int, days: int | None) -> None:
    hours = [["09:00", "17:00"]]
    fair = {"timezone": "Etc/UTC", "special_days": {date(2026, 2, 2): hours, date(2026, 2, 5): hours}}
    terms = {"claim_window_days": window, "claim_calendar": "fair"}
    if days is not None:
        assert window_days(terms, {"fair": fair}, FEBRUARY) == days
        return
    with pytest.raises(StatementError, match="'fair' has no 3 open days after the month"):
        window_days(terms, {"fair": fair}, FEBRUARY)


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
