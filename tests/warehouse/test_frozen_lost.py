"""A frozen file is lost or damaged before its month is posted: written again where it can be, else a new draft."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger import ledger, model
from deskledger.errors import LandingError
from deskledger.landing.evidence import EvidenceFile
from deskledger.settings import settings
from deskledger.steps import close, recompute
from deskledger.warehouse import merge

from tests.warehouse.close_desk import (
    KEY,
    LANDED,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    month,
    sign,
)

LATER = NOW + timedelta(hours=2)


def files(engine: Engine, draft_id: str) -> dict[str, EvidenceFile]:
    with engine.connect() as connection:
        return ledger.frozen_files(connection, draft_id)


def path_of(engine: Engine, draft_id: str, kind: str = "ticket_event") -> Path:
    return settings().evidence / files(engine, draft_id)[kind].path


def approve(draft_id: str, at: datetime = NOW) -> None:
    close.decide(draft_id, "approve", comment="", user="felix", at=at)


def note(engine: Engine, ticket_id: str, at: datetime) -> None:
    """An internal note: an event more of the ticket, which no figure of the month follows from."""
    (key,) = model.ticket_keys("desk", [ticket_id])
    row = {"ticket_key": key, "created_month": 202601, "event_id": "note", "seq": 9, "kind": "note", "value": "seen"}
    row["occurred_at"] = pd.Timestamp("2026-01-10T08:30:00Z")
    with engine.begin() as connection:
        merge(connection, model.TICKET_EVENT, pd.DataFrame([row]), at)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("hurt", [Path.unlink, damage])
def test_a_lost_file_of_an_approved_draft_is_written_again_and_the_draft_is_posted(
    warehouse: Engine, hurt: Callable[[Path], None]
) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    approve(draft_id)
    hurt(path_of(warehouse, draft_id))
    with pytest.raises(LandingError, match=r"(?s)draft ALDER-2026-01-D1: .*trigger the close of alder\|2026-01"):
        close.post(draft_id, at=NOW)
    again = close.draft(KEY, now=NOW, is_by_hand=True)
    assert (again["draft_id"], again["state"]) == (draft_id, "approved")
    assert close.post(draft_id, at=LATER)["credit"] == "400.00"
    assert recompute.recompute("ALDER-2026-01", now=LATER, with_today=False).holds


def test_what_can_no_longer_be_frozen_as_it_was_is_a_new_draft_that_takes_a_new_approval(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    approve(draft_id)
    note(warehouse, "T2026-01-3", LANDED)
    assert close.draft(KEY, now=NOW)["draft_id"] == draft_id  # its own files are whole: nothing to do
    path_of(warehouse, draft_id).unlink()
    again = close.draft(KEY, now=NOW)
    assert (again["draft_id"], again["state"], again["status"]) == ("ALDER-2026-01-D2", "in_review", "drafted")
    with warehouse.connect() as connection:
        assert ledger.draft_state(connection, draft_id)["state"] == "superseded"
        assert ledger.draft_state(connection, "ALDER-2026-01-D2")["reason"] == "evidence_lost"
    approve("ALDER-2026-01-D2")
    close.post("ALDER-2026-01-D2", at=LATER)
    assert recompute.recompute("ALDER-2026-01", now=LATER, with_today=False).holds


def test_nobody_approves_what_is_not_there_but_everybody_may_dispute_it(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    damage(path_of(warehouse, draft_id, "segment"))
    with pytest.raises(LandingError, match="segment rows are not what was written"):
        approve(draft_id)
    with warehouse.connect() as connection:
        assert ledger.draft_state(connection, draft_id)["state"] == "in_review"
    close.decide(draft_id, "dispute", comment="Its events are lost.", user="felix", at=NOW)


def test_no_clause_approves_what_is_not_there(warehouse: Engine, home: Path) -> None:
    path = home / "contracts" / "alder.yaml"
    terms = 'review: {within: 1h, then: deemed_approved, clause: "12.4"}\nversions:\n'
    path.write_text(path.read_text(encoding="utf-8").replace("versions:\n", terms), encoding="utf-8")
    sign(home)
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    lost = path_of(warehouse, draft_id)
    whole = lost.read_bytes()
    lost.unlink()
    with pytest.raises(LandingError, match="rows are missing"):
        close.deem_approved(draft_id, at=LATER)
    lost.write_bytes(whole)
    assert close.deem_approved(draft_id, at=LATER)


def test_the_files_of_a_restated_month_are_written_again_too(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    month(warehouse, "2026-02", 10)
    load(warehouse, {"id": "T2026-01-9", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"})
    draft_id = close.draft("alder|2026-02", now=NOW)["draft_id"]
    with warehouse.connect() as connection:
        (adjustment,) = ledger.read(connection, draft_id).adjustments
    restated = adjustment["restated_draft_id"]
    path_of(warehouse, restated).unlink()
    with pytest.raises(LandingError, match="rows are missing"):
        approve(draft_id)
    assert close.draft("alder|2026-02", now=NOW)["draft_id"] == draft_id
    approve(draft_id)

    note(warehouse, "T2026-01-3", LANDED)
    path_of(warehouse, restated).unlink()
    second = close.draft("alder|2026-02", now=NOW)["draft_id"]
    assert second == "ALDER-2026-02-D2"
    with warehouse.connect() as connection:
        (adjustment,) = ledger.read(connection, second).adjustments
        rows = connection.execute(text("select draft_id from ledger.draft where reason = 'restated' order by 1"))
        assert rows.scalars().all() == [restated, adjustment["restated_draft_id"]]
    approve(second)
    assert close.post(second, at=LATER)["credit"] == "-400.00"
    assert recompute.recompute("ALDER-2026-02", now=LATER, with_today=False).holds
