"""Poor answers told: once, by team, to its lead, never the customer's words, and only what is news."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger.errors import DeskledgerError
from deskledger.steps import poor_answers
from deskledger.steps.watch import watch_of

from tests.warehouse.close_desk import closing_home, load, write_contract  # noqa: F401 - the fixture of every test here

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WATCH = """
poor_answers:
  tell_within: 3 days
  team_leads: {team-01: [ana@desk.example]}
sudden_moves: {weeks: 8, minimum_weeks: 4, limit: 3.5, causes: []}
"""


@pytest.fixture(name="folder", autouse=True)
def watching(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home / "watch"
    folder.mkdir()
    (folder / "default.yaml").write_text(WATCH, encoding="utf-8")
    monkeypatch.setenv("DESKLEDGER_WATCH", str(folder))
    return folder


def _rate(
    engine: Engine, ticket: str, rating: int, at: datetime = NOW, team: str | None = None, **more: object
) -> None:
    load(engine, {"id": ticket, "created": "2026-02-20T08:00:00Z", "rated": (at, rating), **more})
    with engine.begin() as connection:
        connection.execute(
            text("update core.survey_answer set team = :team where survey_id = :survey"),
            {"team": team, "survey": f"s-{ticket}"},
        )


def _told(home: Path) -> list[dict]:
    files = sorted((home / "state" / "outbox").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def test_each_poor_answer_is_told_once(warehouse: Engine, home: Path) -> None:
    _rate(warehouse, "T1", 1)
    _rate(warehouse, "T2", 2)
    _rate(warehouse, "T3", 3)
    _rate(warehouse, "T4", 5)
    assert poor_answers.tell(NOW) == 2
    assert poor_answers.tell(NOW + timedelta(hours=1)) == 0
    (message,) = _told(home)
    assert message["subject"] == "Deskledger: 2 poor answers for no team (alder support)"
    assert message["body"].splitlines()[:2] == [
        "T1: 1 of 5, given 2026-03-02 13:00 CET",
        "T2: 2 of 5, given 2026-03-02 13:00 CET",
    ]


def test_a_team_s_answers_go_to_its_lead_and_the_customer_s_words_to_nobody(warehouse: Engine, home: Path) -> None:
    _rate(warehouse, "T1", 1, team="team-01", comment="call me at 555-0100")
    _rate(warehouse, "T2", 2, team="team-02")
    assert poor_answers.tell(NOW) == 2
    by_team = {message["subject"].split(" for ")[1].split(" (")[0]: message for message in _told(home)}
    assert by_team["team-01"]["to"] == ["ana@desk.example"]
    assert "to" not in by_team["team-02"]
    assert "555-0100" not in json.dumps(_told(home))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (NOW, 1),
        (NOW + timedelta(microseconds=1), 0),  # from the future: told when it is there
        (NOW - timedelta(days=3) + timedelta(microseconds=1), 1),
        (NOW - timedelta(days=3), 0),
    ],
)
def test_only_what_is_news_is_told(warehouse: Engine, given: datetime, told: int) -> None:
    _rate(warehouse, "T1", 1, given)
    assert poor_answers.tell(NOW) == told


def test_an_answer_that_is_corrected_to_a_poor_one_is_told_then(warehouse: Engine) -> None:
    _rate(warehouse, "T1", 4)
    assert poor_answers.tell(NOW) == 0
    with warehouse.begin() as connection:
        connection.execute(text("update core.survey_answer set rating = 1"))
    assert poor_answers.tell(NOW) == 1


def test_answers_outside_the_contract_s_scope_are_another_s(warehouse: Engine, home: Path) -> None:
    _rate(warehouse, "T1", 1, account="brisa")
    assert poor_answers.tell(NOW) == 0
    write_contract(home, "brisa", account="brisa")
    assert poor_answers.tell(NOW) == 1


def test_a_bad_watch_file_stops_its_contract_alone_and_what_it_held_back_is_told_later(
    warehouse: Engine, home: Path, folder: Path
) -> None:
    write_contract(home, "brisa", account="brisa")
    _rate(warehouse, "T1", 1)
    _rate(warehouse, "T2", 1, account="brisa")
    own = folder / "alder.yaml"
    own.write_text(WATCH.replace("3 days", "soon"), encoding="utf-8")
    with pytest.raises(DeskledgerError, match=r"watch/alder.yaml: alder.yaml:3: poor_answers.tell_within"):
        poor_answers.tell(NOW)
    assert [message["body"].split(":")[0] for message in _told(home)] == ["T2"]
    own.unlink()
    assert poor_answers.tell(NOW) == 1
    assert [message["body"].split(":")[0] for message in _told(home)] == ["T2", "T1"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("weeks: 8", "weeks: 0", "watch/default.yaml: default.yaml:5: sudden_moves.weeks"),
        ("limit: 3.5", "limits: 3.5", "sudden_moves.limits: Extra inputs"),
        ("ana@desk.example", "ana", "'ana' is no mail address"),
        ("causes: []", "causes: [{first: 2026-02-30, last: 2026-03-01, cause: x}]", "day is out of range"),
        ("causes: []", "causes: [{first: soon, last: 2026-03-01, cause: x}]", "sudden_moves.causes.0.first"),
    ],
)
def test_a_fault_of_a_watch_file_is_told_with_its_line(folder: Path, old: str, new: str, fault: str) -> None:
    (folder / "default.yaml").write_text(WATCH.replace(old, new), encoding="utf-8")
    with pytest.raises(DeskledgerError) as caught:
        watch_of("alder")
    assert fault in str(caught.value)


def test_the_file_that_comes_with_deskledger_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESKLEDGER_WATCH")
    assert watch_of("no such contract").sudden_moves.causes == []
