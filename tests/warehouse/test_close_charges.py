"""Charges by hand: imported by one person, approved by another, and the database holds every role to it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from deskledger.cli import main
from deskledger.errors import LedgerError, StatementError
from deskledger.steps import charges, close

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    charge,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    month,
)

HEADER = "contract,period,kind,amount,currency,invoice_number\n"
LINE = "alder,2026-01,monthly_fee,20000.00,EUR,A-7\n"


def written(home: Path, *lines: str, header: str = HEADER) -> Path:
    path = home / "charges.csv"
    path.write_text(header + "".join(lines), encoding="utf-8")
    return path


def imported(home: Path, line: str = LINE, by: str = "iris") -> list[bool]:
    return [row["is_new"] for row in charges.import_file(written(home, line), by=by, now=NOW)]


def approve(by: str = "olga") -> dict[str, Any]:
    return charges.approve(KEY, "monthly_fee", by=by, comment="Held against A-7.", now=NOW)


def log(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select act, changed_by, words from ledger.change_log "
                "where subject = 'charge' and period = '2026-01' order by changed_at"
            )
        )
        return [tuple(row) for row in rows]


def test_a_charge_is_a_base_once_a_second_person_approved_it(warehouse: Engine, home: Path) -> None:
    month(warehouse, "2026-01", 8)
    first = close.draft(KEY, now=NOW)
    assert first["credit"] == "400.00"
    assert imported(home) == [True]
    with pytest.raises(LedgerError, match="stale, and no new draft"):
        close.decide(first["draft_id"], "approve", comment="", user="felix", at=NOW)
    with pytest.raises(StatementError, match="not approved by a second person") as caught:
        close.draft(KEY, now=NOW)
    assert "deskledger charges approve" in str(caught.value.remedy)
    assert approve()["approved_by"] == "olga"
    made = close.draft(KEY, now=NOW)
    assert (made["status"], made["credit"]) == ("drafted", "800.00")
    with pytest.raises(LedgerError, match="iris"):  # who imported it
        close.decide(made["draft_id"], "approve", comment="", user="iris", at=NOW)
    assert [row[:2] for row in log(warehouse)] == [("insert", "ines"), ("update", "iris"), ("approve", "olga")]


def test_what_is_approved_stays_so_until_it_says_something_else(warehouse: Engine, home: Path) -> None:
    imported(home)
    approve()
    assert approve("somebody")["approved_by"] == "olga"  # again: nothing changes
    assert imported(home) == [False]
    known = {"amount": 20000, "invoice_number": "A-7", "imported_by": "iris", "approved_by": None}
    charge(warehouse, "alder", "2026-01", **known)  # an export tells the same, and no approver
    assert charges.listed(KEY)[0]["approved_by"] == "olga"
    charge(warehouse, "alder", "2026-01", **{**known, "invoice_number": "A-8"})
    assert charges.listed(KEY)[0]["approved_by"] is None
    assert imported(home) == [True]  # the same words as before, put forward again: to be approved again
    assert charges.listed(KEY)[0]["approved_by"] is None


def test_an_export_that_names_nobody_leaves_both_persons_of_the_same_words(warehouse: Engine, home: Path) -> None:
    imported(home)
    approve()
    words = {"amount": 20000, "invoice_number": "A-7", "imported_by": None, "approved_by": None}
    charge(warehouse, "alder", "2026-01", **words)
    assert persons() == ("iris", "olga")
    charge(warehouse, "alder", "2026-01", **{**words, "amount": 20001})
    assert persons() == (None, None)
    with pytest.raises(LedgerError, match="nobody is named who imported it") as caught:
        approve()
    assert "import it by hand" in str(caught.value.remedy)
    imported(home)
    imported(home, LINE.replace("20000", "20001"))
    charge(warehouse, "alder", "2026-01", **words)  # no longer the newest words that were imported by hand
    assert persons() == (None, None)


def persons() -> tuple[str | None, str | None]:
    row = charges.listed(KEY)[0]
    return row["imported_by"], row["approved_by"]


@pytest.mark.parametrize("by", ["iris", " IRIS\t"])
def test_who_imported_a_charge_cannot_approve_it(home: Path, by: str) -> None:
    imported(home)
    with pytest.raises(LedgerError, match="imported it and cannot approve it"):
        approve(by)
    assert charges.listed(KEY)[0]["approved_by"] is None


def test_an_approval_of_its_importer_in_other_letters_is_none(warehouse: Engine, home: Path) -> None:
    charge(warehouse, "alder", "2026-01", imported_by="iris", approved_by=" Iris")
    assert approve()["approved_by"] == "olga"
    charge(warehouse, "alder", "2026-02", imported_by="iris", approved_by="Irina")
    stays = charges.approve("alder|2026-02", "monthly_fee", by="olga", comment="", now=NOW)
    assert stays["approved_by"] == "Irina"


def test_nobody_and_no_charge_are_refused(home: Path) -> None:
    with pytest.raises(LedgerError, match="no such charge"):
        charges.approve("alder|2026-01", "yearly_fee", by="olga", comment="", now=NOW)
    with pytest.raises(LedgerError, match="names nobody"):
        imported(home, by=" ")
    imported(home)
    with pytest.raises(LedgerError, match="names nobody"):
        approve(" ")


APPROVAL = """
insert into ledger.charge_approval (
    contract, period, kind, amount, currency, invoice_number, imported_by, approved_by, comment, approved_at
) values ('alder', '2026-01', 'monthly_fee', :amount, 'EUR', 'A-7', :importer, :approver, '', now())
"""


@pytest.mark.parametrize("role", ["finance", "superuser"])
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"approver": "Iris "}, "cannot approve it"),
        ({"amount": "20000.01"}, "something else by now"),
        ({"importer": "ines"}, "something else by now"),
        ({"approver": ""}, "names nobody"),
        ({}, None),
    ],
)
def test_the_rules_bind_by_sql(
    warehouse: Engine, home: Path, role: str, words: dict[str, str], fault: str | None
) -> None:
    imported(home)
    bound = {"amount": "20000.00", "importer": "iris", "approver": "olga", **words}

    def write() -> None:
        with warehouse.begin() as connection:
            if role == "finance":
                connection.execute(text("set local role finance"))
            connection.execute(text(APPROVAL), bound)

    if fault is None:
        write()
        assert charges.listed(KEY)[0]["approved_by"] == "olga"
        return
    with pytest.raises(DatabaseError, match=fault):
        write()
    assert charges.listed(KEY)[0]["approved_by"] is None


@pytest.mark.parametrize("table", ["charge_import", "charge_approval"])
@pytest.mark.parametrize(
    "act", ["update ledger.{0} set imported_by = 'x'", "delete from ledger.{0}", "truncate ledger.{0} cascade"]
)
def test_what_was_imported_and_approved_stays_on_record(warehouse: Engine, home: Path, table: str, act: str) -> None:
    imported(home)
    approve()
    with pytest.raises(DatabaseError, match="append-only"), warehouse.begin() as connection:
        connection.execute(text(act.format(table)))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("alder,2026-13,monthly_fee,1.00,EUR,A-7\n", "'2026-13' is no month"),
        ("alder,2026-02,monthly_fee,1.00,USD,A-7\n", "in USD, the contract in EUR"),
        ("alder,2026-02,monthly_fee,ten,EUR,A-7\n", "'ten' is no amount"),
        ("alder,2026-02,monthly_fee,-0.01,EUR,A-7\n", "'-0.01' is no amount"),
        ("alder,2026-02,monthly_fee,1_200,EUR,A-7\n", "'1_200' is no amount"),
        ("alder,2026-02,monthly_fee,1e5,EUR,A-7\n", "'1e5' is no amount"),
        ("alder,2026-02,monthly_fee,12.,EUR,A-7\n", r"'12\.' is no amount"),
        ("alder,2026-02,monthly_fee,١٢,EUR,A-7\n", "'١٢' is no amount"),
        ("alder,2026-02,,1.00,EUR,A-7\n", "no kind"),
        (LINE, "line 2 has the monthly_fee of alder in 2026-01 already"),
    ],
)
def test_a_file_with_one_fault_imports_nothing(warehouse: Engine, home: Path, line: str, what: str) -> None:
    before = log(warehouse)
    with pytest.raises(LedgerError, match=what) as caught:
        charges.import_file(written(home, LINE, line), by="iris", now=NOW)
    assert caught.value.where == "charges.csv:3"
    assert log(warehouse) == before


def test_a_file_without_its_columns_is_refused(home: Path) -> None:
    with pytest.raises(LedgerError, match="lacks currency"):
        charges.import_file(written(home, LINE, header=HEADER.replace("currency", "money")), by="iris", now=NOW)
    with pytest.raises(LedgerError, match="lacks any charge"):
        charges.import_file(written(home), by="iris", now=NOW)


def test_the_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["charges", "import", str(written(home, LINE)), "--as", "iris"]) == 0
    assert main(["charges", "approve", KEY, "monthly_fee", "--as", "iris"]) == 1
    assert main(["charges", "approve", KEY, "monthly_fee", "--as", "olga", "--comment", "A-7"]) == 0
    assert main(["charges", "list", KEY]) == 0
    told = "alder|2026-01 monthly_fee: 20000.00 EUR, invoice A-7, imported by iris, approved by olga\n"
    assert capsys.readouterr().out == (
        "alder|2026-01 monthly_fee: 20000.00 EUR, imported, to be approved by somebody else\n" + told + told
    )
