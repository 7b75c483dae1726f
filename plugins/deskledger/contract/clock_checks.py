"""What must hold within a clock's events, holders and months (its targets and calendars are judged in `checks`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from deskledger.contract.checks import Fault, covers
from deskledger.contract.definitions import DEFINITIONS
from deskledger.contract.document import Path
from deskledger.contract.problems import one_of
from deskledger.contract.schema import SIDES, Calendar, Clock

_EVENTS = ("start", "stop", "resume", "reset", "cancel")
# Kinds of events that say what is true of the ticket from then on, so that one can say something else than the last.
_TELLING = frozenset({"status", "team", "account", "assignment", "product", "priority", "escalation", "eta"})


def check_clock_events(path: Path, clock: Clock) -> Iterator[Fault]:
    """Each event of a clock can happen as it is described."""
    for word in _EVENTS:
        for index, match in enumerate(getattr(clock, word) or ()):
            if match.kind not in _TELLING and (match.is_change is not None or match.previous_value is not None):
                asked = "is_change" if match.is_change is not None else "previous_value"
                what = f"a `{match.kind}` has no value that could follow another one"
                yield (*path, word, index, asked), what, f"remove `{asked}`, or use one of {one_of(_TELLING)}"
    if clock.resume_within is not None and not part(clock, "resume"):
        what = "nothing resumes this clock, so no stop can be taken back"
        yield (*path, "resume_within"), what, "remove it, or add `resume:` or `use: resolution_total`"


def check_promises(path: Path, clock: Clock, calendars: Mapping[str, Calendar]) -> Iterator[Fault]:
    """A clock with a promised date as its target counts every moment: a promise is an instant.

    On service hours no time would pass between a promise for 20:00 and the next opening: late in between would be met.
    Time that is not counted (`pause`, `counts`) would move the promised date on by as much.
    """
    if not any(target.until for target in part(clock, "targets")):
        return
    what = f"the target of clause {clock.clause} is a promised instant: "
    own_clock = "or give the promise a clock of its own"
    if part(clock, "pause"):
        word, remedy = ("pause", "remove `pause`") if clock.pause else ("use", "write `pause: []`")
        yield (*path, word), what + "a pause would move it to a later one", f"{remedy}, {own_clock}"
    if clock.counts is not None and len(clock.counts) < len(SIDES):
        yield (*path, "counts"), what + "time of a side not counted would move it", f"remove `counts`, {own_clock}"
    named = [((*path, "calendar"), clock.calendar)] if clock.calendar else []
    named += [
        ((*path, "calendars", index, "calendar"), choice.calendar) for index, choice in enumerate(clock.calendars or ())
    ]
    every_hour = [name for name, calendar in calendars.items() if calendar.always]
    for place, name in named:
        if name in calendars and not calendars[name].always:
            late = f"what comes late but outside the hours of `{name}` counts as kept"
            use = one_of(every_hour) if every_hour else "a calendar with `always: true`"
            yield place, what + late, f"use {use}, or give the promise a clock of its own on it"


def check_months(path: Path, clock: Clock) -> Iterator[Fault]:
    """No month may count what a later one would have to count again: for clocks that a service level measures."""
    if part(clock, "resume") and clock.resume_within is None:
        what = "a cycle that goes on when the ticket is reopened, however late, would count in two months"
        remedy = (
            "say how long a stop can be taken back, such as `resume_within: 5 days`, or use `resolution` or "
            "`resolution_without_waiting` (a reopening is a cycle of its own)"
        )
        yield (*path, "use" if clock.resume is None else "resume"), what, remedy
    if clock.retarget == "final" and part(clock, "attribution", "due") != "stopped":
        what = "with the target of the end nobody knows before the stop what is late: two months would count it"
        remedy = "add `attribution: stopped`, or use `retarget: at_change` (a breach stays) or `initial`"
        yield (*path, "retarget"), what, remedy


def part(clock: Clock, word: str, default: Any = ()) -> Any:
    """A part of a clock: as the contract writes it, else as the ready-made clock has it."""
    written = getattr(clock, word)
    return DEFINITIONS.get(clock.use or "", {}).get(word, default) if written is None else written


def check_holders(path: Path, clock: Clock) -> Iterator[Fault]:
    """The first rule of `held_by` that fits holds: none may be hidden by an earlier one."""
    filters = [rule.filter() for rule in clock.held_by or ()]
    for index, later in enumerate(filters):
        hiding = next((number for number in range(index) if covers(filters[number], later)), None)
        if hiding is not None:
            what = f"no ticket can reach this holder: number {hiding + 1} of the list matches first"
            yield (*path, "held_by", index), what, "remove it, or put the narrower one first"
    if {} in filters and clock.holders:
        what = "`holders` can never say who holds a ticket: a line of `held_by` is for all of them"
        yield (*path, "holders"), what, "remove `holders`, or the line without conditions"
