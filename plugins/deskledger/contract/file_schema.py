"""The shape of the whole file: parties, period and versions around the terms of `schema` and `penalty_schema`."""

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from deskledger.contract import quantities
from deskledger.contract.first_terms import Engagement, Opening
from deskledger.contract.penalty_schema import Penalties
from deskledger.contract.problems import fault
from deskledger.contract.review_schema import Reason, Review
from deskledger.contract.schema import (
    Calendar,
    Clock,
    Csat,
    Day,
    Name,
    Period,
    Population,
    ServiceLevel,
    Terms,
    Text,
    Whole,
)


def _currency(value: Any) -> str:
    text = quantities.text_of(value)
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise fault(f"`{text}` is not a currency code", "write the three letters of ISO 4217, such as EUR")
    return text


def _sources(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise fault("no source is named", "name the helpdesk or export that holds the tickets, such as [zendesk]")
    return [quantities.text_of(item) for item in items]


def _period_name(value: Any) -> str:
    text = quantities.text_of(value)
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise fault(f"`{text}` is not a month", "write it as 2026-01")
    return text


class Version(Terms):
    number: Whole
    effective_from: Day
    author: Text
    restates: list[Annotated[str, PlainValidator(_period_name)]] = Field(default=[])
    calendars: dict[Name, Calendar]
    clocks: dict[Name, Clock]
    csat: Csat | None = None
    service_levels: dict[Name, ServiceLevel]
    engagement: Engagement | None = None
    exclusions: dict[Name, Reason] = Field(default={})
    penalties: Penalties | None = None


class ContractFile(Terms):
    """A whole file: the contract and all its versions, oldest first."""

    contract: Name
    title: Text
    currency: Annotated[str, PlainValidator(_currency)]
    parties: dict[Name, Text]
    backs: Name | None = None
    sources: Annotated[list[str], PlainValidator(_sources)]
    scope: Population | None = None
    period: Period
    opening: Opening | None = None
    ends_on: Day | None = None
    review: Review | None = None
    versions: list[Version]
