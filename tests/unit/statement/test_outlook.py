"""The draws of a month's rest: exact where nothing is open, and wide enough on months that are made up here."""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from deskledger import model
from deskledger.statement.outlook import DRAWS, History, Stretch, cut, draw_counts, draw_means, draw_percentiles

_NONE = np.empty(0, dtype=np.int64)
START, END = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


def _shares(world: str, months: int, random: np.random.Generator) -> np.ndarray:
    """The underlying share of each month's two stretches (rows: months; the last row is the running one)."""
    if world == "never changes":
        return np.full((months, 2), 0.9)
    if world == "months differ":  # the two stretches of a month are alike
        return np.repeat(random.beta(36, 4, size=(months, 1)), 2, axis=1)
    if world == "stretches differ":
        return random.beta(18, 2, size=(months, 2))
    assert world == "few tickets"
    return np.full((months, 2), 0.8)


def _trials(world: str, past: int, trials: int) -> np.ndarray:
    """One row a made-up month: its share so far, whether the 80 % interval held its share in the end."""
    random = np.random.default_rng(20260401)
    volume = 12 if world == "few tickets" else 400
    rows = []
    for _ in range(trials):
        sizes = random.poisson(np.array([volume / 3, 2 * volume / 3]), size=(past + 1, 2))
        met = random.binomial(sizes, _shares(world, past + 1, random))
        stretches = [[Stretch(int(met[m, s]), int(sizes[m, s]), _NONE) for s in (0, 1)] for m in range(past + 1)]
        history = History(tuple(row[0] for row in stretches[:-1]), tuple(row[1] for row in stretches[:-1]))
        so_far, rest = stretches[-1]
        drawn = draw_counts(history, so_far, 0, random)
        total = np.maximum(drawn[:, 1] + so_far.denominator, 1)
        low, high = np.quantile((drawn[:, 0] + so_far.numerator) / total, [0.1, 0.9])
        truth = (so_far.numerator + rest.numerator) / max(so_far.denominator + rest.denominator, 1)
        rows.append([so_far.numerator / max(so_far.denominator, 1), low <= truth <= high])
    return np.array(rows)


@pytest.mark.parametrize("world", ["never changes", "months differ", "stretches differ", "few tickets"])
@pytest.mark.parametrize("past", [3, 6])
def test_the_interval_holds_the_month_as_often_as_it_says(world: str, past: int) -> None:
    """Of months made up by four different laws, the 80 % interval of the month's share holds about 80 %."""
    held = _trials(world, past, 150)[:, 1].mean()
    assert 0.74 <= held <= 0.97


def test_a_month_that_began_badly_is_known_by_its_beginning() -> None:
    """Of months that differ from each other, the worst beginnings are not expected to come right by themselves."""
    found = _trials("months differ", 4, 200)
    worst = found[found[:, 0] <= np.quantile(found[:, 0], 0.25)]
    assert worst[:, 1].mean() >= 0.7


def test_the_interval_of_a_time_holds_as_often_as_it_says() -> None:
    """The 90th percentile of answer times, in months that are slower or faster than each other."""
    random = np.random.default_rng(7)
    held, trials = 0, 80
    for _ in range(trials):
        pace = random.normal(0, 0.15, size=7)
        months = [
            [np.exp(random.normal(9 + each, 1, size=size)).astype(np.int64) for size in (100, 200)] for each in pace
        ]
        begun, rest = [[Stretch(0, len(month[s]), month[s]) for month in months] for s in (0, 1)]
        history = History(tuple(begun[:-1]), tuple(rest[:-1]))
        values = sorted(value for value, _ in draw_percentiles(history, begun[-1], 0, Fraction(90), random))
        truth = np.sort(np.concatenate([begun[-1].times_us, rest[-1].times_us]))
        held += bool(values[DRAWS // 10 - 1] <= truth[-(-9 * len(truth) // 10) - 1] <= values[9 * DRAWS // 10 - 1])
    assert 0.74 <= held / trials <= 0.99, f"{held} of {trials}"


def test_more_of_the_month_known_leaves_less_open() -> None:
    """With the same shares, the interval shrinks as the cut moves on, and nothing is open at the end."""
    random = np.random.default_rng(3)
    widths = []
    for part in (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10), Fraction(1)):
        first, second = int(300 * part), 300 - int(300 * part)
        begun, rest = Stretch(first * 9 // 10, first, _NONE), Stretch(second * 9 // 10, second, _NONE)
        drawn = draw_counts(History((begun,) * 3, (rest,) * 3), begun, 0, random)
        totals = (drawn[:, 0] + begun.numerator) / (drawn[:, 1] + begun.denominator)
        widths.append(float(np.quantile(totals, 0.9) - np.quantile(totals, 0.1)))
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


def test_without_any_history_everything_is_possible() -> None:
    drawn = draw_counts(History((), ()), Stretch(0, 0, _NONE), 40, np.random.default_rng(1))
    assert drawn.shape == (DRAWS, 2)
    assert drawn[:, 1].min() >= 40
    share = drawn[:, 0] / drawn[:, 1]
    assert np.quantile(share, 0.1) < 0.25
    assert np.quantile(share, 0.9) > 0.75
    nothing = History((), ()), Stretch(0, 0, _NONE), 5
    assert set(draw_percentiles(*nothing, Fraction(90), np.random.default_rng(1))) == {(None, 0)}
    assert set(draw_means(*nothing, np.random.default_rng(1))) == {(0, 0)}


@pytest.mark.parametrize(
    ("percentile", "expected"), [("50", 2), ("51", 3), ("75", 3), ("76", 4), ("99.9", 4), ("1", 1)]
)
def test_a_percentile_with_nothing_to_come_is_the_nearest_rank(percentile: str, expected: int) -> None:
    begun, nothing = Stretch(0, 4, np.array([4, 1, 3, 2])), Stretch(0, 0, _NONE)
    found = draw_percentiles(History((begun,), (nothing,)), begun, 0, Fraction(percentile), np.random.default_rng(1))
    assert set(found) == {(expected, 4)}
    assert set(draw_means(History((begun,), (nothing,)), begun, 0, np.random.default_rng(1))) == {(10, 4)}


def test_what_is_under_way_is_the_least_that_comes() -> None:
    quiet = Stretch(3, 3, _NONE)
    drawn = draw_counts(History((quiet,), (quiet,)), quiet, 50, np.random.default_rng(1))
    assert drawn[:, 1].min() == 50


def test_the_same_seed_draws_the_same_month() -> None:
    known = Stretch(80, 100, np.arange(100))
    history = History((known,), (known,))
    one, other = (draw_counts(history, known, 0, np.random.default_rng([5, 6])) for _ in range(2))
    assert (one == other).all()


def test_a_month_is_cut_where_its_rows_were_decided() -> None:
    """A breach is decided when it happens, however long the ticket stays open; an answer when it is given."""
    rows = pd.DataFrame(
        {
            "fate": ["failed", "met", "met", "failed", "met", "excluded"],
            "is_numerator": [False, True, True, False, True, False],
            "is_denominator": [True, True, True, True, True, False],
            "breached_at": ["2026-04-10T23:59:59Z", None, None, "2026-04-11T00:00:00Z", None, None],
            "stopped_at": ["2026-04-29", "2026-04-10", "2026-04-11", None, None, "2026-04-02"],
            "responded_at": [None, None, None, None, "2026-04-05", None],
            "elapsed_us": [5, 1, 2, 6, None, 9],
        }
    )
    for name in ("breached_at", "stopped_at", "responded_at"):
        rows[name] = pd.to_datetime(rows[name], utc=True, format="ISO8601").astype(model.UTC_INSTANT)
    rows["attributed_at"] = pd.Timestamp(START).as_unit("us")
    rows = rows.astype({"elapsed_us": "Int64"})
    before, after = cut(rows, START, END, Fraction(1, 3), "elapsed_us")
    assert (before.numerator, before.denominator, before.times_us.tolist()) == (2, 3, [5, 1])
    assert (after.numerator, after.denominator, after.times_us.tolist()) == (1, 2, [2, 6])
