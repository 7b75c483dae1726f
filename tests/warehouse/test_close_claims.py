"""Claims and choices of the customer through a month's close: what holds until they are on record, and after."""

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.cli import main
from deskledger.errors import LedgerError
from deskledger.steps import close, report, requests

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)

ASSESSMENT = import_module("deskledger.statement.assessment")
LATER = NOW + timedelta(hours=1)
CLAIMS = "      claim_window_days: 30\n      until_claimed: withheld\n"
CHOICE = "      overlap: customer_choice\n      until_chosen: highest\n      events: {outage: [late, unhappy]}\n"
LAST_DAY = date(2026, 3, 2)  # January is over on 31 January: its thirtieth day after it


def write(home: Path, more: str) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("      bases:\n", f"{more}      bases:\n"), encoding="utf-8")
    sign(home)


def asked(key: str = KEY) -> requests.Asked:
    return requests.Asked(key, "rosa", explanation="Their letter.", evidence="Letter of 27 February")


def granted(made: dict[str, Any]) -> str:
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    return str(made["request_id"])


def lines(engine: Engine, draft_id: str) -> dict[str, tuple[str, str]]:
    with engine.connect() as connection:
        stored = ledger.read(connection, draft_id).lines
    return {row["term"]: (row["status"], str(row["credit_amount"])) for row in stored}


def recomputed(engine: Engine, number: str) -> tuple[str, ...]:
    with engine.connect() as connection:
        return ledger.recompute(connection, number).differences


def register(engine: Engine, service_level: str) -> str:
    with engine.connect() as connection:
        asked_for = text("select outcome from ledger.enforcement where period = '2026-01' and service_level = :level")
        return str(connection.execute(asked_for, {"level": service_level}).scalar_one())


@pytest.mark.parametrize(
    ("claimed_on", "told"),
    [(LAST_DAY, ("breach", "400.00")), (LAST_DAY + timedelta(days=1), ("late_claim", "0.00"))],
)
def test_a_credit_is_withheld_until_it_is_claimed_in_time(
    warehouse: Engine, home: Path, claimed_on: date, told: tuple[str, str]
) -> None:
    write(home, CLAIMS)
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    assert lines(warehouse, first["draft_id"])["late"] == ("unclaimed", "0.00")
    request_id = granted(requests.claim(asked(), claimed_on, NOW))
    with pytest.raises(LedgerError, match="stale"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    made = close.draft(KEY, now=NOW)
    assert lines(warehouse, made["draft_id"])["late"] == told
    with pytest.raises(LedgerError, match="rosa"):  # who recorded the claim
        close.decide(made["draft_id"], "approve", comment="", user="rosa", at=NOW)
    posted = close_month("2026-01")
    assert posted["credit"] == told[1]
    assert recomputed(warehouse, "ALDER-2026-01") == ()
    page = Path(report.render(made["draft_id"], NOW)["page"]).read_text(encoding="utf-8")
    assert f"{request_id}<" in page and f"every line, claimed on {claimed_on}" in page


@pytest.mark.parametrize(("day", "status"), [(13, "breach"), (14, "late_claim")])
def test_a_window_of_business_days_ends_with_the_last_of_them(
    warehouse: Engine, home: Path, day: int, status: str
) -> None:
    """Ten business days after January: Friday 13 February."""
    path = home / "contracts" / "alder.yaml"
    office = "      office: {timezone: Europe/Madrid, weekly: {mon-fri: [['09:00', '17:00']]}}\n"
    words = path.read_text(encoding="utf-8").replace("    calendars:\n", f"    calendars:\n{office}")
    path.write_text(words, encoding="utf-8")
    write(home, CLAIMS.replace("30", "10") + "      claim_calendar: office\n")
    month(warehouse, "2026-01", 8)
    granted(requests.claim(asked(), date(2026, 2, day), NOW))
    made = close_month("2026-01")
    assert lines(warehouse, made["draft_id"])["late"][0] == status
    assert recomputed(warehouse, "ALDER-2026-01") == ()


@pytest.mark.parametrize("account", ["alder", "another"])
@pytest.mark.parametrize(("calendar", "days"), [("", 10), ("      claim_calendar: office\n", 13)])
def test_recompute_counts_the_days_for_a_claim_again(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, calendar: str, days: int, account: str
) -> None:
    """Also of a month in which no ticket was measured, so that no version froze its calendars for that."""
    path = home / "contracts" / "alder.yaml"
    office = "      office: {timezone: Europe/Madrid, country: ES, weekly: {mon-fri: [['09:00', '17:00']]}}\n"
    words = path.read_text(encoding="utf-8").replace("    calendars:\n", f"    calendars:\n{office}")
    path.write_text(words, encoding="utf-8")
    write(home, CLAIMS.replace("30", "10") + calendar)
    month(warehouse, "2026-01", 10, account=account)
    month(warehouse, "2026-02", 8)
    close_month("2026-01")
    assert recomputed(warehouse, "ALDER-2026-01") == ()
    monkeypatch.setattr(ASSESSMENT, "window_days", lambda *_: 99)
    granted(requests.claim(asked("alder|2026-02"), date(2026, 3, 29), NOW))
    assert close_month("2026-02")["credit"] == "400.00"  # on day 29
    assert f"a claim is in time until day {days} by the frozen terms, until day 99 as priced" in recomputed(
        warehouse, "ALDER-2026-02"
    )


def test_a_claim_after_the_posting_is_an_adjustment_of_the_next_month(warehouse: Engine, home: Path) -> None:
    write(home, CLAIMS)
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 10)
    assert close_month("2026-01")["credit"] == "0.00"
    assert register(warehouse, "resolution") == "no amount: unclaimed"
    request_id = granted(requests.claim(asked(), LAST_DAY, NOW, lines=["late"]))
    february = close_month("2026-02")
    assert february["credit"] == "400.00"
    with warehouse.connect() as connection:
        (cause,) = connection.execute(text("select causes from ledger.adjustment")).scalar_one()
    assert cause == {"kind": "request", "request_id": request_id, "what": "claim", "act": "granted"}
    assert recomputed(warehouse, "ALDER-2026-02") == ()
    assert register(warehouse, "resolution") == "credited"


def test_an_unclaimed_failure_is_a_failure_of_the_next_months_run(warehouse: Engine, home: Path) -> None:
    write(home, CLAIMS)
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 8)
    close_month("2026-01")
    granted(requests.claim(asked("alder|2026-02"), date(2026, 3, 1), NOW))
    assert lines(warehouse, close.draft("alder|2026-02", now=NOW)["draft_id"])["month"] == ("cap", "-100.00")  # x 1.5


def test_the_highest_credit_of_an_event_is_paid_until_the_customer_chooses(warehouse: Engine, home: Path) -> None:
    write(home, CHOICE)
    month(warehouse, "2026-01", 8, rated=("2026-01-12T08:00:00Z", 1))
    first = close.draft(KEY, now=NOW)
    assert lines(warehouse, first["draft_id"]) == {"late": ("breach", "400.00"), "unhappy": ("superseded", "0.00")}
    granted(requests.choose(asked(), "unhappy", NOW))
    made = close.draft(KEY, now=NOW)
    assert lines(warehouse, made["draft_id"]) == {"late": ("superseded", "0.00"), "unhappy": ("breach", "100.00")}
    with warehouse.connect() as connection:
        # Who may approve 100.00 only does not approve what 400.00 became by a request.
        assert ledger.read(connection, made["draft_id"]).draft["approval_amount"] == Decimal("400.00")
    close_month("2026-01")
    assert recomputed(warehouse, "ALDER-2026-01") == ()


def test_a_choice_is_of_what_a_posted_month_comes_to_now(warehouse: Engine, home: Path) -> None:
    """January was posted without a poor answer; the draft of February corrects it by one, so there is a choice."""
    write(home, CHOICE)
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 10)
    close_month("2026-01")
    with pytest.raises(LedgerError, match="draft ALDER-2026-01-D1: 'unhappy' has no credit to choose"):
        requests.choose(asked(), "unhappy", NOW)
    month(warehouse, "2026-01", 8, landed_at=LATER, rated=("2026-01-12T08:00:00Z", 1))
    february = close.draft("alder|2026-02", now=LATER)
    granted(requests.choose(asked(), "unhappy", LATER))
    close.decide(february["draft_id"], "dispute", comment="They chose the other credit.", user="felix", at=LATER)
    assert close_month("2026-02", at=LATER)["credit"] == "-300.00"
    assert recomputed(warehouse, "ALDER-2026-02") == ()


def test_what_cannot_be_claimed_or_chosen_is_refused(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    close.draft(KEY, now=NOW)
    with pytest.raises(LedgerError, match="asks for no claim"):
        requests.claim(asked(), LAST_DAY, NOW)
    with pytest.raises(LedgerError, match="no choice about 'late'"):
        requests.choose(asked(), "late", NOW)
    write(home, CLAIMS + CHOICE)
    with pytest.raises(LedgerError, match="there is no line lat"):
        requests.claim(asked(), LAST_DAY, NOW, lines=["lat"])
    assert requests.claim(asked(), NOW.date(), NOW)["state"] == "requested"  # today has come
    with pytest.raises(LedgerError, match="has not come"):
        requests.claim(asked(), NOW.date() + timedelta(days=1), NOW)
    with pytest.raises(LedgerError, match="'unhappy' has no credit to choose"):
        requests.choose(asked(), "unhappy", NOW)


def test_the_commands_of_claims_and_choices(warehouse: Engine, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(home, CLAIMS + CHOICE)
    month(warehouse, "2026-01", 8, rated=("2026-01-12T08:00:00Z", 1))
    told = ["--as", "rosa", "--because", "Their letter.", "--evidence", "Letter"]
    assert main(["requests", "claim", KEY, "--on", "2026-02-27", *told]) == 0
    assert main(["requests", "approve", "ALDER-2026-01-R1", "--as", "fatima"]) == 0
    close.draft(KEY, now=NOW)
    assert main(["requests", "choose", KEY, "unhappy", *told]) == 0
    page = capsys.readouterr().out
    assert "ALDER-2026-01-R1: claim, approved\n  claimed on 2026-02-27: every line" in page
    assert "ALDER-2026-01-R2: choice, requested\n  unhappy for outage" in page


@pytest.mark.parametrize(("what", "fault"), [("claims", "claimed on day"), ("picked", "choices are not those")])
def test_a_statement_that_follows_other_claims_than_it_froze_does_not_recompute(
    warehouse: Engine, home: Path, what: str, fault: str
) -> None:
    write(home, CLAIMS + CHOICE)
    month(warehouse, "2026-01", 8, rated=("2026-01-12T08:00:00Z", 1))
    granted(requests.claim(asked(), LAST_DAY, NOW))
    close.draft(KEY, now=NOW)
    granted(requests.choose(asked(), "late", NOW))
    close_month("2026-01")
    assert recomputed(warehouse, "ALDER-2026-01") == ()
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.posting disable trigger append_only"))
        connection.execute(
            text("update ledger.posting set assessment = assessment #- cast(:path as text [])"),
            {"path": ["measurements", what]},
        )
    assert any(fault in each for each in recomputed(warehouse, "ALDER-2026-01"))
