"""What arrives late, twice or corrected: the ticket is made again from all that has landed of it; nothing is lost."""

import gc
import weakref
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from deskledger.quality.quarantine import incomplete_tickets
from deskledger.sources.event_log import pages

from tests.warehouse.ingest_desk import LAST, NEXT, NOW, STATUSES, ask, export, fates, row, take


@pytest.mark.parametrize("written", ["T1 ", " T1", "\tT1"])
def test_a_blank_around_a_ticket_id_is_no_other_ticket(warehouse: Engine, inbox: Path, written: str) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", "Asked"))
    take("2026-04-01", NOW)
    export(inbox, "log-2026-04-02.csv", row(written, 3, "2026-04-02 11:00", "Done"))
    assert fates(take("2026-04-02", NEXT)) == [1, 1, 0, 0, 0]
    assert ask(warehouse, STATUSES) == [("T1", "open waiting_on_customer resolved")]


def test_a_load_holds_the_rows_of_its_tickets_and_one_page_more(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that a ticket once touched are read one after another; the rows of other tickets do not stay."""
    for day in range(1, 6):
        at = f"2026-04-0{day} 09:00"
        export(inbox, f"log-2026-04-0{day}.csv", *[row(f"T{day}-{n}", 1, at, opened=at) for n in range(50)])
        take(f"2026-04-0{day}", NOW)
    export(
        inbox,
        "log-2026-04-06.csv",
        *[row(f"T{day}-0", 2, "2026-04-06 09:00", "Done", opened=f"2026-04-0{day} 09:00") for day in range(1, 6)],
    )
    read, whole_pages = pages.read_page, []
    frames: list[weakref.ref[pd.DataFrame]] = []

    def watched(*arguments: Any) -> tuple[pd.DataFrame, np.ndarray]:
        gc.collect()
        frame, lines = read(*arguments)
        frames.append(weakref.ref(frame))
        whole_pages.append(sum(each() is not None for each in frames))
        return frame, lines

    monkeypatch.setattr(pages, "read_page", watched)
    assert fates(take("2026-04-06", NEXT)) == [5, 5, 0, 0, 0]
    assert len(whole_pages) == 6
    assert max(whole_pages) <= 3  # the load's own page, the one just read, and the one before it
    assert ask(warehouse, STATUSES)[:2] == [("T1-0", "open resolved"), ("T1-1", "open")]


def test_a_row_that_a_later_file_makes_wrong_goes_to_quarantine_and_comes_back(warehouse: Engine, inbox: Path) -> None:
    """A newer row moves the creation behind rows that an earlier day had loaded: they are held, never just gone."""

    def incomplete(until: datetime) -> int:
        with warehouse.connect() as connection:
            return len(incomplete_tickets(connection, "desk", until))

    first, second = row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2026-04-01 10:00", "Done")
    export(inbox, "log-2026-04-01.csv", first, second)
    assert fates(take("2026-04-01", NOW)) == [2, 2, 0, 0, 0]
    assert incomplete(NOW) == 0
    export(inbox, "log-2026-04-02.csv", row("T1", 3, "2026-04-02 11:00", opened="2026-04-01 12:00"))
    assert fates(take("2026-04-02", NEXT)) == [1, 1, 0, 0, 0]
    held = "select partition, rule, record ->> 'at', replayed_at from quality.quarantine order by record_no"
    assert ask(warehouse, held) == [
        ("2026-04-01", "event_before_ticket", "2026-04-01 09:00", None),
        ("2026-04-01", "event_before_ticket", "2026-04-01 10:00", None),
    ]
    assert ask(warehouse, STATUSES) == [("T1", "new open")]
    assert incomplete(NEXT) == 1
    # The day that they landed on says the same of them, and holds nothing twice.
    assert fates(take("2026-04-01", NEXT)) == [2, 0, 0, 0, 2]
    assert len(ask(warehouse, held)) == 2
    export(inbox, "log-2026-04-03.csv", row("T1", 4, "2026-04-03 11:00"))
    take("2026-04-03", LAST)
    assert {each[-1] for each in ask(warehouse, held)} == {LAST}
    assert ask(warehouse, STATUSES) == [("T1", "open resolved open")]
    assert incomplete(LAST) == 0
