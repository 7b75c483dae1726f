"""What changed between an approval and the posting is told in words; engine differences beside a request stay out."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.errors import LedgerError
from deskledger.steps import close, requests, restate

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

STORM = '    exclusions:\n      storm: {clause: "9.2", title: Force majeure, effect: removed}\n    penalties:\n'


def test_terms_that_were_approved_otherwise_since_are_refused_in_words(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    close.decide(draft_id, "approve", comment="", user="felix", at=NOW)
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    path.write_text(words.replace("title: Resolution", "title: Solved in time"), encoding="utf-8")
    sign(home)
    path.write_text(words, encoding="utf-8")  # the file as the draft was made, and not as it was approved since
    with pytest.raises(LedgerError, match="no new draft can be made: not_approved: version 1 was edited"):
        close.post(draft_id, at=NOW)
    with warehouse.begin() as connection, pytest.raises(LedgerError, match="not approved as it stands"):
        ledger.post(connection, draft_id, at=NOW)
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from ledger.posting")).scalar_one() == 0


@pytest.mark.parametrize("is_measured_otherwise", [False, True])
def test_a_request_lets_through_its_own_tickets_and_no_others(
    warehouse: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, is_measured_otherwise: bool
) -> None:
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("    penalties:\n", STORM), encoding="utf-8")
    sign(home)
    for period, met in (("2026-01", 8), ("2026-02", 9)):
        month(warehouse, period, met)
    close_month("2026-01")
    asked = requests.Asked(KEY, "rosa", explanation="The storm.", evidence="https://weather.example/10")
    made = requests.exclude(asked, "storm", NOW, tickets=["T2026-01-8", "T2026-01-9"])
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    monkeypatch.setattr(restate, "__version__", "99")
    if is_measured_otherwise:  # nothing of it landed after the posting: only another engine can see it so
        late = {"id": "T2026-01-7", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T18:00:00Z"}
        load(warehouse, late, landed_at=LANDED)
    draft = close.draft("alder|2026-02", now=NOW)
    with warehouse.connect() as connection:
        stated = ledger.read(connection, draft["draft_id"])
    left = [each["reason"] for each in stated.draft["control"].get("not_restated", [])]
    if is_measured_otherwise:
        assert (draft["credit"], stated.adjustments) == ("0.00", [])
        assert left == ["version 99 of Deskledger measures tickets otherwise whose data did not change: T2026-01-7"]
    else:
        assert (draft["credit"], left) == ("-400.00", [])
