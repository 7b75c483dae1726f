"""A month that was stated, as the months after it see it: for what if and forecast, where it is not posted."""

from fractions import Fraction

from deskledger.statement.assessment import PastMonth
from deskledger.statement.compose import Statement
from deskledger.statement.levels import MonthFigures


def as_past(made: Statement) -> PastMonth:
    """The month's verdicts, figures, credit and points, in the form of a posted one."""
    points = [line["detail"].get("points_total") for line in made.lines if line["term"] == "points"]
    return PastMonth(
        period=made.period,
        statuses={str(line["term"]): str(line["status"]) for line in made.lines},
        figures={
            str(level["service_level"]): MonthFigures(
                made.period, Fraction(level["months"][-1]["num"]), int(level["months"][-1]["den"])
            )
            for level in made.levels
        },
        credit=made.credit,
        points=points[0] if points else None,
        credits={term: Fraction(left) for term, left in made.assessment["paid"].items()},
        verdicts={str(level["service_level"]): str(level["status"]) for level in made.levels},
    )
