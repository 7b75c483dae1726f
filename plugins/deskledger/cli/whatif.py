"""Past months under other terms: a table for a terminal, CSV files, or data."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from deskledger.cli.explain_words import duration, harmless, spoken
from deskledger.cli.output import records, write_csv
from deskledger.steps.whatif import WhatIf, WhatIfMonth

_TOLD = 10  # tickets printed of each month; the files have all
_MONTH = ("period", "statement_number", "posted", "before", "after", "difference", "currency")
_LINE = (
    "period", "line", "service_level", "status_before", "status_after", "value_before", "value_after", "credit_before",
    "credit_after", "difference", "currency",
)  # fmt: skip
_LEVEL = (
    "period", "service_level", "title", "objective_before", "objective_after", "status_before", "status_after",
    "value_before", "value_after", "numerator_before", "denominator_before", "numerator_after", "denominator_after",
)  # fmt: skip
_SIDE = (
    "period", "service_level", "source", "ticket_id", "clock", "cycle", "survey_id", "answer_id", "fate_before",
    "fate_after", "elapsed_us_before", "elapsed_us_after", "target_us_before", "target_us_after", "due_at_before",
    "due_at_after", "rating_before", "rating_after", "reason_before", "reason_after", "team_before", "team_after",
    "agent_before", "agent_after", "priority_before", "priority_after",
)  # fmt: skip


def as_data(found: WhatIf) -> dict[str, Any]:
    """The result in plain types: amounts as text, durations in microseconds."""
    return {
        "contract": found.contract,
        "title": found.title,
        "currency": found.currency,
        "terms": found.file,
        "version": found.version,
        "months": [
            {
                **_month(found, month),
                "data_cutoff": month.data_cutoff,
                "lines": list(month.lines),
                "levels": list(month.levels),
                "tickets": records(month.sides),
            }
            for month in found.months
        ],
    }


def write(found: WhatIf, folder: Path) -> list[Path]:
    """Four CSV files in the folder: months, lines of money, service levels, tickets that change sides."""
    tables = {
        "months": (_MONTH, [_month(found, month) for month in found.months]),
        "lines": (_LINE, [{**row, "period": each.period, "currency": found.currency} for each in found.months
                          for row in each.lines]),
        "levels": (_LEVEL, [{**row, "period": each.period} for each in found.months for row in each.levels]),
        "tickets": (_SIDE, [{**row, "period": each.period} for each in found.months for row in records(each.sides)]),
    }  # fmt: skip
    return [
        write_csv(folder, f"whatif-{found.contract}-{name}.csv", columns, rows)
        for name, (columns, rows) in tables.items()
    ]


def as_text(found: WhatIf) -> str:
    """The result as a page: credit by month, then each month's lines and the tickets that change sides."""
    lines = [
        f"{found.title}: what if {found.file}, version {found.version}, had been in force",
        "",
        f"  {'month':<8} {'posted':>15} {'these terms':>15} {'other terms':>15} {'difference':>15}  {found.currency}",
        *(_money(month.period, month.posted, month.before, month.after) for month in found.months),
    ]
    posted = [month.posted for month in found.months if month.posted is not None]
    whole = sum(posted, Decimal(0)) if len(posted) == len(found.months) else None
    before, after = (sum((getattr(month, side) for month in found.months), Decimal(0)) for side in ("before", "after"))
    lines += [_money("all", whole, before, after), ""]
    late = [month for month in found.months if month.posted is not None and month.posted != month.before]
    lines += [
        f"  {month.period}: these terms would now give {month.before:,} instead of the posted {month.posted:,},"
        " because of data that arrived after posting."
        for month in late
    ]
    for month in found.months:
        lines += ["", *_month_text(month)]
    lines += ["", "Credit above zero goes to the customer. Nothing is booked by this command."]
    return "\n".join(harmless(line).rstrip() for line in lines)


def _money(name: str, posted: Decimal | None, before: Decimal, after: Decimal) -> str:
    told = "not posted" if posted is None else f"{posted:,}"
    return f"  {name:<8} {told:>15} {before:>15,} {after:>15,} {after - before:>+15,}"


def _month(found: WhatIf, month: WhatIfMonth) -> dict[str, Any]:
    return {
        "period": month.period,
        "statement_number": month.statement_number,
        "posted": month.posted,
        "before": month.before,
        "after": month.after,
        "difference": month.difference,
        "currency": found.currency,
    }


def _month_text(month: WhatIfMonth) -> Iterator[str]:
    yield month.period
    for row in month.lines:
        before = f"{spoken(row['status_before'] or 'absent')} {row['credit_before']:,}"
        after = f"{spoken(row['status_after'] or 'absent')} {row['credit_after']:,}"
        yield f"  {row['line']:<28} {before:>22} -> {after:<22} {row['difference']:>+12,}"
    for row in month.levels:
        if row["value_before"] != row["value_after"] or row["objective_before"] != row["objective_after"]:
            before, after = (
                f"{row[f'value_{side}'] or 'no data'} ({row[f'objective_{side}'] or 'not agreed'})"
                for side in ("before", "after")
            )
            yield f"  {row['title']}: {before} -> {after}"
    sides = records(month.sides)
    counted = Counter((str(row["fate_before"]), str(row["fate_after"])) for row in sides)
    if not sides:
        yield "  no ticket changes sides"
        return
    told = ", ".join(f"{number:,} {before} -> {after}" for (before, after), number in sorted(counted.items()))
    yield f"  {len(sides):,} {'ticket changes' if len(sides) == 1 else 'tickets change'} sides: {told}"
    for row in sides[:_TOLD]:
        yield f"    {row['ticket_id']} {row['service_level']}: {row['fate_before']} -> {row['fate_after']}{_times(row)}"
    if len(sides) > _TOLD:
        yield f"    and {len(sides) - _TOLD:,} more (--csv FOLDER or --json has all)"


def _times(row: dict[str, Any]) -> str:
    if row["elapsed_us_before"] is None and row["elapsed_us_after"] is None:
        rating = row["rating_after"] if row["rating_after"] is not None else row["rating_before"]
        return "" if rating is None else f", rated {rating}"
    used, target = (_both(row[f"{name}_before"], row[f"{name}_after"]) for name in ("elapsed_us", "target_us"))
    return f", {used} used, target {target}"


def _both(before: int | None, after: int | None) -> str:
    told = ["none" if each is None else duration(each) for each in (before, after)]
    return told[0] if told[0] == told[1] else " -> ".join(told)
