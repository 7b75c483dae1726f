"""Adjustments: what posted months come to now, and the differences that a draft of an open month books for them."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from deskledger.ledger.canonical import plain
from deskledger.ledger.draft_content import Adjustment
from deskledger.ledger.tables import every, one


def adjustment_rows(connection: Connection, draft_id: str) -> list[dict[str, Any]]:
    """The draft's rows of ledger.draft_adjustment, earliest corrected month first."""
    return every(
        connection,
        "select * from ledger.draft_adjustment where draft_id = :draft_id order by corrected_period",
        draft_id=draft_id,
    )


def read_adjustments(connection: Connection, draft_id: str) -> list[Adjustment]:
    """The adjustments that a stored draft proposes or has booked, earliest corrected month first."""
    rows = every(
        connection,
        """
        select
            adjustment.*,
            restated.inputs_sha256 as restated_sha256,
            restated.preparers
        from ledger.draft_adjustment as adjustment
        inner join ledger.draft as restated on adjustment.restated_draft_id = restated.draft_id
        where adjustment.draft_id = :draft_id
        order by adjustment.corrected_period
        """,
        draft_id=draft_id,
    )
    return [Adjustment(**{name: row[name] for name in row if name not in {"draft_id", "amount"}}) for row in rows]


def result_draft(connection: Connection, contract: str, period: str) -> str | None:
    """The id of the draft that says what a month comes to now; None before its first.

    Of a posted month it is the restated draft that a later month's open draft would book, else what stands.
    """
    row = one(
        connection,
        """
        select coalesce(
            (
                select adjustment.restated_draft_id
                from ledger.draft_adjustment as adjustment
                inner join ledger.draft_state as booking on adjustment.draft_id = booking.draft_id
                where
                    booking.contract = :contract
                    and adjustment.corrected_period = :period
                    and booking.state in ('in_review', 'approved', 'disputed')
                order by booking.period
                limit 1
            ),
            (select draft_id from ledger.standing_month where contract = :contract and period = :period),
            (
                select draft_id from ledger.draft
                where contract = :contract and period = :period
                order by number desc
                limit 1
            )
        ) as draft_id
        """,
        contract=contract,
        period=period,
    )
    return None if row is None else row["draft_id"]


def posted_adjustments(connection: Connection, contract: str) -> list[dict[str, Any]]:
    """The contract's posted adjustments (rows of ledger.adjustment), in the order that they were booked."""
    return every(
        connection,
        "select * from ledger.adjustment where contract = :contract order by booked_period, corrected_period",
        contract=contract,
    )


def issued_amount(connection: Connection, statement_number: str) -> Decimal:
    """What a posted statement issued for its own month: its credit without what it booked for earlier months."""
    row = one(
        connection,
        "select issued_amount from ledger.standing_month where statement_number = :number",
        number=statement_number,
    )
    assert row is not None
    return Decimal(row["issued_amount"])


def posted_months(
    connection: Connection, contract: str, before: str, instead: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The contract's posted months before a period, oldest first, with the results that stand of each.

    A row has period, statement_number, currency, draft_id (whose results these are), issued_amount, adjusted_amount,
    credit_amount (their sum: without what the month's statement booked for others), statuses of lines, verdicts and
    figures of service levels, points, paid (what limits left of each line), and late (what was charged of each late
    cycle that may go on). `instead` gives other drafts, by period, than those that stand.
    """
    rows = every(
        connection,
        """
        with months as (
            select
                standing.*,
                coalesce(cast(:instead as jsonb) ->> standing.period, standing.draft_id) as result_draft_id
            from ledger.standing_month as standing
            where standing.contract = :contract and standing.period < :before
        )

        select
            months.period,
            months.statement_number,
            months.currency,
            months.result_draft_id as draft_id,
            months.issued_amount,
            months.adjusted_amount,
            case
                when months.result_draft_id = months.draft_id then months.issued_amount + months.adjusted_amount
                else result.credit_amount
            end as credit_amount,
            (
                select coalesce(
                    jsonb_object_agg(
                        line.term,
                        case
                            when line.credit_amount > 0 and line.credit_amount + (
                                select coalesce(sum(waiver.credit_amount), 0)
                                from ledger.draft_line as waiver
                                where waiver.draft_id = line.draft_id and waiver.detail ->> 'waives' = line.term
                            ) <= 0 then 'waived'
                            else line.status
                        end
                    ),
                    '{}'::jsonb
                )
                from ledger.draft_line as line
                where line.draft_id = result.draft_id and line.status <> 'adjustment'
            ) as statuses,
            (
                select coalesce(jsonb_object_agg(level.service_level, level.status), '{}'::jsonb)
                from ledger.draft_level as level
                where level.draft_id = result.draft_id
            ) as verdicts,
            (
                select coalesce(jsonb_object_agg(level.service_level, level.months -> -1), '{}'::jsonb)
                from ledger.draft_level as level
                where level.draft_id = result.draft_id
            ) as figures,
            result.assessment ->> 'points' as points,
            result.assessment -> 'paid' as paid,
            result.assessment -> 'late' as late
        from months
        inner join ledger.draft as result on months.result_draft_id = result.draft_id
        order by months.period
        """,
        contract=contract,
        before=before,
        instead=json.dumps(dict(instead or {})),
    )
    amounts = ("issued_amount", "adjusted_amount", "credit_amount")
    return [plain(row) | {name: row[name] for name in amounts} for row in rows]
