"""Normalise and load of a million events from landed pages, beside a bare COPY of the same rows (1.0).

Run: .venv/bin/python benchmarks/ingest.py [tickets]. One run, one server (durable). The load is the product's own
(`steps.ingest.load`): pages read and checked, rows normalised, tables checked by their suites, merged in one
transaction. What the suites take of it is stated beside it: they judge rows, whoever loads them.
"""

import io
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from verdict import judged

from deskledger import model
from deskledger.quality import suites
from deskledger.sources.demo import generate
from deskledger.steps import ingest
from deskledger.warehouse import embedded, migrate, open_warehouse, read_frame, transfer

TICKETS = 57_000  # a million events
NOW = datetime(2026, 4, 1, tzinfo=UTC)
PARTITION = "2026-03-31"
MOST = 3.0
ROUNDS = 3


class _SuiteClock:
    """Counts the seconds that the suites take."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._check = suites.check
        suites.check = self  # type: ignore[assignment]

    def __call__(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        verdict = self._check(*arguments)
        self.seconds += time.perf_counter() - began
        return verdict


def bare_copy(engine: Engine) -> tuple[int, float]:
    """The number of event rows in core, and the seconds that a COPY of all rows that the load wrote takes.

    Their text is ready, the tables are durable, stand already, and have no key; the commit counts. Best of three.
    """
    prepared = []
    with engine.begin() as connection:
        for table in model.CANONICAL.values():
            names = ", ".join(table.names)
            frame = read_frame(connection, f"select {names} from core.{table.name}", dtypes=table)  # noqa: S608
            prepared.append((table, len(frame), b"".join(bytes(block) for block in transfer._csv_blocks(frame, None))))
            empty = f"create table bare_{table.name} as select {names} from core.{table.name} with no data"  # noqa: S608
            connection.execute(text(empty))
    taken = []
    for _ in range(ROUNDS):
        with engine.begin() as connection:
            connection.execute(text(f"truncate {', '.join(f'bare_{table.name}' for table, _, _ in prepared)}"))
        began = time.perf_counter()
        with engine.begin() as connection:
            for table, _, rows in prepared:
                statement = f"copy bare_{table.name} ({', '.join(table.names)}) from stdin with (format csv)"
                with transfer.driver_cursor(connection, "bare") as cursor:
                    cursor.copy_expert(statement, io.BytesIO(rows), size=1 << 20)
        taken.append(time.perf_counter() - began)
    return next(rows for table, rows, _ in prepared if table is model.TICKET_EVENT), min(taken)


def land_month(inbox: Path, tickets: int) -> None:
    """A month of the demo desk, landed."""
    generate(inbox, tickets_per_month=tickets, months=("2026-03",), extra_days=0)
    ingest.land("demo", PARTITION, NOW)


def main() -> None:
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS
    with tempfile.TemporaryDirectory(prefix="deskledger-bench-") as folder:
        state = Path(folder)
        os.environ["DESKLEDGER_STATE"] = folder
        os.environ["DESKLEDGER_MAPPINGS"] = str(Path(__file__).parents[1] / "tests" / "mappings")
        try:
            os.environ["DESKLEDGER_WAREHOUSE"] = embedded.start(state / "postgres").url_for("bench")
            engine = open_warehouse()
            migrate(engine)
            # In a process of its own: what it takes is not the load's.
            landing = get_context("spawn").Process(target=land_month, args=(state / "inbox" / "demo", tickets))
            landing.start()
            landing.join()
            clock = _SuiteClock()
            began = time.perf_counter()
            counts = ingest.load("demo", PARTITION, NOW)
            whole = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rows, base = bare_copy(engine)
        finally:
            embedded.stop(state / "postgres")
    print(f"{counts['extracted']:,} records, {rows:,} events; bare COPY {base:.2f} s; load with suites {whole:.2f} s")
    judged("normalise and load, times the bare COPY", (whole - clock.seconds) / base, most=MOST)
    print(f"  the suites beside it: {clock.seconds:.2f} s, {clock.seconds / base:.2f} times; peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
