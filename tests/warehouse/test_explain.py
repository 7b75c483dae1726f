"""Explain on a real warehouse: its sums are those of facts.cycle, and what cannot be found is said with a remedy."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, text

from deskledger.cli import main
from deskledger.cli.demo import SEED
from deskledger.errors import ContractError, SourceError, WarehouseError
from deskledger.model import TICKET, conform, created_months, shards, ticket_keys
from deskledger.sources.demo import generate
from deskledger.steps import ingest, measure
from deskledger.steps.explain import explain
from deskledger.warehouse import embedded, merge, migrate, open_warehouse

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 4, 11, 6, tzinfo=UTC)
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")
SUMS = ("elapsed_us", "provider_us", "customer_us", "third_party_us")
# Tickets of every kind: reopened, re-prioritised, held by either other side, late, still open, cancelled; and any.
KINDS = {
    "reopened": "cycle.cycle > 1",
    "late": "cycle.state = 'breached'",
    "open": "cycle.state = 'running'",
    "waiting": "cycle.customer_us > 0",
    "third party": "cycle.third_party_us > 0",
    "other priority": """exists (
        select 1 from core.ticket_event as event
        where event.ticket_key = cycle.ticket_key and event.created_month = cycle.created_month
        and event.kind = 'priority' and event.occurred_at > cycle.started_at
    )""",
    "any": "true",
}


# A ticket as the demo desk exports them: the clocks go forward on its first weekend, the priority rises on the evening
# before Easter, it is solved after Easter and reopened. docs/explain.md prints its page.
EASTER = "MS0099001"
EXPORTS = Path(__file__).parents[1] / "mappings"  # the scene as export files
_EASTER_ROWS = (
    ("2026-03", "1,2026-03-27T16:38:58+01:00", "New,P4", "", "contact-0211,customer,"),
    ("2026-03", "2,2026-03-27T18:31:24+01:00", "In Progress,P4", "agent-123", "agent-123,agent,public reply"),
    ("2026-03", "3,2026-03-30T15:55:11+02:00", "In Progress,P4", "agent-123", "agent-123,agent,public reply"),
    ("2026-04-01", "4,2026-04-01T21:05:37+02:00", "In Progress,P3", "agent-123", "agent-123,agent,"),
    ("2026-04-06", "5,2026-04-06T15:58:53+02:00", "Resolved,P3", "agent-123", "agent-123,agent,public reply"),
    ("2026-04-06", "6,2026-04-06T19:21:53+02:00", "Reopened,P3", "agent-123", "contact-0211,customer,public reply"),
    ("2026-04-06", "7,2026-04-06T23:42:31+02:00", "Resolved,P3", "agent-123", "agent-123,agent,public reply"),
)


def _add_easter_ticket(folder: Path) -> None:
    for day, when, state, agent, actor in _EASTER_ROWS:
        line = (
            f"{EASTER},{when},2026-03-27T16:38:58+01:00,{state},S4,bug,team-09,{agent},alder-markets,ledger-core,"
            f"ES-CT,1,chat,production,{actor},\n"
        )
        with gzip.open(folder / f"tickets-{day}.csv.gz", "at", encoding="utf-8", newline="") as export:
            export.write(line)


@pytest.fixture(scope="module")
def demo(postgres: embedded.EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that holds a small demo, loaded and measured under the contracts of the checkout."""
    state = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DESKLEDGER_STATE", str(state))
        environment.setenv("DESKLEDGER_MAPPINGS", str(EXPORTS))
        environment.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for("explain_demo"))
        migrate(open_warehouse())
        generate(state / "inbox" / "demo", seed=5, tickets_per_month=200)
        _add_easter_ticket(state / "inbox" / "demo")
        for batch in ingest.land_history("demo", NOW):
            ingest.load_batch("demo", batch, NOW)
        ingest.finish_history("demo", NOW)
        _measure()
    return "explain_demo"


@pytest.fixture
def scene(
    postgres: embedded.EmbeddedServer, demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """A copy of the demo for one test; `open_warehouse()` without an address finds it."""
    admin = create_engine(postgres.url_for("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database explain_copy template {demo}"))
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for("explain_copy"))
    yield open_warehouse()
    with admin.connect() as connection:
        connection.execute(text("drop database explain_copy with (force)"))
    admin.dispose()


def _measure() -> None:
    for month in MONTHS:
        for share in measure.plan(month):
            measure.measure_shards(**share, now=NOW)


def _tickets(engine: Engine, condition: str, limit: int = 12) -> list[str]:
    statement = f"""
        select distinct ticket.ticket_id
        from facts.cycle as cycle
        inner join core.ticket as ticket using (ticket_key, created_month)
        where {condition}
        order by ticket.ticket_id
        limit {limit}
    """  # noqa: S608
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).scalars())


def _on_record(engine: Engine, ticket_id: str) -> dict[tuple[str, str, int], tuple[int, ...]]:
    (key,) = ticket_keys("demo", [ticket_id])
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select contract, clock, cycle, elapsed_us, provider_us, customer_us, third_party_us"
                " from facts.cycle where ticket_key = :key"
            ),
            {"key": int(key)},
        )
        return {(row.contract, row.clock, row.cycle): tuple(row[3:]) for row in rows}


def test_the_sums_of_many_tickets_equal_the_warehouse(scene: Engine) -> None:
    chosen = {ticket for condition in KINDS.values() for ticket in _tickets(scene, condition)}
    assert all(_tickets(scene, condition) for condition in KINDS.values())
    assert len(chosen) > 50
    for ticket in sorted(chosen):
        found = explain(ticket, now=NOW)
        shown = {}
        for page in found.contracts:
            for cycle in page.cycles:
                stretches = cycle.stretches
                held = [
                    sum(each.lasted_us for each in stretches if each.holder == side)
                    for side in ("provider", "customer", "third_party")
                ]
                shown[page.contract, cycle.clock, cycle.cycle] = (sum(each.counted_us for each in stretches), *held)
                assert tuple(getattr(cycle, name) for name in SUMS) == shown[page.contract, cycle.clock, cycle.cycle]
                assert cycle.end_to_end_us == sum(held)
                assert cycle.on_record.standing == "equal"
        assert shown == _on_record(scene, ticket)
        assert sum(page.only_on_record + page.outside_scope * bool(page.cycles) for page in found.contracts) == 0


def test_the_page_of_a_ticket_over_a_clock_change_holidays_a_priority_change_and_a_reopening(
    scene: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", EASTER]) == 0
    expected = Path(__file__).with_name("explained_ticket.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out == expected


# The tickets of the whole demo that docs/explain.md names.
@pytest.mark.full
def test_the_whole_demo_has_tickets_to_try_it_on(tmp_path: Path) -> None:
    generate(tmp_path, seed=SEED)
    exports = [pd.read_csv(file, dtype="str", keep_default_na=False) for file in sorted(tmp_path.glob("tickets-*"))]
    rows = pd.concat(exports).drop_duplicates().sort_values(["ticket", "at"]).groupby("ticket")
    reopened, easter = rows.get_group("MS0028773"), rows.get_group("MS0028875")
    assert "Reopened" in set(reopened["state"]) and "Awaiting Customer" in set(reopened["state"])
    assert set(reopened["priority"]) == {"P3", "P2"} == set(easter["priority"])
    solved = easter.loc[easter["state"] == "Resolved", "at"].iloc[0]
    for ticket in (reopened, easter):
        assert ticket["at"].iloc[0] < "2026-03-29" < ticket["at"].iloc[-2]
    assert easter["at"].iloc[0] < "2026-04-02" < "2026-04-03" < solved


def test_another_instant_than_the_warehouse_was_measured_as_of(scene: Engine) -> None:
    ticket = _tickets(scene, "cycle.state = 'running'", 1)[0]
    page = next(page for page in explain(ticket, now=NOW).contracts if page.cycles)
    earlier = page.as_of - timedelta(seconds=1)
    pages = {each.contract: each for each in explain(ticket, now=NOW, as_of=earlier).contracts}
    running = [cycle for cycle in pages[page.contract].cycles if cycle.state == "running"]
    assert running and {cycle.on_record.standing for cycle in running} == {"equal_then"}
    assert all(cycle.on_record.as_of == page.as_of for cycle in running)


def test_a_changed_contract_is_not_passed_off_as_the_record(
    scene: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = _tickets(scene, "cycle.contract = 'alder' and cycle.clock = 'resolution' and cycle.elapsed_us > 0", 1)[0]
    folder = tmp_path / "contracts"
    folder.mkdir()
    terms = (ROOT / "contracts" / "alder.yaml").read_text(encoding="utf-8")
    assert '"18:00"' in terms
    (folder / "alder.yaml").write_text(terms.replace('[["08:00", "18:00"]]', '[["08:00", "08:00:01"]]'), "utf-8")
    monkeypatch.setenv("DESKLEDGER_CONTRACTS", str(folder))
    (page,) = explain(ticket, now=NOW).contracts
    assert "differs" in {cycle.on_record.standing for cycle in page.cycles}
    _measure()
    (page,) = explain(ticket, now=NOW).contracts
    assert {cycle.on_record.standing for cycle in page.cycles} == {"equal"}


def test_one_contract_is_asked_for_and_one_that_is_broken_is_told(
    scene: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = _tickets(scene, "cycle.contract = 'alder'", 1)[0]
    assert main(["explain", ticket, "--contract", "alder", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [page["contract"] for page in told["contracts"]] == ["alder"]
    with pytest.raises(ContractError, match=r"no contract 'alter'[\s\S]*alder, brisa"):
        explain(ticket, now=NOW, contract="alter")
    with pytest.raises(ContractError, match="does not take its tickets from 'demo'"):
        explain(ticket, now=NOW, contract="servicenow")

    folder = tmp_path / "contracts"
    folder.mkdir()
    terms = (ROOT / "contracts" / "alder.yaml").read_text(encoding="utf-8")
    (folder / "alder.yaml").write_text(terms, encoding="utf-8")
    (folder / "broken.yaml").write_text(terms.replace("currency:", "curency:"), encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_CONTRACTS", str(folder))
    assert main(["explain", ticket]) == 0
    shown = capsys.readouterr()
    assert "First response" in shown.out
    assert "left out" in shown.err and "broken.yaml" in shown.err
    with pytest.raises(ContractError, match=r"broken.yaml:\d+"):
        explain(ticket, now=NOW, contract="broken")


def test_a_ticket_that_is_not_there(scene: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    ticket = _tickets(scene, "true", 1)[0]
    assert main(["explain", "no such\x1b[2J"]) == 1
    shown = capsys.readouterr()
    assert "there is no ticket 'no such\\x1b[2J' of demo or servicenow" in shown.err
    assert "What to do: check the id" in shown.err and shown.out == ""
    with pytest.raises(WarehouseError, match=f"did you mean '{ticket}'"):
        explain(f" {ticket.lower()}", now=NOW)
    with pytest.raises(SourceError, match=r"no source 'zendesk'[\s\S]*demo, servicenow"):
        explain(ticket, now=NOW, source="zendesk")
    (key,) = ticket_keys("demo", ["held"])
    with scene.begin() as connection:
        connection.execute(
            text(
                "insert into quality.quarantine (run_id, source, partition, table_name, suite, rule, severity,"
                " ticket_key, record, message, quarantined_at)"
                " values ('r', 'demo', 'p', 'ticket', 's', 'rule', 'critical', :key, '{}', 'm', :at)"
            ),
            {"key": int(key), "at": NOW},
        )
    with pytest.raises(WarehouseError, match="1 of its rows are in quarantine"):
        explain("held", now=NOW)


def test_an_id_that_two_sources_have_needs_its_source(scene: Engine) -> None:
    ticket = _tickets(scene, "true", 1)[0]
    keys = ticket_keys("servicenow", [ticket])
    created = pd.Series([pd.Timestamp("2026-03-02T09:00Z")]).dt.as_unit("us")
    twin = pd.DataFrame(
        {
            "ticket_key": keys,
            "created_month": created_months(created),
            "shard": shards(keys),
            "source": "servicenow",
            "ticket_id": ticket,
            "created_at": created,
            "updated_at": created,
        }
    )
    with scene.begin() as connection:
        merge(connection, TICKET, conform(TICKET, twin), NOW, None)
    with pytest.raises(WarehouseError, match=r"demo, servicenow[\s\S]*--source demo"):
        explain(ticket, now=NOW)
    assert explain(ticket, now=NOW, source="demo").source == "demo"
    with pytest.raises(WarehouseError, match="no source of servicenow has a watermark"):
        explain(ticket, now=NOW, source="servicenow")


def test_an_incomplete_ticket_says_so(scene: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    ticket = _tickets(scene, "cycle.contract = 'alder' and cycle.state = 'met'", 1)[0]
    (key,) = ticket_keys("demo", [ticket])
    with scene.begin() as connection:
        connection.execute(
            text(
                "insert into quality.quarantine (run_id, source, partition, table_name, suite, rule, severity,"
                " ticket_key, record, message, quarantined_at)"
                " values ('r', 'demo', 'p', 'ticket', 's', 'rule', 'critical', :key, '{}', 'm', :at)"
            ),
            {"key": int(key), "at": NOW},
        )
    assert all(cycle.is_incomplete for page in explain(ticket, now=NOW).contracts for cycle in page.cycles)
    before = NOW - timedelta(seconds=1)
    assert not any(cycle.is_incomplete for page in explain(ticket, now=before).contracts for cycle in page.cycles)
    assert main(["explain", ticket]) == 0
    assert "a row of this ticket is held back" in " ".join(capsys.readouterr().out.split())


def test_a_warehouse_without_its_schema_says_what_to_do(
    postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for("never_migrated"))
    with pytest.raises(WarehouseError, match="deskledger migrate"):
        explain("T-1", now=NOW)
