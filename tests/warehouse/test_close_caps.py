"""A cap of some penalties by the year knows what these have used of it, after every other limit."""

from pathlib import Path

from sqlalchemy import Engine

from deskledger import ledger
from deskledger.steps import report

from tests.warehouse.close_desk import NOW, close_month, closing_home, month, sign  # noqa: F401 - the fixture `home`

# What the year's cap had used before each month, so that the limit less it is what was left in whole cents.
USED = {"2026-01": "0.00", "2026-02": "333.34", "2026-03": "700.00"}
CAPS = """      caps:
        - {id: month, clause: "7.9", base: fee, pct: 5 %}
        - {id: year, clause: "7.10", amount: 700, per: year, terms: [late]}
"""


def test_a_yearly_cap_of_one_penalty_counts_what_was_paid_of_it(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    words = (
        path.read_text(encoding="utf-8")
        .replace('repeat: {by_run: {"1": 1, "2": 1.5}}', "multiplier: 1")
        .replace("amount: 100}", "amount: 200}")
    )
    path.write_text(words[: words.index("      caps:")] + CAPS, encoding="utf-8")
    sign(home)
    # January: late 400.00 and unhappy 200.00, together at most 500.00: a sixth off both, so 333.33… of `late` is paid.
    month(warehouse, "2026-01", 8, rated=("2026-01-12T08:00:00Z", 1))
    month(warehouse, "2026-02", 8)
    month(warehouse, "2026-03", 8)
    credits = []
    for period in ("2026-01", "2026-02", "2026-03"):
        done = close_month(period)
        credits.append(done["credit"])
        with warehouse.connect() as connection:
            assert ledger.recompute(connection, done["statement_number"]).agrees
        page = Path(report.render(done["draft_id"], now=NOW)["page"]).read_text(encoding="utf-8")
        assert f"{USED[period]}" in page
    # February: late 400.00, and 700 - 333.33… = 366.66 is left of the year; in March nothing.
    assert credits == ["500.00", "366.66", "0.00"]
