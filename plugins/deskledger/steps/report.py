"""The report of a draft or posted statement: one page and three CSV files in the contract's folder of the month."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger import ledger, reports
from deskledger.errors import DeskledgerError
from deskledger.ledger.books import ContractBooks, read_books
from deskledger.ledger.journal import tax_on
from deskledger.reports import review
from deskledger.settings import settings
from deskledger.steps.watch import watch_of
from deskledger.warehouse import open_warehouse

_log = logging.getLogger(__name__)

_ACCOUNTS = (
    text("delete from mart.contract_account where contract = :contract and account <> all(:accounts)"),
    text("insert into mart.contract_account select :contract, unnest(:accounts) on conflict do nothing"),
)
_MARTS_LOCK = text("select pg_advisory_xact_lock(hashtextextended('marts', 0))")


def render(draft_id: str, now: datetime) -> dict[str, str]:
    """Write the page and CSV files of a draft, and of its statement once it is posted; their paths.

    Files are named after the draft (ALDER-2026-01-D1.html), and after the statement (ALDER-2026-01.html) when it is
    posted. The restated drafts of the months that it corrects get theirs beside their own months. The marts are
    refreshed first. Rendering again writes the same figures.
    """
    refresh_marts()
    with open_warehouse().connect() as connection:
        record = _record(connection, draft_id)
        restated = [_record(connection, row["restated_draft_id"]) for row in record.adjustments]
    for each in restated:
        _write_all(each, now)
    return _write_all(record, now)


def _write_all(record: reports.StatementRecord, now: datetime) -> dict[str, str]:
    draft = record.draft
    is_posted = record.state["state"] == "posted"
    stem = str(draft["statement_number"] if is_posted else draft["draft_id"])
    folder = _folder(draft)
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "page": write_file(folder / f"{stem}.html", reports.render(record, now)),
        "lines": write_file(folder / f"{stem}-lines.csv", reports.lines_csv(draft, record.lines)),
        "tickets": write_file(folder / f"{stem}-tickets.csv", reports.tickets_csv(record.evidence)),
        "trace": write_file(folder / f"{stem}-trace.csv", reports.trace_csv(draft, record.trace)),
    }


def refresh_marts() -> list[str]:
    """Run every statement of sql/marts, in one transaction and one at a time; the names of the marts."""
    files = sorted((settings().sql / "marts").glob("*.sql"))
    with open_warehouse().begin() as connection:
        # Two closes may end at once, and a MERGE does not see the row that the other one is inserting.
        connection.execute(_MARTS_LOCK)
        for contract in contracts.load_all(settings().contracts)[0]:
            _accounts(connection, contract)
        for file in files:
            connection.execute(text(file.read_text(encoding="utf-8")))
    return [file.stem for file in files]


def _accounts(connection: Connection, contract: contracts.Contract) -> None:
    """Says which accounts the contract's figures are about: who may not read them all may read none (0018)."""
    accounts = {"contract": contract.name, "accounts": sorted(contract.scope.get("account") or {"*"})}
    for statement in _ACCOUNTS:
        connection.execute(statement, accounts)


def review_text(draft_id: str, now: datetime) -> dict[str, str]:
    """Subject and body (Markdown) of the human task."""
    with open_warehouse().connect() as connection:
        record = _record(connection, draft_id)
    page = _folder(record.draft) / f"{draft_id}.html"
    return {
        "subject": review.subject(record, now),
        "body": review.body(record, now, page if page.exists() else None),
    }


def _folder(draft: Any) -> Path:
    return settings().reports / str(draft["contract"]) / str(draft["period"])


def _record(connection: Connection, draft_id: str) -> reports.StatementRecord:
    stored = ledger.read(connection, draft_id)
    draft = stored.draft
    trend: dict[str, list[dict[str, Any]]] = {}
    for row in _query(connection, "trend", contract=draft["contract"], before=draft["period"]):
        trend.setdefault(row["service_level"], []).append(row)
    year_to_date = _query(connection, "year_to_date", contract=draft["contract"], period=draft["period"])
    is_posted = stored.state["state"] == "posted"
    return reports.StatementRecord(
        draft=draft,
        state=stored.state,
        levels=stored.levels,
        lines=stored.lines,
        trace=stored.trace,
        decisions=stored.decisions,
        evidence=ledger.read_evidence(connection, draft_id),
        trend=trend,
        year_to_date=Decimal(year_to_date[0]["credit_amount"]),
        poor_answers=_query(connection, "poor_answers", draft_id=draft_id) if draft["csat"] else (),
        earlier_figures=_query(connection, "earlier_figures", contract=draft["contract"], before=draft["period"]),
        **_unusual_days(str(draft["contract"])),
        adjustments=stored.adjustments,
        entry_sha256=ledger.statement_entry(connection, draft["statement_number"]) if is_posted else None,
        requests=ledger.requests_of_month(connection, draft["contract"], draft["period"]),
        tax=_tax(connection, draft, stored.state["state"], stored.adjustments),
        first_approval=next(iter(_query(connection, "first_approval", draft_id=draft_id)), None),
    )


def _tax(
    connection: Connection, draft: Mapping[str, Any], state: str, adjustments: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The tax on the month's credit and on its corrections, as booked, else as the books declare it.

    None without books, or where neither the month nor a correction comes to any money. A restated month has none: what
    it differs by is taxed with the statement that books it.
    """
    corrected = [row["amount"] for row in adjustments]
    month = draft["credit_amount"] - sum(corrected, Decimal(0))
    if state == "restated" or not any((month, *corrected)):
        return None
    note = next(iter(_query(connection, "credit_note", statement_number=draft["statement_number"])), None)
    try:
        own = ContractBooks.model_validate(note["books"]) if note else _books(str(draft["contract"]))
    except DeskledgerError as error:
        _log.error("no tax in the report: %s", error)
        return None
    if own is None:
        return None
    return {
        "treatment": own.tax.treatment,
        "rate": own.tax.rate,
        "tax": tax_on(own, month, draft["currency"]),
        "corrections_tax": sum((tax_on(own, amount, draft["currency"]) for amount in corrected), Decimal(0))
        if corrected
        else None,
        "note_number": note["note_number"] if note else None,
    }


def _books(contract: str) -> ContractBooks | None:
    return read_books(settings().books).contracts.get(contract)


def _unusual_days(contract: str) -> dict[str, Any]:
    """What watch/ says of sudden moves; a file with faults leaves the section out, and never the report."""
    try:
        moves = watch_of(contract).sudden_moves
    except DeskledgerError as error:
        _log.error("no sudden moves in the report: %s", error)
        return {}
    return {"limits": moves.limits, "causes": [cause.model_dump() for cause in moves.causes]}


def _query(connection: Connection, name: str, **values: Any) -> list[dict[str, Any]]:
    statement = (settings().sql / "reports" / f"{name}.sql").read_text(encoding="utf-8")
    return [dict(row) for row in connection.execute(text(statement), values).mappings()]


def write_file(path: Path, content: str) -> str:
    """Replace the file at once, so that a reader never meets half of it."""
    passing = path.with_name(f".{path.name}.new")
    passing.write_text(content, encoding="utf-8", newline="")
    passing.replace(path)
    return str(path)
