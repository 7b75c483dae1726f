"""The ladder of engagement: what a provider answers for, from lending people to owning the outcome (ADR 0046).

Answers: `money`, the whole service credit; `shared`, the part of it that the contract says; `reported`, measured and
shown without a price. A contract names its step and may override each service level.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from deskledger.contract.definitions import DEFINITIONS, DONE

Subject = Literal["response", "resolution", "satisfaction", "kpi"]

_STEPS = {
    #                       response    resolution  satisfaction  kpi
    "insourcing":           ("reported", "reported", "reported", "reported"),
    "staff_augmentation":   ("shared",   "reported", "reported", "reported"),
    "team_extension":       ("money",    "shared",   "reported", "reported"),
    "independent_ownership": ("money",   "money",    "shared",   "reported"),
    "support_partnership":  ("money",    "money",    "money",    "shared"),
    "business_partnership": ("money",    "money",    "money",    "money"),
}  # fmt: skip
_SUBJECTS = ("response", "resolution", "satisfaction", "kpi")

# Step -> subject -> answer.
LADDER: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {step: MappingProxyType(dict(zip(_SUBJECTS, answers, strict=True))) for step, answers in _STEPS.items()}
)


def subject_of(level: Any, clocks: Mapping[str, Any]) -> str:
    """What a service level (as the file writes it) is about. A clock that only a resolution stops is one of resolution.

    `clocks` are the version's, as the file writes them.
    """
    if level.csat is not None:
        return "satisfaction"
    if level.kpi is not None:
        return "kpi"
    clock = clocks[level.clock]
    if clock.stop is not None:
        ends = [match.kind == "status" and match.value is not None and match.value <= DONE for match in clock.stop]
    else:
        ends = [match.kind == "status" and match.values <= DONE for match in DEFINITIONS[clock.use]["stop"]]
    return "resolution" if all(ends) else "response"


def answers_of(engagement: Any, levels: Mapping[str, Any], clocks: Mapping[str, Any]) -> dict[str, str]:
    """What the provider answers with for each service level, by name. The other side's time is only ever reported."""
    ladder = LADDER[engagement.level]
    return {
        name: engagement.answers.get(name)
        or ("reported" if level.side != "provider" else ladder[subject_of(level, clocks)])
        for name, level in levels.items()
    }
