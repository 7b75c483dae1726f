"""What the ledger's tests draft: one contract's month of ten tickets, and how it is decided and posted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Engine, text

from deskledger import ledger, model
from deskledger.contract.written import terms_sha256, written_form
from deskledger.landing.evidence import EvidenceFile

NOW = datetime(2026, 4, 6, 8, tzinfo=UTC)
TABLES = (
    "draft", "draft_level", "draft_line", "draft_trace", "draft_ticket", "decision", "attempt", "posting",
    "posted_ticket", "entry", "contract_submission", "contract_approval", "draft_adjustment", "reminder",
    "credit_note", "draft_file", "first_approval",
)  # fmt: skip
FROZEN = EvidenceFile("ticket", "aa/a.parquet", "a" * 64, 10)
AUTHOR, SUBMITTER, TERMS_APPROVER = "Ada", "ada", "lena"
TERM = {
    "id": "late",
    "measure": "resolution",
    "clause": "7.1",
    "schedule": {"kind": "threshold", "op": ">=", "target": "90", "consequence": {"pct_of_base": "5"}},
}


def terms(contract: str) -> str:
    """The canonical terms of the contract's version 1."""
    version = {"number": "1", "effective_from": "2026-01-01", "author": AUTHOR}
    return written_form({"contract": {"contract": contract}, "version": version})


def content(contract: str = "alder", period: str = "2026-03", met: int = 8, **changes: Any) -> ledger.DraftContent:
    """Ten tickets, `met` of them in time, 5 % of a fee of 1,000.00 when fewer than nine are."""
    end = datetime(2026, 4, 1, tzinfo=UTC)
    credit = Decimal("0.00") if met >= 9 else Decimal("50.00")
    level = {
        "ordinal": 1, "service_level": "resolution", "title": "Resolution", "clause": "4.2",
        "population": "all tickets", "subject": "clock", "measure": "resolution", "statistic": "share_met",
        "side": "provider", "operator": ">=",
        "target": "90", "numerator": str(met), "denominator": "10", "value": str(met * 10),
        "shown_value": Decimal(met * 10), "status": "met" if met >= 9 else "breached", "sample": 10, "met_tickets": met,
        "failed_tickets": 10 - met, "excluded_tickets": 0, "incomplete_tickets": 0, "window_months": 1,
        "window_mode": "pooled", "months": [{"period": period, "num": str(met), "den": 10}],
        "failed_run": int(met < 9), "is_priced": True,
    }  # fmt: skip
    line = {
        "line_no": 1, "term": "late", "service_level": "resolution", "status": "met" if met >= 9 else "breach",
        "clause": "7.1", "version": 1, "effective_from": date(2026, 1, 1), "operator": ">=", "target": "90",
        "value": str(met * 10), "band_edge": ">= 90", "detail": {}, "credit_amount": credit,
    }  # fmt: skip
    rows = [
        {
            "evidence_no": number, "service_level": "resolution", "fate": "met" if number <= met else "failed",
            "is_numerator": number <= met, "is_denominator": True, "ticket_key": number, "ticket_id": f"T{number}",
            "clock": "resolution", "cycle": 1, "state": "met" if number <= met else "breached", "target_us": 100,
            "elapsed_us": 100 if number <= met else 101, "due_at": end - timedelta(days=number),
        }
        for number in range(1, 11)
    ]  # fmt: skip
    made = ledger.DraftContent(
        contract=contract, contract_title=contract.title(), parties={"customer": contract}, period=period, version=1,
        effective_from=date(2026, 1, 1), currency="EUR", credit_amount=credit, timezone="Europe/Madrid",
        period_start_at=end - timedelta(days=31), period_end_at=end, as_of=end, data_cutoff=NOW, watermark_at=NOW,
        data_mark="m", contract_sha256="c" * 64, preparers=["Ada", "ines"],
        terms={"number": 1, "approvals": [{"version": 1, "terms_sha256": terms_sha256(terms(contract))}]},
        assessment={
            "contract": {"currency": "EUR", "bases": {"fee": "1000.00"}, "terms": [TERM]},
            "measurements": {"measures": {"resolution": {"num": met, "den": 10}}, "history": {}},
        },
        charges={"fee": {"kind": "monthly_fee", "amount": "1000.00"}}, control={"tickets": 10}, csat=None,
        incomplete_tickets=0, levels=[level], lines=[line],
        trace=[{"trace_no": 1, "line": "late", "step": "measure", "input": "8 of 10", "output": "80", "clause": "7.1"}],
        evidence=model.conform(model.EVIDENCE, pd.DataFrame(rows)), freeze=lambda: [FROZEN],
    )  # fmt: skip
    return replace(made, **changes)


def draft(engine: Engine, made: ledger.DraftContent | None = None, at: datetime = NOW) -> ledger.DraftRef:
    made = made or content()
    with engine.begin() as connection:
        sign(connection, made.contract)
        return ledger.write(connection, made, at=at)


def sign(connection: Connection, contract: str = "alder") -> None:
    """Version 1 of the contract, submitted by one person and approved by another."""
    own = terms(contract)
    sha256 = terms_sha256(own)
    row = {"contract": contract, "version": 1, "effective_from": date(2026, 1, 1), "author": AUTHOR, "terms": own}
    ledger.approvals.submit(connection, {**row, "terms_sha256": sha256}, by=SUBMITTER, comment="", at=NOW)
    ledger.approvals.approve(connection, contract, 1, sha256, by=TERMS_APPROVER, comment="", at=NOW)


def decide(engine: Engine, draft_id: str, decision: str = "approve", **more: Any) -> dict[str, Any]:
    given = {"comment": "", "user": "felix", "at": NOW, **more}
    with engine.begin() as connection:
        return ledger.decide(connection, draft_id, decision, **given)


def post(engine: Engine, draft_id: str, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    with engine.begin() as connection:
        return ledger.post(connection, draft_id, at=at, **more)


def posted(engine: Engine, made: ledger.DraftContent | None = None) -> dict[str, Any]:
    draft_id = draft(engine, made).draft_id
    decide(engine, draft_id)
    return post(engine, draft_id)


def rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from ledger.{table}")).scalar_one())  # noqa: S608
