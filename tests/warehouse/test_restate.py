"""Corrections of posted months: what is posted stays byte for byte, and each moved month is adjusted once."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger import __version__, ledger
from deskledger.cli import corrections as pages
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import close, due_months, report, requests, restate
from deskledger.steps.corrections import corrections

from tests.warehouse.close_desk import (
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    complete_until,
    load,
    month,
    quarantine,
    sign,
)

LATER = NOW + timedelta(hours=1)
YEAR_CAP = '        - {id: year, clause: "7.10", amount: 900.00, per: year}\n'


@pytest.fixture(autouse=True)
def _capped_by_the_year(home: Path) -> None:
    """Alder's contract with a cap of 900.00 a year beside the one of 5 % a month, so that months move each other."""
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8") + YEAR_CAP, encoding="utf-8")
    sign(home)


def stored(engine: Engine) -> dict[str, list[Any]]:
    """Every row of the ledger that posting January and February wrote, with the transaction that wrote it."""
    of_draft = "draft_id in (select draft_id from ledger.posting where period < '2026-03')"
    chosen = {
        "posting": "period < '2026-03'", "entry": "period < '2026-03'", "posted_ticket": of_draft, "draft": of_draft,
        "draft_level": of_draft, "draft_line": of_draft, "draft_trace": of_draft, "draft_ticket": of_draft,
        "decision": of_draft,
    }  # fmt: skip
    with engine.connect() as connection:
        return {
            table: connection.execute(
                text(f"select xmin::text, ctid::text, t::text from ledger.{table} as t where {where} order by 3")  # noqa: S608
            ).all()
            for table, where in chosen.items()
        }


def adjustments(engine: Engine) -> list[tuple[str, str, Decimal]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("select corrected_period, booked_period, amount from ledger.adjustment order by 2, 1")
        )
        return [tuple(row) for row in rows]


def lines(engine: Engine, draft_id: str) -> dict[str, tuple[str, Decimal]]:
    with engine.connect() as connection:
        return {row["term"]: (row["status"], row["credit_amount"]) for row in ledger.read(connection, draft_id).lines}


def register(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("select period, outcome from ledger.enforcement order by 1, 2"))
        return [tuple(row) for row in rows]


def resolve(engine: Engine, period: str, *numbers: int) -> None:
    """Tell tickets of the month again: resolved in time after all."""
    load(
        engine,
        *(
            {"id": f"T{period}-{n}", "created": f"{period}-10T08:00:00Z", "resolved": f"{period}-10T11:00:00Z"}
            for n in numbers
        ),
        landed_at=LATER,
    )


def proved(engine: Engine, *numbers: str) -> None:
    with engine.connect() as connection:
        assert ledger.verify(connection).faults == ()
        for number in numbers:
            again = ledger.recompute(connection, number)
            assert (again.differences, again.recomputed_amount) == ((), again.posted_amount)


def test_trap_6_correcting_january_moves_the_repeat_and_cap_of_february(warehouse: Engine) -> None:
    """January 400, February 600 for the repeat, cut to 500 by both caps. January was in time after all: February is a
    first failure, 400, and no cap binds."""
    for period, met in (("2026-01", 8), ("2026-02", 8), ("2026-03", 9)):
        month(warehouse, period, met)
    assert [close_month(period)["credit"] for period in ("2026-01", "2026-02")] == ["400.00", "500.00"]
    before = stored(warehouse)
    resolve(warehouse, "2026-01", 8, 9)

    made = close.draft("alder|2026-03", now=LATER)
    assert made["credit"] == "-500.00"
    assert {term: line for term, line in lines(warehouse, made["draft_id"]).items() if line[0] == "adjustment"} == {
        "restatement:2026-01": ("adjustment", Decimal("-400.00")),
        "restatement:2026-02": ("adjustment", Decimal("-100.00")),
    }
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=LATER)
    # Killed within the transaction of the posting: nothing of it is left.
    with pytest.raises(ZeroDivisionError), warehouse.begin() as connection:
        ledger.post(connection, made["draft_id"], at=LATER)
        raise ZeroDivisionError
    assert adjustments(warehouse) == []
    # Cleared, and run again and again: drafted and posted once.
    assert close.draft("alder|2026-03", now=LATER)["draft_id"] == made["draft_id"]
    for _ in range(2):
        assert close.post(made["draft_id"], at=LATER)["credit"] == "-500.00"
        assert close.draft("alder|2026-03", now=LATER)["status"] == "posted"
    assert adjustments(warehouse) == [
        ("2026-01", "2026-03", Decimal("-400.00")),
        ("2026-02", "2026-03", Decimal("-100.00")),
    ]
    assert stored(warehouse) == before
    assert register(warehouse) == [("2026-01", "corrected"), ("2026-02", "credited")]
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


@pytest.mark.parametrize(("second", "booked"), [("undone", Decimal("200.00")), ("further", Decimal("-200.00"))])
def test_a_second_correction_books_only_what_the_first_did_not(warehouse: Engine, second: str, booked: Decimal) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 9), ("2026-03", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    charge(warehouse, "alder", "2026-01", landed_at=LATER, amount=Decimal("5000.00"))
    assert close_month("2026-02", at=LATER)["credit"] == "-200.00"
    if second == "undone":
        charge(warehouse, "alder", "2026-01", landed_at=LATER, amount=Decimal("10000.00"))
    else:
        resolve(warehouse, "2026-01", 8, 9)
    assert close_month("2026-03", at=LATER)["credit"] == str(booked)
    assert adjustments(warehouse) == [("2026-01", "2026-02", Decimal("-200.00")), ("2026-01", "2026-03", booked)]
    with warehouse.connect() as connection:
        (january, february, march) = ledger.posted_months(connection, "alder", "2026-04")
    assert january["credit_amount"] == Decimal("400.00") + Decimal("-200.00") + booked
    # What February and March booked for January is none of their own credit.
    assert (february["credit_amount"], march["credit_amount"]) == (Decimal("0.00"), Decimal("0.00"))
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_a_month_in_review_is_left_alone_and_the_next_one_books_the_correction(warehouse: Engine) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 8), ("2026-03", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    in_review = close.draft("alder|2026-02", now=NOW)
    resolve(warehouse, "2026-01", 8, 9)
    assert close.draft("alder|2026-02", now=LATER) == {**in_review, "status": "current"}
    close.decide(in_review["draft_id"], "approve", comment="", user="felix", at=LATER)
    assert close.post(in_review["draft_id"], at=LATER)["credit"] == "500.00"
    assert close_month("2026-03", at=LATER)["credit"] == "-500.00"
    assert adjustments(warehouse) == [
        ("2026-01", "2026-03", Decimal("-400.00")),
        ("2026-02", "2026-03", Decimal("-100.00")),
    ]


def test_a_disputed_correction_is_proposed_again_as_the_data_say_then(warehouse: Engine) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    charge(warehouse, "alder", "2026-01", landed_at=LATER, amount=Decimal("5000.00"), imported_by="zoe")
    made = close.draft("alder|2026-02", now=LATER)
    with pytest.raises(LedgerError, match="zoe prepared this draft"):
        close.decide(made["draft_id"], "approve", comment="", user="zoe", at=LATER)
    close.decide(made["draft_id"], "dispute", comment="Which invoice?", user="felix", at=LATER)
    again = close.draft("alder|2026-02", now=LATER)
    assert (again["draft_id"], again["credit"]) == ("ALDER-2026-02-D2", "-200.00")
    with warehouse.connect() as connection:
        kept = [ledger.read_adjustments(connection, each)[0] for each in (made["draft_id"], again["draft_id"])]
    assert [each.restated_draft_id for each in kept] == ["ALDER-2026-01-D2"] * 2  # said once
    assert adjustments(warehouse) == []


def test_late_tickets_a_corrected_rating_and_a_new_version_after_posting(warehouse: Engine, home: Path) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 10, rated=(f"{period}-20T08:00:00Z", 5))
        close_month(period)
    month(warehouse, "2026-03", 10)
    before = stored(warehouse)
    load(warehouse, *(
        {"id": f"LATE{n}", "created": "2026-01-20T08:00:00Z", "resolved": "2026-01-22T08:00:00Z"} for n in range(2)
    ), landed_at=LATER)  # fmt: skip
    load(warehouse, *(
        {"id": f"T2026-02-{n}", "created": "2026-02-10T08:00:00Z", "resolved": "2026-02-10T12:00:00Z",
         "rated": ("2026-02-20T08:00:00Z", 1)} for n in range(2)
    ), landed_at=LATER)  # fmt: skip
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    version = words[words.index("  - number: 1") :]
    backdated = version.replace("number: 1", "number: 2").replace("2026-01-01", "2026-02-01")
    path.write_text(words + backdated.replace("amount: 100", "amount: 150"), encoding="utf-8")
    sign(home)
    with pytest.raises(StatementError, match="begins on 2026-02-01, and 2026-02 is posted under version 1"):
        close.draft("alder|2026-03", now=LATER)
    named = backdated.replace("author:", "restates: [2026-02]\n    author:").replace("amount: 100", "amount: 150")
    path.write_text(words + named, encoding="utf-8")
    sign(home)

    # January 10 of 12 in time, 4 % of 10,000; February 2 of 10 answers poor, which costs 150 under version 2.
    assert close_month("2026-03", at=LATER)["credit"] == "550.00"
    with warehouse.connect() as connection:
        january, february = ledger.posted_adjustments(connection, "alder")
    assert (january["amount"], january["corrected_statement"]) == (Decimal("400.00"), "ALDER-2026-01")
    assert january["causes"] == [
        {
            "kind": "ticket",
            "service_level": "resolution",
            "ticket": f"LATE{n}",
            "before": "elsewhere",
            "after": "failed",
        }
        for n in range(2)
    ]
    assert (february["amount"], february["corrected_statement"]) == (Decimal("150.00"), "ALDER-2026-02")
    assert february["causes"] == [
        {"kind": "version", "before": "1", "after": "2"},
        {"kind": "month", "period": "2026-01"},
        *({"kind": "ticket", "service_level": "csat_poor", "ticket": f"T2026-02-{n}", "before": "met, rated 5",
           "after": "failed, rated 1"} for n in range(2)),
    ]  # fmt: skip
    assert stored(warehouse) == before
    assert register(warehouse) == [("2026-01", "credited"), ("2026-02", "credited")]
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("incomplete", "some of its tickets are incomplete"),
        ("currency", "the charge of kind 'monthly_fee' is in USD, the contract in EUR"),
    ],
)
def test_a_month_that_cannot_be_restated_stays_and_the_next_draft_says_why(
    warehouse: Engine, change: str, reason: str
) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    if change == "incomplete":
        quarantine(warehouse, "T2026-01-0", at=LATER)
    else:
        charge(warehouse, "alder", "2026-01", landed_at=LATER, currency="USD")
    made = close.draft("alder|2026-02", now=LATER)
    with warehouse.connect() as connection:
        stated = ledger.read(connection, made["draft_id"])
    (left,) = stated.draft["control"]["not_restated"]
    assert (left["period"], reason in left["reason"], stated.adjustments) == ("2026-01", True, [])


def test_after_the_last_month_corrections_are_settled(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("versions:", "ends_on: 2026-02-28\nversions:"), encoding="utf-8")
    sign(home)
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
        close_month(period)
    month(warehouse, "2026-03", 2)  # the contract is over: nothing of it counts
    assert due_months.due(now=LATER) == ["alder|2026-03"]
    assert close.draft("alder|2026-03", now=LATER)["status"] == "settled"
    assert due_months.due(now=LATER) == []
    before = stored(warehouse)
    resolve(warehouse, "2026-01", 8, 9)
    assert due_months.due(now=LATER) == ["alder|2026-03"]
    assert close_month("2026-03", at=LATER)["credit"] == "-500.00"
    charge(warehouse, "alder", "2026-02", landed_at=LATER, amount=Decimal("5000.00"))
    assert due_months.due(now=LATER) == ["alder|2026-04"]
    assert close_month("2026-04", at=LATER)["credit"] == "-200.00"
    assert adjustments(warehouse) == [
        ("2026-01", "2026-03", Decimal("-400.00")),
        ("2026-02", "2026-03", Decimal("-100.00")),
        ("2026-02", "2026-04", Decimal("-200.00")),
    ]
    assert stored(warehouse) == before
    proved(warehouse, "ALDER-2026-03", "ALDER-2026-04")


@pytest.mark.parametrize("version", [__version__, "another"])  # nothing of it had been measured by the older one
def test_a_contract_prolonged_after_a_settlement_goes_on(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The settled month was never measured: it is now, and its credit is booked by the first month after it."""
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("versions:", "ends_on: 2026-02-28\nversions:"), encoding="utf-8")
    sign(home)
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
        close_month(period)
    month(warehouse, "2026-03", 7)
    resolve(warehouse, "2026-01", 8, 9)
    assert close_month("2026-03", at=LATER)["credit"] == "-500.00"
    path.write_text(words, encoding="utf-8")
    sign(home)
    charge(warehouse, "alder", "2026-04", landed_at=LATER)
    month(warehouse, "2026-04", 8, landed_at=LATER)
    complete_until(warehouse, "2026-05-06T00:00:00Z")
    may = datetime(2026, 5, 6, 8, tzinfo=UTC)
    before = stored(warehouse)
    monkeypatch.setattr(restate, "__version__", version)
    assert due_months.due(now=may) == ["alder|2026-04"]
    made = close.draft("alder|2026-04", now=may)
    assert lines(warehouse, made["draft_id"])["restatement:2026-03"] == ("adjustment", Decimal("500.00"))
    assert made["credit"] == "500.00"
    assert "the contract goes on after all" in pages.as_text(corrections("alder", now=may))
    assert close_month("2026-04", at=may)["credit"] == "500.00"
    assert stored(warehouse) == before
    proved(warehouse, "ALDER-2026-03", "ALDER-2026-04")


def test_corrections_are_told_before_the_draft_and_in_it(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 9)
    close_month("2026-01")
    assert pages.as_text(corrections("alder", now=LATER)) == (
        "alder: the posted months come to what was booked for them."
    )
    resolve(warehouse, "2026-01", 8, 9)
    told = pages.as_text(corrections("alder", now=LATER)).splitlines()
    assert told == [
        "alder: a draft of 2026-02 made now would book",
        "  2026-01  -400.00 EUR: ALDER-2026-01 issued 400.00, and it comes to 0.00 now",
        "    - T2026-01-8 (resolution): failed, now met",
        "    - T2026-01-9 (resolution): failed, now met",
    ]
    made = close.draft("alder|2026-02", now=LATER)
    page = Path(report.render(made["draft_id"], now=LATER)["page"])
    words = page.read_text(encoding="utf-8")
    assert "Correction of January 2026" in words
    (link,) = re.findall(r'href="([^"]+)">ALDER-2026-01-D2<', words)
    assert "Restated" in (page.parent / link).read_text(encoding="utf-8")
    assert "Jan 2026 80 %, Feb 2026 90 %" in words  # not corrected before somebody approved it
    assert (
        "| January 2026 | 400.00 EUR | 0.00 EUR | 0.00 EUR | −400.00 EUR | T2026-01-8 (resolution): failed, now met; "
        in close.review_text(made["draft_id"])["body"]
    )
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=LATER)
    close.post(made["draft_id"], at=LATER)
    report.refresh_marts()
    with warehouse.connect() as connection:
        trend = connection.execute(
            text("select shown_value, draft_id from mart.service_level_month "
                 "where period = '2026-01' and service_level = 'resolution'")
        ).one()  # fmt: skip
    assert tuple(trend) == (Decimal("100.0000"), "ALDER-2026-01-D2")
    found = pages.as_data(corrections("alder", now=LATER))
    assert (found["found"], [row["amount"] for row in found["posted"]]) == ([], [Decimal("-400.00")])


def test_an_exclusion_granted_after_posting_is_a_correction(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    storm = '    exclusions:\n      storm: {clause: "9.2", title: Force majeure, effect: removed}\n    penalties:\n'
    path.write_text(path.read_text(encoding="utf-8").replace("    penalties:\n", storm), encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 9)
    close_month("2026-01")
    asked = requests.Asked("alder|2026-01", "rosa", explanation="The storm.", evidence="https://weather.example/10")
    made = requests.exclude(asked, "storm", NOW, tickets=["T2026-01-8", "T2026-01-9"])
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    draft = close.draft("alder|2026-02", now=LATER)
    assert draft["credit"] == "-400.00"
    with pytest.raises(LedgerError, match="rosa"):
        close.decide(draft["draft_id"], "approve", comment="", user="rosa", at=LATER)
    close.decide(draft["draft_id"], "approve", comment="", user="felix", at=LATER)
    close.post(draft["draft_id"], at=LATER)
    with warehouse.connect() as connection:
        (booked,) = ledger.posted_adjustments(connection, "alder")
    assert booked["causes"][0] == {
        "kind": "request", "request_id": "ALDER-2026-01-R1", "what": "exclusion", "act": "granted",
    }  # fmt: skip
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02")


def test_a_cap_that_a_restatement_finds_overspent_leaves_nothing_and_takes_nothing(
    warehouse: Engine, home: Path
) -> None:
    """Worked case H10: January used 400, and version 2 lowers the year's cap to 300 from February on."""
    for period, met in (("2026-01", 8), ("2026-02", 8), ("2026-03", 9)):
        month(warehouse, period, met)
    assert [close_month(period)["credit"] for period in ("2026-01", "2026-02")] == ["400.00", "500.00"]
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    second = words[words.index("  - number: 1") :].replace("number: 1", "number: 2").replace("2026-01-01", "2026-02-01")
    second = second.replace("amount: 900.00", "amount: 300.00")
    path.write_text(words + second.replace("author:", "restates: [2026-02]\n    author:"), encoding="utf-8")
    sign(home)
    assert close_month("2026-03", at=LATER)["credit"] == "-500.00"
    with warehouse.connect() as connection:
        (booked,) = ledger.posted_adjustments(connection, "alder")
    assert (booked["corrected_period"], booked["restated_amount"]) == ("2026-02", Decimal("0.00"))
    assert [cause["kind"] for cause in booked["causes"]] == ["version"]
    proved(warehouse, "ALDER-2026-02", "ALDER-2026-03")
