"""A live Request Tracker, extracted over REST 2.0: its tables as the month was played, its Due as our deadlines."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sqlalchemy import Engine, text

from deskledger.clocks import measure
from deskledger.contract.loader import load
from deskledger.model import TICKET, TICKET_EVENT, conform
from deskledger.settings import settings
from deskledger.sources.desk import Answer
from deskledger.sources.request_tracker.counts import TicketCounts
from deskledger.steps import crosscheck, ingest
from deskledger.steps.extract import extract
from deskledger.steps.measure import measure_shards

from tests.desks.request_tracker.seed import Month, Ticket
from tests.desks.request_tracker.server import HERE, RequestTracker, is_installed

pytestmark = pytest.mark.full
SOURCE = "request-tracker"
EVENTS = """
    select ticket.ticket_id, event.occurred_at, event.kind, event.value, event.actor_role, event.is_public
    from core.ticket_event as event join core.ticket as ticket using (ticket_key, created_month)
"""
NEITHER_ROLE = {"created", "status", "team", "priority", "account", "assignment", "merged", "deleted"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RequestTracker]:
    assert is_installed(), "Request Tracker is not installed: run .ci/debian-packages (make check-full does)"
    server = RequestTracker(tmp_path_factory.mktemp("request_tracker"))
    server.make()
    server.start(datetime(2026, 1, 5, tzinfo=UTC))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def month(desk: RequestTracker) -> Month:
    """A month, and two tickets of it deleted and one merged away before anybody asks."""
    played = Month(desk)
    last = played.play()
    played.plan(last + timedelta(minutes=1), 0, played.deleted(0))
    played.plan(last + timedelta(minutes=2), 1, played.merged(1, into=2))
    last = played.play()
    desk.call("root", "PUT", "/user/gone", {"Disabled": 1})
    desk.call(
        "root", "POST", "/ticket", {"Queue": "Internal", "Subject": "Not for everybody", "Content": "secret words"}
    )
    desk.set_clock(last + timedelta(hours=1))
    return played


@pytest.fixture
def home(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    for folder in ("mappings", "contracts"):
        monkeypatch.setenv(f"DESKLEDGER_{folder.upper()}", str(tmp_path / folder))
        (tmp_path / folder).mkdir()
    shutil.copy(HERE.parents[2] / "mappings" / f"{SOURCE}.yaml", tmp_path / "mappings")
    return tmp_path


def as_user(user: str, desk: RequestTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    account = {"conn_type": "http", "host": desk.base_url, "password": desk.tokens[user]}
    monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_REQUEST_TRACKER", json.dumps(account))


def pulled(day: str, now: datetime) -> dict[str, Any]:
    """A day extracted and loaded; the load's counts."""
    assert extract(SOURCE, day, now, report=lambda line: None)["wait_until"] is None
    return ingest.load(SOURCE, day, now)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]


def people(desk: RequestTracker) -> dict[str, str]:
    """Logins by number."""
    users = desk.call("root", "GET", "/users", fields="id,Name", per_page="100", find_disabled_rows="1")
    return {str(each["id"]): each["Name"] for each in users["items"]}


def told(engine: Engine, desk: RequestTracker) -> dict[int, Counter[tuple]]:
    """The canonical events of every ticket, agents by login, in the form of seed.Ticket.told."""
    logins = people(desk)
    found: dict[int, Counter[tuple]] = {}
    for ticket_id, at, kind, value, role, is_public in rows(engine, EVENTS):
        said = logins[value] if kind == "assignment" and value else value
        actor = None if kind in NEITHER_ROLE else role
        found.setdefault(int(ticket_id), Counter())[at, kind, said, actor, is_public] += 1
    return found


def differences(found: dict[int, Counter[tuple]], month: Month, without: str = "") -> list[str]:
    """What the tables have too much, and what they lack, ticket by ticket."""
    played = {each.number: Counter(told for told in each.told if told[1] != without) for each in month.tickets.values()}
    return [
        f"{number} {what} {event}"
        for number in sorted({*found, *played})
        for what, events in (
            ("has", found.get(number, Counter()) - played.get(number, Counter())),
            ("lacks", played.get(number, Counter()) - found.get(number, Counter())),
        )
        for event in events.elements()
    ]


NOW = datetime(2026, 2, 20, tzinfo=UTC)


def test_the_tables_are_the_month_as_it_was_played(
    desk: RequestTracker, month: Month, warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user("extract", desk, monkeypatch)
    counts = pulled("2026-02-01", NOW)
    assert rows(warehouse, "select suite, rule, message from quality.quarantine") == []
    assert differences(told(warehouse, desk), month) == []
    assert counts["extracted"] == counts["loaded"] > 0
    standing = rows(warehouse, "select ticket_id, team, priority, account, channel, severity from core.ticket")
    assert {int(each[0]): each[1:] for each in standing} == {
        each.number: (
            each.queue,
            {"0": "P4", "50": "P3", "100": "P1"}[each.priority],
            each.account or None,
            each.channel or None,
            each.sla,
        )
        for each in month.tickets.values()
    }
    answers = rows(warehouse, "select survey_id, responded_at, rating from core.survey_answer")
    assert Counter(answers) == Counter(
        (str(each.number), at, rating) for each in month.tickets.values() for at, rating in each.ratings
    )
    assert {each[0] for each in rows(warehouse, "select team from core.team")} == {"Support", "Network"}
    logins = people(desk)
    agents = {logins[agent]: team for agent, team in rows(warehouse, "select agent, team from core.agent")}
    assert {name: agents[name] for name in ("agent1", "agent2", "agent3", "gone")} == {
        "agent1": "Tier1",
        "agent2": "Tier1",
        "agent3": "Tier2",
        "gone": None,
    }
    assert not {"cust1", "cust2", "cust3"} & set(agents)
    _nothing_written_or_secret_is_kept(home, warehouse, desk)

    # A day later: somebody writes again, one more is deleted, one more merged, and nothing else has changed.
    at = datetime(2026, 2, 10, 9, tzinfo=UTC)
    for minutes, place, move in [
        (0, 4, month.wrote(4)),
        (1, 5, month.deleted(5)),
        (2, 6, month.merged(6, into=7)),
        (3, 8, month.changed(8, "agent1", "queue")),
    ]:
        month.plan(at + timedelta(minutes=minutes), place, move)
    desk.set_clock(month.play() + timedelta(hours=1))
    again = pulled("2026-02-20", NOW + timedelta(days=1))
    assert differences(told(warehouse, desk), month) == []
    assert 0 < again["extracted"] < counts["extracted"] / 4
    assert again["extracted"] == sum(again[name] for name in ("loaded", "unchanged", "superseded", "quarantined"))
    assert rows(warehouse, "select complete_until from quality.watermark") == [
        (at + timedelta(minutes=3, hours=1) - timedelta(minutes=5),)
    ]


def _nothing_written_or_secret_is_kept(home: Path, warehouse: Engine, desk: RequestTracker) -> None:
    kept = b"".join(gzip.decompress(path.read_bytes()) for path in settings().landing.rglob("*.page.gz"))
    cursors = json.dumps(rows(warehouse, "select cursor::text from quality.cursor"))
    asked = json.dumps(rows(warehouse, "select * from quality.answered"), default=str)
    for word in ("secret words", "printer", "555-0101", "example.org", "agent1", "cust1", desk.tokens["extract"]):
        assert word.encode() not in kept and word not in cursors and word not in asked, word


def test_an_account_that_may_not_see_comments_loses_nothing_else(
    desk: RequestTracker, month: Month, warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "ObjectType = 'RT::Ticket' AND id > 0 AND (Type = 'Comment' OR Type = 'Correspond' OR Type = 'Status')"
    first = desk.call("narrow", "GET", "/transactions", query=query, orderby="id", order="ASC", per_page="500")
    assert first["total"] is None and first["per_page"] == 100 and 0 < first["count"] < 100  # short, and not the last
    as_user("narrow", desk, monkeypatch)
    pulled("2026-02-01", NOW)
    assert differences(told(warehouse, desk), month, without="note") == []


def test_the_desk_counts_merged_tickets_and_no_deleted_ones(desk: RequestTracker, month: Month) -> None:
    counts = TicketCounts()
    cursor = counts.begin(datetime(2026, 1, 1, tzinfo=UTC), None)
    params = dict(counts.request(cursor).params)
    (record,) = counts.step(cursor, Answer(desk.call("root", "GET", "/tickets", **params), NOW)).records
    deleted = sum(any(kind == "deleted" for _, kind, *_ in ticket.told) for ticket in month.tickets.values())
    assert deleted and record["tickets"] == len(month.tickets) - deleted + 1  # and the one that is not for everybody
    assert record["last_ticket"] >= max(month.by_number)
    # Whoever may not see that one counts the others: what is extracted is held against what could be.
    assert desk.call("extract", "GET", "/tickets", **params)["total"] == record["tickets"] - 1


def test_the_desks_own_due_is_our_deadline(
    desk: RequestTracker, month: Month, warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user("extract", desk, monkeypatch)
    pulled("2026-02-01", NOW)
    version = load(HERE / "contract.yaml").versions[0]
    frames = []
    for table in (TICKET, TICKET_EVENT):
        with warehouse.connect() as connection:
            frames.append(conform(table, pd.read_sql(text(f"select * from core.{table.name}"), connection)))  # noqa: S608
    cycles = measure(*frames, version.clocks, version.calendars, NOW)
    numbers = frames[0].set_index("ticket_key")["ticket_id"].astype(int)
    firsts = cycles[cycles["cycle"] == cycles.groupby(["ticket_key", "clock"], observed=True)["cycle"].transform("min")]
    ours = {(numbers[key], clock): due for key, clock, due in firsts[["ticket_key", "clock", "due_at"]].to_numpy()}

    sets = desk.call(
        "root", "GET", "/transactions", query="ObjectType = 'RT::Ticket' AND Type = 'Set' AND Field = 'Due'",
        orderby="id", order="ASC", per_page="100", fields="ObjectId,NewValue",
    )  # fmt: skip
    first_due: dict[int, datetime] = {}
    for each in sets["items"]:
        at = datetime.fromisoformat(each["NewValue"]).replace(tzinfo=UTC)
        first_due.setdefault(int(each["ObjectId"]), at)
    differing: Counter[str] = Counter()
    agreed = 0
    for ticket in month.tickets.values():
        assert first_due[ticket.number] == ours[ticket.number, "answer"], ticket
        clock = "resolution_gold" if ticket.sla == "gold" else "resolution"
        due = datetime.fromisoformat(desk.call("root", "GET", f"/ticket/{ticket.number}")["Due"])
        if due == ours[ticket.number, clock]:
            agreed += 1
        else:
            cause = _cause(ticket, due - ours[ticket.number, clock])
            assert cause, (ticket, due, ours[ticket.number, clock])
            differing[cause] += 1
    print(f"Due: all {len(month.tickets)} first ones agree, {agreed} last ones; differing: {dict(differing)}")
    assert agreed >= len(month.tickets) / 2
    _the_product_says_the_same(home, month, {number: due for (number, clock), due in ours.items() if clock == "answer"})


def _the_product_says_the_same(home: Path, month: Month, answers: dict[int, datetime]) -> None:
    """The cross-check finds by itself which of Request Tracker's deadlines are ours, and why the others are not."""
    path = home / "mappings" / f"{SOURCE}.yaml"
    mapping = yaml.safe_load(path.read_text())
    mapping["desk_figures"]["clocks"] = {"first_due": ["answer"], "last_due": ["resolution", "resolution_gold"]}
    path.write_text(yaml.safe_dump(mapping))
    shutil.copy(HERE / "contract.yaml", settings().contracts / "rt.yaml")
    for name in ("2026-01", "2026-02"):
        measure_shards("rt", name, 0, 255, NOW)
    rows = pd.concat(list(crosscheck.compared(SOURCE)))
    rows["number"] = rows["ticket_id"].astype(int)
    first = rows[rows["metric"] == "first_due"].set_index("number")
    assert first["cause"].eq("agrees").all() and first["desk_due_at"].to_dict() == answers
    last = rows[rows["metric"] == "last_due"].set_index("number")["cause"]
    print(f"cross-check of the last ones: {last.value_counts().to_dict()}")
    for ticket in month.tickets.values():
        cause = last[ticket.number]
        assert cause in {"agrees", "merged_or_deleted", "pause_rule", "other_start", "rounding"}, ticket
        assert cause != "merged_or_deleted" or ticket.was_merged or ticket.status == "deleted", ticket
        assert cause != "other_start" or ticket.last_word == "customer", ticket
        assert cause != "pause_rule" or ticket.status == "stalled", ticket


def _cause(ticket: Ticket, difference: timedelta) -> str:
    """Why Request Tracker's last Due is not the deadline of the first resolution; nothing where it should be."""
    if ticket.was_merged:
        return "the desk answers as the ticket that it was merged into"
    if ticket.last_word == "customer":
        return "the customer wrote last: Due is that of the next answer"
    if ticket.status == "stalled":
        return "no Due while it is stalled"
    if timedelta() < difference <= timedelta(seconds=ticket.stalls):
        return "the desk counts both ends of a stalled stretch: a second more"
    return ""


def test_hundreds_of_hidden_rows_in_a_row_end_nothing_and_a_restored_ticket_is_back(
    desk: RequestTracker, month: Month, warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last in this file: the comments that it writes are nobody's move."""
    desk.comment_often(month.tickets[2].number, 450)
    at = datetime(2026, 2, 12, 9, tzinfo=UTC)
    month.plan(at, 9, month.deleted(9))
    month.plan(at + timedelta(hours=1), 9, month.restored(9))
    desk.set_clock(month.play() + timedelta(hours=1))
    query = "ObjectType = 'RT::Ticket' AND id > 0 AND Type = 'Comment'"
    hidden = [
        desk.call("narrow", "GET", "/transactions", query=query, per_page="100", page=str(n)) for n in range(1, 5)
    ]
    assert [each["items"] for each in hidden] == [[]] * 4
    as_user("narrow", desk, monkeypatch)
    pulled("2026-02-22", NOW + timedelta(days=2))
    assert differences(told(warehouse, desk), month, without="note") == []

    # A ticket that was answered where this account sees nothing comes out of there: with what was said.
    queues = desk.call("root", "GET", "/queues", query=json.dumps([{"field": "Name", "value": "Internal"}]))["items"]
    path = home / "mappings" / f"{SOURCE}.yaml"
    mapping = yaml.safe_load(path.read_text())
    mapping["events"]["fields"]["team"]["words"][str(queues[0]["id"])] = "Internal"
    path.write_text(yaml.safe_dump(mapping))
    ticket = {"Queue": "Internal", "Subject": "Not for everybody yet", "Content": "secret words"}
    number = int(desk.call("root", "POST", "/ticket", ticket)["id"])
    desk.call("root", "POST", f"/ticket/{number}/correspond", {"Content": "Soon", "ContentType": "text/plain"})
    desk.set_clock(at + timedelta(days=1))
    pulled("2026-02-23", NOW + timedelta(days=3))
    assert number not in told(warehouse, desk)
    desk.call("root", "PUT", f"/ticket/{number}", {"Queue": "Support"})
    desk.set_clock(at + timedelta(days=2))
    pulled("2026-02-24", NOW + timedelta(days=4))
    seen = {kind: (value, role) for _, kind, value, role, _ in told(warehouse, desk)[number]}
    assert seen["reply"] == (None, "agent") and seen["team"] == ("Support", None)
