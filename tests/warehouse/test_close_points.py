"""Points without a price of their own: kept month by month, for the critical failure that they may come to."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger

from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    month,
    sign,
)

LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(("is_corrected", "march"), [(False, ["critical_failure"]), (True, [])])
def test_points_of_three_months_come_to_a_critical_failure_and_follow_corrections(
    warehouse: Engine, home: Path, is_corrected: bool, march: list[str]
) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8").replace("{pct_of_base: 4 %}}", "{points: 3}}")
    words = words.replace("      bases:\n", "      critical: {points: 9, months: 3}\n      bases:\n")
    path.write_text(words.replace('          repeat: {by_run: {"1": 1, "2": 1.5}}\n', ""), encoding="utf-8")
    sign(home)
    for period in ("2026-01", "2026-02", "2026-03"):
        month(warehouse, period, 8)
    drafts = [close_month(period)["draft_id"] for period in ("2026-01", "2026-02")]
    if is_corrected:  # January was in time after all: no money moves, but two months alone have points
        told = {"created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T11:00:00Z"}
        load(warehouse, *({"id": f"T2026-01-{n}", **told} for n in (8, 9)), landed_at=LATER)
    drafts.append(close_month("2026-03", at=LATER)["draft_id"])
    assert [flags(warehouse, draft) for draft in drafts] == [[], [], march]
    with warehouse.connect() as connection:
        booked = connection.execute(text("select corrected_period, amount from ledger.adjustment")).all()
        assert [(row[0], int(row[1])) for row in booked] == [("2026-01", 0)] * is_corrected
        assert ledger.recompute(connection, "ALDER-2026-03").differences == ()


def flags(engine: Engine, draft_id: str) -> list[str]:
    with engine.connect() as connection:
        return list(ledger.read(connection, draft_id).draft["assessment"]["flags"])
