"""The hashes of everything that a posted statement's draft says: reports and the next months read from these rows."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from deskledger.ledger.canonical import digest
from deskledger.ledger.tables import every

# Columns are named one by one: a column that a later migration adds must not change the hashes that are booked.
_DRAFT = (
    "draft_id", "contract", "period", "number", "statement_number", "reason", "contract_title", "parties", "version",
    "effective_from", "currency", "credit_amount", "timezone", "period_start_at", "period_end_at", "as_of",
    "data_cutoff", "watermark_at", "data_mark", "contract_sha256", "evidence_sha256", "inputs_sha256", "preparers",
    "terms", "assessment", "charges", "control", "csat", "incomplete_tickets", "code_version", "drafted_by", "run_id",
    "drafted_at",
)  # fmt: skip
_LEVEL = (
    "ordinal", "service_level", "title", "clause", "population", "subject", "measure", "statistic", "side", "operator",
    "target", "numerator", "denominator", "value", "shown_value", "status", "sample", "met_tickets", "failed_tickets",
    "excluded_tickets", "incomplete_tickets", "window_months", "window_mode", "months", "failed_run", "is_priced",
)  # fmt: skip
_LINE = (
    "line_no", "term", "service_level", "status", "clause", "version", "effective_from", "operator", "target", "value",
    "band_edge", "detail", "credit_amount",
)  # fmt: skip
_TRACE = ("trace_no", "line", "step", "input", "output", "clause")
_FILE = ("kind", "path", "sha256", "rows")
_DECISION = (
    "draft_id", "decision", "comment", "decided_by", "decided_at", "first_approved_by", "first_approved_at",
    "signed_in_as",
)  # fmt: skip

_ADJUSTMENT = (
    "corrected_period", "corrected_statement", "replaced_draft_id", "restated_draft_id", "currency", "issued_amount",
    "adjusted_amount", "restated_amount", "amount", "causes",
)  # fmt: skip

_PARTS = {
    "heading": (_DRAFT, "ledger.draft as part where part.draft_id = :draft_id"),
    "levels": (_LEVEL, "ledger.draft_level as part where part.draft_id = :draft_id order by part.ordinal"),
    "lines": (_LINE, "ledger.draft_line as part where part.draft_id = :draft_id order by part.line_no"),
    "trace": (_TRACE, "ledger.draft_trace as part where part.draft_id = :draft_id order by part.trace_no"),
    # With the decisions on the month's earlier drafts: the report prints them all.
    "decisions": (
        _DECISION,
        """
        ledger.decision as part
        inner join ledger.draft as own on part.draft_id = own.draft_id
        where (own.contract, own.period) = (
            select whole.contract, whole.period from ledger.draft as whole where whole.draft_id = :draft_id
        )
        order by own.number
        """,
    ),
}


def draft_sha256(connection: Connection, draft_id: str) -> dict[str, str]:
    """SHA-256 of each part of a draft as it is stored now: heading, levels, lines, trace and its month's decisions.

    Where files are frozen with it, of their names and hashes; where it corrects posted months, of its adjustments too,
    with the restated drafts that they name. Its evidence has a hash of its own (`evidence_sha256`).
    """
    parts = {name: _sha256(connection, columns, rows, draft_id) for name, (columns, rows) in _PARTS.items()}
    files = every(
        connection,
        f"select {', '.join(_FILE)} from ledger.draft_file where draft_id = :draft_id order by kind",  # noqa: S608 - names from above
        draft_id=draft_id,
    )
    if files:
        parts["files"] = digest_or_fault(files)
    named = ", ".join(_ADJUSTMENT)
    adjustments = every(
        connection,
        f"select {named} from ledger.draft_adjustment where draft_id = :draft_id order by corrected_period",  # noqa: S608 - names from above
        draft_id=draft_id,
    )
    if adjustments:
        parts["adjustments"] = digest_or_fault(
            [
                {**row, "restated": draft_sha256(connection, row["restated_draft_id"]) | {"decisions": None}}
                for row in adjustments
            ]
        )
    return parts


def _sha256(connection: Connection, columns: tuple[str, ...], rows: str, draft_id: str) -> str:
    named = ", ".join(f"part.{column}" for column in columns)
    found = every(connection, f"select {named} from {rows}", draft_id=draft_id)  # noqa: S608 - names from above
    return digest_or_fault(found)


def digest_or_fault(value: list[Mapping[str, Any]] | list[dict[str, Any]] | Mapping[str, Any]) -> str:
    """The digest; or words that equal no digest, where somebody wrote what Deskledger never writes (a JSON float)."""
    try:
        return digest(value)
    except TypeError as error:
        return f"none: {error}"


def drafted_periods(connection: Connection, contract: str) -> list[str]:
    """The contract's months with a draft that are not posted, in order; restated months are none of them."""
    rows = every(
        connection,
        """
        select distinct period from ledger.draft_state
        where contract = :contract and state in ('in_review', 'approved', 'disputed')
        order by period
        """,
        contract=contract,
    )
    return [row["period"] for row in rows]
