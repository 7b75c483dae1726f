"""Where a running month is heading: each service level's end with an interval, and the money, exact from draws.

Chances are counts of draws (statement.outlook); every draw is priced by `penalties.assess` as a finished month is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from deskledger import penalties
from deskledger.contract.terms import ServiceLevel
from deskledger.penalties.exact import minor_units, rounded, whole
from deskledger.statement.compose import Statement
from deskledger.statement.ends import BY_COUNT, Ends, PastEvidence, is_running, month_ends, of_level, part_passed
from deskledger.statement.levels import verdict
from deskledger.statement.outlook import DRAWS

# The interval holds four draws in five.
_LOW, _MIDDLE, _HIGH = (DRAWS * part // 10 - 1 for part in (1, 5, 9))


@dataclass(frozen=True)
class LevelForecast:
    """A service level at the end of the month: per cent, seconds or a count, each exact; None without data.

    `low` to `high` hold four draws in five, `likely` is the middle one, `chance_met` the share of draws that meet the
    objective. `to_come` is how many more tickets or answers the middle draw counts, `spare` how many of them may still
    miss (below zero: the objective is out of reach by so many); None for times and rolling windows. `months` are those
    that the rest was learned from. Where `is_drawn` is false the level stays as it is now.
    """

    name: str
    title: str
    clause: str
    objective: str
    statistic: str
    is_priced: bool
    counted: int
    now: Fraction | None
    to_come: int
    low: Fraction | None
    likely: Fraction | None
    high: Fraction | None
    chance_met: Fraction | None
    spare: int | None
    months: tuple[str, ...]
    is_drawn: bool


@dataclass(frozen=True)
class MoneyForecast:
    """The month's credit in the contract's currency; above zero goes to the customer.

    `now` is the price of what is counted so far, `expected` the mean of all draws, `low` to `high` hold four in five.
    In draws one level's luck is not another's; `best` and `worst` price every level at the good or bad end of its own
    interval at once.
    """

    now: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal
    best: Decimal
    worst: Decimal


@dataclass(frozen=True)
class Forecast:
    """A running month: its levels, its money, and the tickets whose clocks still run, by their due time.

    `tickets` has a row a running cycle: source, ticket_key, ticket_id, clock, cycle, service_levels (names, a space
    between), team, agent, priority, started_at, due_at, target_us, elapsed_us, left_us, and `cost`: what one more miss
    in its levels adds to the credit, on the mean of all draws (None where no price counts tickets).
    """

    levels: tuple[LevelForecast, ...]
    money: MoneyForecast
    tickets: pd.DataFrame


def forecast(made: Statement, past: Sequence[PastEvidence], as_of: datetime) -> Forecast:
    """The outlook of a month that was stated as of an instant within it, learned from the months in `past`.

    The same inputs give the same draws, whatever the machine and its clock.
    """
    part = part_passed(made, as_of)
    ends = {
        level.name: month_ends(made, level, row, past, part)
        for level, row in zip(made.version.service_levels, made.levels, strict=True)
    }
    pricing = _Pricing(made, ends)
    return Forecast(
        levels=tuple(
            _level(made, level, row, ends[level.name], past)
            for level, row in zip(made.version.service_levels, made.levels, strict=True)
        ),
        money=pricing.money(),
        tickets=_tickets(made, pricing),
    )


def _level(
    made: Statement, level: ServiceLevel, row: Mapping[str, Any], ends: Ends, past: Sequence[PastEvidence]
) -> LevelForecast:
    known = sorted(value for value in ends.values if value is not None)
    middle = sorted(month.denominator for month in ends.months)[_MIDDLE]
    met = sum(verdict(level, value) == "met" for value in known)
    learned = tuple(each.period for each in past if not of_level(each.evidence, level).empty)

    def at(place: int) -> Fraction | None:
        # Draws without data are as many fewer to choose from; each end keeps its share of the others.
        return known[max((place + 1) * len(known) // DRAWS, 1) - 1] if known else None

    return LevelForecast(
        name=level.name,
        title=str(row["title"]),
        clause=level.clause,
        objective=f"{level.operator} {level.target}",
        statistic=level.measure.statistic,
        is_priced=bool(row["is_priced"]),
        counted=int(row["sample"]),
        now=None if row["value"] is None else Fraction(row["value"]),
        to_come=max(middle - int(row["sample"]), 0),
        low=at(_LOW),
        likely=at(_MIDDLE),
        high=at(_HIGH),
        chance_met=Fraction(met, len(known)) if known else None,
        spare=_spare(level, row, middle),
        months=learned if ends.is_drawn else (),
        is_drawn=ends.is_drawn,
    )


def _spare(level: ServiceLevel, row: Mapping[str, Any], size: int) -> int | None:
    """How many more misses a month of `size` bears; None where misses are not what decides, or not alone."""
    if level.window_months > 1 or level.measure.statistic not in BY_COUNT or level.measure.subject == "kpi":
        return None
    part = int(Fraction(row["numerator"]))
    if level.measure.statistic == "count":
        return int(level.target) - part if level.operator == "<=" else None
    if level.operator == "<=":
        return int(level.target * size / 100) - part
    return int((100 - level.target) * size / 100) - (int(row["sample"]) - part)


class _Pricing:
    """The price of each draw, and of each draw with one more miss."""

    def __init__(self, made: Statement, ends: Mapping[str, Ends]) -> None:
        self._terms = made.assessment["contract"]
        self._measured = made.assessment["measurements"]
        self._now = made.credit
        self._places = whole(self._terms.get("money_places", minor_units(made.contract.currency)))
        # A price by the late ticket needs each one's lateness: it stays at what is late so far.
        stays = {name for name, form in self._measured["measures"].items() if "items" in form}
        self._ends = {name: each for name, each in ends.items() if name not in stays}
        priced = {term["measure"] for term in self._terms.get("terms") or ()}
        self._counts = {
            name for name, each in self._ends.items()
            if name in priced and each.is_drawn and each.level.measure.statistic in BY_COUNT
        }  # fmt: skip
        self._credits: dict[str, Decimal] = {}  # of each outcome: many draws come to the same
        self._drawn = [
            self._credit({name: each.form(draw) for name, each in self._ends.items()}) for draw in range(DRAWS)
        ]
        self._costs: dict[frozenset[str], Decimal | None] = {}

    def money(self) -> MoneyForecast:
        ordered = sorted(self._drawn)
        return MoneyForecast(
            now=self._now,
            expected=self._mean(self._drawn),
            low=ordered[_LOW],
            high=ordered[_HIGH],
            best=self._credit({name: each.form(_place(each, is_best=True)) for name, each in self._ends.items()}),
            worst=self._credit({name: each.form(_place(each, is_best=False)) for name, each in self._ends.items()}),
        )

    def cost(self, levels: Collection[str]) -> Decimal | None:
        """What one more miss in all of these levels adds, on the mean of the draws."""
        chosen = frozenset(levels) & self._counts
        if not chosen:
            return None
        if chosen not in self._costs:
            missed = [
                self._credit({name: each.form(draw, int(name in chosen)) for name, each in self._ends.items()})
                for draw in range(DRAWS)
            ]
            self._costs[chosen] = self._mean([one - other for one, other in zip(missed, self._drawn, strict=True)])
        return self._costs[chosen]

    def _credit(self, forms: Mapping[str, Any]) -> Decimal:
        outcome = repr(forms)
        if outcome not in self._credits:
            measures = {**self._measured["measures"], **forms}
            assessed = penalties.assess(self._terms, {**self._measured, "measures": measures})
            self._credits[outcome] = assessed.credit
        return self._credits[outcome]

    def _mean(self, amounts: Sequence[Decimal]) -> Decimal:
        total = sum((Fraction(amount) for amount in amounts), Fraction(0))
        return rounded(total / len(amounts), self._places, "half_up")


def _place(ends: Ends, *, is_best: bool) -> int:
    """The draw at the good or the bad end of a level's interval."""
    known = [draw for draw in range(DRAWS) if ends.values[draw] is not None]
    if not known:
        return 0
    order = sorted(known, key=lambda draw: ends.values[draw] or Fraction(0))
    share = 9 if is_best == (ends.level.operator == ">=") else 1
    return order[max(len(order) * share // 10, 1) - 1]


_TICKET = (
    "source", "ticket_key", "ticket_id", "version", "clock", "cycle", "team", "agent", "priority", "started_at",
    "due_at", "target_us", "elapsed_us",
)  # fmt: skip


def _tickets(made: Statement, pricing: _Pricing) -> pd.DataFrame:
    """The running cycles that come due in the month and can still be met, the next one due first."""
    evidence = made.evidence
    due = is_running(made, evidence) & evidence["due_at"].notna() & (evidence["due_at"] < pd.Timestamp(made.end_at))
    rows = evidence[due.to_numpy(dtype=bool)]
    key = ["version", "ticket_key", "clock", "cycle"]
    rows = rows.assign(clock=rows["clock"].astype("str"), service_level=rows["service_level"].astype("str"))
    levels = rows.sort_values("service_level").groupby(key)["service_level"].agg(" ".join).rename("service_levels")
    found = rows.loc[:, list(_TICKET)].drop_duplicates(key)
    found = found.merge(levels.reset_index(), on=key, how="left", validate="one_to_one")
    found["left_us"] = found["target_us"] - found["elapsed_us"]
    names = found["service_levels"].tolist()
    costs = {each: pricing.cost(each.split()) for each in set(names)}
    found["cost"] = pd.Series([costs[each] for each in names], index=found.index, dtype="object")
    return found.sort_values(["due_at", "ticket_key", "clock"], kind="stable").reset_index(drop=True)
