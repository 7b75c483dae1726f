"""The shape of two blocks that stand beside clocks and money: opening balances, and the engagement of the provider."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from deskledger.contract import quantities
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


class Engagement(Terms):
    """How far the provider answers for the service levels: a step of the ladder, and what is agreed otherwise."""

    level: Literal[tuple(LADDER)]  # type: ignore[valid-type]
    shared: Share | None = None
    answers: dict[Name, Answer] = Field(default={})
