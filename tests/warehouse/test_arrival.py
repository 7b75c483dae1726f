"""What a day brings, against the same weekdays before it; the desk's own counts; what suites warn about."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import MappingError, QualityError
from deskledger.quality import control
from deskledger.settings import settings
from deskledger.sources.event_log.mapping import load as load_mapping
from deskledger.steps import ingest

from tests.warehouse.ingest_desk import NEXT, NOW, ask, export, row, take, write_mapping

MONDAY = date(2026, 3, 2)


def monday(inbox: Path, week: int, records: int, at: str = "09:00") -> str:
    """The export of the Monday so many weeks after the first, with so many tickets; its day."""
    day = str(MONDAY + timedelta(weeks=week))
    rows = (row(f"T{week}-{n}", 1, f"{day} {at}", opened=f"{day} 08:00") for n in range(records))
    export(inbox, f"log-{day}.csv", *rows)
    return day


@pytest.fixture
def four_mondays(warehouse: Engine, inbox: Path) -> Path:
    """Four Mondays of 20, 40, 40 and 400 records: their median is 40."""
    for week, records in enumerate((20, 40, 40, 400)):
        take(monday(inbox, week, records), NOW)
    return inbox


@pytest.mark.parametrize(("records", "warnings"), [(20, 0), (19, 1), (80, 0), (81, 1), (4, 1)])
def test_a_day_far_from_the_median_of_its_weekdays_is_warned_about(
    four_mondays: Path, records: int, warnings: int
) -> None:
    assert take(monday(four_mondays, 4, records), NOW)["warnings"] == warnings


def test_a_day_of_nearly_nothing_is_refused_until_it_is_named_as_unusual(warehouse: Engine, four_mondays: Path) -> None:
    day = monday(four_mondays, 4, 3)
    with pytest.raises(QualityError, match=r"desk 2026-03-30: volume_collapsed: .*records 3 usual_records 40") as error:
        take(day, NOW)
    assert "unusual_days" in str(error.value)
    assert ask(warehouse, "select count(*) from quality.arrival where partition = '2026-03-30'") == [(0,)]
    kept = "select suite, success from quality.validation where starts_with(run_id, 'desk/2026-03-30/')"
    assert ask(warehouse, kept) == [("arrival", False)]  # the verdict alone
    assert ask(warehouse, "select count(*) from core.ticket where ticket_id like 'T4-%'") == [(0,)]
    write_mapping(unusual_days={day: "the office was closed"})
    assert ingest.load("desk", day, NEXT)["warnings"] == 0
    assert ask(warehouse, "select count(*) from core.ticket where ticket_id like 'T4-%'") == [(3,)]
    # It is no history for the Mondays after it either.
    assert take(monday(four_mondays, 5, 20), NEXT)["warnings"] == 0


def test_a_refusal_is_raised_though_its_verdict_cannot_be_kept(
    warehouse: Engine, four_mondays: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warehouse.begin() as connection:
        connection.execute(text("alter table quality.validation add constraint no_refusals check (success) not valid"))
    with pytest.raises(QualityError, match="volume_collapsed"):
        take(monday(four_mondays, 4, 3), NOW)
    assert "the verdict that refused desk/2026-03-30/" in caplog.text and "no_refusals" in caplog.text
    assert ask(warehouse, "select count(*) from quality.validation where suite = 'arrival' and not success") == [(0,)]


def test_an_empty_day_is_refused_too(four_mondays: Path) -> None:
    with pytest.raises(QualityError, match="volume_collapsed"):
        take(monday(four_mondays, 4, 0), NOW)


def test_without_history_nothing_is_compared(warehouse: Engine, inbox: Path) -> None:
    for week in range(3):
        take(monday(inbox, week, 40), NOW)
    assert take(monday(inbox, 3, 1), NOW)["warnings"] == 0
    assert ask(warehouse, "select sum(records), count(*) from quality.arrival") == [(121, 4)]


def test_few_records_are_not_compared(warehouse: Engine, inbox: Path) -> None:
    for week in range(4):
        take(monday(inbox, week, 19), NOW)
    assert take(monday(inbox, 4, 1), NOW)["warnings"] == 0


@pytest.mark.parametrize(("days", "warnings"), [(1, 0), (2, 1)])
def test_records_that_are_older_than_usual_are_warned_about(four_mondays: Path, days: int, warnings: int) -> None:
    day = MONDAY + timedelta(weeks=4)
    at = f"{day - timedelta(days=days)} 09:{'00' if days == 1 else '01'}"
    rows = (row(f"old{n}", 1, at, opened="2026-03-20 08:00") for n in range(40))
    export(four_mondays, f"log-{day}.csv", *rows)
    assert take(str(day), NOW)["warnings"] == warnings


def test_a_rerun_is_compared_as_the_run_was(warehouse: Engine, four_mondays: Path) -> None:
    kept = ask(warehouse, "select *, xmin::text from quality.arrival order by partition")
    ingest.load("desk", str(MONDAY), NEXT)
    assert ask(warehouse, "select *, xmin::text from quality.arrival order by partition") == kept


def test_an_unusual_day_is_a_day(inbox: Path) -> None:
    write_mapping(unusual_days={"Christmas": "closed"})
    with pytest.raises(MappingError, match="'Christmas' is no day such as 2026-12-25"):
        load_mapping(settings().mappings / "desk.yaml")


def test_names_and_tickets_that_the_source_lacks_are_counted_with_the_load(warehouse: Engine, inbox: Path) -> None:
    teams = {"files": ["teams.csv"], "columns": {"team": "team"}}
    write_mapping(teams=teams)
    (inbox / "teams.csv").write_text("team\nred\n")
    (inbox / "surveys-1.csv").write_text("s,a,t,sent,back,stars\nS1,A1,T9,2026-04-01T10:00Z,2026-04-01T11:00Z,4\n")
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T2", 1, "2026-04-01 09:00", team="blue"))
    # The team came with the same load; the other team never did, and the answer's ticket neither.
    assert take("2026-04-01", NOW)["warnings"] == 2
    broken = """
        select suite || '.' || (rule ->> 'rule'), (rule ->> 'unexpected')::int from quality.validation,
        jsonb_array_elements(statistics -> 'rules') as rule
        where rule ->> 'severity' = 'warning' and not (rule ->> 'success')::boolean order by 1
    """
    assert ask(warehouse, broken) == [("survey_answer.ticket_known", 1), ("ticket.team_known", 1)]
    assert ask(warehouse, "select count(*) from quality.quarantine") == [(0,)]
    # A day later core knows the team, without its export.
    export(inbox, "log-2026-04-02.csv", row("T3", 1, "2026-04-02 09:00"))
    assert take("2026-04-02", NEXT)["warnings"] == 0


@pytest.mark.parametrize(
    ("ours", "is_refused", "warnings"),
    [(1000, False, 0), (999, False, 1), (990, False, 1), (989, True, 0), (1001, False, 1)],
)
def test_the_desks_own_count_beside_ours(ours: int, is_refused: bool, warnings: int) -> None:
    totals = [control.Total("tickets", 1000, ours, NOW), control.Total("none", 0, 0, NOW)]
    if is_refused:
        with pytest.raises(QualityError, match=r"nothing_missing: .*what tickets theirs 1000 ours 989"):
            control.judge_totals(settings().expectations, "desk", totals)
    else:
        verdict = control.judge_totals(settings().expectations, "desk", totals)
        assert verdict.counted("warning") == warnings
        assert control.held_back(verdict) == (
            [f"what tickets theirs 1000 ours {ours} quarantined 0"] if ours < 1000 else []
        )


def test_totals_are_kept_each_time(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        for at, theirs in ((datetime(2026, 4, 1, tzinfo=UTC), 5), (datetime(2026, 4, 2, tzinfo=UTC), 6)):
            for ours in (4, 5):  # judged again: the same count of the desk's
                control.record_totals(connection, "desk", "2026-04-01", [control.Total("tickets", theirs, ours, at)])
    assert ask(warehouse, "select theirs, ours from quality.control_total order by at") == [(5, 5), (6, 5)]
