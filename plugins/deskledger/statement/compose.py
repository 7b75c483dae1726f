"""A contract's month, from what was read to what a draft states. Pure: the same inputs give the same statement."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from deskledger import penalties
from deskledger.contract.periods import first_day, period_bounds, version_at
from deskledger.contract.terms import Contract, ServiceLevel, Version
from deskledger.model import EVIDENCE, conform
from deskledger.penalties.result import Line, TraceRow, plain
from deskledger.statement import answers as surveys
from deskledger.statement.assessment import (
    Opening,
    PastMonth,
    assessed_form,
    band_edge,
    charge_amounts,
    opening_of,
    run_of_failures,
)
from deskledger.statement.cycles import expanded_calendars, open_spans
from deskledger.statement.effects import Priced, credit_without_requests, effects
from deskledger.statement.exclusions import Exclusion, Granted
from deskledger.statement.inputs import Inputs
from deskledger.statement.late import charged_by_level, late_before, late_items, lateness, newly_priced, taken_off
from deskledger.statement.levels import LevelResult, measurements
from deskledger.statement.material import Material, material
from deskledger.statement.population import describe

_NAMED = 100


@dataclass(frozen=True)
class Statement:
    """What a draft states: figures and money with their trace, the rows behind them, and what `month` it counted."""

    contract: Contract
    version: Version
    period: str
    start_at: datetime
    end_at: datetime
    levels: tuple[Mapping[str, Any], ...]
    lines: tuple[Mapping[str, Any], ...]
    trace: tuple[Mapping[str, Any], ...]
    credit: Decimal
    assessment: Mapping[str, Any]
    charges: Mapping[str, Any]
    control: Mapping[str, Any]
    open_spans: Mapping[str, Any]
    calendars: Mapping[str, Any]
    csat: Mapping[str, Any] | None
    evidence: pd.DataFrame
    incomplete_tickets: int
    preparers: tuple[str, ...]
    exclusions: tuple[Exclusion, ...]
    month: Material


def compose(
    contract: Contract,
    period: str,
    inputs: Inputs,
    past: Sequence[PastMonth],
    opening: Opening | None = None,
    as_of: datetime | None = None,
    adjustments: Sequence[Mapping[str, str]] = (),
    granted: Granted | None = None,
) -> Statement:
    """The statement of a contract's period, measured at the period's end over `inputs`; a running one's at `as_of`.

    `past` are the months before, oldest first; `adjustments` the posted ones that this statement corrects, as
    `penalties.assess` takes them; `granted` the approved exclusions and waivers. Schedules, bases and caps are those of
    the version in force at the period's start. Raises StatementError (`no_base`, a measure that cannot be taken).
    """
    opening, granted = opening or opening_of(contract), granted or Granted()
    start, end = period_bounds(contract, period)
    version = version_at(contract, first_day(contract, period))
    charges = charge_amounts(contract, version, period, inputs.charges)
    month = material(contract, version, period, inputs, as_of)
    cycles, answers, start_at, end_at = month.cycles, month.answers, month.start_at, month.end_at
    counted = month.counted if any(level.measure.subject == "kpi" for level in version.service_levels) else None
    earlier = {
        level.name: [
            *opening.figures.get(level.name, ()),
            *(month.figures[level.name] for month in past if level.name in month.figures),
        ]
        for level in version.service_levels
    }
    terms = version.penalties.get("terms", [])
    begun = newly_priced(contract, period, past[-1].period, past[-1].late) if past else []
    already = late_before(contract, begun, start, inputs.tickets, inputs.events, inputs.incomplete)
    charged = charged_by_level(version, [already, *(month.late for month in past)], opening.late)

    def measured_with(exclusions: Sequence[Exclusion]) -> tuple[list[LevelResult], pd.DataFrame]:
        results, rows = measurements(
            version, cycles, answers, start_at, end_at, period, earlier, counted, exclusions, charged
        )
        return results, _evidence(rows)

    stated = measured_with(granted.exclusions)

    def with_granted(allowed: Granted) -> Priced:
        # Only exclusions change what is measured: waivers, claims and choices change what it costs.
        is_stated = allowed.exclusions == granted.exclusions
        results, evidence = stated if is_stated else measured_with(allowed.exclusions)
        items = {name: late_items(evidence[evidence["service_level"] == name], charged[name]) for name in charged}
        forms = assessed_form(
            contract,
            version,
            period,
            results,
            charges,
            past,
            opening,
            items,
            adjustments,
            allowed.waivers,
            allowed.said,
        )
        return Priced(results, evidence, *forms, penalties.assess(*forms))

    found = with_granted(granted)
    results, evidence, measured, assessed = found.results, found.evidence, found.measured, found.assessed
    lines = tuple(line_row(number, line, version, results) for number, line in enumerate(assessed.lines, start=1))
    csat = None if version.csat is None else surveys.summary(answers, version.csat, _alone(results), start_at, end_at)
    listed = evidence[evidence["fate"].astype("str") == "incomplete"]["ticket_key"]
    incomplete = {*listed.astype("int64").tolist(), *inputs.held.tickets}
    blocking = incomplete - granted.incomplete_tickets
    unplaced = [row for row in inputs.held.unplaced if row["quarantine_id"] not in granted.quarantined_rows]
    return Statement(
        contract=contract,
        version=version,
        period=period,
        start_at=start,
        end_at=end,
        levels=tuple(
            _level(ordinal, result, terms, measured["history"], past) for ordinal, result in enumerate(results, start=1)
        ),
        lines=lines,
        trace=tuple(step_row(number, row) for number, row in enumerate(assessed.trace, start=1)),
        credit=assessed.credit,
        assessment={
            "contract": found.priced,
            "measurements": measured,
            "flags": list(assessed.flags),
            "paid": {term: str(left) for term, left in assessed.paid.items()},
            "late": lateness(contract, version, evidence),
            "late_before": taken_off(already, measured["measures"]),
            "points": None if assessed.points_total is None else plain(assessed.points_total),
            "requests": effects(granted, found, with_granted),
            "credit_without_requests": credit_without_requests(granted, found, with_granted),
        },
        charges=charges,
        open_spans=open_spans(contract, cycles, start_at, end_at),
        calendars=expanded_calendars(contract, version, cycles, end_at),
        control={
            **_control(inputs, cycles, blocking, unplaced),
            "waived_incomplete": len(incomplete) - len(blocking) + len(inputs.held.unplaced) - len(unplaced),
        },
        csat=csat,
        evidence=evidence,
        # A row of no known ticket may hide a whole one: each counts as a ticket that is not there.
        incomplete_tickets=len(blocking) + len(unplaced),
        preparers=_preparers(version, charges, granted),
        exclusions=granted.exclusions,
        month=month,
    )


def _alone(results: Sequence[LevelResult]) -> list[ServiceLevel]:
    """The levels that this month's own answers decide: what it still bears can be said of these only."""
    return [result.level for result in results if not result.few_answers]


def _evidence(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows in one order, whatever order they were read in, numbered, with the columns of model.EVIDENCE."""
    order = ["service_level", "ticket_key", "version", "clock", "cycle", "survey_id", "answer_id"]
    if rows.empty:
        return conform(EVIDENCE, pd.DataFrame({name: [] for name in EVIDENCE.names}))
    known = rows.reindex(columns=[*rows.columns, *(name for name in order if name not in rows)])
    keys = {name: known[name].astype("str").fillna("") if name != "ticket_key" else known[name] for name in order}
    known = known.loc[pd.DataFrame(keys).sort_values(order, kind="stable").index]
    return conform(EVIDENCE, known.assign(evidence_no=np.arange(1, len(known) + 1))).reset_index(drop=True)


def _level(
    ordinal: int,
    result: LevelResult,
    terms: Sequence[Mapping[str, Any]],
    history: Mapping[str, Sequence[int | None]],
    past: Sequence[PastMonth],
) -> dict[str, Any]:
    level = result.level
    own_terms = [term["id"] for term in terms if term["measure"] == level.name]
    # A level that no term prices has no line of money to remember its failures: its run is that of its own verdicts.
    verdicts = [month.verdicts[level.name] for month in past if level.name in month.verdicts]
    own = [None if status == "no_data" else int(status == "breached") for status in verdicts]
    earlier = history.get(own_terms[0], []) if own_terms else own
    return {
        "ordinal": ordinal,
        "service_level": level.name,
        "title": level.title or level.name,
        "clause": level.clause,
        "subject": level.measure.subject,
        "measure": level.measure.name,
        "statistic": level.measure.statistic,
        "side": level.measure.side,
        "operator": level.operator,
        "target": str(level.target),
        "numerator": str(result.numerator),
        "denominator": str(result.denominator),
        "value": None if result.value is None else str(result.value),
        "shown_value": None if result.value is None else shown(result.value, level.operator),
        "status": result.status,
        "sample": result.sample,
        "met_tickets": result.met,
        "failed_tickets": result.failed,
        "excluded_tickets": result.excluded,
        "incomplete_tickets": result.incomplete,
        "window_months": max(level.window_months, len(result.months)),
        "window_mode": level.window_mode,
        "months": [
            {"period": month.period, "num": str(month.numerator), "den": month.denominator} for month in result.months
        ],
        "failed_run": run_of_failures(earlier, result.status == "breached"),
        "is_priced": bool(own_terms),
        "population": describe(level.population) + (f" ({result.few_answers})" if result.few_answers else ""),
    }


def shown(value: Fraction, operator: str) -> Decimal:
    """The value to four decimals, on the side that keeps its verdict: 94.99996 must never be shown as a met 95."""
    scaled = value.numerator * 10_000
    return Decimal(scaled // value.denominator if operator == ">=" else -(-scaled // value.denominator)).scaleb(-4)


def line_row(number: int, line: Line, version: Version, results: Sequence[LevelResult]) -> dict[str, Any]:
    """A line of the assessment as a row of ledger.draft_line."""
    terms = {term["id"]: term for term in version.penalties.get("terms", [])}
    caps = {cap["id"]: cap for cap in version.penalties.get("caps", [])}
    term = terms.get(line.waives or line.term)
    level = next((result.level for result in results if term and result.level.name == term["measure"]), None)
    named = term or caps.get(line.term) or {}
    told = {"term", "status", "credit", "clause", "measure", "value", "operator", "target"}
    return {
        "line_no": number,
        "term": line.term,
        "service_level": level.name if level else None,
        "status": line.status,
        "clause": line.clause or named.get("clause") or (level.clause if level else ""),
        "version": version.number,
        "effective_from": version.effective_from,
        "operator": line.operator or (level.operator if level else None),
        "target": str(line.target) if line.target is not None else str(level.target) if level else None,
        "value": None if line.value is None else str(line.value),
        "band_edge": band_edge(term, line.value) if term else None,
        "detail": {key: value for key, value in line.as_dict().items() if key not in told},
        "credit_amount": line.credit,
    }


def step_row(number: int, row: TraceRow) -> dict[str, Any]:
    """A step of the assessment as a row of ledger.draft_trace."""
    return {
        "trace_no": number,
        "line": row.line,
        "step": row.step,
        "input": row.input,
        "output": row.output,
        "clause": row.clause,
    }


def _control(
    inputs: Inputs, cycles: pd.DataFrame, incomplete: Set[int], unplaced: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Control totals of this draft: what was read, what loads and desks count, what stands in quarantine and blocks.

    Tickets and rows in quarantine are named up to a hundred each; the numbers beside them are of all.
    """
    return {
        "tickets": len(inputs.tickets),
        "events": len(inputs.events),
        "cycles": len(cycles),
        "answers": len(inputs.answers),
        "incomplete_tickets": len(incomplete),
        "incomplete": sorted(name for key, name in inputs.held.tickets.items() if key in incomplete)[:_NAMED],
        "unplaced_records": len(unplaced),
        "unplaced": [dict(row) for row in unplaced[:_NAMED]],
        "loads": [dict(load) for load in inputs.loads],
        "totals": [dict(total) for total in inputs.totals],
    }


def _preparers(version: Version, charges: Mapping[str, Mapping[str, Any]], granted: Granted) -> tuple[str, ...]:
    """Whoever wrote the terms, imported a base, or asked for what was set aside: they cannot approve the draft."""
    importers = [charge["imported_by"] for charge in charges.values() if charge["imported_by"]]
    return tuple(sorted({version.author, *importers, *(row["requested_by"] for row in granted.records)}))
