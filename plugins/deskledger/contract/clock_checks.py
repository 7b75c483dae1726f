"""What must hold within a clock's events and holders (its targets and calendars are judged in `checks`)."""

from collections.abc import Iterator

from deskledger.contract.checks import Fault, covers
from deskledger.contract.document import Path
from deskledger.contract.problems import one_of
from deskledger.contract.schema import Clock

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
