"""Landing and loading into a real warehouse: what each file, row and rerun does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import MappingError, QualityError, SourceError
from deskledger.quality.quarantine import incomplete_tickets
from deskledger.settings import settings
from deskledger.steps import ingest

from tests.unit.sources.event_log.desk import EVENTS
from tests.warehouse.ingest_desk import LAST, NEXT, NOW, STATUSES, ask, export, fates, row, take, write_mapping


def test_a_day_is_landed_loaded_and_loaded_again_without_a_change(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", "Done"))
    landed = ingest.land("desk", "2026-04-01", NOW)
    assert (landed["files"], landed["records"], landed["refused"]) == (["log-2026-04-01.csv"], 2, [])
    counts = ingest.load("desk", "2026-04-01", NOW)
    assert fates(counts) == [2, 2, 0, 0, 0]
    assert counts["watermark"] == "2026-04-02T00:00:00+00:00"
    assert ask(warehouse, STATUSES) == [("T1", "open resolved")]

    before = ask(warehouse, "select *, xmin::text from core.ticket_event order by event_id")
    again = ingest.land("desk", "2026-04-01", NEXT)
    assert (again["files"], again["known"]) == (
        [],
        ["log-2026-04-01.csv: landed already on 2026-06-01, nothing to do"],
    )
    assert fates(ingest.load("desk", "2026-04-01", NEXT)) == [2, 0, 2, 0, 0]
    assert ask(warehouse, "select *, xmin::text from core.ticket_event order by event_id") == before


def test_the_same_file_under_another_name_does_nothing(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    take("2026-04-01", NOW)
    (inbox / "log-copy.csv").write_bytes((inbox / "log-2026-04-01.csv").read_bytes())
    landed = ingest.land("desk", "2026-04-02", NEXT)
    assert landed["files"] == []
    assert "log-copy.csv: landed already as log-2026-04-01.csv on 2026-06-01, nothing to do" in landed["known"]
    assert ask(warehouse, "select name, records from quality.landed_file") == [("log-2026-04-01.csv", 1)]
    assert fates(ingest.load("desk", "2026-04-02", NEXT)) == [0, 0, 0, 0, 0]


def test_a_later_day_completes_a_ticket_and_overlaps_are_told_apart(warehouse: Engine, inbox: Path) -> None:
    first, second = row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", "Asked")
    export(inbox, "log-2026-04-01.csv", first, second, row("T2", 1, "2026-04-01 09:30"))
    export(inbox, "log-2026-04-02.csv", second, row("T1", 3, "2026-04-02 11:00", "Done"))
    # A run takes what is due on its day, whatever else lies there.
    assert ingest.land("desk", "2026-04-01", NOW)["later"] == ["log-2026-04-02.csv"]
    ingest.load("desk", "2026-04-01", NOW)
    ingest.land("desk", "2026-04-02", NEXT)
    assert fates(ingest.load("desk", "2026-04-02", NEXT)) == [2, 1, 1, 0, 0]
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_customer resolved"), ("T2", "new open")]
    # What did not change keeps the instant at which it landed.
    landed_at = ask(
        warehouse, "select event_id, landed_at from core.ticket_event where event_id like '_.status' order by 1"
    )
    assert [each[1] for each in landed_at] == [NOW, NOW, NEXT]


def test_late_rows_and_reexports_give_the_same_tickets_in_any_order(warehouse: Engine, inbox: Path) -> None:
    export(
        inbox, "log-2026-04-02.csv", row("T1", 3, "2026-04-02 11:00", "Done"), row("T1", 2, "2026-04-01 10:00", "Asked")
    )
    ingest.land("desk", "2026-04-02", NOW)
    ingest.load("desk", "2026-04-02", NOW)
    assert ask(warehouse, STATUSES) == [("T1", "new waiting_on_customer resolved")]
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00", "Shut"))
    ingest.land("desk", "2026-04-02", NEXT)
    ingest.load("desk", "2026-04-02", NEXT)
    assert ask(warehouse, STATUSES) == [("T1", "closed waiting_on_customer resolved")]
    # A changed file of the same name is a new file: its row takes the place of the one that it corrects.
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00", "Open"))
    assert ingest.land("desk", "2026-04-03", LAST)["files"] == ["log-2026-04-01.csv"]
    assert fates(ingest.load("desk", "2026-04-03", LAST)) == [1, 1, 0, 0, 0]
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_customer resolved")]
    assert ask(warehouse, "select count(*), count(distinct event_id) from core.ticket_event") == [(6, 6)]
    assert fates(ingest.load("desk", "2026-04-02", LAST)) == [3, 0, 2, 1, 0]


def test_trap_2_a_quarantined_resolved_row_makes_its_ticket_incomplete_until_it_is_mended(
    warehouse: Engine, inbox: Path
) -> None:
    export(
        inbox,
        "log-2026-04-01.csv",
        row("T1", 1, "2026-04-01 09:00"),
        row("T1", 2, "2026-04-31 10:00", "Done"),
        row("T2", 1, "2026-04-01 09:00"),
    )
    ingest.land("desk", "2026-04-01", NOW)
    assert fates(ingest.load("desk", "2026-04-01", NOW)) == [3, 2, 0, 0, 1]
    assert ask(warehouse, STATUSES) == [("T1", "open"), ("T2", "open")]
    ((rule, suite, run, message, record),) = ask(
        warehouse, "select rule, suite, run_id, message, record ->> 'at' from quality.quarantine"
    )
    assert (rule, suite, record) == ("at_not_an_instant", "event_log", "2026-04-31 10:00")
    assert run == "desk/2026-04-01/2026-06-01T00:00:00+00:00"
    assert message.startswith("log-2026-04-01.csv:3: column at has no instant of the form %Y-%m-%d %H:%M")
    incomplete = "select ticket_id from core.ticket where ticket_key = any(:keys)"
    with warehouse.connect() as connection:
        keys = incomplete_tickets(connection, "desk", NOW)["ticket_key"].tolist()
        assert connection.execute(text(incomplete), {"keys": keys}).scalars().all() == ["T1"]

    # A rerun quarantines nothing twice; the mended export lets the ticket go, and what was known then stays known.
    ingest.load("desk", "2026-04-01", NEXT)
    assert ask(warehouse, "select count(*) from quality.quarantine") == [(1,)]
    export(inbox, "log-2026-04-01.csv", row("T1", 2, "2026-04-30 10:00", "Done"))
    ingest.land("desk", "2026-04-02", LAST)
    ingest.load("desk", "2026-04-02", LAST)
    assert ask(warehouse, STATUSES) == [("T1", "open resolved"), ("T2", "open")]
    with warehouse.connect() as connection:
        assert len(incomplete_tickets(connection, "desk", NEXT)) == 1
        assert len(incomplete_tickets(connection, "desk", LAST)) == 0


def test_a_mended_mapping_lets_quarantined_rows_in(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", "Parked"))
    ingest.land("desk", "2026-04-01", NOW)
    assert fates(ingest.load("desk", "2026-04-01", NOW)) == [2, 1, 0, 0, 1]
    words = {**EVENTS["status"]["words"], "Parked": "waiting_on_third_party"}
    write_mapping(events={**EVENTS, "status": {"column": "state", "words": words}})
    assert fates(ingest.load("desk", "2026-04-01", NEXT)) == [2, 2, 0, 0, 0]
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_third_party")]
    assert ask(warehouse, "select replayed_at from quality.quarantine") == [(NEXT,)]


def test_a_bad_file_stays_in_the_inbox_and_the_others_go_on(warehouse: Engine, inbox: Path) -> None:
    (inbox / "log-2026-04-01.csv").write_text("id,n\nT1,1\n")
    (inbox / "log-2026-04-03.csv").write_text("")
    export(inbox, "log-2026-04-02.csv", row("T1", 1, "2026-04-02 09:00"))
    landed = ingest.land("desk", "2026-04-03", NOW)
    assert landed["files"] == ["log-2026-04-02.csv"]
    assert [message.split(":")[0] for message in landed["refused"]] == ["log-2026-04-01.csv", "log-2026-04-03.csv"]
    counts = ingest.load("desk", "2026-04-03", NOW)
    assert counts["loaded"] == 1
    assert counts["watermark"] == "2026-04-01T00:00:00+00:00"  # the first is not in yet
    with pytest.raises(SourceError, match="2 files refused, all others landed"):
        ingest.check_inbox("desk")
    export(inbox, "log-2026-04-01.csv", row("T1", 0, "2026-04-01 09:00"))
    (inbox / "log-2026-04-03.csv").unlink()
    ingest.check_inbox("desk")
    ingest.land("desk", "2026-04-03", NEXT)
    assert ingest.load("desk", "2026-04-03", NEXT)["watermark"] == "2026-04-03T00:00:00+00:00"


def test_a_header_alone_lands_as_a_quiet_day(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    export(inbox, "log-2026-04-02.csv")
    landed = ingest.land("desk", "2026-04-02", NOW)
    assert landed["files"] == ["log-2026-04-01.csv", "log-2026-04-02.csv"]
    assert ingest.load("desk", "2026-04-02", NOW)["watermark"] == "2026-04-03T00:00:00+00:00"


def test_history_goes_in_by_month_of_creation_and_then_moves_the_watermark(warehouse: Engine, inbox: Path) -> None:
    march, april = "2026-03-31 23:00", "2026-04-01 09:00"
    export(inbox, "log-2026-03.csv", row("T1", 1, "2026-03-31 23:30", opened=march))
    export(
        inbox,
        "log-2026-04-01.csv",
        row("T1", 2, "2026-04-01 10:00", "Done", opened=march),
        row("T2", 1, "2026-04-01 11:00", opened=april),
        row("T3", 1, "2026-04-01 11:00", opened="when?"),
    )
    (inbox / "accounts.csv").write_text("account,tier\nalder,sensitive\n")
    answers = [f"S{stars},A1,T1,2026-04-02T10:00Z,2026-04-02T11:00Z,{stars}" for stars in (5, 6)]
    (inbox / "surveys.csv").write_text("\n".join(["s,a,t,sent,back,stars", *answers, ""]))
    assert ingest.land_history("desk", NOW) == ["2026-03", "2026-04", "undated"]
    assert fates(ingest.load_batch("desk", "2026-04", NOW)) == [1, 1, 0, 0, 0]
    assert fates(ingest.load_batch("desk", "2026-03", NOW)) == [2, 2, 0, 0, 0]
    assert ask(warehouse, "select * from quality.watermark") == []
    assert fates(ingest.load_batch("desk", "undated", NOW)) == [4, 2, 0, 0, 2]

    assert ingest.finish_history("desk", NOW) == ["2026-03-31", "2026-04-01"]
    assert ask(warehouse, "select complete_until from quality.watermark") == [(datetime(2026, 4, 2, tzinfo=UTC),)]
    assert ask(warehouse, STATUSES) == [("T1", "new open resolved"), ("T2", "new open")]
    assert ask(warehouse, "select account, tier from core.account") == [("alder", "sensitive")]
    # Of an answer with six stars the record itself is in quarantine.
    assert ask(warehouse, "select survey_id, rating from core.survey_answer") == [("S5", 5)]
    assert ask(warehouse, "select table_name, rule from quality.quarantine order by 1, 2") == [
        ("events", "opened_not_an_instant"),
        ("survey_answer", "rating_in_range"),
    ]


def test_loads_are_written_down_and_balance(warehouse: Engine, inbox: Path) -> None:
    same = row("T1", 1, "2026-04-01 09:00")
    export(inbox, "log-2026-04-01.csv", same, same, row("T1", 2, "2026-04-01 10:00", "Parked"))
    ingest.land("desk", "2026-04-01", NOW)
    ingest.load("desk", "2026-04-01", NOW)
    kept = (
        "select table_name, extracted, loaded, unchanged, superseded, quarantined, produced_inserted from quality.load"
    )
    assert sorted(ask(warehouse, kept)) == [("ticket", 0, 0, 0, 0, 0, 1), ("ticket_event", 3, 1, 1, 0, 1, 4)]
    assert sorted(ask(warehouse, "select suite, success from quality.validation")) == [
        ("arrival", True),
        ("ticket", True),
        ("ticket_event", True),
    ]


def test_a_table_that_fails_its_suite_leaves_everything_as_it_was(
    warehouse: Engine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    ingest.land("desk", "2026-04-01", NOW)
    home = settings().home
    for name in ("sql", "expectations"):
        (tmp_path / name).mkdir()
        for path in (home / name).glob("*.json"):
            (tmp_path / name / path.name).write_text(path.read_text())
    volume = (
        '{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1000}, "meta": {"rule": "volume"}}'
    )
    (tmp_path / "expectations" / "ticket_event.json").write_text(
        f'{{"name": "ticket_event", "expectations": [{volume}]}}'
    )
    monkeypatch.setenv("DESKLEDGER_HOME", str(tmp_path))
    with pytest.raises(QualityError, match="volume"):
        ingest.load("desk", "2026-04-01", NOW)
    for table in ("core.ticket", "core.ticket_event", "quality.load", "quality.validation", "quality.watermark"):
        assert ask(warehouse, f"select count(*) from {table}") == [(0,)]  # noqa: S608


def test_records_that_do_not_balance_are_refused(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    ingest.land("desk", "2026-04-01", NOW)
    with warehouse.begin() as connection:
        connection.execute(text("update quality.landed_page set records = 2"))
    with pytest.raises(QualityError, match="2 records landed, but 1 loaded"):
        ingest.load("desk", "2026-04-01", NOW)
    assert ask(warehouse, "select count(*) from core.ticket") == [(0,)]


def test_hostile_text_is_data(warehouse: Engine, inbox: Path) -> None:
    evil = "'); drop table core.ticket; --<script>:x %s {0}"
    export(
        inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00", team=evil), row(evil, 1, "2026-04-01 09:00", evil)
    )
    ingest.land("desk", "2026-04-01", NOW)
    assert fates(ingest.load("desk", "2026-04-01", NOW)) == [2, 1, 0, 0, 1]
    assert ask(warehouse, "select team from core.ticket") == [(evil,)]
    assert ask(warehouse, "select record ->> 'state' from quality.quarantine") == [(evil,)]


def test_what_lies_beside_a_desk_that_is_asked_is_no_source_of_its_own(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKLEDGER_MAPPINGS", str(Path(__file__).parents[2] / "mappings"))
    for name in ("servicenow", "zendesk"):
        (inbox.parent / name).mkdir()
    assert ingest.sources() == ["servicenow"]


def test_a_source_without_a_mapping_or_with_a_bad_one_fails_alone(warehouse: Engine, inbox: Path) -> None:
    write_mapping("broken", watermark="hope")
    write_mapping("elsewhere")  # a desk that has no inbox here
    (inbox.parent / "broken").mkdir()
    assert ingest.sources() == ["broken", "desk"]
    with pytest.raises(MappingError, match=r"broken.yaml:\d+"):
        ingest.land("broken", "2026-04-01", NOW)
    with pytest.raises(MappingError, match="no mapping for the source 'absent'"):
        ingest.land("absent", "2026-04-01", NOW)
    assert ingest.land("desk", "2026-04-01", NOW)["files"] == []


def test_each_section_releases_its_own_quarantine_and_no_other(warehouse: Engine, inbox: Path) -> None:
    def still_held() -> list[tuple[Any, ...]]:
        return ask(warehouse, "select table_name, rule from quality.quarantine where replayed_at is null order by 1, 2")

    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    (inbox / "surveys-1.csv").write_text("s,a,t,sent,back,stars\nS1,A1,T1,2026-04-01T10:00Z,2026-04-01T11:00Z,6\n")
    (inbox / "accounts.csv").write_text("account,tier\n,sensitive\n")
    ingest.land("desk", "2026-04-01", NOW)
    ingest.load("desk", "2026-04-01", NOW)
    held = [("accounts", "account_missing"), ("survey_answer", "rating_in_range")]
    assert still_held() == held
    export(inbox, "log-2026-04-02.csv", row("T1", 2, "2026-04-02 09:00"))
    ingest.land("desk", "2026-04-02", NEXT)
    ingest.load("desk", "2026-04-02", NEXT)
    assert still_held() == held
    (inbox / "surveys-2.csv").write_text("s,a,t,sent,back,stars\nS1,A1,T1,2026-04-01T10:00Z,2026-04-01T11:00Z,5\n")
    ingest.land("desk", "2026-04-03", LAST)
    ingest.load("desk", "2026-04-03", LAST)
    assert still_held() == held[:1]
    assert ask(warehouse, "select rating from core.survey_answer") == [(5,)]


def test_two_days_loaded_at_once_give_the_whole_ticket(warehouse: Engine, inbox: Path) -> None:
    for n, state in enumerate(["Open", "Asked", "Done", "Shut"], 1):
        export(inbox, f"log-2026-04-0{n}.csv", row("T1", n, f"2026-04-0{n} 09:00", state))
        ingest.land("desk", f"2026-04-0{n}", NOW)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda n: ingest.load("desk", f"2026-04-0{n}", NOW), [4, 1, 3, 2]))
    assert all(each["extracted"] for each in counts)  # each its own day, and what it found left behind
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_customer resolved closed")]
