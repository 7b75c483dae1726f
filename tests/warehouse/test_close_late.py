"""A price by the late ticket and hour over months: each month charges what has grown since the months before it."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Connection, Engine, text

from deskledger import ledger, model
from deskledger.cli import main
from deskledger.steps import close, close_content, recompute, report, requests, restate, whatif
from deskledger.warehouse import merge

from tests.warehouse.close_desk import (
    LANDED,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    sign,
)

LATER = NOW + timedelta(hours=1)
COMPOSE = import_module("deskledger.statement.compose")
EXCLUDING = import_module("deskledger.statement.exclusions")
PENALTIES = """    penalties:
      bases: {}
      terms:
        - id: hours
          clause: "6.1"
          measure: resolution
          schedule: {kind: per_item, unit: 1h, unit_rounding: up, ladder: [{units: 700, amount: 1}, {amount: 2}]}
"""
EXCLUSIONS = '    exclusions:\n      storm: {clause: "9.2", title: Storm, effect: excused}\n'


@pytest.fixture(autouse=True)
def _priced_by_the_hour(home: Path) -> None:
    write(home)


def write(home: Path, opening: str = "") -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    words = words[: words.index("    penalties:")] + PENALTIES + EXCLUSIONS
    path.write_text(words.replace("versions:\n", f"{opening}versions:\n"), encoding="utf-8")
    sign(home)


def ticket(ticket_id: str, created: str, resolved: str | None = None) -> dict[str, Any]:
    return {"id": ticket_id, "created": created, "resolved": resolved}


def evidence(engine: Engine, draft_id: str) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select ticket_id, fate from ledger.draft_ticket where draft_id = :d and service_level = 'resolution'"
            ),
            {"d": draft_id},
        )
        return dict(rows.all())


def items(engine: Engine, draft_id: str) -> list[dict[str, str]]:
    with engine.connect() as connection:
        assessment = ledger.read(connection, draft_id).draft["assessment"]
    return list(assessment["measurements"]["measures"]["resolution"]["items"])


def proved(engine: Engine, *numbers: str) -> None:
    with engine.connect() as connection:
        assert ledger.verify(connection).faults == ()
        for number in numbers:
            assert ledger.recompute(connection, number).differences == ()
    assert [each for number in numbers for each in recompute.recompute(number, now=LATER).again.differences] == []


# Late since 30 January 12:00 UTC; January ends on the 31st at 23:00 UTC (Madrid): 35 hours. February has 672 hours.
OLD = ticket("T-1", "2026-01-30T08:00:00Z")
DONE = ticket("T-1", "2026-01-30T08:00:00Z", "2026-03-01T22:30:00Z")


def test_each_month_charges_what_has_grown_and_together_they_charge_the_whole(warehouse: Engine) -> None:
    load(warehouse, OLD, ticket("T-2", "2026-02-10T08:00:00Z", "2026-02-10T12:30:00Z"))
    assert close_month("2026-01")["credit"] == "35.00"
    # 35 + 672 = 707 hours: up to 700 at 1, seven at 2; and the half hour of T-2, started.
    february = close_month("2026-02")
    assert february["credit"] == "680.00"
    assert evidence(warehouse, february["draft_id"]) == {"T-1": "carried", "T-2": "failed"}
    assert items(warehouse, february["draft_id"]) == [
        {"id": "desk|T-1#1@v1", "late_seconds": "2545200", "accrued_seconds": "126000"},
        {"id": "desk|T-2#1@v1", "late_seconds": "1800"},
    ]
    load(warehouse, DONE, landed_at=LATER)
    march = close_month("2026-03", at=LATER)
    assert march["credit"] == "48.00"  # 23 h 30 more: a started hour is an hour
    with warehouse.connect() as connection:
        level = next(r for r in ledger.read(connection, march["draft_id"]).levels if r["service_level"] == "resolution")
    assert (level["denominator"], level["status"]) == ("0", "no_data")  # its own month judged it
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_a_correction_moves_what_the_next_month_goes_on_from(warehouse: Engine) -> None:
    """It was resolved on 31 January 22:00 after all: one hour less for January, and nothing for February."""
    load(warehouse, OLD)
    assert [close_month(period)["credit"] for period in ("2026-01", "2026-02")] == ["35.00", "679.00"]
    load(warehouse, ticket("T-1", "2026-01-30T08:00:00Z", "2026-01-31T22:00:00Z"), landed_at=LATER)
    march = close_month("2026-03", at=LATER)
    assert march["credit"] == "-680.00"
    with warehouse.connect() as connection:
        booked = connection.execute(
            text("select corrected_period, amount, causes from ledger.adjustment order by 1")
        ).all()
    assert [(each[0], each[1]) for each in booked] == [("2026-01", Decimal("-1.00")), ("2026-02", Decimal("-679.00"))]
    assert {"kind": "month", "period": "2026-01"} in booked[1][2]
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_another_late_ticket_is_a_correction_though_the_counts_are_equal(warehouse: Engine) -> None:
    """January charged T-1. It was excused, and T-2 was late by as much: both months go on from T-2 alone."""
    load(warehouse, OLD, ticket("T-2", "2026-01-30T08:00:00Z", "2026-01-30T09:00:00Z"))
    assert close_month("2026-01")["credit"] == "35.00"
    asked = requests.Asked("alder|2026-01", by="rosa", explanation="a storm", evidence="mail")
    row = requests.exclude(asked, "storm", NOW, tickets=["T-1"])
    requests.rule_on(row["request_id"], "approve", comment="", by="fatima", now=NOW)
    load(warehouse, ticket("T-2", "2026-01-30T08:00:00Z", "2026-02-02T08:00:00Z"), landed_at=LATER)
    february = close_month("2026-02", at=LATER)
    with warehouse.connect() as connection:
        booked = connection.execute(text("select corrected_period, amount, causes from ledger.adjustment")).all()
    assert [(each[0], each[1]) for each in booked] == [("2026-01", Decimal("0.00"))]
    assert {cause["kind"] for cause in booked[0][2]} == {"request", "ticket"}
    assert items(warehouse, february["draft_id"]) == [
        {"id": "desk|T-2#1@v1", "late_seconds": "244800", "accrued_seconds": "126000"},
    ]
    assert february["credit"] == "33.00"  # 68 hours of T-2, less the 35 of January
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02")


V2 = [("number: 1", "number: 2"), ("2026-01-01", "2026-02-01"), ("[{kind: created}]", "[{kind: assignment}]")]


def second_version(home: Path, *changes: tuple[str, str]) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    second = words[words.index("  - number: 1") :]
    for old, new in changes:
        second = second.replace(old, new)
    path.write_text(words + second, encoding="utf-8")
    sign(home)


def assign(engine: Engine, ticket_id: str, at: str) -> None:
    (key,) = model.ticket_keys("desk", [ticket_id])
    event = {"ticket_key": key, "created_month": 202601, "event_id": "009", "occurred_at": pd.Timestamp(at), "seq": 9,
             "kind": "assignment", "value": "bob"}  # fmt: skip
    with engine.begin() as connection:
        merge(connection, model.TICKET_EVENT, pd.DataFrame([event]), LANDED)


def test_a_cycle_is_named_by_the_version_that_measures_it(warehouse: Engine, home: Path) -> None:
    """Version 2 starts the clock at another event: its cycle 1 of a ticket is another stretch of time than 1's."""
    second_version(home, *V2)
    load(warehouse, ticket("T-2", "2026-01-30T08:00:00Z", "2026-02-02T08:00:00Z"))
    assign(warehouse, "T-2", "2026-02-05T08:00Z")
    january, february, march = (close_month(period) for period in ("2026-01", "2026-02", "2026-03"))
    assert january["credit"] == "35.00"
    # Under version 1, 68 hours less the 35 of January; under version 2, 563 hours since 5 February 12:00 UTC.
    assert items(warehouse, february["draft_id"]) == [
        {"id": "desk|T-2#1@v1", "late_seconds": "244800", "accrued_seconds": "126000"},
        {"id": "desk|T-2#1@v2", "late_seconds": "2026800"},
    ]
    assert february["credit"] == "596.00"
    assert march["credit"] == "1349.00"  # 1,306 hours: 700 at 1, the others at 2; less 563
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


@pytest.mark.parametrize(("cycle", "credit"), [("1@v1", "563.00"), ("1@v2", "33.00"), ("2@v2", "596.00")])
def test_an_exclusion_of_one_cycle_takes_that_of_the_version_it_names(
    warehouse: Engine, home: Path, capsys: pytest.CaptureFixture[str], cycle: str, credit: str
) -> None:
    """February's 596.00 are 33 hours of version 1's cycle 1 and 563 of version 2's cycle 1 of one ticket."""
    second_version(home, *V2)
    load(warehouse, ticket("T-2", "2026-01-30T08:00:00Z", "2026-02-02T08:00:00Z"))
    assign(warehouse, "T-2", "2026-02-05T08:00Z")
    close_month("2026-01")
    why = ["--ticket", "T-2", "--as", "rosa", "--because", "The storm.", "--evidence", "photo"]
    exclude = ["requests", "exclude", "alder|2026-02", "storm", *why]
    assert main([*exclude, "--cycle", "1"]) == 1
    assert "name the version with the cycle: 1@v1 or 1@v2" in capsys.readouterr().err
    assert main([*exclude, "--cycle", cycle]) == 0
    assert f"storm: T-2#{cycle}, from" in capsys.readouterr().out
    assert main(["requests", "approve", "ALDER-2026-02-R1", "--as", "fatima"]) == 0
    february = close_month("2026-02")
    assert february["credit"] == credit
    page = Path(report.render(february["draft_id"], now=NOW)["page"]).read_text(encoding="utf-8")
    assert f"T-2#{cycle}" in page
    proved(warehouse, "ALDER-2026-02")


def test_recompute_tells_the_cycle_of_another_version_set_aside(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_version(home, *V2)
    load(warehouse, ticket("T-2", "2026-01-30T08:00:00Z", "2026-02-02T08:00:00Z"))
    assign(warehouse, "T-2", "2026-02-05T08:00Z")
    asked = requests.Asked("alder|2026-02", "rosa", explanation="The storm.", evidence="photo")
    made = requests.exclude(asked, "storm", NOW, tickets=["T-2"], cycle=1, cycle_version=2)
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    close_month("2026-01")
    wide = [{"ticket_id": "T-2", "source": "desk", "cycle": None}]
    as_granted = EXCLUDING._exclusion
    monkeypatch.setattr(EXCLUDING, "_exclusion", lambda row: as_granted({**row, "subjects": wide}))
    close_month("2026-02")
    with warehouse.connect() as connection:
        told = ledger.recompute(connection, "ALDER-2026-02").differences
    assert "ticket T-2 is set aside by ALDER-2026-02-R1, which does not name it" in told


def test_a_ticket_that_is_late_when_a_version_begins_is_charged_each_hour_once(warehouse: Engine, home: Path) -> None:
    """It goes on under version 1, and what would start the clock of version 2 meanwhile opens no cycle beside it."""
    second_version(home, *V2)
    load(warehouse, OLD)
    assign(warehouse, "T-1", "2026-02-03T08:00Z")
    credits = [close_month(period)["credit"] for period in ("2026-01", "2026-02", "2026-03")]
    assert credits == ["35.00", "679.00", "1486.00"]
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def price_from(home: Path, first: str) -> None:
    """Version 1 has no price; version 2, of that day, charges by the hour."""
    second_version(home, V2[0], ("2026-01-01", first))
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(PENALTIES, "", 1), encoding="utf-8")
    sign(home)


def test_a_price_that_begins_later_charges_the_hours_of_its_own_months(warehouse: Engine, home: Path) -> None:
    price_from(home, "2026-02-01")
    load(warehouse, OLD, ticket("T-2", "2026-01-30T08:00:00Z", "2026-01-31T08:00:00Z"))
    assert close_month("2026-01")["credit"] == "0.00"
    february = close_month("2026-02")
    assert evidence(warehouse, february["draft_id"]) == {"T-1": "carried"}
    assert items(warehouse, february["draft_id"]) == [
        {"id": "desk|T-1#1@v1", "late_seconds": "2545200", "accrued_seconds": "126000"},
    ]
    assert february["credit"] == "679.00"  # hours 36 to 707 of it: up to 700 at 1, seven at 2
    assert close_month("2026-03")["credit"] == "1486.00"
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_recompute_measures_again_how_late_a_ticket_was_when_its_price_began(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_from(home, "2026-02-01")
    load(warehouse, OLD)
    close_month("2026-01")
    with monkeypatch.context() as patched:
        patched.setattr(COMPOSE, "late_before", lambda *_: {"resolution": {"desk|T-1#1@v1": "0"}})
        assert close_month("2026-02")["credit"] == "714.00"
    assert recompute.recompute("ALDER-2026-02", now=LATER).again.differences == (
        "resolution: desk|T-1#1@v1 was 0 s late when the month began, 126000 now",
    )


def test_a_price_that_begins_later_finds_what_nobody_touched_for_long(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: resolved", "value: closed"), encoding="utf-8")
    price_from(home, "2026-03-01")
    load(warehouse, ticket("T-1", "2026-01-02T08:00:00Z", "2026-01-02T11:00:00Z"))
    credits = [close_month(period)["credit"] for period in ("2026-01", "2026-02", "2026-03")]
    assert credits == ["0.00", "0.00", "1486.00"]


def test_a_version_that_prices_other_tickets_finds_what_nobody_touched_for_long(warehouse: Engine, home: Path) -> None:
    """Version 1 has a price too, but for the tickets of another account."""
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: resolved", "value: closed"), encoding="utf-8")
    second_version(home, V2[0], ("2026-01-01", "2026-03-01"))
    words, level = path.read_text(encoding="utf-8"), "title: Resolution, clock: resolution,"
    path.write_text(words.replace(level, f"{level} population: {{account: birch}},", 1), encoding="utf-8")
    sign(home)
    load(warehouse, ticket("T-1", "2026-01-02T08:00:00Z", "2026-01-02T11:00:00Z"))
    credits = [close_month(period)["credit"] for period in ("2026-01", "2026-02", "2026-03")]
    assert credits == ["0.00", "0.00", "1486.00"]
    proved(warehouse, "ALDER-2026-02", "ALDER-2026-03")


def test_a_stop_is_taken_back_though_the_version_that_prices_the_month_allows_none(
    warehouse: Engine, home: Path
) -> None:
    """Version 1 measures the ticket and lets its stop be taken back: stopped on 27 February, open again on 2 March."""
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    stop, resume = "stop: [{kind: status, value: resolved}]", "resume: [{kind: assignment}]"
    assert words.count(stop) == 1
    path.write_text(words.replace(stop, f"{stop}\n        {resume}\n        resume_within: 5 days"), encoding="utf-8")
    second_version(home, *V2[:2], (f"{resume}\n        resume_within: 5 days", ""))
    load(warehouse, ticket("T-1", "2026-01-30T08:00:00Z", "2026-02-27T23:00:00Z"))
    assign(warehouse, "T-1", "2026-03-02T08:00Z")
    credits = [close_month(period)["credit"] for period in ("2026-01", "2026-02", "2026-03")]
    # Late for 683 hours until the stop; at the end of March for 1,450, and 700 of all hours cost 1, the others 2.
    assert credits == ["35.00", "648.00", "1517.00"]
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_what_if_prices_what_was_late_under_terms_without_a_price(warehouse: Engine, home: Path) -> None:
    """What was late when the months in question begin costs nothing, as where a new version begins."""
    proposal = (home / "contracts" / "alder.yaml").read_text(encoding="utf-8")
    path = home / "contracts" / "alder.yaml"
    path.write_text(proposal.replace(PENALTIES, ""), encoding="utf-8")
    sign(home)
    (home / "proposal.yaml").write_text(proposal, encoding="utf-8")
    load(warehouse, OLD)
    close_month("2026-01")
    (month,) = whatif.whatif("alder", "2026-02", "2026-02", home / "proposal.yaml", now=NOW).months
    assert (month.before, month.after) == (Decimal("0.00"), Decimal("679.00"))


def test_what_if_goes_on_from_what_other_versions_charged(warehouse: Engine, home: Path) -> None:
    second_version(home, *V2[:2])
    load(warehouse, OLD)
    close_month("2026-01")
    close_month("2026-02")
    (month,) = whatif.whatif("alder", "2026-02", "2026-02", home / "contracts" / "alder.yaml", now=NOW).months
    assert (month.before, month.after) == (Decimal("679.00"), Decimal("679.00"))


def test_a_ticket_that_nobody_touches_goes_on_being_late_after_it_was_called_resolved(
    warehouse: Engine, home: Path
) -> None:
    """The clock stops at `closed`; a ticket that is only resolved is read again because a month charged it."""
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: resolved", "value: closed"), encoding="utf-8")
    sign(home)
    load(warehouse, ticket("T-1", "2026-01-30T08:00:00Z", "2026-01-30T11:00:00Z"))
    credits = [close_month(period)["credit"] for period in ("2026-01", "2026-02", "2026-03")]
    assert credits == ["35.00", "679.00", "1486.00"]  # March has 743 hours: the clocks go forward


def test_what_is_set_aside_is_charged_no_further(warehouse: Engine) -> None:
    load(warehouse, OLD, ticket("T-2", "2026-01-30T08:00:00Z"))
    assert close_month("2026-01")["credit"] == "70.00"
    close.draft("alder|2026-02", now=NOW)
    asked = requests.Asked("alder|2026-02", by="rosa", explanation="a storm", evidence="mail")
    row = requests.exclude(asked, "storm", NOW, tickets=["T-1"])
    requests.rule_on(row["request_id"], "approve", comment="", by="fatima", now=NOW)
    february = close_month("2026-02")
    assert february["credit"] == "679.00"  # of T-2 alone
    assert evidence(warehouse, february["draft_id"]) == {"T-1": "excluded", "T-2": "carried"}
    march = close_month("2026-03")
    proved(warehouse, "ALDER-2026-02", "ALDER-2026-03")
    assert evidence(warehouse, march["draft_id"]) == {"T-2": "carried"}
    assert march["credit"] == "1486.00"
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")


def test_the_first_month_goes_on_from_the_opening_balances(warehouse: Engine, home: Path) -> None:
    write(home, opening="opening:\n  until: 2026-01\n  late: {resolution: {T-1: 30h}}\n")
    load(warehouse, OLD, ticket("T-2", "2026-01-30T08:00:00Z"))
    # 707 hours less 30 that were charged elsewhere: T-2 is not in the balances, so it was settled there.
    assert close_month("2026-02")["credit"] == "684.00"
    proved(warehouse, "ALDER-2026-02")


def test_recompute_asks_the_months_before_what_they_charged(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """February was drafted as if January had charged 25 of the 35 hours: ten hours twice."""
    load(warehouse, OLD)
    close_month("2026-01")
    with monkeypatch.context() as patched:
        patched.setattr(COMPOSE, "charged_by_level", lambda *_: {"resolution": {"desk|T-1#1@v1": "90000"}})
        assert close_month("2026-02")["credit"] == "689.00"
    with warehouse.connect() as connection:
        again = ledger.recompute(connection, "ALDER-2026-02")
    assert again.recomputed_amount == Decimal("679.00")
    assert again.differences[0] == (
        "resolution: of desk|T-1#1@v1 the months before charged 126000 s of lateness, the statement takes 90000 s of "
        "lateness off"
    )


def test_recompute_finds_a_ticket_that_was_carried_though_no_month_charged_it(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, ticket("T-1", "2026-01-30T08:00:00Z", "2026-01-30T09:00:00Z"))
    close_month("2026-01")
    # Late after all. February is drafted as if January had charged that.
    load(warehouse, ticket("T-1", "2026-01-30T08:00:00Z", "2026-02-02T08:00:00Z"), landed_at=LATER)

    def uncorrected(connection: Connection, *_: Any) -> restate.Restated:
        return restate.Restated(close_content.past_of(connection, "alder", "2026-02"), (), ())

    with monkeypatch.context() as patched:
        patched.setattr(restate, "restatements", uncorrected)
        patched.setattr(COMPOSE, "charged_by_level", lambda *_: {"resolution": {"desk|T-1#1@v1": "0"}})
        close_month("2026-02", at=LATER)
    assert recompute.recompute("ALDER-2026-02", now=LATER).again.differences == (
        "resolution: ticket T-1, resolution 1: frozen, but not measured in this month now",
    )


def test_recompute_holds_what_a_month_hands_on_against_its_own_rows(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, OLD, ticket("T-2", "2026-01-30T08:00:00Z"))
    with monkeypatch.context() as patched:
        patched.setattr(
            COMPOSE, "lateness", lambda *_: {"resolution": {"desk|T-1#1@v1": "126001", "desk|T-9#1@v1": None}}
        )
        assert close_month("2026-01")["credit"] == "70.00"
    with warehouse.connect() as connection:
        differences = ledger.recompute(connection, "ALDER-2026-01").differences
    assert differences == tuple(
        f"resolution: the next months go on from other lateness of desk|T-{number}#1@v1 than its row says"
        for number in (1, 2, 9)
    )
