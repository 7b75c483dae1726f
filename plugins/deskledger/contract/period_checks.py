"""What must hold between a contract's versions and its months: where they begin, what they restate, where all ends.

Each check yields faults as (path in the file, what, remedy).
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from deskledger.contract.checks import Fault
from deskledger.contract.file_schema import ContractFile, Version


def check_periods(shape: ContractFile) -> Iterator[Fault]:
    """Versions are numbered and begin with periods, in order; a backdated one names its months; the end ends one."""
    for index, version in enumerate(shape.versions):
        path = ("versions", index)
        if version.number != index + 1:
            what = f"version {version.number} stands where version {index + 1} belongs"
            yield (*path, "number"), what, "number versions 1, 2, 3 without a gap, oldest first"
        if version.effective_from.day != shape.period.start_day:
            what = f"a version cannot begin on {version.effective_from}, in the middle of a period"
            remedy = f"begin it on day {shape.period.start_day} of a month (`period.start_day`)"
            yield (*path, "effective_from"), what, remedy
        yield from _check_order(index, shape.versions)
        yield from _check_restates(index, version)
    ends = shape.ends_on
    if ends is None:
        return
    if (ends + timedelta(days=1)).day != shape.period.start_day:
        what = f"the contract cannot end on {ends}, in the middle of a period"
        remedy = f"end it on the day before day {shape.period.start_day} of a month (`period.start_day`)"
        yield ("ends_on",), what, remedy
    for index, version in enumerate(shape.versions):
        if version.effective_from > ends:
            what = f"version {version.number} begins on {version.effective_from}, after the contract ended on {ends}"
            yield ("versions", index, "effective_from"), what, "remove the version, or let the contract end later"


def _check_order(index: int, versions: Sequence[Version]) -> Iterator[Fault]:
    """A later version begins later, or on the same day when it restates that month: then nothing is left of the old."""
    version, before = versions[index], versions[index - 1]
    if not index or version.effective_from > before.effective_from:
        return
    if version.effective_from == before.effective_from and version.restates:
        return
    what = f"version {version.number} does not begin after version {before.number}"
    yield ("versions", index, "effective_from"), what, "put versions in the order of their dates, each one later"


def _check_restates(index: int, version: Version) -> Iterator[Fault]:
    """The months that a backdated version restates follow each other from the one that it begins in."""
    year, month = version.effective_from.year, version.effective_from.month
    for position, period in enumerate(version.restates):
        year_of, month_of = divmod(year * 12 + month - 1 + position, 12)
        expected = f"{year_of:04d}-{month_of + 1:02d}"
        if period != expected:
            what = f"version {version.number} restates {period}, where {expected} comes next"
            remedy = f"name the posted months from its beginning on, in order and without a gap: {expected}"
            yield ("versions", index, "restates", position), what, remedy
            return
