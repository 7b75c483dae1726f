"""`deskledger export`: journal lines that balance, credit notes without a gap, and the same bytes every time."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from deskledger.cli import main
from deskledger.errors import LedgerError
from deskledger.steps import export, report

from tests.warehouse.close_desk import (
    NOW,
    charge,
    close_month,
    closing_home,  # noqa: F401 - the fixture
    load,
    month,
    sign,
)

LATER = NOW + timedelta(days=30)
BOOKS = """
contracts:
  alder:
    series: SC-
    debit: {account: "0709", name: Service credits}
    credit: {account: "4300", name: Receivables}
    accrued: {account: "4990", name: Refund liability}
    tax: {treatment: price_adjustment, rate: 21 %, account: "4770", name: Output VAT}
"""


@pytest.fixture(name="books", autouse=True)
def books_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "books.yaml"
    path.write_text(BOOKS, encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_BOOKS", str(path))
    return path


def post(engine: Engine, **met: int) -> None:
    for period, number in met.items():
        month(engine, f"2026-{period[1:]}", number)
        close_month(f"2026-{period[1:]}")


def journal(*arguments, now=NOW) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export.journal_csv(*arguments, now=now))))


def test_a_statement_becomes_balanced_lines_with_its_credit_note(warehouse: Engine) -> None:
    post(warehouse, m01=8, m02=7)
    rows = journal()
    told = [(row["note_number"], row["account"], row["debit"], row["credit"], row["text"]) for row in rows]
    assert told == [
        ("SC-0001", "0709", "400.00", "", "late"),
        ("SC-0001", "4770", "84.00", "", "tax on ALDER-2026-01"),
        ("SC-0001", "4300", "", "484.00", "ALDER-2026-01"),
        ("SC-0002", "0709", "600.00", "", "late"),  # the second failure in a row
        ("SC-0002", "0709", "", "100.00", "month"),  # the cap
        ("SC-0002", "4770", "105.00", "", "tax on ALDER-2026-02"),
        ("SC-0002", "4300", "", "605.00", "ALDER-2026-02"),
    ]
    for note in ("SC-0001", "SC-0002"):
        sides = [
            sum(Decimal(row[side] or 0) for row in rows if row["note_number"] == note) for side in ("debit", "credit")
        ]
        assert sides[0] == sides[1]
    first = rows[0]
    assert (first["note_kind"], first["currency"], first["clause"], first["invoice_number"]) == (
        "credit note", "EUR", "7.1", "A-1"
    )  # fmt: skip
    assert (first["tax_treatment"], first["tax_rate_pct"], first["posted_on"]) == (
        "price_adjustment",
        "21",
        "2026-04-06",
    )
    with warehouse.connect() as connection:
        booked = connection.execute(
            text("select sha256 from ledger.entry where kind = 'line' and line = 'late'")
        ).scalars()
        assert {row["entry_sha256"] for row in rows if row["text"] == "late"} == set(booked)


def test_a_correction_is_taxed_by_itself_and_names_its_statement(warehouse: Engine) -> None:
    """February is in time after all: 500.00 and its tax go back, beside the 400.00 of March."""
    post(warehouse, m01=8, m02=8)
    journal()
    told = {"created": "2026-02-10T08:00:00Z", "resolved": "2026-02-10T11:00:00Z"}
    at = NOW + timedelta(hours=1)
    load(warehouse, *({"id": f"T2026-02-{n}", **told} for n in (8, 9)), landed_at=at)
    month(warehouse, "2026-03", 8)
    draft = close_month("2026-03", at=at)["draft_id"]
    rows = journal("alder", ["2026-03"], now=at)
    assert [(row["account"], row["debit"], row["credit"], row["text"], row["corrects"]) for row in rows] == [
        ("0709", "400.00", "", "late", ""),
        ("0709", "", "500.00", "restatement:2026-02", "ALDER-2026-02"),
        ("4770", "84.00", "", "tax on ALDER-2026-03", ""),
        ("4770", "", "105.00", "tax on the correction of ALDER-2026-02", "ALDER-2026-02"),
        ("4300", "121.00", "", "ALDER-2026-03", ""),
    ]
    page = Path(report.render(draft, at)["page"]).read_text("utf-8")
    assert all(words in page for words in ("84.00", "Tax on corrections of earlier months", "−105.00", "−121.00"))


@pytest.mark.parametrize(
    ("tax", "kind", "balance", "gross"),
    [
        ("", "debit note", [("4770", "19.01", ""), ("4770", "", "9.51"), ("4770", "", "9.51"), ("4300", "0.01", "")],
         "−0.01"),
        ("    tax: {treatment: damages}\n", "credit note", [], "0.00"),
    ],
)  # fmt: skip
def test_corrections_that_cancel_the_months_credit_are_booked_with_it(
    warehouse: Engine, books: Path, tax: str, kind: str, balance: list[tuple[str, str, str]], gross: str
) -> None:
    """100.06 of March less 50.03 twice is 0.00; the tax of each, rounded by itself, leaves a cent."""
    words = BOOKS.replace("21 %", "19 %")
    books.write_text(words.split("    tax:")[0] + tax if tax else words, encoding="utf-8")
    for period, amount in (("2026-01", "1250.75"), ("2026-02", "1000.60"), ("2026-03", "2501.50")):
        charge(warehouse, "alder", period, amount=Decimal(amount))
    post(warehouse, m01=8, m02=8)
    at = NOW + timedelta(hours=1)
    for period in ("2026-01", "2026-02"):
        told = {"created": f"{period}-10T08:00:00Z", "resolved": f"{period}-10T11:00:00Z"}
        load(warehouse, *({"id": f"T{period}-{n}", **told} for n in (8, 9)), landed_at=at)
    month(warehouse, "2026-03", 8)
    made = close_month("2026-03", at=at)
    assert made["credit"] == "0.00"
    rows = journal("alder", ["2026-03"], now=at)
    assert [(row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("0709", "100.06", ""), ("0709", "", "50.03"), ("0709", "", "50.03"), *balance
    ]  # fmt: skip
    assert [row["corrects"] for row in rows[:3]] == ["", "ALDER-2026-01", "ALDER-2026-02"]
    assert {(row["note_number"], row["note_kind"]) for row in rows} == {("SC-0003", kind)}
    sides = [sum(Decimal(row[side] or 0) for row in rows) for side in ("debit", "credit")]
    assert sides[0] == sides[1]
    page = Path(report.render(made["draft_id"], at)["page"]).read_text("utf-8")
    assert all(words in page for words in ("Tax on corrections of earlier months", "Booked with SC-0003.", "Gross"))
    assert gross in page.split("Gross")[1].split("</tr>")[0]


def test_a_month_that_its_own_caps_take_back_whole_has_no_credit_note(warehouse: Engine, tmp_path: Path) -> None:
    path = tmp_path / "contracts" / "alder.yaml"
    year = '        - {id: year, clause: "7.10", amount: 400.00, per: year}\n'
    path.write_text(path.read_text(encoding="utf-8") + year, encoding="utf-8")
    sign(tmp_path)
    post(warehouse, m01=8, m02=8)
    assert {row["note_number"] for row in journal()} == {"SC-0001"}
    assert "Gross" not in Path(report.render("ALDER-2026-02-D1", NOW)["page"]).read_text("utf-8")


def test_the_page_shows_net_tax_and_gross_as_the_journal_books_them(warehouse: Engine, books: Path) -> None:
    def page() -> str:
        return Path(report.render("ALDER-2026-01-D1", NOW)["page"]).read_text("utf-8")

    post(warehouse, m01=8)
    assert all(words in page() for words in ("Tax, 21 % (price adjustment)", "84.00", "484.00", "no credit note"))
    journal()
    books.write_text(BOOKS.replace("21 %", "10 %"), encoding="utf-8")  # what is booked stays as it is booked
    assert all(words in page() for words in ("Tax, 21 % (price adjustment)", "484.00", "Booked with SC-0001."))
    books.write_text("contracts: {}\n", encoding="utf-8")
    month(warehouse, "2026-02", 8)
    close_month("2026-02")
    other = Path(report.render("ALDER-2026-02-D1", NOW)["page"]).read_text("utf-8")
    assert "600.00" in other and "Gross" not in other
    books.write_text("contracts: nonsense\n", encoding="utf-8")  # the report is written all the same
    assert "Gross" not in Path(report.render("ALDER-2026-02-D1", NOW)["page"]).read_text("utf-8")


def test_damages_are_outside_the_scope_of_tax(warehouse: Engine, books: Path) -> None:
    words = BOOKS.split("    tax:")[0] + "    tax: {treatment: damages}\n"
    books.write_text(words, encoding="utf-8")
    post(warehouse, m01=8)
    assert [(row["account"], row["debit"], row["credit"]) for row in journal()] == [
        ("0709", "400.00", ""),
        ("4300", "", "400.00"),
    ]


def test_exporting_again_gives_the_same_bytes_whatever_was_edited_since(warehouse: Engine, books: Path) -> None:
    post(warehouse, m01=8)
    first = export.journal_csv(now=NOW)
    books.write_text(BOOKS.replace("0709", "0999").replace("21 %", "10 %"), encoding="utf-8")
    assert export.journal_csv(now=LATER) == first
    post(warehouse, m02=8)
    again = export.journal_csv(now=LATER)
    assert again.startswith(first)
    assert "SC-0002,credit note,1,2026-04-06,ALDER-2026-02,alder,2026-02,0999," in again


def test_numbers_follow_the_order_of_posting_and_skip_months_without_money(warehouse: Engine) -> None:
    post(warehouse, m01=8, m02=10, m03=8)
    assert {row["note_number"] for row in journal("alder", ["2026-03"])} == {"SC-0002"}
    assert {row["note_number"] for row in journal("alder", ["2026-01"], now=LATER)} == {"SC-0001"}
    assert journal("alder", ["2026-02"]) == []
    with warehouse.connect() as connection:
        assert connection.execute(text("select count(*) from ledger.credit_note")).scalar_one() == 2


def test_exports_at_once_number_each_statement_once(warehouse: Engine) -> None:
    post(warehouse, m01=8, m02=8)
    with ThreadPoolExecutor(4) as pool:
        contents = set(pool.map(lambda _: export.journal_csv(now=NOW), range(4)))
    assert len(contents) == 1
    assert {row["note_number"] for row in journal()} == {"SC-0001", "SC-0002"}


@pytest.mark.parametrize("role", [None, "finance", "loader"])
@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.credit_note set note_number = 'SC-9999'",
        "delete from ledger.credit_note",
        "truncate ledger.credit_note",
        "insert into ledger.credit_note select statement_number, 'SC-', 7, 'SC-0007', books, numbered_at "
        "from ledger.credit_note",
    ],
)
def test_no_role_changes_a_number_or_leaves_a_gap(warehouse: Engine, role: str | None, statement: str) -> None:
    post(warehouse, m01=8)
    journal()
    with warehouse.connect() as connection, pytest.raises(DBAPIError, match=r"append-only|continues with 2|permission"):
        if role:
            connection.execute(text(f"set role {role}"))
        connection.execute(text(statement))
    assert {row["note_number"] for row in journal()} == {"SC-0001"}


def test_a_contract_without_books_waits_and_the_others_go_on(
    warehouse: Engine, books: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post(warehouse, m01=8)
    books.write_text(BOOKS.replace("  alder:", "  brisa:"), encoding="utf-8")
    assert main(["export", "journal"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0].startswith("note_number,note_kind")
    assert "does not say how they are booked: ALDER-2026-01" in told.err
    with pytest.raises(LedgerError, match="nothing says how alder is booked"):
        export.journal_csv("alder", now=NOW)
    books.write_text(BOOKS, encoding="utf-8")
    assert {row["note_number"] for row in journal()} == {"SC-0001"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("series: SC-", "series: =SC-", "contracts.alder.series"),
        ("rate: 21 %", "rate: much", "is no amount"),
        ("rate: 21 %, ", "", "needs rate, account and name"),
        ("treatment: price_adjustment", "treatment: damages", "has no rate and account"),
        ("tax:", "taxes:", "contracts.alder.tax"),
        ('credit: {account: "4300", name: Receivables}', "credit: 4300", "contracts.alder.credit"),
        ("contracts:", "contracts: &all", "anchors"),
    ],
)
def test_books_that_say_something_else_are_refused_with_their_place(books: Path, old: str, new: str, told: str) -> None:
    assert old in BOOKS
    books.write_text(BOOKS.replace(old, new), encoding="utf-8")
    with pytest.raises(LedgerError, match=told) as caught:
        export.journal_csv(now=NOW)
    assert str(caught.value.where).startswith("books.yaml")


def test_a_statements_files_are_the_same_whenever_they_are_written(warehouse: Engine, tmp_path: Path) -> None:
    post(warehouse, m01=8)
    for folder in ("one", "two"):
        assert main(["export", "statement", "ALDER-2026-01", "--out", str(tmp_path / folder)]) == 0
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {f"ALDER-2026-01-{part}.csv" for part in ("lines", "tickets", "trace")}
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
