"""A month that was stated, as the months after it see it: for what if and forecast, where it is not posted."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.statement.assessment import PastMonth
from deskledger.statement.compose import Statement
from deskledger.statement.month_figures import MonthFigures


def as_past(made: Statement) -> PastMonth:
    """The month's verdicts, figures, credit and points, in the form of a posted one."""
    return PastMonth(
        period=made.period,
        statuses=statuses(made.lines),
        figures={
            str(level["service_level"]): MonthFigures(
                made.period, Fraction(level["months"][-1]["num"]), int(level["months"][-1]["den"])
            )
            for level in made.levels
        },
        credit=made.credit,
        points=made.assessment["points"],
        credits={term: Fraction(left) for term, left in made.assessment["paid"].items()},
        verdicts={str(level["service_level"]): str(level["status"]) for level in made.levels},
        late=made.assessment["late"],
    )


def statuses(lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The status of each term by the rows of ledger.draft_line; `waived` where requests took all of its credit back.

    Corrections of other months are left out: they are no result of this one. As `ledger.posted_months` tells them.
    """
    taken: dict[str, Decimal] = {}
    for line in lines:
        if (term := line["detail"].get("waives")) is not None:
            taken[term] = taken.get(term, Decimal(0)) + line["credit_amount"]
    return {
        str(line["term"]): "waived"
        if line["credit_amount"] > 0 and line["credit_amount"] + taken.get(line["term"], Decimal(0)) <= 0
        else str(line["status"])
        for line in lines
        if line["status"] != "adjustment"
    }
