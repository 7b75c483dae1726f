"""What must hold of opening balances and of an engagement. Each check yields (path in the file, what, remedy)."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from deskledger.contract.checks import Fault
from deskledger.contract.document import Path
from deskledger.contract.engagement import answers_of
from deskledger.contract.file_schema import ContractFile, Version
from deskledger.contract.penalty_schema import PerItem
from deskledger.contract.periods import next_period
from deskledger.contract.problems import one_of, suggestion


def check_opening(shape: ContractFile) -> Iterator[Fault]:
    """Every balance belongs to something that carries one on, and no month lies between them and the first version."""
    opening, versions = shape.opening, shape.versions
    if opening is None or not versions:
        return
    path = ("opening",)
    first = f"{versions[0].effective_from:%Y-%m}"
    if next_period(opening.until) < first:
        what = f"between {opening.until} and the first version lie months that nobody settles"
        yield (*path, "until"), what, f"name the month before {first}, or begin the first version earlier"
    penalties = [version.penalties for version in versions if version.penalties is not None]
    terms = {term.id for block in penalties for term in block.terms}
    for name in opening.history:
        if name not in terms:
            remedy = f"{suggestion(name, terms)}use {one_of(terms)}"
            yield (*path, "history", name), f"there is no penalty `{name}`", remedy
    caps = {cap.id for block in penalties for cap in block.caps if cap.per != "month"}
    for name in opening.caps_used:
        if name not in caps:
            remedy = f"{suggestion(name, caps)}use {one_of(caps)}"
            yield (*path, "caps_used", name), f"there is no cap `{name}` of a quarter or year", remedy
    if opening.points and not any(block.critical for block in penalties):
        yield (*path, "points"), "no critical failure counts these points", "remove them, or say when it is `critical`"
    by_item = {term.measure for block in penalties for term in block.terms if isinstance(term.schedule, PerItem)}
    for name in opening.late:
        if name not in by_item:
            remedy = f"{suggestion(name, by_item)}use {one_of(by_item)}"
            yield (*path, "late", name), f"no late ticket of `{name}` has a price", remedy
    if opening.late and opening.until < first:
        what = (
            f"the first version begins in {first}, and tickets that were late by {opening.until} would not be measured"
        )
        yield (*path, "late"), what, "begin the first version earlier, at the start of the oldest named ticket"
    else:
        yield from _check_late_versions(path, opening.until, opening.late, versions)
    yield from _check_rolling(path, shape, versions)


def _check_late_versions(
    path: Path, until: str, late: Mapping[str, Mapping[str, Fraction]], versions: Sequence[Version]
) -> Iterator[Fault]:
    numbers = {version.number for version in versions if f"{version.effective_from:%Y-%m}" <= until}
    for name, cycles in late.items():
        for number in {int(cycle.rpartition("@v")[2]) for cycle in cycles} - numbers:
            what = f"version {number} was not in force by {until}, so no cycle of it was late"
            yield (*path, "late", name), what, "name the version that the cycle began under, as in `T-1042#2@v1`"


def _check_rolling(path: Path, shape: ContractFile, versions: Sequence[Version]) -> Iterator[Fault]:
    assert shape.opening is not None
    windows: dict[str, int] = {}
    for version in versions:
        for name, level in version.service_levels.items():
            if level.window is not None:
                windows[name] = max(windows.get(name, 0), level.window.months)
    for name, months in shape.opening.rolling.items():
        here = (*path, "rolling", name)
        if name not in windows:
            remedy = f"{suggestion(name, windows)}use {one_of(windows)}"
            yield here, f"there is no service level `{name}` with a window of several months", remedy
        elif len(months) >= windows[name]:
            what = f"{len(months)} months are more than the window of {windows[name]} takes beside its own"
            yield here, what, f"give the last {windows[name] - 1}, oldest first"
        is_share = any(
            name in version.service_levels and version.service_levels[name].objective.quantity.unit == "pct"
            for version in versions
        )
        for index, month in enumerate(months):
            if is_share and Decimal(month.num) > month.den:
                yield (*here, index), f"{month.num} of {month.den} is no share", "write the part as `num`"


def check_engagement(path: Path, version: Version) -> Iterator[Fault]:
    """Money and engagement say the same: what is answered for with money has a price, what is reported has none."""
    engagement, levels = version.engagement, version.service_levels
    if engagement is None:
        return
    here = (*path, "engagement")
    for name in engagement.answers:
        if name not in levels:
            remedy = f"{suggestion(name, levels)}use {one_of(levels)}"
            yield (*here, "answers", name), f"there is no service level `{name}`", remedy
    terms = version.penalties.terms if version.penalties is not None else []
    priced = {term.measure: index for index, term in enumerate(terms)}
    answers = answers_of(engagement, levels, version.clocks)
    for name, answer in answers.items():
        if answer == "reported" and name in priced:
            what = f"`{name}` is only reported at `{engagement.level}`, and this penalty prices it"
            remedy = f"write `answers: {{{name}: money}}` under `engagement`, or remove the penalty"
            yield (*path, "penalties", "terms", priced[name], "measure"), what, remedy
        elif answer != "reported" and name not in priced:
            what = f"the provider answers for `{name}` at `{engagement.level}` ({answer}), and no penalty prices it"
            remedy = f"add a penalty, or write `answers: {{{name}: reported}}`"
            place = (*here, "answers", name) if name in engagement.answers else (*path, "service_levels", name)
            yield place, what, remedy
    is_shared = any(answer == "shared" for answer in answers.values())
    if is_shared and engagement.shared is None:
        yield here, "a service level is shared, and which part of its credit is not said", "add `shared: 50 %`"
    if engagement.shared is not None and not is_shared:
        yield (*here, "shared"), "no service level is shared", "remove `shared`, or share one under `answers`"
