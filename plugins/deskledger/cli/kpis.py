"""A month's KPIs as a table for a terminal, or as data."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

FIELDS = ("team", "agent", "account", "product", "priority")


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    kpis = commands.add_parser("kpis", help="a month's KPIs by team, agent, account, product or priority")
    kpis.add_argument("contract", help="its name, such as alder")
    kpis.add_argument("period", type=_period, help="the contract's month, such as 2026-03")
    kpis.add_argument("--by", choices=FIELDS, default="team", help="default: %(default)s")
    kpis.add_argument("--json", action="store_true", help="as data, with the whole and the days")
    kpis.set_defaults(run=_kpis)


def _period(written: str) -> str:
    try:
        return f"{datetime.strptime(written, '%Y-%m').replace(tzinfo=UTC):%Y-%m}"
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r} is no month, such as 2026-03") from None


def _kpis(arguments: argparse.Namespace) -> int:
    from deskledger.cli.output import as_json
    from deskledger.steps.kpis import month_kpis

    found = month_kpis(arguments.contract, arguments.period, arguments.by, datetime.now(UTC))
    print(as_json(found) if arguments.json else as_text(found, arguments.by))
    return 0


def as_text(found: Mapping[str, Any], by: str) -> str:
    """The flow in a sentence, then one line a group."""
    from deskledger.cli.explain_words import harmless
    from deskledger.reports.kpi_sections import table

    flow, shown = found["figures"]["backlog"], table(found["figures"]["by"][by], found["denominator"])
    heads = [by, "in", "open", *(f"{clock} {part}" for clock in shown["clocks"] for part in ("median", "90 %"))]
    heads += ["reopened", "undue L3", *(["good", "poor", "of"] if shown["has_csat"] else [])]
    lines = [heads, *(_cells(row, shown["has_csat"]) for row in shown["rows"])]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    flowed = f"{flow['open_at_begin']:,} open + {flow['in']:,} in − {flow['out']:,} out = {flow['open_at_end']:,} open"
    head = f"{found['contract']}, {found['period']}, as of {found['as_of']:%Y-%m-%d %H:%M} UTC: {flowed}"
    return "\n".join(harmless(line) for line in (head, "", *(_aligned(line, widths) for line in lines)))


def _cells(row: Mapping[str, Any], has_csat: bool) -> list[str]:
    times = [time for pair in row["times"] for time in pair]
    rated = [row["good"], row["poor"], row["answers"]] if has_csat else []
    return [row["name"], row["created"], row["open"], *times, row["reopened"], row["undue"], *rated]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = cells
    right = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
    return "  ".join([name.ljust(widths[0]), *right])
