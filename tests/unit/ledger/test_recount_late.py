"""What a month hands on to the next ones, held against its own rows."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from deskledger import model
from deskledger.contract.terms import ClockTerms, Contract, Period, Version
from deskledger.ledger.recount_late import handed_on_faults

TERMS = {"penalties": {"terms": [{"measure": "late", "schedule": {"kind": "per_item"}}]}}
CLOCK = ClockTerms("resolution", "4.2", (), (), (), ())
CAN_RESUME = replace(CLOCK, resume=("reopened",))
FAULT = ["late: the next months go on from other lateness of desk|T1#1@v1 than its row says"]


@pytest.mark.parametrize(
    ("first", "second", "is_remembered"),
    [
        (CLOCK, CLOCK, False),
        (CAN_RESUME, CAN_RESUME, True),
        (CAN_RESUME, CLOCK, True),  # version 1 measured it
        (CLOCK, CAN_RESUME, False),
    ],
)
def test_a_stop_is_handed_on_that_the_cycles_own_version_can_take_back(
    first: ClockTerms, second: ClockTerms, *, is_remembered: bool
) -> None:
    versions = tuple(
        Version(number, date(2026, number, 1), "ada", {}, (clock,), None, (), {})
        for number, clock in ((1, first), (2, second))
    )
    contract = Contract("alder", "Alder", "EUR", {}, ("desk",), {}, Period("Etc/UTC"), versions, "alder.yaml", "")
    row = {
        "evidence_no": 1, "service_level": "late", "ticket_key": 1, "source": "desk", "ticket_id": "T1", "version": 1,
        "clock": "resolution", "cycle": 1, "state": "breached", "fate": "failed", "is_numerator": False,
        "is_denominator": True, "elapsed_us": 3_000_000, "target_us": 1_000_000,
        "stopped_at": pd.Timestamp("2026-02-27T08:00Z"),
    }  # fmt: skip
    evidence = model.conform(model.EVIDENCE, pd.DataFrame([row]))
    assert handed_on_faults(contract, TERMS, {"late": {"desk|T1#1@v1": "2"}}, evidence) == FAULT * (not is_remembered)
    assert handed_on_faults(contract, TERMS, {"late": {}}, evidence) == FAULT * is_remembered
