"""Pseudonyms, from landing to erasure: what stands for people and texts, who can resolve it, and until when."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from deskledger.cli import main
from deskledger.errors import DeskledgerError, MappingError
from deskledger.landing import pages, personal
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
BY: dict[str, Any] = {"by": "dora", "reason": "request 17", "now": NEXT}


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
    told = privacy.erase("desk", ["ann ortiz"], with_texts=True, confirmed=None, **BY)
    assert told == privacy.Erasure({"ann ortiz": (1, 1)}, 2, is_done=False)  # her name, and what names her
    assert ask(warehouse, "select count(*) from personal.token") == [(4,)]
    assert privacy.erase("desk", ["ann ortiz"], with_texts=True, confirmed=2, **BY).is_done
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
        privacy.erase("desk", ["Ann Ortis"], with_texts=True, confirmed=None, **BY)
    assert ask(warehouse, "select count(*) from personal.erasure") == [(0,)]
    assert ask(warehouse, "select count(*) from personal.token") == [(4,)]


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "\u200b", ".", "@"])
def test_a_blank_name_destroys_nothing(
    warehouse: Engine, landed: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    command = ["personal", "erase", "desk", "--person", "Ann Ortiz", "--person", name, "--texts", "--by", "dora"]
    assert main([*command, "--reason", "17", "--confirm", "4"]) == 1
    assert "neither a letter nor a digit" in capsys.readouterr().err
    assert ask(warehouse, "select count(*) from personal.token") == [(4,)]
    assert ask(warehouse, "select count(*) from personal.erasure") == [(0,)]


def test_the_command_tells_what_would_go_and_destroys_exactly_that(
    warehouse: Engine, landed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["personal", "erase", "desk", "--person", "Ann Ortiz", "--person", "ben@example.com", "--texts"]
    command += ["--by", "dora", "--reason", "request 17"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert told.startswith("Ann Ortiz: 1 person, 1 text\nben@example.com: 1 person, 0 texts\nNothing is erased yet.")
    assert "--confirm 3" in told
    assert main([*command, "--confirm", "2"]) == 1
    assert ask(warehouse, "select count(*) from personal.token") == [(4,)]
    assert main([*command, "--confirm", "3"]) == 0
    assert ask(warehouse, "select value from personal.token") == [("a, b",)]


@pytest.mark.parametrize(
    ("name", "in_them", "not_in_them"),
    [
        (
            "7",
            ["7", "7 days", "(7)", "7.", "7,", "#7"],
            ["17", "71", "invoice 1717", "7.5", "1,7", "7th", "A-7"],
        ),
        (
            "4711",
            ["from 4711, today", "id:4711"],
            ["14711", "INV-4711", "4711.50", "0-4711", "x4711", "INV_4711"],
        ),
        ("Ann", ["ann's", "Thanks,Ann", "ANN!", "Ann-Marie", "_Ann_", "/Ann/"], ["Annual", "Joann", "Ànn", "Annà"]),
        ("Ann  Ortiz", ["ann\n ortiz", "Ann\u00a0Ortiz"], ["Ann B. Ortiz", "AnnOrtiz", "Ann"]),
        (
            "Ann@Example.com",
            ["<ann@example.com>", "to ann@example.com."],
            ["mary-ann@example.com", "ann@example.com.au"],
        ),
        ("Jos\u00e9", ["JOS\u00c9", "Jose\u0301,"], ["Jose", "Jos\u00e9e"]),
        ("C++ (Team)", ["the c++ (team)!"], ["C (Team)", "c+++ (team)"]),
    ],
)
def test_a_text_names_somebody_in_whole_words(
    warehouse: Engine, landed: Path, name: str, in_them: list[str], not_in_them: list[str]
) -> None:
    personal.tokens_of(warehouse, "desk", [("text", each) for each in in_them + not_in_them], NOW)
    told = privacy.erase("desk", [name], with_texts=True, confirmed=None, **BY)
    texts = len(in_them) + (name.startswith("Ann") and "@" not in name)  # Ann is named in the desk's own answer, too
    assert told.found == {name: (int(name == "Ann  Ortiz"), texts)}
    privacy.erase("desk", [name], with_texts=True, confirmed=told.rows, **BY)
    left = {value for (value,) in ask(warehouse, "select value from personal.token where kind = 'text'")}
    assert left & {*in_them, *not_in_them} == set(not_in_them)


def test_without_texts_none_goes_and_only_this_source(warehouse: Engine, landed: Path) -> None:
    personal.tokens_of(warehouse, "other", [("person", "Ann Ortiz")], NOW)
    assert privacy.erase("desk", ["Ann Ortiz"], with_texts=False, confirmed=1, **BY).rows == 1
    left = ask(warehouse, "select source, value from personal.token order by 1, 2")
    assert [source for source, _ in left] == ["desk", "desk", "desk", "other"]


def test_what_has_outlived_its_time_expires(warehouse: Engine, landed: Path) -> None:
    assert privacy.expire(now=NOW + timedelta(days=30)) == {}
    assert privacy.expire(now=NOW + timedelta(days=30, seconds=1)) == {"desk/text": 2}
    assert privacy.expire(now=NOW + timedelta(days=400, seconds=1)) == {"desk/person": 2}
    assert ask(warehouse, "select tokens, erased_by from personal.erasure order by erased_at") == [
        (2, "retention"),
        (2, "retention"),
    ]


def test_somebody_who_still_writes_is_kept_however_long_known(warehouse: Engine, landed: Path) -> None:
    """Both people were first seen at NOW; one of them again 400 days later, as a page that names her says."""
    later = NOW + timedelta(days=400)
    told = personal.tokens_of(warehouse, "desk", [("person", "Ann Ortiz"), ("text", "a, b")], later)
    assert privacy.expire(now=later + timedelta(seconds=1)) == {"desk/person": 1, "desk/text": 2}  # texts all the same
    assert ask(warehouse, "select value, token from personal.token") == [("Ann Ortiz", told["person", "Ann Ortiz"])]
    assert privacy.expire(now=later + timedelta(days=400)) == {}
    assert privacy.expire(now=later + timedelta(days=400, seconds=1)) == {"desk/person": 1}


def test_a_personal_column_that_the_export_lacks_refuses_the_file(warehouse: Engine, inbox: Path) -> None:
    write_mapping(events={**EVENTS, "personal": {"phone": "person"}})
    export(inbox, "log-2026-04-01.csv")
    assert "column phone missing" in ingest.land("desk", "2026-04-01", NOW)["refused"][0]


def test_what_says_which_ticket_cannot_be_personal(inbox: Path) -> None:
    write_mapping(events={**EVENTS, "personal": {"id": "person"}})
    with pytest.raises(MappingError, match="id says which ticket"):
        ingest.mapping_of("desk")
