"""Ready-made SLA clocks: what starts, stops and pauses each, as keyword arguments of `ClockTerms`.

A contract that writes `use: first_response` gets these parts and adds its own name, clause, calendar and targets; any
part that it writes itself replaces the one given here. Statuses are canonical words (`model.STATUSES`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deskledger.contract.terms import CalendarChoice, ClockTerms, EventMatch, Target

ACTIVE = frozenset({"new", "open", "waiting_on_customer", "waiting_on_third_party"})
DONE = frozenset({"resolved", "closed"})
WAITING = frozenset({"waiting_on_customer", "waiting_on_third_party"})

_CREATED = EventMatch("created")
_AGENT_REPLY = EventMatch("reply", actor_roles=frozenset({"agent"}), is_public=True)
_CUSTOMER_REPLY = EventMatch("reply", actor_roles=frozenset({"customer"}), is_public=True)
_RESOLVED = EventMatch("status", values=DONE)
# While a cycle is open a start changes nothing, so any active status after a resolution is a reopening.
_REOPENED = EventMatch("status", values=ACTIVE)
# Where the ticket's first status must not start the clock.
_REOPENED_ONLY = EventMatch("status", values=ACTIVE, previous_values=DONE)
_ETA_GIVEN = EventMatch("eta")
_TEAM_CHANGED = EventMatch("team", is_change=True)

# After a resolution the ticket is with the customer, who may reopen it.
_HANDED_OVER: Mapping[str, str] = MappingProxyType(
    {
        "waiting_on_customer": "customer",
        "waiting_on_third_party": "third_party",
        "resolved": "customer",
        "closed": "customer",
    }
)

DEFINITIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Creation to the first public reply of an agent.
        "first_response": {"start": (_CREATED,), "stop": (_AGENT_REPLY,)},
        # The same, where resolving without a word is an answer too.
        "first_response_or_resolution": {"start": (_CREATED,), "stop": (_AGENT_REPLY, _RESOLVED)},
        # Creation to the first move out of new by an agent, which the customer sees.
        "picked_up": {
            "start": (_CREATED,),
            "stop": (
                EventMatch(
                    "status", values=(ACTIVE | DONE) - {"new"}, actor_roles=frozenset({"agent"}), is_public=True
                ),
            ),
        },
        # Creation to the acknowledgement.
        "acknowledged": {"start": (_CREATED,), "stop": (EventMatch("acknowledgement"),)},
        # Each question of the customer to the next public reply of an agent; resolving answers it too.
        "next_response": {"start": (_CUSTOMER_REPLY,), "stop": (_AGENT_REPLY, _RESOLVED)},
        # Opening to resolution, waiting included; each reopening is a cycle of its own.
        "resolution": {"start": (_CREATED, _REOPENED), "stop": (_RESOLVED,)},
        # Creation to the first resolution, whatever happens afterwards.
        "resolution_first": {"start": (_CREATED,), "stop": (_RESOLVED,)},
        # Creation to the last resolution over all reopenings; time spent resolved is not counted.
        "resolution_total": {
            "start": (_CREATED,),
            "stop": (_RESOLVED,),
            "resume": (_REOPENED,),
            "pause": DONE,
            "holders": _HANDED_OVER,
        },
        # As resolution, but waiting for the customer or a third party is not counted.
        "resolution_without_waiting": {"start": (_CREATED, _REOPENED), "stop": (_RESOLVED,), "pause": WAITING},
        # All the time that the customer waited for us or for somebody behind us.
        "requester_wait": {
            "start": (_CREATED,),
            "stop": (_RESOLVED,),
            "resume": (_REOPENED,),
            "pause": DONE | {"waiting_on_customer"},
            "holders": _HANDED_OVER,
        },
        # All the time that the ticket lay with the agents.
        "agent_work": {
            "start": (_CREATED,),
            "stop": (_RESOLVED,),
            "resume": (_REOPENED,),
            "pause": DONE | WAITING,
            "holders": _HANDED_OVER,
        },
        # From each public reply of an agent, or reopening, to the next reply, until the ticket is resolved.
        "periodic_update": {"start": (_AGENT_REPLY, _REOPENED_ONLY), "stop": (_AGENT_REPLY, _RESOLVED)},
        # The same, halted while the customer has the turn.
        "pausable_update": {
            "start": (_AGENT_REPLY, _REOPENED_ONLY),
            "stop": (_AGENT_REPLY, _RESOLVED),
            "pause": frozenset({"waiting_on_customer"}),
        },
        # Creation to the first promised date.
        "time_to_eta": {"start": (_CREATED,), "stop": (_ETA_GIVEN,)},
        # From the promise to the resolution; `Target(until="eta")` is the promised instant.
        "eta_kept": {"start": (_ETA_GIVEN,), "stop": (_RESOLVED,), "targets": (Target(when={}, until="eta"),)},
        # Each stay of the ticket in one team; the stay belongs to the team that it began with.
        "team_ownership": {
            "start": (_TEAM_CHANGED, _REOPENED_ONLY),
            "stop": (_TEAM_CHANGED, _RESOLVED),
            "attribution": "started",
        },
        # The other side: each time the customer, or a third party, has the turn.
        "customer_turn": {
            "start": (EventMatch("status", values=frozenset({"waiting_on_customer"})),),
            "stop": (EventMatch("status", values=(ACTIVE | DONE) - {"waiting_on_customer"}),),
        },
        "third_party_turn": {
            "start": (EventMatch("status", values=frozenset({"waiting_on_third_party"})),),
            "stop": (EventMatch("status", values=(ACTIVE | DONE) - {"waiting_on_third_party"}),),
        },
    }
)


def ready_made(
    use: str,
    *,
    clause: str,
    calendar: str,
    targets: tuple[Target, ...] | None = None,
    name: str | None = None,
    **parts: Any,
) -> ClockTerms:
    """The ready-made clock `use` on one named calendar; `parts` replace its own.

    `targets=None` keeps the definition's own (none but for eta_kept). Raises KeyError for an unknown definition.
    """
    given: dict[str, Any] = {
        "name": name or use,
        "clause": clause,
        "calendars": (CalendarChoice(when={}, calendar=calendar),),
        "targets": (),
        **DEFINITIONS[use],
        **parts,
    }
    if targets is not None:
        given["targets"] = targets
    return ClockTerms(**given)
