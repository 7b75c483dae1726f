"""Journal lines for the general ledger: each posted statement with money, balanced, in the order of credit notes."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from deskledger.ledger.books import ContractBooks
from deskledger.ledger.tables import every
from deskledger.penalties.adjust import tax_of
from deskledger.penalties.exact import minor_units
from deskledger.penalties.limit import Money

JOURNAL_COLUMNS = (
    "note_number", "note_kind", "line_no", "posted_on", "statement_number", "contract", "period", "account",
    "account_name", "debit", "credit", "currency", "text", "clause", "corrects", "invoice_number", "tax_treatment",
    "tax_rate_pct", "entry_sha256",
)  # fmt: skip

_ZERO = Decimal(0)


def journal(
    connection: Connection, contract: str | None = None, periods: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The journal of every numbered statement, of one contract or some periods only: JOURNAL_COLUMNS, Decimal amounts.

    A line of the statement each on the contract's own account, then the tax on the month's credit and on each
    correction, then the customer's account with the whole, unless that is 0.00. In a debit note the customer owes it.
    The side that a row is not on is None; debits and credits of a statement are equal.
    """
    statements = every(
        connection,
        """
        select
            note.note_number, note.books, posting.statement_number, posting.contract, posting.period, posting.currency,
            posting.charges, (posting.posted_at at time zone draft.timezone)::date as posted_on
        from ledger.credit_note as note
        inner join ledger.posting as posting on note.statement_number = posting.statement_number
        inner join ledger.draft as draft on posting.draft_id = draft.draft_id
        where
            (cast(:contract as text) is null or posting.contract = :contract)
            and (cast(:periods as text []) is null or posting.period = any(:periods))
        order by note.series, note.number
        """,
        contract=contract,
        periods=None if periods is None else list(periods),
    )
    rows: list[dict[str, Any]] = []
    for statement in statements:
        entries = every(
            connection,
            """
            select line, amount, sha256, record::jsonb ->> 'clause' as clause, record::jsonb ->> 'corrects' as corrects
            from ledger.entry
            where statement_number = :number and kind = 'line' and amount <> 0
            order by entry_no
            """,
            number=statement["statement_number"],
        )
        rows += _of_statement(statement, entries)
    return rows


def _of_statement(statement: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    books = ContractBooks.model_validate(statement["books"])
    net = sum((entry["amount"] for entry in entries), _ZERO)
    parts: dict[str, Decimal] = {}  # the month's own credit, and each correction: each is rounded by itself
    for entry in entries:
        corrected = entry["corrects"] or ""
        parts[corrected] = parts.get(corrected, _ZERO) + entry["amount"]
    taxes = {corrected: tax_on(books, part, statement["currency"]) for corrected, part in parts.items()}
    gross = net + sum(taxes.values(), _ZERO)
    invoices = sorted(
        {charge["invoice_number"] for charge in statement["charges"].values() if charge["invoice_number"]}
    )
    common = {
        **{name: statement[name] for name in ("note_number", "statement_number", "contract", "period", "currency")},
        "note_kind": "debit note" if gross < 0 else "credit note",
        "posted_on": statement["posted_on"].isoformat(),
        "invoice_number": " ".join(invoices),
        "tax_treatment": books.tax.treatment,
        "tax_rate_pct": books.tax.rate,
        "clause": "",
        "corrects": "",
        "entry_sha256": "",
    }
    number = 0

    def row(account: str, name: str, amount: Decimal, words: str, **more: Any) -> dict[str, Any]:
        nonlocal number
        number += 1
        sides = {"debit": amount, "credit": None} if amount > 0 else {"debit": None, "credit": -amount}
        return {**common, "line_no": number, "account": account, "account_name": name, **sides, "text": words, **more}

    for entry in entries:
        told = {"clause": entry["clause"] or "", "corrects": entry["corrects"] or "", "entry_sha256": entry["sha256"]}
        yield row(books.debit.account, books.debit.name, entry["amount"], entry["line"], **told)
    for corrected, tax in taxes.items():
        if tax:
            assert books.tax.account is not None
            assert books.tax.name is not None
            words = f"tax on the correction of {corrected}" if corrected else f"tax on {statement['statement_number']}"
            yield row(books.tax.account, books.tax.name, tax, words, corrects=corrected)
    if gross:
        yield row(books.credit.account, books.credit.name, -gross, statement["statement_number"])


def tax_on(books: ContractBooks, net: Decimal, currency: str) -> Decimal:
    """The tax on a credit, or on a correction, as declared; half a cent rounds away from zero, so that what is taken
    back has the tax that was given.
    """
    tax = tax_of(books.tax.model_dump(exclude_none=True), Fraction(net), Money(minor_units(currency), "half_up"))
    return _ZERO if tax is None else tax
