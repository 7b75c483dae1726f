"""Service levels measured: membership, populations, exact shares, times, windows, CSAT; both sides of each boundary."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from deskledger import model
from deskledger.contract.periods import period_bounds
from deskledger.contract.terms import ClockTerms, Contract, CsatTerms, Measure, Period, ServiceLevel, Version
from deskledger.errors import StatementError
from deskledger.statement.cycles import with_choice
from deskledger.statement.levels import LevelResult, measured_form, measurements
from deskledger.statement.month_figures import MonthFigures

HOUR = 3_600_000_000
MARCH = (pd.Timestamp("2026-03-01T05:00Z"), pd.Timestamp("2026-04-01T04:00Z"))  # New York
CSAT = CsatTerms(
    clause="5",
    good=frozenset({4, 5}),
    neutral=frozenset({3}),
    poor=frozenset({1, 2}),
    denominator="exclude_neutral",
    answers="last",
    attribution="responded",
)


def contract(zone: str = "America/New_York") -> Contract:
    return Contract(
        name="brisa", title="", currency="USD", parties={}, sources=("desk",), scope={}, period=Period(zone),
        versions=(version(),), file="brisa.yaml", sha256="0",
    )  # fmt: skip


def version(*levels: ServiceLevel, csat: CsatTerms | None = None) -> Version:
    return Version(
        number=1, effective_from=date(2026, 1, 1), author="ada", calendars={}, clocks=(), csat=csat,
        service_levels=levels, penalties={},
    )  # fmt: skip


def share(target: str = "90", operator: str = ">=", **more: object) -> ServiceLevel:
    terms = {"name": "r", "clause": "4.2", "measure": Measure("clock", "resolution"), "target": Fraction(target)}
    return ServiceLevel(**{**terms, "operator": operator, **more})  # type: ignore[arg-type]


def cycles(*rows: dict[str, object]) -> pd.DataFrame:
    defaults = {
        "contract": "brisa", "version": 1, "created_month": 202603, "clock": "resolution", "cycle": 1, "state": "met",
        "started_at": pd.Timestamp("2026-03-10T12:00Z"), "stopped_at": pd.Timestamp("2026-03-10T13:00Z"),
        "due_at": pd.Timestamp("2026-03-10T16:00Z"), "target_us": 4 * HOUR, "elapsed_us": HOUR, "provider_us": HOUR,
        "customer_us": 0, "third_party_us": 0, "attributed_at": pd.Timestamp("2026-03-10T16:00Z"),
        "is_incomplete": False, "as_of": MARCH[1],
    }  # fmt: skip
    if not rows:
        return model.empty(model.CYCLE)
    frame = pd.DataFrame([{**defaults, "ticket_key": number, **row} for number, row in enumerate(rows, start=1)])
    for name in ("started_at", "stopped_at", "due_at", "attributed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return model.conform(model.CYCLE, frame).assign(ticket_id=[f"T{number + 1}" for number in range(len(frame))])


def answers(*ratings: int | None) -> pd.DataFrame:
    classes = {1: "poor", 2: "poor", 3: "neutral", 4: "good", 5: "good"}
    return pd.DataFrame(
        {
            "ticket_key": range(1, len(ratings) + 1),
            "rating": pd.array(list(ratings), dtype="Int64"),
            "class": pd.Series([classes.get(rating or 0) for rating in ratings], dtype="str"),
            "is_counted": [rating is not None for rating in ratings],
            "attributed_at": pd.Timestamp("2026-03-10T16:00Z"),
        }
    )


def taken(
    level: ServiceLevel, frame: pd.DataFrame, past: tuple[MonthFigures, ...] = ()
) -> tuple[LevelResult, pd.DataFrame]:
    (result,), rows = measurements(version(level), frame, answers(), *MARCH, "2026-03", {level.name: past})
    return result, rows


def verdict_of(good: int, total: int, level: ServiceLevel) -> LevelResult:
    return taken(level, cycles(*({"state": "met" if n < good else "breached"} for n in range(total))))[0]


@pytest.mark.parametrize(
    ("stopped", "counted"),
    [
        ("2026-03-31T23:30:00-04:00", 1),  # half past eleven in the evening of 31 March: already April in UTC
        ("2026-03-31T23:59:59.999999-04:00", 1),
        ("2026-04-01T00:00:00-04:00", 0),
        ("2026-03-01T00:00:00-05:00", 1),
        ("2026-02-28T23:59:59.999999-05:00", 0),
    ],
)
def test_trap_1_stopped_on_31_march_at_half_past_eleven_in_new_york_belongs_to_march(
    stopped: str, counted: int
) -> None:
    start, end = period_bounds(contract(), "2026-03")
    frame = cycles({"attributed_at": pd.Timestamp(stopped).tz_convert("UTC")})
    level = share()
    (result,), _ = measurements(version(level), frame, answers(), pd.Timestamp(start), pd.Timestamp(end), "2026-03", {})
    assert result.denominator == counted


@pytest.mark.parametrize(
    ("good", "total", "operator", "target", "status"),
    [
        (57, 60, ">=", "95", "met"),  # exactly 95 %
        (56, 60, ">=", "95", "breached"),
        (9_499_999, 10_000_000, ">=", "95", "breached"),
        (6, 60, "<=", "10", "met"),
        (7, 60, "<=", "10", "breached"),
        (2, 3, ">=", "66.67", "breached"),  # 66.666… per cent, and nothing was rounded
    ],
)
def test_a_verdict_compares_exact_fractions(good: int, total: int, operator: str, target: str, status: str) -> None:
    if total > 1000:  # figures of that size come from earlier months
        level = share(target, operator, window_months=2)
        result, _ = taken(level, cycles(), (MonthFigures("2026-02", Fraction(good), total),))
    else:
        result = verdict_of(good, total, share(target, operator))
    assert (result.value, result.status) == (Fraction(100 * good, total), status)


def test_nothing_to_measure_is_no_data_and_neither_met_nor_missed() -> None:
    result, rows = taken(share(), cycles())
    assert (result.value, result.status, len(rows)) == (None, "no_data", 0)
    assert measured_form(result) == {"num": 0, "den": 0}


@pytest.mark.parametrize(
    ("row", "fate", "reason"),
    [
        ({"state": "met"}, "met", None),
        ({"state": "breached"}, "failed", None),
        ({"state": "running", "stopped_at": pd.NaT}, "excluded", "still running"),
        ({"state": "cancelled"}, "excluded", "cancelled"),
        ({"state": "met", "is_incomplete": True}, "incomplete", "a row of this ticket is in quarantine"),
    ],
)
def test_every_row_has_one_fate_with_its_reason(row: dict[str, object], fate: str, reason: str | None) -> None:
    result, rows = taken(share(), cycles(row))
    told = rows.iloc[0]
    assert told["fate"] == fate
    assert told["reason"] == reason if reason else pd.isna(told["reason"])
    assert bool(told["is_denominator"]) == (fate in {"met", "failed"})
    assert (result.denominator, result.incomplete) == (int(fate in {"met", "failed"}), int(fate == "incomplete"))


@pytest.mark.parametrize(
    ("started", "stopped", "listed"),
    [
        ("2026-02-01T12:00Z", None, 1),  # due long ago, and whether it stopped cannot be known
        ("2026-02-01T12:00Z", "2026-02-28T12:00Z", 0),
        ("2026-04-02T12:00Z", None, 0),
    ],
)
def test_trap_2_an_incomplete_ticket_is_listed_in_every_month_it_touches(
    started: str, stopped: str | None, listed: int
) -> None:
    outside = pd.Timestamp("2026-02-03T12:00Z")
    frame = cycles(
        {
            "is_incomplete": True,
            "started_at": pd.Timestamp(started),
            "stopped_at": pd.NaT if stopped is None else pd.Timestamp(stopped),
            "attributed_at": outside,
            "due_at": outside,
            "state": "breached",
        }
    )
    result, _ = taken(share(), frame)
    assert (result.incomplete, result.denominator) == (listed, 0)


def test_a_population_takes_the_values_of_the_attribution_instant() -> None:
    frame = cycles(
        {"priority": "P1", "team": "team-01"},
        {"priority": "P2", "team": "team-02", "state": "breached"},
        {"priority": "P4", "team": "team-01"},
        {"priority": None, "team": "team-01"},
    )
    result, _ = taken(share(population={"priority": frozenset({"P1", "P2"})}), frame)
    assert (result.numerator, result.denominator) == (1, 2)
    result, _ = taken(share(population={"priority": frozenset({"P1", "P4"}), "team": frozenset({"team-01"})}), frame)
    assert result.denominator == 2


def test_a_population_by_an_unknown_field_says_which_ones_there_are() -> None:
    with pytest.raises(StatementError, match=r"'planet'.*\n.*filter by one of account"):
        taken(share(population={"planet": frozenset({"mars"})}), cycles({}))


@pytest.mark.parametrize(
    ("percentile", "expected_hours"), [("50", 2), ("90", 4), ("75", 3), ("75.000001", 4), ("1", 1), ("100", 4)]
)
def test_a_percentile_is_a_measured_time_by_nearest_rank(percentile: str, expected_hours: int) -> None:
    measure = Measure("clock", "resolution", "percentile", Fraction(percentile))
    frame = cycles(*({"elapsed_us": hours * HOUR} for hours in (4, 2, 1, 3)))
    result, _ = taken(share("7200", "<=", measure=measure), frame)
    assert result.value == expected_hours * 3600
    assert result.status == ("met" if expected_hours <= 2 else "breached")


def test_a_mean_is_exact_and_leaves_out_what_did_not_stop() -> None:
    frame = cycles({"elapsed_us": 1}, {"elapsed_us": 1}, {"elapsed_us": 2}, {"stopped_at": pd.NaT, "state": "breached"})
    result, rows = taken(share("1", "<=", measure=Measure("clock", "resolution", "mean")), frame)
    assert result.value == Fraction(4, 3_000_000)
    assert list(rows["fate"]) == ["counted", "counted", "counted", "excluded"]
    assert measured_form(result) == {"value": "1/750000", "n": 3}


@pytest.mark.parametrize("statistic", ["mean", "percentile"])
@pytest.mark.parametrize(
    ("stopped_at", "expected_n"),
    [("2026-03-01T04:59:59.999999Z", 0), ("2026-03-01T05:00Z", 1), ("2026-04-01T03:59:59.999999Z", 1)],
)
def test_the_time_of_what_was_late_before_counts_in_the_month_of_its_stop(
    statistic: str, stopped_at: str, expected_n: int
) -> None:
    late = {"attributed_at": pd.Timestamp("2026-02-20T16:00Z"), "stopped_at": pd.Timestamp(stopped_at)}
    measure = Measure("clock", "resolution", statistic, Fraction(90) if statistic == "percentile" else None)
    result, _ = taken(share("7200", "<=", measure=measure), cycles({**late, "state": "breached"}))
    assert result.sample == expected_n
    assert taken(share(), cycles({**late, "state": "breached"}))[0].sample == 0  # a verdict stays in its own month


def test_a_time_that_is_over_before_it_is_due_counts_in_the_month_of_its_due_instant() -> None:
    early = {"attributed_at": pd.Timestamp("2026-03-01T05:00Z"), "stopped_at": pd.Timestamp("2026-02-20T16:00Z")}
    result, _ = taken(share("7200", "<=", measure=Measure("clock", "resolution", "mean")), cycles(early))
    assert result.sample == 1


def test_the_customers_side_is_measured_by_its_own_time() -> None:
    frame = cycles({"customer_us": 3 * HOUR}, {"customer_us": HOUR})
    result, _ = taken(share("7200", "<=", measure=Measure("clock", "resolution", "mean", side="customer")), frame)
    assert (result.value, result.status) == (7200, "met")


def test_a_window_pools_counts_or_takes_the_mean_of_months() -> None:
    """Pooled 294 of 310 is 94.83…; the mean of 90, 95 and 95 is 93.33… (domain: rolling window)."""
    past = (MonthFigures("2026-01", Fraction(9), 10), MonthFigures("2026-02", Fraction(95), 100))
    this = cycles(*({"state": "met" if n < 19 else "breached"} for n in range(20)))
    pooled, _ = taken(share("94", window_months=3), this, past)
    mean, _ = taken(share("94", window_months=3, window_mode="mean"), this, past)
    assert (pooled.value, pooled.status) == (Fraction(100 * 123, 130), "met")
    assert (mean.value, mean.status) == (Fraction(280, 3), "breached")
    assert measured_form(pooled)["months"] == [{"num": 9, "den": 10}, {"num": 95, "den": 100}, {"num": 19, "den": 20}]


def test_a_window_forgets_the_months_before_it_and_those_without_data() -> None:
    past = tuple(MonthFigures(f"2026-0{n}", Fraction(n), den) for n, den in ((1, 1), (2, 0)))
    result, _ = taken(share(window_months=2, window_mode="mean"), cycles({}), past)
    assert [month.period for month in result.months] == ["2026-02", "2026-03"]
    assert result.value == 100


def test_a_rolling_percentile_is_refused_with_its_clause() -> None:
    measure = Measure("clock", "resolution", "percentile", Fraction(90))
    with pytest.raises(StatementError, match=r"clause 4\.2: .*percentile"):
        taken(share(measure=measure, window_months=3), cycles({}))


@pytest.mark.parametrize(
    ("denominator", "which", "operator", "value", "status"),
    [
        ("exclude_neutral", "good", ">=", Fraction(250, 3), "met"),
        ("include_neutral", "good", ">=", Fraction(50), "breached"),
        ("exclude_neutral", "poor", "<=", Fraction(50, 3), "met"),
        ("include_neutral", "poor", "<=", Fraction(10), "met"),
    ],
)
def test_the_two_csat_denominators_give_different_shares(
    denominator: str, which: str, operator: str, value: Fraction, status: str
) -> None:
    """30 good, 24 neutral, 6 poor (domain: CSAT, J01 and J02), here a sixth of each."""
    terms = CsatTerms(**{**CSAT.__dict__, "denominator": denominator})
    level = share("60", operator, measure=Measure("csat", which, "share"))
    given = answers(*[5] * 5, *[3] * 4, 1, None, None)
    (result,), rows = measurements(version(level, csat=terms), cycles(), given, *MARCH, "2026-03", {})
    assert (result.value, result.status) == (value, status)
    assert measured_form(result) == {"good": 5, "neutral": 4, "poor": 1}
    assert rows["fate"].value_counts().to_dict() == {"met": 5, "neutral": 4, "failed": 1, "unanswered": 2}


def test_csat_without_csat_terms_and_a_kpi_that_nobody_counted_are_refused() -> None:
    kpi = Measure("kpi", "reopened", "share")
    for measure, message in ((Measure("csat", "good", "share"), "no csat terms"), (kpi, "nothing was counted")):
        with pytest.raises(StatementError, match=message):
            measurements(version(share(measure=measure)), cycles(), answers(), *MARCH, "2026-03", {})


def test_the_rows_behind_a_level_add_up_to_its_counts() -> None:
    states = ["met"] * 7 + ["breached"] * 2 + ["running"]
    frame = cycles(*({"state": state} for state in states)).sample(frac=1, random_state=3)
    result, rows = taken(share(), frame)
    assert (int(rows["is_numerator"].sum()), int(rows["is_denominator"].sum())) == (result.numerator, 9)
    assert result.met + result.failed + result.excluded == len(rows) == 10
    assert np.array_equal(rows["is_numerator"] & ~rows["is_denominator"], np.zeros(10, dtype=bool))


@pytest.mark.parametrize(("rule", "counted"), [("all", [1, 2, 3]), ("first", [1]), ("last", [3]), ("worst", [2])])
def test_the_clock_says_which_of_a_tickets_cycles_count(rule: str, counted: list[int]) -> None:
    frame = cycles({"cycle": 1}, {"cycle": 2, "state": "breached", "elapsed_us": 5 * HOUR}, {"cycle": 3})
    frame["ticket_key"] = 7
    clock = ClockTerms(
        name="resolution",
        clause="4.2",
        start=(),
        stop=(),
        calendars=(),
        targets=(),
        cycles=rule,  # type: ignore[arg-type]
    )
    terms = replace(contract(), versions=(replace(version(), clocks=(clock,)),))
    result, rows = taken(share(), with_choice(terms, frame))
    assert rows.loc[rows["is_denominator"], "cycle"].tolist() == counted
    assert set(rows.loc[~rows["is_denominator"], "reason"]) <= {"another cycle of this ticket counts"}
    assert result.denominator == len(counted)


def test_a_cycle_without_a_target_is_neither_met_nor_missed() -> None:
    result, rows = taken(share(), cycles({}, {"target_us": None, "due_at": None}))
    assert (result.numerator, result.denominator) == (1, 1)
    assert rows["reason"].tolist()[1] == "no target was agreed for it"
