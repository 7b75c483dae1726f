"""Golden cases of ticket clocks, one test a case; DESKLEDGER_GOLDEN names another folder of the same form."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deskledger import clocks
from deskledger.business_time import BusinessCalendar
from deskledger.contract.definitions import DEFINITIONS, DONE, ready_made
from deskledger.contract.terms import ClockTerms, EventMatch, Target
from deskledger.model import STATUSES, TICKET, TICKET_EVENT, conform

_FOLDER = Path(os.environ.get("DESKLEDGER_GOLDEN") or Path(__file__).parent)

# The cases' words for statuses and actors, and ours.
_STATUSES = {
    "pending": "waiting_on_customer",
    "on_hold": "waiting_on_third_party",
    "solved": "resolved",
}
_ROLES = {"requester": "customer"}


def _cases() -> list[dict[str, Any]]:
    file = _FOLDER / "ticket_clocks.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8-sig").split("\n") if line.strip()]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["id"])
def test_golden_ticket_clock(case: dict[str, Any]) -> None:
    case = {**case, "events": sorted(case["events"], key=lambda event: pd.Timestamp(event["at"]))}
    tickets, events = _frames(case)
    as_of = pd.Timestamp(case.get("as_of") or case["events"][-1]["at"])
    clock = _clock(case)
    calendar = BusinessCalendar.from_terms(case["calendar"])
    cycles = clocks.measure(tickets, events, [clock], {"hours": calendar}, as_of)
    expected = case["expected"]
    if cycles.empty:
        assert all(value is None or value is False for value in expected.values()), "nothing has started the clock"
        return
    cycle = cycles.iloc[-1]
    checked = set()
    if "elapsed_seconds" in expected:
        assert cycle["elapsed_us"] == expected["elapsed_seconds"] * 1_000_000
        checked.add("elapsed_seconds")
    if "deadline" in expected:
        if expected["deadline"] is None:
            # A source that gives no deadline: none was promised, the clock has ended, or it is paused now.
            last = next((row["status"] for row in reversed(case["events"]) if row["kind"] == "status"), None)
            is_paused = last in case.get("paused_statuses", ())
            assert pd.isna(cycle["due_at"]) or not pd.isna(cycle["stopped_at"]) or is_paused
        else:
            assert cycle["due_at"] == pd.Timestamp(expected["deadline"])
        checked.add("deadline")
    if "breached" in expected:
        assert (cycle["state"] == "breached") == expected["breached"]
        checked.add("breached")
    if "paused_business_seconds" in expected:
        ended = as_of if pd.isna(cycle["stopped_at"]) else cycle["stopped_at"]
        whole = calendar.elapsed(cycle["started_at"], ended)[0] // 1_000_000
        assert whole.astype(int) - cycle["elapsed_us"] // 1_000_000 == expected["paused_business_seconds"]
        checked.add("paused_business_seconds")
    assert checked == set(expected)


def _clock(case: dict[str, Any]) -> ClockTerms:
    metric = case["metric"]
    parts: dict[str, Any] = {"pause": frozenset(_STATUSES.get(each, each) for each in case.get("paused_statuses", ()))}
    if metric == "resolution":
        # A reopened ticket goes on with the same cycle; which statuses pause it the case itself lists.
        metric = "resolution_total"
    elif metric == "first_response" and case.get("source_specific"):
        # The source takes an agent's status change for a response.
        moved = EventMatch("status", values=frozenset(STATUSES) - {"new"}, actor_roles=frozenset({"agent"}))
        parts["stop"] = (*DEFINITIONS["first_response"]["stop"], moved)
    elif metric == "next_response" and parts["pause"] & DONE:
        # The source pauses while the ticket is done: that answers nobody, and a reopening goes on.
        parts["stop"] = tuple(stop for stop in DEFINITIONS["next_response"]["stop"] if stop.kind == "reply")
    target = Target(when={}, open_us=round(case["target_seconds"] * 1_000_000))
    convention = case.get("deadline_convention", "closing")
    return ready_made(metric, clause=case["id"], calendar="hours", targets=(target,), at_close=convention, **parts)


def _frames(case: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    created = {"at": case["events"][0]["at"], "kind": "created", "actor": "requester"}
    rows = [
        {
            "ticket_key": 1,
            "created_month": 0,
            "event_id": f"e{number:03}",
            "occurred_at": pd.Timestamp(event["at"]).tz_convert("UTC"),
            "seq": number,
            "kind": {"public_reply": "reply"}.get(event["kind"], event["kind"]),
            "value": _STATUSES.get(event["status"], event["status"]) if event["kind"] == "status" else None,
            "actor_role": _ROLES.get(event["actor"], event["actor"]),
            "is_public": event["kind"] == "public_reply",
        }
        for number, event in enumerate([created, *case["events"]])
    ]
    start = rows[0]["occurred_at"]
    ticket = {
        "ticket_key": 1,
        "created_month": 0,
        "shard": 1,
        "source": "golden",
        "ticket_id": case["id"],
        "created_at": start,
        "updated_at": start,
    }
    return conform(TICKET, pd.DataFrame([ticket])), conform(TICKET_EVENT, pd.DataFrame(rows))
