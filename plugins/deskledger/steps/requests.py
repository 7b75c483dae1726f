"""Asking for an exclusion or a waiver, and ruling on it: checked against the contract and what is there, then kept.

An approved request makes the month's draft stale; the next one follows it. A posted month stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from deskledger import contract as contracts
from deskledger import ledger, model
from deskledger.contract.terms import Contract, Version
from deskledger.errors import LedgerError
from deskledger.steps import close, terms
from deskledger.steps.close_content import inputs_of, snapshot
from deskledger.warehouse import open_warehouse

ALL_ROWS = "all"
# Lines of an event that the customer may choose from: those that failed.
_CHOSEN_FROM = frozenset({"breach", "superseded", "unchosen"})

_TICKETS = text("""
select
    source,
    ticket_id
from core.ticket
where source = any(:sources) and ticket_id = any(:named)
""")
_SURVEYS = text("""
select distinct
    source,
    survey_id
from core.survey_answer
where source = any(:sources) and survey_id = any(:named)
""")


@dataclass(frozen=True)
class Asked:
    """Who asks, for which contract's month ("alder|2026-03"), why, and on what evidence.

    `evidence` is a text or an address; `evidence_sha256` the hash of what the address held, else that of the text.
    """

    key: str
    by: str
    explanation: str
    evidence: str
    evidence_sha256: str | None = None


def exclude(
    asked: Asked,
    reason: str,
    now: datetime,
    *,
    tickets: Sequence[str] = (),
    cycle: int | None = None,
    cycle_version: int | None = None,
    surveys: Sequence[str] = (),
    service_levels: Sequence[str] = (),
    source: str | None = None,
) -> dict[str, Any]:
    """Ask that tickets (all their cycles, or one), or the answers of surveys, be set aside; the request's row.

    Without service levels: from all of them; what the contract excuses, from all shares of clocks met. `cycle_version`
    is the version that measures the one cycle; it may be left out where only one can. Raises LedgerError for a reason
    that the contract does not accept, an unknown ticket, survey, version or service level, and for service levels that
    cannot be excused; StatementError (`not_approved`) for terms that nobody has approved.
    """
    contract, period, version = _terms(asked.key)
    accepted = {each.name: each for each in version.exclusions}
    if reason not in accepted:
        raise LedgerError(
            f"the contract accepts no reason {reason!r}",
            where=f"{contract.file}, version {version.number}",
            remedy=f"use one of {', '.join(sorted(accepted)) or 'none: its `exclusions:` block lists none'}",
        )
    granted_for = accepted[reason]
    levels = _levels(version, service_levels, granted_for.effect == "excused")
    if cycle is not None and len(tickets) != 1:
        raise LedgerError("a cycle is of one ticket", remedy="name exactly one ticket beside the cycle")
    measured_by = None if cycle is None else _measuring(contract, version, cycle, cycle_version)
    with open_warehouse().begin() as connection:
        named = {"cycle": cycle, **({} if cycle is None else {"version": measured_by})}
        found = [{**each, **named} for each in _known(connection, _TICKETS, contract, tickets, source)]
        found += _known(connection, _SURVEYS, contract, surveys, source)
        content = _content(asked, contract, period, "exclusion", reason, {**ledger.plain(granted_for)}, found)
        return ledger.request(connection, replace(content, service_levels=levels), by=asked.by, at=now)


def waive_credit(asked: Asked, line: str, now: datetime, *, amount: Decimal | None = None) -> dict[str, Any]:
    """Ask that a penalty's credit be given up, at most `amount` of it (none given: all that the month now comes to).

    `line` is a penalty of the version, or `points`. Of a posted month the draft that stands counts, or the restated one
    that a draft not posted yet would book. Raises LedgerError when that has no such line with a credit, or less of it:
    a correction of another month is waived in that month.
    """
    contract, period, version = _terms(asked.key)
    penalties = {term["id"] for term in version.penalties.get("terms", ())} | {"points"}
    with open_warehouse().begin() as connection:
        where, lines = _lines_now(connection, contract, period)
        due = {
            each["term"]: each["credit_amount"]
            for each in lines
            if each["term"] in penalties and each["credit_amount"] > 0
        }
        if line not in due or (amount is not None and not 0 < amount <= due[line]):
            told = ", ".join(f"{term} {credit}" for term, credit in sorted(due.items())) or "none"
            corrected = line.removeprefix("restatement:")
            raise LedgerError(
                f"there is no credit of {'' if amount is None else f'{amount} of '}{line!r} to waive",
                where=where,
                remedy=f"name a penalty with a credit, and at most that much: {told}"
                if corrected == line
                else f"it corrects {corrected}: name that month, {contract.name}|{corrected}, and a penalty of it",
            )
        authority = {"authority": ledger.plain(contract.review.authority)}
        content = _content(asked, contract, period, "credit_waiver", "waived", authority, ())
        given_up = due[line] if amount is None else amount
        return ledger.request(connection, replace(content, line=line, amount=given_up), by=asked.by, at=now)


def waive_incomplete(
    asked: Asked, now: datetime, *, tickets: Sequence[str] = (), rows: Sequence[str] = (), source: str | None = None
) -> dict[str, Any]:
    """Ask that incomplete tickets, and quarantined rows of no known ticket, block this month no longer.

    They stay listed and unpriced. `rows` are ids of quality.quarantine, or ALL_ROWS for every one that blocks now; a
    row stays waived in later months. Raises LedgerError for what does not block this month.
    """
    contract, period, _ = _terms(asked.key)
    with snapshot(open_warehouse()) as connection:
        held = inputs_of(connection, contract, period, now).held
    unplaced = {row["quarantine_id"]: row for row in held.unplaced}
    blocking = {name.split(" ", 1)[1] for name in held.tickets.values()}
    wanted_rows = list(unplaced) if list(rows) == [ALL_ROWS] else list(rows)
    strangers = [each for each in wanted_rows if each not in unplaced]
    if len(contract.sources) > 1 and tickets and source is None:
        raise LedgerError("the contract has several sources", remedy="say which one the tickets are of")
    own_source = source or contract.sources[0]
    keys = dict(zip(tickets, model.ticket_keys(own_source, tickets).tolist(), strict=True))
    strangers += [each for each, key in keys.items() if key not in held.tickets and each not in blocking]
    if strangers or not (wanted_rows or tickets):
        raise LedgerError(
            f"nothing of {', '.join(strangers) or 'it'} blocks {asked.key}",
            where=f"{contract.name}, {period}",
            remedy="name what the draft's page lists as incomplete: tickets by id, rows by their id in quarantine",
        )
    subjects: list[dict[str, Any]] = [{"source": own_source, "ticket_id": each} for each in tickets]
    subjects += [{name: unplaced[each][name] for name in ("quarantine_id", "source", "rule")} for each in wanted_rows]
    content = _content(asked, contract, period, "incomplete_waiver", "waived", {}, subjects)
    with open_warehouse().begin() as connection:
        return ledger.request(connection, content, by=asked.by, at=now)


def claim(asked: Asked, claimed_on: date, now: datetime, *, lines: Sequence[str] = ()) -> dict[str, Any]:
    """Put on record that the customer claimed a month's credits (or those of `lines`) on a day; the request's row.

    Whether it came in time is the contract's to say: a late one is kept too. Raises LedgerError where the contract asks
    for no claim, for an unknown line, and for a day that has not come.
    """
    contract, period, version = _terms(asked.key)
    window = version.penalties.get("claim_window_days")
    where = f"{contract.file}, version {version.number}"
    if window is None:
        raise LedgerError(
            "the contract asks for no claim", where=where, remedy="nothing is to be recorded: its credits are due"
        )
    known = [term["id"] for term in version.penalties["terms"]]
    unknown = sorted(set(lines) - set(known))
    if unknown:
        raise LedgerError(f"there is no line {', '.join(unknown)}", where=where, remedy=f"use {', '.join(known)}")
    if claimed_on > now.astimezone(ZoneInfo(contract.period.timezone)).date():
        raise LedgerError(f"{claimed_on} has not come", where=asked.key, remedy="give the day on which it was claimed")
    named: list[str | None] = [*sorted(set(lines))] or [None]
    subjects = [{"claimed_on": claimed_on.isoformat(), "line": line} for line in named]
    asked_for = ("claim_window_days", "claim_calendar", "until_claimed")
    rules = {name: version.penalties[name] for name in asked_for if name in version.penalties}
    content = _content(asked, contract, period, "claim", "claimed", rules, subjects)
    with open_warehouse().begin() as connection:
        return ledger.request(connection, content, by=asked.by, at=now)


def choose(asked: Asked, line: str, now: datetime) -> dict[str, Any]:
    """Put on record which of an event's credits the customer takes; the request's row.

    The month counts as in `waive_credit`. Raises LedgerError where nothing is to be chosen, or that draft has no credit
    in that line.
    """
    contract, period, version = _terms(asked.key)
    events = version.penalties.get("events", {})
    if version.penalties.get("overlap") != "customer_choice" or line not in events:
        raise LedgerError(
            f"the customer has no choice about {line!r}",
            where=f"{contract.file}, version {version.number}",
            remedy=f"name one of {', '.join(events) or 'none'}, where `overlap: customer_choice` holds",
        )
    with open_warehouse().begin() as connection:
        where, lines = _lines_now(connection, contract, period)
        due = [
            row["term"] for row in lines if row["status"] in _CHOSEN_FROM and events.get(row["term"]) == events[line]
        ]
        if line not in due:
            raise LedgerError(
                f"{line!r} has no credit to choose",
                where=where,
                remedy=f"name a line of the event that failed: {', '.join(due) or 'none did'}",
            )
        rules = {name: version.penalties[name] for name in ("overlap", "until_chosen")}
        subjects = [{"event": events[line], "line": line}]
        content = _content(asked, contract, period, "choice", "chosen", rules, subjects)
        return ledger.request(connection, content, by=asked.by, at=now)


def rule_on(request_id: str, ruling: ledger.Ruling, comment: str, by: str, now: datetime) -> dict[str, Any]:
    """Approve, reject, withdraw or revoke a request; its row. Raises LedgerError when the ledger's rules refuse it."""
    with open_warehouse().begin() as connection:
        return ledger.rule_on(connection, request_id, ruling, comment=comment, by=by, at=now)


def requests_of(key: str) -> list[dict[str, Any]]:
    """Every request about a contract's month, oldest first."""
    contract, _, period = key.partition("|")
    with open_warehouse().connect() as connection:
        return ledger.requests_of_month(connection, contract, period)


def _terms(key: str) -> tuple[Contract, str, Version]:
    """The approved terms of a contract's month. Raises StatementError (`not_approved`) while an edit waits."""
    name, _, period = key.partition("|")
    contract = close.contract_named(name)
    try:
        begins = contracts.first_day(contract, period)
    except ValueError as error:
        raise LedgerError(f"{key!r} is no contract's month: {error}", remedy="write it as alder|2026-03") from None
    with open_warehouse().connect() as connection:
        terms.approved_versions(connection, contract, period)
    return contract, period, contracts.version_at(contract, begins)


def _lines_now(connection: Connection, contract: Contract, period: str) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The lines of what a month comes to now, with the name of the draft that has them."""
    draft_id = ledger.result_draft(connection, contract.name, period)
    if draft_id is None:
        return "no draft", []
    return f"draft {draft_id}", ledger.read(connection, draft_id).lines


def _levels(version: Version, named: Sequence[str], is_excused: bool) -> list[str]:
    """The service levels that a request is about; an empty list is all of them."""
    known = {level.name: level.measure for level in version.service_levels}
    excusable = [
        name for name, measure in known.items() if (measure.subject, measure.statistic) == ("clock", "share_met")
    ]
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise LedgerError(f"there is no service level {', '.join(unknown)}", remedy=f"use {', '.join(sorted(known))}")
    wrong = sorted(set(named) - set(excusable)) if is_excused else []
    if wrong:
        raise LedgerError(
            f"{', '.join(wrong)} is no share of clocks met: nothing can be added back to it",
            remedy=f"name only {', '.join(excusable) or 'others: there are none'}, or use a reason that removes",
        )
    return sorted(named) if named or not is_excused else sorted(excusable)


def _measuring(contract: Contract, version: Version, cycle: int, named: int | None) -> int:
    """The version that measures a cycle of a month priced by `version`: the one named, or the only one that can.

    Each version counts the cycles of a ticket from 1, so a number alone may name several stretches of time.
    """
    # Of two that begin on one day, the later restates the earlier, which measures nothing any more.
    begun = {each.effective_from: each.number for each in contract.versions}
    able = [number for begins, number in sorted(begun.items()) if begins <= version.effective_from]
    if named is None and len(able) == 1:
        return able[0]
    if named not in able:
        raise LedgerError(
            f"version {named} measures no cycle of this month"
            if named is not None
            else f"several versions may measure a cycle {cycle} of the ticket",
            where=contract.file,
            remedy=f"name the version with the cycle: {' or '.join(f'{cycle}@v{number}' for number in able)}",
        )
    return named


def _known(
    connection: Connection, statement: Any, contract: Contract, named: Sequence[str], source: str | None
) -> list[dict[str, Any]]:
    """What is named, with its source. Raises LedgerError for what is unknown, or known to several sources."""
    sources = [source] if source else list(contract.sources)
    found = [dict(row) for row in connection.execute(statement, {"sources": sources, "named": list(named)}).mappings()]
    told = [str(each.get("ticket_id", each.get("survey_id"))) for each in found]
    missing = sorted(set(named) - set(told))
    twice = sorted({each for each in told if told.count(each) > 1})
    if missing or twice:
        what = f"unknown: {', '.join(missing)}" if missing else f"in several sources: {', '.join(twice)}"
        raise LedgerError(
            what, where=f"sources {', '.join(sources)}", remedy="check the ids; name the source if needed"
        )
    return found


def _content(
    asked: Asked,
    contract: Contract,
    period: str,
    kind: ledger.RequestKind,
    reason: str,
    rules: dict[str, Any],
    subjects: Sequence[dict[str, Any]],
) -> ledger.RequestContent:
    return ledger.RequestContent(
        contract=contract.name,
        period=period,
        kind=kind,
        reason=reason,
        terms=rules,
        currency=contract.currency,
        explanation=asked.explanation,
        evidence=asked.evidence,
        subjects=list(subjects),
        evidence_sha256=asked.evidence_sha256,
    )
