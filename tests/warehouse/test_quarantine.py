"""What is in quarantine: listed, shown with its record as it landed, and replayed once the mapping is mended."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import QualityError
from deskledger.landing import pages
from deskledger.quality.held import Wanted
from deskledger.settings import settings
from deskledger.steps import ingest, quarantine

from tests.unit.sources.event_log.desk import EVENTS
from tests.warehouse.ingest_desk import LAST, NEXT, NOW, STATUSES, ask, export, row, take, write_mapping

PARKED = {**EVENTS["status"]["words"], "Parked": "waiting_on_third_party"}


def mend_mapping() -> None:
    write_mapping(events={**EVENTS, "status": {"column": "state", "words": PARKED}})


@pytest.fixture
def two_days(warehouse: Engine, inbox: Path) -> Path:
    """Three rows that are kept out: two of the first day (T1, T2), one of the second (T1)."""
    export(
        inbox,
        "log-2026-04-01.csv",
        row("T1", 1, "2026-04-01 09:00"),
        row("T1", 2, "2026-04-01 10:00", "Parked"),
        row("T2", 1, "2026-04-31 10:00"),
    )
    export(inbox, "log-2026-04-02.csv", row("T1", 3, "2026-04-02 10:00", "Parked"), row("T3", 1, "2026-04-02 10:00"))
    take("2026-04-01", NOW)
    take("2026-04-02", NEXT)
    return inbox


def listed(**wanted: object) -> list[tuple[str, str]]:
    found = quarantine.listing(Wanted(**wanted), 20)["entries"]  # type: ignore[arg-type]
    return sorted((each["ticket_id"], each["rule"]) for each in found)


def test_rows_are_listed_by_source_rule_ticket_and_since(two_days: Path) -> None:
    unknown, unreadable = "status_unknown", "at_not_an_instant"
    assert listed() == [("T1", unknown), ("T1", unknown), ("T2", unreadable)]
    assert listed(rule=unreadable) == [("T2", unreadable)]  # core has nothing of T2: the record names it
    assert listed(ticket="T1", source="desk") == [("T1", unknown), ("T1", unknown)]
    assert listed(since=NEXT) == [("T1", unknown)]
    assert listed(since=NEXT + timedelta(microseconds=1)) == []
    assert listed(source="elsewhere") == []
    rules = quarantine.listing(Wanted(), 1)["rules"]
    assert [(each["rule"], each["rows"], each["tickets"]) for each in rules] == [(unknown, 2, 1), (unreadable, 1, 1)]


def test_a_row_is_shown_as_it_landed_with_line_rule_and_remedy(two_days: Path) -> None:
    (found,) = quarantine.listing(Wanted(rule="at_not_an_instant"), 20)["entries"]
    shown = quarantine.show(found["id"][:8])
    assert shown["id"] == found["id"]
    assert shown["message"].startswith("log-2026-04-01.csv:4: ")
    assert (shown["record_no"], shown["raw"]["at"], shown["raw"]["id"]) == (3, "2026-04-31 10:00", "T2")
    assert "exported again" in shown["remedy"]
    assert [each["name"] for each in shown["files"]] == ["log-2026-04-01.csv"]
    (word, _) = quarantine.listing(Wanted(ticket="T1"), 20)["entries"]
    assert "mappings/desk.yaml" in quarantine.show(word["id"])["remedy"]


def test_a_row_is_shown_whole_though_the_mapping_reads_less_of_it(warehouse: Engine, inbox: Path) -> None:
    (inbox / "accounts.csv").write_text('account,tier,note\nalder,gold,fine\n,silver,"two\nlines; <b>"\n')
    take("2026-04-01", NOW)
    (found,) = quarantine.listing(Wanted(), 20)["entries"]
    shown = quarantine.show(found["id"])
    assert shown["raw"] == {"account": "", "tier": "silver", "note": "two\nlines; <b>"}
    assert shown["message"].startswith("accounts.csv:3: ")


def test_a_row_of_a_suite_is_shown_with_the_record_that_it_was_made_of(warehouse: Engine, inbox: Path) -> None:
    lines = ["s,a,t,sent,back,stars", "S1,A1,T1,2026-04-01T10:00Z,2026-04-01T11:00Z,6", ""]
    (inbox / "surveys-1.csv").write_text("\n".join(lines))
    take("2026-04-01", NOW)
    (found,) = quarantine.listing(Wanted(), 20)["entries"]
    assert (found["rule"], found["message"]) == (
        "rating_in_range",
        "surveys-1.csv:2: rating is not between 1 and 5",
    )
    assert quarantine.show(found["id"])["raw"]["stars"] == "6"


@pytest.mark.parametrize("id", ["ffffffff-0000", "", "%", "'; drop table core.ticket"])
def test_an_id_that_names_no_row_or_several_is_refused(two_days: Path, id: str) -> None:
    with pytest.raises(QualityError, match="deskledger quarantine list"):
        quarantine.show(id)


def test_a_page_that_is_gone_leaves_the_row_as_it_is_kept(two_days: Path) -> None:
    (found,) = quarantine.listing(Wanted(ticket="T2"), 20)["entries"]
    for page in (pages.folder("desk")).rglob("*.page.gz"):
        page.unlink()
    shown = quarantine.show(found["id"])
    assert (shown["raw"], shown["raw_missing"]) == (None, "the page is missing")
    assert shown["record"]["at"] == "2026-04-31 10:00"


def test_replay_after_a_mapping_fix_loads_what_was_kept_out(warehouse: Engine, two_days: Path) -> None:
    for path in two_days.iterdir():
        path.unlink()  # the desk is not asked again
    mend_mapping()
    done = quarantine.replay(Wanted(), LAST)
    assert (done.before, done.after, done.failed) == ({"desk": 3}, {"desk": 1}, [])
    assert done.partitions == {"desk": ["2026-04-01", "2026-04-02"]}
    assert done.days == ["2026-04-01"]
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_third_party"), ("T3", "new open")]
    assert listed() == [("T2", "at_not_an_instant")]

    before = ask(warehouse, "select *, xmin::text from core.ticket_event order by ticket_key, event_id")
    again = quarantine.replay(Wanted(), LAST + timedelta(hours=1))
    assert (again.before, again.after, again.changed, again.days) == ({"desk": 1}, {"desk": 1}, {"desk": 0}, [])
    assert ask(warehouse, "select *, xmin::text from core.ticket_event order by ticket_key, event_id") == before
    assert ask(warehouse, "select count(*) from quality.quarantine") == [(3,)]


def test_replay_reads_only_the_partitions_that_were_asked_for(warehouse: Engine, two_days: Path) -> None:
    mend_mapping()
    done = quarantine.replay(Wanted(since=NEXT), LAST)
    assert (done.before, done.after, done.partitions) == ({"desk": 1}, {"desk": 0}, {"desk": ["2026-04-02"]})
    # A ticket is normalised from all that landed of it: its other row is let in with it.
    assert listed() == [("T2", "at_not_an_instant")]


def test_replay_after_a_suite_fix_loads_what_was_kept_out(
    warehouse: Engine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T2", 1, "2026-04-01 09:00", team="red"))
    home, suites = settings().home, tmp_path / "expectations"
    suites.mkdir()
    for path in (home / "expectations").glob("*.json"):
        (suites / path.name).write_text(path.read_text())
    rule = '{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "team", "value_set": ["blue"]}}'
    (suites / "ticket.json").write_text(f'{{"name": "ticket", "expectations": [{rule}]}}')
    monkeypatch.setenv("DESKLEDGER_HOME", str(tmp_path))
    take("2026-04-01", NOW)
    assert ask(warehouse, "select count(*) from core.ticket") == [(0,)]
    (suites / "ticket.json").write_text((home / "expectations" / "ticket.json").read_text())
    done = quarantine.replay(Wanted(), NEXT)
    assert done.after == {"desk": 0}
    assert ask(warehouse, "select count(*) from core.ticket") == [(2,)]


def test_a_source_that_fails_stops_no_other(warehouse: Engine, two_days: Path) -> None:
    write_mapping("other")
    (two_days.parent / "other").mkdir()
    export(two_days.parent / "other", "log-2026-04-01.csv", row("T1", 1, "2026-04-01 10:00", "Parked"))
    ingest.land("other", "2026-04-01", NOW)
    ingest.load("other", "2026-04-01", NOW)
    write_mapping("desk", watermark="hope")
    write_mapping("other", events={**EVENTS, "status": {"column": "state", "words": PARKED}})
    done = quarantine.replay(Wanted(), LAST)
    assert (done.before, done.after) == ({"desk": 3, "other": 1}, {"desk": 3, "other": 0})
    assert len(done.failed) == 2 and "watermark" in str(done.failed[0])
    assert quarantine.replay_for_task("other", "", "", LAST)["before"] == {}
    with pytest.raises(QualityError, match="watermark"):
        quarantine.replay_for_task("", "", "", LAST)


def test_the_commands_print_what_a_person_needs(two_days: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", "list", "--rule", "at_not_an_instant"]) == 0
    printed = capsys.readouterr().out
    assert "T2" in printed and "log-2026-04-01.csv:4" in printed and "1 rows" in printed
    assert main(["quarantine", "show", printed.splitlines()[1][:8]]) == 0
    assert "2026-04-31 10:00" in capsys.readouterr().out
    mend_mapping()
    assert main(["quarantine", "replay"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == ["desk", "2", "3", "1", *printed.splitlines()[1].split()[4:]]
    assert "2026-04" in printed
    assert main(["quarantine", "list", "--ticket", "T1"]) == 0
    assert capsys.readouterr().out == "Nothing is in quarantine.\n"
    assert main(["quarantine", "list", "--ticket", "T1", "--all"]) == 0
    assert capsys.readouterr().out.count("let in 2") == 2


def test_a_value_makes_no_line_of_its_own_and_steers_no_terminal(
    warehouse: Engine, inbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[2J\u202eParked\r\nto do      nothing\nfiles that have a row of the ticket\n"
    export(
        inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", f'"{hostile}"')
    )
    take("2026-04-01", NOW)
    ((id_,),) = ask(warehouse, "select id::text from quality.quarantine")
    assert main(["quarantine", "show", id_]) == 0
    shown = capsys.readouterr().out
    assert [line.split(" ")[0] for line in shown.splitlines()].count("files") == 1
    assert sum(line.startswith("to do ") for line in shown.splitlines()) == 1
    assert r"\x1b[2J\u202eParked\r\nto do      nothing" in shown
    assert main(["quarantine", "list"]) == 0
    both = shown + capsys.readouterr().out
    assert [each for each in "\x1b\u202e\r" if each in both] == []


def test_an_error_steers_no_terminal(inbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", "\x1b[2J"]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said and r"\x1b[2J" in said and "\nWhat to do: " in said
