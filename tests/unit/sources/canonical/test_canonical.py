"""Files with the canonical tables' own columns: paged, read, and the same tickets from CSV and Parquet."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import yaml

from deskledger.errors import MappingError, SourceError
from deskledger.model import TICKET_EVENT, ticket_keys
from deskledger.sources.canonical import pages
from deskledger.sources.event_log.fates import FATES
from deskledger.sources.event_log.files import sections_of
from deskledger.sources.event_log.mapping import Mapping, load
from deskledger.sources.event_log.normalise import Normalised, normalise
from deskledger.sources.event_log.tables import normalise_table

from tests.unit.sources.event_log.desk import origin, told

MINIMAL = {"source": "acme", "reader": "canonical", "timezone": "Europe/Madrid", "watermark": "file_day"}
TICKETS = """ticket_id,account,team,priority,channel,has_workaround,created_at,updated_at
T1,nut,red,P1,web,true,2026-03-02T09:00:00Z,2026-03-02T15:00:00Z
T2,bolt,blue,P3,,,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z
"""
EVENTS = """ticket_id,event_id,occurred_at,seq,kind,value,previous_value,actor_id,actor_role,is_public
T1,a,2026-03-02T09:00:00Z,1,created,,,ida,customer,
T1,b,2026-03-02T09:00:00Z,2,status,new,,,,
T1,c,2026-03-02T09:30:00Z,3,priority,P1,P3,ola,agent,
T1,d,2026-03-02T10:00:00Z,4,assignment,ola,,ola,agent,
T1,e,2026-03-02T10:05:00Z,5,reply,,,ola,agent,true
T1,f,2026-03-02T10:06:00Z,6,note,"said ""wait"",
then left",,ola,agent,false
T1,g,2026-03-02T11:00:00Z,7,status,waiting_on_customer,new,ola,agent,
T1,h,2026-03-02T12:00:00Z,8,eta,2026-03-03T12:00:00+01:00,,ola,agent,true
T1,i,2026-03-02T13:00:00Z,9,assignment,,ola,ola,agent,
T1,j,2026-03-02T15:00:00Z,10,merged,T2,,,system,
"""


def mapping(tmp_path: Path, **changes: object) -> Mapping:
    path = tmp_path / "acme.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}))
    return load(path)


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(desk: Mapping, *paths: Path) -> Normalised:
    """The files through pages and normalise, in the order given."""
    frames, landed = [], []
    for number, path in enumerate(paths, 1):
        for page in pages.cut(desk, "events", path, by_month=False):
            frame, _ = pages.read_page(page.content, desk, "events")
            frames.append(frame)
            landed += [number] * len(frame)
    return normalise(desk, pd.concat(frames, ignore_index=True), origin(landed))


def test_a_ticket_and_its_events_are_what_the_files_say(tmp_path: Path) -> None:
    desk = mapping(tmp_path)
    made = read(desk, file(tmp_path, "ticket-1.csv", TICKETS), file(tmp_path, "ticket_event-1.csv", EVENTS))
    assert [FATES[each] for each in made.fates] == ["loaded"] * 12, made.faults
    first = made.events[made.events["ticket_key"] == ticket_keys("acme", ["T1"])[0]]
    one = Normalised(made.tickets, first, made.fates, made.faults, made.ticket_key)
    assert told(one, "status") == [("2026-03-02 09:00", "new"), ("2026-03-02 11:00", "waiting_on_customer")]
    assert told(one, "priority") == [("2026-03-02 09:00", "P3"), ("2026-03-02 09:30", "P1")]
    assert told(one, "assignment") == [("2026-03-02 10:00", "ola"), ("2026-03-02 13:00", None)]
    # No event ever changed the team: it has been the ticket's since its creation.
    assert told(one, "team") == [("2026-03-02 09:00", "red")]
    assert told(one, "reply", "note") == [("2026-03-02 10:05", None), ("2026-03-02 10:06", 'said "wait",\nthen left')]
    shown = first[first["kind"].isin(["reply", "note"])]
    assert shown["is_public"].tolist() == [True, False] and shown["actor_role"].tolist() == ["agent", "agent"]
    assert told(one, "eta") == [("2026-03-02 12:00", "2026-03-03T11:00:00+00:00")]
    assert told(one, "merged") == [("2026-03-02 15:00", "T2")]
    assert list(first.columns) == TICKET_EVENT.names
    tickets = made.tickets.set_index("ticket_id")
    standing = tickets.loc["T1", ["account", "team", "priority", "channel", "has_workaround"]].tolist()
    assert standing == ["nut", "red", "P1", "web", True]
    assert pd.isna(tickets.loc["T1", "agent"])
    assert tickets["created_at"].dt.hour.to_dict() == {"T1": 9, "T2": 10}


def test_parquet_gives_the_same_tables_as_csv(tmp_path: Path) -> None:
    desk = mapping(tmp_path)
    csvs = [file(tmp_path, "ticket-1.csv", TICKETS), file(tmp_path, "ticket_event-1.csv", EVENTS)]
    parquets = []
    for path in csvs:
        frame = pd.read_csv(path)
        for name in {"created_at", "updated_at", "occurred_at"} & set(frame.columns):
            frame[name] = pd.to_datetime(frame[name], utc=True)
        for name in {"is_public", "has_workaround"} & set(frame.columns):
            frame[name] = frame[name].astype("boolean")
        frame.to_parquet(path.with_suffix(".parquet"), row_group_size=3, index=False)
        parquets.append(path.with_suffix(".parquet"))
    ours, theirs = read(desk, *parquets), read(desk, *csvs)
    pd.testing.assert_frame_equal(ours.tickets, theirs.tickets, check_categorical=False)
    pd.testing.assert_frame_equal(ours.events, theirs.events, check_categorical=False)


def test_an_event_says_itself_when_its_ticket_was_created(tmp_path: Path) -> None:
    made = read(mapping(tmp_path), file(tmp_path, "ticket_event.csv", EVENTS))
    assert made.tickets["created_at"].tolist() == [pd.Timestamp("2026-03-02 09:00", tz="UTC")]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("T1,z,2026-03-02T16:00:00Z,11,closing,,,,,", "activity_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,reply,,,,,perhaps", "activity_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,status,done,,,,", "status_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,status,,waiting_on_customer,,,", "status_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,,,,,,", "activity_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,priority,P9,,,,", "priority_unknown"),
        ("T1,z,2026-03-02T16:00:00Z,11,note,,,,boss,", "actor_role_unknown"),
        ("T1,z,yesterday,11,note,,,,,", "occurred_at_not_an_instant"),
        ("T1,z,2026-03-02T16:00:00Z,last,note,,,,,", "sequence_not_a_number"),
        ("T3,z,2026-03-02T16:00:00Z,1,note,,,,,", "created_at_not_an_instant"),
        (",z,2026-03-02T16:00:00Z,11,note,,,,,", "ticket_id_missing"),
    ],
)
def test_a_word_that_is_not_canonical_is_held_with_its_rule(tmp_path: Path, line: str, rule: str) -> None:
    made = read(mapping(tmp_path), file(tmp_path, "ticket_event.csv", f"{EVENTS}{line}\n"))
    assert rule in made.faults["rule"].tolist()
    assert [FATES[each] for each in made.fates] == [*["loaded"] * 10, "quarantined"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "T1,z,2026-03-02T16:00:00Z,11,Status,open,,,,",
            "column kind has the unknown activity 'Status'; .* reply",
        ),
        ("T1,z,2026-03-02T16:00:00Z,11,priority,high,,,,", "unknown priority 'high'; .* the words: P1, P2, P3, P4"),
        ("T1,z,2026-03-02T16:00:00Z,11,status,done,,,,", "unknown status 'done'; .* the words: new, open, waiting"),
    ],
)
def test_a_fault_names_the_files_column_and_the_words_that_it_takes(tmp_path: Path, line: str, sentence: str) -> None:
    (message,) = read(mapping(tmp_path), file(tmp_path, "ticket_event.csv", f"{EVENTS}{line}\n")).faults["message"]
    assert re.search(sentence, message), message


def test_a_fault_of_a_tickets_own_row_names_its_column(tmp_path: Path) -> None:
    rows = "T1,2026-03-02,2026-03-03\nT2,2026-03-02,soon\n"
    made = read(mapping(tmp_path), file(tmp_path, "ticket.csv", f"ticket_id,created_at,updated_at\n{rows}"))
    (message,) = made.faults["message"]
    assert message.startswith("column occurred_at (of a ticket: updated_at) has no instant of the form iso8601: 'soon'")


@pytest.mark.parametrize(
    ("level", "told", "rules"),
    [
        ("2", 2, []),
        ("9223372036854775808", None, ["support_level_unreadable"]),
        ("9" * 400, None, ["support_level_unreadable"]),
        ("\N{ARABIC-INDIC DIGIT THREE}", None, ["support_level_unreadable"]),
        ("128", None, ["support_level_unreadable"]),
    ],
)
def test_a_support_level_is_a_small_number(tmp_path: Path, level: str, told: int | None, rules: list[str]) -> None:
    text = (
        f"ticket_id,created_at,updated_at,support_level\nT1,2026-03-02,2026-03-03,1\nT2,2026-03-02,2026-03-03,{level}\n"
    )
    made = read(mapping(tmp_path), file(tmp_path, "ticket.csv", text))
    levels = made.tickets.set_index("ticket_id")["support_level"].to_dict()
    assert made.faults["rule"].tolist() == rules and levels == {"T1": 1} | ({"T2": told} if told else {})


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (TICKETS.replace("\n", "\r"), "the lines end in carriage returns alone", "line ends"),
        (TICKETS.replace(",", ";"), "the header of ticket is separated by ';'", 'events: {delimiter: ";"}'),
        (TICKETS.replace(",", "\t"), r"the header of ticket is separated by '\\t'", r'events: {delimiter: "\t"}'),
        ("sep=;\n" + TICKETS.replace(",", ";"), "the first line is sep=;, a note to Excel", "take it out"),
        (
            "ticket_id,created_at,updated_at\nT1,01.03.2026 09:00,02.03.2026 10:00\n",
            "no.* instant of the form iso8601 in column updated_at; the first has '02.03.2026 10:00'",
            "instant_format",
        ),
    ],
)
def test_a_file_of_another_form_is_told_what_form_it_has(tmp_path: Path, text: str, message: str, remedy: str) -> None:
    path = tmp_path / "ticket.csv"
    path.write_bytes(text.encode())
    with pytest.raises(SourceError, match=message) as refused:
        list(pages.cut(mapping(tmp_path), "events", path, by_month=False))
    assert remedy in str(refused.value.remedy)


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_told_by_its_name(tmp_path: Path, order: str) -> None:
    path = tmp_path / "ticket.csv"
    path.write_bytes(f"\ufeff{TICKETS}".encode(order))
    with pytest.raises(SourceError, match="the file is UTF-16") as refused:
        list(pages.cut(mapping(tmp_path), "events", path, by_month=False))
    assert refused.value.remedy == "save it as CSV UTF-8"


def test_the_delimiter_and_the_form_of_instants_that_a_mapping_names_are_taken(tmp_path: Path) -> None:
    desk = mapping(tmp_path, events={"delimiter": ";", "instant_format": "%d.%m.%Y %H:%M"}, charges={"delimiter": ";"})
    path = file(
        tmp_path, "ticket.csv", "ticket_id;created_at;updated_at;team\nT1;02.03.2026 09:00;02.03.2026 10:00;a,b\n"
    )
    made = read(desk, path)
    assert made.tickets["team"].tolist() == ["a,b"]
    assert made.tickets["created_at"].tolist() == [pd.Timestamp("2026-03-02 08:00", tz="UTC")]
    frame = pd.DataFrame({"ticket_id": ["T1"], "created_at": "02.03.2026 09:00", "updated_at": "02.03.2026 10:00"})
    frame.assign(team="a;b").to_parquet(tmp_path / "ticket.parquet", index=False)
    assert read(desk, tmp_path / "ticket.parquet").tickets["team"].tolist() == ["a;b"]


def test_parquet_with_a_nul_is_refused_as_csv_is(tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    rows = [{"ticket_id": f"T{n}", "created_at": at, "updated_at": at, "team": team} for n, team in enumerate("a\0")]
    pd.DataFrame(rows).to_parquet(tmp_path / "ticket.parquet", index=False)
    with pytest.raises(SourceError, match=r"ticket\.parquet:3: a NUL character"):
        list(pages.cut(mapping(tmp_path), "events", tmp_path / "ticket.parquet", by_month=False))


def test_an_amount_that_was_a_floating_point_number_is_refused(tmp_path: Path) -> None:
    one = {"contract": "c", "period": "2026-03", "kind": "fee", "currency": "EUR"}
    path = tmp_path / "charge.parquet"
    pd.DataFrame([{**one, "amount": 0.1 + 0.2}]).to_parquet(path, index=False)
    with pytest.raises(SourceError, match="column amount is a floating-point number"):
        list(pages.cut(mapping(tmp_path), "charges", path, by_month=False))
    pd.DataFrame([{**one, "amount": Decimal("0.30")}]).to_parquet(path, index=False)
    (page,) = pages.cut(mapping(tmp_path), "charges", path, by_month=False)
    assert "0.30" in page.content.decode()


@pytest.mark.parametrize(
    ("name", "header", "message"),
    [
        ("ticket.csv", "ticket_id,created_at", "ticket lacks updated_at"),
        ("ticket_event.csv", "ticket_id,kind,seq", "ticket_event lacks occurred_at"),
        ("ticket.csv", "ticket_id,created_at,updated_at,priorty", "ticket has the unknown priorty"),
        ("ticket.csv", "ticket_id,created_at,updated_at,team,team", "ticket has twice team"),
        ("account.csv", "account,vip", "account has the unknown vip"),
        ("charge.csv", "contract,period,kind,amount", "charge lacks currency"),
        ("ticket.csv", "", "the file is empty"),
    ],
)
def test_a_header_that_is_not_the_tables_is_refused(tmp_path: Path, name: str, header: str, message: str) -> None:
    desk = mapping(tmp_path)
    (section,) = sections_of(desk, name)
    with pytest.raises(SourceError, match=message):
        list(pages.cut(desk, section, file(tmp_path, name, header and f"{header}\n"), by_month=False))


def test_the_warehouses_own_columns_may_stand_there(tmp_path: Path) -> None:
    head, *body = TICKETS.splitlines()
    lines = [f"source,ticket_key,created_month,shard,{head}", *(f"acme,1,202603,1,{each}" for each in body), ""]
    assert len(read(mapping(tmp_path), file(tmp_path, "ticket.csv", "\n".join(lines))).tickets) == 2


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "ticket.parquet", TICKETS)
    with pytest.raises(SourceError, match="not a sound Parquet file"):
        list(pages.cut(mapping(tmp_path), "events", path, by_month=False))


def test_a_parquet_is_cut_into_pages_and_every_row_keeps_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "RECORDS", 100)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    rows = [{"ticket_id": f"T{n}", "created_at": at, "updated_at": at, "region": 'a,"b"\nc'} for n in range(250)]
    path = tmp_path / "ticket.parquet"
    pd.DataFrame(rows).to_parquet(path, row_group_size=240, index=False)
    desk = mapping(tmp_path)
    cut = list(pages.cut(desk, "events", path, by_month=False))
    assert sum(each.records for each in cut) == 250 and max(each.records for each in cut) <= 100
    read_again = [pages.read_page(each.content, desk, "events") for each in cut]
    assert [line for _, lines in read_again for line in lines] == list(range(2, 252))
    assert {word for frame, _ in read_again for word in frame["region"]} == {'a,"b"\nc'}


def test_a_history_keeps_the_pages_of_a_ticket_in_one_batch(tmp_path: Path) -> None:
    desk = mapping(tmp_path)
    ids = [f"T{n}" for n in range(100)]
    body = "".join(f"{each},2026-03-02T09:00:00Z,2026-03-02T09:00:00Z\n" for each in ids)
    events = "".join(f"{each},2026-03-02T09:00:00Z,1,note\n" for each in ids)
    files = [
        file(tmp_path, "ticket.csv", f"ticket_id,created_at,updated_at\n{body}"),
        file(tmp_path, "ticket_event.csv", f"ticket_id,occurred_at,seq,kind\n{events}"),
    ]
    found: dict[int, set[str]] = {}
    for path in files:
        for page in pages.cut(desk, "events", path, by_month=True):
            for key in page.keys.tolist():
                found.setdefault(key, set()).add(page.batch)
    assert len(found) == 100 and all(len(batches) == 1 for batches in found.values())
    assert len(set.union(*found.values())) > 8


def test_the_other_tables_need_only_the_columns_that_they_have(tmp_path: Path) -> None:
    desk = mapping(tmp_path)
    path = file(tmp_path, "survey_answer.csv", "survey_id,answer_id,ticket_id,sent_at,rating\nS1,A1,T1,2026-03-03,4\n")
    (page,) = pages.cut(desk, "survey_answers", path, by_month=False)
    frame, _ = pages.read_page(page.content, desk, "survey_answers")
    made = normalise_table(desk, "survey_answers", frame, origin([1]))
    assert made.frame[["survey_id", "rating"]].values.tolist() == [["S1", 4]]
    assert made.frame["sent_at"].tolist() == [pd.Timestamp("2026-03-02 23:00", tz="UTC")]  # midnight in Madrid


def test_comments_leave_the_page_and_nothing_else_does(tmp_path: Path) -> None:
    desk = mapping(tmp_path)
    head = "survey_id,answer_id,ticket_id,sent_at,rating,comment"
    path = file(
        tmp_path, "survey_answer.csv", f'{head}\nS1,A1,T1,2026-03-03,4,"Ola, call me"\nS2,A1,T2,2026-03-03,5,\n'
    )

    def tokens(values: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return dict.fromkeys(values, "text:1")

    (page,) = pages.cut(desk, "survey_answers", path, by_month=False, tokens=tokens)
    assert page.content.decode().splitlines()[1:] == [head, "S1,A1,T1,2026-03-03,4,text:1", "S2,A1,T2,2026-03-03,5,"]


def test_the_minimal_mapping_takes_files_by_the_names_of_the_tables(tmp_path: Path) -> None:
    desk = mapping(tmp_path, teams={"files": ["squads.csv"]})
    names = ["ticket-2026-03-02.csv.gz", "ticket_event-2026-03-02.parquet", "survey_answer.csv", "squads.csv", "x.csv"]
    assert [sections_of(desk, name) for name in names] == [["events"], ["events"], ["survey_answers"], ["teams"], []]
    with pytest.raises(MappingError, match=r"acme\.yaml"):
        mapping(tmp_path, watermark="tomorrow")
