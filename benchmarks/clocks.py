"""Three clocks on tickets of eight events, beside sorting the same event frame; and the memory on top of that frame.

Run: .venv/bin/python benchmarks/clocks.py [small large]. Each size lives in a process of its own and they are asked in
turns; the ratios are the result. Events come in no order. One clock is plain, one has reopenings, one pauses; two
follow a calendar with a zone, and priorities change in one ticket of four.

Times are processor time, the median of rounds. The processes keep the memory that they have freed (glibc's MALLOC_
settings), as one does that measures month after month: the price of fresh pages is the machine's (on some virtual ones
a second a gigabyte) and is in the first call only, whose ratio is printed too. Memory is the peak of what Python, NumPy
and pandas have asked for (tracemalloc), above the two input frames.
"""

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd
from verdict import judged

from deskledger import clocks, model
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import Target

HOUR_US = 3_600_000_000
SIZES = (100_000, 1_000_000)
ROUNDS = 5
LARGE_SORTS = 2  # a sort of the large frame takes as long as everything else together
AS_OF = pd.Timestamp("2026-04-20T00:00Z")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
CALENDARS = {
    "always": {"always": True},
    "madrid": {
        "timezone": "Europe/Madrid",
        "weekly": {day: [["09:00", "18:00"]] for day in WEEKDAYS},
        "holidays": ["2026-01-01", "2026-01-06", "2026-04-02", "2026-04-03"],
    },
}
TARGETS = tuple(
    Target({"priority": frozenset({name})}, open_us=hours * HOUR_US)
    for name, hours in (("P1", 1), ("P2", 4), ("P3", 8), ("P4", 16))
)
CLOCKS = (
    ready_made("first_response", clause="1", calendar="madrid", targets=TARGETS),
    ready_made("resolution", clause="2", calendar="always", targets=TARGETS),
    ready_made("resolution_without_waiting", clause="3", calendar="madrid", targets=TARGETS),
)
KINDS = ("created", "status", "priority", "team", "reply", "status", "priority", "status")
ROLES = ("customer", "system", "system", "system", "agent", "agent", "agent", "agent")


def frames(tickets: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three months of tickets with eight events each, shuffled."""
    random = np.random.default_rng(20260401)
    keys = random.integers(0, 2**63 - 1, tickets)
    created = np.datetime64("2026-01-01", "us").astype(np.int64) + random.integers(0, 90 * 24 * HOUR_US, tickets)
    steps = random.exponential([0, 0, 0, 0, 4, 8, 4, 24], (tickets, 8)) * HOUR_US
    at_us = created[:, None] + np.cumsum(steps.astype(np.int64), axis=1)
    words = [*model.STATUSES, *model.PRIORITIES, *(f"team-{number:02}" for number in range(1, 21))]
    value = np.full((tickets, 8), -1, dtype=np.int8)
    value[:, 1], value[:, 7] = words.index("new"), words.index("resolved")
    value[:, 2] = words.index("P1") + random.integers(0, 4, tickets)
    value[:, 3] = words.index("team-01") + random.integers(0, 20, tickets)
    value[:, 5] = random.choice([words.index(each) for each in ("open", "waiting_on_customer")], tickets)
    value[:, 6] = np.where(random.random(tickets) < 0.25, words.index("P2"), value[:, 2])
    shuffled = random.permutation(8 * tickets)
    count = len(shuffled)

    def coded(codes: np.ndarray, categories: list[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(codes[shuffled], categories=pd.Index(categories, dtype="str"))

    kind = np.tile(np.array([model.EVENT_KINDS.index(each) for each in KINDS], dtype=np.int8), tickets)
    role = np.tile(np.array([model.ACTOR_ROLES.index(each) for each in ROLES], dtype=np.int8), tickets)
    agents = [f"agent-{number:03}" for number in range(300)]
    columns = {
        "ticket_key": np.repeat(keys, 8)[shuffled],
        "created_month": np.full(count, 202601, dtype=np.int32),
        "event_id": pd.Series([f"e{number}" for number in shuffled], dtype="str"),
        "occurred_at": pd.to_datetime(at_us.ravel()[shuffled].view("datetime64[us]"), utc=True),
        "seq": np.tile(np.arange(8), tickets)[shuffled],
        "kind": coded(kind, list(model.EVENT_KINDS)),
        "value": coded(value.ravel(), words),
        "previous_value": coded(np.full(count, -1, dtype=np.int8), words),
        "source_value": coded(value.ravel(), words),
        "actor_id": coded(random.integers(0, 300, count).astype(np.int16), agents),
        "actor_role": coded(role, list(model.ACTOR_ROLES)),
        "is_public": pd.array((kind == model.EVENT_KINDS.index("reply"))[shuffled], dtype="boolean"),
    }
    return pd.DataFrame({"ticket_key": keys, "created_month": np.int32(202601)}), pd.DataFrame(columns)


def serve(tickets: int) -> None:
    """Answer each line of standard input ("sort", "measure", "peak" or "peak by blocks") with one number."""
    inputs = (*frames(tickets), CLOCKS, CALENDARS, AS_OF)
    ticket_frame, events = inputs[:2]
    clocks.measure(ticket_frame.head(10), events.head(10), *inputs[2:])  # imports are not measured
    print(int(events.memory_usage(deep=True).sum()), flush=True)
    work: dict[str, Callable[[], object]] = {
        "sort": lambda: events.sort_values(["ticket_key", "occurred_at", "seq"]),
        "measure": lambda: clocks.measure(*inputs),
        "by blocks": lambda: sum(len(part) for part in clocks.measure_blocks(*inputs)),
    }
    for line in sys.stdin:
        asked = line.strip()
        gc.collect()
        print(_peak(work[asked[5:]]) if asked.startswith("peak ") else _seconds(work[asked]), flush=True)


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class Size:
    """A process that holds the frames of so many tickets."""

    def __init__(self, tickets: int) -> None:
        self.tickets = tickets
        kept = {"MALLOC_MMAP_THRESHOLD_": str(2**40), "MALLOC_TRIM_THRESHOLD_": str(2**40)}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(tickets)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **kept},
        )

    def answer(self) -> float:
        """The next number; the first is the size of the event frame in bytes."""
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())

    def ask(self, question: str) -> float:
        assert self._process.stdin is not None
        print(question, file=self._process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        self._process.communicate()


def main(few: int, many: int) -> None:
    small, large = sizes = Size(few), Size(many)
    frame = {size: size.answer() for size in sizes}
    first = {size: size.ask("measure") for size in sizes}
    sorting: dict[Size, list[float]] = {size: [] for size in sizes}
    measuring: dict[Size, list[float]] = {size: [] for size in sizes}
    growth = []
    for number in range(ROUNDS):
        beside = [small.ask("measure") for _ in range(2)]
        measuring[large].append(large.ask("measure"))
        beside += [small.ask("measure") for _ in range(2)]
        measuring[small] += beside
        growth.append(measuring[large][-1] / median(beside))
        sorting[small].append(small.ask("sort"))
        if number < LARGE_SORTS:
            sorting[large].append(large.ask("sort"))
    peak = {(size, way): size.ask(f"peak {way}") for size in sizes for way in ("measure", "by blocks")}
    for size in sizes:
        size.close()
        base, ours = median(sorting[size]), median(measuring[size])
        print(f"{size.tickets:,} tickets of eight events, {len(CLOCKS)} clocks; frame {frame[size] / 1e6:.0f} MB")
        print(f"  sort_values of the event frame {base:.2f} s, the clocks {ours:.2f} s")
        judged("time, of sort_values", ours / base, most=1.5)
        judged("peak above the frame, of the frame; whole result kept", peak[size, "measure"] / frame[size], most=2)
        judged("peak above the frame, of the frame; block by block", peak[size, "by blocks"] / frame[size], most=2)
    more = many - few
    print(f"{many / few:g} times the tickets")
    judged(f"times the time (median of {ROUNDS} rounds)", median(growth), most=1.1 * many / few)
    rounds = ", ".join(f"{each:.2f}" for each in growth)
    print(f"  the rounds: {rounds}; the first calls, in fresh memory: {first[large] / first[small]:.2f}")
    grown = (peak[large, "by blocks"] - peak[small, "by blocks"]) / more
    of_frame = (frame[large] - frame[small]) / more
    print(f"  block by block, each further ticket costs {grown:.0f} bytes beside the {of_frame:.0f} of its events")
    judged("bytes a further ticket, of its events'", grown / of_frame, most=0.05)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    else:
        main(*([int(each) for each in sys.argv[1:]] or SIZES))
