"""Credit that is given up by request: the line stays as it is due, a line below it takes the amount back.

Before the limits: a cap is then reached by what is still due, and what a waiver takes is not cut off a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from deskledger.penalties.combine import Due
from deskledger.penalties.exact import exact, shown
from deskledger.penalties.result import Line, TraceRow


def waive(waivers: Sequence[Mapping[str, Any]], dues: Sequence[Due], blank: Line) -> tuple[list[Due], list[TraceRow]]:
    """A line for each of `waivers` ({id, line, amount}): at most what its line still costs, never a bonus.

    A line that costs nothing this time leaves its waiver at zero, visibly.
    """
    left = {due.line.term: due.amount for due in dues}
    measure = {due.line.term: due.line.measure for due in dues}
    clause = {due.line.term: due.line.clause for due in dues}
    made: list[Due] = []
    trace: list[TraceRow] = []
    for waiver in waivers:
        term, name = str(waiver["line"]), f"waiver:{waiver['id']}"
        due = max(left.get(term, Fraction(0)), Fraction(0))
        given = min(exact(waiver["amount"]), due)
        left[term] = left.get(term, Fraction(0)) - given
        line = replace(
            blank,
            term=name,
            status="waived",
            waives=term,
            measure=measure.get(term),
            clause=clause.get(term, ""),
        )
        made.append(Due(line, -given))
        words = f"{shown(due)} due of {term}, at most {waiver['amount']} waived"
        trace.append(TraceRow(name, "waiver", words, shown(-given), line.clause))
    return made, trace
