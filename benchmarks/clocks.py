"""Three clocks on tickets of eight events, beside sorting the same event frame; and the memory on top of that frame.

Run: .venv/bin/python benchmarks/clocks.py [tickets ...]. Each size is measured in a process of its own, on one core;
the ratios are the result. Events come in no order. One clock is plain, one has reopenings, one pauses; two follow a
calendar with a zone, and priorities change in one ticket of four.
"""

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from deskledger import clocks, model
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import Target

HOUR_US = 3_600_000_000
SIZES = (100_000, 1_000_000)
ROUNDS = 3
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


def one_size(tickets: int, way: str) -> None:
    """Print what one size takes: cycles, seconds of sort and measure, bytes of the frame and of the peak above it."""
    ticket_frame, events = frames(tickets)
    clocks.measure(ticket_frame.head(10), events.head(10), CLOCKS, CALENDARS, AS_OF)  # imports are not measured
    frame_bytes = int(events.memory_usage(deep=True).sum())
    gc.collect()
    before = _resident("VmRSS", reset=True)
    if way == "blocks":
        cycles = sum(len(part) for part in clocks.measure_blocks(ticket_frame, events, CLOCKS, CALENDARS, AS_OF))
        print(cycles, 0, 0, frame_bytes, _resident("VmHWM") - before)
        return
    cycles = len(clocks.measure(ticket_frame, events, CLOCKS, CALENDARS, AS_OF))
    peak = _resident("VmHWM") - before
    sorting, measuring = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        events.sort_values(["ticket_key", "occurred_at", "seq"])
        sorting.append(time.process_time() - began)
        began = time.process_time()
        clocks.measure(ticket_frame, events, CLOCKS, CALENDARS, AS_OF)
        measuring.append(time.process_time() - began)
    print(cycles, min(sorting), min(measuring), frame_bytes, peak)


def _resident(field: str, *, reset: bool = False) -> int:
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high-water mark starts again
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(field))
    return int(line.split()[1]) * 1024


def _in_own_process(tickets: int, way: str) -> list[float]:
    command = [sys.executable, __file__, "--one", str(tickets), way]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main(sizes: list[int]) -> None:
    before: tuple[int, float] | None = None
    for tickets in sizes:
        cycles, sorting, measuring, frame, peak = _in_own_process(tickets, "frame")
        written_out = _in_own_process(tickets, "blocks")[-1]
        print(f"{tickets:,} tickets, {8 * tickets:,} events, {cycles:,.0f} cycles of {len(CLOCKS)} clocks")
        print(f"  sort_values of the event frame {sorting:8.2f} s   1.00")
        print(f"  measure                        {measuring:8.2f} s   {measuring / sorting:4.2f}   (at most 1.5)")
        print(f"  the event frame                {frame / 1e6:8.0f} MB  1.00")
        print(f"  peak above it, one frame out   {peak / 1e6:8.0f} MB  {peak / frame:4.2f}   (at most 2)")
        print(f"  peak above it, block by block  {written_out / 1e6:8.0f} MB  {written_out / frame:4.2f}")
        if before is not None:
            times = measuring / before[1]
            print(f"  {tickets / before[0]:g} times the tickets took {times:.1f} times the time")
        before = (tickets, measuring)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one_size(int(sys.argv[2]), sys.argv[3])
    else:
        main([int(each) for each in sys.argv[1:]] or list(SIZES))
