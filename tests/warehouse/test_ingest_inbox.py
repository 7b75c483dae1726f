"""What lies in the inbox and in the landing folder: nothing is passed over, mixed up or thrown away unseen."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.errors import LandingError, SourceError
from deskledger.landing import pages
from deskledger.steps import ingest
from deskledger.warehouse import embedded, migrate, open_warehouse

from tests.warehouse.ingest_desk import LAST, NEXT, NOW, ask, export, row, take

FIRST = row("T1", 1, "2026-04-01 09:00")


def test_the_landing_folder_of_another_warehouse_is_left_alone(
    warehouse: Engine, inbox: Path, postgres: embedded.EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(inbox, "log-2026-04-01.csv", FIRST)
    take("2026-04-01", NOW)
    (page,) = (pages.folder("desk")).rglob("*.page.gz")
    os.utime(page, (0, 0))
    mine = os.environ["DESKLEDGER_WAREHOUSE"]
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", postgres.url_for("another_warehouse"))
    migrate(open_warehouse())
    with pytest.raises(LandingError, match=r"belongs to the warehouse .*\n.*DESKLEDGER_LANDING"):
        ingest.land("desk", "2026-04-02", NEXT)
    assert page.exists()
    monkeypatch.setenv("DESKLEDGER_WAREHOUSE", mine)
    assert ingest.load("desk", "2026-04-01", LAST)["unchanged"] == 1


def test_a_file_that_no_section_takes_fails_the_check(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", FIRST)
    export(inbox, "LOG-2026-04-02.CSV", FIRST)
    assert ingest.land("desk", "2026-04-02", NOW)["files"] == ["log-2026-04-01.csv"]
    with pytest.raises(SourceError, match=r"LOG-2026-04-02.CSV: no `files:` in mappings/desk.yaml takes it"):
        ingest.check_inbox("desk")
    (inbox / "LOG-2026-04-02.CSV").unlink()
    ingest.check_inbox("desk")


def test_a_history_of_nothing_fails(warehouse: Engine, inbox: Path) -> None:
    with pytest.raises(SourceError, match="the inbox has nothing to land"):
        ingest.land_history("desk", NOW)
    export(inbox, "LOG-2026-04-01.CSV", FIRST)
    with pytest.raises(SourceError, match=r"LOG-2026-04-01.CSV: no pattern takes it\n.*log\*\.csv\*"):
        ingest.land_history("desk", NOW)
    (inbox / "LOG-2026-04-01.CSV").rename(inbox / "log-2026-04-01.csv")
    assert ingest.land_history("desk", NOW) == ["2026-04"]
    assert ingest.land_history("desk", NEXT) == ["2026-04"]
    (inbox / "log-2026-04-01.csv").unlink()  # tidied away: its pages are known
    assert ingest.land_history("desk", LAST) == ["2026-04"]


@pytest.mark.parametrize("newer", ["log-a.csv", "log-z.csv"])
def test_of_files_that_land_together_the_one_written_last_holds(warehouse: Engine, inbox: Path, newer: str) -> None:
    for name in ("log-a.csv", "log-z.csv"):
        is_newer = name == newer
        export(inbox, name, row("T1", 1, "2026-04-01 09:00", team="right" if is_newer else "wrong"))
        os.utime(inbox / name, (NOW.timestamp() + is_newer,) * 2)
    for batch in ingest.land_history("desk", NEXT):
        ingest.load_batch("desk", batch, NEXT)
    assert ask(warehouse, "select team from core.ticket") == [("right",)]


def test_of_files_written_at_once_the_later_name_by_its_bytes_holds(warehouse: Engine, inbox: Path) -> None:
    for name, team in (("log-B.csv", "wrong"), ("log-a.csv", "right")):  # a collation by alphabet has a before B
        export(inbox, name, row("T1", 1, "2026-04-01 09:00", team=team))
        os.utime(inbox / name, (NOW.timestamp(),) * 2)
    for batch in ingest.land_history("desk", NEXT):
        ingest.load_batch("desk", batch, NEXT)
    assert ask(warehouse, "select team from core.ticket") == [("right",)]


def test_a_killed_landing_leaves_pages_that_the_next_one_sweeps(warehouse: Engine, inbox: Path) -> None:
    orphan = pages.folder("desk") / "ab" / f"{'ab' * 32}.page.gz"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left over")
    os.utime(orphan, ((NOW - timedelta(hours=12)).timestamp(),) * 2)
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    ingest.land("desk", "2026-04-01", NOW)
    assert orphan.exists()
    ingest.land("desk", "2026-04-01", NEXT)
    assert not orphan.exists()
    ((path,),) = ask(warehouse, "select path from quality.landed_page")
    assert (pages.folder("desk") / path).exists()


def test_a_lost_page_stops_the_load_with_its_name(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 09:00"))
    ingest.land("desk", "2026-04-01", NOW)
    for page in (pages.folder("desk")).rglob("*.gz"):
        page.unlink()
    with pytest.raises(LandingError, match="the page is missing"):
        ingest.load("desk", "2026-04-01", NOW)


def test_two_landings_at_once_land_each_file_once(warehouse: Engine, inbox: Path) -> None:
    for day in range(1, 5):
        export(inbox, f"log-2026-04-0{day}.csv", row(f"T{day}", 1, f"2026-04-0{day} 09:00"))
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda now: ingest.land("desk", "2026-04-04", now), [NOW, NEXT]))
    assert sum(len(each["files"]) for each in both) == 4
    assert sum(len(each["known"]) for each in both) == 4
    assert ask(warehouse, "select count(*), sum(records) from quality.landed_file") == [(4, 4)]
