"""The fake account itself: what it shows when, how it refuses and misbehaves, and its own SLA figures."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import httpx
import numpy as np
import pandas as pd
import pytest

from deskledger.sources.demo import scene
from deskledger.sources.demo.scene import Habits
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET, Faults, Server, Store, running
from deskledger.sources.demo.zendesk_server.figures import KINDS, POLICIES
from deskledger.sources.demo.zendesk_server.odd_figures import odd_tickets
from deskledger.sources.demo.zendesk_server.wire import MARK, iso, ticket_id

START = "1767222000"
CLIENT = httpx.Client()  # one for all: making it costs more than asking
TICKETS, EVENTS = "/api/v2/incremental/tickets/cursor", "/api/v2/incremental/ticket_events"


@pytest.fixture(scope="module")
def store() -> Store:
    return Store.make(seed=4, tickets_per_month=120, habits=Habits(deleted=0.05))


@pytest.fixture
def server(store: Store) -> Iterator[Server]:
    with running(store) as server:
        yield server


def get(
    server: Server, path: str, *, auth: tuple[str, str] = (f"{LOGIN}/token", SECRET), **params: str
) -> httpx.Response:
    return CLIENT.get(server.base_url + path, params=params, auth=auth)


def test_only_its_token_opens_the_account(server: Server) -> None:
    assert get(server, TICKETS, start_time=START).status_code == 200
    for auth in ((f"{LOGIN}/token", "guess"), (LOGIN, SECRET), ("", "")):
        assert get(server, TICKETS, auth=auth, start_time=START).status_code == 401
    bearer = httpx.get(server.base_url + "/api/v2/groups", headers={"Authorization": f"Bearer {SECRET}"})
    assert bearer.status_code == 200


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/api/v2/incremental/lions", {}, 404),
        (TICKETS, {}, 422),
        (TICKETS, {"cursor": "?"}, 422),
        (EVENTS, {"start_time": "now"}, 422),
    ],
)
def test_what_it_does_not_have_or_understand_it_refuses(
    server: Server, path: str, params: dict[str, str], status: int
) -> None:
    assert get(server, path, **params).status_code == status


def test_its_clock_is_its_owners_and_start_time_is_a_minute_old(server: Server) -> None:
    now = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert httpx.put(server.base_url + "/clock", content=now.isoformat()).status_code == 200
    assert httpx.put(server.base_url + "/clock", content="soon").status_code == 422
    seconds = int(now.timestamp())
    assert get(server, EVENTS, start_time=str(seconds - 60)).status_code == 200
    assert get(server, EVENTS, start_time=str(seconds - 59)).status_code == 422
    answer = get(server, EVENTS, start_time=START)
    assert answer.headers["Date"] == "Sun, 01 Feb 2026 12:00:00 GMT"


def test_what_has_not_happened_is_not_told_nor_what_happened_in_the_last_minute(store: Store) -> None:
    rows = store.acted.rows
    at = int(rows["at"][500])
    for later, is_told in ((59, False), (60, True)):
        with running(store, now=datetime.fromtimestamp(at + later, UTC)) as server:
            told = get(server, EVENTS, start_time=str(at - 1)).json()["ticket_events"]
            assert (4_000_000_500 in [each["id"] for each in told]) is is_told
            tickets = get(server, TICKETS, start_time=str(at - 1)).json()["tickets"]
            assert (ticket_id(int(rows["ticket"][500])) in [each["id"] for each in tickets]) is is_told


def test_a_ticket_is_as_it_stood_and_comes_once(store: Store) -> None:
    now = datetime(2026, 2, 10, 12, tzinfo=UTC)
    rows = store.acted.rows
    expected: dict[int, tuple[int, int]] = {}
    for ticket, at, team in zip(*(rows[name].tolist() for name in ("ticket", "at", "team")), strict=True):
        if at <= now.timestamp() - 60:
            expected[ticket_id(ticket)] = (at, team)
    with running(store, now=now, tells_deleted=True) as server:
        told = get(server, TICKETS, start_time=START).json()["tickets"]
    assert {each["id"]: each["group_id"] - 360_000_000_100 for each in told} == {
        number: team for number, (_, team) in expected.items()
    }
    assert len(told) == len(expected)
    assert [each["generated_timestamp"] for each in told] == sorted(each["generated_timestamp"] for each in told)
    # Some were touched without an event since: start_time compares with that, not with updated_at.
    touched = [each for each in told if iso(each["generated_timestamp"]) > each["updated_at"]]
    assert 0 < len(touched) < len(told) / 4
    assert all(each["updated_at"] == iso(expected[each["id"]][0]) for each in told)


def test_pages_share_the_second_at_their_end_and_one_second_is_never_cut_twice(store: Store) -> None:
    with running(store, page=3) as server:
        seen: list[int] = []
        start, pages = int(START), 0
        while pages < 40:
            page = get(server, EVENTS, start_time=str(start)).json()
            stamps = [each["timestamp"] for each in page["ticket_events"]]
            assert stamps == sorted(stamps)
            assert stamps[0] >= start
            seen += [each["id"] for each in page["ticket_events"]]
            assert page["end_time"] > start or pages == 0
            start, pages = page["end_time"], pages + 1
    first = store.events.row[: len(set(seen))] + 4_000_000_000
    assert list(dict.fromkeys(seen)) == first.tolist()
    assert len(seen) > len(set(seen))


def test_everybody_is_told_once(store: Store) -> None:
    with running(store, page=250) as server:
        told: list[int] = []
        params = {"start_time": "0"}
        while True:
            page = get(server, "/api/v2/incremental/users/cursor", **params).json()
            told += [each["id"] for each in page["users"]]
            if page["end_of_stream"]:
                break
            params["cursor"] = page["after_cursor"]
    assert len(told) == len(set(told)) == len(server.users)


def test_metric_events_do_not_say_whether_they_are_the_last(server: Server) -> None:
    page = get(server, "/api/v2/incremental/ticket_metric_events", start_time=START).json()
    assert "end_of_stream" not in page
    assert page["ticket_metric_events"]


def test_deleted_tickets_are_listed_for_thirty_days(store: Store) -> None:
    rows = store.acted.rows
    (row, *_) = np.flatnonzero(rows["activity"] == scene.DELETED)
    gone = datetime.fromtimestamp(int(rows["at"][row]), UTC)
    number = ticket_id(int(rows["ticket"][row]))
    for after, is_listed in ((timedelta(0), True), (timedelta(days=29), True), (timedelta(days=31), False)):
        with running(store, now=gone + after) as server:
            listed = get(server, "/api/v2/deleted_tickets").json()["deleted_tickets"]
            assert (number in [each["id"] for each in listed]) is is_listed


def test_what_people_wrote_is_there_to_be_left_behind(server: Server) -> None:
    for path in (TICKETS, EVENTS, "/api/v2/incremental/users/cursor", "/api/v2/guide/survey_responses"):
        assert MARK in get(server, path, start_time=START if "events" in path else "0").text


def test_faults_come_as_planned_and_a_question_is_answered_in_the_end(store: Store) -> None:
    statuses: list[list[int | str]] = []
    for _ in range(2):
        met: list[int | str] = []
        with running(store, faults=Faults(0.5, seed=2, retry_after=3600, slowness=0.0)) as server:
            for number in range(60):
                try:
                    answer = get(server, EVENTS, start_time=str(int(START) + number // 4))
                except httpx.RemoteProtocolError:
                    met.append("cut")
                    continue
                met.append(answer.status_code)
                assert ("Retry-After" in answer.headers) is (answer.status_code == 429)
            # Nobody waited here: all that came after the first 429 was impatient.
            assert server.impatient == 60 - 1 - met.index(429)
            told = httpx.get(f"{server.base_url}/tally").json()  # the owner's question is none of the desk's
            assert (told["asked"], told["impatient"]) == (60, server.impatient)
            assert (told["faulty"]["limited"], told["faulty"]["cut"]) == (met.count(429), met.count("cut"))
        statuses.append(met)
    assert statuses[0] == statuses[1]
    assert {429, 200, "cut"} < set(statuses[0])
    assert all(not all(each != 200 for each in statuses[0][begin : begin + 4]) for begin in range(0, 60, 4))


def test_the_desks_own_figures_are_those_of_a_walk_through_each_ticket(server: Server) -> None:
    figures, store = server.figures, server.store
    rows = pd.DataFrame({name: each for name, each in store.acted.rows.items() if name != "text"})
    covered = np.array([any(account.name in each.accounts for each in POLICIES) for account in scene.ACCOUNTS])
    odd = np.concatenate(list(odd_tickets(store, covered).values()))
    checked = 0
    for ticket, life in rows.sort_values(["ticket", "seq"]).groupby("ticket"):
        account = scene.ACCOUNTS[store.acted.desk.account[ticket]].name
        policy = next((each for each in POLICIES if account in each.accounts), None)
        mine = np.flatnonzero(figures.ticket == ticket)
        if policy is None:
            assert not len(mine)
            continue
        if ticket % 7 or ticket in odd:
            continue
        for metric in (0, 1):
            told = [index for index in mine if figures.metric[index] == metric]
            kinds = {KINDS[figures.kind[index]]: index for index in told}
            minutes, breached = walk(life, metric, policy, int(store.acted.span.end))
            if "update_status" in kinds:
                assert figures.business[kinds["update_status"]] == minutes // 60, (ticket, metric)
            assert (int(figures.at[kinds["breach"]]) if "breach" in kinds else None) == breached, (ticket, metric)
            checked += 1
    assert checked > 60


def walk(life: pd.DataFrame, metric: int, policy: object, end: int) -> tuple[int, int | None]:
    """Open seconds of a metric's first instance, and when they exceeded the target: second by minute, by hand."""
    target = (policy.reply_minutes if metric == 0 else policy.work_minutes)[life["priority"].iloc[0]] * 60  # type: ignore[attr-defined]
    used, breached = 0, None
    records = life.to_dict("records")
    for row, following in zip(records, [*records[1:], None], strict=True):
        replied = row["activity"] == scene.PUBLIC_REPLY and row["role"] == scene.AGENT
        if replied if metric == 0 else row["state"] in (scene.RESOLVED, scene.CLOSED):
            break
        if metric == 1 and row["state"] not in (scene.NEW, scene.IN_PROGRESS, scene.REOPENED):
            continue
        begin, until = row["at"], following["at"] if following else end
        for opens, closes in open_hours(policy, begin, until):
            more = max(0, min(closes, until) - max(opens, begin))
            if breached is None and used + more > target:
                breached = max(opens, begin) + target - used
            used += more
    return used, breached


def open_hours(policy: object, begin: int, until: int) -> Iterator[tuple[int, int]]:
    zone = ZoneInfo(policy.timezone)  # type: ignore[attr-defined]
    closed = holidays.country_holidays(policy.country, subdiv=policy.subdivision)  # type: ignore[attr-defined]
    day = datetime.fromtimestamp(begin, zone).date()
    while day <= datetime.fromtimestamp(until, zone).date():
        if day.weekday() < 5 and day not in closed:
            hours = (int(each[:2]) for each in (policy.opens, policy.closes))  # type: ignore[attr-defined]
            yield tuple(  # type: ignore[misc]
                int(datetime(day.year, day.month, day.day, hour, tzinfo=zone).timestamp()) for hour in hours
            )
        day += timedelta(days=1)
