"""What must hold of a version's money: measures exist, bases are given, bands are complete, pools are not overdrawn.

Each check yields faults as (path in the file, what, remedy).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from deskledger.contract.checks import Fault, unit_of
from deskledger.contract.document import Path
from deskledger.contract.penalty_schema import (
    Band,
    Bands,
    Consequence,
    ExpectedMin,
    Penalties,
    PenaltyTerm,
    PerItem,
    Shortfall,
    Threshold,
)
from deskledger.contract.problems import one_of, suggestion
from deskledger.contract.quantities import Quantity
from deskledger.contract.schema import ServiceLevel


def check_penalties(path: Path, penalties: Penalties, levels: Mapping[str, ServiceLevel]) -> Iterator[Fault]:
    """Every fault of a penalties block against the version's service levels."""
    bases = set(penalties.bases)
    for identifier, times in Counter(term.id for term in penalties.terms).items():
        if times > 1:
            index = [term.id for term in penalties.terms].index(identifier, 0)
            last = max(i for i, term in enumerate(penalties.terms) if term.id == identifier and i > index)
            yield (*path, "terms", last, "id"), f"the penalty `{identifier}` is defined twice", "give it another id"
    for index, term in enumerate(penalties.terms):
        here = (*path, "terms", index)
        if term.measure not in levels:
            remedy = f"{suggestion(term.measure, levels)}use {one_of(levels)}"
            yield (*here, "measure"), f"there is no service level `{term.measure}`", remedy
        else:
            yield from _check_units(here, term, levels[term.measure])
        yield from _check_term(here, term, bases)
    yield from _check_caps(path, penalties, bases)
    yield from _check_money(path, penalties, bases)
    yield from _check_pools(path, penalties)
    yield from _check_events(path, penalties)
    yield from _check_claims(path, penalties)


def _check_term(path: Path, term: PenaltyTerm, bases: set[str]) -> Iterator[Fault]:
    schedule = term.schedule
    here = (*path, "schedule")
    match schedule:
        case Threshold() | ExpectedMin():
            yield from _check_consequence((*here, "consequence"), schedule.consequence, bases)
        case Shortfall():
            yield from _check_consequence((*here, "per_step"), schedule.per_step, bases)
            if Decimal(schedule.step.text) <= 0:
                yield (*here, "step"), "a step must be above zero", "write how much is one step, such as `1 %`"
        case Bands():
            for index, band in enumerate(schedule.bands):
                if band.consequence is not None:
                    yield from _check_consequence((*here, "bands", index, "consequence"), band.consequence, bases)
        case PerItem():
            yield from _check_ladder(here, schedule, bases)
    if isinstance(schedule, ExpectedMin) and schedule.occurrences > schedule.window:
        yield (
            (*here, "occurrences"),
            f"{schedule.occurrences} misses can never happen in {schedule.window} months",
            "ask for at most as many as the window has months",
        )
    gate = term.gate
    if gate is not None and (gate.max_misses is None) != (gate.max_misses_if_den_le is None):
        yield (*path, "gate"), "`max_misses` and `max_misses_if_den_le` belong together", "give both, or neither"


def _check_consequence(path: Path, consequence: Consequence, bases: set[str]) -> Iterator[Fault]:
    given = [word for word in ("pct_of_base", "amount", "points", "at_risk") if getattr(consequence, word) is not None]
    if len(given) != 1:
        what = f"a consequence is exactly one of `pct_of_base`, `amount`, `points` and `at_risk`, not {len(given)}"
        yield path, what, "say what a failure costs"
    if consequence.at_risk is not None:
        yield from _check_base((*path, "at_risk", "base"), consequence.at_risk.base, bases)
    if consequence.pct_of_base is not None:
        yield from _check_base((*path, "base" if consequence.base else "pct_of_base"), consequence.base, bases)


def _check_base(path: Path, base: str | None, bases: set[str]) -> Iterator[Fault]:
    if base is None and len(bases) != 1:
        what = "there is no base to take this percentage of" if not bases else "which base is meant is not said"
        yield path, what, f"add `base:` with one of {one_of(bases)}" if bases else "add `bases: {fee: {charge: …}}`"
    elif base is not None and base not in bases:
        yield path, f"there is no base `{base}`", f"{suggestion(base, bases)}use {one_of(bases)}"


def _check_ladder(path: Path, schedule: PerItem, bases: set[str]) -> Iterator[Fault]:
    if schedule.unit.unit != "seconds" or Decimal(schedule.unit.text) <= 0:
        yield (*path, "unit"), "the unit of lateness is not a length of time", "write it as in `unit: 1h`"
    if not schedule.ladder:
        yield (*path, "ladder"), "the ladder has no step", "say what a late unit costs: `- {amount: 50}`"
        return
    for index, step in enumerate(schedule.ladder):
        here = (*path, "ladder", index)
        if (step.amount is None) == (step.pct_of_base is None):
            yield here, "a step costs exactly one of `amount` and `pct_of_base`", "keep one of the two"
        if step.pct_of_base is not None:
            yield from _check_base(here, step.base, bases)
        if step.units is None and index < len(schedule.ladder) - 1:
            yield here, "later steps can never be reached: this one has no end", "add `units:`, or put it last"
    if schedule.ladder[-1].units is not None and schedule.max_units is None:
        what = "lateness beyond the last step has no price"
        yield (*path, "ladder"), what, "add a last step without `units`, or say `max_units`"
    most = sum((Decimal(step.units or "Infinity") for step in schedule.ladder), Decimal(0))
    if schedule.max_units is not None and Decimal(schedule.max_units) > most:
        what = f"the ladder has a price for {most} units, and `max_units` is {schedule.max_units}"
        yield (*path, "max_units"), what, f"add a last step without `units`, or say `max_units: {most}`"


def _check_units(path: Path, term: PenaltyTerm, level: ServiceLevel) -> Iterator[Fault]:
    unit = unit_of(level)
    schedule = term.schedule
    if isinstance(schedule, PerItem):
        if level.clock is None:
            yield (*path, "measure"), "only the tickets of a clock can be late", "measure a service level of a clock"
        return
    if isinstance(schedule, Bands):
        yield from _check_bands((*path, "schedule", "bands"), schedule.bands, unit)
        return
    for word in ("target", "step", "expected", "minimum"):
        written: Quantity | None = getattr(schedule, word, None)
        if written is not None and written.unit != unit:
            yield _unit_fault((*path, "schedule", word), unit, term.measure)
    if isinstance(schedule, Threshold | Shortfall) and (schedule.op is None) != (schedule.target is None):
        yield (*path, "schedule"), "`op` and `target` belong together", "give both, or neither to take the objective"
    if isinstance(schedule, ExpectedMin):
        higher_is_better = (schedule.op or level.objective.operator) == ">="
        expected, minimum = Decimal(schedule.expected.text), Decimal(schedule.minimum.text)
        if (minimum >= expected) if higher_is_better else (minimum <= expected):
            yield (*path, "schedule", "minimum"), "the minimum is not worse than the expected level", "swap the two"


def _unit_fault(path: Path, unit: str, measure: str) -> Fault:
    example = {"pct": "`1 %`", "seconds": "`30m`", "count": "`5`"}[unit]
    return path, f"this is not in the unit of the service level `{measure}`", f"write it as in {example}"


def _check_bands(path: Path, bands: list[Band], unit: str) -> Iterator[Fault]:
    """Bands cover every possible result exactly once: no hole, no overlap, no missing floor or top."""
    edges: list[tuple[Fraction, bool, Fraction | None, bool, int]] = []
    for index, band in enumerate(bands):
        if (band.ge is not None and band.gt is not None) or (band.le is not None and band.lt is not None):
            yield (*path, index), "the band says two things about one edge", "keep one of `ge`/`gt` and of `le`/`lt`"
            return
        low, high = band.ge or band.gt, band.le or band.lt
        for edge in (low, high):
            if edge is not None and edge.unit != unit:
                yield _unit_fault((*path, index), unit, "measured")
                return
        begins = Fraction(low.text) if low else Fraction(0)
        ends = Fraction(high.text) if high else (Fraction(100) if unit == "pct" else None)
        includes_begin, includes_end = band.gt is None, band.lt is None
        if ends is not None and (begins > ends or (begins == ends and not (includes_begin and includes_end))):
            yield (*path, index), "no result can fall into this band", "write the lower edge as `ge`, the upper as `lt`"
            return
        edges.append((begins, includes_begin, ends, includes_end, index))
    if not edges:
        yield path, "there is no band", "add bands that cover every result"
        return
    edges.sort(key=lambda edge: (edge[0], not edge[1]))
    first = edges[0]
    if first[0] > 0 or not first[1]:
        what = f"the bands have no floor: a result below {_shown(first[0])} falls into none"
        yield (*path, first[4]), what, "leave out the lower edge of the lowest band"
    for before, after in pairwise(edges):
        if before[2] is None or before[2] > after[0] or (before[2] == after[0] and before[3] and after[1]):
            what = f"bands {before[4] + 1} and {after[4] + 1} overlap: {_shown(after[0])} falls into both"
            yield (*path, after[4]), what, "end the lower band with `lt` where the next begins with `ge`"
        elif before[2] < after[0] or not (before[3] or after[1]):
            what = f"there is a hole between bands {before[4] + 1} and {after[4] + 1}, at {_shown(before[2])}"
            yield (*path, after[4]), what, "begin each band where the one below ends: `lt: 99 %`, then `ge: 99 %`"
    last = edges[-1]
    top = Fraction(100) if unit == "pct" else None
    if last[2] is not None and (top is None or last[2] < top or (last[2] == top and not last[3])):
        what = f"the bands have no top: a result above {_shown(last[2])} falls into none"
        yield (*path, last[4]), what, "leave out the upper edge of the highest band"


def _shown(number: Fraction) -> str:
    exact = Decimal(number.numerator) / Decimal(number.denominator)
    return format(exact.normalize(), "f")


def _check_caps(path: Path, penalties: Penalties, bases: set[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    ids = {term.id for term in penalties.terms}
    for index, cap in enumerate(penalties.caps):
        here = (*path, "caps", index)
        if cap.id in seen or cap.id in ids:
            yield (*here, "id"), f"the id `{cap.id}` is used twice", "give the cap another id"
        seen.add(cap.id)
        if (cap.pct is None) == (cap.amount is None):
            yield here, "a cap is exactly one of `pct` (of a base) and `amount`", "keep one of the two"
        if cap.pct is not None:
            yield from _check_base((*here, "base" if cap.base else "pct"), cap.base, bases)
        for name in cap.terms or ():
            if name not in ids:
                yield (*here, "terms"), f"there is no penalty `{name}`", f"{suggestion(name, ids)}use {one_of(ids)}"


def _check_money(path: Path, penalties: Penalties, bases: set[str]) -> Iterator[Fault]:
    points = [index for index, term in enumerate(penalties.terms) if _gives_points(term)]
    convert = penalties.points_to_money
    if points and convert is None and penalties.critical is None:
        what = "points have no consequence"
        yield (*path, "terms", points[0]), what, "say what points cost (`points_to_money`), or when they are `critical`"
    if convert is not None:
        ways = [word for word in ("pct_per_point", "amount_per_point", "table") if getattr(convert, word) is not None]
        here = (*path, "points_to_money")
        if len(ways) != 1:
            yield here, "points become money in exactly one way", "keep `pct_per_point`, `amount_per_point` or `table`"
        if convert.amount_per_point is None:
            yield from _check_base((*here, "base") if convert.base else here, convert.base, bases)
    de_minimis = penalties.de_minimis
    if de_minimis is not None and (de_minimis.issue_if_gt is None) == (de_minimis.raise_to is None):
        yield (*path, "de_minimis"), "give exactly one of `issue_if_gt` and `raise_to`", "keep one of the two"


def _gives_points(term: PenaltyTerm) -> bool:
    match term.schedule:
        case Threshold(consequence=consequence) | ExpectedMin(consequence=consequence):
            return consequence.points is not None
        case Shortfall(per_step=consequence):
            return consequence.points is not None
        case Bands(bands=bands):
            return any(band.consequence is not None and band.consequence.points is not None for band in bands)
    return False


def _check_pools(path: Path, penalties: Penalties) -> Iterator[Fault]:
    """Allocations of an at-risk amount stay within what the contract makes available (100 % unless it says more)."""
    for base in penalties.pools:
        if base not in penalties.bases:
            what = f"there is no base `{base}`"
            yield (*path, "pools", base), what, f"{suggestion(base, penalties.bases)}use {one_of(penalties.bases)}"
    allocated: dict[str, Fraction] = defaultdict(Fraction)
    for index, term in enumerate(penalties.terms):
        for consequence in _consequences(term):
            at_risk = consequence.at_risk
            if at_risk is None:
                continue
            share = Fraction(at_risk.category_pct or "100") * Fraction(at_risk.alloc_pct) / 100
            allocated[at_risk.base] += share
            pool = penalties.pools.get(at_risk.base)
            limit = Fraction(pool.available_pct if pool else "100")
            if allocated[at_risk.base] > limit >= allocated[at_risk.base] - share:
                what = (
                    f"the amount at risk of `{at_risk.base}` is over-allocated from here: more than {_shown(limit)} %"
                )
                remedy = f"lower the allocations, or state the pool: `pools: {{{at_risk.base}: {{available_pct: …}}}}`"
                yield (*path, "terms", index, "schedule"), what, remedy


def _check_events(path: Path, penalties: Penalties) -> Iterator[Fault]:
    """Each event lists two or more penalties, none of them in two events."""
    if penalties.overlap != "sum" and not penalties.events:
        what = f"`overlap: {penalties.overlap}` does not say which penalties stand for one event"
        yield (*path, "overlap"), what, "add `events: {outage: [late_response, late_fix]}`"
    if (penalties.overlap == "customer_choice") != (penalties.until_chosen is not None):
        is_open = penalties.until_chosen is None
        what = "what is paid until the customer has chosen is not said" if is_open else "nobody chooses between credits"
        remedy = (
            "add `until_chosen: highest`, or `none`" if is_open else "write `overlap: customer_choice`, or remove it"
        )
        yield (*path, "overlap" if is_open else "until_chosen"), what, remedy
    if penalties.events and penalties.overlap == "sum":
        what = f"`events` say nothing with `overlap: {penalties.overlap}`"
        yield (*path, "events"), what, "write `overlap: max_per_event`, or remove them"
    ids = {term.id for term in penalties.terms}
    pointed = {term.id for term in penalties.terms if _gives_points(term)}
    named: dict[str, str] = {}
    for event, terms in penalties.events.items():
        here = (*path, "events", event)
        if len(terms) < 2:
            yield here, f"`{event}` is one penalty by itself", "list all that stand for it, or remove the event"
        for name in terms:
            if name not in ids:
                yield here, f"there is no penalty `{name}`", f"{suggestion(name, ids)}use {one_of(ids)}"
            elif name in named:
                yield here, f"the penalty `{name}` stands for `{named[name]}` already", "list it once"
            elif name in pointed:
                what = f"the penalty `{name}` gives points, which have no amount to hold against the others'"
                yield here, what, "take it out of the event, or let its failure cost an amount"
            named.setdefault(name, event)


def _check_claims(path: Path, penalties: Penalties) -> Iterator[Fault]:
    """A contract that asks for claims says what holds until one is made."""
    if penalties.claim_window_days is not None and penalties.until_claimed is None:
        what = "what is credited while nobody has claimed is not said"
        yield (*path, "claim_window_days"), what, "add `until_claimed: withheld`, or `credited` where none is needed"
    if penalties.until_claimed is not None and penalties.claim_window_days is None:
        what = "within how many days a credit is to be claimed is not said"
        yield (*path, "until_claimed"), what, "add `claim_window_days: 30`, or remove it"


def _consequences(term: PenaltyTerm) -> list[Consequence]:
    match term.schedule:
        case Threshold(consequence=consequence) | ExpectedMin(consequence=consequence):
            return [consequence]
    return []
