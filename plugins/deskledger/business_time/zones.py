"""A zone's offsets from UTC as a table of regimes, so that conversions are searches instead of calls."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from deskledger.errors import ContractError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class OffsetTable:
    """Regimes of one zone: from `begins_us[k]` to before `ends_us[k]` (UTC) local time is UTC + `offsets_us[k]`."""

    begins_us: np.ndarray
    ends_us: np.ndarray
    offsets_us: np.ndarray

    def to_local(self, utc_us: np.ndarray) -> np.ndarray:
        """Wall-clock microseconds (as if the wall clock were UTC) of UTC instants."""
        regime = np.maximum(self.begins_us.searchsorted(utc_us, side="right") - 1, 0)
        return utc_us + self.offsets_us[regime]

    def to_utc(self, local_us: np.ndarray, *, latest: bool = False) -> np.ndarray:
        """UTC instants of wall-clock times: the first (or `latest`) of two; a time in a gap is the gap's instant."""
        changes = self.begins_us[1:]
        if latest:
            regime = (changes + self.offsets_us[1:]).searchsorted(local_us, side="left")
            return np.minimum(local_us - self.offsets_us[regime], self.ends_us[regime])
        regime = (changes + self.offsets_us[:-1]).searchsorted(local_us, side="right")
        return np.maximum(local_us - self.offsets_us[regime], self.begins_us[regime])


def offset_table(zone: ZoneInfo, first_day: int, end_day: int) -> OffsetTable:
    """The regimes of `zone` in [first_day, end_day), days of UTC counted from 1970-01-01.

    Changes are found by bisection to the second between daily probes; the zone database has none closer together
    that would cancel out within a day.
    """
    probes = [_EPOCH + timedelta(days=day) for day in range(first_day, end_day + 1)]
    begins, offsets = [probes[0]], [_offset(zone, probes[0])]
    for before, after in pairwise(probes):
        _find_changes(zone, before, after, begins, offsets)
    bounds_us = np.array([(each - _EPOCH) // _MICROSECOND for each in (*begins, probes[-1])], dtype=np.int64)
    offsets_us = np.array([each // _MICROSECOND for each in offsets], dtype=np.int64)
    return OffsetTable(bounds_us[:-1], bounds_us[1:], offsets_us)


def _find_changes(
    zone: ZoneInfo, before: datetime, after: datetime, begins: list[datetime], offsets: list[timedelta]
) -> None:
    reached = _offset(zone, after)
    if offsets[-1] == reached:
        return
    if after - before <= timedelta(seconds=1):
        begins.append(after)
        offsets.append(reached)
        return
    middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
    _find_changes(zone, before, middle, begins, offsets)
    _find_changes(zone, middle, after, begins, offsets)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone from the pinned `tzdata` package, never from the machine's own files.

    Raises ContractError for a name that the package does not have.
    """
    if name not in _zone_names():
        raise ContractError(
            f"unknown time zone {name!r}",
            remedy="Name a zone of the IANA database, such as Europe/Madrid or Etc/UTC.",
        )
    with resources.files("tzdata").joinpath("zoneinfo", name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())
