"""Closes beside each other, and months in their order: nothing collides, nothing posted is reopened, runs add up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.errors import DeskledgerError, StatementError
from deskledger.steps import close, due_months, report

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)


def test_closes_that_end_at_once_refresh_the_marts_one_after_the_other(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 9)
    close.draft(KEY, now=NOW)
    together = Barrier(4)

    def refresh(_: int) -> list[str]:
        together.wait()
        return report.refresh_marts()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            with warehouse.begin() as connection:
                connection.execute(text("delete from mart.service_level_month"))
                connection.execute(text("delete from mart.statement_month"))
            list(pool.map(refresh, range(4)))  # raises what a refresh raised
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from mart.service_level_month")).scalar_one() == 2


def test_history_imported_after_a_month_was_posted_reopens_no_earlier_one(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("effective_from: 2026-01-01", "effective_from: 2025-11-01"), encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 9)
    close_month("2026-01")
    month(warehouse, "2025-11", 5, landed_at=NOW)
    charge(warehouse, "alder", "2025-11")
    later = NOW + timedelta(hours=1)
    assert due_months.due(now=later) == ["alder|2026-02"]
    with pytest.raises(StatementError, match="lies before the contract or its data"):
        close.draft("alder|2025-11", now=later)


@pytest.mark.parametrize(("january", "runs"), [(8, [1, 2, 0, 3]), (9, [0, 1, 0, 2])])
def test_a_level_without_a_price_counts_its_own_run_of_failures(
    warehouse: Engine, home: Path, january: int, runs: list[int]
) -> None:
    """March has no tickets: a month without data neither adds to the run nor ends it, though it is 0 of that month."""
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    shared = '      share: {clause: "4.3", title: Shown, clock: resolution, objective: ">= 90 %"}\n    penalties:'
    path.write_text(words.replace("    penalties:", shared), encoding="utf-8")
    sign(home)
    charge(warehouse, "alder", "2026-04")
    with warehouse.begin() as connection:
        connection.execute(text("update quality.watermark set complete_until = '2026-05-06'"))
    at = datetime(2026, 5, 6, tzinfo=UTC)
    found = []
    for period, met in (("2026-01", january), ("2026-02", 8), ("2026-03", None), ("2026-04", 8)):
        if met is not None:
            month(warehouse, period, met)
        close_month(period, at=at)
        with warehouse.connect() as connection:
            stored = ledger.read(connection, f"ALDER-{period}-D1").levels
        level = {row["service_level"]: row for row in stored}
        assert not level["share"]["is_priced"]
        assert level["share"]["failed_run"] == level["resolution"]["failed_run"]
        found.append(level["share"]["failed_run"])
    assert found == runs


@pytest.mark.parametrize("key", ["nobody|2026-01", "alder|2025-12"])
def test_a_key_that_names_nothing_says_so(warehouse: Engine, key: str) -> None:
    month(warehouse, "2026-01", 9)
    with pytest.raises(DeskledgerError, match=r"there is no contract 'nobody'|lies before the contract"):
        close.draft(key, now=NOW)
