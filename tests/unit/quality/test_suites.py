"""The suites of expectations/ on good and on spoilt tables."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deskledger.errors import QualityError
from deskledger.model import CANONICAL, TICKET, TICKET_EVENT, conform, empty
from deskledger.quality.suites import Verdict, check
from deskledger.settings import settings

from tests.unit.sources.event_log.desk import normalised

FOLDER = settings().expectations
ROWS = [
    {"n": "1", "at": "2026-03-02 09:00", "what": "reply"},
    {"n": "2", "at": "2026-03-02 10:00", "what": "note", "state": "Done"},
]


def spoilt(table: str, changes: dict[str, Any], row: int = 1) -> Verdict:
    made = normalised(*ROWS, {"id": "T2", "n": "1", "at": "2026-03-02 11:00"})
    frame = {"ticket": made.tickets, "ticket_event": made.events}[table].astype(object)
    for name, value in changes.items():
        frame.loc[row, name] = value
    return check(FOLDER, table, conform(CANONICAL[table], frame))


@pytest.mark.parametrize("table", CANONICAL)
def test_every_canonical_table_has_a_suite_that_a_table_without_rows_passes(table: str) -> None:
    assert check(FOLDER, table, empty(CANONICAL[table])).success


@pytest.mark.parametrize("table", ["ticket", "ticket_event"])
def test_good_rows_pass(table: str) -> None:
    verdict = spoilt(table, {})
    assert verdict.success and not verdict.failed_rows().any()
    assert all(rule["success"] for rule in verdict.statistics["rules"])


@pytest.mark.parametrize(
    ("table", "changes", "rule"),
    [
        ("ticket", {"ticket_id": None}, "ticket_id_present"),
        ("ticket", {"priority": "P5"}, "priority_known"),
        ("ticket", {"support_level": 4}, "support_level_in_range"),
        ("ticket", {"support_level": 0}, "support_level_in_range"),
        ("ticket", {"updated_at": pd.Timestamp("2026-03-02 08:59", tz="UTC")}, "updated_after_created"),
        ("ticket", {"created_month": 198912}, "created_month_in_range"),
        ("ticket_event", {"kind": "sung"}, "kind_known"),
        ("ticket_event", {"kind": None}, "kind_present"),
        ("ticket_event", {"actor_role": "robot"}, "actor_role_known"),
        ("ticket_event", {"kind": "status", "value": "parked"}, "status_known"),
        ("ticket_event", {"kind": "status", "value": None}, "status_present"),
        ("ticket_event", {"kind": "priority", "value": "P9"}, "priority_known"),
        ("ticket_event", {"kind": "note", "is_public": True}, "note_is_internal"),
    ],
)
def test_a_spoilt_row_and_no_other_fails_its_rule(table: str, changes: dict[str, Any], rule: str) -> None:
    verdict = spoilt(table, changes)
    assert verdict.failures[["row", "rule", "severity"]].to_numpy().tolist() == [[1, rule, "critical"]]
    assert verdict.failures["message"].str.len().gt(5).all()


@pytest.mark.parametrize(
    "changes", [{"support_level": 1}, {"support_level": 3}, {"priority": None}, {"created_month": 199001}]
)
def test_values_on_the_boundary_pass(changes: dict[str, Any]) -> None:
    assert spoilt("ticket", changes).success


def test_rows_that_share_a_key_all_fail() -> None:
    events = normalised(*ROWS).events
    twice = conform(TICKET_EVENT, pd.concat([events, events.iloc[[2]]], ignore_index=True))
    verdict = check(FOLDER, "ticket_event", twice)
    assert sorted(verdict.failures["row"]) == [2, len(events)]
    assert set(verdict.failures["rule"]) == {"key_unique"}


def test_a_table_without_a_column_refuses_the_load() -> None:
    with pytest.raises(QualityError) as error:
        check(FOLDER, "ticket", normalised(*ROWS).tickets.drop(columns="priority"))
    assert "schema" in str(error.value) and "priority_known: cannot be evaluated" in str(error.value)


def suite(folder: Path, *rules: dict[str, Any]) -> Path:
    (folder / "ticket.json").write_text(json.dumps({"name": "ticket", "expectations": rules}))
    return folder


VOLUME = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 2}, "meta": {"rule": "volume"}}
KNOWN = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "team", "value_set": ["blue"]}}


def test_a_rule_about_the_table_refuses_the_load_unless_it_only_warns(tmp_path: Path) -> None:
    tickets = normalised(*ROWS).tickets
    with pytest.raises(QualityError, match=r"volume: .*\(observed 1\)"):
        check(suite(tmp_path, {**VOLUME, "severity": "critical"}), "ticket", tickets)
    verdict = check(suite(tmp_path, {**VOLUME, "severity": "warning"}), "ticket", tickets)
    assert verdict.statistics["rules"] == [{"rule": "volume", "severity": "warning", "success": False}]


def test_a_warning_about_rows_is_counted_and_holds_nothing_back(tmp_path: Path) -> None:
    tickets = normalised(*ROWS).tickets
    assert check(suite(tmp_path, {**KNOWN, "severity": "critical"}), "ticket", tickets).failed_rows().tolist() == [True]
    verdict = check(suite(tmp_path, {**KNOWN, "severity": "warning"}), "ticket", tickets)
    assert verdict.success
    assert verdict.statistics["rules"][0]["unexpected"] == 1


@pytest.mark.parametrize("content", ["not json", '{"name": "x", "expectations": [{"type": "expect_magic"}]}'])
def test_a_suite_that_is_not_valid_refuses_the_load(tmp_path: Path, content: str) -> None:
    (tmp_path / "ticket.json").write_text(content)
    with pytest.raises(QualityError):
        check(tmp_path, "ticket", empty(TICKET))
