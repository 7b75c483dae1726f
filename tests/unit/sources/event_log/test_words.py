"""Text to instants and numbers, word by word."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from deskledger.sources.event_log.words import NO_INSTANT, as_utc, instants, integers, words_of

MADRID = ZoneInfo("Europe/Madrid")


def read(text: str, text_format: str, zone: ZoneInfo = MADRID) -> str | None:
    at_us = instants(words_of(pd.Series([text]), ["?"]), text_format, zone)
    return None if at_us[0] == NO_INSTANT else as_utc(at_us)[0].isoformat()


@pytest.mark.parametrize(
    ("text", "text_format", "expected"),
    [
        ("29/2/2016 01:16", "%d/%m/%Y %H:%M", "2016-02-29T00:16:00+00:00"),
        ("29/2/2017 01:16", "%d/%m/%Y %H:%M", None),
        ("2016-02-29", "%d/%m/%Y %H:%M", None),
        ("?", "%d/%m/%Y %H:%M", None),
        ("2026-01-05T10:00:00Z", "iso8601", "2026-01-05T10:00:00+00:00"),
        ("2026-01-05T10:00:00+05:30", "iso8601", "2026-01-05T04:30:00+00:00"),
        ("2026-01-05T10:00:00.123456", "iso8601", "2026-01-05T09:00:00.123456+00:00"),
        ("2026-01-05 10:00", "iso8601", "2026-01-05T09:00:00+00:00"),
        ("2026-01-05", "iso8601", "2026-01-04T23:00:00+00:00"),
        ("2026-01-05T10:00+01", "iso8601", "2026-01-05T09:00:00+00:00"),
        ("2026-01-05 10:00:00-0330", "iso8601", "2026-01-05T13:30:00+00:00"),
        ("5 January", "iso8601", None),
        ("0000-00-00 00:00", "iso8601", None),
        ("-1", "iso8601", None),
        ("now", "iso8601", None),
        ("today", "%Y-%m-%d %H:%M", None),
        ("now", "%Y-%m-%d %H:%M %z", None),
        ("1899-12-31T23:59:59.999999Z", "iso8601", None),
        ("1900-01-01T00:00:00Z", "iso8601", "1900-01-01T00:00:00+00:00"),
        ("2199-12-31T23:59:59Z", "iso8601", "2199-12-31T23:59:59+00:00"),
        ("2200-01-01T00:00:00Z", "iso8601", None),
        ("2026-01-05 10:00 +0200", "%Y-%m-%d %H:%M %z", "2026-01-05T08:00:00+00:00"),
        # Clocks go forward at 02:00 on 31 March 2024: 02:30 is what a clock shows that nobody put forward.
        ("2024-03-31 01:59", "iso8601", "2024-03-31T00:59:00+00:00"),
        ("2024-03-31 02:30", "iso8601", "2024-03-31T01:30:00+00:00"),
        ("2024-03-31 03:00", "iso8601", "2024-03-31T01:00:00+00:00"),
        # Clocks go back at 03:00 on 27 October 2024: of the two 02:30 the first is meant.
        ("2024-10-27 01:59", "iso8601", "2024-10-26T23:59:00+00:00"),
        ("2024-10-27 02:30", "iso8601", "2024-10-27T00:30:00+00:00"),
        ("2024-10-27 03:00", "iso8601", "2024-10-27T02:00:00+00:00"),
    ],
)
def test_instant(text: str, text_format: str, expected: str | None) -> None:
    assert read(text, text_format) == expected


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Etc/UTC"])
@pytest.mark.parametrize(
    ("text", "text_format"),
    [
        ("9999-12-31 23:59:59.999999", "iso8601"),
        ("0001-01-01 00:00", "iso8601"),
        ("2200-01-02", "iso8601"),
        ("31.12.9999 23:59", "%d.%m.%Y %H:%M"),
    ],
)
def test_an_instant_beyond_all_tickets_is_none_in_any_zone(text: str, text_format: str, zone: str) -> None:
    assert read(text, text_format, ZoneInfo(zone)) is None


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("1899-12-31 19:00", "Etc/GMT+5", "1900-01-01T00:00:00+00:00"),
        ("1899-12-31 18:59", "Etc/GMT+5", None),
        ("2200-01-01 13:59", "Etc/GMT-14", "2199-12-31T23:59:00+00:00"),
        ("2200-01-01 14:00", "Etc/GMT-14", None),
    ],
)
def test_the_first_and_last_instant_in_zones_far_off(text: str, zone: str, expected: str | None) -> None:
    assert read(text, "iso8601", ZoneInfo(zone)) == expected


def test_a_gap_of_half_an_hour_is_crossed_by_the_offset_before_it() -> None:
    assert read("2024-10-06 02:15", "iso8601", ZoneInfo("Australia/Lord_Howe")) == "2024-10-05T15:45:00+00:00"


def test_integers_are_whole_numbers_only() -> None:
    words = words_of(pd.Series(["7", "-1", "2.0", "2.5", "x", "", "1e300", "inf"]), [])
    values, none = integers(words)
    assert values[~none].tolist() == [7, -1, 2]
    assert none.tolist() == [False] * 3 + [True] * 5


def test_blanks_and_markers_are_missing_and_words_are_trimmed() -> None:
    words = words_of(pd.Series([" a", "a", "?", "", " ", "b"]), ["?"])
    assert words.values().tolist() == ["a", "a", None, None, None, "b"]
    assert words.unnamed({"a": 1}).tolist() == [False, False, False, False, False, True]
    assert np.unique(words.codes).tolist() == [-1, 0, 1]
