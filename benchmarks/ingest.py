"""Normalise and load of a million events from landed pages, beside a bare COPY of the same rows (1.0).

Run: .venv/bin/python benchmarks/ingest.py [tickets]. One run, one server (durable). The load is the product's own
(`steps.ingest.load`): pages read and checked, rows normalised, tables checked by their suites, merged in one
transaction. What the suites take of it is stated beside it: they judge rows, whoever loads them.

The floor leaves the same rows in the same tables: their text is ready, they are copied into empty tables of core's own
columns and checks, and get core's keys and the planner's statistics, all in one transaction. What a COPY into tables
without keys would be is printed beside: no table of core is one.
"""

import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from verdict import judged

from deskledger import model
from deskledger.quality import context, suites
from deskledger.sources.demo import generate
from deskledger.steps import ingest
from deskledger.warehouse import embedded, migrate, open_warehouse, read_frame, transfer

TICKETS = 57_000  # a million events
NOW = datetime(2026, 4, 1, tzinfo=UTC)
PARTITION = "2026-03-31"
MOST = 3.0
ROUNDS = 3


class _SuiteClock:
    """Counts the seconds that the suites take, and the columns that are made for them alone."""

    def __init__(self) -> None:
        self.seconds = 0.0
        suites.check = self._counted(suites.check)
        context.with_context = self._counted(context.with_context)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = function(*arguments)
            self.seconds += time.perf_counter() - began
            return result

        return counted


class _Floor:
    """All rows that a load left in core as COPY's text, and empty tables like core's beside them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._text: dict[model.Table, bytes] = {}
        self.events = 0
        with engine.begin() as connection:
            for table in model.CANONICAL.values():
                names = ", ".join(table.names)
                frame = read_frame(connection, f"select {names} from core.{table.name}", dtypes=table)  # noqa: S608
                self._text[table] = b"".join(bytes(block) for block in transfer._csv_blocks(frame, None))
                self.events = len(frame) if table is model.TICKET_EVENT else self.events
                like = f"create table bare_{table.name} (like core.{table.name} including constraints)"
                stamp = f"alter table bare_{table.name} alter landed_at set default '{NOW.isoformat()}'"
                connection.execute(text(f"{like}; {stamp}"))

    def seconds(self, *, keyed: bool) -> float:
        """The seconds that the COPY takes with its commit, the best of three; `keyed`: with keys and statistics."""
        return min(self._once(keyed) for _ in range(ROUNDS))

    def _once(self, keyed: bool) -> float:
        with self._engine.begin() as connection:
            for table in self._text:
                key = f"bare_{table.name}_pkey"
                connection.execute(
                    text(f"truncate bare_{table.name}; alter table bare_{table.name} drop constraint if exists {key}")
                )
        began = time.perf_counter()
        with self._engine.begin() as connection:
            for table, rows in self._text.items():
                statement = f"copy bare_{table.name} ({', '.join(table.names)}) from stdin with (format csv)"
                with transfer.driver_cursor(connection, "bare") as cursor:
                    cursor.copy_expert(statement, io.BytesIO(rows), size=1 << 20)
                if keyed:
                    key = f"alter table bare_{table.name} add primary key ({', '.join(table.key)})"
                    connection.execute(text(f"{key}; analyze bare_{table.name}"))
        return time.perf_counter() - began


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
            floor = _Floor(engine)
            base, keyless = floor.seconds(keyed=True), floor.seconds(keyed=False)
        finally:
            embedded.stop(state / "postgres")
    alone = whole - clock.seconds
    print(
        f"{counts['extracted']:,} records, {floor.events:,} events; COPY {base:.2f} s; load with suites {whole:.2f} s"
    )
    judged("normalise and load, times the bare COPY", alone / base, most=MOST)
    print(f"  times a COPY into tables without keys ({keyless:.2f} s): {alone / keyless:.2f}")
    print(f"  the suites beside it: {clock.seconds:.2f} s, {clock.seconds / base:.2f} times; peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
