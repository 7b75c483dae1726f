"""The counted KPIs of a small desk, by hand beside the frames; instants at both sides of the period."""

from collections.abc import Callable

import pandas as pd
import pytest

from deskledger import kpis
from deskledger.contract.terms import KPIS

from tests.unit.kpis.desk import DESK, LIVES, MARCH, events, in_march, tickets


@pytest.mark.parametrize(
    ("kpi", "num", "den"),
    [
        (kpis.reopened, 1, 2),  # 2 and 3 were resolved in March, 2 came back
        (kpis.undue_l3_escalations, 2, 3),
        (kpis.l3_escalations, 3, 6),  # 2 once and 3 twice; 1, 4 and 5 were there and had none
        (kpis.management_escalations, 1, 5),
        (kpis.without_eta, 2, 3),
        (kpis.acknowledged, 1, 3),
        (kpis.open_tickets, 3, 5),
    ],
)
def test_what_counts_in_march(kpi: Callable, num: int, den: int) -> None:
    rows = kpi(in_march(DESK, LIVES))
    assert kpis.measurement(kpis.share(rows)) == {"num": num, "den": den}
    assert rows["is_denominator"].all()
    assert ((rows["attributed_at"] >= MARCH[0]) & (rows["attributed_at"] < MARCH[1])).all()


@pytest.mark.parametrize("kpi", kpis.COUNTED.values(), ids=kpis.COUNTED)
def test_a_desk_without_tickets_has_no_share(kpi: Callable) -> None:
    table = kpis.share(kpi(in_march(DESK.iloc[:0], LIVES.iloc[:0])))
    assert table["denominator"].tolist() == [0] and pd.isna(table["share_pct"].iloc[0])


def test_a_contract_may_name_exactly_the_kpis_that_can_be_counted() -> None:
    assert set(kpis.COUNTED) == set(KPIS)


def test_resolved_then_closed_is_one_finish_and_no_reopening() -> None:
    lives = events([(1, "2026-03-02", "status", "resolved"), (1, "2026-03-07", "status", "closed")])
    assert kpis.measurement(kpis.share(kpis.reopened(in_march(DESK, lives)))) == {"num": 0, "den": 1}


def test_a_reopening_of_february_s_resolution_is_not_march_s_though_march_finished_it_again() -> None:
    lives = events(
        [
            (1, "2026-02-01", "status", "resolved"),
            (1, "2026-03-05", "status", "open"),
            (1, "2026-03-06", "status", "resolved"),
        ]
    )
    assert kpis.measurement(kpis.share(kpis.reopened(in_march(DESK, lives)))) == {"num": 0, "den": 1}


@pytest.mark.parametrize(
    ("at", "is_counted"),
    [
        ("2026-02-28T23:59:59.999999", False),
        ("2026-03-01", True),
        ("2026-03-31T23:59:59.999999", True),
        ("2026-04-01", False),
    ],
)
def test_an_escalation_is_of_the_period_that_it_happened_in(at: str, is_counted: bool) -> None:
    lives = events([(1, at, "escalation", "L2>L3 undue, management")])
    assert len(kpis.undue_l3_escalations(in_march(DESK, lives))) == is_counted
    for counting in (kpis.l3_escalations, kpis.management_escalations):
        assert kpis.measurement(kpis.share(counting(in_march(DESK, lives))))["num"] == is_counted


def test_an_escalation_without_words_is_to_no_level_and_of_no_kind() -> None:
    lives = events([(1, "2026-03-02", "escalation", None), (2, "2026-03-02", "escalation", "L2>L3")])
    assert kpis.undue_l3_escalations(in_march(DESK, lives))["ticket_key"].tolist() == [2]
    assert kpis.measurement(kpis.share(kpis.l3_escalations(in_march(DESK, lives))))["num"] == 1
    assert kpis.measurement(kpis.share(kpis.management_escalations(in_march(DESK, lives))))["num"] == 0


def test_simultaneous_escalations_stand_in_the_source_s_own_order() -> None:
    told = ["L2>L3 undue", "L2>L3", "L2>L3 undue", "L2>L3"]
    lives = events([(1, "2026-03-02", "escalation", words) for words in told])
    for mixed in (lives, lives[::-1], lives.iloc[[2, 0, 3, 1]]):
        assert kpis.undue_l3_escalations(in_march(DESK, mixed))["is_numerator"].tolist() == [True, False, True, False]


def test_each_row_is_of_the_instant_that_it_is_about() -> None:
    at = {
        name: kpi(in_march(DESK, LIVES)).set_index("ticket_key")["attributed_at"] for name, kpi in kpis.COUNTED.items()
    }
    assert at["reopened"][2] == pd.Timestamp("2026-03-01", tz="UTC")  # its first finish, before it came back
    assert at["acknowledged"][4] == pd.Timestamp("2026-03-24T00:00:00.000001", tz="UTC")
    assert at["without_eta"][1] == at["backlog"][1] == pd.Timestamp("2026-03-31T23:59:59.999999", tz="UTC")
    assert at["undue_l3_escalations"][3].tolist() == [pd.Timestamp(f"2026-03-0{day}", tz="UTC") for day in (2, 3)]


def test_shares_by_a_column_of_the_rows() -> None:
    rows = kpis.without_eta(in_march(DESK, LIVES)).merge(DESK[["ticket_key", "team"]], on="ticket_key")
    table = kpis.share(rows, by=["team"])
    assert table.loc["blue", ["numerator", "denominator", "share_pct"]].tolist() == [1, 2, 50]
    assert table.loc["red", ["numerator", "denominator"]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("flags", "num", "den", "pct"),
    [
        ([(True, True)], 1, 1, 100),
        ([(False, True)], 0, 1, 0),
        ([(True, True)] * 3 + [(False, True)], 3, 4, 75),
        ([(True, False)], 1, 0, None),  # nothing to be a share of
        ([], 0, 0, None),
    ],
)
def test_a_share_in_per_cent(flags: list[tuple[bool, bool]], num: int, den: int, pct: float | None) -> None:
    rows = pd.DataFrame(flags, columns=["is_numerator", "is_denominator"], dtype=bool)
    row = kpis.share(rows).iloc[0]
    assert (row["numerator"], row["denominator"]) == (num, den)
    assert pd.isna(row["share_pct"]) if pct is None else row["share_pct"] == pct


@pytest.mark.parametrize("kpi", kpis.COUNTED.values(), ids=kpis.COUNTED)
def test_the_order_of_rows_changes_nothing(kpi: Callable) -> None:
    desk, lives = DESK.sample(frac=1, random_state=3), LIVES.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(kpi(in_march(desk, lives)), kpi(in_march(DESK, LIVES)))


def test_events_of_other_tickets_count_nowhere() -> None:
    own = tickets([(1, "red", "2026-01-10")])
    assert kpis.l3_escalations(in_march(own, LIVES))["ticket_key"].tolist() == [1]
    assert len(kpis.reopened(in_march(own, LIVES))) == 0
