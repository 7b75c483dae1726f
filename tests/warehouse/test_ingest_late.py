"""What arrives late, twice or corrected: the ticket is made again from all that has landed of it; nothing is lost."""

import gc
import weakref
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, text

from deskledger.landing.pages import folder as pages_folder
from deskledger.quality.quarantine import incomplete_tickets
from deskledger.sources.event_log import pages
from deskledger.steps import ingest

from tests.unit.sources.event_log.desk import EVENTS
from tests.warehouse.ingest_desk import LAST, NEXT, NOW, STATUSES, ask, export, fates, row, take, write_mapping

JANUARY = "2026-01-03 09:00"


def raising(error: Exception) -> Any:
    def function(*arguments: Any) -> Any:
        raise error

    return function


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


def test_what_a_failed_run_left_behind_is_loaded_by_the_next_day(warehouse: Engine, inbox: Path) -> None:
    complete = "select complete_until::date::text from quality.watermark"
    for day in ("01", "02", "03"):
        at = f"2026-04-{day} 09:00"
        export(inbox, f"log-2026-04-{day}.csv", row(f"T{day}", 1, at, opened=at))
    assert take("2026-04-01", NOW)["taken_up"] == []
    ingest.land("desk", "2026-04-02", NEXT)  # and the run fails before its load
    loaded = take("2026-04-03", LAST)
    assert (loaded["taken_up"], loaded["days"]) == (["2026-04-02"], ["2026-04-02", "2026-04-03"])
    assert fates(loaded) == [2, 2, 0, 0, 0]
    assert ask(warehouse, complete) == [("2026-04-04",)]
    assert ask(warehouse, STATUSES) == [("T01", "open"), ("T02", "open"), ("T03", "open")]
    # Its own load, should somebody clear that run, changes nothing any more.
    assert fates(ingest.load("desk", "2026-04-02", LAST)) == [1, 0, 1, 0, 0]
    # Something lands under a day after its load: the next one takes it.
    export(inbox, "log-2026-04-02-b.csv", row("T02", 2, "2026-04-02 10:00", "Done", opened="2026-04-02 09:00"))
    ingest.land("desk", "2026-04-02", LAST)
    assert ingest.load("desk", "2026-04-04", LAST)["taken_up"] == ["2026-04-02"]
    assert ask(warehouse, STATUSES)[1] == ("T02", "open resolved")


def test_what_is_refused_again_stays_behind_and_the_day_goes_on(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("01", "02"):
        at = f"2026-04-{day} 09:00"
        export(inbox, f"log-2026-04-{day}.csv", row(f"T{day}", 1, at, opened=at))
    ingest.land("desk", "2026-04-01", NOW)
    with warehouse.begin() as connection:
        # A manifest that promises a record more than the page has.
        connection.execute(text("update quality.landed_page set records = records + 1"))
    loaded = take("2026-04-02", NEXT)
    assert (loaded["taken_up"], loaded["warnings"], loaded["days"]) == ([], 1, ["2026-04-02"])
    assert ask(warehouse, STATUSES) == [("T02", "open")]
    assert ask(warehouse, "select complete_until::date::text from quality.watermark") == [("2026-04-01",)]


def test_a_page_of_an_earlier_day_that_is_gone_stops_no_later_one(warehouse: Engine, inbox: Path) -> None:
    for day in ("01", "02"):
        export(
            inbox, f"log-2026-04-{day}.csv", row(f"T{day}", 1, f"2026-04-{day} 09:00", opened=f"2026-04-{day} 09:00")
        )
    ingest.land("desk", "2026-04-01", NOW)
    for page in pages_folder("desk").rglob("*.gz"):
        page.unlink()
    loaded = take("2026-04-02", NEXT)
    assert (loaded["taken_up"], loaded["warnings"]) == ([], 1)
    assert ask(warehouse, STATUSES) == [("T02", "open")]


def test_the_months_of_a_day_taken_up_are_named_by_the_next_try_too(
    warehouse: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one took it up and was killed, or its own day was refused: nobody has heard of January."""
    export(inbox, "log-2026-04-01.csv", row("T1", 1, JANUARY, opened=JANUARY))
    export(inbox, "log-2026-04-02.csv", row("T2", 1, "2026-04-02 09:00"))
    ingest.land("desk", "2026-04-01", NOW)
    ingest.land("desk", "2026-04-02", NEXT)
    with monkeypatch.context() as broken, pytest.raises(RuntimeError, match="killed"):
        broken.setattr(ingest, "_move_watermark", raising(RuntimeError("killed")))
        ingest.load("desk", "2026-04-02", NEXT)
    loaded = ingest.load("desk", "2026-04-02", LAST)
    assert (loaded["taken_up"], loaded["days"]) == ([], ["2026-01-03", "2026-04-01", "2026-04-02"])


def test_a_clock_that_is_ahead_where_files_land_hides_no_month(warehouse: Engine, inbox: Path) -> None:
    march = "2026-03-20 09:00"
    export(inbox, "log-2026-04-10.csv", row("T1", 1, march, opened=march))
    ingest.land("desk", "2026-04-10", NOW + timedelta(seconds=20))
    assert ingest.load("desk", "2026-04-10", NOW)["days"] == ["2026-03-20", "2026-04-10"]
    # Nor a try that was killed after its commit.
    assert ingest.load("desk", "2026-04-10", NEXT)["days"] == ["2026-03-20", "2026-04-10"]


def test_a_load_names_a_day_of_each_month_in_which_it_changed_something(warehouse: Engine, inbox: Path) -> None:
    solved = row("T1", 3, "2026-01-05 20:00", "Done", opened=JANUARY)
    export(inbox, "log-2026-01-05.csv", row("T1", 1, JANUARY, opened=JANUARY), solved)
    assert take("2026-01-05", NOW)["days"] == ["2026-01-05"]
    export(
        inbox,
        "log-2026-04-10.csv",
        row("T1", 2, "2026-01-03 10:00", "Asked", opened=JANUARY),
        row("T9", 1, "2026-02-08 09:00", opened="2026-02-07 09:00"),
        row("T9", 2, "2026-02-09 09:00", "Done", opened="2026-02-07 09:00"),
        row("T10", 1, "2026-04-09 09:00", opened="2026-04-09 09:00"),
    )
    named = ["2026-01-03", "2026-02-07", "2026-04-10"]
    assert take("2026-04-10", NEXT)["days"] == named
    # A try that was killed after its commit has told nobody: the next one, which changes nothing, does.
    assert ingest.load("desk", "2026-04-10", LAST)["days"] == named
    # What is told again in another file changes nothing.
    export(inbox, "log-2026-04-11.csv", solved)
    assert take("2026-04-11", LAST)["days"] == ["2026-04-11"]


def test_the_named_days_are_of_the_desks_zone(warehouse: Engine, inbox: Path) -> None:
    write_mapping(events={**EVENTS, "instant_format": "iso8601"}, timezone="America/New_York")
    at = "2026-02-01T04:59Z"
    export(inbox, "log-2026-04-10.csv", row("T1", 1, at, opened=at))
    assert take("2026-04-10", NOW)["days"] == ["2026-01-31", "2026-04-10"]


def test_a_ticket_that_changes_without_an_event_is_named_by_its_last_row(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-01-05.csv", row("T1", 1, JANUARY, opened=JANUARY))
    take("2026-01-05", NOW)
    # Held, and so incomplete; then told rightly, and complete again.
    export(inbox, "log-2026-04-10.csv", row("T1", 2, "2026-01-04 10:00", "Parked", opened=JANUARY))
    assert take("2026-04-10", NEXT)["days"] == ["2026-01-03", "2026-04-10"]
    export(inbox, "log-2026-04-11.csv", row("T1", 2, "2026-01-04 10:00", "Unclear", opened=JANUARY))
    assert take("2026-04-11", LAST)["days"] == ["2026-01-04", "2026-04-11"]


def test_the_month_of_an_event_that_is_gone_is_named_too(warehouse: Engine, inbox: Path) -> None:
    opened = row("T1", 1, JANUARY, opened=JANUARY)
    export(inbox, "log-2026-02-05.csv", opened, row("T1", 3, "2026-02-05 09:00", "Done", opened=JANUARY))
    take("2026-02-05", NOW)
    # It had been resolved before: February's row says nothing new any more.
    export(inbox, "log-2026-04-10.csv", row("T1", 2, "2026-01-31 09:00", "Done", opened=JANUARY))
    assert take("2026-04-10", NEXT)["days"] == ["2026-01-31", "2026-02-05", "2026-04-10"]
