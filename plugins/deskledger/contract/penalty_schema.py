"""The shape of a version's `penalties` block: the terms of money, stage by stage. Cross-checks are in `penalty_checks`.

A dumped block is the mapping that `penalties.assess` takes: amounts stay the text that the contract shows.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator

from deskledger.contract import quantities
from deskledger.contract.document import Block
from deskledger.contract.problems import fault
from deskledger.contract.schema import Flag, Name, Terms, Text, Whole

Percent = Annotated[str, PlainValidator(quantities.percent_text)]
Share = Annotated[str, PlainValidator(quantities.share_text)]
Number = Annotated[str, PlainValidator(quantities.decimal_text)]
Positive = Annotated[str, PlainValidator(quantities.positive_text)]
NotNegative = Annotated[str, PlainValidator(quantities.not_negative_text)]
Quantity = Annotated[
    quantities.Quantity, PlainValidator(quantities.quantity), PlainSerializer(lambda quantity: quantity.text)
]
Mode = Literal["half_up", "half_even", "down", "up"]


def _by_count(value: Any) -> dict[str, str]:
    if not isinstance(value, Block) or not value:
        raise fault("one line a number belongs here", 'write `{"1": 1, "2": 1.5}`')
    counts = sorted(quantities.whole(key) for key in value)
    if counts != list(range(1, len(counts) + 1)):
        raise fault("the numbers must run 1, 2, 3 without a gap", "add the missing line; the last one continues")
    return {key.strip(): quantities.not_negative_text(item) for key, item in value.items()}


ByCount = Annotated[dict[str, str], PlainValidator(_by_count)]


class Base(Terms):
    """Which charge of the month gives the amount of a base."""

    charge: Name


class AtRisk(Terms):
    """A share of the amount at risk: allocation of a category's share of a percentage of the base."""

    base: Name
    at_risk_pct: Share
    category_pct: Share | None = None
    alloc_pct: Share


class Consequence(Terms):
    """What a failure costs: exactly one of the four. A negative amount is a bonus."""

    pct_of_base: Percent | None = None
    base: Name | None = None
    amount: Number | None = None
    points: Number | None = None
    at_risk: AtRisk | None = None


class Threshold(Terms):
    kind: Literal["threshold"]
    op: Literal[">=", "<="] | None = None
    target: Quantity | None = None
    consequence: Consequence


class ExpectedMin(Terms):
    """Below the minimum, or below the expected level in `occurrences` of `window` months."""

    kind: Literal["expected_min"]
    op: Literal[">=", "<="] | None = None
    expected: Quantity
    minimum: Quantity
    window: Whole
    occurrences: Whole
    consequence: Consequence


class Band(Terms):
    ge: Quantity | None = None
    gt: Quantity | None = None
    le: Quantity | None = None
    lt: Quantity | None = None
    consequence: Consequence | None = None


class Bands(Terms):
    kind: Literal["bands"]
    bands: list[Band]


class Shortfall(Terms):
    """So much for every step by which the objective is missed."""

    kind: Literal["shortfall"]
    op: Literal[">=", "<="] | None = None
    target: Quantity | None = None
    step: Quantity
    step_rounding: Literal["exact", "down", "up"]
    per_step: Consequence
    max_steps: Positive | None = None


class LadderStep(Terms):
    """What each of the next `units` late units costs; without `units`, every further one."""

    units: Positive | None = None
    amount: NotNegative | None = None
    pct_of_base: Percent | None = None
    base: Name | None = None


class PerItem(Terms):
    """So much for every late ticket and unit of time."""

    kind: Literal["per_item"]
    unit: Quantity
    unit_rounding: Literal["exact", "up", "down"]
    ladder: list[LadderStep]
    max_units: Positive | None = None
    item_cap: Positive | None = None
    cap: Positive | None = None


Schedule = Annotated[Threshold | ExpectedMin | Bands | Shortfall | PerItem, Field(discriminator="kind")]


class Gate(Terms):
    """When a result has no consequence: too few tickets, or more than were forecast."""

    min_den: Whole | None = None
    max_misses_if_den_le: Whole | None = None
    max_misses: Whole | None = None
    volume_relief_above: NotNegative | None = None


class Repeat(Terms):
    """The multiplier of the first, second, third … consecutive failure; the last one continues."""

    by_run: ByCount


class PenaltyTerm(Terms):
    id: Name
    clause: Text
    title: Text | None = None
    measure: Name
    schedule: Schedule
    gate: Gate | None = None
    repeat: Repeat | None = None
    multiplier: NotNegative | None = None


class Cap(Terms):
    """The most that a month, quarter or year may cost. Caps bind in the order written."""

    id: Name
    clause: Text | None = None
    base: Name | None = None
    pct: Share | None = None
    amount: NotNegative | None = None
    per: Literal["month", "quarter", "year"] = "month"
    terms: list[Name] | None = None


class PointsRow(Terms):
    min: NotNegative
    pct: Percent | None = None
    amount: Number | None = None


class PointsToMoney(Terms):
    base: Name | None = None
    pct_per_point: Percent | None = None
    amount_per_point: Number | None = None
    table: list[PointsRow] | None = None


class PercentRounding(Terms):
    places: Whole
    mode: Mode


class Critical(Terms):
    """So many points in so many months, or credits that reach a cap of the month, are a critical failure: a flag."""

    points: Positive
    months: Whole


class RampUp(Terms):
    factor_by_month: ByCount


class DeMinimis(Terms):
    issue_if_gt: NotNegative | None = None
    raise_to: NotNegative | None = None


class Tax(Terms):
    rate: Percent
    treatment: Literal["price_adjustment", "damages"]


class Pool(Terms):
    """How much of a base's at-risk amount may be allocated; above 100 % only where the contract says so."""

    available_pct: Percent


class Penalties(Terms):
    """The money of one version."""

    bases: dict[Name, Base] = Field(default={})
    pools: dict[Name, Pool] = Field(default={})
    terms: list[PenaltyTerm]
    caps: list[Cap] = Field(default=[])
    overlap: Literal["sum", "max_per_event", "customer_choice"] = "sum"
    # Until the customer picks one of an event's credits (`overlap: customer_choice`): the highest, or none of them.
    until_chosen: Literal["highest", "none"] | None = None
    # Penalties that stand for one event: of each list one is paid, the highest or the one that the customer picks.
    events: dict[Name, list[Name]] = Field(default={})
    points_to_money: PointsToMoney | None = None
    percent_rounding: PercentRounding | None = None
    money_rounding: Mode = "half_up"
    money_places: Whole | None = None
    round_stage: Literal["line", "total"] = "line"
    critical: Critical | None = None
    ramp_up: RampUp | None = None
    de_minimis: DeMinimis | None = None
    # A credit is to be claimed within so many days after the month (`claim_window_days`), open days of a calendar where
    # one is named; without a claim it is withheld, or credited all the same.
    claim_window_days: Whole | None = None
    claim_calendar: Name | None = None
    until_claimed: Literal["withheld", "credited"] | None = None
    bonus_rules: list[Literal["no_net_bonus"]] = Field(default=[])
    tax: Tax | None = None
    waived_counts: Flag | None = None
