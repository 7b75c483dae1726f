"""Closing months on a real PostgreSQL: from canonical rows to posted statements, and everything that stands between."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import ledger, model
from deskledger.errors import DeskledgerError, LedgerError, StatementError
from deskledger.steps import close, report
from deskledger.warehouse import merge

LANDED = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 4, 6, 8, tzinfo=UTC)
KEY = "alder|2026-01"
CONTRACT = """
contract: {name}
title: {name} support
currency: EUR
parties: {{customer: Alder Bank, provider: Meridian}}
sources: [desk]
scope: {{account: [{account}]}}
period: {{timezone: {zone}, close_after: 5 days}}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: ada
    calendars:
      always: {{timezone: Etc/UTC, always: true}}
    clocks:
      resolution:
        clause: "4.2"
        start: [{{kind: created}}]
        stop: [{{kind: status, value: resolved}}]
        calendar: always
        targets: [{{within: 4h}}]
    csat:
      clause: "5.1"
      good: [4, 5]
      neutral: [3]
      poor: [1, 2]
      denominator: exclude_neutral
      answers: last
      attribution: responded
    service_levels:
      resolution: {{clause: "4.2", title: Resolution, clock: resolution, objective: ">= 90 %"}}
      csat_poor: {{clause: "5.2", title: Poor answers, csat: poor, objective: "<= 10 %"}}
    penalties:
      bases:
        fee: {{charge: monthly_fee}}
      terms:
        - id: late
          clause: "7.1"
          measure: resolution
          schedule: {{kind: threshold, consequence: {{pct_of_base: 4 %}}}}
          repeat: {{by_run: {{"1": 1, "2": 1.5}}}}
        - id: unhappy
          clause: "7.2"
          measure: csat_poor
          schedule: {{kind: threshold, consequence: {{amount: 100}}}}
      caps:
        - {{id: month, clause: "7.9", base: fee, pct: 5 %}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: Engine) -> Path:
    """Alder's contract, and a desk that is complete until April, with approved charges for three months."""
    (tmp_path / "contracts").mkdir()
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("DESKLEDGER_CONTRACTS", str(tmp_path / "contracts"))
    write_contract(tmp_path)
    complete_until(warehouse, "2026-04-06T00:00:00Z")
    charge(warehouse, "alder", "2026-01", "2026-02", "2026-03")
    return tmp_path


def write_contract(home: Path, name: str = "alder", account: str = "alder", zone: str = "Europe/Madrid") -> None:
    words = CONTRACT.format(name=name, account=account, zone=zone)
    (home / "contracts" / f"{name}.yaml").write_text(words, encoding="utf-8")


def complete_until(engine: Engine, instant: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into quality.watermark values ('desk', :at, :at) "
                "on conflict (source) do update set complete_until = excluded.complete_until"
            ),
            {"at": instant},
        )


def charge(engine: Engine, contract: str, *periods: str, landed_at: datetime = LANDED, **more: Any) -> None:
    usual = {
        "contract": contract, "kind": "monthly_fee", "amount": Decimal("10000.00"), "currency": "EUR",
        "invoice_number": "A-1", "imported_by": "ines", "approved_by": "amir",
    }  # fmt: skip
    frame = pd.DataFrame([{**usual, "period": period, **more} for period in periods])
    with engine.begin() as connection:
        merge(connection, model.CHARGE, frame, landed_at)


def load(engine: Engine, *tickets: dict[str, Any], landed_at: datetime = LANDED) -> None:
    """Tickets of {id, created, resolved, account, rated: (instant, rating)}; a load is noted as ingest notes it."""
    rows, events, answers = [], [], []
    for ticket in tickets:
        (key,) = model.ticket_keys("desk", [ticket["id"]])
        created = pd.Timestamp(ticket["created"]).tz_convert("UTC")
        months = {"ticket_key": key, "created_month": created.year * 100 + created.month}
        told = [
            ("created", None, created),
            ("status", "new", created),
            ("account", ticket.get("account", "alder"), created),
        ]
        if ticket.get("resolved"):
            told.append(("status", "resolved", pd.Timestamp(ticket["resolved"]).tz_convert("UTC")))
        events += [
            {**months, "event_id": f"{n:03d}", "occurred_at": at, "seq": n, "kind": kind, "value": value}
            for n, (kind, value, at) in enumerate(told)
        ]
        rows.append(
            {**months, "shard": key % 256, "source": "desk", "ticket_id": ticket["id"], "account": told[2][1],
             "created_at": created, "updated_at": max(at for _, _, at in told)}
        )  # fmt: skip
        if ticket.get("rated"):
            at, rating = ticket["rated"]
            at = pd.Timestamp(at).tz_convert("UTC")
            answers.append(
                {"source": "desk", "survey_id": f"s-{ticket['id']}", "answer_id": "a", "ticket_key": key,
                 "sent_at": at, "responded_at": at, "rating": rating, "comment": ticket.get("comment")}
            )  # fmt: skip
    with engine.begin() as connection:
        merge(connection, model.TICKET, pd.DataFrame(rows), landed_at)
        merge(connection, model.TICKET_EVENT, pd.DataFrame(events), landed_at)
        if answers:
            frame = pd.DataFrame(answers).astype({"comment": "str"})
            merge(connection, model.SURVEY_ANSWER, frame, landed_at)
        connection.execute(
            text(
                "insert into quality.load (run_id, source, partition, table_name, extracted, loaded, unchanged, "
                "superseded, quarantined, produced_inserted, loaded_at) "
                "values (gen_random_uuid(), 'desk', 'p', 'events', :n, :n, 0, 0, 0, :n, :at)"
            ),
            {"n": len(events), "at": landed_at},
        )


def month(
    engine: Engine, period: str, met: int, of: int = 10, prefix: str = "T", landed_at: datetime = LANDED, **more: Any
) -> None:
    """`of` tickets created on the 10th of the month, `met` of them resolved within the four hours allowed."""
    load(
        engine,
        *(
            {
                "id": f"{prefix}{period}-{n}",
                "created": f"{period}-10T08:00:00Z",
                "resolved": f"{period}-10T{'12:00:00' if n < met else '12:00:01'}Z",
                **more,
            }
            for n in range(of)
        ),
        landed_at=landed_at,
    )


def quarantine(engine: Engine, ticket_id: str | None, at: datetime = LANDED) -> None:
    key = None if ticket_id is None else int(model.ticket_keys("desk", [ticket_id])[0])
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into quality.quarantine (run_id, source, partition, table_name, suite, rule, severity, "
                "ticket_key, record, message, quarantined_at) values ('r', 'desk', 'p', 'events', 'ticket_event', "
                "'status_known', 'critical', :key, '{}', 'bad', :at)"
            ),
            {"key": key, "at": at},
        )


def close_month(period: str, at: datetime = NOW) -> dict[str, Any]:
    made = close.draft(f"alder|{period}", now=at)
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=at)
    return close.post(made["draft_id"], at=at)


def levels(engine: Engine, draft_id: str) -> dict[str, tuple[str, str, str]]:
    with engine.connect() as connection:
        stored = ledger.read(connection, draft_id)
    return {row["service_level"]: (row["numerator"], row["denominator"], row["status"]) for row in stored.levels}


@pytest.mark.parametrize(("met", "credit", "status"), [(9, "0.00", "met"), (8, "400.00", "breached")])
def test_a_month_from_tickets_to_a_posted_statement(warehouse: Engine, met: int, credit: str, status: str) -> None:
    month(warehouse, "2026-01", met)
    assert close.due(now=NOW) == [KEY]
    made = close.draft(KEY, now=NOW)
    assert made == {
        "draft_id": "ALDER-2026-01-D1", "status": "drafted", "state": "in_review", "credit": credit, "currency": "EUR",
    }  # fmt: skip
    assert levels(warehouse, made["draft_id"]) == {
        "resolution": (str(met), "10", status),
        "csat_poor": ("0", "0", "no_data"),
    }
    assert close.due(now=NOW) == []
    assert close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)["decided_by"] == "felix"
    done = close.post(made["draft_id"], at=NOW)
    assert (done["statement_number"], done["credit"], done["is_new"]) == ("ALDER-2026-01", credit, True)
    assert close.post(made["draft_id"], at=NOW)["is_new"] is False
    assert close.draft(KEY, now=NOW)["status"] == "posted"
    with warehouse.connect() as connection:
        assert ledger.verify(connection).is_whole
        assert ledger.recompute(connection, "ALDER-2026-01").agrees
    json.dumps([made, done])  # what a task returns is plain


@pytest.mark.parametrize(
    ("complete", "now", "is_due"),
    [
        ("2026-02-05T22:59:59.999999Z", NOW, False),
        ("2026-02-05T23:00:00Z", NOW, True),  # five days after January ended in Madrid
        ("2026-04-06T00:00:00Z", datetime(2026, 2, 5, 22, 59, tzinfo=UTC), False),
    ],
)
def test_a_month_is_due_when_its_sources_are_complete(
    warehouse: Engine, complete: str, now: datetime, is_due: bool
) -> None:
    month(warehouse, "2026-01", 9)
    complete_until(warehouse, complete)
    assert close.due(now=now) == ([KEY] if is_due else [])
    if not is_due:
        with pytest.raises(StatementError, match="too early"):
            close.draft(KEY, now=now)


def test_months_are_closed_in_order_and_a_repeated_failure_costs_more(warehouse: Engine) -> None:
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
    with pytest.raises(StatementError, match="2026-01 is not posted yet"):
        close.draft("alder|2026-02", now=NOW)
    assert close_month("2026-01")["credit"] == "400.00"
    assert close.due(now=NOW) == ["alder|2026-02"]
    made = close.draft("alder|2026-02", now=NOW)
    assert made["credit"] == "500.00"  # 4 % x 1.5 is 600.00, and no month costs more than 5 %
    with warehouse.connect() as connection:
        stored = ledger.read(connection, made["draft_id"])
    assert [(line["term"], line["status"], line["credit_amount"]) for line in stored.lines] == [
        ("late", "breach", Decimal("600.00")),
        ("unhappy", "no_data", Decimal("0.00")),
        ("month", "cap", Decimal("-100.00")),
    ]
    assert stored.levels[0]["failed_run"] == 2
    assert {line["clause"] for line in stored.lines} == {"7.1", "7.2", "7.9"}


def test_a_draft_that_still_holds_is_not_made_twice_and_a_retry_may_go_on(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW, run_id="run-1")
    later = NOW + timedelta(hours=1)
    month(warehouse, "2026-03", 8, landed_at=later)  # something new, but nothing for January
    assert close.due(now=later) == [KEY]
    assert close.draft(KEY, now=later, run_id="run-2") == {**first, "status": "current"}
    assert close.draft(KEY, now=later, run_id="run-1") == first


def test_late_data_make_the_draft_stale_and_a_new_draft_voids_the_approval(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    late = NOW + timedelta(hours=1)
    load(
        warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z", "resolved": "2026-01-22T08:00:00Z"}, landed_at=late
    )
    after = late + timedelta(minutes=1)
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=after)
    close.decide(first["draft_id"], "approve", comment="", user="felix", at=late - timedelta(minutes=1))
    with pytest.raises(LedgerError, match="it is stale"):
        close.post(first["draft_id"], at=after)
    assert close.due(now=after) == [KEY]
    second = close.draft(KEY, now=after)
    assert (second["draft_id"], second["status"]) == ("ALDER-2026-01-D2", "drafted")
    assert levels(warehouse, second["draft_id"])["resolution"] == ("8", "11", "breached")
    with pytest.raises(LedgerError, match="superseded"):
        close.post(first["draft_id"], at=after)
    close.decide(second["draft_id"], "approve", comment="", user="felix", at=after)
    assert close.post(second["draft_id"], at=after)["draft_id"] == "ALDER-2026-01-D2"


def test_a_load_that_began_before_the_draft_and_committed_after_it_makes_it_stale(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    made = close.draft(KEY, now=NOW)
    began = NOW - timedelta(seconds=20)
    load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=began)
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW + timedelta(seconds=1))
    assert close.due(now=NOW) == [KEY]


def test_what_lands_after_posting_changes_no_posted_row(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")

    def stored() -> list[Any]:
        with warehouse.connect() as connection:
            return [
                connection.execute(text(f"select {table}::text from ledger.{table} order by 1")).all()  # noqa: S608
                for table in ("posting", "posted_ticket", "entry", "draft", "draft_line")
            ]

    before = stored()
    late = NOW + timedelta(hours=1)
    load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=late)
    charge(warehouse, "alder", "2026-01", landed_at=late, amount=Decimal("1.00"))
    assert close.draft(KEY, now=late)["status"] == "posted"
    assert close.post("ALDER-2026-01-D1", at=late)["credit"] == "400.00"
    assert stored() == before


def test_a_disputed_month_is_drafted_again_and_another_person_approves(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    close.decide(first["draft_id"], "dispute", comment="Ticket 9 was on hold.", user="fatima", at=NOW)
    assert close.due(now=NOW) == [KEY]
    second = close.draft(KEY, now=NOW)
    assert (second["draft_id"], second["status"]) == ("ALDER-2026-01-D2", "drafted")
    assert r"draft 1: dispute by fatima" in close.review_text(second["draft_id"])["body"]
    with pytest.raises(LedgerError, match="ada prepared this draft"):
        close.decide(second["draft_id"], "approve", comment="", user="ada", at=NOW)
    with pytest.raises(LedgerError, match="Ines prepared this draft"):
        close.decide(second["draft_id"], "approve", comment="", user="Ines", at=NOW)
    close.decide(second["draft_id"], "approve", comment="Agreed with the bank.", user="felix", at=NOW)
    assert close.post(second["draft_id"], at=NOW)["statement_number"] == "ALDER-2026-01"


@pytest.mark.parametrize(
    ("more", "message"),
    [({"kind": "setup_fee"}, "no charge of kind 'monthly_fee'"), ({"approved_by": None}, "not approved by a second")],
)
def test_without_a_base_the_month_waits_visibly_until_there_is_one(
    warehouse: Engine, more: dict[str, Any], message: str
) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("delete from core.charge"))
    charge(warehouse, "alder", "2026-01", **more)
    month(warehouse, "2026-01", 8)
    with pytest.raises(StatementError, match=message) as caught:
        close.draft(KEY, now=NOW)
    assert caught.value.where == "contract alder, period 2026-01"
    report.refresh_marts()
    with warehouse.connect() as connection:
        told = connection.execute(text("select state, draft_id, message from mart.statement_month")).one()
    assert (told.state, told.draft_id) == ("no_base", None)
    assert "monthly_fee" in told.message
    assert close.due(now=NOW) == []  # asking again without a new charge would only fail again
    later = NOW + timedelta(hours=1)
    charge(warehouse, "alder", "2026-01", landed_at=later)
    assert close.due(now=later) == [KEY]
    assert close.draft(KEY, now=later)["credit"] == "400.00"


def test_trap_2_a_quarantined_resolved_leaves_the_ticket_unpriced_and_posting_blocked(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9, of=9)
    # Its `resolved` is in quarantine, so that it looks open and late.
    load(warehouse, {"id": "HALF", "created": "2026-01-10T08:00:00Z"})
    quarantine(warehouse, "HALF")
    made = close.draft(KEY, now=NOW)
    assert made["credit"] == "0.00"
    assert levels(warehouse, made["draft_id"])["resolution"] == ("9", "9", "met")
    with warehouse.connect() as connection:
        evidence = ledger.read_evidence(connection, made["draft_id"])
    half = evidence[evidence["ticket_id"] == "HALF"]
    assert list(half["fate"]) == ["incomplete"]
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
    with pytest.raises(LedgerError, match="1 of its tickets is incomplete"):
        close.post(made["draft_id"], at=NOW)
    # Replayed: the ticket is whole, the draft is stale, and the next one can be posted.
    later = NOW + timedelta(hours=1)
    load(
        warehouse,
        {"id": "HALF", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"},
        landed_at=later,
    )
    with warehouse.begin() as connection:
        connection.execute(text("update quality.quarantine set replayed_at = :at"), {"at": later})
    assert close.due(now=later) == [KEY]
    assert close_month("2026-01", at=later)["draft_id"] == "ALDER-2026-01-D2"


def test_an_incomplete_ticket_of_another_month_or_contract_blocks_nothing(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9)
    load(
        warehouse,
        {"id": "MARCH", "created": "2026-03-10T08:00:00Z"},
        {"id": "OTHER", "created": "2026-01-10T08:00:00Z", "account": "somebody"},
    )
    for ticket_id in ("MARCH", "OTHER", None, "NEVER-LOADED"):
        quarantine(warehouse, ticket_id)
    assert close_month("2026-01")["is_new"]


@pytest.mark.parametrize(
    ("resolved", "period"),
    [("2026-03-31T23:30:00-04:00", "2026-03"), ("2026-04-01T00:00:00-04:00", "2026-04")],
)
def test_trap_1_stopped_on_31_march_at_half_past_eleven_in_new_york_belongs_to_march(
    warehouse: Engine, home: Path, resolved: str, period: str
) -> None:
    """Attributed to the stop, in the contract's zone: in UTC it is already 1 April."""
    (home / "contracts" / "alder.yaml").unlink()
    write_contract(home, "brisa", "brisa", "America/New_York")
    path = home / "contracts" / "brisa.yaml"
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("calendar: always\n", "calendar: always\n        attribution: stopped\n")
        .replace("effective_from: 2026-01-01", "effective_from: 2026-03-01"),
        encoding="utf-8",
    )
    charge(warehouse, "brisa", "2026-03", "2026-04")
    complete_until(warehouse, "2026-05-07T00:00:00Z")
    late = datetime(2026, 5, 7, tzinfo=UTC)
    load(warehouse, {"id": "T1", "created": "2026-03-31T20:00:00-04:00", "resolved": resolved, "account": "brisa"})
    found = {}
    for each in ("2026-03", "2026-04"):
        made = close.draft(f"brisa|{each}", now=late)
        found[each] = levels(warehouse, made["draft_id"])["resolution"][1]
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=late)
        close.post(made["draft_id"], at=late)
    assert found == {"2026-03": "0", "2026-04": "0"} | {period: "1"}


def test_a_month_is_measured_at_its_end_whatever_happened_since(warehouse: Engine) -> None:
    load(
        warehouse,
        {"id": "DUE-BEFORE", "created": "2026-01-31T18:00:00Z", "resolved": "2026-03-01T08:00:00Z"},  # due 22:00Z
        {"id": "DUE-AFTER", "created": "2026-01-31T20:00:00Z", "resolved": "2026-03-01T08:00:00Z"},  # due in February
        {"id": "LATER", "created": "2026-02-10T08:00:00Z"},
    )
    made = close.draft(KEY, now=NOW)
    with warehouse.connect() as connection:
        evidence = ledger.read_evidence(connection, made["draft_id"])
    row = evidence.set_index("ticket_id").loc["DUE-BEFORE"]
    assert list(evidence["ticket_id"]) == ["DUE-BEFORE"]
    assert row["state"] == "breached"
    assert pd.isna(row["stopped_at"])
    assert row["elapsed_us"] == 5 * 3_600_000_000  # to midnight in Madrid, not to March


def test_answers_are_priced_and_their_words_stay_out_of_the_ledger(warehouse: Engine) -> None:
    words = "<img src=x onerror=alert(1)> =cmd|' /C calc'!A0"
    month(warehouse, "2026-01", 10, rated=("2026-01-11T08:00:00Z", 5))
    month(warehouse, "2026-01", 10, of=2, prefix="U", rated=("2026-01-31T22:59:59Z", 1), comment=words)
    month(warehouse, "2026-01", 10, of=1, prefix="V", rated=("2026-01-31T23:00:00Z", 1))  # February in Madrid
    made = close.draft(KEY, now=NOW)
    assert levels(warehouse, made["draft_id"])["csat_poor"] == ("2", "12", "breached")
    assert made["credit"] == "100.00"
    paths = report.render(made["draft_id"], now=NOW)
    page = Path(paths["page"]).read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    with warehouse.connect() as connection:
        kept = connection.execute(
            text("select count(*) from ledger.draft_ticket as t where t::text like '%onerror%'")
        ).scalar_one()
    assert kept == 0


def test_the_report_lies_with_its_files_and_the_final_one_beside_the_draft(warehouse: Engine, home: Path) -> None:
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
        made = close.draft(f"alder|{period}", now=NOW)
        paths = report.render(made["draft_id"], now=NOW)
        assert "Full report: " in close.review_text(made["draft_id"])["body"]
        close.decide(made["draft_id"], "approve", comment="", user="felix", at=NOW)
        close.post(made["draft_id"], at=NOW)
        final = report.render(made["draft_id"], now=NOW)
    folder = home / "state" / "reports" / "alder" / "2026-02"
    assert {path.name for path in folder.iterdir()} == {Path(path).name for path in (*paths.values(), *final.values())}
    assert (Path(paths["page"]).name, Path(final["page"]).name) == ("ALDER-2026-02-D1.html", "ALDER-2026-02.html")
    page = Path(final["page"]).read_text(encoding="utf-8")
    assert "Jan 2026 80 %, Feb 2026 90 %" in page  # the trend
    with warehouse.connect() as connection:
        assert ledger.statement_entry(connection, "ALDER-2026-02") in page


def test_a_broken_contract_leaves_the_others_months_alone(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 9)
    (home / "contracts" / "broken.yaml").write_text("contract: broken\nsorces: [desk]\n", encoding="utf-8")
    assert close.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["status"] == "drafted"


def test_an_edited_contract_makes_the_draft_stale(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("4 %", "3 %"), encoding="utf-8")
    with pytest.raises(LedgerError, match="it is stale"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    assert close.due(now=NOW) == [KEY]
    assert close.draft(KEY, now=NOW)["credit"] == "300.00"


@pytest.mark.parametrize("key", ["nobody|2026-01", "alder|2025-12"])
def test_a_key_that_names_nothing_says_so(warehouse: Engine, key: str) -> None:
    month(warehouse, "2026-01", 9)
    with pytest.raises(DeskledgerError, match=r"there is no contract 'nobody'|lies before the contract"):
        close.draft(key, now=NOW)
