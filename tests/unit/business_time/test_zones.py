"""Offsets of zones beside what the zone database says of each instant, and a slow search for each wall-clock time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from deskledger.business_time.zones import OffsetTable, load_zone, offset_table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER_US = 900_000_000
_DAY_US = 96 * _QUARTER_US
_CHANGES = [
    ("Europe/Madrid", "2026-03-29"),
    ("Europe/Madrid", "2026-10-25"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-04"),  # half an hour
    ("Pacific/Apia", "2011-12-30"),  # a whole day
    ("Asia/Kolkata", "2026-01-01"),  # none
]


def _us(instant: str) -> int:
    return int(np.datetime64(instant, "us").astype(np.int64))


def _local_us(name: str, instant_us: int) -> int:
    at = (_EPOCH + timedelta(microseconds=instant_us)).astimezone(load_zone(name))
    return (at.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def _near(name: str, day: str) -> tuple[OffsetTable, np.ndarray, np.ndarray]:
    """The table of a fortnight around a day; every quarter of an hour of four days in it, and its wall-clock time."""
    middle = _us(day) // _DAY_US
    instants = (middle - 2) * _DAY_US + np.arange(4 * 96) * _QUARTER_US
    local = np.array([_local_us(name, int(each)) for each in instants])
    return offset_table(load_zone(name), middle - 7, middle + 7), instants, local


@pytest.mark.parametrize(("name", "day"), _CHANGES)
def test_local_time_is_what_the_zone_says(name: str, day: str) -> None:
    table, instants, local = _near(name, day)
    assert (table.to_local(instants) == local).all()
    assert (table.to_local(instants - 1)[1:] == local[:-1] + _QUARTER_US - 1).all()  # a change is exact


@pytest.mark.parametrize(("name", "day"), _CHANGES)
def test_a_wall_clock_time_is_the_first_instant_at_which_it_is_reached(name: str, day: str) -> None:
    table, instants, local = _near(name, day)
    wanted = np.arange(local[96], local[-96], _QUARTER_US)
    assert table.to_utc(wanted).tolist() == [instants[local >= each].min() for each in wanted]


@pytest.mark.parametrize(("name", "day"), _CHANGES)
def test_the_latest_instant_of_a_wall_clock_time_is_the_end_of_what_is_earlier(name: str, day: str) -> None:
    table, instants, local = _near(name, day)
    wanted = np.arange(local[96], local[-96], _QUARTER_US)
    expected = [instants[local < each].max() + _QUARTER_US for each in wanted]
    assert table.to_utc(wanted, latest=True).tolist() == expected


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Europe/Paris", "1911-03-10T23:50:39"),
        ("Europe/Madrid", "1901-01-01T00:00:00"),
        ("Asia/Kolkata", "1869-12-31T18:06:40"),
        ("America/Bogota", "1914-11-23T04:56:16"),
        ("Europe/Moscow", "1916-07-02T21:29:43"),
    ],
)
def test_a_change_is_found_to_the_second(name: str, change: str) -> None:
    at = _us(change)
    first, end = (at - 1) // _DAY_US, at // _DAY_US + 1  # one day, or two where it changes between them
    table = offset_table(load_zone(name), first, end)
    before, after = _local_us(name, at - 1_000_000) - at + 1_000_000, _local_us(name, at) - at
    assert before != after
    assert table.begins_us.tolist() == [first * _DAY_US, at]
    assert table.ends_us.tolist() == [at, end * _DAY_US]
    assert table.offsets_us.tolist() == [before, after]
