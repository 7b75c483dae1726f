"""The step `measure` on a real warehouse: whole histories, watermarks, the choice of tickets."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger.errors import ContractError, WarehouseError
from deskledger.model import TICKET, TICKET_EVENT, conform, created_months, shards, ticket_keys
from deskledger.steps import measure
from deskledger.warehouse.load import merge

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTRACT = """\
contract: acme
title: Acme
currency: EUR
parties: {customer: Acme, provider: Meridian, payer: Meridian}
sources: [desk]
scope: {account: [acme]}
period: {timezone: Etc/UTC, start_day: 1, close_after: 1 day, survey_wait: 0 days}
versions:
  - number: 1
    effective_from: 2026-01-01
    author: carla
    calendars: {always: {timezone: Etc/UTC, always: true}}
    clocks:
      resolution: {clause: "1", use: resolution, calendar: always, targets: [{within: 24h}]}
    service_levels:
      resolution: {clause: "1", title: Resolution, clock: resolution, objective: ">= 95 %"}
"""


@pytest.fixture
def contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "acme.yaml").write_text(CONTRACT, encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_CONTRACTS", str(folder))
    return folder


def _load(engine: Engine, histories: dict[str, list[tuple[str, str, str]]]) -> None:
    """Tickets by id, each a list of (instant, kind, value)."""
    ids = sorted(histories)
    keys = dict(zip(ids, ticket_keys("desk", ids), strict=True))
    created = {each: pd.Timestamp(histories[each][0][0], tz="UTC") for each in ids}
    updated = {each: pd.Timestamp(histories[each][-1][0], tz="UTC") for each in ids}
    tickets = pd.DataFrame(
        {
            "ticket_key": [keys[each] for each in ids],
            "source": "desk",
            "ticket_id": ids,
            "account": "acme",
            "created_at": [created[each] for each in ids],
            "updated_at": [updated[each] for each in ids],
        }
    )
    tickets["created_month"] = created_months(tickets["created_at"])
    tickets["shard"] = shards(tickets["ticket_key"].to_numpy())
    rows = [
        {
            "ticket_key": keys[each],
            "event_id": str(number),
            "occurred_at": pd.Timestamp(at, tz="UTC"),
            "seq": number,
            "kind": kind,
            "value": value or None,
        }
        for each in ids
        for number, (at, kind, value) in enumerate(
            [histories[each][0], (histories[each][0][0], "account", "acme"), *histories[each][1:]]
        )
    ]
    events = pd.DataFrame(rows).merge(tickets[["ticket_key", "created_month"]], on="ticket_key")
    with engine.begin() as connection:
        merge(connection, TICKET, conform(TICKET, tickets), NOW, None)
        merge(connection, TICKET_EVENT, conform(TICKET_EVENT, events), NOW, np.array(list(keys.values())))


def _complete_until(engine: Engine, instant: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("delete from quality.watermark"))
        connection.execute(
            text("insert into quality.watermark (source, complete_until, updated_at) values ('desk', :at, :at)"),
            {"at": pd.Timestamp(instant, tz="UTC").to_pydatetime()},
        )


def _cycles(engine: Engine) -> list[tuple[str, int, str]]:
    with engine.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                text("""
                    select ticket.ticket_id, cycle.cycle, cycle.state
                    from facts.cycle inner join core.ticket using (created_month, ticket_key)
                    order by 1, 2
                """)
            )
        ]


def _run(month: str) -> list[dict]:
    return [measure.measure_shards(**share, now=NOW) for share in measure.plan(month)]


OPEN = [("2026-01-03 09:00", "created", ""), ("2026-01-03 09:00", "status", "new")]
SOLVED = [*OPEN, ("2026-01-03 20:00", "status", "resolved")]


def test_a_month_measures_its_tickets_as_of_the_watermark(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"late": OPEN, "solved": SOLVED})
    _complete_until(warehouse, "2026-01-04 09:00")
    (counts,) = _run("2026-01")
    assert (counts["tickets"], counts["cycles"], counts["changed"]) == (2, 2, 2)
    # Exactly at the target is not yet late: elapsed is 24 h of 24 h.
    assert _cycles(warehouse) == [("late", 1, "running"), ("solved", 1, "met")]
    _complete_until(warehouse, "2026-01-04 09:01")
    _run("2026-01")
    assert _cycles(warehouse) == [("late", 1, "breached"), ("solved", 1, "met")]


def test_trap_3_a_rerun_of_an_earlier_month_keeps_what_a_later_one_found(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"late": OPEN, "solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    _run("2026-03")
    _run("2026-01")
    found = _cycles(warehouse)
    _complete_until(warehouse, "2026-01-03 12:00")  # a watermark that was set back by hand
    (counts,) = _run("2026-01")
    assert counts["changed"] == 0
    assert _cycles(warehouse) == found == [("late", 1, "breached"), ("solved", 1, "met")]


def test_a_second_run_changes_no_row(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"late": OPEN, "solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    _run("2026-01")
    counts = measure.measure_shards("acme", "2026-01", 0, 255, now=NOW)
    assert (counts["changed"], counts["unchanged"]) == (0, 2)


def test_the_same_inputs_are_not_measured_twice_but_new_ones_are(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    _run("2026-01")
    assert measure.plan("2026-01") == []
    assert len(measure.plan("2026-02")) == 1
    _complete_until(warehouse, "2026-03-11")
    assert len(measure.plan("2026-01")) == 1
    _run("2026-01")
    (contracts / "acme.yaml").write_text(CONTRACT.replace("24h", "25h"), encoding="utf-8")
    assert len(measure.plan("2026-01")) == 1
    _run("2026-01")
    with warehouse.begin() as connection:
        connection.execute(
            text("""
                insert into quality.quarantine
                (run_id, source, partition, table_name, suite, rule, severity, record, message, quarantined_at)
                values ('r', 'desk', '2026-03-10', 'ticket', 's', 'rule', 'critical', '{}', 'm', :at)
            """),
            {"at": NOW},
        )
    assert len(measure.plan("2026-01")) == 1


def test_a_later_month_looks_at_tickets_still_under_a_clock(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"late": OPEN, "solved": SOLVED})
    _complete_until(warehouse, "2026-01-03 12:00")
    _run("2026-01")
    assert _cycles(warehouse) == [("late", 1, "running"), ("solved", 1, "running")]
    _complete_until(warehouse, "2026-02-10")
    (counts,) = _run("2026-02")
    assert counts["tickets"] == 2
    assert _cycles(warehouse) == [("late", 1, "breached"), ("solved", 1, "met")]


def test_what_was_never_measured_is_measured_with_any_later_month(warehouse: Engine, contracts: Path) -> None:
    """A contract that came late, or a share that failed; once measured, a ticket that is over is left alone."""
    _load(warehouse, {"solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    assert [each["tickets"] for each in _run("2025-12")] == [0]  # not created yet
    assert [each["tickets"] for each in _run("2026-03")] == [1]
    assert _cycles(warehouse) == [("solved", 1, "met")]
    _complete_until(warehouse, "2026-03-11")
    assert [each["tickets"] for each in _run("2026-03")] == [0]


def test_tickets_outside_the_scope_are_not_measured(warehouse: Engine, contracts: Path) -> None:
    moved = [*OPEN, ("2026-01-03 10:00", "account", "other")]
    _load(warehouse, {"moved": moved, "solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    _run("2026-01")
    assert _cycles(warehouse) == [("solved", 1, "met")]


def test_a_bad_contract_fails_alone(warehouse: Engine, contracts: Path) -> None:
    (contracts / "broken.yaml").write_text(CONTRACT.replace("currency: EUR", "curency: EUR"), encoding="utf-8")
    _load(warehouse, {"solved": SOLVED})
    _complete_until(warehouse, "2026-03-10")
    shares = {share["contract"]: share for share in measure.plan("2026-01")}
    assert sorted(shares) == ["acme", "broken"]
    measure.measure_shards(**shares["acme"], now=NOW)
    assert _cycles(warehouse) == [("solved", 1, "met")]
    with pytest.raises(ContractError, match=r"broken.yaml:\d+"):
        measure.measure_shards(**shares["broken"], now=NOW)


def test_without_a_watermark_there_is_nothing_to_measure(warehouse: Engine, contracts: Path) -> None:
    _load(warehouse, {"solved": SOLVED})
    assert measure.plan("2026-01") == []
    with pytest.raises(WarehouseError, match="watermark"):
        measure.measure_shards("acme", "2026-01", 0, 255, now=NOW)


def test_any_split_into_shards_gives_the_same_facts(
    warehouse: Engine, contracts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _load(warehouse, {f"t{number}": SOLVED if number % 2 else OPEN for number in range(40)})
    _complete_until(warehouse, "2026-03-10")
    _run("2026-01")
    whole = _cycles(warehouse)
    with warehouse.begin() as connection:
        connection.execute(text("truncate facts.cycle, facts.measured, facts.measurement"))
    monkeypatch.setattr(measure, "GROUP_TICKETS", 7)
    shares = measure.plan("2026-01")
    assert len(shares) == 6
    assert [shares[0]["first_shard"], shares[-1]["last_shard"]] == [0, 255]
    _run("2026-01")
    assert _cycles(warehouse) == whole
