"""What must hold between the terms of a contract: references, completeness, order. Shape alone is in `schema`.

Each check yields faults as (path in the file, what, remedy).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal

from deskledger.contract.definitions import DEFINITIONS
from deskledger.contract.document import Path
from deskledger.contract.problems import one_of, suggestion
from deskledger.contract.schema import WEEKDAYS, Calendar, Clock, Csat, Population, ServiceLevel
from deskledger.contract.terms import KPIS, KPIS_AT_THE_END
from deskledger.model import PRIORITIES

Fault = tuple[Path, str, str]


def check_calendar(path: Path, calendar: Calendar) -> Iterator[Fault]:
    """A calendar is either always open or has at least one open interval, and its country is known."""
    if calendar.always:
        if calendar.weekly or calendar.special_days or calendar.holidays or calendar.country:
            yield (*path, "always"), "`always: true` leaves no room for hours or holidays", "keep one of the two"
    elif not any(calendar.weekly.values()) and not any(calendar.special_days.values()):
        yield path, "the calendar is never open", f"add `weekly:` hours ({', '.join(WEEKDAYS)}), or `always: true`"
    for day, times in Counter(day for days in calendar.weekly for day in days).items():
        if times > 1:
            yield (*path, "weekly"), f"`{day}` is given twice", "name each day of the week once"
    if calendar.region and not calendar.country:
        yield (*path, "region"), "a region needs its country", "add `country:`, such as ES"
    if calendar.country:
        yield from _check_country(path, calendar.country, calendar.region)


def _check_country(path: Path, country: str, region: str | None) -> Iterator[Fault]:
    import holidays  # takes a second: only calendars that name a country pay for it

    known = holidays.list_supported_countries()
    if country not in known:
        yield (*path, "country"), f"no holidays are known for the country `{country}`", "use an ISO code such as ES"
    elif region and region not in known[country]:
        remedy = f"{suggestion(region, known[country])}use {one_of(known[country])}"
        yield (*path, "region"), f"no holidays are known for the region `{region}` of {country}", remedy


def check_clock(path: Path, clock: Clock, calendars: Iterable[str]) -> Iterator[Fault]:
    """A clock starts, stops, has a calendar and a target for every ticket, and none that no ticket can reach."""
    if clock.use is not None and clock.use not in DEFINITIONS:
        remedy = f"{suggestion(clock.use, DEFINITIONS)}use {one_of(DEFINITIONS)}"
        yield (*path, "use"), f"there is no ready-made clock `{clock.use}`", remedy
    if clock.use is None:
        for word in ("start", "stop"):
            if not getattr(clock, word):
                yield path, f"the clock does not say when it {word}s", f"add `{word}:`, or `use:` a ready-made clock"
    if (clock.calendar is None) == (clock.calendars is None):
        yield (
            path,
            "a clock needs exactly one of `calendar` and `calendars`",
            "name the calendar that its time counts on",
        )
    known = set(calendars)
    for place, name in _named_calendars(path, clock):
        if name not in known:
            yield place, f"there is no calendar `{name}`", f"{suggestion(name, known)}define it, or use {one_of(known)}"
    if clock.calendars is not None:
        yield from check_choices((*path, "calendars"), clock.calendars, "calendar")
    if clock.targets is not None:
        yield from check_choices((*path, "targets"), clock.targets, "target")
        for index, target in enumerate(clock.targets):
            if (target.within is None) == (target.until is None):
                yield (*path, "targets", index), "a target is exactly one of `within` and `until`", "write `within: 4h`"
    elif not DEFINITIONS.get(clock.use or "", {}).get("targets"):
        yield path, "the clock has no targets", "add `targets:`, such as `- {priority: P1, within: 4h}`"


def _named_calendars(path: Path, clock: Clock) -> Iterator[tuple[Path, str]]:
    if clock.calendar is not None:
        yield (*path, "calendar"), clock.calendar
    for index, choice in enumerate(clock.calendars or ()):
        yield (*path, "calendars", index, "calendar"), choice.calendar


def check_choices(path: Path, choices: Sequence[Population], noun: str) -> Iterator[Fault]:
    """The first match holds: none may be hidden by an earlier one, and every ticket must find one."""
    if not choices:
        yield path, f"there is no {noun}", f"add at least one {noun}"
        return
    filters = [choice.filter() for choice in choices]
    for index, later in enumerate(filters):
        hiding = next((i for i in range(index) if covers(filters[i], later)), None)
        if hiding is not None:
            what = f"no ticket can reach this {noun}: number {hiding + 1} of the list matches first"
            yield (*path, index), what, "remove it, or put the narrower one first"
    if {} not in filters:
        left = [name for name in PRIORITIES if not any(covers(each, {"priority": {name}}) for each in filters)]
        # A ticket that no target fits could never be late.
        whose = f"tickets of priority {', '.join(left)}" if left else "tickets without a priority"
        yield path, f"{whose} have no {noun}", f"let the last {noun} have no conditions: it is for all other tickets"


def covers(general: Mapping[str, Set[str]], special: Mapping[str, Set[str]]) -> bool:
    """Whether every ticket that `special` matches is matched by `general` too."""
    return all(field in special and special[field] <= words for field, words in general.items())


def check_csat(path: Path, csat: Csat) -> Iterator[Fault]:
    """Each star is in exactly one class."""
    for star in range(1, 6):
        classes = [name for name in ("good", "neutral", "poor") if star in getattr(csat, name)]
        if len(classes) != 1:
            what = f"{star} stars are in {' and '.join(classes) if classes else 'no class'}"
            yield (*path, classes[-1] if classes else "neutral"), what, "put each of 1 to 5 into good, neutral or poor"
    for name in ("good", "poor"):
        if not getattr(csat, name):
            yield (*path, name), f"no rating counts as {name}", f"list at least one star under `{name}`"


def check_service_level(
    path: Path, level: ServiceLevel, clocks: Mapping[str, Clock], csat: Csat | None
) -> Iterator[Fault]:
    """A service level measures one known thing, in a unit that its objective speaks."""
    subjects = [word for word in ("clock", "csat", "kpi") if getattr(level, word) is not None]
    if len(subjects) != 1:
        yield path, "a service level measures exactly one of `clock`, `csat` and `kpi`", "keep one of them"
        return
    if level.clock is not None and level.clock not in clocks:
        remedy = f"{suggestion(level.clock, clocks)}use {one_of(clocks)}"
        yield (*path, "clock"), f"there is no clock `{level.clock}`", remedy
    if level.kpi is not None and level.kpi not in KPIS:
        yield (*path, "kpi"), f"there is no KPI `{level.kpi}`", f"{suggestion(level.kpi, KPIS)}use {one_of(KPIS)}"
        return
    if level.csat is not None and csat is None:
        yield (*path, "csat"), "the version does not say how ratings become shares", "add a `csat:` block"
    statistics = allowed_statistics(level)
    statistic = statistic_of(level)
    if "percentile" in statistics and statistic.startswith("p") and statistic[1:].replace(".", "").isdigit():
        if not 0 < Decimal(statistic[1:]) < 100:
            yield (*path, "statistic"), f"`{statistic}` is not between p0 and p100", "write, for instance, `p90`"
            return
    elif statistic not in statistics:
        yield (*path, "statistic"), f"`{statistic}` cannot be taken of a {subjects[0]}", f"use {one_of(statistics)}"
        return
    unit = unit_of(level)
    written = level.objective.quantity
    if written.unit != unit:
        example = {"pct": '">= 95 %"', "seconds": '"<= 4h"', "count": '"<= 5"'}[unit]
        yield (*path, "objective"), f"the objective is not in the unit of `{statistic}`", f"write it as in {example}"
    elif unit == "pct" and not 0 <= Decimal(written.text) <= 100:
        yield (*path, "objective"), f"no share can be {written.text} %", "write a share between 0 % and 100 %"
    if level.side != "provider" and level.clock is None:
        yield (*path, "side"), f"a {subjects[0]} has no sides: only time is held by one", "remove `side`"
    if level.window is not None and statistic == "count":
        yield from _check_window_of_a_count((*path, "window"), level)
    if level.window is not None and statistic.startswith("p"):
        yield (*path, "window"), "a percentile of several months is not defined", "remove `window`, or take the mean"
    elif level.window is not None and level.window.months < 2:
        yield (*path, "window", "months"), "a window of less than two months is the month itself", "remove `window`"


def _check_window_of_a_count(path: Path, level: ServiceLevel) -> Iterator[Fault]:
    """Counts of several months add up, unless each is what stood at its month's end."""
    if level.kpi in KPIS_AT_THE_END:
        what = f"`{level.kpi}` is what stands at a month's end: the sum of several months counts a ticket again"
        yield path, what, "remove `window`"
    elif level.window is not None and level.window.mode == "mean":
        yield (
            (*path, "mode"),
            "counts of several months are added up",
            "write `mode: pooled`, with an objective for all",
        )


def statistic_of(level: ServiceLevel) -> str:
    """The statistic that a level takes, by what it measures where it does not say."""
    if level.statistic is not None:
        return "p50" if level.statistic == "median" else level.statistic
    if level.kpi is not None:
        return KPIS[level.kpi]
    return "share" if level.csat else "share_met"


def allowed_statistics(level: ServiceLevel) -> set[str]:
    """The statistics that make sense of what a level measures."""
    if level.clock is not None:
        return {"share_met", "mean", "percentile"}
    if level.kpi is not None:
        return {KPIS[level.kpi], "count"}  # of a share, the count is its numerator
    return {"share"}


def unit_of(level: ServiceLevel) -> str:
    """The unit of a level's result: `pct`, `seconds` or `count`."""
    statistic = statistic_of(level)
    if statistic in {"share_met", "share"}:
        return "pct"
    return "count" if statistic == "count" else "seconds"


def check_csat_pairs(path: Path, csat: Csat, levels: Mapping[str, ServiceLevel]) -> Iterator[Fault]:
    """Two tests of which one can never bind are accepted only when the contract acknowledges it.

    With neutral answers out of the denominator the good and the poor share add up to 100 %, so one test always
    implies the other; with them in it, that is so where the two objectives add up to 100 % or more.
    """
    if csat.acknowledged:
        return
    good = [
        (name, level) for name, level in levels.items() if level.csat == "good" and level.objective.operator == ">="
    ]
    poor = [
        (name, level) for name, level in levels.items() if level.csat == "poor" and level.objective.operator == "<="
    ]
    for name, least in good:
        for other, most in poor:
            if least.population != most.population or least.window != most.window:
                continue
            total = Decimal(least.objective.quantity.text) + Decimal(most.objective.quantity.text)
            if total < 100 and csat.denominator == "include_neutral" and csat.neutral:
                continue
            idle = other if total >= 100 else name
            yield (
                (*path, "service_levels", idle, "objective"),
                f"this test can never bind: `{name}` and `{other}` measure shares of the same answers, "
                f"and whenever `{name if idle == other else other}` is met so is this one",
                "keep neutral answers (`denominator: include_neutral`), change an objective, "
                "or write `acknowledged: true` under `csat` if the parties want it so",
            )
