"""Two statements of one month held against each other, ticket by ticket."""

import pandas as pd

from deskledger import model
from deskledger.statement.compare import changed_sides


def evidence(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """Cycles that each have number 1 of ticket T-1, by version, start and fate."""
    usual = {"service_level": "late", "source": "desk", "ticket_key": 1, "ticket_id": "T-1", "clock": "resolution"}
    told = [
        {**usual, "evidence_no": number, "version": version, "cycle": 1, "started_at": start, "fate": fate,
         "is_numerator": False, "is_denominator": fate == "failed"}
        for number, (version, start, fate) in enumerate(rows)
    ]  # fmt: skip
    frame = pd.DataFrame(told)
    return model.conform(model.EVIDENCE, frame.assign(started_at=pd.to_datetime(frame["started_at"], utc=True)))


def test_cycles_of_two_versions_are_held_against_each_other_in_their_order() -> None:
    """The first is the same, the second is met after all: one row differs, and neither is held against the other."""
    before = evidence((1, "2026-01-30", "carried"), (2, "2026-02-05", "failed"))
    after = evidence((2, "2026-02-05", "met"), (1, "2026-01-30", "carried"))
    changed = changed_sides(before, after)
    assert changed[["fate_before", "fate_after"]].values.tolist() == [["failed", "met"]]
