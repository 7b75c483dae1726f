"""Mapping files: what is taken, and what is refused with its line and remedy."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from deskledger.errors import MappingError
from deskledger.settings import settings
from deskledger.sources.event_log.mapping import load, load_all

GOOD = """\
source: desk
reader: event_log
timezone: Europe/Madrid
missing: ["?"]
watermark: file_day
stale_after: 36h
events:
  files: ["log-*.csv"]
  instant_format: iso8601
  ticket_id: id
  sequence: n
  occurred_at: at
  created_at: opened
  status: {column: state, words: {New: new, Yes: open, -100: null}}
  fields:
    priority: {column: prio, words: {1: P1, 2: P2}}
  dated:
    - {column: closed_at, kind: status, value: closed}
accounts: {files: ["accounts.csv"], columns: {account: id, tier: level}}
"""


def written(folder: Path, text: str, name: str = "desk.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_good_mapping_keeps_the_desks_words_as_they_are_written(tmp_path: Path) -> None:
    mapping = load(written(tmp_path, GOOD))
    assert mapping.events.status.words == {"New": "new", "Yes": "open", "-100": None}
    assert mapping.events.fields["priority"].words == {"1": "P1", "2": "P2"}
    assert mapping.stale_after == timedelta(hours=36)
    assert mapping.events.columns == ["id", "n", "at", "opened", "state", "prio", "closed_at"]
    assert list(mapping.sections) == ["events", "accounts"]
    assert mapping.columns_of("accounts") == ["id", "level"]


def test_the_mappings_of_the_project_are_good() -> None:
    mappings, errors = load_all(settings().mappings)
    assert not errors
    assert {"demo", "servicenow"} <= {mapping.source for mapping in mappings}


@pytest.mark.parametrize(
    ("good", "bad", "where", "what"),
    [
        ('files: ["log-*.csv"]', "encoding: utf-16", "desk.yaml:8", "events.encoding: must be one of 'utf-8'"),
        ("New: new", "New: nwe", "desk.yaml:14", "events.status.words.New: must be one of 'new', 'open'"),
        ("missing:", "mising:", "desk.yaml:4", "mising: unknown key"),
        ("timezone: Europe/Madrid", "timezone: Europe/Madird", "desk.yaml:3", "'Europe/Madird' is no zone"),
        ("timezone: Europe/Madrid\n", "", "desk.yaml:1", "timezone: not given"),
        ("  sequence: n\n", "", "desk.yaml:7", "events.sequence: not given"),
        ("1: P1", "1: P9", "desk.yaml:7", "fields.priority.words gives P9; priorities are P1, P2, P3, P4"),
        ("value: closed", "value: gone", "desk.yaml:18", "value 'gone' is no status"),
        ("kind: status", "kind: state", "desk.yaml:18", "events.dated.0.kind: must be one of"),
        ("reader: event_log", "reader: zendesk", "desk.yaml:1", "reader zendesk asks the desk; say since when"),
        ("events:", "extract: {since: 2025-01-01}\nevents:", "desk.yaml:1", "reader event_log reads files"),
        ("watermark: file_day", "watermark: extracted", "desk.yaml:1", "watermark extracted goes with zendesk"),
        ("stale_after: 36h", "retention: {text: soon}", "desk.yaml:6", "'soon' is neither never nor an age"),
        ("  sequence: n", "  sequence: n\n  personal: {n: text}", "desk.yaml:1", "n says which ticket and when"),
        ("  sequence: n", "  sequence: n\n  personal: {by: name}", "desk.yaml:12", "must be one of 'person' or 'text'"),
        ("stale_after: 36h", "stale_after: soon", "desk.yaml:6", "'soon' is neither never nor an age"),
        ("watermark: file_day", "watermark: hope", "desk.yaml:5", "must be one of 'last_event', 'file_day'"),
        ("iso8601", "d/m/Y", "desk.yaml:9", "'d/m/Y' is neither iso8601 nor a format"),
        ("iso8601", '"%s"', "desk.yaml:9", "'%s' has a directive that reads nothing, or one twice"),
        ("iso8601", '"%-d.%m.%Y"', "desk.yaml:9", "has a directive that reads nothing, or one twice"),
        ("iso8601", '"%Y-%m-%d %H:%m:%S"', "desk.yaml:9", "has a directive that reads nothing, or one twice"),
        ("    priority:", "    priorty:", "desk.yaml:16", "events.fields.priorty: must be one of"),
        ("account: id, ", "", "desk.yaml:1", "accounts.columns: account not given"),
        ("tier: level", "teir: level", "desk.yaml:1", "accounts.columns: teir unknown; known are account, name, tier"),
        ("Yes: open", "New: open", "desk.yaml:14", "'New' is given twice"),
        ("source: desk", "source: Desk", "desk.yaml:1", "source: String should match pattern"),
        ("source: desk", "source: other", "desk.yaml:1", "source is 'other' but the file is named desk.yaml"),
        ("source: desk", "source: [desk", "desk.yaml:2", "is not YAML"),
        ('["log-*.csv"]', "[]", "desk.yaml:8", "events.files: List should have at least 1 item"),
        ('missing: ["?"]', "missing: [5]", "desk.yaml:4", "missing.0: Input should be a valid string"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_place_and_a_remedy(
    tmp_path: Path, good: str, bad: str, where: str, what: str
) -> None:
    assert good in GOOD
    with pytest.raises(MappingError) as error:
        load(written(tmp_path, GOOD.replace(good, bad, 1)))
    assert f"{where}: " in str(error.value)
    assert what in str(error.value)
    assert error.value.remedy


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("New: new", "New: nwe").replace("missing:", "mising:")
    with pytest.raises(MappingError) as error:
        load(written(tmp_path, text))
    assert "desk.yaml:14" in str(error.value) and "desk.yaml:4" in str(error.value)


@pytest.mark.parametrize("text", ["", "- a list", "a: &x [1]\nb: [*x, *x]", "\t- tab"])
def test_what_is_no_block_of_plain_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MappingError):
        load(written(tmp_path, text))


def test_a_desk_that_is_asked_says_since_when(tmp_path: Path) -> None:
    text = GOOD.replace("event_log", "zendesk").replace("file_day", "extracted")
    extract = load(written(tmp_path, text + "extract: {since: 2025-01-01, pool: one}\n")).extract
    assert extract is not None
    assert (extract.since, extract.pool) == (date(2025, 1, 1), "one")


def test_a_bad_mapping_stops_itself_and_no_other(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("source: desk", "source: broken").replace("New: new", "New: nwe"), "broken.yaml")
    mappings, errors = load_all(tmp_path)
    assert [mapping.source for mapping in mappings] == ["desk"]
    assert [error.where for error in errors] == ["broken.yaml:14"]


@pytest.mark.parametrize("text", ["source: " + "[" * 200_000, "\n".join(" " * depth + "a:" for depth in range(3000))])
def test_a_file_nested_too_deeply_is_refused_before_it_ends_the_process(tmp_path: Path, text: str) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match="nested too deeply"):
        load(path)


def test_aliases_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("source: desk\nmissing: &all [x]\nwatermark: *all\n", encoding="utf-8")
    with pytest.raises(MappingError, match="aliases") as refused:
        load(path)
    assert refused.value.where == "desk.yaml:3"
