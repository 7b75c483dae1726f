"""A stored draft as the report receives it: one missed service level, a cap, an incomplete ticket, hostile text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from deskledger import model, reports

EVIL = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(scope="session")
def record() -> Callable[..., reports.StatementRecord]:
    """A function that makes the record, with changes."""
    return _record


def _record(**changes: Any) -> reports.StatementRecord:
    moment = datetime(2026, 4, 6, tzinfo=UTC)
    draft = {
        "draft_id": "ALDER-2026-03-D2",
        "statement_number": "ALDER-2026-03",
        "contract": "alder",
        "period": "2026-03",
        "number": 2,
        "contract_title": "Alder Bank",
        "parties": {"customer": f"Alder {EVIL}", "provider": "Meridian"},
        "version": 1,
        "effective_from": date(2026, 1, 1),
        "currency": "EUR",
        "credit_amount": Decimal("1000.00"),
        "approval_amount": Decimal("1000.00"),
        "timezone": "Europe/Madrid",
        "period_start_at": moment,
        "period_end_at": moment,
        "as_of": moment,
        "data_cutoff": moment,
        "watermark_at": moment,
        "drafted_at": moment,
        "contract_sha256": "c" * 64,
        "evidence_sha256": "e" * 64,
        "inputs_sha256": "i" * 64,
        "terms": {"review": {}},
        "preparers": ["ada"],
        "code_version": "0.1.0",
        "incomplete_tickets": 1,
        "assessment": {
            "contract": {
                "bases": {"fee": "10000.00"},
                "caps": [{"id": "month", "base": "fee", "pct": "10", "clause": "7.9"}],
            },
            "flags": ["cap:month"],
        },
        "charges": {
            "fee": {
                "kind": "monthly_fee",
                "amount": "10000.00",
                "currency": "EUR",
                "invoice_number": EVIL,
                "imported_by": "ines",
                "approved_by": "amir",
            }
        },
        "control": {
            "tickets": 3,
            "events": 9,
            "cycles": 3,
            "answers": 1,
            "unplaced_records": 2,
            "loads": [
                {
                    "source": "desk",
                    "table_name": "events",
                    "extracted": 9,
                    "loaded": 8,
                    "unchanged": 0,
                    "superseded": 0,
                    "quarantined": 1,
                }
            ],
            "totals": [
                {
                    "source": "desk",
                    "what": EVIL,
                    "theirs": 12,
                    "ours": 9,
                    "quarantined": 1,
                    "deleted": 0,
                    "counted_at": "2026-02-05T02:00:00Z",
                }
            ],
            "figures": {
                "backlog": {
                    "open_at_begin": 4,
                    "in": 3,
                    "out": 5,
                    "open_at_end": 2,
                    "age_0_7": 1,
                    "age_8_30": 1,
                    "age_31_90": 0,
                    "age_over_90": 0,
                },
                **{
                    name: {"num": 1, "den": 3}
                    for name in ("reopened", "without_eta", "acknowledged", "undue_escalations")
                },
            },
        },
        "csat": {
            "sent": 9,
            "answered": 2,
            "response_rate_pct": "22.22",
            "good": 1,
            "neutral": 0,
            "poor": 1,
            "considered": 2,
            "denominator": "exclude_neutral",
            "good_pct": "50.00",
            "poor_pct": "50.00",
            "good_interval_pct": ["9.45", "90.55"],
            "poor_interval_pct": ["9.45", "90.55"],
            "headroom": [{"title": "Poor", "poor_borne": 0, "good_needed": 8}],
        },
    }
    level = {
        "ordinal": 1,
        "service_level": "resolution",
        "title": "Resolution",
        "clause": "4.2",
        "population": "priority P1",
        "subject": "clock",
        "measure": "resolution",
        "statistic": "share_met",
        "side": "provider",
        "operator": ">=",
        "target": "90",
        "numerator": "1",
        "denominator": "2",
        "value": "50",
        "shown_value": Decimal("50.0000"),
        "status": "breached",
        "sample": 2,
        "met_tickets": 1,
        "failed_tickets": 1,
        "excluded_tickets": 0,
        "incomplete_tickets": 1,
        "window_months": 1,
        "window_mode": "pooled",
        "months": [],
        "failed_run": 2,
        "is_priced": True,
    }
    line = {
        "line_no": 1,
        "term": "late",
        "service_level": "resolution",
        "status": "breach",
        "clause": "7.1",
        "version": 1,
        "effective_from": date(2026, 1, 1),
        "operator": ">=",
        "target": "90",
        "value": "50",
        "band_edge": ">= 90",
        "detail": {},
        "credit_amount": Decimal("3500.00"),
    }
    cap = {
        **line,
        "line_no": 2,
        "term": "month",
        "service_level": None,
        "status": "cap",
        "value": None,
        "band_edge": None,
        "credit_amount": Decimal("-2500.00"),
    }
    step = {"trace_no": 1, "line": "late", "step": "measure", "input": "1 of 2", "output": "50", "clause": "7.1"}
    rows = [
        {
            "evidence_no": n,
            "service_level": "resolution",
            "fate": fate,
            "is_numerator": fate == "met",
            "is_denominator": fate in {"met", "failed"},
            "reason": reason,
            "ticket_key": n,
            "ticket_id": ticket,
            "clock": "resolution",
            "cycle": 1,
            "state": "breached",
            "target_us": 3_600_000_000,
            "elapsed_us": 7_200_000_000,
            "provider_us": 7_200_000_000,
            "customer_us": 0,
            "third_party_us": 0,
            "team": team,
        }
        for n, (fate, reason, ticket, team) in enumerate(
            [
                ("met", None, "T1", "team-01"),
                ("failed", None, FORMULA, EVIL),
                ("incomplete", "in quarantine", EVIL, "t"),
            ],
            start=1,
        )
    ]
    state = {"state": "in_review", "decision": None, "decided_by": None, "decided_at": None}
    whole = reports.StatementRecord(
        draft=draft,
        state=state,
        levels=[level],
        lines=[line, cap],
        trace=[step],
        decisions=[
            {
                "draft_id": "ALDER-2026-03-D1",
                "number": 1,
                "decision": "dispute",
                "comment": EVIL,
                "decided_by": EVIL,
                "decided_at": moment,
            }
        ],
        evidence=model.conform(model.EVIDENCE, pd.DataFrame(rows)),
        trend={"resolution": [{"period": "2026-02", "value": "80", "status": "breached"}]},
        year_to_date=Decimal("500.00"),
        poor_answers=[{"ticket_id": "T1", "team": EVIL, "rating": 1, "responded_at": moment, "comment": EVIL}],
    )
    return replace(whole, **changes)
