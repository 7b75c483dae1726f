"""`deskledger assess`: what measurements cost under a contract's terms, as a page or as data: layout only."""

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from deskledger.penalties.exact import shown
from deskledger.steps.assess import Assessed


def as_text(found: Assessed) -> str:
    """The lines of money, the credit, flags, and how each line comes about, step by step."""
    own = found.assessment
    version = "" if found.version is None else f", version {found.version}"
    rows: list[tuple[str, ...]] = [("line", "status", "result", "compared with", f"credit {own.currency}".strip())]
    for line in own.lines:
        unit = found.units.get(line.measure or "", "")
        result = "" if line.value is None else _in_unit(line.value, unit)
        compared = "" if line.target is None else f"{line.operator or ''} {_in_unit(line.target, unit)}".strip()
        rows.append((line.term, line.status.replace("_", " "), result, compared, f"{line.credit:,}"))
    text = [f"{found.title}{version}", "", *_table(rows), ""]
    text.append(f"credit to the customer: {own.credit:,} {own.currency}".rstrip())
    for word in ("tax", "gross", "applied", "carried", "new_target"):
        amount = getattr(own, word)
        if amount is not None:
            text.append(f"{word.replace('_', ' ')}: {amount:,}")
    if own.wilson is not None:
        text.append(f"interval: {own.wilson[0]} % to {own.wilson[1]} %")
    if own.flags:
        text.append(f"flags: {', '.join(own.flags)}")
    if found.reported:
        text += ["", "reported, without a price"]
        rows = [("service level", "", "result", "objective", "")]
        for level in found.reported:
            verdict = "no data" if level.is_met is None else "met" if level.is_met else "missed"
            unit = found.units[level.service_level]
            value = "" if level.value is None else _in_unit(level.value, unit)
            rows.append((level.service_level, verdict, value, f"{level.operator} {_in_unit(level.target, unit)}", ""))
        text += [f"  {row}" for row in _table(rows)]
    text += ["", "step by step"] if own.trace else []
    previous = None
    for row in own.trace:
        if row.line != previous:
            previous = row.line
            text.append(f"  {row.line}{f' (clause {row.clause})' if row.clause else ''}")
        text.append(f"    {row.step:<10} {row.input} -> {row.output}")
    return "\n".join(text)


def as_data(found: Assessed) -> dict[str, Any]:
    """The assessment as plain data, in the form of `Assessment.as_dict`."""
    reported = [
        {
            "service_level": level.service_level,
            "clause": level.clause,
            "value": level.value,
            "operator": level.operator,
            "target": level.target,
            "is_met": level.is_met,
        }
        for level in found.reported
    ]
    return {"title": found.title, "version": found.version, **found.assessment.as_dict(), "reported": reported}


def _in_unit(number: Fraction, unit: str) -> str:
    """A number as a contract writes it: "95 %", "6h 20m"; one without an end with its fraction."""
    if unit != "seconds":
        written = shown(number)
        return f"{written} %" if unit == "pct" else written
    minutes, seconds = divmod(number, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{shown(seconds)}s" if seconds else ""]
    return " ".join(part for part in parts if part) or "0s"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in {2, 4} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def run(arguments: argparse.Namespace) -> int:
    """Assess the two files that were named, and print what came of it."""
    from deskledger.cli.output import as_json
    from deskledger.steps.assess import assess

    found = assess(Path(arguments.terms), Path(arguments.measurements), arguments.version)
    print(as_json(as_data(found)) if arguments.json else as_text(found))
    return 0
