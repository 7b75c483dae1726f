"""A month whose contract prices KPIs: drafted from the warehouse, posted, and counted again from what was frozen."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.steps import close, report

from tests.warehouse.close_desk import CONTRACT, NOW, close_month, closing_home, levels, month, sign  # noqa: F401

KPIS = """
      backlog: {clause: "6.1", title: Open at the end, kpi: backlog, objective: "<= 2"}
      reopened: {clause: "6.2", title: Reopened, kpi: reopened, objective: "<= 10 %"}
    penalties:"""
PRICED = """
        - id: too_many_open
          clause: "7.3"
          measure: backlog
          schedule: {kind: shortfall, step: 1, step_rounding: exact, per_step: {amount: 10.00}}
        - id: came_back
          clause: "7.4"
          measure: reopened
          schedule: {kind: threshold, consequence: {amount: 7.00}}
      caps:
"""


@pytest.fixture
def priced(home: Path) -> Path:
    words = CONTRACT.format(name="alder", account="alder", zone="Europe/Madrid")
    words = words.replace("\n    penalties:", KPIS, 1).replace("\n      caps:\n", PRICED, 1)
    words = words.replace("pct: 5 %", "pct: 50 %")
    (home / "contracts" / "alder.yaml").write_text(words, encoding="utf-8")
    sign(home)
    return home


def _reopen(engine: Engine, ticket_id: str, at: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into core.ticket_event (ticket_key, created_month, event_id, occurred_at, seq, kind, value, "
                "landed_at) select ticket_key, created_month, 'again', :at, 99, 'status', 'open', :at "
                "from core.ticket where ticket_id = :ticket"
            ),
            {"ticket": ticket_id, "at": at},
        )


def test_kpis_are_measured_priced_posted_and_recomputed(warehouse: Engine, priced: Path) -> None:
    month(warehouse, "2026-01", met=10)
    for ticket in ("T2026-01-0", "T2026-01-1", "T2026-01-2"):
        _reopen(warehouse, ticket, "2026-01-20T09:00:00Z")
    posted = close_month("2026-01")
    found = levels(warehouse, posted["draft_id"])
    assert found["backlog"] == ("3", "10", "breached")
    assert found["reopened"] == ("3", "10", "breached")
    # One above the allowance at 10, 30 per cent came back; each reopening is a cycle that nobody resolved in time.
    with warehouse.connect() as connection:
        lines = {row["term"]: str(row["credit_amount"]) for row in ledger.read(connection, posted["draft_id"]).lines}
        again = ledger.recompute(connection, posted["statement_number"])
    assert (lines["too_many_open"], lines["came_back"]) == ("10.00", "7.00")
    assert again.differences == ()
    page = Path(report.render(posted["draft_id"], now=NOW)["page"]).read_text("utf-8")
    assert "Open at the end" in page


def test_a_report_looks_back_at_the_days_and_backlogs_that_were_posted(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month(warehouse, "2026-01", met=10)
    month(warehouse, "2026-02", met=10)
    close_month("2026-01")
    drafted = close.draft("alder|2026-02", now=NOW)
    page = Path(report.render(drafted["draft_id"], now=NOW)["page"]).read_text("utf-8")
    # Ten tickets on 10 February, a Tuesday: none of January's four Tuesdays had any.
    assert re.search(r"Jan 2026</th><td class=.num.>10<", page)
    assert re.search(r"Tue 10 Feb</th><td class=.num strong.>10<.*more than usual", page)
    (home / "watch").mkdir()
    (home / "watch" / "default.yaml").write_text("sudden_moves: 7", encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_WATCH", str(home / "watch"))
    page = Path(report.render(drafted["draft_id"], now=NOW)["page"]).read_text("utf-8")
    assert "Sudden moves" not in page and "Backlog by month" in page
