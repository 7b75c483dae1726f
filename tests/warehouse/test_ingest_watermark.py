"""How far a source is complete: never past a file that is not in, nor into days that were not over."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from deskledger.steps import ingest

from tests.warehouse.ingest_desk import NEXT, NOW, ask, export, row, take, write_mapping

UNTIL = "select complete_until from quality.watermark"


def history(now: datetime, leave_out: str | None = None) -> list[str]:
    batches = ingest.land_history("desk", now)
    for batch in batches:
        if batch != leave_out:
            ingest.load_batch("desk", batch, now)
    return batches


def test_the_last_event_does_not_pass_a_file_that_waits(warehouse: Engine, inbox: Path) -> None:
    write_mapping(watermark="last_event")
    (inbox / "log-feb.csv").write_text("id,n\nT1,1\n")
    export(inbox, "log-mar.csv", row("T2", 1, "2026-03-31 23:00", opened="2026-03-31 22:00"))
    history(NOW)
    ingest.finish_history("desk", NOW)
    assert ask(warehouse, UNTIL) == []
    export(inbox, "log-feb.csv", row("T1", 1, "2026-02-10 09:00", opened="2026-02-10 09:00"))
    take("2026-05-31", NEXT)
    assert ask(warehouse, UNTIL) == [(datetime(2026, 3, 31, 23, tzinfo=UTC),)]


def test_the_last_event_does_not_pass_a_batch_that_is_not_loaded(warehouse: Engine, inbox: Path) -> None:
    write_mapping(watermark="last_event")
    february = row("T1", 1, "2026-02-10 09:00", opened="2026-02-10 09:00")
    export(inbox, "log-a.csv", february, row("T2", 1, "2026-03-31 23:00", opened="2026-03-31 22:00"))
    assert history(NOW, leave_out="2026-02") == ["2026-02", "2026-03"]
    assert take("2026-05-31", NEXT)["watermark"] is None
    ingest.load_batch("desk", "2026-02", NEXT)
    assert take("2026-06-01", NEXT)["watermark"] == "2026-03-31T23:00:00+00:00"


def test_the_running_months_file_is_complete_to_the_day_it_landed(warehouse: Engine, inbox: Path) -> None:
    write_mapping(watermark="file_month", timezone="Europe/Madrid")
    export(inbox, "log-2026-03.csv", row("T1", 1, "2026-03-09 23:00", opened="2026-03-09 22:00"))
    history(datetime(2026, 3, 10, 12, tzinfo=UTC))
    ingest.finish_history("desk", datetime(2026, 3, 10, 12, tzinfo=UTC))
    assert ask(warehouse, UNTIL) == [(datetime(2026, 3, 9, 23, tzinfo=UTC),)]


def test_the_running_days_file_waits_for_its_day_to_end(warehouse: Engine, inbox: Path) -> None:
    export(inbox, "log-2026-04-01.csv", row("T1", 1, "2026-04-01 11:00"))
    noon, midnight = datetime(2026, 4, 1, 12, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
    assert ingest.land("desk", "2026-04-01", noon)["later"] == ["log-2026-04-01.csv"]
    assert ingest.load("desk", "2026-04-01", noon)["watermark"] is None
    assert take("2026-04-01", midnight)["watermark"] == "2026-04-02T00:00:00+00:00"


def test_the_watermark_of_the_last_event_does_not_go_beyond_now_or_back(warehouse: Engine, inbox: Path) -> None:
    write_mapping(watermark="last_event")
    export(inbox, "log-a.csv", row("T1", 1, "2026-04-01 09:00"), row("T1", 2, "2099-01-01 00:00", "Done"))
    ingest.land("desk", "2026-04-01", NOW)
    assert ingest.load("desk", "2026-04-01", NOW)["watermark"] == "2026-04-01T09:00:00+00:00"
    export(inbox, "log-b.csv", row("T2", 1, "2026-03-01 09:00", opened="2026-03-01 09:00"))
    ingest.land("desk", "2026-04-02", NEXT)
    assert ingest.load("desk", "2026-04-02", NEXT)["watermark"] == "2026-04-01T09:00:00+00:00"
