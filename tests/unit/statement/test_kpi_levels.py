"""Service levels of KPIs: shares and counts, both operators, populations of the instant, incomplete tickets, money."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pandas as pd
import pytest

from deskledger import model, penalties
from deskledger.contract.terms import Measure, ServiceLevel, Version
from deskledger.statement.exclusions import Exclusion
from deskledger.statement.kpi_rows import counted_rows
from deskledger.statement.levels import LevelResult, measured_form, measurements
from deskledger.statement.month_figures import MonthFigures

MARCH = (pd.Timestamp("2026-03-01T00:00Z"), pd.Timestamp("2026-04-01T00:00Z"))
SCOPE = {"account": frozenset({"alder"})}


def desk() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Five tickets of Alder and one of Brisa; ticket 2 moves from team red to blue before it is escalated unduly."""
    made = pd.to_datetime([f"2026-03-0{day}T09:00Z" for day in range(1, 7)])
    tickets = pd.DataFrame(
        {
            "ticket_key": range(1, 7),
            "ticket_id": [f"T{n}" for n in range(1, 7)],
            "created_at": made,
            "updated_at": made,
            "account": ["alder"] * 5 + ["brisa"],
            "team": ["red", "blue", "red", "red", "red", "red"],
        }
    ).assign(created_month=202603, shard=0, source="desk")
    told = [
        (2, "2026-03-02T09:00Z", "team", "red"),
        (2, "2026-03-08T09:00Z", "team", "blue"),
        (1, "2026-03-07T09:00Z", "escalation", "L2>L3"),
        (2, "2026-03-09T09:00Z", "escalation", "L2>L3 undue"),
        (3, "2026-03-09T09:00Z", "escalation", "L2>L3 undue"),
        (3, "2026-03-10T09:00Z", "escalation", "L2>L3"),
        (6, "2026-03-10T09:00Z", "escalation", "L2>L3 undue"),
        (4, "2026-03-10T09:00Z", "status", "resolved"),
    ]
    events = pd.DataFrame(told, columns=["ticket_key", "occurred_at", "kind", "value"])
    at = pd.to_datetime(events["occurred_at"], utc=True)
    events = events.assign(
        occurred_at=at, event_id=[f"e{n}" for n in events.index], seq=events.index, created_month=202603
    )
    return model.conform(model.TICKET, tickets), model.conform(model.TICKET_EVENT, events)


def level(kpi: str, operator: str, target: int, statistic: str = "share", **more: object) -> ServiceLevel:
    measure = Measure("kpi", kpi, statistic)  # type: ignore[arg-type]
    return ServiceLevel("kpi", "6.1", measure, operator, Fraction(target), **more)  # type: ignore[arg-type]


def taken(
    agreed: ServiceLevel, incomplete: tuple[int, ...] = (), past: tuple[MonthFigures, ...] = ()
) -> tuple[LevelResult, pd.DataFrame]:
    counted = counted_rows(*desk(), SCOPE, *MARCH, incomplete)
    version = Version(1, date(2026, 1, 1), "ada", {}, (), None, (agreed,), {})
    none = model.empty(model.CYCLE)
    (result,), rows = measurements(version, none, none, *MARCH, "2026-03", {"kpi": past}, counted)
    return result, rows


@pytest.mark.parametrize(
    ("agreed", "value", "status", "form"),
    [
        (level("undue_l3_escalations", "<=", 50), 50, "met", {"num": 2, "den": 4}),
        (level("undue_l3_escalations", "<=", 49), 50, "breached", {"num": 2, "den": 4}),
        (level("undue_l3_escalations", "<=", 2, "count"), 2, "met", {"value": "2", "n": 4}),
        (level("l3_escalations", "<=", 4, "count"), 4, "met", {"value": "4", "n": 6}),
        (level("l3_escalations", "<=", 3, "count"), 4, "breached", {"value": "4", "n": 6}),
        (level("management_escalations", "<=", 0, "count"), 0, "met", {"value": "0", "n": 5}),
        (level("backlog", "<=", 4, "count"), 4, "met", {"value": "4", "n": 5}),
        (level("reopened", "<=", 0), 0, "met", {"num": 0, "den": 1}),
        (level("acknowledged", ">=", 1), 0, "breached", {"num": 0, "den": 5}),
        (level("without_eta", "<=", 99), 100, "breached", {"num": 4, "den": 4}),
    ],
    ids=str,
)
def test_a_kpi_is_a_share_or_a_count(agreed: ServiceLevel, value: int, status: str, form: dict) -> None:
    result, rows = taken(agreed)
    assert (result.value, result.status, measured_form(result)) == (value, status, form)
    assert (int(rows["is_numerator"].sum()), int(rows["is_denominator"].sum())) == (
        result.numerator,
        result.denominator,
    )


def test_fates_follow_what_is_better() -> None:
    less, _ = taken(level("undue_l3_escalations", "<=", 50))
    more, _ = taken(level("acknowledged", ">=", 50))
    assert (less.met, less.failed, more.met, more.failed) == (2, 2, 0, 5)


def test_a_population_takes_the_team_of_the_instant() -> None:
    """Ticket 2 was blue when it was escalated; by its first or its standing team it would be counted otherwise."""
    blue, rows = taken(level("undue_l3_escalations", "<=", 50, population={"team": frozenset({"blue"})}))
    assert (blue.value, rows["ticket_id"].tolist()) == (100, ["T2"])
    _, rows = taken(level("acknowledged", ">=", 0, population={"team": frozenset({"red"})}))
    assert rows["ticket_id"].tolist() == ["T1", "T2", "T3", "T4", "T5"]


def test_trap_2_a_ticket_with_a_row_in_quarantine_is_listed_and_not_counted() -> None:
    result, rows = taken(level("undue_l3_escalations", "<=", 50), incomplete=(3,))
    assert (result.value, result.denominator, result.incomplete) == (50, 2, 2)
    assert rows.loc[rows["fate"] == "incomplete", "reason"].unique() == "a row of this ticket is in quarantine"


def test_nothing_there_is_no_data_and_a_quiet_desk_has_none() -> None:
    nobody = {"team": frozenset({"green"})}
    result, _ = taken(level("l3_escalations", "<=", 0, "count", population=nobody))
    assert (result.value, result.status, measured_form(result)) == (None, "no_data", {"value": None, "n": 0})


def test_counts_of_several_months_add_up() -> None:
    past = (MonthFigures("2026-01", Fraction(9), 9), MonthFigures("2026-02", Fraction(1), 6))
    result, _ = taken(level("l3_escalations", "<=", 5, "count", window_months=2), past=past)
    assert (result.value, measured_form(result)) == (5, {"value": "5", "n": 12})


@pytest.mark.parametrize(("allowance", "credit"), [(4, "0.00"), (3, "250.00"), (1, "750.00")])
def test_a_count_over_its_allowance_is_priced_by_the_unit(allowance: int, credit: str) -> None:
    """So much for each escalation above the allowance (penalty structures, 7b: K05)."""
    agreed = level("l3_escalations", "<=", allowance, "count")
    schedule = {"kind": "shortfall", "op": "<=", "target": str(allowance), "step": "1", "step_rounding": "exact"}
    terms = [{"id": "esc", "measure": "kpi", "unit": "count", "schedule": {**schedule, "per_step": {"amount": "250"}}}]
    measured = {"measures": {"kpi": measured_form(taken(agreed)[0])}}
    assert str(penalties.assess({"currency": "EUR", "terms": terms}, measured).credit) == credit


def test_the_share_of_undue_escalations_is_priced_when_it_is_above_its_objective() -> None:
    agreed = level("undue_l3_escalations", "<=", 49)
    schedule = {"kind": "threshold", "op": "<=", "target": "49", "consequence": {"amount": "100"}}
    measured = {"measures": {"kpi": measured_form(taken(agreed)[0])}}
    found = penalties.assess(
        {"currency": "EUR", "terms": [{"id": "u", "measure": "kpi", "schedule": schedule}]}, measured
    )
    assert (str(found.credit), found.lines[0].status) == ("100.00", "breach")


def test_an_excluded_ticket_leaves_both_sides_of_a_kpi_and_only_of_the_levels_named() -> None:
    named = Exclusion(
        "E-1", "Customer's drill", "9", "removed", frozenset({"kpi"}), frozenset({3}), frozenset(), frozenset()
    )
    counted = counted_rows(*desk(), SCOPE, *MARCH, ())
    none = model.empty(model.CYCLE)
    agreed = level("undue_l3_escalations", "<=", 50)
    for exclusion, num, den, aside in (
        (named, 1, 2, 2),
        (replace(named, service_levels=frozenset({"other"})), 2, 4, 0),
    ):
        version = Version(1, date(2026, 1, 1), "ada", {}, (), None, (agreed,), {})
        (result,), rows = measurements(version, none, none, *MARCH, "2026-03", {}, counted, [exclusion])
        assert (result.numerator, result.denominator, result.excluded) == (num, den, aside)
        assert rows["reason"].notna().sum() == aside
