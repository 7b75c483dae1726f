"""What a monthly statement cannot do yet with the tickets that it reads: refused, so that no signed term is ignored.

`penalties.assess` knows more than a statement can feed it. Each check yields faults as (path in the file, what,
remedy).
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from deskledger.contract.checks import Fault, statistic_of
from deskledger.contract.clock_checks import check_months, part
from deskledger.contract.document import Path
from deskledger.contract.file_schema import Version
from deskledger.contract.penalty_schema import Penalties, PerItem
from deskledger.contract.problems import one_of, suggestion


def check_statement(path: Path, version: Version, survey_wait: timedelta) -> Iterator[Fault]:
    """Every term of a version that a statement would overlook or count in the wrong month."""
    for name, clock in version.clocks.items():
        if any(level.clock == name for level in version.service_levels.values()):
            yield from check_months((*path, "clocks", name), clock)
    yield from _check_times(path, version)
    csat = version.csat
    if csat is not None and csat.attribution != "responded" and not survey_wait:
        what = f"a survey counts when it was {csat.attribution}, but nothing waits for its answer after the month's end"
        remedy = "say how long in `period: {survey_wait: 7 days}`, or use `attribution: responded`"
        yield (*path, "csat", "attribution"), what, remedy
    if version.penalties is not None:
        yield from _check_money((*path, "penalties"), version.penalties)
        yield from _check_items((*path, "penalties"), version)
        yield from _check_gates((*path, "penalties"), version)
        yield from _check_claim_calendar((*path, "penalties", "claim_calendar"), version)


def _check_times(path: Path, version: Version) -> Iterator[Fault]:
    """A time counts at the stop, so a breach must not count it before a reopening can no longer take the stop back."""
    for name, level in version.service_levels.items():
        clock = version.clocks.get(level.clock or "")
        if clock is None or statistic_of(level) == "share_met" or not part(clock, "resume"):
            continue
        if part(clock, "attribution", "due") != "stopped":
            what = f"a reopening can take back the stop of `{level.clock}`, and two months would count its time"
            remedy = f"add `attribution: stopped` to `{level.clock}`, or measure the share met"
            yield (*path, "service_levels", name, "statistic"), what, remedy


def _check_money(path: Path, penalties: Penalties) -> Iterator[Fault]:
    if penalties.tax is not None:
        what = "`tax` is not the contract's to say here: statements are approved and posted before tax"
        yield (
            (*path, "tax"),
            what,
            "remove it, and give the contract's `tax` in `books.yaml`: pages and journal state it",
        )


def _check_claim_calendar(path: Path, version: Version) -> Iterator[Fault]:
    name = None if version.penalties is None else version.penalties.claim_calendar
    if name is None or version.penalties is None:
        return
    if version.penalties.claim_window_days is None:
        yield path, "the calendar is not used", "add `claim_window_days:`, or remove `claim_calendar`"
    if name not in version.calendars:
        known = version.calendars
        yield path, f"there is no calendar `{name}`", f"{suggestion(name, known)}use {one_of(known)}, or define it"
    elif not version.calendars[name].always and not any(version.calendars[name].weekly.values()):
        what = f"the calendar `{name}` opens on some special days only, and a claim window may reach past the last"
        yield path, what, f"give `{name}` its `weekly:` hours, or name another calendar"


def _check_gates(path: Path, version: Version) -> Iterator[Fault]:
    """Misses are counted of shares only: of a time, a count or a mean of months nobody can say which tickets missed.

    What grows month by month takes no gate of one month's tickets: what it lets off, no later month charges.
    """
    for index, term in enumerate(version.penalties.terms if version.penalties is not None else []):
        level = version.service_levels.get(term.measure)
        if level is None or term.gate is None:
            continue
        here = (*path, "terms", index, "gate")
        if isinstance(term.schedule, PerItem):
            if term.gate.max_misses is not None:
                what = "a price by the late ticket has no verdict that few tickets could change"
                yield here, what, "remove the gate, or price the share met"
            if term.gate.min_den is not None or term.gate.volume_relief_above is not None:
                what = f"clause {term.clause}: the months of a late ticket add up, and one month's gate breaks the sum"
                yield here, what, "remove the gate, or price the share met"
        elif term.gate.max_misses is not None and (
            statistic_of(level) not in {"share", "share_met"} or (level.window and level.window.mode == "mean")
        ):
            what = f"`{term.measure}` is measured as one value, so its misses cannot be counted"
            yield here, what, "use `min_den`, or let the penalty measure a share of the same tickets"


def _check_items(path: Path, version: Version) -> Iterator[Fault]:
    """A price by the late ticket needs a service level that judges each ticket, and one month's share beside it."""
    terms = version.penalties.terms if version.penalties is not None else []
    for index, term in enumerate(terms):
        if not isinstance(term.schedule, PerItem):
            continue
        here = (*path, "terms", index, "measure")
        level = version.service_levels.get(term.measure)
        shared = any(other.measure == term.measure for other in terms if not isinstance(other.schedule, PerItem))
        if shared and level is not None and (level.window is not None or statistic_of(level) != "share_met"):
            what = f"`{term.measure}` is priced by the late ticket, and its months or times by another penalty"
            yield here, what, "add a second service level of the same clock and let this penalty measure it"
        if level is not None and level.clock is not None and statistic_of(level) not in {"share_met", "count"}:
            what = f"`{term.measure}` takes a time of all tickets, and calls none of them late"
            yield here, what, "measure the share met of the same clock, and let this penalty measure that"


def check_clock_names(versions: Sequence[Version]) -> Iterator[Fault]:
    """A cycle is measured by the version that it started under: a later version must find it by its clock's name."""
    measured: dict[str, int] = {}
    levels: dict[str, tuple[str, int]] = {}
    for index, version in enumerate(versions):
        path = ("versions", index)
        for clock in sorted(set(measured) - set(version.clocks)):
            what = f"the clock `{clock}`, which service levels measured until version {measured[clock]}, is gone"
            remedy = f"keep the name `{clock}`, also for changed terms: cycles that began before are counted by it"
            yield (*path, "clocks"), what, remedy
        for name, level in version.service_levels.items():
            if level.clock is None:
                continue
            before = levels.get(name)
            if before is not None and before[0] != level.clock and level.clock in version.clocks:
                what = f"`{name}` measured the clock `{before[0]}` until version {before[1]}"
                remedy = (
                    f"keep `clock: {before[0]}` with the new terms: cycles that began before are counted by that name"
                )
                yield (*path, "service_levels", name, "clock"), what, remedy
            levels[name] = level.clock, version.number
            measured[level.clock] = version.number
