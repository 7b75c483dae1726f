"""Elapsed time and deadlines of ten million pairs, beside the bare searches they rest on and two public packages.

Run: .venv/bin/python benchmarks/business_time.py [pairs]. One run on one core; the ratios are the result. The packages
take one pair at a time, so they are asked for a sample and compared per pair; where all three agree on what is asked
(hours of one day, no zone), their answers must be equal.
"""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from datetime import time as clock_time

import businesstimedelta
import numpy as np
from business_duration import businessDuration
from verdict import judged

from deskledger.business_time import BusinessCalendar

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
PLAIN = {"timezone": "Etc/UTC", "weekly": {day: [["09:00", "17:00"]] for day in WEEKDAYS}}
RICH = {
    "timezone": "Europe/Madrid",
    "weekly": {day: [["09:00", "14:00"], ["15:30", "18:00"]] for day in WEEKDAYS},
    "country": "ES",
    "region": "MD",
    "special_days": {"2026-12-24": [["09:00", "13:00"]]},
}
SAMPLE = 300
ROUNDS = 3


def pairs(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts over two years, ends up to a month later, and targets up to a hundred hours."""
    random = np.random.default_rng(20260401)
    starts = np.datetime64("2025-01-01", "us") + random.integers(0, 730 * 86_400, count) * np.timedelta64(
        1_000_000, "us"
    )
    ends = starts + random.integers(0, 30 * 86_400, count) * np.timedelta64(1_000_000, "us")
    targets = random.integers(1, 100 * 3600, count) * np.timedelta64(1_000_000, "us")
    return starts, ends, targets


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the best round."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def main(count: int) -> None:
    starts, ends, targets = pairs(count)
    for name, terms in (("one span a day, UTC", PLAIN), ("two spans, zone, holidays", RICH)):
        calendar = BusinessCalendar.from_terms(terms)
        spans = calendar.open_spans(starts.min(), ends.max())
        edges = np.sort(np.concatenate([spans[side].to_numpy("datetime64[us]") for side in ("opens_at", "closes_at")]))
        edges = edges.view(np.int64)
        searches = best(lambda edges=edges: [edges.searchsorted(each.view(np.int64)) for each in (starts, ends)])
        elapsed = best(lambda calendar=calendar: calendar.elapsed(starts, ends))
        deadline = best(lambda calendar=calendar: calendar.deadline(starts, targets))
        print(f"{name}: {count:,} pairs")
        print(f"  two bare searches {searches:.2f} s, elapsed {elapsed:.2f} s, deadline {deadline:.2f} s")
        judged("elapsed, of the searches", elapsed / searches, most=3)
        judged("deadline, of the searches", deadline / searches, most=3)

    calendar = BusinessCalendar.from_terms(PLAIN)
    ours = best(lambda: calendar.elapsed(starts, ends)) / count
    few = [(start.item(), end.item()) for start, end in zip(starts[:SAMPLE], ends[:SAMPLE], strict=True)]
    expected = calendar.elapsed(starts[:SAMPLE], ends[:SAMPLE]) // np.timedelta64(1, "s")
    for name, one in (("businesstimedelta", _businesstimedelta()), ("business-duration", _business_duration)):
        began = time.process_time()
        answers = [one(start, end) for start, end in few]
        theirs = (time.process_time() - began) / SAMPLE
        wrong = int((np.array(answers) != expected.astype(np.int64)).sum())
        print(f"{name}: {theirs * 1e6:.0f} us a pair, ours {ours * 1e9:.1f} ns; {wrong} of {SAMPLE} answers differ")
        judged("times faster a pair", theirs / ours, least=1000)


def _businesstimedelta() -> Callable[[datetime, datetime], int]:
    day = businesstimedelta.WorkDayRule(start_time=clock_time(9), end_time=clock_time(17), working_days=[0, 1, 2, 3, 4])
    hours = businesstimedelta.Rules([day])

    def one(start: datetime, end: datetime) -> int:
        found = hours.difference(start, end)
        return int(found.hours * 3600 + found.seconds)

    return one


def _business_duration(start: datetime, end: datetime) -> int:
    return round(businessDuration(start, end, clock_time(9), clock_time(17), unit="sec"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
