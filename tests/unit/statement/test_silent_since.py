"""How far back a ticket can have been touched last and still count in a period."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deskledger import contract
from deskledger.statement.cycles import silent_since

VALID = (Path(__file__).parents[1] / "contract" / "acme.yaml").read_text("utf-8")
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("within", "least_days"), [("5 days", 5), ("40 days", 40), ("64 days", 64)])
def test_a_stop_that_can_be_taken_back_for_long_is_looked_for_as_far_back(within: str, least_days: int) -> None:
    resumed = f"use: resolution_total\n        resume_within: {within}\n        attribution: stopped\n"
    terms = VALID.replace("use: first_response\n", resumed)
    found = silent_since(contract.parse(terms.encode(), "contracts/acme.yaml"), START)
    # A stop exactly that long before the period's first instant counts in it.
    assert START - found > timedelta(days=least_days)
    assert START - found <= 2 * timedelta(days=max(least_days, 8))
