"""Loading a million event rows, beside a bare COPY of the same rows into an unlogged table without a key (1.0).

Run: .venv/bin/python benchmarks/warehouse_load.py [rows]. One run, one server (durable), the ratios are the result.
"""

import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from deskledger import model
from deskledger.warehouse import copy_in, embedded, merge, migrate, open_warehouse, read_frame, transfer

LANDED_AT = datetime(2026, 4, 1, tzinfo=UTC)
EVENTS_A_TICKET = 8
MONTH = 202601


def event_rows(total: int) -> pd.DataFrame:
    """`total` events of one month's tickets, in no order of tickets."""
    random = np.random.default_rng(20260401)
    tickets = model.ticket_keys("bench", [f"INC{number:07}" for number in range(total // EVENTS_A_TICKET)])
    keys = np.repeat(tickets, EVENTS_A_TICKET)
    seq = np.tile(np.arange(EVENTS_A_TICKET), len(tickets))
    offsets = pd.to_timedelta(random.integers(0, 30 * 86_400 * 1_000_000, len(keys)), unit="us")
    frame = pd.DataFrame(
        {
            "ticket_key": keys,
            "created_month": MONTH,
            "event_id": pd.Series(seq, dtype="str").radd("e").to_numpy(),
            "occurred_at": pd.Timestamp("2026-01-01T00:00Z") + offsets,
            "seq": seq,
            "kind": pd.Categorical.from_codes(random.integers(0, 4, len(keys)), list(model.EVENT_KINDS[:4])),
            "value": pd.Categorical.from_codes(random.integers(-1, 6, len(keys)), list(model.STATUSES)),
            "source_value": pd.Categorical.from_codes(random.integers(0, 6, len(keys)), list(model.STATUSES)),
            "actor_id": pd.Categorical.from_codes(
                random.integers(0, 300, len(keys)), [f"agent-{number:03}" for number in range(300)]
            ),
            "actor_role": pd.Categorical.from_codes(random.integers(0, 4, len(keys)), list(model.ACTOR_ROLES)),
            "is_public": random.integers(0, 2, len(keys)).astype(bool),
        }
    )
    shuffled = frame.iloc[random.permutation(len(frame))].reset_index(drop=True)
    return model.conform(model.TICKET_EVENT, shuffled)


def timed(label: str, base: float | None, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - began
    print(f"{label:58} {seconds:7.2f} s  {seconds / base if base else 1:5.2f}  {result or ''}", flush=True)
    return seconds


def run(engine: Engine, total: int) -> None:
    frame = event_rows(total)
    prepared = io.BytesIO(b"".join(bytes(block) for block in transfer._csv_blocks(frame, None)))
    columns = ", ".join(frame.columns)

    def fresh(name: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"drop table if exists {name}"))
            rows = f"select {columns} from core.ticket_event with no data"  # noqa: S608 (the model's own names)
            connection.execute(text(f"create unlogged table {name} as {rows}"))

    def bare_copy() -> None:
        with engine.begin() as connection, transfer.driver_cursor(connection, "bare") as cursor:
            prepared.seek(0)
            cursor.copy_expert(f"copy bare ({columns}) from stdin with (format csv)", prepared, size=1 << 20)

    def frame_copy() -> None:
        with engine.begin() as connection:
            copy_in(connection, "bare", frame)

    def load(rows: pd.DataFrame, replaced: np.ndarray | None = None) -> object:
        with engine.begin() as connection:
            return merge(connection, model.TICKET_EVENT, rows, LANDED_AT, replaced)

    def read_back() -> str:
        with engine.connect() as connection:
            found = read_frame(connection, "select * from core.ticket_event", dtypes=model.TICKET_EVENT)
        return f"{len(found):,} rows"

    print(f"{len(frame):,} event rows, {prepared.getbuffer().nbytes / 1e6:.0f} MB as text")
    fresh("bare")
    base = timed("bare COPY of prepared text, unlogged, no key", None, bare_copy)
    fresh("bare")
    timed("copy_in of the frame, unlogged, no key", base, frame_copy)
    timed("merge into a new partition (build, key, attach)", base, lambda: load(frame))
    timed("merge of identical rows", base, lambda: load(frame))
    changed = frame.assign(seq=frame["seq"].where(np.arange(len(frame)) % 100 > 0, frame["seq"] + 100))
    timed("merge, one row in a hundred changed", base, lambda: load(changed))
    few = frame.iloc[: total // 100]
    timed("merge of a hundredth of the rows, identical but for those", base, lambda: load(few))
    keys = pd.unique(frame["ticket_key"].to_numpy())
    timed("merge of identical rows, all tickets replaced", base, lambda: load(changed, keys))
    timed("read_frame of all rows", base, read_back)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"frame {frame.memory_usage(deep=True).sum() / 1e6:.0f} MB, peak of this process {peak:.0f} MB")


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="deskledger-bench-") as folder:
        data = Path(folder) / "postgres"
        try:
            engine = open_warehouse(embedded.start(data).url_for("bench"))
            migrate(engine)
            run(engine, total)
        finally:
            embedded.stop(data)


if __name__ == "__main__":
    main()
