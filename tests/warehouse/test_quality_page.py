"""The quality page and the table of a terminal, of a source with something of everything."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.cli import main
from deskledger.errors import QualityError
from deskledger.quality import control
from deskledger.settings import settings
from deskledger.steps import ingest, quality

from tests.warehouse.ingest_desk import LAST, NEXT, NOW, export, row, take, write_mapping

EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """The cells of every table row, and the tags that a page must not have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self._is_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in {"src", "href"}]
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] += data

    def named(self, name: str) -> list[str]:
        return next(row for row in self.rows if row and row[0] == name)


@pytest.fixture
def loaded(warehouse: Engine, inbox: Path) -> Engine:
    write_mapping(teams={"files": ["teams.csv"], "columns": {"team": "team"}})
    (inbox / "teams.csv").write_text("team\nblue\n")
    same = row("T1", 1, "2026-04-01 09:00", team=EVIL)
    export(inbox, "log-2026-04-01.csv", same, same, row(EVIL, 1, "2026-04-01 09:00", "Parked"))
    take("2026-04-01", NOW)
    with warehouse.begin() as connection:
        for at, theirs in ((NOW, 9), (NEXT, 3)):
            control.record_totals(connection, "desk", "2026-04-01", [control.Total("tickets", theirs, 2, at)])
    return warehouse


def test_the_page_says_what_became_of_every_record(loaded: Engine, tmp_path: Path) -> None:
    path = quality.write_source_page("desk", LAST)
    assert path == str(settings().reports / "quality" / "desk.html")
    html = Path(path).read_text(encoding="utf-8")
    page = Page(html)
    assert page.named("ticket_event")[1:] == ["3", "1", "1", "0", "1", "balances"]
    assert page.named("status_unknown")[1:5] == ["events", "critical", "1", "1"]
    assert page.named("tickets")[1:4] == ["3", "2", "-1"]  # the newest count
    assert page.named("tickets")[-1] == "1 missing"
    assert page.named("2026-04-01")[1:] == ["team", "1", "–"]  # of the day's tables the first by name in reverse
    broken = page.named("team_known")
    assert broken[1:4] == ["warning", "broken", "1"] and "team is not among" in broken[4]
    assert page.named("ticket_key_unique")[2] == "holds"
    # Nothing of a ticket or a name is markup, and nothing is fetched.
    assert "script" not in page.tags and page.fetched == []


def test_loading_again_counts_each_record_once(loaded: Engine) -> None:
    from deskledger.steps import ingest

    ingest.load("desk", "2026-04-01", NEXT)
    (source,) = quality.overview("desk")["sources"]
    fates = next(each for each in source["fates"] if each["table_name"] == "ticket_event")
    assert (fates["extracted"], fates["loaded"] + fates["unchanged"], fates["quarantined"]) == (3, 2, 1)


def test_a_page_of_nothing(warehouse: Engine, inbox: Path, tmp_path: Path) -> None:
    assert quality.write_source_page("desk", NOW) is None
    assert "Nothing has landed yet." in Path(quality.write(tmp_path / "q.html", NOW)).read_text()
    with pytest.raises(QualityError, match="sources that have landed: none"):
        quality.overview("desk")


def test_the_command(loaded: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quality", "desk"]) == 0
    printed = capsys.readouterr().out
    assert "in quarantine: status_unknown (events): 1 rows" in printed
    assert "ticket: warning: team is not among the source's teams (1 of 1 rows)" in printed
    assert "tickets: the desk counts 3, we have 2: 1 missing" in printed
    assert main(["quality", "--html", str(tmp_path / "all.html")]) == 0
    assert "team_known" in (tmp_path / "all.html").read_text()
    assert main(["quality", "nowhere"]) == 1


def test_what_landed_and_was_never_loaded_is_named(
    warehouse: Engine, inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mapping()
    for day in ("2026-04-01", "2026-04-02"):
        export(inbox, f"log-{day}.csv", row("T1", 1, f"{day} 09:00"))
    take("2026-04-01", NOW)
    ingest.land("desk", "2026-04-02", NEXT)
    assert main(["quality", "desk"]) == 0
    assert "  landed under 2026-04-02 and not loaded: 1 pages" in capsys.readouterr().out.splitlines()
    page = Path(quality.write(tmp_path / "page.html", LAST, "desk")).read_text()
    assert "Landed under <strong>2026-04-02</strong> and not loaded: 1 pages" in page
    ingest.load("desk", "2026-04-03", LAST)
    assert "not loaded" not in Path(quality.write(tmp_path / "page.html", LAST, "desk")).read_text()
