"""A month closed by its steps, then worked out again from what it froze, and again after somebody rewrote a row."""

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger

from tests.warehouse.close_desk import close_month, closing_home, load, month  # noqa: F401 - the fixture of every test here


def close_with_answers(engine: Engine) -> None:
    """Ten tickets in time, and ten with an answer each, three of them poor."""
    month(engine, "2026-01", 10)
    load(engine, *(
        {"id": f"R{n}", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z",
         "rated": ("2026-01-12T08:00:00Z", 1 if n < 3 else 5)} for n in range(10)
    ))  # fmt: skip
    close_month("2026-01")


def differences(engine: Engine) -> tuple[str, ...]:
    with engine.connect() as connection:
        return ledger.recompute(connection, "ALDER-2026-01").differences


def test_a_closed_month_with_answers_recomputes_to_its_cents(warehouse: Engine) -> None:
    close_with_answers(warehouse)
    assert differences(warehouse) == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("fate = 'met', is_numerator = false, rating = 5 where service_level = 'csat_poor'",
         {"csat_poor: the tickets give good 10, neutral 0, poor 0, the statement says good 7, neutral 0, poor 3"}),
        ("rating = 5 where service_level = 'csat_poor' and ticket_id = 'R0'",
         {"csat_poor: ticket R0: its rating is of another class"}),
        ("state = 'breached' where service_level = 'resolution' and ticket_id = 'R0'",
         {"resolution: ticket R0: called breached, but within its target",
          "resolution: ticket R0: counted otherwise than its clock says"}),
    ],
)  # fmt: skip
def test_evidence_that_was_rewritten_no_longer_gives_the_statement(
    warehouse: Engine, change: str, told: set[str]
) -> None:
    close_with_answers(warehouse)
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.posted_ticket disable trigger append_only"))
        connection.execute(text(f"update ledger.posted_ticket set {change}"))  # noqa: S608 - from above
    assert told <= set(differences(warehouse))
