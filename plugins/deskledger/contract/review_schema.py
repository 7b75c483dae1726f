"""The shape of what a contract says about its month's close: reasons to exclude, and who reviews by when.

Cross-checks are in `review_checks`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from deskledger.contract import quantities
from deskledger.contract.problems import fault
from deskledger.contract.schema import Name, Terms, Text

NotNegative = Annotated[str, PlainValidator(quantities.not_negative_text)]


def _people(value: Any) -> list[str]:
    people = [quantities.text_of(item) for item in (value if isinstance(value, list) else [value])]
    if not people:
        raise fault("nobody is named, so nobody could approve", "name at least one person, or remove the line")
    return people


def _wait(value: Any) -> str:
    """Open days as "N business days", calendar time as "N s"."""
    text = quantities.text_of(value)
    if text.endswith(("business day", "business days")):
        return f"{quantities.allowance(text).open_days} business days"
    return f"{int(quantities.span(text).total_seconds())} s"


class Reason(Terms):
    """A reason for which a ticket may be excluded, and what that does to a share."""

    clause: Text
    title: Text
    effect: Literal["removed", "excused"]


class Authority(Terms):
    """Up to which amount whom may approve; without `approvers` everybody, without `up_to` any amount."""

    approvers: Annotated[list[str], PlainValidator(_people)] | None = None
    up_to: NotNegative | None = None


class Review(Terms):
    """By when a draft is to be decided, what happens then, and who may approve which amount.

    Above `second_above` two persons approve, one after the other.
    """

    clause: Text | None = None
    within: Annotated[str, PlainValidator(_wait)] | None = None
    calendar: Name | None = None
    then: Literal["nothing", "remind", "escalate", "deemed_approved"] | None = None
    to: Text | None = None
    authority: list[Authority] = Field(default=[])
    second_above: NotNegative | None = None
