"""Extraction over real HTTP into a real warehouse: what lands, what is asked again, what is never asked twice."""

import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import DeadEndError, DeskAwayError, DeskledgerError, MappingError, SourceError
from deskledger.landing import cursors, json_lines, pages
from deskledger.steps import desks, ingest
from deskledger.steps.extract import HISTORY, extract
from deskledger.steps.extract_window import Window, window_of

from tests.desk_server import DeskServer, Fault, SteppedClock
from tests.unit.sources.event_log.desk import EVENTS
from tests.warehouse import small_desk
from tests.warehouse.ingest_desk import STATUSES, ask, fates, write_mapping

SECRET = "s3cret-of-the-desk"
NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
DAY = "2026-04-01"


def ticket(number: int, n: int, state: str = "Open", **more: Any) -> dict[str, Any]:
    record = {"id": f"T{number}", "n": n, "at": f"2026-04-01T{8 + n:02d}:00:00Z", "opened": "2026-04-01T08:00:00Z"}
    return {**record, "state": state, "prio": "low", "team": "red", "agent": "ann@example.com", **more}


def answer(number: int, stars: int = 1, words: str | None = "Rude. Call me: 555-0199") -> dict[str, Any]:
    at = {"sent": "2026-04-01T10:00:00Z", "back": "2026-04-01T11:00:00Z"}
    return {"s": f"S{number}", "a": "A1", "t": f"T{number}", **at, "stars": stars, "words": words}


def write_desk_mapping(**changes: Any) -> None:
    columns = {"survey_id": "s", "answer_id": "a", "ticket_id": "t", "sent_at": "sent", "responded_at": "back"}
    answers = {"files": ["answers/*"], "columns": {**columns, "rating": "stars", "comment": "words"}}
    events = {**EVENTS, "files": ["tickets/*"], "instant_format": "iso8601"}
    whole = {"reader": "zendesk", "watermark": "extracted", "extract": {"since": date(2026, 4, 1)}, "accounts": None}
    write_mapping(**{**whole, "events": events, "survey_answers": answers, **changes})


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(NOON)


@pytest.fixture
def desk(inbox: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskServer]:
    inbox.rmdir()
    write_desk_mapping()
    tickets = [ticket(number, n) for number in range(1, 5) for n in (1, 2)]
    records = {"tickets": tickets, "answers": [answer(1), answer(2, 5, None)]}
    monkeypatch.setitem(desks.ROOMS, "zendesk", "tests.warehouse.small_desk")
    with DeskServer(records, clock=clock).running() as server:
        connection = {"conn_type": "http", "host": server.url, "login": "bot", "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_DESKLEDGER_DESK", json.dumps(connection))
        yield server


def pull(clock: SteppedClock, day: str = DAY, **more: Any) -> dict[str, Any]:
    return extract("desk", day, clock.now(), clock=clock, **more)


def landed(engine: Engine) -> list[tuple[str, list[Any]]]:
    """Every landed page's stream and records, by file name."""
    found = ask(
        engine,
        "select p.path, p.sha256 from quality.landed_page as p join quality.landed_file as f"
        " on f.sha256 = p.file_sha256 order by f.name",
    )
    return [json_lines.unpack(pages.read(pages.folder("desk"), path, sha256)) for path, sha256 in found]


def test_a_day_is_extracted_loaded_and_complete(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = pull(clock)
    assert (counts["pages"], counts["records"], counts["known"], counts["wait_until"]) == (4, 10, 0, None)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "desk/tickets: page 1, 3 rows, 3 in all; complete until not known yet"
    assert said[2].startswith(
        "desk/tickets: page 3, 2 rows, 8 in all, the end for now; complete until 2026-04-02T11:59"
    )
    assert ask(warehouse, "select name, partition, records from quality.landed_file order by name") == [
        ("answers/000000001.jsonl", DAY, 2),
        ("tickets/000000001.jsonl", DAY, 3),
        ("tickets/000000002.jsonl", DAY, 3),
        ("tickets/000000003.jsonl", DAY, 2),
    ]
    loaded = ingest.load("desk", DAY, clock.now())
    assert fates(loaded) == [10, 10, 0, 0, 0]
    assert loaded["watermark"] == "2026-04-02T11:59:00+00:00"
    assert ask(warehouse, STATUSES) == [(f"T{number}", "new open") for number in range(1, 5)]
    assert ask(warehouse, "select survey_id, rating from core.survey_answer order by 1") == [("S1", 1), ("S2", 5)]


def test_a_rerun_of_the_day_asks_nothing_and_loads_the_same(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    pull(clock)
    ingest.load("desk", DAY, clock.now())
    before = ask(warehouse, "select *, xmin::text from core.ticket_event order by event_id")
    asked = len(desk.asked)
    clock.sleep(3600)
    assert pull(clock)["pages"] == 0
    assert len(desk.asked) == asked
    assert fates(ingest.load("desk", DAY, clock.now())) == [10, 0, 10, 0, 0]
    assert ask(warehouse, "select *, xmin::text from core.ticket_event order by event_id") == before


def test_the_next_day_asks_from_the_overlap_on(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    pull(clock)
    ingest.load("desk", DAY, clock.now())
    clock.sleep(86_400)
    desk.records["tickets"] += [ticket(1, 3, "Done"), ticket(5, 1)]
    asked = len(desk.asked)
    counts = pull(clock, "2026-04-02")
    assert [each.params["after"] for each in desk.asked[asked:]] == ["7", "1"]
    assert (counts["pages"], counts["records"], counts["known"]) == (2, 4, 0)
    # The overlap's record is told again, and stays what it was; so is the last answer to the survey.
    assert fates(ingest.load("desk", "2026-04-02", clock.now())) == [4, 2, 2, 0, 0]
    assert ask(warehouse, STATUSES)[0] == ("T1", "new open resolved")
    assert ask(warehouse, "select complete_until from quality.watermark") == [(clock.now() - timedelta(minutes=1),)]


def test_the_same_answer_again_is_not_landed_again(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    pull(clock)
    files = ask(warehouse, "select name from quality.landed_file order by 1")
    assert pull(clock, is_full=True)["known"] == 4
    assert ask(warehouse, "select name from quality.landed_file order by 1") == files
    # A value that changes and changes back is news each time.
    first = desk.records["tickets"][0]
    for team in ("blue", "red"):
        desk.records["tickets"][0] = {**first, "team": team}
        clock.sleep(60)
        assert pull(clock, is_full=True)["known"] == 3
    ingest.load("desk", DAY, clock.now())
    assert ask(warehouse, "select team from core.ticket where ticket_id = 'T1'") == [("red",)]


def test_a_window_and_everything_can_be_pulled_again(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    pull(clock)
    ingest.load("desk", DAY, clock.now())
    desk.records["tickets"][0] = ticket(1, 1, "Asked")
    window = Window(NOON - timedelta(days=2), NOON)
    desk.faults = [None, None, Fault(429, {"Retry-After": "7200"})]
    held = pull(clock, "2026-04-02", window=window)
    assert (held["pages"], held["known"]) == (2, 1)
    assert datetime.fromisoformat(held["wait_until"]) >= clock.now() + timedelta(hours=2)
    clock.sleep(3 * 3600)
    assert pull(clock, "2026-04-02", window=window)["pages"] == 2
    assert [each.params["after"] for each in desk.asked[4:]] == ["0", "3", "6", "6", "0"]
    ingest.load("desk", "2026-04-02", clock.now())
    assert ask(warehouse, STATUSES)[0] == ("T1", "new waiting_on_customer open")
    # Its places are gone, so the same window again asks all of it again; the daily cursors never moved.
    assert ask(warehouse, "select distinct pull from quality.cursor") == [("daily",)]
    assert pull(clock, "2026-04-02", window=window)["pages"] == 4


def test_a_long_pause_is_kept_across_restarts_and_nothing_is_asked_within(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    desk.faults = [None, Fault(429, {"Retry-After": "600"})]
    first = pull(clock)
    assert (first["pages"], first["wait_until"] is None) == (1, False)
    clock.sleep(500)
    assert pull(clock)["pages"] == 0  # a new process knows, and asks nothing
    assert len(desk.asked) == 2
    clock.sleep(70)
    assert pull(clock)["wait_until"] is None  # less than patience is left: it waits itself
    told = desk.asked[1].at
    assert [each.params["after"] for each in desk.asked] == ["0", "3", "3", "6", "0"]
    assert desk.asked[2].at >= told + timedelta(seconds=600)


def test_a_pause_that_another_run_was_told_holds_for_one_that_is_going(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    until = clock.now() + timedelta(seconds=50)

    def other_run(line: str) -> None:
        with warehouse.begin() as connection:
            cursors.hold(connection, desk.url, until, "the desk answered 429 and asked for a pause", clock.now())

    assert pull(clock, report=other_run)["pages"] == 4
    assert [each.at >= until for each in desk.asked] == [False, True, True, True]


def test_of_pulls_that_overlap_the_newer_answer_stands(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    """The one that began first asks last, of what tells no instant of its own."""
    began, others = clock.now(), []

    def other_run(line: str) -> None:
        if not others:
            others.append(line)
            clock.sleep(600)
            desk.records["answers"] = [answer(1, 2), answer(2, 5, None)]
            pull(clock)
            ingest.load("desk", DAY, clock.now())
            clock.sleep(600)
            desk.records["answers"] = [answer(1, 3), answer(2, 5, None)]

    extract("desk", HISTORY, began, clock=clock, window=window_of("2026-04-01", ""), report=other_run)
    for batch in ingest.land_history("desk", clock.now()):
        ingest.load_batch("desk", batch, clock.now())
    assert ask(warehouse, "select survey_id, rating from core.survey_answer order by 1") == [("S1", 3), ("S2", 5)]


def test_a_cursor_that_the_desk_takes_no_more_is_begun_anew(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    desk.faults = [None, Fault(422)]
    with pytest.raises(SourceError, match="the desk answered 422"):
        pull(clock)  # its streams know of no cursor that grows old
    resume = lambda self, cursor: {**cursor, "after": 0} if cursor["after"] else None  # noqa: E731
    monkeypatch.setattr(small_desk.Stream, "resume", resume, raising=False)
    del desk.asked[:]
    desk.faults = [Fault(422)]
    assert pull(clock, report=said.append)["wait_until"] is None
    assert "desk/tickets: the cursor is taken no more (422); going on anew" in said
    assert [each.params["after"] for each in desk.asked] == ["3", "0", "3", "6", "0"]
    assert fates(ingest.load("desk", DAY, clock.now())) == [10, 10, 0, 0, 0]
    for faults in ([Fault(422), Fault(422)], [Fault(422), None, Fault(422), None, Fault(422)]):
        desk.faults = list(faults)  # it is not the cursor, then: nor is it begun anew again and again
        clock.sleep(86_400)
        with pytest.raises(SourceError, match="the desk answered 422"):
            pull(clock, "2026-04-02")


def test_a_search_that_found_nothing_begins_where_it_says_at_the_next_try(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, dead_end = small_desk.Stream.step, DeadEndError("nothing is found")
    dead_end.cursor = {"after": 0, "since": "again"}

    def step(self: Any, cursor: Any, answer: Any) -> Any:
        if cursor["after"] == 6:
            raise dead_end
        return sound(self, cursor, answer)

    monkeypatch.setattr(small_desk.Stream, "step", step)
    with pytest.raises(DeadEndError):
        pull(clock)
    assert ask(warehouse, "select cursor from quality.cursor where stream = 'tickets'") == [(dead_end.cursor,)]
    monkeypatch.setattr(small_desk.Stream, "step", sound)
    del desk.asked[:]
    pull(clock)
    assert desk.asked[0].params["after"] == "0"


def test_what_lands_beside_a_load_is_loaded_later(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    """A load that begins after a pull has begun, and reads before it has ended, has not read all of it."""
    complete = "select complete_until from quality.watermark"

    def replay(line: str) -> None:
        clock.sleep(600)
        if "tickets: page 1" in line:
            assert fates(ingest.load_again("desk", "batch-00001", clock.now())) == [3, 3, 0, 0, 0]

    pull(clock, HISTORY, report=replay)
    ingest.finish_history("desk", clock.now())
    assert ask(warehouse, complete) == []
    assert ingest.land_history("desk", clock.now()) == ["batch-00001"]
    assert fates(ingest.load_batch("desk", "batch-00001", clock.now())) == [10, 10, 0, 0, 0]
    assert ask(warehouse, STATUSES) == [(f"T{number}", "new open") for number in range(1, 5)]
    assert ingest.land_history("desk", clock.now()) == []
    ingest.finish_history("desk", clock.now())
    assert len(ask(warehouse, complete)) == 1


def test_with_a_fifth_of_the_answers_bad_the_tables_are_the_same(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    desk.page = 1
    bad = [Fault(429, {"Retry-After": "3"}), Fault(503), Fault(is_cut=True), Fault(drops_json=True), Fault(500)]
    desk.faults = [fault for each in bad for fault in (None, each, None)]
    counts = pull(clock)
    assert (counts["pages"], counts["records"]) == (10, 10)
    assert len(desk.asked) == 15
    after = [(each.path, each.params["after"]) for each in desk.asked]
    assert len(set(after)) == 10
    assert fates(ingest.load("desk", DAY, clock.now())) == [10, 10, 0, 0, 0]
    limited = desk.asked[1].at
    assert not [each for each in desk.asked[2:] if each.at < limited + timedelta(seconds=3)]


def test_an_answer_that_comes_once_more_is_tried_again_later_and_loses_nothing(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk._page("tickets", 0)
    with monkeypatch.context() as cached, pytest.raises(DeskAwayError, match="its cursor stands still"):
        cached.setattr(desk, "_page", lambda stream, after: first)
        pull(clock)
    assert pull(clock)["wait_until"] is None
    assert [each.params["after"] for each in desk.asked] == ["0", "3", "3", "6", "0"]
    assert sum(len(records) for name, records in landed(warehouse) if name.startswith("tickets")) == 8 + 3


def test_people_texts_and_unknown_fields_do_not_land(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    ann = {"agent": "ann@example.com", "detail": "I am Ann Ortiz", "what": "note", "phone": "555-0123", "x": {"y": [1]}}
    desk.records["tickets"][0].update(ann)
    counts = pull(clock)
    assert counts["new_fields"] == 2
    noted = ask(warehouse, "select path, kinds from quality.schema_field where not is_kept order by 1")
    assert noted == [("phone", ["text"]), ("x", ["object"])]
    everything = json.dumps(landed(warehouse))
    assert [word for word in ("ann@", "Ortiz", "555-0123", "Rude") if word in everything] == []
    agents = {record["agent"] for stream, records in landed(warehouse) if stream == "tickets" for record in records}
    ((token, value),) = ask(warehouse, "select token, value from personal.token where kind = 'person'")
    assert (agents, value) == ({token}, "ann@example.com")
    ingest.load("desk", DAY, clock.now())
    assert ask(warehouse, "select distinct agent from core.ticket") == [(token,)]
    comments = ask(
        warehouse,
        "select t.value from core.survey_answer as s join personal.token as t on t.token = s.comment",
    )
    assert comments == [("Rude. Call me: 555-0199",)]


def test_a_vanished_or_changed_field_refuses_the_page_before_anything_is_written(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    good = [dict(record) for record in desk.records["tickets"]]
    for change in ({"n": "one"}, {"at": None}):
        desk.records["tickets"] = good[:3] + [{**record, **change} for record in good[3:]]
        with pytest.raises(SourceError, match="the desk's records have changed"):
            pull(clock)
        assert ask(warehouse, "select pages, records from quality.cursor where stream = 'tickets'") == [(1, 3)]
        assert len(landed(warehouse)) == 1
    desk.records["tickets"] = good
    assert pull(clock)["pages"] == 3


def without_priority(number: int) -> dict[str, Any]:
    return {name: value for name, value in ticket(number, 1).items() if name != "prio"}


@pytest.mark.parametrize(("before", "after"), [(99, 100), (100, 99), (100, 100)])
def test_a_field_that_enough_records_had_is_refused_when_none_of_a_page_has_it(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, before: int, after: int
) -> None:
    said: list[str] = []
    desk.page = before
    desk.records["tickets"] = [ticket(number, 1) for number in range(before)]
    pull(clock)
    desk.page = 200
    desk.records["tickets"] += [without_priority(number) for number in range(before, before + after)]
    del desk.records["tickets"][before - 1]  # the overlap has it
    clock.sleep(86_400)
    if before + after < 200:
        assert pull(clock, "2026-04-02", report=said.append)["records"] == after + 1
        assert ("desk/tickets: warning: no record has prio, which all had before" in said) is (before == 100)
        # Small pages do not disarm it.
        desk.records["tickets"] += [without_priority(number) for number in range(300, 400)]
        clock.sleep(86_400)
        with pytest.raises(SourceError, match="prio") if before == 100 else nullcontext():
            pull(clock, "2026-04-03")
        return
    with pytest.raises(SourceError, match="of the 100 on this page prio, which all had before, is gone from all"):
        pull(clock, "2026-04-02")
    assert ask(warehouse, "select records from quality.cursor where stream = 'tickets'") == [(before,)]
    # Some have it again: it is a field that a record may be without, and so are the next ones.
    desk.records["tickets"].insert(before - 1, ticket(before, 2))
    assert pull(clock, "2026-04-02")["records"] == after + 2
    desk.records["tickets"] += [without_priority(number) for number in range(300, 500)]
    clock.sleep(86_400)
    assert pull(clock, "2026-04-03")["wait_until"] is None


def test_a_field_that_the_desk_tells_no_more_for_good_is_let_go_by_the_mapping(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    desk.page = 100
    desk.records["tickets"] = [ticket(number, 1) for number in range(100)]
    desk.records["tickets"] += [without_priority(number) for number in range(100, 200)]
    with pytest.raises(SourceError, match="prio") as refused:
        pull(clock)
    assert "gone: [tickets.prio] under extract in the mapping" in (refused.value.remedy or "")
    write_desk_mapping(extract={"since": date(2026, 4, 1), "gone": ["tickets.priority", "answer.s"]})
    with pytest.raises(MappingError, match=r"no field of a stream: answer\.s, tickets\.priority"):
        pull(clock)
    write_desk_mapping(extract={"since": date(2026, 4, 1), "gone": ["tickets.prio"]})
    assert pull(clock)["records"] == 102  # those hundred, and the answers


def test_odd_records_are_quarantined_and_never_crash(warehouse: Engine, desk: DeskServer, clock: SteppedClock) -> None:
    odd: list[Any] = ["text", None, 7, ["x"], {}, ticket(9, 1, state={"a": "b"}), ticket(9, 2, "\x00\ud800")]  # type: ignore[arg-type]
    desk.records["tickets"] = [ticket(1, 1), *odd, ticket(1, 2, detail="\x00", agent=12)]
    desk.page = 20
    pull(clock)
    assert fates(ingest.load("desk", DAY, clock.now())) == [11, 4, 0, 0, 7]
    assert ask(warehouse, STATUSES) == [("T1", "new open")]


def test_credentials_are_nowhere(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.faults = [None, Fault(401, body=SECRET.encode())]
    with pytest.raises(SourceError) as raised:
        pull(clock)
    pull(clock)
    ingest.load("desk", DAY, clock.now())
    out, err = capfd.readouterr()
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    kept += [json.dumps(landed(warehouse)).encode()]
    tables = ask(
        warehouse, "select table_schema, table_name from information_schema.tables where table_type like 'BASE%'"
    )
    ours = [table for table in tables if table[0] in {"core", "quality", "personal"}]
    kept += [repr(ask(warehouse, f"select * from {schema}.{name}")).encode() for schema, name in ours]  # noqa: S608
    assert len(kept) > 20
    assert [text for text in (out, err, str(raised.value)) if SECRET in text] == []
    assert [content for content in kept if SECRET.encode() in content] == []


def test_a_desk_that_is_not_set_up_says_how(desk: DeskServer, clock: SteppedClock, monkeypatch: Any) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DESKLEDGER_DESK")
    with pytest.raises(SourceError, match="AIRFLOW_CONN_DESKLEDGER_DESK"):
        pull(clock)
    assert "AIRFLOW_CONN_DESKLEDGER_DESK" not in os.environ


def test_a_mapping_whose_files_do_not_take_a_streams_pages_is_refused(desk: DeskServer, clock: SteppedClock) -> None:
    write_desk_mapping(events={**EVENTS, "files": ["ticket/*"], "instant_format": "iso8601"})
    with pytest.raises(MappingError, match='add "tickets/\\*" to `files:` of events'):
        pull(clock)


def test_a_history_that_was_cut_short_asks_only_what_is_left(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    desk.faults = [None] * 3 + [Fault(status=403)]
    with pytest.raises(SourceError, match="403"):
        pull(clock, HISTORY)
    assert [each.path[-7:] for each in desk.asked] == ["tickets"] * 3 + ["answers"]
    del desk.asked[:]
    assert pull(clock, HISTORY)["records"] == 2
    assert [each.path[-7:] for each in desk.asked] == ["answers"]
    # Once all have ended, the next one goes on with all of them.
    del desk.asked[:]
    assert pull(clock, HISTORY)["wait_until"] is None
    assert {each.path[-7:] for each in desk.asked} == {"tickets", "answers"}


def test_a_first_history_is_loaded_in_batches(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deskledger.steps.extract.BATCH_PAGES", 2)
    pull(clock, HISTORY)
    batches = ingest.land_history("desk", clock.now())
    assert batches == ["batch-00001", "batch-00002"]  # two answers of each stream, and the third one of the tickets
    first = ingest.load_batch("desk", "batch-00001", clock.now())
    assert fates(first) == [8, 8, 0, 0, 0]
    # A killed history goes on with the batches that are left; only then is it complete.
    assert ingest.finish_history("desk", clock.now()) == ["2026-04-01"]
    assert ask(warehouse, "select * from quality.watermark") == []
    batches = ingest.land_history("desk", clock.now())
    assert batches == ["batch-00002"]
    for batch in batches:
        ingest.load_batch("desk", batch, clock.now())
    ingest.finish_history("desk", clock.now())
    assert ask(warehouse, "select complete_until from quality.watermark") == [(clock.now() - timedelta(minutes=1),)]
    assert ask(warehouse, STATUSES) == [(f"T{number}", "new open") for number in range(1, 5)]
    # The days go on from there.
    clock.sleep(86_400)
    assert pull(clock, "2026-04-02")["records"] == 2


def test_the_source_is_complete_when_every_stream_of_events_has_ended_and_all_is_loaded(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock
) -> None:
    complete = "select complete_until from quality.watermark"
    desk.faults = [None, Fault(429, {"Retry-After": "7200"})]
    pull(clock)
    ingest.load("desk", DAY, clock.now())
    assert ask(warehouse, complete) == []  # the stream has not ended
    clock.sleep(3 * 3600)
    pull(clock)
    ended = clock.now() - timedelta(minutes=1)
    ingest.load("desk", DAY, clock.now())
    assert ask(warehouse, complete) == [(ended,)]
    clock.sleep(86_400)
    desk.records["tickets"].append(ticket(6, 1))
    pull(clock, "2026-04-02")
    clock.sleep(1)
    ingest.load("desk", DAY, clock.now())  # the day before again: what landed since is not loaded
    assert ask(warehouse, complete) == [(ended,)]
    ingest.load("desk", "2026-04-02", clock.now())
    assert ask(warehouse, complete) == [(ended + timedelta(days=1),)]


def test_the_command_asks_and_lands(
    warehouse: Engine, desk: DeskServer, clock: SteppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["extract", "desk", "--day", DAY]) == 0
    assert "10 records landed under 2026-04-01" in capsys.readouterr().out
    assert main(["extract", "desk", "--until", "2026-04-01"]) == 1
    assert "an end and no beginning" in capsys.readouterr().err
    assert main(["extract", "desk", "--since", "2026-04-01", "--until", "2026-04-02", "--day", DAY]) == 0
    assert ask(warehouse, "select count(*) from quality.landed_file") == [(4,)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("", "", None),
        ("2026-04-01", "", Window(datetime(2026, 4, 1, tzinfo=UTC))),
        ("2026-04-01T02:00+02:00", "2026-04-02", Window(datetime(2026, 4, 1, tzinfo=UTC), NOON.replace(hour=0))),
    ],
)
def test_windows_are_days_or_instants(since: str, until: str, expected: Window | None) -> None:
    assert window_of(since, until) == expected


@pytest.mark.parametrize(
    ("since", "until"),
    [("", "2026-04-01"), ("2026-04-02", "2026-04-02"), ("April", ""), ("2026-04-01T00:00", ""), ("20260401", "")],
)
def test_what_is_no_window_is_refused(since: str, until: str) -> None:
    with pytest.raises(DeskledgerError):
        window_of(since, until)
