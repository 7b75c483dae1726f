"""Figures as a reader sees them: nothing shown contradicts a verdict."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from deskledger.reports import charts, figures


@pytest.mark.parametrize(
    ("value", "statistic", "operator", "shown"),
    [
        ("95", "share_met", ">=", "95 %"),
        ("94.9999", "share_met", ">=", "94.99 %"),
        ("10.0001", "share", "<=", "10.01 %"),
        ("10", "share", "<=", "10 %"),
        ("0.5", "share", ">=", "0.50 %"),
        ("21600", "mean", "<=", "6 h"),
        ("21645", "percentile", "<=", "6 h 0 min 45 s"),
        ("43201/2", "mean", "<=", "6 h 0 min 1 s"),
        ("43199/2", "mean", ">=", "5 h 59 min 59 s"),
        ("5400", "mean", "<=", "1 h 30 min"),
        ("3600000", "mean", "<=", "1,000 h"),
        ("59", "mean", "<=", "59 s"),
        ("0", "mean", "<=", "0 s"),
        ("5", "count", "<=", "5"),
    ],
)
def test_a_figure_is_cut_towards_its_verdict(value: str, statistic: str, operator: str, shown: str) -> None:
    assert figures.figure(Fraction(value), statistic, operator) == shown


@pytest.mark.parametrize(
    ("value", "target", "statistic", "operator", "shown"),
    [
        ("99.995", "99.995", "share_met", ">=", "99.995 %"),
        ("99.9949", "99.995", "share_met", ">=", "99.994 %"),
        ("99.9971", "99.995", "share_met", ">=", "99.997 %"),
        ("1/3", "0.333", "share", "<=", "0.334 %"),
        ("0.3", "0.5", "mean", "<=", "0.3 s"),
        ("21600.51", "21600.5", "mean", "<=", "6 h 0 min 0.6 s"),
        ("200/3", "200/3", "share_met", ">=", "66.66 %"),  # no decimal writes this target
    ],
)
def test_a_figure_has_the_decimals_of_its_objective(
    value: str, target: str, statistic: str, operator: str, shown: str
) -> None:
    assert figures.figure(Fraction(value), statistic, operator, Fraction(target)) == shown


@pytest.mark.parametrize(
    ("seconds", "open_time", "physical"),
    [
        (0, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (60, "1 min", "1 min"),
        (3_599, "59 min 59 s", "59 min 59 s"),
        (3_600, "1 h", "1 h"),
        (86_399, "23 h 59 min", "23 h 59 min"),
        (86_400, "24 h", "1 d"),
        (5 * 86_400 + 3_660, "121 h 1 min", "5 d 1 h"),
        (-90, "−1 min 30 s", "−1 min 30 s"),
    ],
)
def test_open_time_is_never_told_in_days(seconds: int, open_time: str, physical: str) -> None:
    assert figures.open_time_us(seconds * 1_000_000) == open_time
    assert figures.duration_us(seconds * 1_000_000) == physical


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1234567.5", "1,234,567.50 EUR"), ("-3500.00", "−3,500.00 EUR"), ("0", "0.00 EUR"), ("1.234", "1.234 EUR")],
)
def test_money_keeps_its_cents(amount: str, shown: str) -> None:
    assert figures.money(Decimal(amount), "EUR") == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1000", "JPY", "1,000 JPY"),
        ("1000.00", "JPY", "1,000 JPY"),
        ("1000.5", "JPY", "1,000.5 JPY"),  # more than the currency has is never hidden
        ("12.5", "KWD", "12.500 KWD"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: str, currency: str, shown: str) -> None:
    assert figures.money(Decimal(amount), currency) == shown


def test_an_instant_is_told_in_the_contracts_zone() -> None:
    late = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
    assert figures.local(late, "Europe/Madrid") == "31 Mar 2026, 23:30 CEST"
    assert figures.local(None, "Europe/Madrid") == "–"


@pytest.mark.parametrize(
    ("written", "statistic", "shown"),
    [
        (">= 88, < 92", "share_met", ">= 88 %, < 92 %"),
        ("<= 21600", "percentile", "<= 6 h"),
        ("> 21645, <= 21660.5", "percentile", "> 6 h 0 min 45 s, <= 6 h 1 min 0.5 s"),
        ("<= 5", "count", "<= 5"),
        (None, "share", "–"),
    ],
)
def test_edges_carry_units(written: str | None, statistic: str, shown: str) -> None:
    assert figures.edge(written, statistic) == shown


def months(*values: int | None) -> list[dict[str, object]]:
    return [{"value": None if value is None else Fraction(value), "status": "met"} for value in values]


def test_a_sparkline_breaks_where_a_month_has_no_data_and_stays_in_its_box() -> None:
    chart = charts.sparkline(months(90, 95, None, 80, 100), Fraction(95))
    assert chart is not None
    assert [len(path.split()) for path in chart["paths"]] == [2, 2]
    drawn = [point for point in chart["points"] if point]
    assert min(point["y"] for point in drawn) == drawn[-1]["y"] == charts.INSET  # the best month is the highest
    assert max(point["y"] for point in drawn) == charts.HEIGHT - charts.INSET
    assert (drawn[0]["x"], drawn[-1]["x"]) == (charts.INSET, charts.WIDTH - charts.INSET)


def test_a_sparkline_of_one_value_or_none() -> None:
    assert charts.sparkline(months(None), Fraction(95)) is None
    only = charts.sparkline(months(95), Fraction(95))
    assert only is not None
    assert only["paths"] == []
    assert only["points"][0]["x"] == charts.WIDTH / 2


def test_a_bar_shares_its_width() -> None:
    assert [
        (part["x"], part["width"]) for part in charts.bar([("a", "good", 1), ("b", "none", 0), ("c", "bad", 3)])
    ] == [
        (0.0, 25.0),
        (25.0, 0.0),
        (25.0, 75.0),
    ]
    assert [part["width"] for part in charts.bar([("a", "good", 0)])] == [0.0]
