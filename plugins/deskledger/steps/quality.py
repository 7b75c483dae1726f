"""The quality of each source's data, for a page beside the reports and for a terminal."""

from datetime import datetime
from pathlib import Path
from typing import Any

from deskledger import reports
from deskledger.errors import QualityError
from deskledger.quality import held, history
from deskledger.quality.crosscheck import CAUSES
from deskledger.quality.held import Wanted
from deskledger.settings import settings
from deskledger.steps.report import write_file
from deskledger.warehouse import open_warehouse

LOADS, VALIDATIONS, DAYS, FIELDS = 30, 40, 40, 60  # rows shown of each
_MEASURED = "measure/"


def overview(source: str | None = None) -> dict[str, Any]:
    """Of each source (or of one): how far it is complete, what became of its records, what its suites say.

    `cycles` are the verdicts on measured cycles, of all contracts. Raises QualityError for a source that is not known.
    """
    with open_warehouse().connect() as connection:
        known = history.sources(connection)
        if source is not None and source not in known:
            raise QualityError(
                "nothing of this source has landed",
                where=source,
                remedy=f"sources that have landed: {', '.join(known) or 'none'}",
            )
        return {
            "sources": [
                {
                    "source": each,
                    **history.standing(connection, each),
                    "unread": history.unread(connection, each),
                    "fates": history.fates(connection, each),
                    "loads": history.loads(connection, each, LOADS),
                    "quarantine": held.rules(connection, Wanted(source=each)),
                    "suites": history.suites(connection, f"{each}/"),
                    "validations": history.validations(connection, f"{each}/", VALIDATIONS),
                    "totals": history.totals(connection, each),
                    "crosscheck": [
                        {**row, "meaning": CAUSES[row["cause"]]} for row in history.crosscheck(connection, each)
                    ],
                    "arrivals": history.arrivals(connection, each, DAYS),
                    "fields": history.fields(connection, each, FIELDS),
                }
                for each in (known if source is None else [source])
            ],
            "cycles": history.suites(connection, _MEASURED),
        }


def write_source_page(source: str, now: datetime) -> str | None:
    """Writes the page of one source into the reports folder; its path. None while nothing of it has landed."""
    with open_warehouse().connect() as connection:
        if source not in history.sources(connection):
            return None
    return write(settings().reports / "quality" / f"{source}.html", now, source)


def write(path: Path, now: datetime, source: str | None = None) -> str:
    """Writes the page of all sources, or of one, to a file; its path."""
    content = reports.quality.render(overview(source), now)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_file(path, content)
