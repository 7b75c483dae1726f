"""What a draft states, from what landed; and a mark that tells cheaply whether anything landed since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Engine, text

from deskledger import contract as contracts
from deskledger import ledger, model, statement
from deskledger.contract.terms import Contract
from deskledger.quality import quarantine
from deskledger.settings import settings
from deskledger.sources.event_log import mapping as mappings
from deskledger.statement.figures import figures
from deskledger.steps import terms
from deskledger.steps.deadline import review_terms
from deskledger.steps.frozen import freeze, is_kept

_CHARGE_MARK = text("""
select coalesce(
    string_agg(
        concat_ws('|', kind, amount, currency, invoice_number, imported_by, approved_by, landed_at), chr(10)
        order by period, kind
    ),
    'none'
)
from core.charge
where contract = :contract and (period = :period or :is_after_end)
""")

# Counts of what committed, not instants: a load notes the instant it began, and others may read between that and its
# commit. Loads that changed nothing leave no mark.
_DATA_MARK = text("""
select
    concat_ws(
        '|',
        (
            select concat_ws(':', count(*), sum(produced_inserted + produced_updated + produced_deleted + quarantined))
            from quality.load
            where
                source = any(:sources)
                and produced_inserted + produced_updated + produced_deleted + quarantined > 0
        ),
        (
            select concat_ws(':', count(*), count(replayed_at))
            from quality.quarantine
            where source = any(:sources)
        )
    )
""")

# Rulings are never taken back, only followed by others: their number tells whether any came.
_RULING_MARK = text("""
select count(*)
from ledger.ruling as ruling
inner join ledger.request as request on ruling.request_id = request.request_id
where
    request.contract = :contract
    and request.period <= :period
    and ruling.ruling in ('approve', 'revoke')
""")


def charge_mark(connection: Connection, contract: Contract, period: str) -> str:
    """A text that changes when a charge of the contract's period does; after its end, one of any period."""
    bound = {
        "contract": contract.name,
        "period": period,
        "is_after_end": contracts.is_after_end(contract, period),
    }
    return ledger.digest(str(connection.execute(_CHARGE_MARK, bound).scalar_one()))


def data_mark(connection: Connection, contract: Contract, period: str) -> str:
    """A text that changes when what a draft of the period may rest on lands or is approved; often for nothing."""
    loads = str(connection.execute(_DATA_MARK, {"sources": list(contract.sources)}).scalar_one())
    rulings = connection.execute(_RULING_MARK, {"contract": contract.name, "period": period}).scalar_one()
    approved = terms.approval_mark(connection, contract, period)
    return ledger.digest([loads, charge_mark(connection, contract, period), str(rulings), approved])


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees the warehouse at one instant, whatever commits meanwhile; it writes nothing that stays.

    Not for writing to the ledger: whoever waits for its lock must see what the one before wrote.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        yield connection


def draft_content(
    connection: Connection,
    contract: Contract,
    period: str,
    now: datetime,
    watermark: datetime,
    past: Sequence[statement.PastMonth] | None = None,
    adjustments: Sequence[ledger.Adjustment] = (),
    not_restated: Sequence[Mapping[str, str]] = (),
) -> ledger.DraftContent:
    """All that a draft of the contract's period states, measured at its end over all that `connection` sees.

    `connection` is that of a `snapshot`: the mark then speaks of the very rows that the draft is made of. The draft's
    `data_cutoff` is `now`, or the newest instant at which something it sees landed, if that is later. `past` are the
    months before where they are not as they stand, `adjustments` the posted ones that the draft corrects,
    `not_restated` those that it leaves as they are though something changed (period, reason). Raises StatementError
    (`not_approved`) for terms that a second person has not approved as they stand, and for an exclusion that was
    granted in other terms.
    """
    start, end = contracts.period_bounds(contract, period)
    approved = terms.approved_versions(connection, contract, period)
    mark = data_mark(connection, contract, period)
    past = past_of(connection, contract.name, period) if past is None else past
    inputs = inputs_of(connection, contract, period, now, past)
    made = stated(connection, contract, period, inputs, past, adjustments=booked(adjustments))
    statement.refuse_other_terms(made.version, made.assessment["requests"])
    return ledger.DraftContent(
        contract=contract.name,
        contract_title=contract.title,
        parties=contract.parties,
        period=period,
        version=made.version.number,
        effective_from=made.version.effective_from,
        currency=contract.currency,
        credit_amount=made.credit,
        timezone=contract.period.timezone,
        period_start_at=start,
        period_end_at=end,
        as_of=end,
        data_cutoff=inputs.data_cutoff,
        watermark_at=watermark,
        data_mark=mark,
        contract_sha256=contract.sha256,
        preparers=sorted(
            {
                *made.preparers,
                *(row["submitted_by"] for row in approved),
                *ledger.revokers(connection, contract.name, period),
                *(name for each in adjustments for name in each.preparers),
            }
        ),
        terms={
            **ledger.plain(made.version),
            "open_spans": made.open_spans,
            "expanded_calendars": made.calendars,
            "approvals": ledger.approvals.stated(approved),
            "review": review_terms(contract, made.version, now),
        },
        assessment=made.assessment,
        charges=made.charges,
        control={**made.control, **({"not_restated": list(not_restated)} if not_restated else {})},
        csat=made.csat,
        incomplete_tickets=made.incomplete_tickets,
        levels=made.levels,
        lines=made.lines,
        trace=made.trace,
        evidence=made.evidence,
        adjustments=adjustments,
        figures=lambda: figures(made.month, contract.period.timezone),
        freeze=lambda: freeze(contract, inputs, made.evidence, end),
        is_kept=is_kept,
    )


def booked(adjustments: Iterable[ledger.Adjustment]) -> list[dict[str, str]]:
    """Adjustments as `penalties.assess` takes them: what was booked for each month before, and what it comes to now."""
    return [
        {
            "type": "restatement",
            "period": each.corrected_period,
            "issued": str(each.issued_amount + each.adjusted_amount),
            "recomputed": str(each.restated_amount),
        }
        for each in adjustments
    ]


def inputs_of(
    connection: Connection,
    contract: Contract,
    period: str,
    now: datetime,
    past: Sequence[statement.PastMonth] | None = None,
) -> statement.Inputs:
    """Everything that the connection sees of the contract's period, as a draft reads it; `past` as in `stated`."""
    past = past_of(connection, contract.name, period) if past is None else past
    start, end = contracts.period_bounds(contract, period)
    cutoff = statement.data_cutoff(connection, contract, now)
    incomplete = frozenset(
        key
        for source in contract.sources
        for key in quarantine.incomplete_tickets(connection, source, cutoff)["ticket_key"].tolist()
    )
    return statement.read_inputs(
        connection,
        contract,
        period,
        start,
        end,
        cutoff,
        incomplete,
        _raw_columns(contract.sources),
        _late(contract, period, past),
    )


def _late(contract: Contract, period: str, past: Sequence[statement.PastMonth]) -> list[int] | None:
    """The keys of tickets whose lateness the months before charged, or the opening balances.

    None where a price by the late ticket begins: nobody has kept which tickets were late.
    """
    if past and statement.newly_priced(contract, period, past[-1].period, past[-1].late):
        return None
    opening = {} if contract.opening is None else contract.opening.late
    levels = {*opening, *(level for month in past for level in month.late)}
    charged = [
        statement.charged_before([month.late.get(level, {}) for month in past], opening.get(level)) for level in levels
    ]
    return [
        int(key)
        for each in charged
        for source, tickets in statement.tickets_charged(each, contract.sources).items()
        for key in model.ticket_keys(source, sorted(tickets))
    ]


def stated(
    connection: Connection,
    contract: Contract,
    period: str,
    inputs: statement.Inputs,
    past: Sequence[statement.PastMonth] | None = None,
    as_of: datetime | None = None,
    adjustments: Sequence[Mapping[str, str]] = (),
) -> statement.Statement:
    """What the contract's period comes to over `inputs`; at its end, or a running one's at `as_of`.

    `past` are the months before, oldest first: as they stand, unless others are given (had they been otherwise);
    `adjustments` the corrections of posted months that are booked with it.
    """
    past = past_of(connection, contract.name, period) if past is None else past
    granted = statement.granted(ledger.requests_in_force(connection, contract.name, period))
    return statement.compose(contract, period, inputs, past, as_of=as_of, adjustments=adjustments, granted=granted)


def past_of(connection: Connection, contract: str, period: str) -> list[statement.PastMonth]:
    """The contract's posted months before the period, oldest first, with what they come to after all corrections."""
    return [past_month(row) for row in ledger.posted_months(connection, contract, period)]


def _raw_columns(sources: Iterable[str]) -> statement.RawColumns:
    """Where the sources' exports tell their tickets' fields; nothing for a source without a sound mapping."""
    known = {each.source: each for each in mappings.load_all(settings().mappings)[0]}
    raw: dict[str, dict[str, statement.RawColumn]] = {}
    for source in set(sources) & set(known):
        events, missing = known[source].events, frozenset(known[source].missing)
        columns = {field: (part.column, part.words) for field, part in events.attributes.items()}
        columns |= {field: (part.column, part.words) for field, part in events.fields.items()}
        raw[source] = {
            field: statement.RawColumn(column, _words(words), missing) for field, (column, words) in columns.items()
        }
    return raw


def _words(words: Mapping[str, Any] | None) -> dict[str, str | None] | None:
    """The desk's words with what they mean as text, as filters write it."""
    if words is None:
        return None
    return {
        word: None if means is None else str(means).lower() if isinstance(means, bool) else str(means)
        for word, means in words.items()
    }


def past_month(row: Mapping[str, Any]) -> statement.PastMonth:
    """A row of `ledger.posted_months` as the months after it take it."""
    return statement.PastMonth(
        period=row["period"],
        statuses=row["statuses"],
        figures={
            level: statement.MonthFigures(month["period"], Fraction(month["num"]), int(month["den"]))
            for level, month in row["figures"].items()
        },
        credit=Decimal(row["credit_amount"]),
        points=row["points"],
        verdicts=row["verdicts"],
        credits=None if row["paid"] is None else {term: Fraction(left) for term, left in row["paid"].items()},
        late=row["late"] or {},
    )
