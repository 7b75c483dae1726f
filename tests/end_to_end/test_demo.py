"""`make demo` and what people do after it, on a small scene."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from deskledger.cli.airflow_api import AirflowApi
from deskledger.cli.local_airflow import LocalAirflow
from deskledger.cli.summary import months
from deskledger.sources.demo.zendesk_server import LOGIN, SECRET

from tests.end_to_end.installation import Demo
from tests.end_to_end.search import places_of

EXPECTED = {
    ("alder", "2026-01"): "posted",
    ("alder", "2026-02"): "posted",
    ("alder", "2026-03"): "in_review",
    ("brisa", "2026-01"): "posted",
    ("brisa", "2026-02"): "posted",
    ("brisa", "2026-03"): "in_review",
}


def _states(engine: Engine) -> dict[tuple[str, str], str]:
    return {(month.contract, month.period): month.state for month in months(engine)}


_ROWS_HASH = "select md5(string_agg(xmin || t::text, '' order by t::text)) from {table} as t"


def _fingerprint(engine: Engine) -> dict[str, str]:
    """A hash of every row, with the transaction that wrote it, of each table of the warehouse."""
    with engine.connect() as connection:
        tables = connection.scalars(
            text("""
                select format('%I.%I', schemaname, tablename) from pg_tables
                where schemaname in ('core', 'quality', 'facts', 'ledger') order by 1
            """)
        ).all()
        return {table: connection.scalar(text(_ROWS_HASH.format(table=table))) for table in tables}


def test_two_months_are_posted_and_the_newest_is_in_review(demo: Demo) -> None:
    assert _states(demo.warehouse()) == EXPECTED


def test_it_prints_the_money_and_where_things_lie(demo: Demo) -> None:
    for words in ("alder", "brisa", "posted in all", "EUR", "USD", "in review", ".html", "make up"):
        assert words in demo.output


def test_each_month_has_its_report_and_csv(demo: Demo) -> None:
    for contract, period in EXPECTED:
        folder = demo.settings.reports / contract / period
        assert {path.suffix for path in folder.iterdir()} >= {".html", ".csv"}


def test_approvals_carry_the_reviewers_name(demo: Demo) -> None:
    with demo.warehouse().connect() as connection:
        names = set(connection.scalars(text("select decided_by from ledger.decision")))
    assert names == {"fatima"}


def test_the_tickets_came_over_http_past_faults_and_nothing_but_invoices_as_a_file(demo: Demo) -> None:
    told = re.search(r"HTTP: (\d+) requests, (\d+) badly answered .*, none inside a Retry-After", demo.output)
    assert told, demo.output
    with demo.warehouse().connect() as connection:
        landed = set(connection.scalars(text("select split_part(name, '/', 1) from quality.landed_file")))
        answers, complete_until = connection.execute(
            text("select sum(pages), min(complete_until) from quality.cursor where section = 'events'")
        ).one()
    streams = {"users", "groups", "organizations", "tickets", "ticket_events", "deleted_tickets", "survey_responses"}
    assert landed == streams | {"desk_counts", "charges.csv"}
    assert int(told[1]) > answers
    assert int(told[2]) > 0
    # The night after the last day, by the helpdesk's clock; an export leaves out its last minute.
    assert complete_until == datetime(2026, 4, 11, 1, 59, tzinfo=UTC)


def test_the_dirt_is_in_quarantine(demo: Demo) -> None:
    with demo.warehouse().connect() as connection:
        held = connection.scalars(text("select rule from quality.quarantine order by rule")).all()
    assert held == ["at_not_an_instant", "event_before_ticket", "status_unknown"]


def test_the_helpdesk_ended_with_the_demo(demo: Demo) -> None:
    answers = re.search(r"the helpdesk answers on (http://127\.0\.0\.1:\d+),", demo.output)
    assert answers, demo.output
    with pytest.raises(httpx.ConnectError):
        httpx.get(answers[1])


def test_no_run_was_for_a_real_date(demo: Demo) -> None:
    ended = re.findall(r"  (ingest|measure) (\S+) done in", demo.output)
    assert [day for dag_id, day in ended if dag_id == "ingest"] == ["2026-04-08", "2026-04-09", "2026-04-10"]
    assert {month for dag_id, month in ended if dag_id == "measure"} == {"2026-01", "2026-02", "2026-03", "2026-04"}


def test_again_it_changes_nothing(demo: Demo) -> None:
    engine = demo.warehouse()
    before = _fingerprint(engine)
    again = demo.command("demo")
    assert again.returncode == 0, again.stderr
    assert _fingerprint(demo.warehouse()) == before


def _until(what: Callable[[], object], seconds: int = 90) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("waited in vain")


@pytest.fixture
def up(demo: Demo) -> Iterator[LocalAirflow]:
    done = demo.command("up")
    assert done.returncode == 0, done.stderr
    yield LocalAirflow(demo.settings)
    done = demo.command("down")
    assert "stopped: api-server, scheduler, dag-processor, triggerer, postgres" in done.stdout


def test_two_person_path_one_disputes_another_approves(demo: Demo, up: LocalAirflow) -> None:
    """Last in this module: it moves the newest month on."""
    key = "alder|2026-03"
    fatima = AirflowApi(up.url, "fatima", up.password("fatima"))
    felix = AirflowApi(up.url, "felix", up.password("felix"))
    engine = demo.warehouse()
    first = _until(lambda: fatima.waiting_reviews().get(key))
    fatima.answer(first, "Dispute", "The outage of 12 March was ours to excuse.")  # type: ignore[arg-type]

    second = _until(lambda: (found := felix.waiting_reviews().get(key)) and found != first and found)
    time.sleep(1.5)
    felix.answer(second, "Approve", "Checked with the account manager.")  # type: ignore[arg-type]
    _until(lambda: _states(engine)[("alder", "2026-03")] == "posted")

    with engine.connect() as connection:
        decisions = connection.execute(
            text("""
                select draft.number, draft.reason, decision.decision, decision.decided_by, decision.comment
                from ledger.draft inner join ledger.decision using (draft_id)
                where draft.contract = 'alder' and draft.period = '2026-03' order by draft.number
            """)
        ).all()
    assert [tuple(row) for row in decisions] == [
        (1, "first", "dispute", "fatima", "The outage of 12 March was ours to excuse."),
        (2, "disputed", "approve", "felix", "Checked with the account manager."),
    ]


def test_the_desks_credentials_are_nowhere(demo: Demo) -> None:
    """Not where they went through: task logs, XCom and rendered fields, landing, evidence, reports, the warehouse."""
    header = base64.b64encode(f"{LOGIN}/token:{SECRET}".encode()).decode()
    assert places_of(demo, [SECRET, header]) == set()
    assert SECRET not in demo.output and header not in demo.output
    # Airflow writes stars for the password of a connection: a task that printed it would have left them in its log.
    assert [name for name in places_of(demo, ["***"]) if name.startswith("airflow/logs/")] == []
    # The same search finds what did go there.
    found = places_of(demo, ["extract", "alder", "demo", "custom_fields"])
    assert found >= {f"airflow/public.{table}" for table in ("xcom", "log", "task_instance", "hitl_detail")}
    assert found >= {"airflow/public.rendered_task_instance_fields", "deskledger/ledger.draft"}
    assert {Path(name).parts[0] for name in found} >= {"airflow", "landing", "evidence", "reports"}
    printed = places_of(demo, ["survey_responses: page"])  # by the task that was given the credentials, as it went on
    assert {Path(name).parts[:2] for name in printed} >= {("airflow", "logs")}
