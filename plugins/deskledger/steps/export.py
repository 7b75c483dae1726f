"""Exports for the books: journal lines with credit notes, and the files of a posted statement. Twice is the same."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from deskledger import ledger, reports
from deskledger.ledger.books import read_books
from deskledger.ledger.credit_notes import number_statements, unnumbered
from deskledger.ledger.journal import JOURNAL_COLUMNS, journal
from deskledger.reports.export import rows_csv
from deskledger.settings import settings
from deskledger.warehouse import open_warehouse


def journal_csv(contract: str | None = None, periods: Sequence[str] | None = None, *, now: datetime) -> str:
    """The journal as CSV, of all posted statements with money, of one contract, or of some periods.

    Statements that have no credit note yet are numbered first, all of them, in the order of posting. Raises LedgerError
    for a file of books that is not valid, or that does not name the contract asked for.
    """
    books = read_books(settings().books)
    if contract is not None:
        books.of(contract)
    engine = open_warehouse()
    with engine.begin() as connection:
        number_statements(connection, books, at=now)
    with engine.connect() as connection:
        return rows_csv(JOURNAL_COLUMNS, journal(connection, contract, periods))


def unbooked() -> list[str]:
    """Posted statements with money and without a credit note: their contract has no books yet."""
    with open_warehouse().connect() as connection:
        return unnumbered(connection)


def statement_files(statement_number: str, folder: Path) -> list[Path]:
    """Write a posted statement's lines, tickets and formula trace as CSV files into the folder; their paths.

    Raises LedgerError for a statement that is not posted.
    """
    with open_warehouse().connect() as connection:
        posting = ledger.statement_of(connection, statement_number)
        stored = ledger.read(connection, posting["draft_id"])
        evidence = ledger.read_posted_evidence(connection, statement_number)
    files = {
        "lines": reports.lines_csv(stored.draft, stored.lines),
        "tickets": reports.tickets_csv(evidence),
        "trace": reports.trace_csv(stored.draft, stored.trace),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in files.items():
        path = folder / f"{statement_number}-{name}.csv"
        path.write_text(content, encoding="utf-8", newline="")
        paths.append(path)
    return paths
