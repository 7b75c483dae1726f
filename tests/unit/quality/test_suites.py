"""The suites of expectations/ on good and on spoilt tables."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deskledger.errors import QualityError
from deskledger.model import CANONICAL, CYCLE, SURVEY_ANSWER, TICKET, TICKET_EVENT, conform, empty, ticket_keys
from deskledger.quality.context import Known, with_context, with_cycle_context
from deskledger.quality.suites import Verdict, check, refuse, together
from deskledger.settings import settings

from tests.unit.sources.event_log.desk import normalised

FOLDER = settings().expectations
NOW = datetime(2026, 3, 3, tzinfo=UTC)
T1 = ticket_keys("desk", ["T1"])
ROWS = [
    {"n": "1", "at": "2026-03-02 09:00", "what": "reply"},
    {"n": "2", "at": "2026-03-02 10:00", "what": "note", "state": "Done"},
]


def spoilt(table: str, changes: dict[str, Any], row: int = 1) -> Verdict:
    made = normalised(*ROWS, {"id": "T2", "n": "1", "at": "2026-03-02 11:00"})
    frame = {"ticket": made.tickets, "ticket_event": made.events}[table].astype(object)
    for name, value in changes.items():
        frame.loc[row, name] = value
    return judged(table, conform(CANONICAL[table], frame), Known(tickets=made.tickets["ticket_key"].to_numpy()))


def judged(table: str, frame: pd.DataFrame, known: Known | None = None) -> Verdict:
    return check(FOLDER, table, with_context(CANONICAL[table], frame, known or Known(), NOW), CANONICAL[table].key)


@pytest.mark.parametrize("table", CANONICAL)
def test_every_canonical_table_has_a_suite_that_a_table_without_rows_passes(table: str) -> None:
    assert judged(table, empty(CANONICAL[table])).success


@pytest.mark.parametrize("table", ["ticket", "ticket_event"])
def test_good_rows_pass(table: str) -> None:
    verdict = spoilt(table, {})
    assert verdict.success and not verdict.failed_rows().any()
    assert [each for each in told(verdict) if each[1] != "info"] == []


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
    verdict = judged("ticket_event", twice, Known(tickets=twice["ticket_key"].to_numpy()))
    assert sorted(verdict.failures["row"]) == [2, len(events)]
    assert set(verdict.failures["rule"]) == {"key_unique"}


def test_a_table_without_a_column_refuses_the_load() -> None:
    with pytest.raises(QualityError) as error:
        check(FOLDER, "ticket", with_context(TICKET, normalised(*ROWS).tickets, Known(), NOW).drop(columns="priority"))
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
    assert verdict.statistics["rules"] == [
        {"rule": "volume", "severity": "warning", "success": False, "message": "volume"}
    ]


def test_a_warning_about_rows_is_counted_and_holds_nothing_back(tmp_path: Path) -> None:
    tickets = normalised(*ROWS).tickets
    assert check(suite(tmp_path, {**KNOWN, "severity": "critical"}), "ticket", tickets).failed_rows().tolist() == [True]
    verdict = check(suite(tmp_path, {**KNOWN, "severity": "warning"}), "ticket", tickets)
    assert verdict.success
    assert verdict.statistics["rules"][0]["unexpected"] == verdict.counted("warning") == 1
    assert verdict.counted("critical") == 0


@pytest.mark.parametrize("content", ["not json", '{"name": "x", "expectations": [{"type": "expect_magic"}]}'])
def test_a_suite_that_is_not_valid_refuses_the_load(tmp_path: Path, content: str) -> None:
    (tmp_path / "ticket.json").write_text(content)
    with pytest.raises(QualityError):
        check(tmp_path, "ticket", empty(TICKET))


def told(verdict: Verdict) -> list[tuple[str, str, int]]:
    """The rules that some row breaks, with their severity and how many rows."""
    rules = verdict.statistics["rules"]
    return [(rule["rule"], rule["severity"], rule["unexpected"]) for rule in rules if rule.get("unexpected")]


def test_names_that_the_source_does_not_have_are_warned_about_once_it_has_told_any() -> None:
    tickets = normalised(*ROWS).tickets.assign(account="alder", team="red", agent="ida")
    assert told(judged("ticket", tickets)) == []
    known = Known(account=frozenset({"alder"}), team=frozenset({"blue"}), agent=frozenset())
    verdict = judged("ticket", tickets, known)
    assert told(verdict) == [("team_known", "warning", 1), ("agent_known", "warning", 1)]
    assert verdict.success and not verdict.failed_rows().any()
    (example,) = next(rule for rule in verdict.statistics["rules"] if rule["rule"] == "team_known")["examples"]
    assert example == {"created_month": "202603", "ticket_key": str(T1[0])}


def test_an_event_without_its_ticket_is_held_and_one_of_the_future_only_warned_about() -> None:
    events = normalised(*ROWS).events
    held = judged("ticket_event", events)
    assert set(held.failures["rule"]) == {"ticket_known"} and held.failed_rows().all()
    late = with_context(TICKET_EVENT, events, Known(tickets=T1), datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    verdict = check(FOLDER, "ticket_event", late)
    assert verdict.success and told(verdict) == [
        ("is_past", "warning", int((events["occurred_at"].dt.hour == 10).sum()))
    ]


def answer(**changes: Any) -> pd.DataFrame:
    row = {
        "source": "desk", "survey_id": "S1", "answer_id": "A1", "ticket_key": T1[0], "rating": 4,
        "sent_at": pd.Timestamp("2026-03-02 10:00Z"), "responded_at": pd.Timestamp("2026-03-02 11:00Z"), **changes,
    }  # fmt: skip
    return conform(SURVEY_ANSWER, pd.DataFrame([row]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"responded_at": pd.Timestamp("2026-03-02 10:00Z")}, []),
        ({"responded_at": pd.Timestamp("2026-03-02 09:59:59.999999Z")}, [("answered_after_sent", "critical", 1)]),
        ({"rating": None, "responded_at": None}, []),
        ({"rating": None}, [("answer_has_rating", "warning", 1)]),
        ({"responded_at": None}, [("answer_has_instant", "critical", 1)]),
        ({"ticket_key": 7}, [("ticket_known", "warning", 1)]),
        ({"responded_at": pd.Timestamp("2026-03-03 00:00Z")}, []),
        ({"responded_at": pd.Timestamp("2026-03-03 00:00:00.000001Z")}, [("is_past", "warning", 1)]),
    ],
)
def test_answers(changes: dict[str, Any], expected: list[tuple[str, str, int]]) -> None:
    assert told(judged("survey_answer", answer(**changes), Known(tickets=T1))) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"amount": Decimal("0")}, []),
        ({"amount": Decimal("-0.01")}, [("amount_not_negative", "warning", 1)]),
        ({"approved_by": "ada"}, [("four_eyes", "warning", 1)]),
        ({"approved_by": None}, []),
        ({"period": "2026-13"}, [("period_is_a_month", "critical", 1)]),
        ({"currency": "eur"}, [("currency_is_a_code", "critical", 1)]),
    ],
)
def test_charges(changes: dict[str, Any], expected: list[tuple[str, str, int]]) -> None:
    row = {
        "contract": "alder", "period": "2026-03", "kind": "monthly_fee", "amount": Decimal("100.00"),
        "currency": "EUR", "imported_by": "ada", "approved_by": "bo", **changes,
    }  # fmt: skip
    assert told(judged("charge", conform(CANONICAL["charge"], pd.DataFrame([row])))) == expected


HOUR = 3_600_000_000


def cycle(**changes: Any) -> Verdict:
    start = pd.Timestamp("2026-03-02 09:00Z")
    row = {
        "contract": "alder", "version": 1, "ticket_key": T1[0], "created_month": 202603, "clock": "resolution",
        "cycle": 1, "state": "met", "started_at": start, "stopped_at": start + pd.Timedelta(hours=3),
        "due_at": start + pd.Timedelta(hours=2), "breached_at": None, "target_us": 2 * HOUR, "elapsed_us": 2 * HOUR,
        "provider_us": 2 * HOUR, "customer_us": HOUR, "third_party_us": 0, "attributed_at": start,
        "is_incomplete": False, "as_of": start + pd.Timedelta(hours=4), **changes,
    }  # fmt: skip
    return check(FOLDER, "cycle", with_cycle_context(conform(CYCLE, pd.DataFrame([row]))), ("ticket_key", "state"))


BREACHED = {"state": "breached", "breached_at": pd.Timestamp("2026-03-02 11:00Z"), "elapsed_us": 2 * HOUR + 1}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        BREACHED,
        {**BREACHED, "stopped_at": None, "provider_us": 3 * HOUR},
        {"state": "running", "stopped_at": None, "provider_us": 3 * HOUR},
        {"state": "cancelled", "target_us": None, "due_at": None},
        {"target_us": None, "due_at": None},
    ],
)
def test_cycles_that_can_be(changes: dict[str, Any]) -> None:
    assert cycle(**changes).success


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"elapsed_us": 2 * HOUR + 1}, ["verdict_holds"]),
        ({**BREACHED, "elapsed_us": 2 * HOUR}, ["verdict_holds"]),
        ({**BREACHED, "breached_at": None}, ["breach_has_instant"]),
        ({"breached_at": pd.Timestamp("2026-03-02 11:00Z")}, ["only_a_breach_has_one"]),
        ({**BREACHED, "breached_at": pd.Timestamp("2026-03-02 08:59Z")}, ["breached_after_started"]),
        ({"provider_us": 2 * HOUR - 1}, ["sides_add_up"]),
        ({"provider_us": 4 * HOUR, "customer_us": -HOUR}, ["customer_not_negative"]),
        ({"stopped_at": None, "provider_us": 3 * HOUR}, ["met_is_stopped"]),
        ({"state": "running"}, ["running_is_not_stopped"]),
        ({"due_at": pd.Timestamp("2026-03-02 08:59Z")}, ["due_after_started"]),
        ({"cycle": 0}, ["cycle_counted_from_one"]),
        ({"priority": "P9"}, ["priority_known"]),
        ({"as_of": pd.Timestamp("2026-03-02 08:59Z")}, ["started_by_as_of"]),
    ],
)
def test_a_cycle_that_cannot_be_refuses_the_facts(changes: dict[str, Any], rules: list[str]) -> None:
    verdict = cycle(**changes)
    assert verdict.failures["rule"].tolist() == rules
    with pytest.raises(QualityError) as error:
        refuse(verdict, "alder 2026-03", "look")
    assert f"(1 of 1 rows, such as ticket_key {T1[0]} state {changes.get('state', 'met')})" in str(error.value)


def test_cycles_of_tickets_in_quarantine_are_noted() -> None:
    assert told(cycle(is_incomplete=True)) == [("complete", "info", 1)]


def test_verdicts_on_blocks_are_one_verdict_on_all_of_their_rows() -> None:
    none = judged("ticket", empty(TICKET))
    some = [spoilt("ticket", {"support_level": 4}), spoilt("ticket", {})]
    whole = together([none, *some, spoilt("ticket", {"support_level": 0})])
    assert (whole.rows, whole.success) == (6, False)
    assert {rule["rule"] for rule in whole.statistics["rules"]} == {rule["rule"] for rule in none.statistics["rules"]}
    (rule,) = (rule for rule in whole.statistics["rules"] if rule["rule"] == "support_level_in_range")
    assert (rule["success"], rule["unexpected"], len(rule["examples"])) == (False, 2, 2)
    assert together([none, *some[1:]]).success


def test_a_rule_that_most_rows_must_keep_counts_the_others(tmp_path: Path) -> None:
    tickets = pd.concat([normalised(*ROWS).tickets] * 2, ignore_index=True).assign(team=["blue", "red"])
    half = {**KNOWN, "kwargs": {**KNOWN["kwargs"], "mostly": 0.5}, "meta": {"rule": "half"}, "severity": "warning"}
    verdict = check(suite(tmp_path, half, {**KNOWN, "severity": "critical"}), "ticket", tickets)
    rules = {rule["rule"]: (rule["success"], rule["unexpected"]) for rule in verdict.statistics["rules"]}
    assert rules == {"half": (True, 1), "expect_column_values_to_be_in_set": (False, 1)}
    assert verdict.failed_rows().tolist() == [False, True]


def test_rules_without_a_name_of_their_own_hold_back_the_rows_of_each(tmp_path: Path) -> None:
    tickets = pd.concat([normalised(*ROWS).tickets] * 3, ignore_index=True).assign(team=["blue", "red", "blue"])
    folder = suite(
        tmp_path,
        {**KNOWN, "severity": "critical"},
        {"type": KNOWN["type"], "kwargs": {"column": "row", "value_set": [0, 1]}, "severity": "critical"},
        {"type": KNOWN["type"], "kwargs": {"column": "row", "value_set": [0, 1, 2]}, "severity": "critical"},
    )
    verdict = check(folder, "ticket", tickets.assign(row=range(3)))
    assert verdict.failed_rows().tolist() == [False, True, True]
    assert sorted(rule["unexpected"] for rule in verdict.statistics["rules"]) == [0, 1, 1]
