"""Which rows a draft is made of: all that is visible at one instant, whatever loads commit beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.quality.control import Total, record_totals
from deskledger.steps import close
from deskledger.steps.close_content import draft_content, snapshot

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    levels,
    load,
    month,
    sign,
)


def test_tickets_told_again_by_a_load_younger_than_the_draft_stay_in_it(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 10, of=20)
    began = NOW + timedelta(seconds=2)  # after the draft's task, and committed before the draft read
    with warehouse.begin() as connection:
        connection.execute(text("update core.ticket set landed_at = :at where ticket_id > 'T2026-01-1'"), {"at": began})
        connection.execute(text("update core.ticket_event set landed_at = :at where event_id = '003'"), {"at": began})
    made = close.draft(KEY, now=NOW)
    assert levels(warehouse, made["draft_id"])["resolution"] == ("10", "20", "breached")
    with warehouse.connect() as connection:
        assert ledger.read(connection, made["draft_id"]).draft["data_cutoff"] == began


def test_a_load_that_commits_between_two_queries_of_a_draft_is_wholly_outside_it(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    with snapshot(warehouse) as connection:
        contract = close.contract_named("alder")
        before = draft_content(connection, contract, "2026-01", NOW, NOW)
        load(warehouse, {"id": "LATE", "created": "2026-01-20T08:00:00Z"}, landed_at=NOW)
        during = draft_content(connection, contract, "2026-01", NOW, NOW)
    assert (
        (during.data_mark, len(during.evidence)) == (before.data_mark, len(before.evidence)) == (before.data_mark, 10)
    )
    with snapshot(warehouse) as connection:
        after = draft_content(connection, contract, "2026-01", NOW, NOW)
    assert after.data_mark != before.data_mark
    assert len(after.evidence) == 11


@pytest.mark.parametrize("landed_at", [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 2, 1, 12, tzinfo=UTC)])
@pytest.mark.parametrize(("within", "counted"), [("50h", "1"), ("51h", "10"), ("96h", "10")])
def test_tickets_solved_last_month_and_due_in_this_one_count_though_never_measured(
    warehouse: Engine, home: Path, landed_at: datetime, within: str, counted: str
) -> None:
    """Created on 29 January at 20:00 UTC, solved on the 31st; 51 hours end with January in Madrid, so in February."""
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("within: 4h", f"within: {within}"), encoding="utf-8")
    sign(home)
    early = ({"id": f"E{n}", "created": "2026-01-29T20:00:00Z", "resolved": "2026-01-31T08:00:00Z"} for n in range(9))
    load(warehouse, *early, landed_at=landed_at)
    load(warehouse, {"id": "L", "created": "2026-02-10T08:00:00Z", "resolved": "2026-02-25T08:00:00Z"}, landed_at=NOW)
    close_month("2026-01")
    made = close.draft("alder|2026-02", now=NOW)
    met = str(int(counted) - 1)
    assert levels(warehouse, made["draft_id"])["resolution"] == (met, counted, "met" if met == "9" else "breached")


def test_a_ticket_that_nobody_touched_for_a_year_is_still_open(warehouse: Engine) -> None:
    load(warehouse, {"id": "OLD", "created": "2025-01-10T08:00:00Z"}, landed_at=datetime(2025, 1, 11, tzinfo=UTC))
    load(warehouse, {"id": "DONE", "created": "2025-01-10T08:00:00Z", "resolved": "2025-01-11T08:00:00Z"})
    made = close.draft(KEY, now=NOW)
    with warehouse.connect() as connection:
        control = ledger.read(connection, made["draft_id"]).draft["control"]
    assert control["figures"]["backlog"]["open_at_end"] == 1
    assert control["tickets"] == 1  # the other one is over: it is not even read


def test_the_desks_own_counts_since_the_month_began_are_frozen_with_it(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 10)
    december, february = (datetime(2026, month, 5, tzinfo=UTC) for month in (1, 2))
    with warehouse.begin() as connection:
        for each in (
            Total("january", 12, 10, december, 1),
            Total("january", 12, 11, february),
            Total("all", 9, 9, NOW),
        ):
            record_totals(connection, "desk", "history", [each])
        record_totals(connection, "desk", "history", [Total("old", 5, 5, datetime(2025, 12, 30, tzinfo=UTC))])
        record_totals(connection, "another desk", "history", [Total("its own", 5, 5, february)])
    made = close.draft(KEY, now=NOW)
    with warehouse.connect() as connection:
        totals = ledger.read(connection, made["draft_id"]).draft["control"]["totals"]
    assert [(each["what"], each["theirs"], each["ours"], each["counted_at"][:10]) for each in totals] == [
        ("all", 9, 9, f"{NOW:%Y-%m-%d}"),
        ("january", 12, 11, "2026-02-05"),
    ]
