"""A desk whose months can be closed: Alder's contract, tickets by the month, charges, and what is in quarantine."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import contract, ledger, model
from deskledger.steps import close, terms
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


@pytest.fixture(name="home", autouse=True)
def closing_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: Engine) -> Path:
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
    sign(home, name)


def sign(home: Path, name: str = "alder") -> None:
    """Submit and approve every version of the contract as its file stands."""
    path = home / "contracts" / f"{name}.yaml"
    for version in contract.load(path).versions:
        terms.submit(path, version.number, by="ada", comment="", now=LANDED)
        terms.approve(path, version.number, by="lena", comment="", now=LANDED)


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


def quarantine(
    engine: Engine,
    ticket_id: str | None,
    record: dict[str, Any] | None = None,
    table: str = "events",
    at: datetime = LANDED,
) -> None:
    key = None if ticket_id is None else int(model.ticket_keys("desk", [ticket_id])[0])
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into quality.quarantine (run_id, source, partition, table_name, suite, rule, severity, "
                "ticket_key, record, message, quarantined_at) values ('r', 'desk', 'p', :table, 'ticket_event', "
                "'status_known', 'critical', :key, cast(:record as jsonb), 'bad', :at)"
            ),
            {"key": key, "record": json.dumps(record or {}), "table": table, "at": at},
        )


def close_month(period: str, at: datetime = NOW) -> dict[str, Any]:
    made = close.draft(f"alder|{period}", now=at)
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=at)
    return close.post(made["draft_id"], at=at)


def levels(engine: Engine, draft_id: str) -> dict[str, tuple[str, str, str]]:
    with engine.connect() as connection:
        stored = ledger.read(connection, draft_id)
    return {row["service_level"]: (row["numerator"], row["denominator"], row["status"]) for row in stored.levels}
