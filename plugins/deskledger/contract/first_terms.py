"""The shape of two blocks that stand beside clocks and money: opening balances, and the engagement of the provider."""

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from deskledger.contract import quantities
from deskledger.contract.document import Block
from deskledger.contract.engagement import LADDER
from deskledger.contract.penalty_schema import NotNegative, Share
from deskledger.contract.problems import fault
from deskledger.contract.schema import Name, Terms, Whole

Answer = Literal["money", "shared", "reported"]


def _month(value: Any) -> str:
    text = quantities.text_of(value)
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise fault(f"`{text}` is not a month", "write it as year-month, such as 2025-12")
    return text


def _cycle(name: str) -> str:
    """A late cycle as months name it (statement.late): cycle 1 and version 1 where the file says none."""
    name = name if re.search(r"@v\d+$", name) else f"{name}@v1"
    return name if re.search(r"#\d+@v\d+$", name) else re.sub(r"@v\d+$", r"#1\g<0>", name)


def _lateness(value: Any) -> dict[str, Fraction]:
    if not isinstance(value, Block):
        raise fault(
            "one line a late ticket belongs here", "write `{T-1041: 12h}`, or `{T-1041#2: 12h}` for its cycle 2"
        )
    cycles = {_cycle(str(key)): text for key, text in value.items()}
    return {cycle: quantities.seconds_of(quantities.text_of(text)) for cycle, text in cycles.items()}


class RollingMonth(Terms):
    """One month of a rolling window, as it was settled: tickets in the numerator and denominator."""

    num: NotNegative
    den: Whole


class Opening(Terms):
    """What stood when the contract's months were first settled here: `until` is the last month settled elsewhere."""

    until: Annotated[str, PlainValidator(_month)]
    history: dict[Name, list[Literal["failed", "met", "no_data"]]] = Field(default={})
    points: list[NotNegative] = Field(default=[])
    caps_used: dict[Name, NotNegative] = Field(default={})
    rolling: dict[Name, list[RollingMonth]] = Field(default={})
    late: dict[Name, Annotated[dict[str, Fraction], PlainValidator(_lateness)]] = Field(default={})


class Engagement(Terms):
    """How far the provider answers for the service levels: a step of the ladder, and what is agreed otherwise."""

    level: Literal[tuple(LADDER)]  # type: ignore[valid-type]
    shared: Share | None = None
    answers: dict[Name, Answer] = Field(default={})
