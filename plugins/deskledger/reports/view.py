"""What the report says, from a stored draft: every figure made ready to print, nothing decided."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.penalties.exact import exact, minor_units, rounded
from deskledger.penalties.schedule import base_of
from deskledger.reports import charts, corrections, figures, kpi_sections, requests, sections, standing, tables
from deskledger.reports.record import StatementRecord

_STATES = {
    "in_review": ("Provisional", "in review"),
    "approved": ("Provisional", "approved, not yet posted"),
    "disputed": ("Provisional", "disputed"),
    "superseded": ("Superseded", "a newer draft replaces this one"),
    "posted": ("Final", "posted"),
    "restated": ("Restated", "what a posted month comes to now; a later statement books the difference"),
}
_VERDICTS = {"met": "Met", "breached": "Missed", "no_data": "No data"}
_TREND_MONTHS = 12


def view(record: StatementRecord, rendered_at: datetime) -> dict[str, Any]:
    """The report's content, ready for the template. Instants are told in the contract's zone."""
    draft, zone = record.draft, str(record.draft["timezone"])
    titles = {str(level["service_level"]): str(level["title"]) for level in record.levels}
    missed = sum(level["status"] == "breached" for level in record.levels)
    breaches, breach_count = tables.breaches(record.evidence, titles, zone)
    levels = [_level(level, record) for level in record.levels]
    return {
        "title": f"{draft['contract_title']}, {figures.month_name(draft['period'])}",
        "customer": draft["parties"].get("customer", draft["contract_title"]),
        "parties": dict(draft["parties"]),
        "month": figures.month_name(draft["period"]),
        "header": _header(record, zone),
        "standing": _STATES[record.state["state"]],
        "is_final": record.state["state"] == "posted",
        "sums": {
            "met": sum(level["status"] == "met" for level in record.levels),
            "missed": missed,
            "no_data": sum(level["status"] == "no_data" for level in record.levels),
            "total": len(record.levels),
        },
        "credit": figures.money(draft["credit_amount"], draft["currency"]),
        "has_credit": draft["credit_amount"] != 0,
        "tax": standing.tax(record.tax, draft["credit_amount"], draft["currency"]),
        "money_facts": _money_facts(record),
        "caps": _caps(record),
        "corrections": corrections.corrections(record.adjustments),
        "not_restated": draft["control"].get("not_restated", []),
        "levels": levels,
        "moved": sections.moved(levels),
        "lines": [_line(line, record) for line in record.lines],
        "other_steps": [step for step in record.trace if step["line"] not in {line["term"] for line in record.lines}],
        "flags": [str(flag) for flag in draft["assessment"].get("flags", [])],
        "csat": sections.csat(draft["csat"]),
        "poor_answers": [
            {**answer, "at": figures.local(answer["responded_at"], zone)} for answer in record.poor_answers
        ],
        "sides": [sections.side(row) for row in tables.sides(record.evidence, record.levels)],
        "beside": sections.beside(draft["control"].get("figures")),
        **_kpis(record),
        "teams": tables.by_team(record.evidence, record.levels),
        "breaches": breaches,
        "breach_count": breach_count,
        "set_aside": tables.set_aside(record.evidence, titles),
        "incomplete_tickets": draft["incomplete_tickets"],
        "unplaced_records": draft["control"].get("unplaced_records", 0),
        "requests": requests.listed(record, titles),
        "pending": requests.pending(record),
        "no_data": [level["title"] for level in levels if level["status"] == "no_data"],
        "loads": draft["control"].get("loads", []),
        "totals": [
            {**each, "missing": max(0, each["theirs"] - each["ours"] - each["quarantined"])}
            for each in draft["control"].get("totals", [])
        ],
        "counts": [
            (figures.count(draft["control"].get(name), name.rstrip("s"), name))
            for name in ("tickets", "events", "cycles", "answers")
        ],
        "charges": [
            {"base": base, **charge, "amount": figures.money(charge["amount"], charge["currency"])}
            for base, charge in sorted(draft["charges"].items())
        ],
        "decisions": [{**row, "at": figures.local(row["decided_at"], zone)} for row in record.decisions],
        "hashes": [
            ("Contract file", draft["contract_sha256"]),
            ("Evidence", draft["evidence_sha256"]),
            ("Everything this draft rests on", draft["inputs_sha256"]),
            *([("Ledger entry", record.entry_sha256)] if record.entry_sha256 else []),
        ],
        "stem": draft["statement_number"] if record.state["state"] == "posted" else draft["draft_id"],
        "code_version": draft["code_version"],
        "rendered_at": figures.local(rendered_at, zone),
        "zone": zone,
    }


def _kpis(record: StatementRecord) -> dict[str, Any]:
    told, csat = record.draft["control"].get("figures"), record.draft["csat"]
    rated = (told or {}).get("rating_by_time")
    return {
        "rating_by_time": {**rated, "rho": rated["rho"].replace("-", "−")} if rated and rated["rho"] else None,
        "backlog_months": kpi_sections.backlog_months(told, str(record.draft["period"]), record.earlier_figures),
        "demand": kpi_sections.demand(told, record.earlier_figures, record.limits, record.causes),
        "groups": kpi_sections.groups(told, csat["denominator"] if csat else None),
    }


def _header(record: StatementRecord, zone: str) -> list[tuple[str, str]]:
    draft, state = record.draft, record.state
    approved = "not yet"
    if state["decision"] in {"approve", "deemed_approved"}:
        approved = f"{state['decided_by']}, {figures.local(state['decided_at'], zone)}"
    if record.first_approval is not None:
        first = f"{record.first_approval['decided_by']}, {figures.local(record.first_approval['decided_at'], zone)}"
        fallen = record.first_approval["fault"]
        approved = (
            f"{approved}; the first approval, of {first}, no longer stands: {fallen}"
            if fallen
            else f"{first}; then {'a second person, ' * (approved == 'not yet')}{approved}"
        )
    prepared = ", ".join(draft["preparers"]) or "nobody named"
    return [
        ("Statement", str(draft["statement_number"])),
        ("Draft", f"{draft['number']}, made {figures.local(draft['drafted_at'], zone)}"),
        ("Contract", f"{draft['contract']}, version {draft['version']} from {draft['effective_from']}"),
        (
            "Period",
            f"{figures.local(draft['period_start_at'], zone)} to before {figures.local(draft['period_end_at'], zone)}",
        ),
        ("Measured as of", figures.local(draft["as_of"], zone)),
        ("Data landed by", figures.local(draft["data_cutoff"], zone)),
        ("Sources complete to", figures.local(draft["watermark_at"], zone)),
        ("Terms and charges by", prepared),
        ("Approved by", approved),
        *standing.header(draft),
    ]


def _money_facts(record: StatementRecord) -> list[tuple[str, str]]:
    draft = record.draft
    currency = draft["currency"]
    lost = sum((line["credit_amount"] for line in record.lines if line["status"] == "cap"), Decimal(0))
    facts = [
        (f"Base: {charge['kind'].replace('_', ' ')}", figures.money(charge["amount"], currency))
        for _, charge in sorted(draft["charges"].items())
    ]
    if lost:
        facts.append(("Cut off by caps", figures.money(lost, currency)))
    facts.append((f"Posted in {draft['period'][:4]} so far", figures.money(record.year_to_date, currency)))
    return facts


def _caps(record: StatementRecord) -> list[dict[str, Any]]:
    """The cap ledger: what each cap allows, what was used before, what this month takes and loses."""
    draft = record.draft
    priced = draft["assessment"]["contract"]
    # What the month books for others uses up none of its own caps.
    others = sum((line["credit_amount"] for line in record.lines if line["status"] == "adjustment"), Decimal(0))
    rows = []
    for cap in priced.get("caps", []):
        limit = _cap_limit(cap, priced, draft["currency"])
        # Rounded so that the limit less it is what was left: cut to whole minor units.
        used = rounded(exact(cap.get("used", "0")), _places(priced, draft["currency"]), "up")
        lost = sum((-line["credit_amount"] for line in record.lines if line["term"] == cap["id"]), Decimal(0))
        left = None
        if not cap.get("terms"):
            left = max(Decimal(0), limit - used - max(Decimal(0), draft["credit_amount"] - others))
        rows.append(
            {
                "name": str(cap["id"]).replace("_", " "),
                "clause": cap.get("clause", ""),
                "limit": figures.money(limit, draft["currency"]),
                "used": figures.money(used, draft["currency"]) if "used" in cap else "–",
                "lost": figures.money(lost, draft["currency"]),
                "left": figures.money(left, draft["currency"]),
            }
        )
    return rows


def _cap_limit(cap: Mapping[str, Any], priced: Mapping[str, Any], currency: str) -> Decimal:
    """What the cap allows in all, in whole minor units: cut, as the penalties cut it."""
    if "amount" in cap:
        whole = exact(cap["amount"])
    else:
        bases = {name: exact(amount) for name, amount in priced["bases"].items()}
        whole = base_of(cap, bases) * exact(cap["pct"]) / 100
    return rounded(whole, _places(priced, currency), "down")


def _places(priced: Mapping[str, Any], currency: str) -> int:
    return int(priced.get("money_places", minor_units(currency)))


def _level(level: Mapping[str, Any], record: StatementRecord) -> dict[str, Any]:
    value, target = figures.exact(level["value"]), figures.exact(level["target"]) or Fraction(0)
    earlier = [
        {**month, "value": figures.exact(month["value"])} for month in record.trend.get(str(level["service_level"]), ())
    ]
    months = [*earlier, {"period": record.draft["period"], "value": value, "status": level["status"]}][-_TREND_MONTHS:]
    credit = sum(
        (line["credit_amount"] for line in record.lines if line["service_level"] == level["service_level"]), Decimal(0)
    )
    statistic, operator = level["statistic"], level["operator"]

    def told(number: Fraction | None) -> str:
        return figures.figure(number, statistic, operator, target)

    spoken = ", ".join(f"{figures.short_month(month['period'])} {told(month['value'])}" for month in months)
    return {
        "title": level["title"],
        "clause": level["clause"],
        "population": level["population"],
        "objective": f"{'at least' if operator == '>=' else 'at most'} {told(target)}",
        "result": told(value),
        "value": value,
        "earlier": [month["value"] for month in months[:-1] if month["value"] is not None],
        "statistic": statistic,
        "operator": operator,
        "sample": level["sample"],
        "counts": _counts(level),
        "status": level["status"],
        "verdict": _VERDICTS[level["status"]],
        "failed_run": level["failed_run"],
        "is_priced": level["is_priced"],
        "answer": standing.answer(record.draft, str(level["service_level"])),
        "credit": figures.money(credit, record.draft["currency"]) if level["is_priced"] else "not priced",
        "has_credit": credit != 0,
        "window": level["window_months"],
        "trend": charts.sparkline(months, target),
        "trend_words": f"{figures.count(len(months), 'month')}: {spoken}",
    }


def _counts(level: Mapping[str, Any]) -> str:
    if level["statistic"] in {"mean", "percentile"}:
        return f"over {level['sample']:,}"
    if level["statistic"] == "count":
        return f"of {level['sample']:,}"
    return f"{int(Fraction(level['numerator'])):,} of {level['sample']:,}"


def _line(line: Mapping[str, Any], record: StatementRecord) -> dict[str, Any]:
    level = next((each for each in record.levels if each["service_level"] == line["service_level"]), None)
    statistic, operator = (level["statistic"], level["operator"]) if level else ("share", ">=")
    return {
        "number": line["line_no"],
        "name": level["title"] if level else _named(str(line["term"])),
        "term": line["term"],
        "status": str(line["status"]).replace("_", " "),
        "clause": line["clause"],
        "version": line["version"],
        "effective_from": str(line["effective_from"]),
        "value": figures.figure(figures.exact(line["value"]), statistic, operator, figures.exact(line["target"])),
        "edge": figures.edge(line["band_edge"], statistic),
        "credit": figures.money(line["credit_amount"], record.draft["currency"]),
        "is_zero": line["credit_amount"] == 0,
        "steps": [step for step in record.trace if step["line"] == line["term"]],
    }


def _named(term: str) -> str:
    kind, _, period = term.partition(":")
    return f"Correction of {figures.month_name(period)}" if kind == "restatement" else term.replace("_", " ")
