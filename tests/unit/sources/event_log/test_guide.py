"""docs/your-own-desk.md does what it says: its export through its mapping."""

import re
from pathlib import Path

import pandas as pd

from deskledger.settings import settings
from deskledger.sources.event_log import pages
from deskledger.sources.event_log.mapping import load
from deskledger.sources.event_log.normalise import normalise

from tests.unit.sources.event_log.desk import origin, told


def test_the_guides_export_through_the_guides_mapping(tmp_path: Path) -> None:
    guide = (settings().home / "docs" / "your-own-desk.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(csv|yaml)\n(.*?)```", guide, flags=re.DOTALL))
    (tmp_path / "acme.yaml").write_text(blocks["yaml"], "utf-8")
    (tmp_path / "acme-log-2026-01-05.csv").write_text(blocks["csv"], "utf-8")
    mapping = load(tmp_path / "acme.yaml")
    (page,) = pages.cut(mapping, "events", tmp_path / "acme-log-2026-01-05.csv", by_month=False)
    columns, lines = pages.read_page(page.content, mapping, "events")
    made = normalise(mapping, columns, origin([1] * len(lines)))
    assert made.faults.empty
    assert made.tickets.loc[0, ["team", "agent", "priority"]].tolist() == ["Netz", "Ida", "P1"]
    assert made.tickets["created_at"].tolist() == [pd.Timestamp("2026-01-05 09:12", tz="Europe/Berlin")]
    assert told(made, "status", "reply") == [
        ("2026-01-05 08:12", "new"),
        ("2026-01-05 08:40", "open"),
        ("2026-01-05 08:40", None),
        ("2026-01-05 14:05", "resolved"),
    ]
