"""`deskledger recompute`: a posted month to the cent, its hashes, and what the data of today would say."""

import json

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main
from deskledger.errors import LedgerError
from deskledger.steps import recompute

from tests.warehouse.close_desk import NOW, close_month, closing_home, load, month  # noqa: F401 - the fixture

NUMBER = "ALDER-2026-01"


def post_january(engine: Engine) -> None:
    month(engine, "2026-01", 8)  # 80 %: a breach of 4 % of the fee
    close_month("2026-01")


def test_a_posted_month_gives_its_cents_again(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    post_january(warehouse)
    found = recompute.recompute(NUMBER, now=NOW)
    assert (str(found.posted), str(found.recomputed)) == ("400.00", "400.00")
    assert (found.differences, found.faults, found.evidence_rows) == ((), (), 10)
    assert str(found.today.credit) == "400.00"
    assert found.today.sides.empty
    assert main(["recompute", NUMBER]) == 0
    page = capsys.readouterr().out
    assert page.startswith("ALDER-2026-01  (alder, 2026-01): holds")
    assert found.evidence_sha256 in page
    assert "Over the data of today this version says the same: 400.00 EUR." in page


def test_late_data_is_told_and_not_substituted(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    post_january(warehouse)
    load(warehouse, {"id": "T2026-01-9", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"})
    assert main(["recompute", NUMBER, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["posted"], told["recomputed"], told["difference"], told["holds"]) == ("400.00", "400.00", "0.00", True)
    assert told["today"]["credit"] == "0.00"
    assert [(line["line"], line["difference"]) for line in told["today"]["lines"]] == [("late", "-400.00")]
    (ticket,) = told["today"]["tickets"]
    assert (ticket["ticket_id"], ticket["fate_before"], ticket["fate_after"]) == ("T2026-01-9", "failed", "met")


def test_terms_that_were_edited_since_say_nothing_about_a_posted_month(warehouse: Engine, home) -> None:
    post_january(warehouse)
    path = home / "contracts" / "alder.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("4 %", "3 %"), encoding="utf-8")
    found = recompute.recompute(NUMBER, now=NOW)
    assert found.holds
    assert found.today.credit is None
    assert found.today.why_not == "version 1 in contracts/alder.yaml is not what was priced"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("ledger.posted_ticket set state = 'met', fate = 'met', is_numerator = true where ticket_id = 'T2026-01-9'",
         "its frozen evidence is not what was booked"),
        ("ledger.posting set credit_amount = 300", "its posting or frozen terms are not what was booked"),
        ("ledger.entry set record = replace(record, 'felix', 'fatima') where kind = 'statement'",
         "its record does not give its hash"),
    ],
)  # fmt: skip
def test_a_rewritten_ledger_does_not_hold_and_scripts_can_tell(
    warehouse: Engine, capsys: pytest.CaptureFixture[str], change: str, fault: str
) -> None:
    post_january(warehouse)
    table = change.split()[0]
    with warehouse.begin() as connection:
        connection.execute(text(f"alter table {table} disable trigger append_only"))
        connection.execute(text(f"update {change}"))
    assert main(["recompute", "--all", "--frozen-only"]) == 3
    page = capsys.readouterr().out
    assert "DOES NOT HOLD" in page
    assert fault in page


def test_what_is_not_posted_cannot_be_recomputed(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LedgerError, match="no statement 'ALDER-2026-07' is posted"):
        recompute.recompute("ALDER-2026-07", now=NOW)
    assert main(["recompute", "ALDER-2026-07"]) == 1
    assert main(["recompute", "--all"]) == 0
    assert "nothing is posted yet" in capsys.readouterr().out
