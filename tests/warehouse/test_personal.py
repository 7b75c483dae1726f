"""Pseudonyms, from landing to erasure: what stands for people and texts, who can resolve it, and until when."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import DeskledgerError, MappingError
from deskledger.landing import pages
from deskledger.steps import ingest, privacy

from tests.unit.sources.event_log.desk import COLUMNS, EVENTS
from tests.warehouse.ingest_desk import LAST, NEXT, NOW, ask, export, fates, write_mapping

ANSWERS = {
    "files": ["surveys*.csv"],
    "personal": {"said": "text", "mail": "person"},
    "columns": {
        **{"survey_id": "s", "answer_id": "a", "ticket_id": "t", "sent_at": "sent", "responded_at": "back"},
        **{"rating": "stars", "comment": "said"},
    },
}
SAID = 'Ask Ann Ortiz, she\nsaid ""later"".'


@pytest.fixture
def landed(inbox: Path) -> Path:
    """A day of the desk with personal columns, landed and loaded."""
    write_mapping(
        events={**EVENTS, "personal": {"agent": "person", "detail": "text"}},
        survey_answers=ANSWERS,
        retention={"person": "400d", "text": "30d"},
    )
    values = {"id": "T1", "at": "2026-04-01 09:00", "opened": "2026-04-01 09:00", "state": "Open", "prio": "low"}
    rows = [{**values, "n": "1", "agent": "Ann Ortiz", "what": "note", "detail": '"a, b"'}, {**values, "n": "2"}]
    export(inbox, "log-2026-04-01.csv", *(",".join(each.get(column, "") for column in COLUMNS) for each in rows))
    answer = f'S1,A1,T1,2026-04-01T10:00Z,2026-04-01T11:00Z,1,"{SAID}",Ben@example.com'
    (inbox / "surveys.csv").write_text("\n".join(["s,a,t,sent,back,stars,said,mail", answer, ""]))
    ingest.land("desk", "2026-04-01", NOW)
    assert fates(ingest.load("desk", "2026-04-01", NOW)) == [3, 3, 0, 0, 0]
    return inbox


def _words_in_pages() -> bytes:
    import gzip

    return b"".join(gzip.decompress(path.read_bytes()) for path in pages.folder().rglob("*.page.gz"))


def test_an_exports_personal_columns_land_as_tokens(warehouse: Engine, landed: Path) -> None:
    written = _words_in_pages()
    assert [word for word in (b"Ann", b"Ben", b"later", b"a, b") if word in written] == []
    values = ask(warehouse, "select kind, value from personal.token order by 1, 2")
    said = SAID.replace('""', '"')
    assert values == [("person", "Ann Ortiz"), ("person", "Ben@example.com"), ("text", said), ("text", "a, b")]
    assert ask(warehouse, "select comment from personal.survey_comment") == [(said,)]
    assert ask(warehouse, "select count(*) from core.survey_answer where comment like 'text:%'") == [(1,)]
    ((agent,),) = ask(warehouse, "select agent from core.ticket")
    assert agent is None or agent.startswith("person:")


def test_the_same_values_land_as_the_same_bytes(warehouse: Engine, landed: Path) -> None:
    before = sorted(path.name for path in pages.folder().rglob("*.page.gz"))
    with warehouse.begin() as connection:
        connection.execute(text("truncate quality.landed_ticket, quality.landed_page, quality.landed_file"))
    ingest.land("desk", "2026-04-01", NEXT)
    assert sorted(path.name for path in pages.folder().rglob("*.page.gz")) == before


def test_an_erased_person_is_gone_from_everywhere(warehouse: Engine, landed: Path) -> None:
    erased = privacy.erase("desk", ["ann ortiz"], with_texts=True, by="dora", reason="request 17", now=NEXT)
    assert erased == 2  # her name, and what names her
    left = ask(warehouse, "select value from personal.token order by 1")
    assert left == [("Ben@example.com",), ("a, b",)]
    assert ask(warehouse, "select comment from personal.survey_comment") == [(None,)]
    record = ask(warehouse, "select source, tokens, erased_by, reason from personal.erasure")
    assert record == [("desk", 2, "dora", "request 17")]
    # A later load makes the same rows of the same pages: nothing brings the words back.
    assert fates(ingest.load("desk", "2026-04-01", LAST)) == [3, 0, 3, 0, 0]
    schemas = "('core', 'quality', 'facts', 'personal')"
    tables = ask(warehouse, f"select schemaname, tablename from pg_tables where schemaname in {schemas}")  # noqa: S608
    everything = repr([ask(warehouse, f"select * from {schema}.{name}") for schema, name in tables])  # noqa: S608
    assert "Ann" not in everything


def test_a_name_that_is_not_known_is_no_erasure(warehouse: Engine, landed: Path) -> None:
    with pytest.raises(DeskledgerError, match="none of 1 name is known"):
        privacy.erase("desk", ["Ann Ortis"], with_texts=True, by="dora", reason="request 17", now=NEXT)
    assert ask(warehouse, "select count(*) from personal.erasure") == [(0,)]
    assert ask(warehouse, "select count(*) from personal.token") == [(4,)]


def test_what_has_outlived_its_time_expires(warehouse: Engine, landed: Path) -> None:
    assert privacy.expire(now=NOW + timedelta(days=30)) == {}
    assert privacy.expire(now=NOW + timedelta(days=30, seconds=1)) == {"desk/text": 2}
    assert privacy.expire(now=NOW + timedelta(days=400, seconds=1)) == {"desk/person": 2}
    assert ask(warehouse, "select tokens, erased_by from personal.erasure order by erased_at") == [
        (2, "retention"),
        (2, "retention"),
    ]


def test_a_personal_column_that_the_export_lacks_refuses_the_file(warehouse: Engine, inbox: Path) -> None:
    write_mapping(events={**EVENTS, "personal": {"phone": "person"}})
    export(inbox, "log-2026-04-01.csv")
    assert "column phone missing" in ingest.land("desk", "2026-04-01", NOW)["refused"][0]


def test_what_says_which_ticket_cannot_be_personal(inbox: Path) -> None:
    write_mapping(events={**EVENTS, "personal": {"id": "person"}})
    with pytest.raises(MappingError, match="id says which ticket"):
        ingest.mapping_of("desk")
