"""The first month settled here goes on from the balances that the contract states."""

from pathlib import Path

from sqlalchemy import Engine

from deskledger import ledger
from deskledger.steps import due_months

from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)

OPENING = """opening:
  until: 2026-01
  history: {late: [met, failed]}
  caps_used: {year: 100.00}
  rolling: {share: [{num: 60, den: 70}, {num: 8, den: 10}]}
versions:
"""
SHARE = """      share:
        clause: "4.3"
        title: Resolution over a quarter
        clock: resolution
        window: {months: 3, mode: pooled}
        objective: ">= 85 %"
    penalties:"""


def test_a_repeat_run_a_yearly_cap_and_a_rolling_window_go_on_from_the_opening_balances(
    warehouse: Engine, home: Path
) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8").replace("versions:\n", OPENING).replace("    penalties:", SHARE)
    path.write_text(words.replace("base: fee, pct: 5 %}", "amount: 900, per: year}").replace("id: month", "id: year"))
    sign(home)
    for period in ("2026-01", "2026-02", "2026-03"):
        month(warehouse, period, 8)
    assert due_months.due(now=NOW) == ["alder|2026-02"]  # January was settled elsewhere
    first = close_month("2026-02")
    # 4 % of 10,000, the second failure in a row: x 1.5 is 600.00; 100.00 of the year's 900.00 were used before.
    assert first["credit"] == "600.00"
    second = close_month("2026-03")
    assert second["credit"] == "200.00"  # 600.00 again, and 900 - 100 - 600 is left
    with warehouse.connect() as connection:
        level = next(
            row for row in ledger.read(connection, first["draft_id"]).levels if row["service_level"] == "share"
        )
        assert ledger.recompute(connection, first["statement_number"]).agrees
    assert [(each["period"], each["num"], each["den"]) for each in level["months"]] == [
        ("2025-12", "60", 70),
        ("2026-01", "8", 10),
        ("2026-02", "8", 10),
    ]
    assert (level["value"], level["status"]) == ("760/9", "breached")  # 76 of 90: 84.4 %
