"""The real ServiceNow incident log, from its file into the warehouse (skipped where the log is absent)."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.quality.quarantine import incomplete_tickets
from deskledger.settings import settings
from deskledger.steps import ingest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
_NEIGHBOUR = Path(__file__).resolve().parents[3] / "shared" / "data" / "servicenow_incident_event_log.csv.gz"
LOG = Path(os.environ.get("DESKLEDGER_SERVICENOW_LOG", _NEIGHBOUR))

pytestmark = pytest.mark.skipif(not LOG.is_file(), reason=f"no log at {LOG} (set DESKLEDGER_SERVICENOW_LOG)")


def _rows(engine: Engine) -> list[tuple]:
    """Everything that a second run must leave alone, each row by its database-wide version."""
    with engine.connect() as connection:
        return [
            tuple(row)
            for table in ("core.ticket", "core.ticket_event", "quality.quarantine", "quality.landed_page")
            for row in connection.execute(text(f"select '{table}', count(*), max(xmin::text::bigint) from {table}"))  # noqa: S608
        ]


def test_every_incident_is_loaded_or_quarantined_and_a_second_run_changes_nothing(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKLEDGER_STATE", str(tmp_path))
    inbox = settings().inbox / "servicenow"
    inbox.mkdir(parents=True)
    shutil.copy(LOG, inbox)

    batches = ingest.land_history("servicenow", NOW)
    counts = [ingest.load_batch("servicenow", batch, NOW) for batch in batches]
    days = ingest.finish_history("servicenow", NOW)

    assert batches == ["2016-02", "2016-03", "2016-04", "2016-05", "2016-06", "2016-07", "2016-08", "2016-09",
                       "2016-10", "2016-11", "2016-12", "2017-01", "2017-02"]  # fmt: skip
    total = {
        name: sum(each[name] for each in counts)
        for name in ("extracted", "loaded", "unchanged", "superseded", "quarantined")
    }
    assert total == {"extracted": 141_712, "loaded": 141_702, "unchanged": 0, "superseded": 0, "quarantined": 10}
    assert days[0] == "2016-02-29" and days[-1] == "2017-02-18"

    with warehouse.connect() as connection:
        one = lambda query: connection.execute(text(query)).scalar_one()  # noqa: E731
        assert one("select count(*) from core.ticket where source = 'servicenow'") == 24_918
        assert one("select count(*) from core.ticket_event where kind = 'created'") == 24_918
        assert one("select complete_until from quality.watermark") == datetime(2017, 2, 18, 15, 0, tzinfo=UTC)
        reasons = connection.execute(text("select rule, count(*) from quality.quarantine group by rule order by rule"))
        assert [tuple(row) for row in reasons] == [("event_before_ticket", 5), ("status_unknown", 5)]
        assert "incident_state has the unknown status '-100'" in one(
            "select message from quality.quarantine where rule = 'status_unknown' order by message limit 1"
        )
        # Five incidents have a row from before they were opened, two were in a state that nobody knows.
        assert len(incomplete_tickets(connection, "servicenow", NOW)) == 7
        assert len(incomplete_tickets(connection, "servicenow", datetime(2025, 1, 1, tzinfo=UTC))) == 0
        still_open = """
            select count(*) from core.ticket as t where not exists (
                select from core.ticket_event as e
                where e.ticket_key = t.ticket_key and e.kind = 'status' and e.value = 'closed')
        """
        assert one(still_open) == 0

    before = _rows(warehouse)
    assert ingest.land_history("servicenow", LATER) == batches
    again = [ingest.load_batch("servicenow", batch, LATER) for batch in batches]
    ingest.finish_history("servicenow", LATER)
    assert _rows(warehouse) == before
    assert sum(each["unchanged"] for each in again) == 141_702
    assert sum(each["quarantined"] for each in again) == 10
    assert sum(each["ticket_changes"] + each["ticket_event_changes"] for each in again) == 0
