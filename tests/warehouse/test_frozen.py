"""Posting freezes events and segments: files beside landing, proved by the ledger, and enough to measure again."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from deskledger import ledger
from deskledger.cli import main
from deskledger.errors import LandingError
from deskledger.landing import evidence
from deskledger.landing.evidence import EvidenceFile
from deskledger.model import SEGMENT, TICKET, TICKET_EVENT
from deskledger.settings import settings
from deskledger.steps import close, recompute, requests

from tests.warehouse.close_desk import (
    KEY,
    NOW,
    close_month,
    closing_home,  # noqa: F401 - the fixture `home`, of every test here
    load,
    month,
    sign,
)

NUMBER = "ALDER-2026-01"
LATER = NOW + timedelta(hours=1)


def files(engine: Engine, draft_id: str) -> dict[str, EvidenceFile]:
    with engine.connect() as connection:
        return ledger.frozen_files(connection, draft_id)


def again(number: str = NUMBER) -> recompute.Recomputed:
    return recompute.recompute(number, now=LATER, with_today=False)


def forget(engine: Engine) -> None:
    """The warehouse loses all that was loaded."""
    with engine.begin() as connection:
        connection.execute(text("truncate core.ticket, core.ticket_event, core.survey_answer"))


def edit(home: Path, old: str, new: str) -> None:
    path = home / "contracts" / "alder.yaml"
    words = path.read_text(encoding="utf-8")
    assert old in words
    path.write_text(words.replace(old, new), encoding="utf-8")
    sign(home)


def test_a_draft_freezes_the_tickets_events_and_segments_behind_its_cycles(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 5)  # is of no cycle of January's
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    named = files(warehouse, draft_id)
    assert {kind: file.rows for kind, file in named.items()} == {"ticket": 10, "ticket_event": 40, "segment": 10}
    folder = settings().evidence
    tickets = evidence.read(folder, named["ticket"], TICKET)
    events = evidence.read(folder, named["ticket_event"], TICKET_EVENT)
    segments = evidence.read(folder, named["segment"], SEGMENT)
    assert sorted(tickets["ticket_id"]) == [f"T2026-01-{number}" for number in range(10)]
    assert set(events["ticket_key"]) == set(tickets["ticket_key"]) == set(segments["ticket_key"])
    four_hours = 4 * 3600 * 1_000_000
    assert sorted(segments["counted_us"]) == [four_hours] * 8 + [four_hours + 1_000_000] * 2


def test_the_books_hold_the_hashes_of_the_files(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    with warehouse.begin() as connection:
        record = connection.execute(
            text("select record from ledger.entry where statement_number = :number and kind = 'statement'"),
            {"number": NUMBER},
        ).scalar_one()
        assert "files" in json.loads(record)["draft_sha256"]
        assert ledger.verify(connection).is_whole
        connection.execute(text("alter table ledger.draft_file disable trigger append_only"))
        connection.execute(text("update ledger.draft_file set sha256 = repeat('0', 64) where kind = 'segment'"))
        assert ledger.verify(connection).faults == (
            "statement ALDER-2026-01: the files of its draft ALDER-2026-01-D1: not what was booked",
        )


def test_a_posted_month_is_measured_again_when_warehouse_and_contract_file_are_gone(
    warehouse: Engine, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    forget(warehouse)
    (home / "contracts" / "alder.yaml").unlink()
    found = again()
    assert (found.again.tickets, found.again.events, found.again.cycles) == (10, 40, 10)
    assert (found.holds, found.again.differences, str(found.recomputed)) == (True, (), "400.00")
    assert main(["recompute", NUMBER, "--frozen-only"]) == 0
    page = capsys.readouterr().out
    assert "clocks      measured again from 10 tickets and 40 events: 10 cycles, the same" in page


def test_a_file_that_is_missing_or_was_changed_is_refused_with_a_remedy(
    warehouse: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close_month("2026-01")["draft_id"]
    for kind, change, told in (
        ("ticket_event", lambda path: path.unlink(), "rows are missing"),
        ("segment", lambda path: path.write_bytes(path.read_bytes() + b"!"), "their hash differs"),
    ):
        path = settings().evidence / files(warehouse, draft_id)[kind].path
        whole = path.read_bytes()
        change(path)
        assert main(["recompute", NUMBER, "--frozen-only"]) == 1
        refusal = capsys.readouterr().err
        assert told in refusal
        assert "restore the evidence folder from its backup" in refusal
        path.write_bytes(whole)
    assert again().holds


def test_a_statement_whose_files_are_gone_hides_no_other(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    month(warehouse, "2026-01", 8)
    month(warehouse, "2026-02", 8)
    draft_id = close_month("2026-01")["draft_id"]
    close_month("2026-02")
    (settings().evidence / files(warehouse, draft_id)["segment"].path).unlink()
    assert main(["recompute", "--all", "--frozen-only"]) == 1
    printed = capsys.readouterr()
    assert "ALDER-2026-01 could not be recomputed" in printed.err
    assert printed.out.startswith("ALDER-2026-02  (alder, 2026-02): holds")


def test_a_draft_whose_frozen_events_are_gone_is_not_posted(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close.draft(KEY, now=NOW)["draft_id"]
    close.decide(draft_id, "approve", comment="", user="felix", at=NOW)
    path = settings().evidence / files(warehouse, draft_id)["ticket_event"].path
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(LandingError, match="ticket_event rows are missing"):
        close.post(draft_id, at=NOW)
    path.write_bytes(whole)
    assert close.post(draft_id, at=NOW)["is_new"]
    path.unlink()
    assert not close.post(draft_id, at=NOW)["is_new"]  # what is posted stays so


def test_files_of_a_killed_run_are_harmless_and_the_next_run_has_the_same(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    month(warehouse, "2026-01", 8)
    contract = close.contract_named("alder")
    with close.snapshot(warehouse) as connection:
        content = close.corrected_draft(connection, contract, "2026-01", NOW, NOW)
    assert content.freeze is not None
    left = content.freeze()  # and the run dies
    stray = settings().evidence / ".ticket.killed"
    stray.write_bytes(b"half")
    draft_id = close_month("2026-01")["draft_id"]
    assert files(warehouse, draft_id) == {file.kind: file for file in left}
    assert again().holds


def test_a_difference_of_the_same_version_does_not_hold_and_one_of_a_newer_version_is_only_told(
    warehouse: Engine,
) -> None:
    month(warehouse, "2026-01", 8)
    draft_id = close_month("2026-01")["draft_id"]
    with warehouse.begin() as connection:  # as if it had been measured otherwise then
        for table in ("draft_ticket", "posted_ticket"):
            connection.execute(text(f"alter table ledger.{table} disable trigger append_only"))
            connection.execute(
                text(
                    f"update ledger.{table} set due_at = due_at - interval '1 second', team = 'west' "  # noqa: S608
                    "where draft_id = :draft_id and ticket_id = 'T2026-01-3'"
                ),
                {"draft_id": draft_id},
            )
    found = again()
    assert found.again.differences == (
        "resolution: ticket T2026-01-3, resolution 1: due_at 2026-01-10T11:59:59+00:00 was frozen, "
        "2026-01-10T12:00:00+00:00 is measured now",
        "resolution: ticket T2026-01-3, resolution 1: team west was frozen, nothing is measured now",
    )
    assert str(found.recomputed) == "400.00"
    own = replace(found, faults=())
    assert not own.holds
    assert replace(own, version_now="99.0").holds


def test_a_cycle_that_was_left_out_or_put_in_is_told(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.draft_ticket disable trigger append_only"))
        connection.execute(text("update ledger.draft_ticket set cycle = 2 where ticket_id = 'T2026-01-3'"))
    assert again().again.differences == (
        "ticket T2026-01-3, resolution 2: its stretches do not add up to the time that it counts",
        "resolution: ticket T2026-01-3, resolution 2: frozen, but not measured in this month now",
        "resolution: ticket T2026-01-3, resolution 1: measured in this month now, but not frozen",
    )


def test_approved_terms_that_were_rewritten_since_measure_nothing(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    with warehouse.begin() as connection:
        connection.execute(text("alter table ledger.contract_submission disable trigger all"))
        connection.execute(
            text(
                "update ledger.contract_submission set terms = replace(terms, '4h', '5h'), "
                "terms_sha256 = encode(sha256(convert_to(replace(terms, '4h', '5h'), 'UTF8')), 'hex')"
            )
        )
    found = again()
    (told,) = found.again.differences
    assert told.startswith("its approved terms cannot be read, so its clocks cannot be measured again: the terms with")
    assert not found.holds
    assert str(found.recomputed) == "400.00"


def test_what_a_request_set_aside_is_no_difference(warehouse: Engine, home: Path) -> None:
    edit(
        home,
        "    penalties:\n",
        '    exclusions:\n      storm: {clause: "9.2", title: Storm, effect: removed}\n    penalties:\n',
    )
    month(warehouse, "2026-01", 8)
    asked = requests.Asked(KEY, "rosa", explanation="The storm.", evidence="https://weather.example/10")
    made = requests.exclude(asked, "storm", NOW, tickets=["T2026-01-9"])
    requests.rule_on(made["request_id"], "approve", "", "fatima", NOW)
    close_month("2026-01")
    assert again().again.differences == ()


def test_cycles_of_two_versions_are_measured_by_their_own_terms_and_frozen_holidays(
    warehouse: Engine, home: Path
) -> None:
    edit(
        home,
        "{timezone: Etc/UTC, always: true}",
        "{timezone: Etc/UTC, weekly: {fri: [['00:00', '24:00']]}, country: ES}",
    )
    second = (home / "contracts" / "alder.yaml").read_text(encoding="utf-8").split("versions:\n")[1]
    second = (
        second.replace("number: 1", "number: 2").replace("2026-01-01", "2026-02-01").replace("within: 4h", "within: 5h")
    )
    with (home / "contracts" / "alder.yaml").open("a", encoding="utf-8") as file:
        file.write(second)
    sign(home)
    load(warehouse, {"id": "A", "created": "2026-01-30T20:00:01Z", "resolved": "2026-02-06T12:00:00Z"})
    load(warehouse, {"id": "B", "created": "2026-02-06T08:00:00Z", "resolved": "2026-02-06T12:30:00Z"})
    close_month("2026-01")
    draft_id = close_month("2026-02")["draft_id"]
    forget(warehouse)
    with warehouse.connect() as connection:
        terms = ledger.read(connection, draft_id).draft["terms"]
    assert sorted(terms["expanded_calendars"]) == ["1", "2"]
    assert "country" not in terms["expanded_calendars"]["1"]["always"]
    assert "2026-01-06" in terms["expanded_calendars"]["1"]["always"]["holidays"]
    segments = evidence.read(settings().evidence, files(warehouse, draft_id)["segment"], SEGMENT)
    assert set(zip(segments["version"], segments["target_us"] // 3_600_000_000, strict=True)) == {(1, 4), (2, 5)}
    assert set(segments["reason"]) == {"counted", "outside business hours"}
    found = again("ALDER-2026-02")
    assert (found.holds, found.again.tickets, found.again.differences) == (True, 2, ())


def test_a_restated_month_freezes_its_own_and_both_are_measured_again(warehouse: Engine) -> None:
    month(warehouse, "2026-01", 8)
    close_month("2026-01")
    month(warehouse, "2026-02", 10)
    load(warehouse, {"id": "T2026-01-9", "created": "2026-01-10T08:00:00Z", "resolved": "2026-01-10T09:00:00Z"})
    draft_id = close_month("2026-02", at=LATER)["draft_id"]
    with warehouse.connect() as connection:
        (adjustment,) = ledger.read(connection, draft_id).adjustments
    restated = files(warehouse, adjustment["restated_draft_id"])
    assert restated["ticket_event"] != files(warehouse, f"{NUMBER}-D1")["ticket_event"]
    found = again("ALDER-2026-02")
    assert (found.again.tickets, found.again.cycles, found.again.differences) == (20, 20, ())
    (settings().evidence / restated["segment"].path).unlink()
    with pytest.raises(LandingError, match="segment rows are missing"):
        again("ALDER-2026-02")
