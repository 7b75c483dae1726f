"""What an assessment says: lines of money, flags, and the trace that a reader can follow by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from deskledger.penalties.exact import rounded


@dataclass(frozen=True)
class Line:
    """One line of the statement. Credit above zero is money back to the customer.

    `status` is met, breach, bonus, expected_miss, no_data, below_sample, relief, late_claim, unclaimed, superseded,
    unchosen or unmapped of a term; converted of points; waived of credit that was given up (`waives` names its line);
    cap, floor, not_issued, raised, rounding of a limit; adjustment of an earlier period.
    `value` is what was compared (per cent, seconds or a count), after any rounding that the contract asks for.
    """

    term: str
    status: str
    credit: Decimal
    clause: str = ""
    measure: str | None = None
    value: Fraction | None = None
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    operator: str | None = None
    target: Fraction | None = None
    steps: Fraction | None = None
    points: Fraction | None = None
    points_total: Fraction | None = None
    run: int | None = None
    waives: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The line as text, without what does not apply."""
        row: dict[str, Any] = {"term": self.term, "status": self.status, "credit": str(self.credit)}
        if self.clause:
            row["clause"] = self.clause
        if self.measure is not None:
            row["measure"] = self.measure
        if self.value is not None:
            row["value"] = str(rounded(self.value, 4, "half_up"))
        for name in ("numerator", "denominator", "target", "steps", "points", "points_total"):
            number = getattr(self, name)
            if number is not None:
                row[name] = plain(number)
        if self.operator is not None:
            row["operator"] = self.operator
        if self.run is not None:
            row["run"] = self.run
        if self.waives is not None:
            row["waives"] = self.waives
        return row


@dataclass(frozen=True)
class TraceRow:
    """One step of one line: what went in, what came out, and the clause that says so."""

    line: str
    step: str  # measure, gate, schedule, modifier, combine, waiver, limit, rounding, adjustment or tax
    input: str
    output: str
    clause: str = ""


@dataclass(frozen=True)
class Assessment:
    """The money of one period: `credit` is the sum of the lines, to the cent."""

    currency: str
    credit: Decimal
    lines: tuple[Line, ...] = ()
    flags: tuple[str, ...] = ()
    trace: tuple[TraceRow, ...] = ()
    tax: Decimal | None = None
    gross: Decimal | None = None
    applied: Decimal | None = None  # of the credit, against this period's invoice
    carried: Decimal | None = None  # to the next invoice
    new_target: Decimal | None = None
    wilson: tuple[Decimal, Decimal] | None = None
    points_total: Fraction | None = None
    # What limits left of each line, exactly: what caps of some lines have used of it in later months.
    paid: Mapping[str, Fraction] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The assessment as plain text, ready for JSON."""
        whole: dict[str, Any] = {
            "currency": self.currency,
            "credit": str(self.credit),
            "lines": [line.as_dict() for line in self.lines],
            "flags": list(self.flags),
            "trace": [
                {"line": row.line, "step": row.step, "input": row.input, "output": row.output, "clause": row.clause}
                for row in self.trace
            ],
        }
        for name in ("tax", "gross", "applied", "carried", "new_target"):
            amount = getattr(self, name)
            if amount is not None:
                whole[name] = str(amount)
        if self.wilson is not None:
            whole["wilson"] = [str(bound) for bound in self.wilson]
        return whole


def plain(number: Fraction) -> str:
    """A number as the shortest decimal; one without an end keeps four places."""
    for places in range(5):
        if (number * 10**places).denominator == 1:
            return str(rounded(number, places, "down"))
    return str(rounded(number, 4, "half_up"))
