"""Exclusions and waivers through a month's close: what they change, in numbers and money, and what they do not."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger import ledger
from deskledger.cli import main
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import close, due_months, report, requests

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    levels,
    load,
    month,
    quarantine,
    sign,
)

LATER = NOW + timedelta(hours=1)
EXCLUSIONS = """    exclusions:
      storm: {clause: "9.2", title: Force majeure, effect: removed}
      our_fault: {clause: "9.3", title: Caused by the customer, effect: excused}
    penalties:
"""


@pytest.fixture(autouse=True)
def _reasons(home: Path) -> None:
    write(home, "    penalties:\n", EXCLUSIONS)


def write(home: Path, old: str, new: str) -> None:
    path = home / "contracts" / "alder.yaml"
    text_of = path.read_text(encoding="utf-8")
    assert old in text_of
    path.write_text(text_of.replace(old, new), encoding="utf-8")
    sign(home)


def asked(key: str = KEY, by: str = "rosa") -> requests.Asked:
    return requests.Asked(key, by, explanation="The storm of the 10th.", evidence="https://weather.example/10")


def approve(made: dict[str, Any], by: str = "fatima") -> dict[str, Any]:
    return requests.rule_on(made["request_id"], "approve", "", by, NOW)


def excluded(reason: str, *tickets: str, **more: Any) -> dict[str, Any]:
    return approve(requests.exclude(asked(), reason, NOW, tickets=tickets, **more))


def assessment(engine: Engine, draft_id: str) -> dict[str, Any]:
    with engine.connect() as connection:
        return dict(ledger.read(connection, draft_id).draft["assessment"])


@pytest.mark.parametrize(
    ("reason", "tickets", "figures", "credit"),
    [
        ("storm", ["T2026-01-9"], ("8", "9", "breached"), "400.00"),  # 88.9 %
        ("storm", ["T2026-01-8", "T2026-01-9"], ("8", "8", "met"), "0.00"),
        ("storm", ["T2026-01-0"], ("7", "9", "breached"), "400.00"),
        ("our_fault", ["T2026-01-9"], ("9", "10", "met"), "0.00"),  # added back: another result than removed
        ("our_fault", ["T2026-01-0"], ("8", "10", "breached"), "400.00"),
    ],
)
def test_an_approved_exclusion_leads_to_a_new_draft_and_recompute_follows_it(
    warehouse: Engine, reason: str, tickets: list[str], figures: tuple[str, str, str], credit: str
) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    made = requests.exclude(asked(), reason, NOW, tickets=tickets)
    assert due_months.due(now=NOW) == []  # asked for is not granted
    assert close.draft(KEY, now=NOW)["draft_id"] == first["draft_id"]
    approve(made)
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=LATER)
    assert due_months.due(now=LATER) == [KEY]
    second = close.draft(KEY, now=LATER)
    assert (second["draft_id"], second["credit"]) == ("ALDER-2026-01-D2", credit)
    assert levels(warehouse, second["draft_id"])["resolution"] == figures
    (told,) = assessment(warehouse, second["draft_id"])["requests"]
    assert (told["requested_by"], told["approved_by"]) == ("rosa", "fatima")
    assert (told["rows"], told["credit_without"], told["credit_with"]) == (
        {"resolution": len(tickets)}, "400.00", credit,
    )  # fmt: skip
    with pytest.raises(LedgerError, match="rosa"):
        close.decide(second["draft_id"], "approve", comment="", user="rosa", at=LATER)
    close.decide(second["draft_id"], "approve", comment="", user="fatima", at=LATER)  # she allowed it, she may approve
    close.post(second["draft_id"], at=LATER)
    with warehouse.connect() as connection:
        assert ledger.recompute(connection, "ALDER-2026-01").differences == ()
        assert ledger.verify(connection).is_whole
        assert levels(warehouse, first["draft_id"])["resolution"] == ("8", "10", "breached")  # all drafts stay


def test_all_excluded_is_no_data_not_met(warehouse: Engine) -> None:
    """Worked case F12."""
    month(warehouse, "2026-01", 1, of=3)
    excluded("storm", *(f"T2026-01-{n}" for n in range(3)))
    made = close.draft(KEY, now=NOW)
    assert levels(warehouse, made["draft_id"])["resolution"] == ("0", "0", "no_data")
    assert made["credit"] == "0.00"


def test_one_service_level_one_cycle_and_one_answer_can_be_named(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8, rated=("2026-01-11T08:00:00Z", 1))
    excluded("storm", "T2026-01-9", service_levels=["csat_poor"])
    excluded("storm", "T2026-01-8", cycle=1, service_levels=["resolution"])
    excluded("storm", "T2026-01-7", cycle=2)  # it has only one: this takes nothing
    approve(requests.exclude(asked(), "storm", NOW, surveys=["s-T2026-01-0"]))
    made = close.draft(KEY, now=NOW)
    found = levels(warehouse, made["draft_id"])
    assert found["resolution"] == ("8", "9", "breached")
    assert found["csat_poor"] == ("8", "8", "breached")
    told = assessment(warehouse, made["draft_id"])["requests"]
    assert [each["rows"] for each in told] == [{"csat_poor": 1}, {"resolution": 1}, {}, {"csat_poor": 1}]


def test_a_revoked_exclusion_counts_again(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    made = excluded("storm", "T2026-01-8", "T2026-01-9")
    assert close.draft(KEY, now=NOW)["credit"] == "0.00"
    requests.rule_on(made["request_id"], "revoke", "It did not rain.", "fatima", NOW)
    assert due_months.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["credit"] == "400.00"


def test_a_later_exclusion_leaves_the_posted_month_alone(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    excluded("storm", "T2026-01-8", "T2026-01-9")
    assert close.draft(KEY, now=LATER)["status"] == "posted"
    assert close.post("ALDER-2026-01-D1", at=LATER)["credit"] == "400.00"


def test_a_later_exclusion_of_a_posted_month_is_an_adjustment_of_the_next_one(warehouse: Engine) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 10)):
        month(warehouse, period, met)
    close_month("2026-01")
    excluded("storm", "T2026-01-8", "T2026-01-9")
    made = close.draft("alder|2026-02", now=LATER)
    assert made["credit"] == "-400.00"
    with pytest.raises(LedgerError, match="rosa"):
        close.decide(made["draft_id"], "approve", comment="", user="rosa", at=LATER)
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=LATER)
    close.post(made["draft_id"], at=LATER)
    with warehouse.connect() as connection:
        corrected = connection.execute(text("select corrected_period, amount from ledger.adjustment")).all()
        assert ledger.recompute(connection, "ALDER-2026-02").differences == ()
        assert ledger.recompute(connection, "ALDER-2026-01").differences == ()
    assert [tuple(row) for row in corrected] == [("2026-01", Decimal("-400.00"))]


@pytest.mark.parametrize(
    ("reason", "more", "message"),
    [
        ("strike", {"tickets": ["T2026-01-9"]}, "accepts no reason 'strike'"),
        ("storm", {"tickets": ["T2026-01-99"]}, "unknown: T2026-01-99"),
        ("storm", {"surveys": ["s-9"]}, "unknown: s-9"),
        ("storm", {"tickets": ["T2026-01-9"], "service_levels": ["speed"]}, "no service level speed"),
        ("storm", {"tickets": ["T2026-01-8", "T2026-01-9"], "cycle": 1}, "a cycle is of one ticket"),
        ("storm", {"tickets": ["T2026-01-8"], "cycle": 1, "cycle_version": 2}, "version 2 measures no cycle"),
        ("storm", {}, "something that it needs is missing"),
        ("our_fault", {"tickets": ["T2026-01-9"], "service_levels": ["csat_poor"]}, "csat_poor is no share of clocks"),
    ],
)
def test_what_cannot_be_excluded_is_refused_when_it_is_asked_for(
    warehouse: Engine, reason: str, more: dict[str, Any], message: str
) -> None:
    month(warehouse, "2026-01", 8)
    with pytest.raises(LedgerError, match=message):
        requests.exclude(asked(), reason, NOW, **more)
    assert requests.requests_of(KEY) == []


def test_who_takes_back_a_request_of_a_posted_month_cannot_approve_the_draft_that_books_it(
    warehouse: Engine,
) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 10)):
        month(warehouse, period, met)
    made = excluded("storm", "T2026-01-8", "T2026-01-9")
    assert close_month("2026-01")["credit"] == "0.00"
    requests.rule_on(made["request_id"], "revoke", "It did not rain.", "vera", LATER)
    draft_id = close.draft("alder|2026-02", now=LATER)["draft_id"]
    with pytest.raises(LedgerError, match="vera prepared this draft"):
        close.decide(draft_id, "approve", comment="", user="vera", at=LATER)
    by_hand = text("insert into ledger.decision values (:draft_id, 'approve', '', :who, :at)")
    for who, message in (("vera", "or took one back"), ("ines", "imported a charge")):
        with warehouse.begin() as connection, pytest.raises(DatabaseError, match=message):
            connection.execute(by_hand, {"draft_id": draft_id, "who": who, "at": LATER})
    close.decide(draft_id, "approve", comment="", user="felix", at=LATER)
    assert close.post(draft_id, at=LATER)["credit"] == "400.00"


def test_authority_covers_what_exclusions_take_away_together(warehouse: Engine, home: Path) -> None:
    """Two requests where one would do: without any one of them there is still no credit."""
    write(
        home,
        "versions:\n",
        "review: {authority: [{approvers: [fatima], up_to: 100}, {approvers: [diana]}]}\nversions:\n",
    )
    month(warehouse, "2026-01", 8)
    for ticket in ("T2026-01-8", "T2026-01-9"):
        excluded("our_fault", ticket)
    made = close.draft(KEY, now=NOW)
    assert [each["credit_without"] for each in assessment(warehouse, made["draft_id"])["requests"]] == ["0.00", "0.00"]
    with pytest.raises(LedgerError, match=r"fatima has no authority over 400\.00 EUR"):
        close.decide(made["draft_id"], "approve", comment="", user="fatima", at=NOW)
    assert "400.00 EUR may be approved by diana" in close.review_text(made["draft_id"])["body"].replace(
        "€400.00", "400.00 EUR"
    )
    close.decide(made["draft_id"], "approve", comment="", user="diana", at=NOW)


FOREIGN = '      any: {clause: "99", title: Whatever, effect: removed}\n'


def test_a_reason_that_nobody_approved_cannot_be_asked_for(warehouse: Engine, home: Path) -> None:
    """The file as it lies is not the contract: its terms are asked in once a second person approved them."""
    month(warehouse, "2026-01", 8)
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("    exclusions:\n", "    exclusions:\n" + FOREIGN))
    with pytest.raises(StatementError, match="not_approved: version 1 was edited"):
        requests.exclude(asked(), "any", NOW, tickets=["T2026-01-9"])
    sign(home)
    assert requests.exclude(asked(), "any", NOW, tickets=["T2026-01-9"])["terms"]["clause"] == "99"


def test_an_exclusion_in_other_terms_than_the_versions_own_stops_the_draft(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    write(home, "    exclusions:\n", "    exclusions:\n" + FOREIGN)
    made = excluded("any", "T2026-01-8", "T2026-01-9")
    assert close.draft(KEY, now=NOW)["credit"] == "0.00"
    write(home, FOREIGN, "")
    with pytest.raises(StatementError, match="ALDER-2026-01-R1 was granted for 'any' in other terms"):
        close.draft(KEY, now=LATER)
    requests.rule_on(made["request_id"], "revoke", "No such clause.", "fatima", LATER)
    assert close.draft(KEY, now=LATER)["credit"] == "400.00"


@pytest.mark.parametrize(
    ("amount", "credit", "given_up"),
    [(None, "0.00", "400.00"), ("150.00", "250.00", "150.00"), ("0.01", "399.99", "0.01")],
)
def test_waived_credit_is_taken_back_on_a_line_of_its_own(
    warehouse: Engine, amount: str | None, credit: str, given_up: str
) -> None:
    month(warehouse, "2026-01", 8)
    close.draft(KEY, now=NOW)
    made = requests.waive_credit(asked(), "late", NOW, amount=None if amount is None else Decimal(amount))
    approve(made)
    second = close.draft(KEY, now=NOW)
    assert second["credit"] == credit
    with warehouse.connect() as connection:
        lines = ledger.read(connection, second["draft_id"]).lines
    assert [(line["term"], line["status"], str(line["credit_amount"])) for line in lines[:3]] == [
        ("late", "breach", "400.00"),
        ("unhappy", "no_data", "0.00"),
        ("waiver:ALDER-2026-01-R1", "waived", f"-{given_up}"),
    ]
    close.decide(second["draft_id"], "approve", comment="", user="felix", at=NOW)
    close.post(second["draft_id"], at=NOW)
    with warehouse.connect() as connection:
        assert ledger.recompute(connection, "ALDER-2026-01").differences == ()
        outcome, waived = connection.execute(text("select outcome, waived_amount from ledger.enforcement")).one()
        assert ledger.verify(connection).is_whole
    assert (outcome, waived) == ("waived" if credit == "0.00" else "credited, waived in part", -Decimal(given_up))


@pytest.mark.parametrize(("line", "amount"), [("unhappy", None), ("late", "400.01"), ("late", "-1"), ("month", None)])
def test_there_is_no_more_to_waive_than_the_draft_says(warehouse: Engine, line: str, amount: str | None) -> None:
    month(warehouse, "2026-01", 8)
    close.draft(KEY, now=NOW)
    with pytest.raises(LedgerError, match="there is no credit of"):
        requests.waive_credit(asked(), line, NOW, amount=None if amount is None else Decimal(amount))


def test_a_credit_that_arises_from_a_correction_can_be_waived_in_its_own_month(warehouse: Engine) -> None:
    """January was posted without a credit; late data make it 400.00, and that is given up."""
    month(warehouse, "2026-01", 10)
    month(warehouse, "2026-02", 10)
    close_month("2026-01")
    for number in (8, 9):
        load(warehouse, {"id": f"T2026-01-{number}", "created": "2026-01-10T08:00:00Z",
                         "resolved": "2026-01-10T13:00:00Z"}, landed_at=NOW)  # fmt: skip
    with pytest.raises(LedgerError, match="there is no credit of 'late' to waive"):  # nobody has stated it yet
        requests.waive_credit(asked(), "late", NOW)
    february = close.draft("alder|2026-02", now=NOW)
    assert february["credit"] == "400.00"
    with pytest.raises(LedgerError, match=r"it corrects 2026-01: name that month, alder\|2026-01, and a penalty of it"):
        requests.waive_credit(asked("alder|2026-02"), "restatement:2026-01", NOW)
    with pytest.raises(LedgerError, match=r"at most that much: late 400\.00"):
        requests.waive_credit(asked(), "late", NOW, amount=Decimal("400.01"))
    approve(requests.waive_credit(asked(), "late", NOW))
    assert close.draft("alder|2026-02", now=LATER)["draft_id"] == february["draft_id"]  # keeps its corrections
    close.decide(february["draft_id"], "dispute", comment="January's credit is waived.", user="felix", at=LATER)
    second = close.draft("alder|2026-02", now=LATER)
    assert second["credit"] == "0.00"
    close.decide(second["draft_id"], "approve", comment="", user="felix", at=LATER)
    close.post(second["draft_id"], at=LATER)
    with pytest.raises(LedgerError, match=r"at most that much: late 400\.00"):  # of what stands of January now
        requests.waive_credit(asked(), "month", LATER)


def test_points_can_be_waived(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8").replace("consequence: {pct_of_base: 4 %}", "consequence: {points: 3}")
    words = words.replace("      caps:\n", "      points_to_money: {base: fee, pct_per_point: 0.5 %}\n      caps:\n")
    path.write_text(words, encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 8)
    assert close.draft(KEY, now=NOW)["credit"] == "150.00"
    approve(requests.waive_credit(asked(), "points", NOW))
    assert close.draft(KEY, now=NOW)["credit"] == "0.00"


def test_a_line_that_is_no_penalty_cannot_be_waived(warehouse: Engine, home: Path) -> None:
    """Two penalties of 100.004 are 200.01, a cent more than their lines: nobody gives that cent up."""
    write(home, "consequence: {pct_of_base: 4 %}", "consequence: {amount: 100.004}")
    write(home, "consequence: {amount: 100}", "consequence: {amount: 100.004}")
    write(home, "    penalties:\n", "    penalties:\n      round_stage: total\n")
    month(warehouse, "2026-01", 8)
    load(warehouse, {"id": "POOR", "created": "2026-01-10T08:00:00Z", "rated": ("2026-01-11T08:00:00Z", 1)})
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    with warehouse.connect() as connection:
        lines = {row["term"]: str(row["credit_amount"]) for row in ledger.read(connection, draft_id).lines}
    assert lines == {"late": "100.00", "unhappy": "100.00", "rounding": "0.01"}
    with pytest.raises(LedgerError, match=r"at most that much: late 100\.00, unhappy 100\.00"):
        requests.waive_credit(asked(), "rounding", NOW)


@pytest.mark.parametrize(
    ("waived_counts", "amount", "credit"),
    [("true", "400.00", "500.00"), ("false", "400.00", "400.00"), ("false", "399.99", "500.00")],
)
def test_waived_credit_still_counts_as_a_failure_unless_the_contract_says_otherwise(
    warehouse: Engine, home: Path, waived_counts: str, amount: str, credit: str
) -> None:
    """400.00 is a first failure; a second in a row is 600.00, cut to 5 % of the fee."""
    write(home, "    penalties:\n", f"    penalties:\n      waived_counts: {waived_counts}\n")
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
    close.draft(KEY, now=NOW)
    approve(requests.waive_credit(asked(), "late", NOW, amount=Decimal(amount)))
    close_month("2026-01")
    assert close.draft("alder|2026-02", now=NOW)["credit"] == credit


def test_a_waiver_of_what_is_no_longer_due_takes_nothing(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close.draft(KEY, now=NOW)
    approve(requests.waive_credit(asked(), "late", NOW))
    excluded("storm", "T2026-01-8", "T2026-01-9")
    made = close.draft(KEY, now=NOW)
    assert made["credit"] == "0.00"
    told = assessment(warehouse, made["draft_id"])["requests"]
    assert [(each["credit_with"], each["credit_without"]) for each in told] == [("0.00", "0.00"), ("0.00", "0.00")]


def test_a_waived_incomplete_ticket_stays_listed_and_unpriced_and_blocks_no_longer(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9, of=9)
    load(warehouse, {"id": "HALF", "created": "2026-01-10T08:00:00Z"})
    quarantine(warehouse, "HALF")
    close.draft(KEY, now=NOW)
    with pytest.raises(LedgerError, match="nothing of T2026-01-1 blocks"):
        requests.waive_incomplete(asked(), NOW, tickets=["T2026-01-1"])
    approve(requests.waive_incomplete(asked(), NOW, tickets=["HALF"]))
    made = close.draft(KEY, now=NOW)
    assert levels(warehouse, made["draft_id"])["resolution"] == ("9", "9", "met")
    with warehouse.connect() as connection:
        evidence = ledger.read_evidence(connection, made["draft_id"])
        control = ledger.read(connection, made["draft_id"]).draft["control"]
    assert list(evidence[evidence["ticket_id"] == "HALF"]["fate"]) == ["incomplete"]
    assert (control["incomplete_tickets"], control["waived_incomplete"]) == (0, 1)
    assert close_month("2026-01")["credit"] == "0.00"


def test_a_row_that_nobody_can_place_has_a_way_out_for_its_month_and_later_ones(warehouse: Engine) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 10)
    quarantine(warehouse, None)
    blocked = close.draft(KEY, now=NOW)
    close.decide(blocked["draft_id"], "approve", comment="", user="felix", at=NOW)
    with pytest.raises(LedgerError, match="incomplete"):
        close.post(blocked["draft_id"], at=NOW)
    made = requests.waive_incomplete(asked(), NOW, rows=["all"])
    assert [each["rule"] for each in made["subjects"]] == ["status_known"]
    approve(made)
    assert close_month("2026-01")["is_new"]
    assert close_month("2026-02")["is_new"]
    quarantine(warehouse, None, {"another": "row"})
    month(warehouse, "2026-03", 10)
    third = close.draft("alder|2026-03", now=NOW)
    with warehouse.connect() as connection:
        assert ledger.read(connection, third["draft_id"]).draft["incomplete_tickets"] == 1


def test_trap_2_a_ticket_that_was_waived_beside_a_row_blocks_the_next_month_again(warehouse: Engine) -> None:
    """The row is the same one in February; the ticket was let pass in January's statement and in no other."""
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 10)
    load(warehouse, {"id": "HALF", "created": "2026-01-10T08:00:00Z"})
    quarantine(warehouse, "HALF")
    quarantine(warehouse, None)
    made = approve(requests.waive_incomplete(asked(), NOW, tickets=["HALF"], rows=["all"]))
    assert close_month("2026-01")["is_new"]
    february = close.draft("alder|2026-02", now=NOW)["draft_id"]
    with warehouse.connect() as connection:
        draft = ledger.read(connection, february).draft
    assert (draft["incomplete_tickets"], draft["control"]["waived_incomplete"]) == (1, 1)
    (told,) = draft["assessment"]["requests"]
    assert told["subjects"] == [each for each in made["subjects"] if "quarantine_id" in each]


def test_the_report_lists_what_was_set_aside_with_its_names_and_effect(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    excluded("our_fault", "T2026-01-9")
    requests.exclude(asked(by="oscar"), "storm", NOW, tickets=["T2026-01-8"])
    made = close.draft(KEY, now=NOW)
    page = Path(report.render(made["draft_id"], now=NOW)["page"]).read_text(encoding="utf-8")
    for words in (
        "Exclusions and waivers",
        "Caused by the customer",
        "clause 9.3",
        "rosa",
        "fatima",
        "€400.00",
        "oscar",
    ):
        assert words in page.replace("400.00 EUR", "€400.00")
    body = close.review_text(made["draft_id"])["body"]
    assert "ALDER-2026-01-R1" in body
    assert "1 request waits for a ruling" in body


def test_the_commands_ask_rule_and_list(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    month(warehouse, "2026-01", 8)
    close.draft(KEY, now=NOW)
    why = ["--as", "rosa", "--because", "The storm.", "--evidence", "photo"]
    assert main(["requests", "exclude", KEY, "storm", "--ticket", "T2026-01-9", *why]) == 0
    assert main(["requests", "waive", KEY, "late", "--amount", "150.00", *why]) == 0
    assert main(["requests", "approve", "ALDER-2026-01-R1", "--as", "rosa"]) == 1
    assert main(["requests", "approve", "ALDER-2026-01-R1", "--as", "fatima"]) == 0
    assert main(["requests", "reject", "ALDER-2026-01-R2", "--as", "fatima", "--comment", "No reason."]) == 0
    told = capsys.readouterr()
    assert "rosa made it and cannot approve it" in told.err
    assert "storm: T2026-01-9, from every service level" in told.out
    assert "the draft of alder|2026-01 is stale" in told.out
    assert main(["requests", "list", KEY]) == 0
    listed = capsys.readouterr().out
    assert "ALDER-2026-01-R1: exclusion, approved" in listed
    assert "150.00 EUR of late" in listed
    assert "rejected by fatima" in listed
    assert main(["requests", "list", "alder|2026-02"]) == 0
    assert "Nobody asked" in capsys.readouterr().out
