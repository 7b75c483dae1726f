"""The hours of a calendar as its terms state them: which wall-clock spans are open on which local days."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from deskledger.business_time.zones import load_zone
from deskledger.errors import ContractError

DAY_US = 86_400_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_KEYS = frozenset({"timezone", "weekly", "holidays", "special_days", "country", "region", "always", "name"})
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?|24:00(?::00)?")

# (from, to) in microseconds after the local midnight of the day that the span begins on; `to` may lie on the next day.
Span = tuple[int, int]


@dataclass(frozen=True)
class Hours:
    """Opening hours in wall-clock time. `special_days` and `holidays` are keyed by days since 1970-01-01."""

    timezone: str
    weekly: tuple[tuple[Span, ...], ...]
    special_days: Mapping[int, tuple[Span, ...]]
    holidays: frozenset[int]
    country: str | None = None
    region: str | None = None

    def holidays_between(self, first_year: int, end_year: int) -> np.ndarray:
        """The sorted days of `first_year` up to before `end_year` that are holidays, special days not counted."""
        days = set(self.holidays)
        if self.country is not None:
            for year in range(first_year, end_year):
                days |= _public_holidays(self.country, self.region, year)
        return np.array(sorted(days - set(self.special_days)), dtype=np.int64)

    def can_open_from(self, day: int) -> bool:
        """Whether there may be hours on `day` or later."""
        return any(self.weekly) or any(each >= day for each in self.special_days)

    def local_spans(self, days: np.ndarray, holidays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every open span that begins on one of the sorted `days`: (day, from, to) in wall-clock time, unsorted."""
        special_days = np.array(list(self.special_days), dtype=np.int64)
        regular = days[~np.isin(days, holidays) & ~np.isin(days, special_days)]
        weekday = (regular + 3) % 7  # 1970-01-01 was a Thursday
        begun, opens, closes = [], [], []
        for number, spans in enumerate(self.weekly):
            matching = regular[weekday == number]
            for begin, end in spans:
                begun.append(matching)
                opens.append(matching * DAY_US + begin)
                closes.append(matching * DAY_US + end)
        special = [
            (day, day * DAY_US + begin, day * DAY_US + end)
            for day in special_days[np.isin(special_days, days)]
            for begin, end in self.special_days[day]
        ]
        irregular = np.array(special, dtype=np.int64).reshape(len(special), 3)
        return (
            np.concatenate([*begun, irregular[:, 0]]),
            np.concatenate([*opens, irregular[:, 1]]),
            np.concatenate([*closes, irregular[:, 2]]),
        )


def parse_hours(terms: Mapping[str, Any]) -> Hours:
    """Hours from the mapping form of a contract's calendar.

    `{timezone, weekly: {mon: [["09:00", "17:00"]], ...}, holidays: [dates], special_days: {date: [[from, to]]},
    country, region}` or `{always: true}`. "24:00" ends a day; a span whose end is not after its start ends on the
    next day, equal ends mean no time at all. Raises ContractError.
    """
    unknown = sorted(str(key) for key in set(terms) - _KEYS)
    if unknown:
        raise ContractError(f"a calendar has no {', '.join(unknown)}", remedy=f"Use {', '.join(sorted(_KEYS))}.")
    if terms.get("always"):
        mixed = sorted(set(terms) & {"weekly", "holidays", "special_days", "country", "region"})
        if any(terms[key] for key in mixed):
            raise ContractError(
                f"a calendar that is always open cannot have {', '.join(mixed)}",
                remedy="Drop `always: true`, or the other keys.",
            )
        return Hours(
            timezone=_zone(terms.get("timezone", "Etc/UTC")),
            weekly=tuple(((0, DAY_US),) for _ in WEEKDAYS),
            special_days={},
            holidays=frozenset(),
        )
    weekly = terms.get("weekly") or {}
    strangers = sorted(str(key) for key in set(weekly) - set(WEEKDAYS))
    if strangers:
        raise ContractError(f"no such weekday: {', '.join(strangers)}", remedy=f"Use {', '.join(WEEKDAYS)}.")
    country, region = terms.get("country"), terms.get("region")
    if region is not None and country is None:
        raise ContractError(f"region {region!r} without a country", remedy="Name the country too.")
    if country is not None:
        _public_holidays(country, region, None)  # refuses an unknown country or region now, not in the first run
    return Hours(
        timezone=_zone(terms.get("timezone")),
        weekly=tuple(_spans(weekly.get(day) or (), day) for day in WEEKDAYS),
        special_days={_day(key): _spans(spans or (), key) for key, spans in (terms.get("special_days") or {}).items()},
        holidays=frozenset(_day(each) for each in terms.get("holidays") or ()),
        country=country,
        region=region,
    )


def listed_terms(terms: Mapping[str, Any], first_year: int, end_year: int) -> dict[str, Any]:
    """Calendar terms with the public holidays of [first_year, end_year) as dates instead of the country's name.

    All else is as written. Tables of public holidays change with the library that knows them.
    """
    if terms.get("country") is None:
        return dict(terms)
    days = parse_hours(terms).holidays_between(first_year, end_year)
    rest = {key: value for key, value in terms.items() if key not in {"country", "region"}}
    return {**rest, "holidays": [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]}


def _zone(name: Any) -> str:
    if not isinstance(name, str):
        raise ContractError("a calendar needs a timezone", remedy="Add `timezone:`, such as Europe/Madrid.")
    load_zone(name)
    return name


def _spans(spans: Sequence[Sequence[str]], where: Any) -> tuple[Span, ...]:
    parsed = []
    for span in spans:
        if isinstance(span, str) or len(span) != 2:
            raise ContractError(
                f"{span!r} is not [from, to]", where=f"hours of {where}", remedy='Write ["09:00", "17:00"].'
            )
        begin, end = (_time(each, where) for each in span)
        if begin == DAY_US:
            raise ContractError(
                "hours cannot begin at 24:00", where=f"hours of {where}", remedy="Begin the next day at 00:00."
            )
        if end < begin:
            end += DAY_US
        if end > begin:
            parsed.append((begin, end))
    return tuple(parsed)


def _time(text: Any, where: Any) -> int:
    matched = _TIME.fullmatch(text) if isinstance(text, str) else None
    if matched is None:
        raise ContractError(
            f"{text!r} is not a time of day",
            where=f"hours of {where}",
            remedy='Write "HH:MM" in quotation marks, up to "24:00".',
        )
    if text.startswith("24"):
        return DAY_US
    hours, minutes, seconds, fraction = matched.groups()
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return whole * 1_000_000 + int((fraction or "").ljust(6, "0"))


def _day(value: Any) -> int:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ContractError(f"{value!r} is not a date", remedy="Write YYYY-MM-DD.")
    return (day - date(1970, 1, 1)).days


@lru_cache(maxsize=65_536)
def _public_holidays(country: str, region: str | None, year: int | None) -> frozenset[int]:
    """The holidays of a year, or none at all: then it only says whether the country and region are known."""
    from holidays import country_holidays  # takes a second: only calendars that name a country pay for it

    try:
        found = country_holidays(country, subdiv=region, years=year)
    except (NotImplementedError, TypeError, AttributeError) as error:
        place = f"{country!r}" if region is None else f"{country!r}, {region!r}"
        raise ContractError(
            f"no public holidays known for {place}",
            remedy="Use the codes of the `holidays` library (ISO 3166), or list the dates.",
        ) from error
    return frozenset((each - date(1970, 1, 1)).days for each in found if each.year == year)
