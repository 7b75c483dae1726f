"""The report's figures: each whole is the sum of its groups, and all of it can be frozen."""

from datetime import timedelta

import pandas as pd
import pytest

from deskledger import model
from deskledger.contract.terms import CsatTerms
from deskledger.ledger import digest
from deskledger.statement import Held, Inputs
from deskledger.statement.answers import prepare
from deskledger.statement.figures import GROUPS, figures
from deskledger.statement.material import Material

from tests.unit.statement.test_kpi_levels import MARCH, SCOPE, desk

CSAT = CsatTerms(
    clause="5",
    good=frozenset({4, 5}),
    neutral=frozenset({3}),
    poor=frozenset({1, 2}),
    denominator="exclude_neutral",
    answers="all",
    attribution="responded",
)


@pytest.fixture(scope="module")
def told() -> dict:
    tickets, events = desk()
    cycle = {"contract": "a", "version": 1, "created_month": 202603, "clock": "resolution", "cycle": 1, "state": "met",
             "started_at": MARCH[0], "attributed_at": MARCH[0], "as_of": MARCH[1], "customer_us": 0,
             "third_party_us": 0, "is_incomplete": False}  # fmt: skip
    taken = [(1, 5, "red", MARCH[0]), (2, 7, "blue", MARCH[1] - pd.Timedelta(microseconds=1)), (3, 9, None, MARCH[1])]
    cycles = pd.DataFrame(
        [{**cycle, "ticket_key": key, "elapsed_us": us, "provider_us": us, "team": team, "stopped_at": at}
         for key, us, team, at in taken]
    )  # fmt: skip
    cycles = model.conform(model.CYCLE, cycles).assign(is_chosen=True)
    rated = pd.DataFrame(
        {
            "source": "desk", "survey_id": ["s1", "s2", "s3"], "answer_id": "a", "ticket_key": [4, 4, 1],
            "sent_at": pd.Timestamp("2026-03-11T09:00Z"), "responded_at": pd.Timestamp("2026-03-12T09:00Z"),
            "rating": [5, 1, 4], "team": ["red", "red", None],
        }
    )  # fmt: skip
    answers = prepare(
        model.conform(model.SURVEY_ANSWER, rated), tickets, events, CSAT, *MARCH, survey_wait=timedelta(0)
    )
    charges = model.empty(model.CHARGE)
    inputs = Inputs(tickets, events, answers, charges, frozenset(), Held({}, ()), (), (), MARCH[1].to_pydatetime())
    return figures(Material(*MARCH, cycles, answers, inputs, SCOPE), "Etc/UTC")


def test_the_whole_month(told: dict) -> None:
    flow = {name: told["backlog"][name] for name in ("open_at_begin", "in", "out", "open_at_end")}
    assert flow == {"open_at_begin": 0, "in": 5, "out": 1, "open_at_end": 4}
    assert told["undue_escalations"] == {"num": 2, "den": 4}
    assert told["management_escalations"] == {"num": 0, "den": 5}
    # The third cycle stopped in the first instant of April.
    assert told["times"] == {"resolution": {"n": 2, "total_us": 12, "p50_us": 5, "p90_us": 7}}
    # Only ticket 4 was resolved, and both its answers waited alike.
    assert told["rating_by_time"] == {"n": 2, "rho": None}


def test_day_by_day(told: dict) -> None:
    daily = told["daily"]
    assert daily["first_day"] == "2026-03-01"
    assert {len(daily[name]) for name in ("created", "finished", "open", "l3_escalations")} == {31}
    assert daily["created"][:6] == [1, 1, 1, 1, 1, 0]
    assert daily["finished"].index(1) == 9
    assert daily["open"][:11] == [1, 2, 3, 4, 5, 5, 5, 5, 5, 4, 4]
    assert daily["l3_escalations"][6:10] == [1, 0, 2, 1]
    assert (sum(daily["created"]), sum(daily["l3_escalations"])) == (5, 4)


@pytest.mark.parametrize("field", GROUPS)
def test_groups_add_up_to_the_whole(told: dict, field: str) -> None:
    rows = told["by"][field]
    assert sum(row["flow"].get("open_at_end", 0) for row in rows) == told["backlog"]["open_at_end"]
    assert sum(row.get("undue_escalations", {"den": 0})["den"] for row in rows) == 4
    assert sum(row["times"].get("resolution", {"n": 0})["n"] for row in rows) == 2
    assert sum(row["csat"].get("answers", 0) for row in rows) == 3


def test_a_group_is_that_of_the_instant_that_each_figure_is_about(told: dict) -> None:
    by_team = {row["name"]: row for row in told["by"]["team"]}
    assert list(by_team) == ["blue", "red"]
    assert by_team["blue"]["flow"]["in"] == 1  # ticket 2 ended the month there
    assert by_team["blue"]["undue_escalations"] == {"num": 1, "den": 1}
    assert by_team["red"]["csat"] == {"good": 2, "neutral": 0, "poor": 1, "answers": 3}


def test_figures_can_be_frozen(told: dict) -> None:
    assert len(digest(told)) == 64
