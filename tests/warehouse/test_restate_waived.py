"""Credit that is given up after posting, and what the months after it make of it; corrections in other decimals."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger import ledger
from deskledger.statement.past import statuses
from deskledger.steps import close, requests
from deskledger.steps.whatif import whatif

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
    sign,
)

LATER = NOW + timedelta(hours=1)


def write(home: Path, old: str, new: str) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    assert old in words
    path.write_text(words.replace(old, new), encoding="utf-8")
    sign(home)


def waive_all(key: str, at_line: str = "late") -> None:
    asked = requests.Asked(key, "rosa", explanation="A gesture that was agreed.", evidence="The minutes.")
    made = requests.waive_credit(asked, at_line, NOW)
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)


@pytest.mark.parametrize(("waived_counts", "february"), [("false", "0.00"), ("true", "200.00")])
def test_a_month_that_is_waived_after_posting_is_no_failure_of_the_draft_that_books_it(
    warehouse: Engine, home: Path, waived_counts: str, february: str
) -> None:
    """January gives back 400. February is 400 as a first failure, 600 as a second in a row."""
    write(home, "    penalties:\n", f"    penalties:\n      waived_counts: {waived_counts}\n")
    write(home, "pct: 5 %", "pct: 50 %")
    for period in ("2026-01", "2026-02", "2026-03"):
        month(warehouse, period, 8)
    assert close_month("2026-01")["credit"] == "400.00"
    waive_all(KEY)
    made = close.draft("alder|2026-02", now=NOW)
    assert made["credit"] == february
    # The draft in review keeps its correction, though more landed since.
    charge(warehouse, "alder", "2026-01", landed_at=LATER, amount=Decimal("9000.00"))
    assert close.draft("alder|2026-02", now=LATER) == {**made, "status": "current"}
    charge(warehouse, "alder", "2026-01", landed_at=LATER)
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=LATER)
    assert close.post(made["draft_id"], at=LATER)["credit"] == february
    with warehouse.connect() as connection:
        (january, _) = ledger.posted_months(connection, "alder", "2026-03")
        assert january["statuses"] == statuses(ledger.read(connection, january["draft_id"]).lines)
        assert january["statuses"]["late"] == "waived"
        assert ledger.recompute(connection, "ALDER-2026-02").differences == ()


def test_what_if_takes_a_waived_month_as_the_books_do(warehouse: Engine, home: Path) -> None:
    write(home, "    penalties:\n", "    penalties:\n      waived_counts: false\n")
    for period in ("2026-01", "2026-02"):
        month(warehouse, period, 8)
    close.draft(KEY, now=NOW)
    waive_all(KEY)
    posted = [close_month(period)["credit"] for period in ("2026-01", "2026-02")]
    asked = whatif("alder", "2026-01", "2026-02", home / "contracts" / "alder.yaml", now=NOW)
    assert [str(each.before) for each in asked.months] == posted == ["0.00", "400.00"]


def test_a_correction_in_cents_is_booked_by_a_version_of_whole_amounts(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 10)
    close_month("2026-01")
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    second = words[words.index("  - number: 1") :].replace("number: 1", "number: 2").replace("2026-01-01", "2026-02-01")
    path.write_text(words + second.replace("    penalties:\n", "    penalties:\n      money_places: 0\n"), "utf-8")
    sign(home)
    charge(warehouse, "alder", "2026-01", landed_at=LATER, amount=Decimal("10013.75"))
    assert close_month("2026-02", at=LATER)["credit"] == "0.55"
    with warehouse.connect() as connection:
        assert ledger.recompute(connection, "ALDER-2026-02").differences == ()
        assert [row["amount"] for row in ledger.posted_adjustments(connection, "alder")] == [Decimal("0.55")]
