"""Late tickets over months: what was charged before, who goes on being late, and what this month charges."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from deskledger.contract.terms import ClockTerms, Contract, Measure, Period, ServiceLevel, Version
from deskledger.statement.late import (
    carried_rows,
    charged_before,
    late_already,
    late_items,
    lateness,
    newly_priced,
    tickets_charged,
    under_version,
)

HOUR = 3_600_000_000
FEBRUARY = pd.Timestamp("2026-02-01T00:00Z")
LEVEL = ServiceLevel("late", "4.2", Measure("clock", "resolution"), ">=", Fraction(90))


def cycles(*rows: dict[str, Any]) -> pd.DataFrame:
    """Cycles that came due on 10 January with a target of four hours, ten hours used."""
    usual = {
        "version": 1, "clock": "resolution", "cycle": 1, "source": "desk", "state": "breached", "is_incomplete": False,
        "attributed_at": "2026-01-10T12:00Z", "stopped_at": None, "elapsed_us": 10 * HOUR, "target_us": 4 * HOUR,
        "team": "team-01", "fate": "failed", "service_level": "late",
    }  # fmt: skip
    frame = pd.DataFrame([{**usual, "ticket_id": f"T{number}", **row} for number, row in enumerate(rows)])
    for name in ("attributed_at", "stopped_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def version(number: int = 1, population: Any = None, measure: str = "late", **clock: Any) -> Version:
    """A version with a price by the late ticket, from the first day of the month of its number."""
    terms = ClockTerms("resolution", "4.2", (), (), (), (), **clock)
    penalty = {"id": "hours", "measure": measure, "schedule": {"kind": "per_item"}}
    level = replace(LEVEL, population=population or {})
    return Version(number, date(2026, number, 1), "ada", {}, (terms,), None, (level,), {"terms": [penalty]})


def contract(*versions: Version) -> Contract:
    return Contract("alder", "Alder", "EUR", {}, ("desk",), {}, Period("Etc/UTC"), versions, "alder.yaml", "")


@pytest.mark.parametrize(
    ("row", "is_carried"),
    [
        ({}, True),
        ({"stopped_at": "2026-02-01T00:00:00.000001Z"}, True),
        ({"stopped_at": "2026-02-01T00:00Z"}, False),  # nothing of it lies in February
        ({"attributed_at": "2026-01-31T23:59:59.999999Z"}, True),
        ({"attributed_at": "2026-02-01T00:00Z"}, False),  # February's own
        ({"state": "met"}, False),
        ({"is_incomplete": True}, False),
        ({"clock": "response"}, False),
        ({"ticket_id": "other"}, False),  # no earlier month charged it
        ({"source": "phone"}, False),  # another desk's ticket of the same name
        ({"cycle": 2}, False),
        ({"version": 2}, False),  # its cycle 1 began elsewhere
    ],
)
def test_a_cycle_goes_on_that_was_charged_and_is_still_open(row: dict[str, Any], *, is_carried: bool) -> None:
    rows = carried_rows(LEVEL, cycles(row), FEBRUARY, {"desk|T0#1@v1": "3600"})
    assert len(rows) == is_carried
    if is_carried:
        assert rows[["fate", "is_numerator", "is_denominator"]].values.tolist() == [["carried", False, False]]


def test_carried_cycles_are_those_of_the_population_and_of_opening_balances() -> None:
    level = ServiceLevel("late", "4.2", LEVEL.measure, ">=", Fraction(90), population={"team": frozenset({"team-01"})})
    rows = cycles({}, {"team": "team-02"}, {})
    charged = {"desk|T0#1@v1": "3600", "desk|T1#1@v1": "3600", "T2#1@v1": "3600"}
    assert carried_rows(level, rows, FEBRUARY, charged)["ticket_id"].tolist() == ["T0", "T2"]


def test_late_tickets_are_told_exactly_with_what_was_charged_before() -> None:
    rows = cycles(
        {"fate": "failed"}, {"fate": "met"}, {"fate": "carried", "elapsed_us": 4 * HOUR + 1}, {"fate": "excluded"}
    )
    assert late_items(rows, {"desk|T2#1@v1": "1800"}) == [
        {"id": "desk|T0#1@v1", "late_seconds": "21600"},
        {"id": "desk|T2#1@v1", "late_seconds": "1/1000000", "accrued_seconds": "1800"},
    ]


def test_the_most_that_a_month_charged_counts_and_what_was_set_aside_stays_out() -> None:
    months = [
        {"desk|A#1@v1": "10", "desk|B#1@v1": "10"},
        {"desk|A#1@v1": "9"},
        {"desk|A#1@v1": "21/2", "desk|B#1@v1": None},
    ]
    assert charged_before(months) == {"desk|A#1@v1": "21/2"}
    assert charged_before(months[:2]) == {"desk|A#1@v1": "10", "desk|B#1@v1": "10"}
    assert charged_before([]) == {}


def test_a_version_that_is_asked_about_takes_over_what_others_measured() -> None:
    charged = {"late": {"desk|A#1@v1": "1", "desk|a@b#2@v2": None}}
    assert under_version(charged, 3) == {"late": {"desk|A#1@v3": "1", "desk|a@b#2@v3": None}}


def test_months_go_on_from_the_opening_balances() -> None:
    opening = {"A#1@v1": Fraction(10), "B#1@v1": Fraction(1, 2), "C#1@v1": Fraction(3)}
    assert charged_before([], opening) == {"A#1@v1": "10", "B#1@v1": "0.5", "C#1@v1": "3"}
    assert charged_before([{"desk|A#1@v1": "11", "desk|B#1@v1": None}], opening) == {"C#1@v1": "3", "desk|A#1@v1": "11"}


def test_tickets_are_named_by_their_source_and_opening_balances_by_each() -> None:
    charged = {"desk|T-1#1@v1": "1", "desk|T-1#2@v1": "1", "phone|a#b#1@v1": "1", "T-9#1@v1": "1"}
    assert tickets_charged(charged, ["desk", "phone"]) == {"desk": {"T-1", "T-9"}, "phone": {"a#b", "T-9"}}


def test_a_month_remembers_what_is_late_and_open() -> None:
    rows = cycles(
        {"fate": "failed"},
        {"fate": "carried", "elapsed_us": 5 * HOUR},
        {"fate": "excluded"},
        {"fate": "failed", "stopped_at": "2026-01-31T00:00Z"},
        {"fate": "met", "state": "met"},
        {"fate": "incomplete"},
    )
    assert lateness(contract(version()), version(), rows) == {
        "late": {"desk|T0#1@v1": "21600", "desk|T1#1@v1": "3600", "desk|T2#1@v1": None}
    }


@pytest.mark.parametrize(
    ("first", "second", "remembered"),
    [
        ((), (), {}),
        (("reopened",), ("reopened",), {"desk|T0#1@v1": "21600"}),
        (("reopened",), (), {"desk|T0#1@v1": "21600"}),  # version 1 measured it
        ((), ("reopened",), {}),
    ],
)
def test_a_stop_is_remembered_that_the_cycles_own_version_can_take_back(
    first: tuple[str, ...], second: tuple[str, ...], remembered: dict[str, str]
) -> None:
    rows = cycles({"fate": "failed", "stopped_at": "2026-01-31T00:00Z"})
    both = contract(version(resume=first), version(2, resume=second))
    assert [lateness(both, each, rows) for each in both.versions] == [{"late": remembered}] * 2


P1, P2 = ({"priority": frozenset({each})} for each in ("P1", "P2"))


@pytest.mark.parametrize(
    ("first", "second", "before", "names"),
    [
        (version(), version(2), {}, ["late"]),
        (version(), version(2), {"other": {}}, ["late"]),
        (version(), version(2), {"late": {}}, []),
        (version(population=P1), version(2, P1), {"late": {}}, []),
        (version(population=P1), version(2, P2), {"late": {}}, ["late"]),
        (version(population=P1), version(2), {"late": {}}, ["late"]),
        (version(population=P1), version(2, P2, measure="other"), {"late": {}}, []),
    ],
)
def test_a_price_begins_where_the_month_before_had_none_or_one_for_others(
    first: Version, second: Version, before: Any, names: list[str]
) -> None:
    begun = newly_priced(contract(first, second), "2026-02", "2026-01", before)
    assert [level.name for level in begun] == names


def test_a_price_begins_with_the_first_version() -> None:
    assert [level.name for level in newly_priced(contract(version()), "2026-01", "2025-12", {})] == ["late"]


def test_a_cycle_was_late_already_that_an_earlier_month_judged() -> None:
    rows = cycles({}, {"state": "met"}, {"clock": "response"}, {"attributed_at": FEBRUARY})
    assert late_already(LEVEL, rows, FEBRUARY) == {"desk|T0#1@v1": "21600"}
