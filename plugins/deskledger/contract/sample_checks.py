"""What must hold of a minimum sample: it is about answers, says what it needs, and falls back to more of them.

Each check yields faults as (path in the file, what, remedy).
"""

from collections.abc import Iterator, Mapping

from deskledger.contract.checks import Fault, covers
from deskledger.contract.document import Path
from deskledger.contract.file_schema import Version
from deskledger.contract.problems import one_of, suggestion
from deskledger.contract.schema import MinimumSample, ServiceLevel


def check_samples(path: Path, version: Version) -> Iterator[Fault]:
    """Every fault of a version's minimum samples."""
    levels = version.service_levels
    for name, level in levels.items():
        if level.minimum_sample is not None:
            yield from _check_sample((*path, "service_levels", name), name, level, level.minimum_sample, levels)
    for index, term in enumerate(version.penalties.terms if version.penalties is not None else ()):
        sampled = levels.get(term.measure)
        if sampled is None or sampled.minimum_sample is None or term.gate is None or term.gate.min_den is None:
            continue
        what = f"`{term.measure}` has a minimum sample of its own"
        yield (*path, "penalties", "terms", index, "gate"), what, "remove `min_den` here: one place says it"


def _check_sample(
    level_path: Path, name: str, level: ServiceLevel, rule: MinimumSample, levels: Mapping[str, ServiceLevel]
) -> Iterator[Fault]:
    path = (*level_path, "minimum_sample")
    if level.csat is None:
        yield path, "only satisfaction has a minimum sample here", "use a penalty's `gate: {min_den: 30}`"
        return
    if rule.answers < 1:
        yield (*path, "answers"), "no month has fewer than no answers", "say how many answers are enough, such as 30"
    if level.window is not None:
        yield path, "a rolling window already takes earlier months", "keep one of `window` and `minimum_sample`"
    if (rule.otherwise == "pool") != (rule.months is not None):
        yield path, "`pool` and `months` belong together", "write `{answers: 30, otherwise: pool, months: 3}`"
    elif rule.months is not None and rule.months < 2:
        yield (*path, "months"), "pooling one month is the month itself", "write 2 or more"
    if (rule.otherwise == "fall_back") != (rule.to is not None):
        yield path, "`fall_back` and `to` belong together", "name the service level whose answers count instead"
    elif rule.to is not None:
        yield from _check_fallback((*path, "to"), name, level, rule.to, levels)


def _check_fallback(
    path: Path, name: str, level: ServiceLevel, to: str, levels: Mapping[str, ServiceLevel]
) -> Iterator[Fault]:
    others = {other for other, each in levels.items() if each.csat == level.csat and other != name}
    if to not in others:
        what = f"`{to}` is no other service level of {level.csat} answers"
        yield path, what, f"{suggestion(to, others)}use {one_of(others)}"
        return
    wide, narrow = (each.filter() if each is not None else {} for each in (levels[to].population, level.population))
    if wide == narrow or not covers(wide, narrow):
        yield path, f"`{to}` is not about more tickets than `{name}`", "fall back to a wider population"
