"""Records as no desk should send them: wrong types, missing fields, absurd dates, huge and hostile text. Seeded."""

import random
from typing import Any

MEGABYTE = "Fuß." * 250_000  # a million characters
HOSTILE = (
    "'; drop table core.ticket; --",
    "\"'`;\\",
    "<script>alert(1)</script><img src=x onerror=y>",
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }} {0} %s %(x)s :keys $1",
    "\x01\x02\x07\x1b[31m\x7f\x85\x9f",
    "\ufeff\u202eevil\u2066\u200b",
    "line\nbreak\r\nand\rreturn\ttab\u2028\u2029",
    "👩‍👩‍👧‍👦 ẞ ﷽ ｆｕｌｌ ①②",
    "null", "None", "NaN", "nan", "true", "[]", "{}", "?", " ", "-",
)  # fmt: skip
INSTANTS = (
    "", "0000-00-00 00:00", "0001-01-01 00:00", "9999-12-31 23:59", "10000-01-01 00:00", "2026-02-30 10:00",
    "2026-13-01 10:00", "2026-04-01 24:00", "2026-04-01 25:61", "1969-12-31 23:59", "99999999999999999999",
    "-1", "1e400", "now", "today", "٢٠٢٦-٠٤-٠١ ١٠:٠٠", "2026-04-01T10:00:00+99:00", "2026-04-01T10:00:60Z", "infinity",
)  # fmt: skip
NUMBERS = ("", "-1", "0", "1.5", "1e3", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
           "1" * 400, "٣", "0x10", "１", "+2", "1_000", "inf", "NaN", "two")  # fmt: skip
LONG = "x" * 5_000  # longer than an index takes
WRONG: tuple[Any, ...] = (
    None, True, -1, 2**70, 1.5, 1e300, [], [1, "a", None], {}, {"a": {"b": 1}}, "\x00", "\ud800", "a\x00b\udfff", LONG,
)  # fmt: skip


def spoilt(made: random.Random, value: str, kind: str) -> str:
    """The value, or in one of eight cases something else in its place. `kind` is instant, number or text."""
    if made.random() > 1 / 8:
        return value
    others = {"instant": INSTANTS, "number": NUMBERS, "text": (*HOSTILE, "", LONG)}[kind]
    return made.choice([*others, made.choice(HOSTILE)])


def spoilt_record(made: random.Random, record: dict[str, Any]) -> dict[str, Any]:
    """The record with perhaps a field that is missing, is of another kind, or holds hostile text, at any depth."""
    fuzzed = dict(record)
    for name, value in record.items():
        dice = made.random()
        if isinstance(value, dict) and value:
            fuzzed[name] = spoilt_record(made, value)
        elif dice < 0.02:
            del fuzzed[name]
        elif dice < 0.05:
            fuzzed[name] = made.choice(WRONG)
        elif dice < 0.07:
            fuzzed[name] = made.choice((*HOSTILE, *INSTANTS, *NUMBERS))
    return fuzzed
