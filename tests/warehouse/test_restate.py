"""Corrections of posted months: what is posted stays byte for byte, and each moved month is adjusted once."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.steps import close

from tests.warehouse.close_desk import (
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    month,
    sign,
)

LATER = NOW + timedelta(hours=1)
YEAR_CAP = '        - {id: year, clause: "7.10", amount: 900.00, per: year}\n'


@pytest.fixture(autouse=True)
def _capped_by_the_year(home: Path) -> None:
    """Alder's contract with a cap of 900.00 a year beside the one of 5 % a month, so that months move each other."""
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8") + YEAR_CAP, encoding="utf-8")
    sign(home)


def stored(engine: Engine) -> dict[str, list[Any]]:
    """Every row of the ledger that posting January and February wrote, with the transaction that wrote it."""
    of_draft = "draft_id in (select draft_id from ledger.posting where period < '2026-03')"
    chosen = {
        "posting": "period < '2026-03'", "entry": "period < '2026-03'", "posted_ticket": of_draft, "draft": of_draft,
        "draft_level": of_draft, "draft_line": of_draft, "draft_trace": of_draft, "draft_ticket": of_draft,
        "decision": of_draft,
    }  # fmt: skip
    with engine.connect() as connection:
        return {
            table: connection.execute(
                text(f"select xmin::text, ctid::text, t::text from ledger.{table} as t where {where} order by 3")  # noqa: S608
            ).all()
            for table, where in chosen.items()
        }


def adjustments(engine: Engine) -> list[tuple[str, str, Decimal]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("select corrected_period, booked_period, amount from ledger.adjustment order by 2, 1")
        )
        return [tuple(row) for row in rows]


def lines(engine: Engine, draft_id: str) -> dict[str, tuple[str, Decimal]]:
    with engine.connect() as connection:
        return {row["term"]: (row["status"], row["credit_amount"]) for row in ledger.read(connection, draft_id).lines}


def resolve(engine: Engine, period: str, *numbers: int) -> None:
    """Tell tickets of the month again: resolved in time after all."""
    load(
        engine,
        *(
            {"id": f"T{period}-{n}", "created": f"{period}-10T08:00:00Z", "resolved": f"{period}-10T11:00:00Z"}
            for n in numbers
        ),
        landed_at=LATER,
    )


def proved(engine: Engine, *numbers: str) -> None:
    with engine.connect() as connection:
        assert ledger.verify(connection).faults == ()
        for number in numbers:
            again = ledger.recompute(connection, number)
            assert (again.differences, again.recomputed_amount) == ((), again.posted_amount)


def test_trap_6_correcting_january_moves_the_repeat_and_cap_of_february(warehouse: Engine) -> None:
    """January 400, February 600 for the repeat, cut to 500 by both caps. January was in time after all: February is a
    first failure, 400, and no cap binds."""
    for period, met in (("2026-01", 8), ("2026-02", 8), ("2026-03", 9)):
        month(warehouse, period, met)
    assert [close_month(period)["credit"] for period in ("2026-01", "2026-02")] == ["400.00", "500.00"]
    before = stored(warehouse)
    resolve(warehouse, "2026-01", 8, 9)

    made = close.draft("alder|2026-03", now=LATER)
    assert made["credit"] == "-500.00"
    assert {term: line for term, line in lines(warehouse, made["draft_id"]).items() if line[0] == "adjustment"} == {
        "restatement:2026-01": ("adjustment", Decimal("-400.00")),
        "restatement:2026-02": ("adjustment", Decimal("-100.00")),
    }
    close.decide(made["draft_id"], "approve", comment="", user="felix", at=LATER)
    # Killed within the transaction of the posting: nothing of it is left.
    with pytest.raises(ZeroDivisionError), warehouse.begin() as connection:
        ledger.post(connection, made["draft_id"], at=LATER)
        raise ZeroDivisionError
    assert adjustments(warehouse) == []
    # Cleared, and run again and again: drafted and posted once.
    assert close.draft("alder|2026-03", now=LATER)["draft_id"] == made["draft_id"]
    for _ in range(2):
        assert close.post(made["draft_id"], at=LATER)["credit"] == "-500.00"
        assert close.draft("alder|2026-03", now=LATER)["status"] == "posted"
    assert adjustments(warehouse) == [
        ("2026-01", "2026-03", Decimal("-400.00")),
        ("2026-02", "2026-03", Decimal("-100.00")),
    ]
    assert stored(warehouse) == before
    proved(warehouse, "ALDER-2026-01", "ALDER-2026-02", "ALDER-2026-03")
