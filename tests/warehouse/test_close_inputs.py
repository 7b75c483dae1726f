"""Which rows a draft is made of: all that is visible at one instant, whatever loads commit beside it."""

from datetime import timedelta

from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.steps import close
from deskledger.steps.close_content import draft_content, snapshot

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    levels,
    load,
    month,
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
        contract = close._contract("alder")
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
