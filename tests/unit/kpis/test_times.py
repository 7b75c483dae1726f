"""Times by nearest rank, and the rank correlation beside SciPy's."""

from statistics import mean

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from deskledger import kpis
from deskledger.model import CYCLE, conform


def _cycles(rows: list[tuple[str, str | None, int, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["clock", "team", "elapsed_us", "state"])
    at = pd.Timestamp("2026-03-02", tz="UTC")
    stopped = frame["state"].map(lambda state: pd.NaT if state == "running" else at)
    blank = dict.fromkeys(["provider_us", "customer_us", "third_party_us", "cycle", "ticket_key"], 0)
    instants = dict.fromkeys(["started_at", "attributed_at", "as_of"], at)
    said = {"contract": "c", "version": 1, "created_month": 202603, "is_incomplete": False}
    return conform(CYCLE, frame.assign(stopped_at=pd.to_datetime(stopped, utc=True), **instants, **said, **blank))


@pytest.mark.parametrize(
    ("elapsed", "p50", "p90"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        ([3, 1, 2], 2, 3),
        (list(range(1, 11)), 5, 9),
        (list(range(1, 12)), 6, 10),
        (list(range(1, 102)), 51, 91),
    ],
)
def test_times_by_nearest_rank(elapsed: list[int], p50: int, p90: int) -> None:
    table = kpis.times(_cycles([("resolution", "red", each, "met") for each in elapsed]))
    assert table.loc["resolution", ["n", "p50_us", "p90_us"]].tolist() == [len(elapsed), p50, p90]


def test_times_by_team_leave_out_what_has_not_stopped() -> None:
    rows = [
        ("resolution", "red", 5, "met"),
        ("resolution", "red", 9, "breached"),
        ("resolution", "red", 1, "running"),
        ("resolution", "red", 1, "cancelled"),
        ("resolution", "blue", 4, "met"),
        ("first_response", "blue", 2, "met"),
    ]
    table = kpis.times(_cycles(rows), by=["team"])
    assert table["n"].to_dict() == {
        ("first_response", "blue"): 1,
        ("resolution", "blue"): 1,
        ("resolution", "red"): 2,
    }
    assert table.loc[("resolution", "red"), ["total_us", "p50_us", "p90_us"]].tolist() == [14, 5, 9]


def test_rows_stand_in_the_order_of_their_names() -> None:
    rows = [("resolution", team, us, "met") for team, us in (("red", 5), ("blue", 4), ("red", 3))]
    cycles = _cycles(rows)
    mixed = cycles.assign(team=cycles["team"].cat.set_categories(["red", "grey", "blue"]))
    table = kpis.times(mixed, by=["team"])
    assert table["total_us"].to_dict() == {("resolution", "blue"): 4, ("resolution", "red"): 8}
    assert table.index.get_level_values("team").tolist() == ["blue", "red"]
    assert table["p50_us"].tolist() == [4, 3]


def test_times_leave_out_tickets_of_which_something_is_missing() -> None:
    cycles = _cycles([("resolution", "red", 5, "met"), ("resolution", "red", 9, "met")])
    assert kpis.times(cycles.assign(is_incomplete=[False, True]))["total_us"].tolist() == [5]


_taken = st.lists(
    st.tuples(st.sampled_from(["red", "blue", None]), st.integers(0, 9), st.sampled_from(["met", "running"])),
    max_size=12,
)


@settings(deadline=None)
@given(_taken, st.integers(1, 100))
def test_a_percentile_is_the_smallest_time_that_so_many_do_not_exceed(
    taken: list[tuple[str | None, int, str]], percentile: int
) -> None:
    table = kpis.times(_cycles([("r", team, us, state) for team, us, state in taken]), ["team"], [percentile])
    for team in {team for team, _, state in taken if state == "met"}:
        own = [us for each, us, state in taken if each == team and state == "met"]
        row = table[table.index.get_level_values("team").isna() if team is None else table.index == ("r", team)]
        expected = min(us for us in own if 100 * sum(other <= us for other in own) >= percentile * len(own))
        assert row[["n", "total_us", f"p{percentile}_us"]].to_numpy().tolist() == [[len(own), sum(own), expected]]
    assert table["n"].sum() == sum(state == "met" for *_, state in taken)


_values = st.one_of(st.none(), st.integers(0, 4))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), _values, _values), max_size=15))
def test_the_rank_correlation_is_spearman_s_with_ties(rows: list[tuple[str | None, int | None, int | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["team", "hours", "rating"]).astype({"hours": "Int64", "rating": "Int64"})
    by_team = kpis.rank_correlation(frame, "hours", "rating", by=["team"])
    groups = [("all", rows), *((name, [each for each in rows if each[0] == name]) for name in ("a", "b", None))]
    for team, pairs in groups:
        known = [(x, y) for _, x, y in pairs if x is not None and y is not None]
        xs, ys = [x for x, _ in known], [y for _, y in known]
        if team == "all":
            (found,) = kpis.rank_correlation(frame, "hours", "rating").to_dict("records")
        else:
            own = by_team[by_team.index.isna() if team is None else by_team.index == team]
            assert len(own) == bool(known)
            if not known:
                continue
            found = own.iloc[0].to_dict()
        assert found["n"] == len(known)
        if len(set(xs)) < 2 or len(set(ys)) < 2:
            assert pd.isna(found["rho"])
        else:
            assert found["rho"] == pytest.approx(spearmanr(xs, ys).statistic, abs=1e-12)


def test_a_correlation_by_hand() -> None:
    """Ranks 1, 2.5, 2.5, 4 against 4, 2, 3, 1: cov -4.5, variances 4.5 and 5, so -4.5 / sqrt(22.5)."""
    frame = pd.DataFrame({"hours": [1, 5, 5, 9], "rating": [5, 2, 3, 1]})
    table = kpis.rank_correlation(frame, "hours", "rating")
    assert table.columns.tolist() == ["n", "rho"]
    found = table.iloc[0]
    assert (found["n"], found["rho"]) == (4, pytest.approx(-4.5 / np.sqrt(22.5)))
    assert mean(frame["hours"].rank()) == 2.5
