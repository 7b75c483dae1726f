"""Ten thousand fuzzed records: nothing crashes, every record has one fate, and a mended mapping loads more of them."""

import csv
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from deskledger.quality.held import Wanted
from deskledger.steps import ingest, quarantine

from tests.unit.sources.event_log.desk import COLUMNS, EVENTS
from tests.warehouse.fuzzed import HOSTILE, LONG, MEGABYTE, spoilt
from tests.warehouse.ingest_desk import LAST, NEXT, NOW, ask, export, fates, row, write_mapping

EVENT_RECORDS, ANSWER_RECORDS = 8_000, 1_900
ANSWERS = ("s", "a", "t", "sent", "back", "stars", "words")
ACCOUNTS = 100
SURVEYS = {
    "files": ["surveys*.csv"],
    "columns": {
        "survey_id": "s", "answer_id": "a", "ticket_id": "t", "sent_at": "sent", "responded_at": "back",
        "rating": "stars", "comment": "words",
    },
}  # fmt: skip


def write(path: Path, header: tuple[str, ...] | list[str], records: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(header), *records])


def events(made: random.Random) -> list[list[str]]:
    """Updates of 1,500 tickets, some told twice, some with a comment of a megabyte."""
    records = []
    for number in range(EVENT_RECORDS):
        hour, minute = divmod(made.randrange(24 * 60), 60)
        values = {
            "id": spoilt(made, f"T{made.randrange(1_500)}", "text"),
            "n": spoilt(made, str(number), "number"),
            "at": spoilt(made, f"2026-04-01 {hour:02d}:{minute:02d}", "instant"),
            "opened": spoilt(made, "2026-03-31 09:00", "instant"),
            "state": spoilt(made, made.choice(["New", "Open", "Asked", "Done", "Shut", "Unclear", "?"]), "text"),
            "prio": spoilt(made, made.choice(["high", "low", ""]), "text"),
            "team": spoilt(made, made.choice(["red", "blue", "?"]), "text"),
            "agent": spoilt(made, made.choice(["ida", ""]), "text"),
            "channel": spoilt(made, "mail", "text"),
            "resolved_at": spoilt(made, "", "instant"),
            "closed_at": spoilt(made, "", "instant"),
            "by": spoilt(made, "ida", "text"),
            "what": spoilt(made, made.choice(["", "update", "reply", "note", "promise"]), "text"),
            "detail": spoilt(made, "2026-04-02 10:00", "instant"),
        }
        records.append([values[name] for name in COLUMNS])
        if number % 2_000 == 7:
            records[-1][-1] = MEGABYTE
        if number and made.random() < 0.02:
            records[-1] = made.choice(records)
    return records


def answers(made: random.Random) -> list[list[str]]:
    records = []
    for number in range(ANSWER_RECORDS):
        records.append([
            spoilt(made, f"S{made.randrange(1_500)}", "text"),
            spoilt(made, made.choice(["", "A1"]), "text"),
            spoilt(made, f"T{made.randrange(1_600)}", "text"),
            spoilt(made, "2026-04-01T10:00:00Z", "instant"),
            spoilt(made, made.choice(["", "2026-04-01T12:00:00Z"]), "instant"),
            spoilt(made, made.choice(["", "1", "5", "6"]), "number"),
            MEGABYTE if number == 11 else spoilt(made, "fine", "text"),
        ])  # fmt: skip
    return records


def write_fuzzed_mapping(**status_words: str) -> None:
    words = {**EVENTS["status"]["words"], **status_words}
    write_mapping(events={**EVENTS, "status": {"column": "state", "words": words}}, survey_answers=SURVEYS)


def test_ten_thousand_fuzzed_records_of_files(warehouse: Engine, inbox: Path) -> None:
    write_fuzzed_mapping()
    made = random.Random(20260401)
    write(inbox / "log-2026-04-01.csv", COLUMNS, events(made))
    write(inbox / "surveys-1.csv", ANSWERS, answers(made))
    accounts = [[spoilt(made, f"account {number}", "text"), spoilt(made, "gold", "text")] for number in range(ACCOUNTS)]
    write(inbox / "accounts.csv", ["account", "tier"], accounts)
    landed = ingest.land("desk", "2026-04-01", NOW)
    assert (landed["records"], landed["refused"]) == (EVENT_RECORDS + ANSWER_RECORDS + ACCOUNTS, [])
    counts = ingest.load("desk", "2026-04-01", NOW)
    extracted, *fated = fates(counts)
    assert extracted == landed["records"] == sum(fated)
    assert min(counts["loaded"], counts["quarantined"]) > 1_000 and min(fated) > 0
    # What was loaded can be read again, whole; what was kept out says why, with file and line.
    assert ask(warehouse, "select max(length(value)) from core.ticket_event where value is not null") == [(1_000_000,)]
    held = ask(warehouse, "select rule, message from quality.quarantine where page_sha256 is not null")
    assert all(message.split(":")[1].isdigit() for _, message in held)
    assert {"status_unknown", "at_not_an_instant", "sequence_not_a_number", "rating_in_range"} <= {
        each[0] for each in held
    }
    assert quarantine.listing(Wanted(), 10_000)["entries"]

    again = ingest.load("desk", "2026-04-01", NEXT)
    assert (again["loaded"], again["unchanged"]) == (0, counts["loaded"] + counts["unchanged"])
    assert again["quarantined"] == counts["quarantined"]

    # The desk did mean those words.
    write_fuzzed_mapping(**dict.fromkeys([each.strip() for each in (*HOSTILE, LONG) if each.strip()], "open"))
    done = quarantine.replay(Wanted(rule="status_unknown"), LAST)
    assert done.failed == [] and done.before["desk"] > 500 and done.after == {"desk": 0}
    mended = ingest.load("desk", "2026-04-01", LAST + timedelta(hours=1))
    extracted, *fated = fates(mended)
    assert extracted == sum(fated) and mended["quarantined"] < counts["quarantined"]
    assert done.changed["desk"] > 500
    assert quarantine.replay(Wanted(), LAST + timedelta(hours=2)).changed == {"desk": 0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,n\0", "not a CSV: binary data"),
        (",".join(COLUMNS).encode() + b"\nT1,\xff\xfe\n", "not utf-8 text"),
        (",".join(COLUMNS).encode() + b'\n"T1,1\n', "does not end"),
        (random.Random(4).randbytes(4_096), "log-b.csv"),
    ],
)
def test_a_file_that_is_no_export_stays_and_the_others_go_on(
    warehouse: Engine, inbox: Path, content: bytes, message: str
) -> None:
    (inbox / "log-b.csv").write_bytes(content)
    export(inbox, "log-a.csv", row("T1", 1, "2026-04-01 09:00"))
    landed = ingest.land("desk", "2026-04-01", NOW)
    assert landed["files"] == ["log-a.csv"]
    assert len(landed["refused"]) == 1 and message in landed["refused"][0]
