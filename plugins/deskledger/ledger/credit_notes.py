"""Credit notes: a number for each posted statement that has money to book, given once and without a gap (ADR 0056)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from deskledger.ledger.books import Books
from deskledger.ledger.tables import every, insert

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('ledger.credit_note', 0))")


def number_statements(connection: Connection, books: Books, *, at: datetime) -> list[dict[str, Any]]:
    """Give every posted statement with money, and without a number, the next one of its series; the new rows.

    With money is one whose month, or any one correction, does not come to 0.00: these may cancel each other, and each
    is booked and taxed by itself.
    In the order of posting, whatever is exported first, in the caller's transaction. A contract without books waits:
    its statements are numbered once it has some. What a statement is booked by is kept with its number.
    """
    connection.execute(_LOCK)
    waiting = _waiting(connection)
    last = {
        row["series"]: row["number"]
        for row in every(connection, "select series, max(number) as number from ledger.credit_note group by series")
    }
    rows = []
    for statement in waiting:
        own = books.contracts.get(statement["contract"])
        if own is None:
            continue
        number = last.get(own.series, 0) + 1
        last[own.series] = number
        rows.append(
            {
                "statement_number": statement["statement_number"],
                "series": own.series,
                "number": number,
                "note_number": f"{own.series}{number:04}",
                "books": own.model_dump(exclude_none=True),
                "numbered_at": at,
            }
        )
    # One by one: each row must continue its series as the trigger sees it.
    for row in rows:
        insert(connection, "credit_note", [row])
    return rows


def unnumbered(connection: Connection) -> list[str]:
    """The posted statements with money that have no number yet, in the order of posting."""
    return [row["statement_number"] for row in _waiting(connection)]


def _waiting(connection: Connection) -> list[dict[str, Any]]:
    return every(
        connection,
        """
        select
            posting.statement_number,
            posting.contract
        from ledger.posting as posting
        inner join ledger.entry as entry
            on posting.statement_number = entry.statement_number and entry.kind = 'statement'
        left join ledger.credit_note as note on posting.statement_number = note.statement_number
        where
            note.statement_number is null
            and exists (
                select 1
                from ledger.entry as line
                where line.statement_number = posting.statement_number and line.kind = 'line'
                group by line.record::jsonb ->> 'corrects'
                having sum(line.amount) <> 0
            )
        order by entry.entry_no
        """,
    )
