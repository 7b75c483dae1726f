"""The clocks of the ServiceNow incident log (141,712 rows, 24,918 incidents), on one core.

Run: .venv/bin/python benchmarks/servicenow_log.py [file], or name the file in DESKLEDGER_SERVICENOW_LOG. Without the
log nothing is measured. Reading and normalising it is not part of the figure; the clocks are the shipped contract's
and five ready-made ones on a calendar with a zone and holidays. Processor time, the median of rounds.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median

import pandas as pd
from verdict import judged

from deskledger import clocks
from deskledger.contract import load
from deskledger.contract.definitions import ready_made
from deskledger.contract.terms import Target
from deskledger.sources.event_log import mapping, pages
from deskledger.sources.event_log.normalise import Normalised, normalise

PROJECT = Path(__file__).resolve().parents[1]
AS_OF = pd.Timestamp("2017-03-01T00:00Z")
ROUNDS = 3
MADRID = {
    "timezone": "Europe/Madrid",
    "country": "ES",
    "region": "MD",
    "weekly": {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}
READY_MADE = ("picked_up", "resolution", "resolution_without_waiting", "resolution_total", "agent_work")
TARGETS = tuple(
    Target({"priority": frozenset({f"P{number}"})}, open_us=number * 4 * 3_600_000_000) for number in (1, 2, 3, 4)
)


def canonical(path: Path) -> Normalised:
    """The canonical tickets and events of the log, as the shipped mapping reads it."""
    desk = mapping.load(PROJECT / "mappings" / "servicenow.yaml")
    read = [pages.read_page(page.content, desk, "events") for page in pages.cut(desk, "events", path, by_month=False)]
    columns = pd.concat([frame.astype("str") for frame, _ in read], ignore_index=True)
    origin = pd.DataFrame(
        {
            "page_sha256": "",
            "record_no": range(len(columns)),
            "partition": pd.Timestamp("2017-03-01"),
            "file": path.name,
            "line": [line for _, lines in read for line in lines],
            "landed_order": 0,
            "is_extracted": True,
        }
    )
    return normalise(desk, columns, origin)


def main(path: Path) -> None:
    log = canonical(path)
    shipped = load(PROJECT / "contracts" / "servicenow.yaml").versions[0]
    terms = [
        *shipped.clocks,
        *(ready_made(use, name=f"ready_{use}", clause="1", calendar="madrid", targets=TARGETS) for use in READY_MADE),
    ]
    calendars = {**shipped.calendars, "madrid": MADRID}
    spent, cycles = [], 0
    for _ in range(ROUNDS):
        began = time.process_time()
        cycles = len(clocks.measure(log.tickets, log.events, terms, calendars, AS_OF))
        spent.append(time.process_time() - began)
    print(f"{len(log.tickets):,} incidents, {len(log.events):,} events, {len(terms)} clocks, {cycles:,} cycles")
    judged("seconds", median(spent), most=3)


if __name__ == "__main__":
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DESKLEDGER_SERVICENOW_LOG", "")
    if named:
        main(Path(named))
    else:
        print("  not measured: name the log in DESKLEDGER_SERVICENOW_LOG")
