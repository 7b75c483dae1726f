"""Rows that tell what changed and are silent of the rest, as histories that a desk is asked for do."""

from typing import Any

import pytest
from pydantic import ValidationError

from deskledger.sources.event_log.mapping import Mapping
from deskledger.sources.event_log.normalise import Normalised, normalise

from tests.unit.sources.event_log.desk import EVENTS, mapping, normalised, origin, table, told

SILENT = {"opened": "", "state": "", "prio": "", "team": ""}
FIRST = {"n": "1", "at": "2026-03-02 09:00", "agent": "ann"}
KEEPS = {**EVENTS["fields"], "agent": {"column": "agent", "cleared": ["nobody"]}}


def second(**says: str) -> dict[str, str]:
    return {**SILENT, "n": "2", "at": "2026-03-02 10:00", **says}


def test_a_row_that_is_silent_of_the_creation_has_it_from_the_tickets_other_rows() -> None:
    made = normalised(second(state="Done"), FIRST)
    assert made.faults.empty
    assert made.tickets["created_at"].dt.strftime("%H:%M").tolist() == ["09:00"]
    assert told(made, "status") == [("2026-03-02 09:00", "open"), ("2026-03-02 10:00", "resolved")]


def test_the_newest_landed_row_says_it_and_another_tickets_row_does_not() -> None:
    earlier = {**FIRST, "opened": "2026-03-02 08:00"}
    for landed, expected in (([1, 1, 2], "09:00"), ([1, 2, 1], "08:00")):
        rows = [second(state="Done"), earlier, {**FIRST, "n": "3", "at": "2026-03-02 11:00"}]
        assert normalised(*rows, landed=landed).tickets["created_at"].dt.strftime("%H:%M").tolist() == [expected]
    alone = normalised(second(id="T2", state="Done"), FIRST)
    assert alone.faults["rule"].tolist() == ["opened_not_an_instant"]


@pytest.mark.parametrize(("word", "holds"), [("nobody", None), ("", "ann"), ("bob", "bob")])
def test_a_word_of_cleared_says_that_there_is_none_any_more(word: str, holds: str | None) -> None:
    made = normalised(FIRST, second(agent=word), second(n="3", at="2026-03-02 11:00"), fields=KEEPS)
    assert made.faults.empty
    changes = [] if holds == "ann" else [("2026-03-02 10:00", holds)]
    assert told(made, "assignment") == [("2026-03-02 09:00", "ann"), *changes]
    agent = made.tickets["agent"].astype(object)
    assert agent.where(agent.notna(), None).tolist() == [holds]


def test_a_row_may_tell_several_activities_each_in_its_column() -> None:
    several = [
        {"column": "what", "words": {"reply": {"kind": "reply", "is_public": True}}},
        {"column": "resolved_at", "value": "detail", "words": {"up": {"kind": "escalation"}}},
        {"column": "closed_at", "words": {"seen": {"kind": "acknowledgement"}}},
    ]
    events = {
        **{key: value for key, value in EVENTS.items() if key not in ("activity", "dated")},
        "activities": several,
    }
    row = {
        "n": "1",
        "at": "2026-03-02 09:30",
        "what": "reply",
        "resolved_at": "up",
        "detail": "L1>L2",
        "closed_at": "seen",
    }
    whole = Mapping.model_validate({**mapping().model_dump(exclude_unset=True), "events": events})
    made = normalise(whole, table(row), origin([1]))
    done = made.events[made.events["kind"].isin(["reply", "escalation", "acknowledgement"])]
    assert done["event_id"].tolist() == ["1.reply", "1.escalation", "1.acknowledgement"]
    assert done["value"].astype(object).where(done["value"].notna(), None).tolist() == [None, "L1>L2", None]
    assert done["seq"].tolist() == [32 + 8, 32 + 24, 32 + 25]


@pytest.mark.parametrize(
    ("activities", "says"),
    [
        ([{"column": "closed_at", "words": {"r": {"kind": "reply"}}}], "reply in several columns"),
        ([{"column": f"c{n}", "words": {}} for n in range(9)], "10 columns of activities; at most 9"),
    ],
)
def test_activity_columns_that_do_not_fit_are_refused(activities: list[Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Mapping.model_validate(
            {**mapping().model_dump(exclude_unset=True), "events": {**EVENTS, "activities": activities}}
        )


def by_agents(**agents: str) -> Normalised:
    role = {
        "agents": "kind",
        "words": {"staff": "agent", "partner": "third_party"},
        "others": "customer",
        "ids": {"-1": "system"},
    }
    with_agents = mapping(
        actor={"id": "by", "role": role}, agents={"files": ["agents.csv"], "columns": {"agent": "name"}}
    )
    rows = table(
        *({"n": str(n), "at": f"2026-03-02 09:1{n}", "what": "reply", "by": by} for n, by in enumerate(ACTORS))
    )
    return normalise(with_agents, rows, origin([1] * len(ACTORS)), agents)


ACTORS = ["ann", "acme", "zoe", "-1", "", "olaf"]


def test_roles_by_the_agents_that_the_desk_has() -> None:
    made = by_agents(ann="staff", acme="partner", olaf="left us")
    replies = made.events[made.events["kind"] == "reply"]
    roles = replies["actor_role"].astype(object).where(replies["actor_role"].notna(), None)
    assert roles.tolist() == ["agent", "third_party", "customer", "system", None, "customer"]


def test_roles_by_agents_need_the_section_and_its_column() -> None:
    role = {"agents": "kind", "words": {}, "others": "customer"}
    with pytest.raises(ValidationError, match=r"needs events\.actor\.id and the section agents"):
        mapping(actor={"id": "by", "role": role})
    assert mapping(
        actor={"id": "by", "role": role}, agents={"files": ["agents.csv"], "columns": {"agent": "name"}}
    ).columns_of("agents") == ["name", "kind"]


def test_a_deletion_is_told_once_until_the_ticket_comes_back() -> None:
    words = {**EVENTS["activity"]["words"], "gone": {"kind": "deleted"}}
    activity = {**EVENTS["activity"], "words": words}
    hours = ["Shut", "", "Shut", "Open", "Shut"]
    rows = [
        {"n": str(n), "at": f"2026-03-02 1{n}:00", "state": state, "what": "update" if state == "Open" else "gone"}
        for n, state in enumerate(hours)
    ]
    made = normalised(*rows, activity=activity)
    assert [at for at, _ in told(made, "deleted")] == ["2026-03-02 10:00", "2026-03-02 14:00"]
