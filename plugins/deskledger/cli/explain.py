"""The evidence of one ticket as a page in the terminal, or as JSON. Ticket text is written out harmlessly."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from textwrap import wrap
from typing import Any

from deskledger.cli import explain_words as words
from deskledger.steps.explain import Explanation
from deskledger.steps.explain_cycle import Stretch, folded
from deskledger.steps.explain_page import ContractPage, CyclePage
from deskledger.steps.explain_record import Stored

WIDTH = 132
_LABEL = 15
_GAP = "  "
_HEADER = ("from", "to", "lasted", "counted", "total", "held by", "why")
_RIGHT = {"lasted", "counted", "total"}
_STATES = {"met": "Met", "breached": "Breached", "running": "Running", "cancelled": "Cancelled"}
_FIGURES = {
    "elapsed_us": "counted time",
    "provider_us": "provider",
    "customer_us": "customer",
    "third_party_us": "third parties",
}


def as_json(explanation: Explanation) -> str:
    """The explanation as JSON: instants in ISO 8601 with their offset, durations in whole microseconds."""
    return json.dumps(asdict(explanation), default=_written, indent=2)


def as_text(explanation: Explanation) -> str:
    """The explanation as a page of at most WIDTH columns (names of any length apart)."""
    lines = [f"Ticket {explanation.ticket_id}  (source: {explanation.source})"]
    if not explanation.contracts:
        lines += ["", "No contract takes its tickets from this source: no clock runs on it."]
    measured = [page for page in explanation.contracts if page.cycles]
    # Where one contract measures the ticket, the others have nothing to say about it.
    for page in measured:
        lines += ["", *_contract(page)]
    if not measured:
        lines += [
            "",
            *(
                f"{page.title} ({page.contract}) says nothing about it: {page.why_empty}."
                for page in explanation.contracts
            ),
        ]
    return "\n".join(words.harmless(line).rstrip() for line in lines)


def _contract(page: ContractPage) -> list[str]:
    ticket = ", ".join(f"{name} {words.spoken(value)}" for name, value in page.ticket.items() if value)
    lines = [page.title, "=" * len(page.title), *_entry("contract", page.contract)]
    for role in ("customer", "provider"):
        if role in page.parties:
            lines += _entry(role, page.parties[role])
    lines += _entry("as of", words.instant(page.as_of))
    if ticket:
        lines += _entry("at that time", ticket)
    if page.as_of > page.complete_until:
        lines += _entry("", f"Events have arrived until {words.instant(page.complete_until)}: later ones are missing.")
    lines += _entry("times", f"local time of {page.timezone}; durations are hours:minutes:seconds")
    for cycle in page.cycles:
        lines += ["", *_cycle(page, cycle)]
    if page.outside_scope:
        lines += ["", f"Not shown: {_runs(page.outside_scope)} while the ticket was outside the contract's scope."]
    if page.only_on_record:
        lines += [
            "",
            f"Not shown: {_runs(page.only_on_record)} on record, begun after this instant or no longer in the data.",
        ]
    return lines


def _cycle(page: ContractPage, cycle: CyclePage) -> list[str]:
    number = f", {cycle.cycle} of {cycle.cycles}" if cycle.cycles > 1 else ""
    if len({each.version for each in page.cycles}) > 1:  # each version counts its own
        number = f", {cycle.cycle} of version {cycle.version}"
    title = f"{words.spoken(cycle.clock).capitalize()}{number} (clause {cycle.clause}): {_STATES[cycle.state]}"
    lines = [title, "-" * len(title)]
    lines += _entry("started", f"{words.instant(cycle.started_at, is_column=True)}  {words.happened(cycle.started_by)}")
    for at, what in cycle.resets:
        lines += _entry("counted anew", f"{words.instant(at, is_column=True)}  {words.happened(what)}")
    stopped = (
        f"{words.instant(cycle.stopped_at, is_column=True)}  {words.happened(cycle.stopped_by)}"
        if cycle.stopped_at
        else "not yet"
    )
    lines += _entry("ended", stopped)
    lines += _hours(page, cycle)
    lines += _targets(cycle)
    lines += _entry("due", _due(cycle))
    if cycle.breached_at:
        lines += _entry("breached", _breached(cycle))
    lines += _entry("verdict", _verdict(cycle))
    if cycle.service_levels and cycle.state != "cancelled":
        lines += _entry("statement", _statement(cycle))
    lines += ["", *_stretches(page, cycle), "", *_sums(page, cycle)]
    return lines


def _hours(page: ContractPage, cycle: CyclePage) -> list[str]:
    ends = [each.to_at for each in cycle.stretches] or [cycle.started_at]
    lines: list[str] = []
    for name in cycle.calendars:
        terms = page.calendars[cycle.version][name]
        told = words.calendar(terms, cycle.started_at.date(), ends[-1].date())
        lines += _entry("" if lines else "service hours", f"{words.spoken(name)}: {told}")
    return lines


def _targets(cycle: CyclePage) -> list[str]:
    if not cycle.targets:
        amount = "none agreed" if cycle.target_us is None else f"{words.duration(cycle.target_us)} of service time"
        return _entry("target", amount)
    lines = _entry("target", words.target(cycle.targets[0]))
    for step in cycle.targets[1:]:
        lines += _entry("", f"{words.target(step)} from {words.instant(step.from_at)}: {words.changes(step)}")
    moved = len({each.priority for each in cycle.stretches}) > 1
    if moved and cycle.retarget == "initial":
        lines += _entry("", "The target is that of the start; later changes of the ticket do not move it.")
    if moved and cycle.retarget == "final":
        lines += _entry("", "The target is that of the end; what held before does not count.")
    return lines


def _due(cycle: CyclePage) -> str:
    if cycle.due_at is None:
        return "no due date"
    stands_still = cycle.stopped_at is None and cycle.stretches and cycle.stretches[-1].reason in {"paused", "held"}
    return words.instant(cycle.due_at, is_column=True) + (" if the clock ran on from now" if stands_still else "")


def _breached(cycle: CyclePage) -> str:
    assert cycle.breached_at is not None
    told = words.instant(cycle.breached_at, is_column=True)
    if not _is_by_change(cycle):
        return told + ("  when time counted again" if cycle.due_at and cycle.due_at < cycle.breached_at else "")
    used_us = max((each.total_us for each in cycle.stretches if each.to_at <= cycle.breached_at), default=0)
    return f"{told}  {words.duration(used_us)} had been used when the target became {words.duration(_limit(cycle))}"


def _is_by_change(cycle: CyclePage) -> bool:
    """Whether a change of the target made it late, and not the time that went by."""
    return any(step.from_at == cycle.breached_at for step in cycle.targets[1:])


def _limit(cycle: CyclePage) -> int:
    """The target of a cycle that has been late: it has one."""
    assert cycle.target_us is not None
    return cycle.target_us


def _statement(cycle: CyclePage) -> str:
    levels = "; ".join(f"{level.title} (clause {level.clause})" for level in cycle.service_levels)
    if cycle.state == "running" and cycle.attribution != "due":
        decides = "in which it ends" if cycle.attribution == "stopped" else "that decides it"
        return f"the month {decides}: {levels}"
    return f"{words.month(cycle.period)}: {levels}"


def _verdict(cycle: CyclePage) -> str:
    used = f"{words.duration(cycle.elapsed_us)} used"
    if cycle.target_us is None:
        told = f"{_STATES[cycle.state].lower()}: {used}; no target was agreed, so nothing can be late"
    elif cycle.state == "cancelled":
        told = f"cancelled after {used}: it does not count"
    elif cycle.state == "breached":
        over = words.duration(cycle.elapsed_us - cycle.target_us)
        told = f"breached: {used} of {words.duration(cycle.target_us)}, {over} too much"
        told += " and not ended yet" if cycle.stopped_at is None else ""
    else:
        left = words.duration(cycle.target_us - cycle.elapsed_us)
        told = f"{cycle.state}: {used} of {words.duration(cycle.target_us)}, {left} left"
    if cycle.resumable_until is not None:
        told += f"; reopened until {words.instant(cycle.resumable_until)}, it goes on"
    if not cycle.is_chosen and cycle.state != "cancelled":
        told += f"; not counted in the statement, which takes the {cycle.rule} of {cycle.cycles}"
    if cycle.is_incomplete:
        told += "; incomplete: a row of this ticket is held back, so it is not priced until that is mended"
    return told


def _stretches(page: ContractPage, cycle: CyclePage) -> list[str]:
    stretches = folded(cycle.stretches)
    if not stretches:
        return _entry("", "It ended at the instant it started: no time passed.")
    in_one_year = stretches[0].from_at.year == stretches[-1].to_at.year
    rows = [_row(page, cycle, each, year=not in_one_year) for each in stretches]
    shown = (*rows, _HEADER, _together(stretches))
    widths = [max(len(row[place]) for row in shown) for place in range(len(_HEADER) - 1)]
    lines = _aligned(_HEADER, widths)
    before: Stretch | None = None
    for stretch, row in zip(stretches, rows, strict=True):
        lines += [f"{_GAP}  * {told}" for told in _moved(page, cycle, before, stretch)]
        lines += _aligned(row, widths)
        before = stretch
    return [*lines, *_aligned(_together(stretches), widths)]


def _together(stretches: Sequence[Stretch]) -> tuple[str, ...]:
    """The last row: what the columns add up to. Time before a reset is not counted, so there is no total for it."""
    lasted = words.duration(sum(each.lasted_us for each in stretches))
    return ("together", "", lasted, words.duration(sum(each.counted_us for each in stretches)), "", "", "")


def _row(page: ContractPage, cycle: CyclePage, stretch: Stretch, *, year: bool) -> tuple[str, ...]:
    terms = page.calendars[cycle.version].get(stretch.calendar or "", {})
    cells = (
        words.instant(stretch.from_at, year=year, is_column=True),
        words.instant(stretch.to_at, year=year, is_column=True),
        words.duration(stretch.lasted_us),
        words.duration(stretch.counted_us) if stretch.is_counted else "-",
        words.duration(stretch.total_us),
        words.holder(stretch),
        words.reason(stretch, is_always=bool(terms.get("always"))),
    )
    return tuple(words.harmless(cell) for cell in cells)


def _moved(page: ContractPage, cycle: CyclePage, before: Stretch | None, stretch: Stretch) -> list[str]:
    """What changed between two stretches and is not in their columns: the target, priority, calendar."""
    if before is None:
        return []
    at = words.instant(stretch.from_at, year=False)
    told = []
    steps = [step for step in cycle.targets[1:] if step.from_at == stretch.from_at]
    for step in steps:
        told.append(f"{at}: {words.changes(step)}; the target is now {words.target(step)}")
    if stretch.from_at == cycle.breached_at and not _is_by_change(cycle):
        told.append(f"{at}: the {words.duration(_limit(cycle))} of the target are used up; late from here on")
    if before.priority != stretch.priority and not any(
        name == "priority" for each in steps for name, *_ in each.changed
    ):
        priorities = f"{before.priority or 'none'} to {stretch.priority or 'none'}"
        told.append(f"{at}: priority changed from {priorities}; the target stays")
    if before.calendar != stretch.calendar and stretch.calendar:
        told.append(f'{at}: the service hours are now "{words.spoken(stretch.calendar)}"')
    return told


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """One row of the table; its last cell goes on below itself where the page ends."""
    fixed = _GAP + _GAP.join(
        cell.rjust(width) if name in _RIGHT else cell.ljust(width)
        for name, cell, width in zip(_HEADER, cells, widths, strict=False)
    )
    room = max(WIDTH - len(fixed) - len(_GAP), 24)
    first, *rest = wrap(cells[-1], room) or [""]
    return [fixed + _GAP + first, *(" " * (len(fixed) + len(_GAP)) + each for each in rest)]


def _sums(page: ContractPage, cycle: CyclePage) -> list[str]:
    """The sums by who held the ticket, nights and weekends included, and how they stand to the warehouse."""
    sides = (
        (f"provider  {page.parties.get('provider', '')}", cycle.provider_us),
        (f"customer  {page.parties.get('customer', '')}", cycle.customer_us),
        ("third parties", cycle.third_party_us),
        ("end to end", cycle.end_to_end_us),
    )
    names = [words.harmless(name).rstrip() for name, _ in sides]
    times = [words.duration(time_us) for _, time_us in sides]
    wide, long = max(map(len, names)), max(map(len, times))
    lines: list[str] = []
    for name, time in zip(names, times, strict=True):
        lines += _entry("" if lines else "who held it", f"{name.ljust(wide)}  {time.rjust(long)}")
    return [*lines, *_entry("on record", _on_record(page, cycle.on_record))]


def _on_record(page: ContractPage, stored: Stored) -> str:
    if stored.as_of is None:
        return "nothing yet: the ticket has not been measured into the warehouse."
    as_of = words.instant(stored.as_of.astimezone(page.as_of.tzinfo))
    if stored.standing == "equal":
        return f"the warehouse has the same figures, measured as of {as_of}."
    if stored.standing == "absent":
        return f"the warehouse, measured as of {as_of}, does not have this one."
    figures = ", ".join(f"{name} {words.duration(getattr(stored, column) or 0)}" for column, name in _FIGURES.items())
    if stored.standing == "equal_then":
        return (
            f"the warehouse was measured as of another instant, {as_of}: {figures}. "
            "Measured again as of that instant, the figures are the same."
        )
    names = ", ".join(_FIGURES.get(name, words.spoken(name.removesuffix("_us"))) for name, *_ in stored.differences)
    return (
        f"NOT the same as the warehouse, measured as of {as_of}, in {names}. On record: {figures}. Something "
        "arrived, or the contract changed, after it was measured; the next run of `measure` takes it in."
    )


def _entry(label: str, text: str) -> list[str]:
    """A label and its text, which goes on below itself where the page ends; its own spaces are kept."""
    first, *rest = wrap(text, WIDTH - _LABEL - len(_GAP), drop_whitespace=True, replace_whitespace=False) or [""]
    return [f"{_GAP}{label:<{_LABEL}}{first}", *(f"{_GAP}{'':<{_LABEL}}{each}" for each in rest)]


def _runs(count: int) -> str:
    return "1 run of a clock" if count == 1 else f"{count} runs of a clock"


def _written(value: Any) -> str:
    if isinstance(value, date):  # an instant is a date too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not plain data")
